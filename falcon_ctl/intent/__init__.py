"""What the network should do, as table entries for each switch. Pure."""
