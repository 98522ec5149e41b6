"""The checks, each a pure function over captured data that returns a verdict and its evidence."""
