"""Topologies as data: the model, the built-in ones, the consistency rules, YAML files. No I/O."""
