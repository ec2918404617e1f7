"""Questions that the page asks of an index: which rows, in which order, and how many.

Every question has a deadline. One that takes longer is ended and says so; nothing is shown as if it were all.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from ...verifiers.errors import RunError
from ...verifiers.registry import is_accuracy
from .index import OUTCOMES

DEADLINE = 5.0
"""Seconds that one question may take."""
MOST_ROWS = 200
"""Rows of one answer."""
MOST_SIBLINGS = 64
_STEPS = 20_000
"""Instructions of SQLite between two looks at the clock."""
COMPARISONS = ("=", "!=", "~", "<", ">", "has")


class SlowQueryError(RunError):
    """The question took longer than it may."""


class Question(NamedTuple):
    """What the page asks to see."""

    text: str = ""
    """In the id, the answer, the prompt or the reference."""
    outcome: str = ""
    """One of OUTCOMES; empty for any."""
    reasons: Sequence[str] = ()
    """Each `verifier:reason`."""
    where: Sequence[tuple[str, str, str]] = ()
    """Filters by own fields: name, one of COMPARISONS, value."""
    sort: str = ""
    """A column, a verifier or a field; with `-` before it from the largest down."""
    first: int = 0
    limit: int = 100


def rows(database: sqlite3.Connection, question: Question) -> dict[str, Any]:  # any: a JSON object
    """The rows that fit, from the first that was asked for, and how many there are in all.

    `total` is None where counting them takes longer than DEADLINE. Raises SlowQueryError where finding them does, and
    RunError for a question about nothing.
    """
    names = _Names(database)
    condition, values = _condition(names, question)
    order = _order(names, question.sort)
    where = f"WHERE {condition}" if condition else ""
    count = max(0, min(question.limit, MOST_ROWS))
    columns = ["entry", "part", "problem", "outcome", "reward", "chars", "id", "answer"]
    columns += [f"v{number}" for number in names.verifiers.values()] + [f"s{n}" for n in names.verifiers.values()]
    columns += [f"f{number}" for number in names.fields.values()]
    if not condition and not question.sort:
        records = _ask(
            database,
            f"SELECT {', '.join(columns)} FROM rows WHERE entry >= ? ORDER BY entry LIMIT ?",
            (question.first, count),
        )
        total: int | None = int(_meta(database, "entries") or 0)
    else:
        records = _ask(
            database,
            f"SELECT {', '.join(columns)} FROM rows {where} ORDER BY {order} LIMIT ? OFFSET ?",
            (*values, count, question.first),
        )
        total = _total(database, condition, values, question)
    return {"total": total, "first": question.first, "rows": _answer(database, names, records)}


def siblings(database: sqlite3.Connection, entry: int) -> dict[str, Any]:  # any: a JSON object
    """The responses to the problem of an entry, MOST_SIBLINGS of them at most, and how many there are."""
    names = _Names(database)
    columns = "entry, part, problem, outcome, reward, chars, id, answer"
    asked = "(SELECT problem FROM rows WHERE entry = ?)"
    records = _ask(
        database, f"SELECT {columns} FROM rows WHERE problem = {asked} ORDER BY entry LIMIT ?", (entry, MOST_SIBLINGS)
    )
    ((total,),) = _ask(database, f"SELECT count(*) FROM rows WHERE problem = {asked}", (entry,))
    if not records:
        records = _ask(database, f"SELECT {columns} FROM rows WHERE entry = ?", (entry,))
        total = len(records)
    return {"total": total, "rows": _answer(database, names, records, short=True)}


def figures(database: sqlite3.Connection) -> dict[str, Any]:  # any: a JSON object
    """How far the index is, what was counted, and the means that were computed last."""
    names = _Names(database)
    meta = dict(database.execute("SELECT name, value FROM meta WHERE name IN ('entries', 'rows', 'done', 'offset')"))
    reasons: dict[str, dict[str, int]] = {}
    verifiers, words = ({number: name for name, number in one.items()} for one in (names.verifiers, names.reasons))
    for verifier, reason, n in database.execute("SELECT verifier, reason, n FROM counts ORDER BY verifier, n DESC"):
        reasons.setdefault(verifiers[verifier], {})[words[reason]] = n
    outcomes = dict.fromkeys(OUTCOMES, 0)
    for outcome, n in database.execute("SELECT outcome, n FROM outcomes"):
        outcomes[OUTCOMES[outcome]] = n
    computed = _meta(database, "figures")
    return {
        **{name: meta.get(name, 0) for name in ("entries", "rows", "done", "offset")},
        "outcomes": outcomes,
        "verifiers": reasons,
        "deciders": [name for name in reasons if is_accuracy(name)],
        "fields": list(names.fields),
        "figures": None if computed is None else json.loads(computed),
    }


class _Names:
    """Names with their numbers, as the index has them now."""

    def __init__(self, database: sqlite3.Connection) -> None:
        by_kind: dict[str, dict[str, int]] = {"verifier": {}, "field": {}, "reason": {}}
        for kind, number, name in database.execute("SELECT kind, number, name FROM names ORDER BY number"):
            by_kind[kind][name] = number
        self.verifiers, self.fields, self.reasons = by_kind["verifier"], by_kind["field"], by_kind["reason"]


def _condition(names: _Names, question: Question) -> tuple[str, list[Any]]:  # any: values of SQLite
    parts: list[str] = []
    values: list[Any] = []  # any: as above
    if question.outcome:
        if question.outcome not in OUTCOMES:
            raise RunError(f"no outcome is called {question.outcome[:40]!r}; they are {', '.join(OUTCOMES)}")
        parts.append("outcome = ?")
        values.append(OUTCOMES.index(question.outcome))
    for one in question.reasons:
        verifier, _, reason = one.rpartition(":")
        if verifier not in names.verifiers:
            raise RunError(f"no verifier is called {verifier[:80]!r} here")
        parts.append(f"v{names.verifiers[verifier]} = ?")
        values.append(names.reasons.get(reason, -1))
    for name, how, value in question.where:
        part, some = _comparison(names, name, how, value)
        parts.append(part)
        values += some
    if question.text:
        within = " OR ".join(f"instr(lower({column}), ?)" for column in ("id", "answer"))
        asked = "problem IN (SELECT problem FROM problems WHERE instr(lower(prompt), ?) OR instr(lower(reference), ?))"
        parts.append(f"({within} OR {asked})")
        values += [question.text.lower()] * 4
    return " AND ".join(parts), values


def _comparison(names: _Names, name: str, how: str, value: str) -> tuple[str, list[Any]]:  # any: values of SQLite
    if name not in names.fields or how not in COMPARISONS:
        raise RunError(f"no field is called {name[:80]!r}, or {how[:10]!r} is none of {', '.join(COMPARISONS)}")
    column = f"f{names.fields[name]}"
    number = _number(value)
    if how == "has":
        return f"{column} IS NOT NULL", []
    if how == "~":
        return f"instr(lower(CAST({column} AS TEXT)), ?)", [value.lower()]
    if how in ("<", ">"):
        if number is None:
            raise RunError(f"{value[:40]!r} is no number, and only numbers are above or below")
        return f"(typeof({column}) IN ('integer', 'real') AND {column} {how} ?)", [number]
    same = f"({column} = ? OR {column} = ?)"
    return (same if how == "=" else f"({column} IS NULL OR NOT {same})"), [value, value if number is None else number]


def _order(names: _Names, sort: str) -> str:
    name, down = sort.removeprefix("-"), sort.startswith("-")
    if not name:
        return "entry"
    known = {"reward": "reward", "chars": "chars", "id": "id", "answer": "answer", "outcome": "outcome"}
    known |= {f"verifier {verifier}": f"s{number}" for verifier, number in names.verifiers.items()}
    known |= {f"field {field}": f"f{number}" for field, number in names.fields.items()}
    if name not in known:
        raise RunError(f"nothing here is called {name[:80]!r} that rows could be sorted by")
    column = known[name]
    # Ties go with the order of entries, which an index on the column keeps; what has no value comes last.
    return f"{column} {'DESC' if down else 'ASC'} NULLS LAST, entry {'DESC' if down else 'ASC'}"


def _total(
    database: sqlite3.Connection,
    condition: str,
    values: Sequence[Any],  # any: values of SQLite
    question: Question,
) -> int | None:
    if not condition:
        return int(_meta(database, "entries") or 0)
    if question.outcome and condition == "outcome = ?":
        row = database.execute("SELECT n FROM outcomes WHERE outcome = ?", values).fetchone()
        return 0 if row is None else int(row[0])
    try:
        return int(_ask(database, f"SELECT count(*) FROM rows WHERE {condition}", values)[0][0])
    except SlowQueryError:
        return None


def _ask(database: sqlite3.Connection, statement: str, values: Sequence[Any]) -> list[Any]:  # any: rows of SQLite
    until = time.monotonic() + DEADLINE
    database.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
    try:
        return database.execute(statement, tuple(values)).fetchall()
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):
            raise SlowQueryError(f"this takes longer than {DEADLINE:g} s; ask for less") from None
        raise
    finally:
        database.set_progress_handler(None, 0)


def _answer(
    database: sqlite3.Connection,
    names: _Names,
    records: Sequence[Sequence[Any]],  # any: rows of SQLite
    *,
    short: bool = False,
) -> list[dict[str, Any]]:  # any: JSON objects
    words = {number: name for name, number in names.reasons.items()}
    verifiers, fields = (() if short else tuple(one) for one in (names.verifiers, names.fields))
    asked = _prompts(database, {row[2] for row in records if row[2] is not None})
    made = []
    for entry, part, problem, outcome, reward, chars, name, answer, *rest in records:
        codes, scores, own = (
            rest[: len(verifiers)],
            rest[len(verifiers) : 2 * len(verifiers)],
            rest[2 * len(verifiers) :],
        )
        prompt, reference = asked.get(problem, ("", ""))
        made.append(
            {
                "entry": entry,
                "part": part,
                "outcome": OUTCOMES[outcome],
                "reward": reward,
                "chars": chars,
                "id": name,
                "answer": answer,
                "prompt": prompt,
                "reference": reference,
                "verdicts": {
                    verifier: [words[code], score]
                    for verifier, code, score in zip(verifiers, codes, scores, strict=True)
                    if code is not None
                },
                "fields": {field: value for field, value in zip(fields, own, strict=True) if value is not None},
            }
        )
    return made


def _prompts(database: sqlite3.Connection, problems: set[int]) -> dict[int, tuple[str, str]]:
    marks = ", ".join("?" * len(problems))
    records = database.execute(
        f"SELECT problem, prompt, reference FROM problems WHERE problem IN ({marks})", tuple(problems)
    )
    return {problem: (prompt, reference) for problem, prompt, reference in records}


def _meta(database: sqlite3.Connection, name: str) -> Any:  # any: a value of SQLite
    row = database.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else row[0]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
