"""What a controller may do to a running switch, by kind of object."""
