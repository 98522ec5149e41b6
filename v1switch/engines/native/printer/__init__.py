"""Prints the intermediate representation of a program (`v1switch.lower.ir`) as an LLVM module.

`function` is the entry point. Integers are LLVM integers of just the width that their type has;
handles and addresses are 64-bit words; a run of bytes is its address, where 0 means zeros,
and beside it its length where that is known only at run time.
"""
