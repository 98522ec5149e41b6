"""The engine that runs programs as machine code, and its packet loop from socket to socket.

`printer` writes the intermediate representation as an LLVM module, `compile` makes machine code of
it and of the `helpers`, `engine` binds that to a program's state, `loop` moves frames through it.
What it cannot do for a frame it hands over to plain Python with all changes of state taken back.
"""
