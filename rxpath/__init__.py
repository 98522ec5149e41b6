"""The receiving host: a pure model, one driver per clock, one file with the sockets."""
