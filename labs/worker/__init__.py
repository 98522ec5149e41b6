"""The process that runs a student's files: it knows nothing of checks, grades and references.

It imports nothing else of labs, so a sandbox needs to show it this folder only.
"""
