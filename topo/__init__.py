"""The emulated network: topology specs, the daemon that keeps a network up, its clients and CLI."""
