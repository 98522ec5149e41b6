"""Engines: what makes a program executable, each in a folder of its own."""
