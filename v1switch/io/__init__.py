"""The switch's outside: network interfaces, their links, the packet loop, capture files."""
