"""Topologies as data: model, built-in topologies, consistency rules, YAML files."""
