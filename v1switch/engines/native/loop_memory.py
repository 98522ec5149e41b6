"""Memory of the packet loop, which is one run of words, and why the loop returns."""

from __future__ import annotations

# The program that runs: its function, the words that lead to its state, see `output`
RUN, CONTEXT, OUT = 0, 1, 2
# Where frames come from and go to (see `sockets`)
MESSAGES, SLOTS, SEND_MESSAGES, SEND_IOVS = 3, 4, 6, 7
POLLS, PORTS, NUMBERS, SENDERS, LAST_SENDER = 8, 9, 10, 11, 12
CPU_PORT = 13  # frames that leave there are left for Python; -1 without such a port
WRITER_AT = 14  # address of a word that is not 0 while a writer waits
# What is under way: the port in `polls`, the batch read from it, the frame that is next in it
AT, FOUND, NEXT, START, SIZE, INTO, NOW = 15, 16, 17, 18, 19, 20, 21
# What went wrong: the number of the port that failed (-1 none) and its error, frames without a port
FAILED_PORT, FAILED_ERROR, NO_PORT = 22, 23, 24
SCRATCH = 25  # two words
# What came with checksums left to hardware (see `v1switch.io.offload`): whether anything is new,
# and the address of a word for each port in `polls`: FINISHED and UNFINISHED
NEWS, OFFLOADED_AT = 27, 28
FINISHED, UNFINISHED = 1, 2
# How busy it is: frames since it waited last, when that was, ns from frame to frame (smoothed)
ROUND, WAITED, GAP = 29, 30, 31
LONGEST_GAP_NS = 1_000_000  # that counts
# Queues: address of `v1switch.state.queues`; the packet that plain Python has to carry on with; how
# many ports have frames that wait to be sent
QUEUES, NODE, WAITING_PORTS = 32, 33, 34
LOOP_WORDS = 35

# Why the loop returns
IDLE = 0  # nothing came, or a signal did
WRITER = 1  # a writer waits, or the wake-up descriptor is ready
PUNTED = 2  # the frame at START, of SIZE bytes, is plain Python's
REPORT = 3  # there are digests, messages, or frames for the CPU port
FAILED = 4  # a port failed
DEQUEUED = 5  # the packet at NODE, which has waited, is plain Python's
FOREIGN = 6  # it is the turn of a packet that another program or plain Python let wait
