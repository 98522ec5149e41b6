"""The claims, each a small pure function over captured data that says what it saw."""
