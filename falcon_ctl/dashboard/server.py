"""Serves the dashboard on 127.0.0.1, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import uvicorn

from falcon_ctl.dashboard.access import NAMES, Access
from falcon_ctl.dashboard.app import make_app
from falcon_ctl.dashboard.board import Board
from falcon_ctl.dashboard.live import PERIOD, RETRY, Live
from falcon_ctl.dashboard.recording import Recording
from falcon_ctl.dashboard.recordings import Folder
from falcon_ctl.dashboard.source import Opener
from falcon_ctl.errors import PartFailed, UsageError

_START = 10.0  # s in which the server answers
_END = 0.5  # s for connections at the end
_MESSAGE = 4096  # bytes of what a viewer may send


class Dashboard:
    """A dashboard that is being served; see `serving`.

    Attributes:
        access: has its address.
        board: what viewers see; only for the thread of the server.
        live: the network behind it.
    """

    def __init__(self, access: Access, board: Board, live: Live) -> None:
        self.access, self.board, self.live = access, board, live
        self._ended = threading.Event()

    def wait(self) -> None:
        """Return when the server has ended, which it does not by itself."""
        while not self._ended.wait(0.5):
            pass


@contextmanager
def serving(
    opener: Opener,
    folder: Folder,
    port: int = 0,
    *,
    replay: Recording | None = None,
    period: float = PERIOD,
    retry: float = RETRY,
) -> Iterator[Dashboard]:
    """Serve a dashboard while the block runs.

    Args:
        opener: connects to the network.
        folder: of recordings.
        port: on 127.0.0.1; 0: a free one.
        replay: a recording to begin with.
        period: s between two observations.
        retry: s between two attempts to connect to the network.

    Raises:
        UsageError: the port cannot be had.
    """
    listener = _listen(port)
    access = Access(secrets.token_urlsafe(32), listener.getsockname()[1])
    board = Board(folder)
    live = Live(opener, board.tell_from_thread, period, retry)
    dashboard = Dashboard(access, board, live)
    if replay is not None:
        board.open(replay)
    server = _Server(dashboard)
    thread = threading.Thread(
        target=server.run_on, args=(listener,), name="dashboard-http", daemon=True
    )
    thread.start()
    try:
        server.await_start()
        with live:
            yield dashboard
    finally:
        server.should_exit = True
        thread.join(timeout=2 * _END)
        board.end_recording()
        listener.close()


class _Server(uvicorn.Server):
    """uvicorn in a thread: signals are the command's own (`rxpath.signals`)."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard
        app = make_app(dashboard.board, dashboard.live, dashboard.access)
        config = uvicorn.Config(
            app,
            access_log=False,
            log_config=None,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=1,
            timeout_keep_alive=5,
            ws="websockets-sansio",
            ws_max_size=_MESSAGE,
            ws_per_message_deflate=False,  # on this computer bytes cost less than their compression
        )
        super().__init__(config)
        self._answers = threading.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield

    def run_on(self, listener: socket.socket) -> None:
        """Serve until `should_exit`."""
        try:
            asyncio.run(self._serve_with_board(listener))
        finally:
            self._dashboard._ended.set()
            self._answers.set()

    def await_start(self) -> None:
        """Return when it answers. Raises PartFailed."""
        if not self._answers.wait(_START) or not self.started:
            raise PartFailed("dashboard", "its server did not start")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, and signal that it answers."""
        await super().startup(sockets)
        self._answers.set()

    async def _serve_with_board(self, listener: socket.socket) -> None:
        async with _running(self._dashboard.board):
            await self.serve(sockets=[listener])


@contextlib.asynccontextmanager
async def _running(board: Board) -> AsyncIterator[None]:
    task = asyncio.create_task(board.run())
    await asyncio.sleep(0)  # it takes hold of the loop
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((NAMES[0], port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        expected = "a free port, or --port 0 for any"
        raise UsageError(f"--port {port}", error.strerror or str(error), expected) from error
    listener.setblocking(False)
    return listener
