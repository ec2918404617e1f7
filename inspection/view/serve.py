"""The server behind the page: this machine only, read-only, and known by a secret in its address.

Every path begins with the secret, so that other users of the machine and other pages of the browser see nothing; a
request whose Host is another name is refused (DNS rebinding). Only GET and HEAD are answered, nothing is written but
indexes in the user's cache folder, and the page's policy lets nothing load from elsewhere.
"""

from __future__ import annotations

import json
import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..._version import __version__
from ...verifiers.errors import RunError
from ..report.figures import plots
from ..report.metrics import read_run
from . import query
from .following import Follower
from .html import page, policy
from .index import database_of, open_index, read_row
from .runs import METRICS, SAMPLES, NoEntryError, RunEntry, Runs

_log = logging.getLogger(__name__)
PATIENCE = 5.0
"""Seconds that a request waits for the first rows of an index."""
HOST = "127.0.0.1"
UNASKED_BYTES = 64 << 20
"""Files up to this size are indexed without being opened, so that the list has their figures."""
MOST_UNASKED = 200
_Answers = Callable[["Viewer", Mapping[str, str], Mapping[str, list[str]]], tuple[bytes, str]]


class Viewer:
    """What the server knows: the folder, its entries and their indexes."""

    def __init__(self, folder: Path, cache: Path, follower: Follower) -> None:
        self.folder = folder
        self.cache = cache
        self.follower = follower
        self.runs = Runs(folder)
        self._lock = threading.Lock()
        self._followed: set[Path] = set()
        self._charts: dict[Path, tuple[float, int, bytes]] = {}

    def listing(self) -> dict[str, Any]:  # any: a JSON object
        """Every entry with the figures that its index has so far."""
        entries = self.runs.find()
        for entry in entries[:MOST_UNASKED]:
            if entry.bytes <= UNASKED_BYTES:
                self._follow(self._scored_path(entry), first=False)
        return {"folder": self.folder.name or str(self.folder), "entries": [self._content(entry) for entry in entries]}

    def _content(self, entry: RunEntry) -> dict[str, Any]:  # any: as above
        content = {**entry._asdict(), "figures": None}
        path = self._scored_path(entry)
        if path is not None:
            try:
                with open_index(database_of(path, self.cache)) as database:
                    known = query.figures(database)
                content["figures"] = {name: known[name] for name in ("entries", "done", "outcomes", "figures")}
            except sqlite3.Error:
                pass  # it has none yet, which the page says
        return content

    def _scored_path(self, entry: RunEntry) -> Path | None:
        path = self.folder / entry.name
        if entry.kind == "scored":
            return path
        return path / SAMPLES if entry.samples else None

    def _follow(self, path: Path | None, *, first: bool) -> None:
        if path is not None and (first or path not in self._followed):
            self._followed.add(path)
            with self._lock:
                self.follower.follow(path, first=first)

    def scored(self, name: str) -> Path:
        """The scored file of an entry, which is followed from now on. Raises NoEntryError."""
        path = self.runs.path(name)
        if path.is_dir():
            path = path / SAMPLES
        if not path.is_file():
            raise NoEntryError(f"{name[:200]!r} has no rows")
        self._follow(path, first=True)
        return path

    def charts(self, name: str) -> bytes:
        """The charts of a training run as JSON, null for a scored file. Raises RunError."""
        folder = self.runs.path(name)
        if not folder.is_dir():
            return b"null"
        stat = (folder / METRICS).stat()
        kept = self._charts.get(folder)
        if kept is not None and kept[:2] == (stat.st_mtime, stat.st_size):
            return kept[2]
        run = read_run(folder)
        made = {
            "steps": run.steps,
            "stages": [stage._asdict() for stage in run.stages],
            "alarms": [{"step": step, "text": text} for step, text in run.alarms[-200:]],
            "alarm_count": len(run.alarms),
            "charts": [
                {**plot, "points": [line.points for line in chart.lines]}
                for plot, chart in zip(plots(run), run.charts, strict=True)
            ],
        }
        text = _json(made)
        if len(self._charts) >= 32:
            self._charts.clear()
        self._charts[folder] = (stat.st_mtime, stat.st_size, text)
        return text


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def _question(asked: Mapping[str, list[str]]) -> query.Question:
    def one(name: str, most: int = 400) -> str:
        return asked.get(name, [""])[0][:most]

    where = []
    for text in asked.get("where", [])[:20]:
        try:
            name, how, value = map(str, json.loads(text))
        except (ValueError, TypeError, RecursionError):
            raise RunError("a filter is a JSON array of a field, a comparison and a value") from None
        where.append((name, how, value))
    numbers = {}
    for name, default in (("first", 0), ("limit", 100)):
        text = one(name, 18) or str(default)
        if not (text.isascii() and text.isdigit()):
            raise RunError(f"{name} is {text!r}; it must be a whole number")
        numbers[name] = int(text)
    return query.Question(
        one("q", 200), one("outcome"), tuple(asked.get("reason", [])[:20]), where, one("sort"), **numbers
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = f"r1-reward/{__version__}"
    sys_version = ""
    timeout = 60

    @property
    def _page(self) -> ViewServer:
        assert isinstance(self.server, ViewServer)
        return self.server

    @cached_property
    def _asked(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query, keep_blank_values=True, max_num_fields=100)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.__dict__.pop("_asked", None)
        host = self.headers.get("host", "")
        port = self._page.server_address[1]
        if host not in (f"{HOST}:{port}", f"localhost:{port}"):
            return self._refuse(403, "this is not the name of this server")
        prefix, _, path = urlsplit(self.path).path[1:].partition("/")
        if not secrets.compare_digest(prefix.encode(), self._page.secret.encode()):
            return self._refuse(404, "open the address that r1-reward view printed")
        try:
            return self._answer(path)
        except NoEntryError as error:
            return self._refuse(404, str(error))
        except query.SlowQueryError as error:
            return self._refuse(503, str(error))
        except (RunError, ValueError) as error:
            return self._refuse(400, str(error))
        except sqlite3.OperationalError:
            # Before the first rows are indexed there is no table; right after, another index may take its place.
            return self._refuse(503, "the rows are being indexed")
        except OSError as error:
            return self._refuse(404, f"it cannot be read: {error.strerror}")

    def _answer(self, path: str) -> None:
        viewer = self._page.viewer
        name = self._asked.get("name", [""])[0]
        if path == "":
            return self._send(200, page(), "text/html; charset=utf-8")
        if path == "list":
            return self._send(200, _json(viewer.listing()))
        if path == "charts":
            return self._send(200, viewer.charts(name))
        if path not in ("figures", "rows", "row", "siblings"):
            return self._refuse(404, "no such path")
        source = viewer.scored(name)
        database_path = database_of(source, viewer.cache)
        _wait_for(database_path)
        with open_index(database_path) as database:
            if path == "figures":
                figures = query.figures(database)
                return self._send(200, _json({**figures, "file_bytes": source.stat().st_size}))
            if path == "rows":
                return self._send(200, _json(query.rows(database, _question(self._asked))))
            entry = self._asked.get("entry", [""])[0]
            if not (entry.isascii() and entry.isdigit() and len(entry) < 18):
                raise RunError("entry must be a whole number")
            if path == "siblings":
                return self._send(200, _json(query.siblings(database, int(entry))))
            row = read_row(source, database, int(entry))
        if row is None:
            raise NoEntryError(f"there is no entry {entry}")
        return self._send(200, row[0], headers={"x-part": str(row[1])})

    def _refuse(self, status: int, why: str) -> None:
        self._send(status, _json({"error": why}))

    def _send(
        self, status: int, body: bytes, kind: str = "application/json", headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        fields = {
            "content-type": kind,
            "content-length": str(len(body)),
            "content-security-policy": policy(),
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cross-origin-resource-policy": "same-origin",
            **(headers or {}),
        }
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        # Any: what http.server fills in. The address holds the secret, so only debugging shows it.
        _log.debug(format, *args)


def _wait_for(database: Path) -> None:
    """A file that was opened just now has its first rows in the index a moment later."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with suppress(sqlite3.Error), open_index(database) as connection:
            if connection.execute("SELECT 1 FROM meta WHERE name IN ('entries', 'done') AND value > 0").fetchone():
                return
        time.sleep(0.01)


class ViewServer(ThreadingHTTPServer):
    """The server, to be run by `serve_forever`."""

    daemon_threads = True

    def __init__(self, viewer: Viewer, port: int) -> None:
        """Listen on `port` of 127.0.0.1; 0 takes a free one. Raises OSError."""
        self.viewer = viewer
        self.secret = secrets.token_urlsafe(12)
        super().__init__((HOST, port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - socketserver names them
        """A browser that hangs up is no error; anything else is logged, and costs that request alone."""
        _log.debug("a request of %s failed", client_address, exc_info=True)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{HOST}:{self.server_address[1]}/{self.secret}/"
