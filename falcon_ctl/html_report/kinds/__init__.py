"""One module for each command that writes results: its documents → sections, and its records."""
