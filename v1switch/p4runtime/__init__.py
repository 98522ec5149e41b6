"""The switch's P4Runtime server (specification 1.4), over the data plane of this room.

Layers, inner first: pure codecs (`bytestrings`, `matches`, `p4data`), schema (`schema`, `join`),
handlers for each kind of entity (`entities`), arbitration and digest lists (pure state machines),
the device (`device`), and at the edge the gRPC service and server.
"""
