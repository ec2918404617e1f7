"""A query against a reference query, by what they return on databases in memory; runs inside an isolation.

Only reading is allowed: an authorizer refuses everything else (ATTACH, PRAGMA, writing, extensions), a progress handler
counts steps, and SQLite's own limits bound lengths.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from typing import Any

FILES: list[str] = []
"""Databases as files in base64, which the host puts here."""
_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_REFUSED = ("load_extension", "readfile", "writefile", "edit", "fts3_tokenizer")
_EVERY = 1_000


def judge(request: str) -> tuple[str, str]:
    """`right`, `wrong`, `failed` or `steps` of the query, `gold`, `data` or `empty` of the row, and a sentence."""
    asked = json.loads(request)
    filled = has_rows = False
    for setup in [*asked["databases"], *FILES]:
        try:
            database = _open(setup)
        except (sqlite3.Error, ValueError, TypeError) as error:
            return "data", f"the database cannot be made: {error}"
        filled = filled or _has_rows(database)
        golds = []
        reads = _read_only(database, 20 * asked["steps"])
        for gold in asked["golds"]:
            try:
                golds.append(_rows(database, gold, 10 * asked["rows"]))
            except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
                return "gold", f"the reference query fails: {error}"
        has_rows = has_rows or any(golds)
        from_tables = bool(reads)
        reads = _read_only(database, asked["steps"])
        try:
            rows = _rows(database, asked["query"], asked["rows"])
        except sqlite3.OperationalError as error:
            return ("steps" if "interrupt" in str(error) else "failed"), f"the query fails: {error}"
        except (sqlite3.Error, sqlite3.Warning, ValueError, MemoryError) as error:
            return "failed", f"the query fails: {error}"
        if from_tables and not reads:
            return "wrong", "it reads no table, where the reference does"
        if not any(_same(rows, gold, asked["ordered"], asked["set"]) for gold in golds):
            return "wrong", f"it returns {_shown(rows)}, not {_shown(golds[0])}"
        database.close()
    if not filled:
        return "data", "the databases hold no rows, so that many wrong queries would be right"
    return (
        ("right", "the query returns what the reference does")
        if has_rows
        else ("empty", "the reference returns nothing")
    )


def _open(setup: Any) -> sqlite3.Connection:  # any: a file's base64, or JSON values
    """A database in memory. Raises sqlite3.Error, ValueError and TypeError for what makes none."""
    database = sqlite3.connect(":memory:", cached_statements=0)
    database.text_factory = lambda data: data.decode("utf-8", "replace")
    if isinstance(setup, str):
        database.deserialize(base64.b64decode(setup))
        return database
    schema, data = setup["schema"], setup["data"]
    if isinstance(data, str) and "CREATE TABLE" in data.upper():
        schema = ""  # the data bring their own
    database.executescript(schema)
    if isinstance(data, str) and data.lstrip()[:1] == "{":
        data = json.loads(data)
    if isinstance(data, dict):
        for table, rows in data.items():
            for row in rows:
                _insert(database, table, row)
    elif data is not None:
        database.executescript(data if isinstance(data, str) else ";\n".join(data))
    database.commit()
    return database


def _insert(database: sqlite3.Connection, table: str, row: Any) -> None:  # any: JSON values
    names = f" ({', '.join(map(_quoted, row))})" if isinstance(row, dict) else ""
    values = list(row.values()) if isinstance(row, dict) else list(row)
    marks = ", ".join("?" * len(values))
    database.execute(f"INSERT INTO {_quoted(table)}{names} VALUES ({marks})", values)  # noqa: S608 - names are quoted


def _quoted(name: object) -> str:
    return '"' + str(name).replace('"', '""') + '"'


def _has_rows(database: sqlite3.Connection) -> bool:
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return any(database.execute(f"SELECT 1 FROM {_quoted(name)} LIMIT 1").fetchone() for name in tables)  # noqa: S608


def _read_only(database: sqlite3.Connection, steps: int) -> set[object]:
    """Allow reading alone, and so many steps; the tables that are read from now on."""
    reads: set[object] = set()
    left = [max(1, steps // _EVERY)]

    def counted() -> bool:
        left[0] -= 1
        return left[0] < 0

    def allowed(action: int, _: object, name: object, *__: object) -> int:
        if action == sqlite3.SQLITE_READ:
            reads.add(name)
        fine = action in _READING and not (action == sqlite3.SQLITE_FUNCTION and str(name).lower() in _REFUSED)
        return sqlite3.SQLITE_OK if fine else sqlite3.SQLITE_DENY

    database.set_progress_handler(counted, _EVERY)
    database.set_authorizer(allowed)
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1 << 22)
    database.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, 1 << 20)
    database.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    database.setlimit(sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 200)
    return reads


def _rows(database: sqlite3.Connection, query: str, most: int) -> list[tuple[object, ...]]:
    cursor = database.execute(query)
    if cursor.description is None:
        raise ValueError("it returns nothing: it is no query")
    rows = cursor.fetchmany(most + 1)
    if len(rows) > most:
        raise ValueError(f"it returns more than {most} rows")
    return [tuple(map(_value, row)) for row in rows]


def _value(value: object) -> object:
    """Numbers to twelve digits, as sums in another order have them."""
    if isinstance(value, float):
        return int(value) if abs(value) < 1e15 and value == int(value) else float(f"{value:.12g}")
    return value


def _same(one: list[tuple[object, ...]], other: list[tuple[object, ...]], ordered: bool, as_set: bool) -> bool:
    if as_set:
        return set(one) == set(other)
    if ordered:
        return one == other
    return len(one) == len(other) and sorted(one, key=_key) == sorted(other, key=_key)


def _key(row: tuple[object, ...]) -> list[tuple[str, str]]:
    return [("n" if isinstance(value, int | float) else type(value).__name__, repr(value)) for value in row]


def _shown(rows: list[tuple[object, ...]]) -> str:
    return f"{len(rows)} rows, first {rows[0]!r:.80}" if rows else "no rows"
