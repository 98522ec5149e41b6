"""The dashboard: a running network as a web page whose controls act, with recording and replay.

`messages` is what a page is told, `history`, `player`, `recording`, `mailbox` and `gate` are pure;
`board` joins them in the server's event loop, `live` follows the network in a thread, `app` and
`server` are the edge to HTTP. docs/decisions/dashboard.md says why it is so.
"""
