"""The engine that runs programs as machine code."""
