"""The command line of labs."""
