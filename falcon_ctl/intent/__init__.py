"""What the network should do, as entries for each switch. Pure."""
