"""The real clock: real frames through the model, in one compiled loop from socket to socket."""
