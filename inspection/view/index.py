"""An index on disk of one scored file, so that a page of its rows takes as long for ten million rows as for ten.

One process writes it and follows the file while rows are added; readers see whole batches (SQLite, write-ahead log).
Memory does not grow with the file. It holds where each row stands, what is filtered and sorted by, and sums by problem;
rows are read from the file itself, or from blocks in the index where the file is packed. A file that was replaced is
read anew.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Generator
from contextlib import closing, suppress
from itertools import groupby
from pathlib import Path
from typing import Any

from ...rows.files import RawRow
from ...scoring.scored import ScoredFiles, ScoredRow, options_of
from ...scoring.stats import Clustered
from ...verifiers.verdict import Status
from ..report.fields import MOST_FIELDS, own_fields
from ..report.table import ANSWER, SNIPPET, any_answer, question, short, snippet

VERSION = 1
"""Of the index; one of another version is made anew."""
FIRST_BATCH, BATCH = 200, 2_000
"""Rows that readers see at once."""
BLOCK_BYTES = 256 << 10
LONGEST_LINE = 64 << 20
HEAD = 256
"""Bytes by which a replaced file is told from one that grew."""
CACHE_KIB = 64 << 10
"""Memory of the writer for pages of the index."""
OUTCOMES = ("right", "wrong", "open", "error")
PACKED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE names (kind TEXT, number INTEGER, name TEXT, PRIMARY KEY (kind, number)) WITHOUT ROWID;
CREATE TABLE counts (verifier INTEGER, reason INTEGER, n INTEGER, PRIMARY KEY (verifier, reason)) WITHOUT ROWID;
CREATE TABLE outcomes (outcome INTEGER PRIMARY KEY, n INTEGER);
CREATE TABLE rows (
  entry INTEGER PRIMARY KEY, place INTEGER, size INTEGER, line INTEGER, part INTEGER, problem INTEGER,
  outcome INTEGER, reward REAL, chars INTEGER, id TEXT, answer TEXT);
CREATE TABLE problems (
  problem INTEGER PRIMARY KEY, prompt TEXT, reference TEXT, rewards INTEGER, reward REAL, decided INTEGER,
  correct INTEGER);
CREATE TABLE blocks (first INTEGER PRIMARY KEY, data BLOB);
CREATE INDEX by_problem ON rows (problem);
CREATE INDEX by_outcome ON rows (outcome);
CREATE INDEX by_reward ON rows (reward);
"""


def index_folder() -> Path:
    """Where indexes are kept: `r1-reward/view` in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(cache) / "r1-reward" / "view"


def database_of(path: str | Path, folder: str | Path) -> Path:
    """The database of a file's index."""
    name = hashlib.blake2b(os.fsencode(Path(path).resolve()), digest_size=12).hexdigest()
    return Path(folder) / f"{name}.sqlite"


