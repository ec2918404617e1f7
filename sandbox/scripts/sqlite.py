"""A query against a reference query, by what they return on databases in memory; runs inside an isolation.

Only reading is allowed: an authorizer refuses everything else (ATTACH, PRAGMA, writing, extensions), a progress handler
counts steps, and SQLite's own limits bound lengths.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
import sqlite3
from collections import Counter
from typing import Any

Rows = list[tuple[object, ...]]

FILES: list[str] = []
"""Databases as files in base64, which the host puts here."""
_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_REFUSED = ("load_extension", "readfile", "writefile", "edit", "fts3_tokenizer")
_EVERY = 1_000
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|[()]|\bORDER\s+BY\b|\bLIMIT\b", re.IGNORECASE)


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
                golds.append(_golds(database, gold, asked))
            except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
                return "gold", f"the reference query fails: {error}"
        has_rows = has_rows or any(gold[0] for gold in golds)
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
        turns = _turns(rows, golds) if asked.get("columns") == "any" else [rows]
        if not any(_same(turn, gold, asked["ordered"], asked["set"]) for turn in turns for gold in golds):
            return "wrong", f"it returns {_shown(rows)}, not {_shown(golds[0][0])}"
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


def _rows(database: sqlite3.Connection, query: str, most: int) -> Rows:
    cursor = database.execute(query)
    if cursor.description is None:
        raise ValueError("it returns nothing: it is no query")
    rows = cursor.fetchmany(most + 1)
    if len(rows) > most:
        raise ValueError(f"it returns more than {most} rows")
    return [tuple(map(_value, row)) for row in rows]


def _golds(database: sqlite3.Connection, query: str, asked: dict[str, Any]) -> list[Rows]:  # any: JSON values
    """What a reference returns, and where its ORDER BY may leave rows tied, what it returns with them by their columns,
    upwards and downwards."""
    most = 10 * asked["rows"]
    rows = _rows(database, query, most)
    orders = [match for match in _TOKEN.finditer(query) if _depth(query, match.start()) == 0 and match[0][0] in "oOlL"]
    by = max((at for at, match in enumerate(orders) if match[0][0] in "oO"), default=None)
    if not asked.get("ties") or by is None or not rows:
        return [rows]
    end = orders[by + 1].start() if by + 1 < len(orders) else len(query)
    columns = range(1, len(rows[0]) + 1)
    both = (", ".join(f"{column}{way}" for column in columns) for way in ("", " DESC"))
    try:
        return [rows, *(_rows(database, f"{query[:end].rstrip()}, {terms} {query[end:]}", most) for terms in both)]
    except (sqlite3.Error, sqlite3.Warning, ValueError):
        return [rows]


def _depth(query: str, end: int) -> int:
    tokens = [match[0] for match in _TOKEN.finditer(query[:end])]
    return tokens.count("(") - tokens.count(")")


def _turns(rows: Rows, golds: list[list[Rows]]) -> list[Rows]:
    """The rows with their columns in each order in which they hold what a gold's columns do; a few orders at most."""
    turns = []
    for gold, *_ in golds:
        if not rows or not gold or len(rows[0]) != len(gold[0]) or len(rows) > 10_000:
            continue
        have, expected = ([sorted(map(repr, column)) for column in zip(*table, strict=True)] for table in (rows, gold))
        fitting = [[at for at, column in enumerate(have) if column == other] for other in expected]
        orders = itertools.islice(itertools.product(*fitting), 1_000)
        turns += [[tuple(row[at] for at in order) for row in rows] for order in orders if len({*order}) == len(order)][
            :8
        ]
    return turns


def _value(value: object) -> object:
    """Numbers to twelve digits, as sums in another order have them."""
    if isinstance(value, float):
        return int(value) if abs(value) < 1e15 and value == int(value) else float(f"{value:.12g}")
    return value


def _same(rows: Rows, golds: list[Rows], ordered: bool, as_set: bool) -> bool:
    """Whether rows are those of the reference; in order, but for rows that its ORDER BY leaves tied."""
    if as_set:
        return set(rows) == set(golds[0])
    if not ordered:
        return sorted(rows, key=_key) == sorted(golds[0], key=_key)
    if rows in golds or len(rows) != len(golds[0]):
        return rows in golds
    # Between two places up to which both orders have had the same rows, rows are tied.
    begin, different = 0, Counter[tuple[object, ...]]()
    for end, (upwards, downwards) in enumerate(zip(golds[-2], golds[-1], strict=False) if golds[1:] else (), 1):
        for row, step in ((upwards, 1), (downwards, -1)):
            different[row] += step
            if not different[row]:
                del different[row]
        if not different:
            if Counter(rows[begin:end]) != Counter(golds[-1][begin:end]):
                return False
            begin, different = end, Counter()
    return begin == len(rows)


def _key(row: tuple[object, ...]) -> list[tuple[str, str]]:
    return [("n" if isinstance(value, int | float) else type(value).__name__, repr(value)) for value in row]


def _shown(rows: Rows) -> str:
    return f"{len(rows)} rows, first {rows[0]!r:.80}" if rows else "no rows"
