"""The dashboard over HTTP: Starlette's routes, behind `falcon_ctl.dashboard.access`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from falcon_ctl import web
from falcon_ctl.dashboard.access import Access, Verdict
from falcon_ctl.dashboard.board import Board, TooManyViewers
from falcon_ctl.dashboard.live import FAILURES, Live
from falcon_ctl.errors import AlreadyRunning, CtlError, NoNetwork, UsageError
from rxpath.errors import ConfigError

_BODY = 64 << 10  # bytes of a request
_PATIENCE = 30.0  # s that a viewer may take for one message before it is disconnected
_TYPES = {".js": "text/javascript", ".css": "text/css", ".txt": "text/plain"}
_ASSETS = ("dashboard.js", "dashboard.css", "dashboard.LICENSES.txt")
_TRY_AGAIN_LATER = 1013  # close code of RFC 6455's registry

Action = Callable[[Mapping[str, Any]], Any]


def make_app(board: Board, live: Live, access: Access) -> ASGIApp:
    """The application.

    Args:
        board: what viewers see; of the event loop that serves the application.
        live: what the controls act on; called in other threads.
        access: who may use it.
    """
    act = partial(_acting, board=board, live=live)
    routes = [
        Route("/", _page),
        Route("/favicon.ico", _icon),
        Route("/assets/{name}", _asset),
        Route("/api/state", partial(_state, board=board)),
        Route("/api/use", act(_use), methods=["POST"]),
        Route("/api/flows", act(_start_flow), methods=["POST"]),
        Route("/api/flows/stop", act(_stop_flow), methods=["POST"]),
        Route("/api/recording", act(_recording), methods=["POST"]),
        Route("/api/replay", act(_replay), methods=["POST"]),
        Route("/recordings/{name}", partial(_download, board=board)),
        WebSocketRoute("/api/feed", partial(_feed, board=board)),
    ]
    return _AccessMiddleware(
        Starlette(routes=routes, exception_handlers={Exception: _failed}), access
    )


class _AccessMiddleware:
    """ASGI middleware: checks every request first, and adds security headers to every response."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access
        self._headers = _security_headers(access)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        is_socket = scope["type"] == "websocket"
        headers = dict(Headers(scope=scope).items())
        token = None
        if not is_socket:
            token = Request(scope).query_params.get("token")
        method = scope.get("method", "GET")
        verdict = self._access.check(method, headers, token, websocket=is_socket)
        with_headers = partial(self._send, send)
        if verdict is Verdict.PASS:
            await self._app(scope, receive, send if is_socket else with_headers)
        elif is_socket:
            await _refuse_socket(verdict, receive, send)
        elif verdict is Verdict.ENTER:
            await self._enter(scope)(scope, receive, with_headers)
        else:
            answer = PlainTextResponse(f"{verdict.line}\n", verdict.status)
            await answer(scope, receive, with_headers)

    def _enter(self, scope: Scope) -> Response:
        """Take the token out of the address, which others may see, and keep it in a cookie."""
        answer = Response(status_code=Verdict.ENTER.status, headers={"location": scope["path"]})
        name, token = self._access.cookie, self._access.token
        answer.set_cookie(name, token, httponly=True, samesite="strict", path="/")
        return answer

    async def _send(self, send: Send, message: Any) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *self._headers]
        await send(message)


def _security_headers(access: Access) -> list[tuple[bytes, bytes]]:
    feeds = " ".join(f"ws://{name}:{access.port}" for name in ("127.0.0.1", "localhost"))
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src 'self' {feeds}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    found = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-store",
    }
    return [(key.encode(), value.encode()) for key, value in found.items()]


async def _refuse_socket(verdict: Verdict, receive: Receive, send: Send) -> None:
    """Answer a WebSocket's handshake with a status, as an HTTP request."""
    await receive()
    body = f"{verdict.line}\n".encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    start = {"type": "websocket.http.response.start", "status": verdict.status, "headers": headers}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": body})


# -- what is read --------------------------------------------------------------------------------


async def _page(_: Request) -> Response:
    return Response(web.bundle("dashboard.html"), media_type="text/html")