class Index:
    """The writer of one file's index; a context manager. `catch_up` takes in what the file has gained."""

    def __init__(self, path: str | Path, folder: str | Path) -> None:
        """Open the index of `path` in `folder`, or begin it.

        Raises:
            RunError: the file is not there.
            OSError: the folder cannot be written.
        """
        self.path = Path(path)
        Path(folder).mkdir(parents=True, exist_ok=True, mode=0o700)
        self.database = database_of(path, folder)
        self._reader = ScoredFiles([str(path)])
        self._reading: Generator[tuple[int, int, ScoredRow], None, None] | None = None
        self._open()

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def bytes_read(self) -> int:
        """How far a plain file has been read."""
        return self._offset

    def close(self) -> None:
        """Close the database and the file."""
        if self._reading is not None:
            self._reading.close()
            self._reading = None
        self.connection.close()

    def _open(self) -> None:
        self._packed = _is_packed(self.path)
        try:
            self.connection = _connect(self.database)
        except sqlite3.DatabaseError:  # something else stands there
            self._remove()
            self.connection = _connect(self.database)
        try:
            kept = dict(self.connection.execute("SELECT name, value FROM meta"))
        except sqlite3.Error:
            kept = {}
        if not self._same(kept):
            self.connection.close()
            self._remove()
            self.connection = _connect(self.database)
            self.connection.executescript(_TABLES)
            head = _head(self.path, HEAD)
            kept = {"version": VERSION, "head": head, "head_bytes": len(head), "options": self._options()}
            kept |= {"offset": 0, "line": 0, "entries": 0, "rows": 0, "done": 0, "file_bytes": 0}
            with self.connection:
                self.connection.executemany("INSERT INTO meta VALUES (?, ?)", kept.items())
        self._offset, self._line, self._entries, self._rows = (
            int(kept[name]) for name in ("offset", "line", "entries", "rows")
        )
        self._names: dict[str, dict[str, int]] = {"verifier": {}, "field": {}, "reason": {}}
        for kind, number, name in self.connection.execute("SELECT kind, number, name FROM names"):
            self._names[kind][name] = number
        self._figured = 0

    def _options(self) -> str:
        """What decides how a row is read."""
        noted = options_of([str(self.path)])
        return json.dumps({name: noted.get(name) for name in ("map", "prefix")}, sort_keys=True)

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.database}{suffix}").unlink(missing_ok=True)

    def _same(self, kept: dict[str, Any]) -> bool:  # any: values of SQLite
        if kept.get("version") != VERSION or kept.get("options") != self._options():
            return False
        size = self.path.stat().st_size
        grown = size >= kept["file_bytes"] and kept["head"] == _head(self.path, kept["head_bytes"])
        # Blocks of a packed file cannot be gone on with.
        whole = kept["rows"] == 0 or (kept["done"] and size == kept["file_bytes"])
        return bool(grown and (whole or not self._packed))

    def catch_up(self, seconds: float = float("inf")) -> bool:
        """Read what the file has more, for so long at most.

        Returns:
            Whether everything that is there was read.
        """
        until = time.monotonic() + seconds
        if self._reading is None:
            if not self._same(dict(self.connection.execute("SELECT name, value FROM meta"))):
                self.close()
                self._open()
            self._reading = self._unpacked_rows() if self._packed else self._plain_rows()
        batch = _Batch(self)
        for place, size, row in self._reading:
            batch.add(place, size, row)
            # The first rows are soon to be seen.
            if batch.rows >= (BATCH if self._rows > FIRST_BATCH else FIRST_BATCH):
                batch.write(done=False)
                if time.monotonic() > until:
                    return False
                batch = _Batch(self)
        self._reading = None
        batch.write(done=True)
        return True

    def _plain_rows(self) -> Generator[tuple[int, int, ScoredRow], None, None]:
        """Whole lines from where the index ends; one that is still being written waits."""
        with self.path.open("rb", buffering=1 << 20) as file:
            file.seek(self._offset)
            while data := file.readline(LONGEST_LINE):
                if not data.endswith(b"\n"):
                    if len(data) < LONGEST_LINE:
                        return
                    while rest := file.readline(1 << 20):
                        if rest.endswith(b"\n"):
                            break
                    data = b""
                place, self._offset = self._offset, file.tell() if not data else self._offset + len(data)
                self._line += 1
                text = data.strip(b" \t\r\n")
                reason = None if data else "line_too_long"
                if text or reason:
                    self._rows += 1
                    yield place, len(data), self._reader.read(RawRow(0, self._line, text, reason))

    def _unpacked_rows(self) -> Generator[tuple[int, int, ScoredRow], None, None]:
        if self._rows:
            return
        self._reader = ScoredFiles([str(self.path)])
        held: list[bytes] = []
        weight = 0
        for row in self._reader:
            held.append(row.data)
            weight += len(row.data)
            self._rows += 1
            if weight >= BLOCK_BYTES or len(held) >= BATCH:
                self._write_block(held)
                held, weight = [], 0
            yield self._rows - 1, 0, row
        if held:
            self._write_block(held)

    def _write_block(self, rows: list[bytes]) -> None:
        packed = gzip.compress(b"\n".join(row.replace(b"\n", b" ") for row in rows), 6, mtime=0)
        self.connection.execute("INSERT INTO blocks VALUES (?, ?)", (self._rows - len(rows), packed))

    def number(self, kind: str, name: str, most: int) -> int | None:
        """The number of a verifier, field or reason, with columns of its own from now on; None beyond `most`."""
        names = self._names[kind]
        name = str(_text(name))
        if name not in names:
            if len(names) >= most:
                return None
            names[name] = len(names)
            self.connection.execute("INSERT INTO names VALUES (?, ?, ?)", (kind, names[name], name))
            columns = {"verifier": (f"v{names[name]} INTEGER", f"s{names[name]} REAL"), "field": (f"f{names[name]}",)}
            for column in columns.get(kind, ()):
                self.connection.execute(f"ALTER TABLE rows ADD COLUMN {column}")
        return names[name]

    def next_entry(self) -> int:
        """The next entry's number."""
        self._entries += 1
        return self._entries - 1

    def commit(self, *, done: bool) -> None:
        """Let readers see what was written, with the figures now and then."""
        values: dict[str, int | str] = {
            "offset": self._offset,
            "line": self._line,
            "entries": self._entries,
            "rows": self._rows,
        }
        values |= {"done": int(done), "file_bytes": self.path.stat().st_size if self._packed else self._offset}
        if self._entries > self._figured and (done or self._entries >= 2 * self._figured):
            self._figured = self._entries
            values["figures"] = json.dumps(self._figures())
        self.connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())
        self.connection.commit()

    def _figures(self) -> dict[str, Any]:  # any: a JSON object
        """Means over all rows with intervals by problem, as everywhere; of one file, at its present size."""
        reward, accuracy = Clustered(), Clustered()
        problems = 0
        for rewards, total, decided, right in self.connection.execute(
            "SELECT rewards, reward, decided, correct FROM problems"
        ):
            problems += 1
            reward.add(total, rewards)
            accuracy.add(right, decided)
        return {
            "entries": self._entries,
            "problems": problems,
            "reward": [reward.mean, reward.bounded_interval],
            "accuracy": [accuracy.mean, accuracy.share_interval if accuracy.n else None],
        }


