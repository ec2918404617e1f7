"""One HTTP/1.1 connection to one server, for one task at a time: h11 speaks the protocol, asyncio moves the bytes.

It is here for its price: a request takes a fifth of the processor's time that httpx takes for it, and an evaluation
or a judge sends thousands a second. A connection that was idle for long, or that the server has closed, is opened
anew. Certificates are checked.

What it does not do: redirects, compression, proxies, deadlines (the caller has one around all of it).
"""

from __future__ import annotations

import asyncio
import os
import time
from functools import cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlsplit

from ..errors import ConfigError

if TYPE_CHECKING:
    import ssl

    import h11

MOST_HEAD = 100 << 10
"""Longest head of a response, in bytes."""
_IDLE = 5.0
"""Seconds after which a connection is not used again: common servers close theirs then."""
_READ = 64 << 10


class Response(NamedTuple):
    """What a server answered."""

    status: int
    headers: dict[str, str]
    """Names in lower case; of several with one name the last."""
    data: bytes | None
    """The body; None where it is longer than it may be."""


class Transport:
    """A connection that is opened with the first request."""

    def __init__(self, url: str, *, most_bytes: int, key_env: str | None = None) -> None:
        """`url` is the address that paths are below, `most_bytes` the longest body that is read; the environment's
        `key_env` is sent as bearer token, and is in no variable that a traceback could show."""
        parts = urlsplit(url)
        self._host, self._secure = parts.hostname or "", parts.scheme == "https"
        self._port = parts.port or (443 if self._secure else 80)
        name = f"[{self._host}]" if ":" in self._host else self._host.encode("idna").decode()
        default = parts.port in (None, 443 if self._secure else 80)
        self._name = name if default else f"{name}:{parts.port}"
        self._path, self._query = quote(parts.path, "/%:@!$&'()*+,;=~").rstrip("/"), quote(parts.query, "/%:@!$&=+,;?")
        self._most_bytes, self._key_env = most_bytes, key_env
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None
        self._used = 0.0

    async def post(self, path: str, body: bytes) -> Response:
        """What the server answers to JSON. Raises OSError, h11.ProtocolError."""
        await self._open()
        assert self._writer is not None
        try:
            # Not awaited: the body is in memory anyway, and a server may answer before it has read all of it.
            self._writer.write(self._request(f"{self._path}/{path}{'?' * bool(self._query)}{self._query}", body))
            response = await self._receive()
        except BaseException:
            self.close()
            raise
        import h11

        if response.data is None or self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            self.close()
        else:
            self._http.start_next_cycle()
            self._used = time.monotonic()
        return response

    def close(self) -> None:
        """Drop the connection, if there is one."""
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None

    async def _open(self) -> None:
        import h11

        if self._writer is not None:
            if not (self._reader.at_eof() or self._writer.is_closing() or time.monotonic() - self._used > _IDLE):
                return
            self.close()
        self._reader, self._writer = await asyncio.open_connection(
            self._host, self._port, ssl=_certificates() if self._secure else None, happy_eyeballs_delay=0.25
        )
        self._http: h11.Connection = h11.Connection(h11.CLIENT, MOST_HEAD)

    def _request(self, target: str, body: bytes) -> bytes:
        import h11

        send = self._http.send
        # Not compressed, so that the bound on bytes is one on memory.
        fixed = [("Host", self._name), ("Content-Type", "application/json"), ("Accept-Encoding", "identity")]
        fixed.append(("Content-Length", str(len(body))))
        return b"".join(
            send(event) or b""
            for event in (
                h11.Request(method="POST", target=target, headers=[*fixed, *_authorisation(self._key_env)]),
                h11.Data(data=body),
                h11.EndOfMessage(),
            )
        )

    async def _receive(self) -> Response:
        import h11

        status, headers, data = 0, dict[str, str](), bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(_READ))
            elif isinstance(event, h11.Data):
                data += event.data
                if len(data) > self._most_bytes:
                    return Response(status, headers, None)
            elif isinstance(event, h11.Response):
                status = event.status_code
                headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
            elif not isinstance(event, h11.InformationalResponse):
                return Response(status, headers, bytes(data))


def read_key(name: str | None) -> str | None:
    """The key that the environment holds. Raises ConfigError, without it, where there is none or it cannot be sent."""
    if name is None:
        return None
    key = os.environ.get(name, "").strip()
    if not key:
        raise ConfigError(f"the environment has no {name} to take the endpoint's key from")
    if not (key.isascii() and key.isprintable()):
        del key
        raise ConfigError(f"the key in {name} holds characters that no key has")
    return key


def _authorisation(name: str | None) -> list[tuple[str, str]]:
    return [] if name is None else [("Authorization", f"Bearer {read_key(name)}")]


@cache
def _certificates() -> ssl.SSLContext:
    """Reading them takes longer than a request."""
    import ssl

    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
