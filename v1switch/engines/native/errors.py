"""What the native engine says when something has no place in machine code."""

from __future__ import annotations


class NotNative(Exception):
    """Something of a program that machine code leaves to plain Python.

    Raised in the middle of a statement, it makes that statement hand the frame over.
    """
