"""What the native backend says when something has no place in machine code."""

from __future__ import annotations


class NotNative(Exception):
    """Something of a program that machine code leaves to plain Python.

    The translators raise it in the middle of a statement; the statement then hands the frame over.
    """
