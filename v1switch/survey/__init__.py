"""Surveys a folder of programs: which load, and which run in machine code."""
