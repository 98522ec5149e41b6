"""Flows: what is sent when (pure), and the threads that send, receive and time it."""
