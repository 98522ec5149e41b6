"""Real frames: packet sockets, the C library, header fields, the Toeplitz hash."""
