"""Runs of the receive path under the virtual clock: loads, measurements, compiled kernels."""
