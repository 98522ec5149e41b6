"""Memory that a program's machine function works in, besides the frame and the program's state.

All of it is words (64 bits) found from one address, `out`. Indexes below are in words.
"""

from __future__ import annotations

# Words of `out`
FRAMES, FRAMES_AT, MAX_FRAMES = 0, 1, 2  # frames that leave: count, address, capacity
HEADS_AT, HEAD_SIZE = 3, 4  # room for the headers of each frame that leaves, in bytes
UNDO, UNDO_AT, MAX_UNDO = 5, 6, 7  # (address, old value) of each change of state
OVERFULL = 8  # 1 when the undo log had no room for a change
EVENTS, EVENTS_AT, MAX_EVENTS = 9, 10, 11  # digests and messages that Python delivers
SAVED_AT = 12  # egress copies that wait: variables of the packet, and the replicas to serve
ITEMS, ITEMS_AT = 13, 14  # work list: frames that are resubmitted or recirculated
BYTES, BYTES_AT, MAX_BYTES = 15, 16, 17  # recirculated frames: bytes used, address, capacity
HASHED_AT = 18  # room for the input of a hash
EVENT_SIZE = 19  # bytes of an event
HELD, HELD_AT, MAX_HELD = 20, 21, 22  # packets that begin to wait: count, address, capacity
HELD_WORDS = 23  # words of one
KEPT_AT = 24  # variables of bytes among their values: count, then index and bytes (-1: see below)
QUEUES = 25  # address of `v1switch.state.queues`
NUMBER_OF_CODE = 26  # which of several programs' machine code this is
OUT_WORDS = 27

# Words of a frame that leaves: port, then address and length of its headers and of its payload
PORT, HEAD, HEAD_LENGTH, BODY, BODY_LENGTH = 0, 1, 2, 3, 4
FRAME_WORDS = 5

# Words of a work item; the preserved values of its field list follow
ITEM_KIND, ITEM_FRAME, ITEM_LENGTH, ITEM_LIST, ITEM_VALUES = 0, 1, 2, 3, 4

# Words of a waiting egress copy: address of the next replica and how many are left; the saved
# variables follow
COPY_REPLICAS, COPY_LEFT, COPY_VALUES = 0, 1, 2

# Words of a packet that begins to wait: its queue, when it may leave, when it came, how many waited
# then, where its frame came in, address and length of the frame; the values that it keeps follow.
# Bytes are an address and, where their size is known only at run time (-1), the size.
HELD_QUEUE, HELD_SEND, HELD_NOW, HELD_DEPTH, HELD_PORT, HELD_FRAME, HELD_LENGTH = range(7)
HELD_VALUES = 7

# Words of a packet that waits, behind those of any node (see `v1switch.state.queues`); NODE_LEFT
# is set when it leaves its queue
NODE_PORT, NODE_FRAME, NODE_LENGTH, NODE_LEFT, NODE_VALUES = 6, 7, 8, 9, 10

# An event is its kind and values, with room for the program's longest. The number of a learn list
# means a digest of it, -1, -2, … the first, second, … message of the program (see `Printed`).

NO_ROOM = 5  # what `offer` gives, besides a `Turn`, where too many packets of a frame wait

DONE, PUNT = 0, 1  # what a program's function returns
