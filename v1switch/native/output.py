"""Where a program's machine function leaves what it made of frames: words of `out`, by index."""

from __future__ import annotations

FRAMES, FRAMES_AT, MAX_FRAMES = 0, 1, 2  # frames that leave: how many, where, room for how many
HEADS_AT, HEAD_SIZE = 3, 4  # for the bytes in front of each frame's payload
UNDO, UNDO_AT, MAX_UNDO = 5, 6, 7  # (address, value before) of each change of state
OVERFULL = 8  # 1 when there was no room for a change
EVENTS, EVENTS_AT, MAX_EVENTS = 9, 10, 11  # what Python is to be told
SCRATCH_AT = 12  # SCRATCH bytes, in the parts below
OUT_WORDS = 13

# Words of a frame that leaves: port, then address and length of its headers and its payload
PORT, HEAD, HEAD_LENGTH, BODY, BODY_LENGTH = 0, 1, 2, 3, 4
FRAME_WORDS = 5

# Words of an event: what it is, then values. A learn list's number in the program stands for a
# digest of it, -1, -2, … for the first, second, … log message.
EVENT_WORDS = 64

# Scratch memory: keys of look-ups, variables of copies, bytes to hash
KEYS, SAVED, HASHED = 0, 1 << 12, 1 << 16
SCRATCH = 1 << 18
MAX_KEY_WORDS = (SAVED - KEYS) // 8
MAX_SAVED_WORDS = (HASHED - SAVED) // 8
MAX_HASHED = SCRATCH - HASHED  # bytes

DONE, PUNT = 0, 1  # what a program's function returns
