"""The first rows of a run: where they all fail alike, nothing is written, and the run says why and what would fit."""

from __future__ import annotations

from collections.abc import Sequence

from ..rows.decode import decode_row, parse_row
from ..rows.files import RawRow
from ..rows.hints import fields_of, joined_by, suggestion
from ..rows.reader import RowReader
from ..verifiers.errors import RunError, SampleError
from ..verifiers.escape import escape_unprintable
from ..verifiers.verdict import Reason, Status
from .work import Done

FIRST = 20
"""Rows that are waited for before anything is written."""
_NOT_THE_ROWS = (Reason.JUDGE_UNAVAILABLE.value, Reason.JUDGE_UNCLEAR.value)
_NO_GOLD = (Reason.REFERENCE_MISSING.value, Reason.NOT_APPLICABLE.value)


_LACKING = ("missing_field", Reason.REFERENCE_MISSING.value)


class NothingScoredError(RunError):
    """The first rows all fail alike, and nothing was written."""


def check_first(rows: Sequence[RawRow], done: Sequence[Done], reader: RowReader) -> None:
    """Raise NothingScoredError where all of the rows fail for one reason."""
    reasons = [_failure(one) for one in done]
    reason = reasons[0]
    if reason is None or any(other != reason for other in reasons):
        return
    # What the columns hold is beside the point where a model could not be asked.
    columns = "" if reason in _NOT_THE_ROWS else f"\n{explain(rows[0], reader, reason)}"
    raise NothingScoredError(
        f"the first {len(done)} rows all fail alike: {_words(done[0], reason)}; nothing was written "
        f"(--keep-going writes them all the same){columns}"
    )


def explain(raw: RawRow, reader: RowReader, reason: str) -> str:
    """What a row holds, what was looked for, and the flags that would fit."""
    try:
        row = decode_row(raw._replace(reason=None) if raw.data else raw)[0]
    except SampleError as error:
        return f"{raw.place}: {escape_unprintable(error.message)}"
    if raw.joined is not None:
        row = {**parse_row(raw.joined), **row}
    lines = [
        f"{raw.place} has: {escape_unprintable(fields_of(row))}",
        escape_unprintable(reader.looked_for([row], response=True)),
    ]
    lacking = ("reference",) if reason in _NO_GOLD else ("response", "reference")
    way = suggestion(reader, row, lacking) if reason in (*_NO_GOLD, "missing_field", "wrong_type") else None
    lines += [f"this may fit: {escape_unprintable(way)}"] if way else []
    if reason in (*_NO_GOLD, "missing_field") and raw.joined is None and "reference" not in reader.columns:
        key = None if way is not None and ("reference=" in way or "--from" in way) else joined_by(row)
        lines += [f"golds in another file: --join FILE --on {escape_unprintable(key)}"] if key else []
    if reason == Reason.NOT_APPLICABLE.value:
        lines.append("no reward applies to these rows: name one with --reward, or say where the gold is")
    return "\n".join(lines)


def explained(rows: Sequence[RawRow], done: Sequence[Done], reader: RowReader) -> list[str]:
    """A note on the first of the first rows that lacks a response or a gold, for files too short to be refused."""
    for raw, one in zip(rows, done, strict=True):
        reason = _failure(one)
        if reason in _LACKING:
            return explain(raw, reader, reason).split("\n")
    return []


def absent_fields(rows: Sequence[RawRow], reader: RowReader) -> list[str]:
    """A note for each mapped field that none of the rows has."""
    lacking: set[str] | None = None
    for raw in rows:
        try:
            row = decode_row(raw)[0]
        except SampleError:
            continue
        here = set(reader.absent({**(parse_row(raw.joined) if raw.joined else {}), **row}))
        lacking = here if lacking is None else lacking & here
    return [f"none of the first {len(rows)} rows has what --map {one} names" for one in sorted(lacking or ())]


def _failure(done: Done) -> str | None:
    """Why a row has no score; None where it has one."""
    if done.error:
        return done.error
    reasons: set[str] = set()
    for response in done.responses:
        if response.status == Status.SCORED:
            return None
        reasons.update(reason for _, status, reason, _ in response.verdicts if status == response.status)
    return "+".join(sorted(reasons)) if reasons else Reason.NOT_APPLICABLE.value


def _words(done: Done, reason: str) -> str:
    import json

    detail = _detail(json.loads(done.output), {done.error} if done.error else {*reason.split("+")})
    words = done.error or reason.replace("_", " ")
    return f"{words}: {escape_unprintable(detail)}" if detail else words


def _detail(value: object, reasons: set[str]) -> str | None:
    """The first sentence in a row, or its verdicts, that says more about one of some reasons."""
    if isinstance(value, dict):
        detail = value.get("detail")
        if value.get("reason") in reasons and isinstance(detail, str):
            return detail
        value = list(value.values())
    details = (_detail(one, reasons) for one in value) if isinstance(value, list) else ()
    return next((one for one in details if one), None)
