"""The network as a drawing: layers, places, lines."""
