"""Queries of SQL, judged by what they return on the row's own databases next to the reference query.

SQLite in memory, inside the sandbox, with bounds on steps, time, memory and rows: an authorizer allows reading alone,
so that there is no ATTACH, PRAGMA, extension or writing. Rows are compared as a bag, in order where the reference has
an outer ORDER BY or the row says so, but for rows that this leaves tied; columns by place, not by name; numbers to
twelve digits. A query that reads no table, where the reference does, is wrong whatever it returns.

The databases are in the row: `schema` with `data` (SQL text, or an object of rows by table), or `databases`, several of
them, on all of which the query must be right; or files, `DIR/DB_ID/DB_ID.sqlite` of the option `databases`, as BIRD and
Spider have them. What it does not do: judge a query by its text. Databases without rows, and a reference that returns
none anywhere, are errors, since many wrong queries would be right.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ..sandbox.limits import Limits
from ..sandbox.scripts import script
from .format.verifier import clean
from .instructions.text import without_hidden
from .procedural import BOUNDS, fault_of
from .reasoning import Prefilled, scan
from .references import literal
from .sample import Sample
from .settings import Amount, Count, check
from .verdict import Reason, Verdict
from .verifier import judge_grouped

_QUERY = re.compile(r"(?:--[^\n]*\n|/\*.{0,400}?\*/|\s|\()*(?:SELECT|WITH|VALUES)\b", re.IGNORECASE | re.DOTALL)
_STATEMENT = re.compile(r"(?:^|\n|:)\s*((?:SELECT|WITH)\b.*)", re.IGNORECASE | re.DOTALL)
_LONGEST = 20_000
_LARGEST = 16 << 20
"""Bytes of a database file."""
_NAMES = ("schema", "create_table", "create_table_statement", "sql_context", "db_schema", "ddl")


class _Task(NamedTuple):
    query: str
    request: str
    files: tuple[str, ...]


class _RowError(Exception):
    """The row's databases are not available; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlVerifier:
    """1 if the query returns what the reference query does, on every database of the row, else 0.

    Evidence: `backend`, `environment`.
    """

    name = "sql"
    """The key of its verdicts."""
    databases: str | None = None
    """Folder of database files, by the row's `db_id`."""
    order: Literal["auto", "given", "any"] = "auto"
    """Whether the order of rows counts: `auto`: where the reference has an outer ORDER BY; a row's own goes before."""
    columns: Literal["given", "any"] = "given"
    """Whether columns may come in another order, as in Spider's test suite; BIRD's own measure says no."""
    duplicates: bool = True
    """Whether it counts how often a row is returned; BIRD's own measure does not."""
    steps: Count = 20_000_000
    """Steps of SQLite's virtual machine that a query may take."""
    rows: Count = 10_000
    """Rows that it may return."""
    time_s: Amount = 10.0
    """Processor time of one row, seconds."""
    memory_mb: Count = 512
    """Its memory, MiB."""
    backend: str = "auto"
    """Where it runs: see `sandbox`."""
    slots: int | None = None
    """How many sandboxes there are at once; None: one a processor."""
    prefilled: Prefilled = "auto"
    """Whether the prompt gave the opening `<think>`."""

    def __post_init__(self) -> None:
        check(self, self.name)

    def response_to(self, reference: str) -> str:
        """A response whose query is the reference."""
        return f"```sql\n{reference}\n```"

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample; those on the same files share a sandbox."""
        return judge_grouped(self._task, lambda task: task.files, self._run, samples)

    def _task(self, sample: Sample) -> _Task | Verdict:
        golds = [gold.strip().rstrip(";") for gold in sample.references if gold.strip()]
        if not golds:
            return Verdict.error(Reason.REFERENCE_MISSING, "the sample has no reference query")
        if not all(map(_QUERY.match, golds)):
            return Verdict.error(Reason.REFERENCE_UNUSABLE, f"the reference {golds[0]!r:.80} is no query")
        order = sample.meta.get("order", self.order)
        if order not in ("auto", "given", "any"):
            return Verdict.error(Reason.REFERENCE_UNPARSEABLE, f"order is {order!r:.60}; it must be auto, given or any")
        try:
            databases, files = self._databases(sample)
        except _RowError as error:
            return Verdict.error(Reason.TESTS_MISSING, str(error))
        query = _query(sample, self.prefilled)
        if not query:
            return Verdict.scored(0.0, Reason.NO_ANSWER, "the response holds no query")
        if len(query) > _LONGEST:
            return Verdict.scored(0.0, Reason.WRONG, f"the query has {len(query)} characters", answer=query[:400])
        request = {"databases": databases, "golds": golds, "query": query, "steps": self.steps, "rows": self.rows}
        request |= {
            "ordered": order == "given" or (order == "auto" and _is_ordered(golds[0])),
            "set": not self.duplicates,
            "ties": order == "auto" and _is_ordered(golds[0]),
            "columns": self.columns,
        }
        return _Task(query, json.dumps(request), files)

    def _databases(self, sample: Sample) -> tuple[list[dict[str, Any]], tuple[str, ...]]:  # any: JSON values
        """The row's databases, each with `schema` and `data`, or else the paths of files. Raises _RowError."""
        meta = sample.meta
        schema = next((meta[name] for name in _NAMES if isinstance(meta.get(name), str | list)), "")
        schema = ";\n".join(map(str, schema)) if isinstance(schema, list) else str(schema)
        data = meta.get("data", meta.get("inserts"))
        listed = meta.get("databases", [{"data": data}] if schema or data else [])
        listed = literal(listed) if isinstance(listed, str) and listed.strip()[:1] == "[" else listed
        if listed:
            databases = [
                one if isinstance(one, Mapping) else {"data": one}
                for one in (listed if isinstance(listed, list) else [listed])
            ]
            return [
                {"schema": one.get("schema", schema), "data": one.get("data", _tables(one))} for one in databases
            ], ()
        name = sample.meta.get("db_id")
        if self.databases is None or not isinstance(name, str) or not re.fullmatch(r"[\w\-]+", name):
            raise _RowError("the row has no schema and data; sql.databases says where the files of db_id are")
        for path in (f"{name}/{name}.sqlite", f"{name}/{name}.db", f"{name}.sqlite", f"{name}.db"):
            if Path(self.databases, path).is_file():
                return [], (str(Path(self.databases, path)),)
        raise _RowError(f"{self.databases} has no {name}/{name}.sqlite")

    def _run(self, files: Sequence[str], tasks: Sequence[_Task]) -> list[Verdict]:
        from ..sandbox.functions import call_function
        from ..sandbox.pool import Pool, shared

        try:
            source = f"{script('sqlite', 'sqlite3')}\nFILES = {[_file(path) for path in files]!r}\n"
        except _RowError as error:
            return [Verdict.error(Reason.TESTS_MISSING, str(error)) for _ in tasks]
        limits = Limits(time_s=self.time_s, memory_mb=self.memory_mb, processes=8, disk_mb=1)
        pool = shared(Pool(backend=self.backend, size=self.slots))
        replies = call_function(pool, source, "judge", [(task.request,) for task in tasks], limits=limits)
        return [_verdict(task, reply) for task, reply in zip(tasks, replies, strict=True)]


