"""Real servers and clients in the containers, over each system's receive path."""
