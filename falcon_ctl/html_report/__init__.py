"""A run's report as one HTML file: documents of a results folder → blocks of a page → HTML."""
