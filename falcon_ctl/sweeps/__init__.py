"""Sweeps: the cross product of axes under the virtual clock, on this machine or a cluster."""
