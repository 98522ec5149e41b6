"""Grading of a class: submissions → a sandbox for each → points → reports."""
