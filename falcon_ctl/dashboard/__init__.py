"""The dashboard: a running network as a web page whose controls act, with recording and replay.

`messages` documents the JSON messages to the page. `history`, `player`, `recording`, `mailbox` and
`access` are pure; `board` joins them in the server's event loop, `live` follows the network in a
thread, `app` and `server` are the edge to HTTP. docs/decisions/dashboard.md gives the reasons.
"""
