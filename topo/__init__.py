"""The emulated network: specs, Mininet nodes, switch targets, and the daemon that keeps it up."""
