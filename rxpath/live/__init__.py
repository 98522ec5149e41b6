"""The real clock: real frames through the model, one compiled loop from socket to socket."""
