"""How kernels are compiled by Numba, and the disk cache of the machine code."""