async def _icon(_: Request) -> Response:
    return Response(status_code=204)


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _ASSETS:
        return PlainTextResponse("no such file\n", 404)
    return Response(web.bundle(name), media_type=_TYPES[name[name.rindex(".") :]])


async def _state(_: Request, board: Board) -> Response:
    return JSONResponse(board.snapshot())


async def _download(request: Request, board: Board) -> Response:
    try:
        path = board.folder.file(request.path_params["name"])
    except UsageError as error:
        return _refusal(error, 404)
    return FileResponse(path, media_type="application/jsonl", filename=path.name)


async def _feed(socket: WebSocket, board: Board) -> None:
    """Send a viewer its messages until it goes, or takes none for too long."""
    await socket.accept()
    try:
        with board.viewer() as viewer:
            gone = asyncio.ensure_future(_until_gone(socket))
            sending = asyncio.ensure_future(_send_all(socket, viewer))
            try:
                await asyncio.wait([gone, sending], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (gone, sending):
                    task.cancel()
                await asyncio.gather(gone, sending, return_exceptions=True)
    except TooManyViewers as error:
        await socket.close(_TRY_AGAIN_LATER, str(error))


async def _send_all(socket: WebSocket, viewer: Any) -> None:
    async for text in viewer:
        await asyncio.wait_for(socket.send_text(text), _PATIENCE)


async def _until_gone(socket: WebSocket) -> None:
    """Read what the viewer sends, which is nothing, to learn that it closed."""
    try:
        while True:
            await socket.receive_text()
    except (WebSocketDisconnect, KeyError, RuntimeError):
        return


# -- what acts -----------------------------------------------------------------------------------


def _acting(
    action: Callable[[Board, Live, Mapping[str, Any]], Awaitable[Any]], *, board: Board, live: Live
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of an action: JSON in, JSON out, one line for what is wrong."""

    async def endpoint(request: Request) -> Response:
        try:
            wanted = await _body(request)
            return JSONResponse({"ok": True, "result": await action(board, live, wanted)})
        except (UsageError, ConfigError) as error:
            return _refusal(error, 400)
        except (NoNetwork, AlreadyRunning) as error:
            return _refusal(error, 409)
        except FAILURES as error:
            return _refusal(error, 502)

    return endpoint


async def _body(request: Request) -> Mapping[str, Any]:
    data = b""
    try:
        async for chunk in request.stream():
            data += chunk
            if len(data) > _BODY:
                raise UsageError("request", f"over {_BODY >> 10} KiB", "less")
        found = json.loads(data)
    except ClientDisconnect:
        raise UsageError("request", "broken off", "a whole one") from None
    except (ValueError, RecursionError):
        raise UsageError("request", "no JSON", "a JSON object") from None
    if not isinstance(found, dict):
        raise UsageError("request", type(found).__name__, "a JSON object")
    return found


async def _use(_: Board, live: Live, wanted: Mapping[str, Any]) -> Any:
    return (await asyncio.to_thread(live.use, wanted))["choice"]


async def _start_flow(_: Board, live: Live, wanted: Mapping[str, Any]) -> Any:
    return (await asyncio.to_thread(live.start_flow, wanted))["flow"]


async def _stop_flow(_: Board, live: Live, wanted: Mapping[str, Any]) -> Any:
    live.stop_flow(str(wanted.get("id", "")))


async def _recording(board: Board, _: Live, wanted: Mapping[str, Any]) -> Any:
    match wanted:
        case {"record": True}:
            board.start_recording()
        case {"record": False}:
            board.stop_recording()
        case _:
            raise UsageError("recording", "neither", "record: true or false")
    return board.mode()


async def _replay(board: Board, _: Live, wanted: Mapping[str, Any]) -> Any:
    match wanted:
        case {"open": str() as name}:
            board.open(await asyncio.to_thread(board.folder.read, name))
        case {"close": True}:
            board.close()
        case _:
            board.control(wanted)
    return board.mode()


def _refusal(error: Exception, status: int) -> Response:
    where = getattr(error, "where", "") if isinstance(error, CtlError) else ""
    return JSONResponse({"ok": False, "error": str(error), "where": where}, status)


async def _failed(_: Request, error: Exception) -> Response:
    return JSONResponse({"ok": False, "error": f"{type(error).__name__}: {error}"}, 500)
