"""Solves for the cost profile's amounts by least squares, and says how well each is determined."""
