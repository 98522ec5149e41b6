"""The receiving host: a pure model, a driver for each clock, packet sockets at the edge."""
