"""What the user gets: the table, the JSON document, the captures, the picture."""
