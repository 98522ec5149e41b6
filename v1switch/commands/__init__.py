"""The command line: the switch on interfaces, and the commands that work on files."""
