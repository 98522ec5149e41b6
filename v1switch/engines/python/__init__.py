"""The engine that runs programs as plain Python."""
