"""The controller and its command line: intent to table entries, flows, checks, reports."""
