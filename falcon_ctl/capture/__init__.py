"""Frames from the wire: taken off raw sockets, dissected with Scapy, written as pcapng."""
