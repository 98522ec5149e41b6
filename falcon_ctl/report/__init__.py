"""A run's output: the table, the JSON document, the captures, the picture."""
