"""A packet's way through the program, told: recorded by the traced code, shown as text or JSON."""
