"""What a user can set (knobs, profiles, costs), checked, and written into a host's state."""
