"""Replies of the daemon, success or failure.

A request is ``{"id": n, "op": "name", "params": {...}}``; its reply is ``{"id": n, "ok": true,
"result": {...}}`` or ``{"id": n, "ok": false, "error": {"kind", "where", "message"}}``.
"""

from topo.errors import RequestError
from topo.protocol.channel import Message, ProtocolError


def success(number: object, result: Message) -> Message:
    """The reply to request `number` that succeeded."""
    return {"id": _plain(number), "ok": True, "result": result}


def failure(number: object, error: RequestError) -> Message:
    """The reply to request `number` that failed."""
    fields = {"kind": error.kind, "where": error.where, "message": error.message}
    return {"id": _plain(number), "ok": False, "error": fields}


def _plain(number: object) -> object:
    """The id of a request to send back: a tree that is nested too deep to write is not one."""
    return number if isinstance(number, (int, str)) else None


def result_of(reply: Message) -> Message:
    """Return the result in a reply; raise the RequestError that it carries."""
    if reply.get("ok") is True:
        result = reply.get("result")
        return result if isinstance(result, dict) else {}
    error = reply.get("error")
    if not isinstance(error, dict):
        raise ProtocolError("expected a reply with ok or error")
    raise RequestError(*(str(error.get(key, "")) for key in ("kind", "where", "message")))