def _verdict(task: _Task, reply: Any) -> Verdict:  # any: a Reply
    answer, evidence = task.query[:400], {"backend": reply.backend, "environment": reply.environment}
    fault = fault_of(reply)
    if fault is not None:
        return fault
    if reply.outcome in BOUNDS:
        return Verdict.scored(0.0, BOUNDS[reply.outcome], reply.detail, answer=answer, evidence=evidence)
    if not isinstance(reply.value, tuple) or len(reply.value) != 2:
        return Verdict.error(Reason.GRADER_CRASHED, f"the comparison failed: {reply.detail[:300]}", answer=answer)
    word, detail = map(str, reply.value)
    if word in ("gold", "data", "empty"):
        return Verdict.error(Reason.REFERENCE_UNUSABLE, detail[:500], answer=answer, evidence=evidence)
    reason = {"right": Reason.CORRECT, "failed": Reason.RUNTIME_ERROR, "steps": Reason.TIMEOUT}.get(word, Reason.WRONG)
    return Verdict.scored(float(word == "right"), reason, detail[:500], answer=answer, evidence=evidence)


def _query(sample: Sample, prefilled: Prefilled) -> str:
    """The query of a response: its answer block, the last fence, a box, or what begins with SELECT."""
    text = scan(clean(without_hidden(sample.response)), sample.prompt, prefilled=prefilled).answer
    fences = [fence for fence in scan(text).fences if fence.language in ("sql", "sqlite", "")] if "```" in text else []
    if fences:
        text = fences[-1].body.of(text)
    if not _QUERY.match(text):
        stated = _STATEMENT.search(text)
        text = stated[1].split("\n\n", 1)[0].split(";", 1)[0] if stated else ""
    return text.strip().rstrip(";").strip()


def _is_ordered(query: str) -> bool:
    """Whether a query has an ORDER BY outside of brackets."""
    depth, last = 0, -1
    for token in re.finditer(r"'(?:[^']|'')*'|\"[^\"]*\"|[()]|\bORDER\s+BY\b", query, re.IGNORECASE):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if token[0][:1] in "oO" and depth == 0:
            last = token.start()
    return last >= 0


def _tables(database: Mapping[str, Any]) -> dict[str, Any] | None:  # any: JSON values
    """Rows by table, where an object holds them without `data`."""
    return {name: rows for name, rows in database.items() if isinstance(rows, list)} or None


@lru_cache(maxsize=16)
def _file(path: str) -> str:
    """A database file in base64. Raises _RowError."""
    data = Path(path).read_bytes()
    if len(data) > _LARGEST:
        raise _RowError(f"{path} has {len(data) >> 20} MiB; {_LARGEST >> 20} are sent into a sandbox")
    return base64.b64encode(data).decode()
