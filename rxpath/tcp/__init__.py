"""TCP senders at the other end of the wire, under the virtual clock: closed loops.

A connection is a stream (as much data as its window allows) or a client that asks, waits for the
answer, and thinks.  Both are the same TCP: a window, cumulative acknowledgements, duplicate ones
that lead to a fast retransmit, and a timeout.  Time comes to them as an argument.
"""
