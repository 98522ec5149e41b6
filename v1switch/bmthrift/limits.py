"""What one client, or all together, may ask of the Thrift server."""

MAX_CONNECTIONS = 64  # BMv2 has no limit; each is a thread
MAX_MESSAGE = 64 << 20  # bytes of a call; a program to be loaded is the longest
MAX_ELEMENTS = 1 << 20  # of one list, set or map
MESSAGE_S = 10.0  # for the rest of a call that has begun
SEND_S = 30.0  # for a client to take an answer
FIRST_CALL_S = 10.0  # a connection without a call makes room for others after this
MAX_CELLS = 1 << 20  # of a register array in one answer
