"""Connections that do not hold the server up: uvicorn's protocol with bounds on what a client may leave undone.

uvicorn waits for ever for the head of a request and takes headers of any size, so a client that trickles them, or
only connects, would hold a descriptor and memory for nothing. Here a connection that owes a head is closed after a
time, one whose head grows too large at once, and where there are too many the one that has owed longest.
A request's body is the application's to bound; what arrives after its answer counts as the next head.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD = 64 << 10
"""Bytes of a request's line and headers together, to the reading of one buffer."""


class ConnectionLimiter:
    """Bounds connections, and closes those whose request does not come: the oldest first."""

    def __init__(self, *, max_connections: int, max_body: int, read_timeout: float) -> None:
        self.max_connections = max_connections
        self.most = 4 * max_body + LARGEST_HEAD
        """Bytes that a body may take on the wire: chunks have heads of their own."""
        self.connections = 0
        """Open connections."""
        self.closed = 0
        """Those that were closed because a client left something undone."""
        self.read_timeout = read_timeout
        self._owing: dict[Connection, float] = {}

    def protocol(self, *args: Any, **kwargs: Any) -> Connection:  # any: uvicorn's own arguments, passed through
        """A connection under these limits, as uvicorn makes protocols."""
        return Connection(self, *args, **kwargs)

    def await_head(self, connection: Connection, now: float) -> None:
        """It owes a head from now on, if it did not already."""
        self._owing.setdefault(connection, now)

    def head_received(self, connection: Connection) -> None:
        """Its head has come, or it is gone."""
        self._owing.pop(connection, None)

    def enter(self, connection: Connection, now: float) -> None:
        """Let it in; where that is one too many, the one that has owed longest goes."""
        self.connections += 1
        self.await_head(connection, now)
        if self.connections > self.max_connections:
            self._close(next(iter(self._owing)))

    async def watch(self) -> None:
        """Close, for ever, what owes too long."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(1.0, self.read_timeout / 4))
            late = loop.time() - self.read_timeout
            while self._owing:
                connection, since = next(iter(self._owing.items()))
                if since > late:
                    break
                self._close(connection)

    def _close(self, connection: Connection) -> None:
        self.closed += 1
        self.head_received(connection)
        connection.transport.abort()


class Connection(HttpToolsProtocol):
    """One connection. It is `owing` from its beginning, or from the first byte of a next request, to a whole head."""

    def __init__(self, door: ConnectionLimiter, *args: Any, **kwargs: Any) -> None:  # any: uvicorn's own
        super().__init__(*args, **kwargs)
        self._door = door
        self._taken = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._door.enter(self, self.loop.time())

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.connections -= 1
        self._door.head_received(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._taken = 0
            self._door.head_received(self)
            return
        self._taken += len(data)
        if before is None or before.response_complete:
            self._door.await_head(self, self.loop.time())
            most = LARGEST_HEAD
        else:
            most = self._door.most
        if self._taken > most and not self.transport.is_closing():
            self._door.closed += 1
            self.transport.abort()

    def eof_received(self) -> None:
        """A client that has said all it will say is gone: nothing distinguishes it from one that hung up."""

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():  # it stays open until the client has read the answer, which it may never do
            self.loop.call_later(self._door.read_timeout, self.transport.abort)

    def timeout_keep_alive_handler(self) -> None:
        """The client has been idle for long; what it has not read by now it will not."""
        self.transport.abort()
