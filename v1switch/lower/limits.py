"""How far a program may go, and constants that the lowered program and both engines share."""

from __future__ import annotations

from v1switch.program.limits import MAX_BITS

MAX_SHIFT = MAX_BITS  # wider shifts of bit strings give 0 in every field there is
MAX_SIZE = 1 << 19  # nodes of a lowered program: elements at computed indices multiply
MAX_NODES = 20_000  # lowered nodes of a pipeline; more are branches that explode
MAX_PARSER_LOOPS = 1 << 16  # jumps back in the parser: a loop that takes nothing never ends
MAX_ACTION_LOOPS = 1 << 15  # jumps back in one call of an action
MAX_COPIES = 1024  # egress clones that one packet may make of itself: a switch must not hang
MAX_PASSES = 1024  # resubmissions and recirculations of one frame; BMv2 would go on for ever
MAX_FRAMES = 1 << 16  # that one frame may become: copies that recirculate multiply
NO_CUT = 1 << 30  # bytes: the packet is not truncated
SESSION_BITS = 15  # of a clone session's number
