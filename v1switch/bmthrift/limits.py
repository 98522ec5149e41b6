"""What one client, or all together, may ask of the Thrift server."""

MAX_CONNECTIONS = 64  # BMv2 has no limit; each is a thread
MAX_MESSAGE = 9 << 20  # bytes of a call: a program has 8 MiB at most without white space
LARGE = 1 << 20  # bytes of a call, from which on there is only one at a time
MAX_ELEMENTS = 4096  # of one list, set or map: keys, parameters, samples
MESSAGE_S = 10.0  # for the rest of a call that has begun
SEND_S = 30.0  # for a client to take an answer
FIRST_CALL_S = 10.0  # a connection without a call makes room for others after this
MAX_CELLS = 1 << 20  # of a register array in one answer