class _Batch:
    """Rows on their way into the index."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.rows = 0
        self._entries: list[dict[str, Any]] = []  # any: values of SQLite
        self._problems: dict[int, list[Any]] = {}  # any: as above
        self._counts: Counter[tuple[int, int]] = Counter()
        self._outcomes: Counter[int] = Counter()

    def add(self, place: int, size: int, row: ScoredRow) -> None:
        self.rows += 1
        index = self._index
        fields: dict[str, object] = {}
        for name, value in own_fields(row.fields):
            number = index.number("field", name, MOST_FIELDS)
            if number is not None:
                fields[f"f{number}"] = value
        stands = {"place": place, "size": size, "line": row.line}
        if not row.responses:
            own = row.fields.get("id")
            shown = str(own)[:80] if isinstance(own, str | int) else f"line {row.line}"
            entry: dict[str, object] = {
                "entry": index.next_entry(),
                **stands,
                "part": 0,
                "problem": None,
                "outcome": 3,
                "reward": None,
            }
            self._entries.append({**entry, "chars": 0, "id": shown, "answer": row.error or "no_responses", **fields})
            self._outcomes[3] += 1
            return
        for part, response in enumerate(row.responses):
            scored = response.scored
            problem = int.from_bytes(hashlib.blake2b(scored.problem, digest_size=8).digest(), "big", signed=True)
            outcome = _outcome(scored.correct, [status for _, status, _, _ in scored.verdicts])
            answer = snippet(scored.answer or any_answer(response.verdicts), ANSWER)
            entry = {"entry": index.next_entry(), **stands, "part": part, "problem": problem, "outcome": outcome}
            entry |= {"reward": short(scored.reward), "chars": len(response.text), "id": response.name[:80]}
            for name, _, reason, score in scored.verdicts:
                number = index.number("verifier", name, 32)
                word = index.number("reason", reason, 1_000)
                if number is not None and word is not None:
                    entry |= {f"v{number}": word, f"s{number}": short(score)}
                    self._counts[number, word] += 1
            self._entries.append({**entry, "answer": answer, **fields})
            self._outcomes[outcome] += 1
            sums = self._problems.get(problem)
            if sums is None:
                sums = self._problems[problem] = [*_asked(row), 0, 0.0, 0, 0]
            sums[2] += scored.reward is not None
            sums[3] += scored.reward or 0.0
            sums[4] += scored.correct is not None
            sums[5] += bool(scored.correct)

    def write(self, *, done: bool) -> None:
        database = self._index.connection
        for columns, entries in groupby(sorted(self._entries, key=tuple), key=tuple):
            marks = ", ".join("?" * len(columns))
            statement = f"INSERT INTO rows ({', '.join(columns)}) VALUES ({marks})"
            database.executemany(statement, [tuple(map(_text, entry.values())) for entry in entries])
        database.executemany(
            "INSERT INTO problems VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (problem) DO UPDATE SET "
            "rewards = rewards + excluded.rewards, reward = reward + excluded.reward, "
            "decided = decided + excluded.decided, correct = correct + excluded.correct",
            [(key, *map(_text, sums)) for key, sums in self._problems.items()],
        )
        for (verifier, reason), n in self._counts.items():
            database.execute(
                "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
                (verifier, reason, n),
            )
        for outcome, n in self._outcomes.items():
            database.execute(
                "INSERT INTO outcomes VALUES (?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n", (outcome, n)
            )
        self._index.commit(done=done)


def read_row(path: str | Path, database: sqlite3.Connection, entry: int) -> tuple[bytes, int] | None:
    """The row of an entry as strict JSON, and which of its responses is meant; None where there is none.

    Raises RunError or OSError where the file is gone.
    """
    record = database.execute("SELECT place, size, line, part FROM rows WHERE entry = ?", (entry,)).fetchone()
    if record is None:
        return None
    place, size, line, part = record
    if not _is_packed(Path(path)):
        with Path(path).open("rb") as file:
            file.seek(place)
            text = file.read(size).strip(b" \t\r\n")
        row = ScoredFiles([str(path)]).read(RawRow(0, line, text, None if text else "line_too_long"))
        return row.data, part
    block = database.execute("SELECT first, data FROM blocks WHERE first <= ? ORDER BY first DESC LIMIT 1", (place,))
    first, data = block.fetchone()
    return gzip.decompress(data).split(b"\n")[place - first], part


def _connect(database: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(database, timeout=30, isolation_level="IMMEDIATE")
    try:
        for setting in ("journal_mode = WAL", "synchronous = OFF", f"cache_size = -{CACHE_KIB}"):
            connection.execute(f"PRAGMA {setting}")
    except BaseException:
        connection.close()
        raise
    return connection


def open_index(database: Path) -> closing[sqlite3.Connection]:
    """A reader of an index, which sees whole batches. Raises sqlite3.Error where there is none."""
    return closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=10))


def _outcome(correct: bool | None, statuses: list[str]) -> int:
    if correct is not None:
        return 0 if correct else 1
    return 3 if Status.ERROR.value in statuses else 2


def _asked(row: ScoredRow) -> tuple[str, str]:
    if row.sample is None:
        return "", ""
    return snippet(question(row.sample), SNIPPET), snippet(", ".join(row.sample.references[:3]), ANSWER)


def _text(value: Any) -> Any:  # any: a value for SQLite, which holds no half of a pair and no true or false
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    return str(value).lower() if isinstance(value, bool) else value


def _is_packed(path: Path) -> bool:
    return _head(path, 4).startswith(PACKED)


def _head(path: Path, size: int) -> bytes:
    with suppress(FileNotFoundError), path.open("rb") as file:
        return file.read(size)
    return b""
