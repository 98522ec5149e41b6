"""Helpers of machine code, written for Numba and compiled once for all programs.

Look-ups, counting with the undo log, meters, hashes and the packet loop. All take and give 64-bit
words; memory is passed by address. `compiled` turns them into LLVM bitcode, which is linked into
each program, so a switch that runs needs llvmlite but not Numba.
"""
