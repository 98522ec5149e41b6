"""The second engine: programs as machine code, frames in batches from socket to socket.

Generated code is written once more by translators that keep to what Numba compiles (`codegen`
here), compiled beside the running switch (`build`), bound to the same state (`engine`), and called
by a loop that holds no Python objects (`loop`). Whatever it cannot do for a frame it hands back
with all effects undone, and plain Python carries that frame.

Only `index` is imported by a switch that stays with plain Python; Numba is not.
"""
