"""Captured frames: from raw sockets and recordings, dissected with Scapy, written as pcapng."""
