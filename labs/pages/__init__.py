"""Pages in Markdown: their commands, parsed or run as a reader would."""
