"""What a network needs from the machine: system calls, namespaces, switch programs."""
