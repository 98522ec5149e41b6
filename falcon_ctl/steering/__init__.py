"""Steering a running network by hand: what it is to run, what it does, and one flow at a time."""
