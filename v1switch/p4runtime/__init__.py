"""The P4Runtime server (specification 1.4), on top of the data plane.

Layers, inner first: pure codecs (`bytestrings`, `matches`, `p4data`), schema (`schema`, `join`),
handlers for each kind of entity (`entities`), arbitration and digest lists (pure state machines),
the device (`device`), and outermost the gRPC service and server.
"""
