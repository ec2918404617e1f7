"""One chunk of rows: parse, judge, write out. Runs in a worker; the parent uses it only for rows whose worker died.

A row's output is its own bytes with the findings added, so that fields pass through untouched.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..rows.decode import decode_row, parse_row
from ..rows.files import RawRow, without_nan
from ..rows.golds import verdict_label
from ..rows.paths import get
from ..rows.reader import Reading, RowReader
from ..verifiers.errors import SampleError
from ..verifiers.registry import CATALOG, is_accuracy
from ..verifiers.reward import Judge, Judged, judge_safely
from ..verifiers.sample import Sample
from ..verifiers.verdict import Reason, Status, Verdict
from .options import WRITTEN


class ScoredResponse(NamedTuple):
    """What the summary keeps of one response."""

    status: str
    """Of the total: scored, skipped or error."""
    reward: float | None
    """The total."""
    verdicts: tuple[tuple[str, str, str, float | None], ...]
    """Per verifier: name, status, reason, score."""
    problem: bytes
    """Hash of what it is grouped by."""
    voter: str | None
    """The verifier that decides whether it is right."""
    correct: bool | None
    """Its decision; None where there is none."""
    answer: str | None
    """What was judged."""
    label: bool | None = None
    """What a column of the row says: right or wrong."""
    missing_modules: tuple[str, ...] = ()
    """Modules that a program or its tests import and the sandbox lacks."""
    spent: tuple[int, int, float] = (0, 0, 0.0)
    """Tokens read and written, and cost, of a model that judges."""


class Done(NamedTuple):
    """One finished row."""

    output: bytes
    """The line to write, without its end."""
    responses: tuple[ScoredResponse, ...]
    """Its responses; empty for a row in error."""
    error: str | None
    """Why the row itself could not be judged."""
    seconds: float
    """Wall time of judging it."""
    name: str
    """How to find it: its id, else its line."""
    reading: Reading | None = None
    """How it was read, where that is not by our own names."""
    by: tuple[str | None, ...] = ()
    """Its values of the fields that the run is broken down by."""
    place: str = ""
    """Its line, with its file where there are several."""


class Mismatch(NamedTuple):
    """An output row that was not made from the input row in its place."""

    line: int


@dataclass(slots=True)
class _Parsed:
    raw: RawRow
    fields: dict[str, Any]  # any: JSON values
    samples: list[Sample]
    plural: bool = False
    error: tuple[str, str] | None = None
    splice: bool = True
    reading: Reading | None = None


class RowScorer:
    """Turns raw rows into finished ones with one judge."""

    def __init__(
        self,
        judge: Judge,
        reader: RowReader,
        group_by: str | None,
        *,
        echo: bool = True,
        prefix: str = "",
        by: Sequence[str] = (),
    ) -> None:
        self._by = tuple(by)
        self._judge = judge
        self._prefix = prefix
        self._written = frozenset(prefix + name for name in WRITTEN)
        self._echo = echo
        self._reader = reader
        self._id = reader.columns.get("id") or "id"
        self._group_by = group_by

    def judge(self, rows: Sequence[RawRow]) -> list[Done]:
        """Judge rows; as many come back, in order."""
        parsed = [self._parse(row) for row in rows]
        samples = [sample for row in parsed for sample in row.samples]
        judged = iter(judge_safely(self._judge, samples))
        return [self._finish_safely(row, [next(judged) for _ in row.samples]) for row in parsed]

    def group(self, row: RawRow) -> object:
        """What the samples of a row are grouped by; the row itself where nothing is."""
        samples = self._parse(row).samples
        group = samples[0].group if samples else None
        return row.place if group is None else hashlib.blake2b(group.encode("utf-8", "replace")).digest()

    def give_up(self, row: RawRow, reason: Reason, detail: str) -> Done:
        """The finished row of one that no worker survived."""
        parsed = self._parse(row)
        verdict = Verdict.error(reason, detail)
        judged = [Judged(verdict, dict.fromkeys(self._judge.asks(sample), verdict)) for sample in parsed.samples]
        return self._finish(parsed, judged)

    def recheck(self, rows: Sequence[RawRow], outputs: Sequence[bytes]) -> list[Done] | Mismatch:
        """Take over rows that an earlier run finished, if they were made from these inputs."""
        done = []
        for row, output in zip(rows, outputs, strict=True):
            parsed = self._parse(row)
            try:
                old = json.loads(output)
                if {k: v for k, v in old.items() if k not in self._written} != self._theirs(parsed.fields):
                    return Mismatch(row.line)
                kept = old[f"{self._prefix}verdicts"]
                per_response = kept if parsed.plural else [kept]
                judged = [self._read_back(verdicts) for verdicts in per_response] if parsed.samples else []
                if len(judged) != len(parsed.samples) or (parsed.error is None) != (f"{self._prefix}error" not in old):
                    return Mismatch(row.line)
            except (ValueError, KeyError, TypeError, AttributeError):
                return Mismatch(row.line)
            done.append(self._finish(parsed, judged)._replace(output=output))
        return done

    def _read_back(self, verdicts: Mapping[str, Any]) -> Judged:
        verdicts_read = {name: Verdict.from_dict(verdict) for name, verdict in verdicts.items()}
        return Judged(self._judge.total(verdicts_read), verdicts_read)

    def _parse(self, row: RawRow) -> _Parsed:
        parsed = _Parsed(row, {}, [])
        try:
            if row.reason == "not_joined":
                parsed.fields, parsed.splice = decode_row(row._replace(reason=None))
            parsed.fields, parsed.splice = decode_row(row)
            seen = parsed.fields
            if row.joined is not None:
                seen = {**parse_row(row.joined), **{key: value for key, value in seen.items() if value is not None}}
            parsed.samples, parsed.plural, parsed.reading = self._reader.read_row(seen)
        except SampleError as error:
            parsed.error = (error.reason, error.message)
        except Exception as error:  # noqa: BLE001 - the boundary: whatever a line holds, it costs one row
            parsed.error = ("wrong_type", f"the row cannot be read: {type(error).__name__}: {str(error)[:100]}")
        if parsed.error:
            parsed.samples.clear()
        return parsed

    def _finish_safely(self, row: _Parsed, judged: Sequence[Judged]) -> Done:
        try:
            return self._finish(row, judged)
        except Exception as error:  # noqa: BLE001 - the boundary: evidence of a user's verifier may be no JSON
            detail = f"the verdict cannot be written: {type(error).__name__}: {str(error)[:200]}"
            verdict = Verdict.error(Reason.GRADER_CRASHED, detail)
            broken = [Judged(verdict, dict.fromkeys(one.verdicts, verdict)) for one in judged]
            return self._finish(row, broken)

    def _finish(self, row: _Parsed, judged: Sequence[Judged]) -> Done:
        added: dict[str, Any]  # any: a JSON object
        if row.error:
            reason, detail = row.error
            added = {"reward": None, "verdicts": {}}
            file = {"file": row.raw.source} if row.raw.source else {}
            added["error"] = {**file, "line": row.raw.line, "reason": reason, "detail": detail}
        elif row.plural:
            rewards = [one.total.score for one in judged]
            known = [reward for reward in rewards if reward is not None]
            added = {
                "reward": sum(known) / len(known) if known else None,
                "rewards": rewards,
                "verdicts": [_plain(one) for one in judged],
            }
        else:
            added = {"reward": judged[0].total.score, "verdicts": _plain(judged[0])}
        seconds = sum(verdict.seconds for one in judged for verdict in one.verdicts.values())
        own = row.fields.get(self._id)
        name = row.raw.place if own is None else str(own)
        kept = tuple(
            self._keep(row, sample, one, part if row.plural else None)
            for part, (sample, one) in enumerate(zip(row.samples, judged, strict=True))
        )
        by = values_at(row.fields, self._by)
        name = name[:80]
        if not name.isprintable():
            name = "".join(char if char.isprintable() else "\ufffd" for char in name)
        output = self._join(row, added) if self._echo else dump(added)
        return Done(output, kept, row.error[0] if row.error else None, seconds, name, row.reading, by, row.raw.place)

    def _join(self, row: _Parsed, added: Mapping[str, Any]) -> bytes:  # any: a JSON object
        if self._prefix:
            added = {self._prefix + name: value for name, value in added.items()}
        if row.splice and row.fields and self._written.isdisjoint(row.fields):
            return row.raw.data[:-1] + b", " + dump(added)[1:]
        fields = self._theirs(row.fields)
        try:
            return dump({**fields, **added})
        except ValueError:  # 1e999 is JSON, and infinite once read
            return dump({**without_nan(fields), **added})

    def _theirs(self, fields: Mapping[str, Any]) -> dict[str, Any]:  # any: JSON values
        """The fields of a row; those with names that are written have `input_` before theirs, so that none is lost."""
        kept: dict[str, Any] = {}  # any: as above
        for key, value in fields.items():
            name = key
            while name in self._written or (name != key and name in fields):
                name = f"input_{name}"
            kept[name] = value
        return kept

    def _keep(self, row: _Parsed, sample: Sample, judged: Judged, part: int | None) -> ScoredResponse:
        used = [path for path in self._reader.columns.values() if path]
        used += [path for _, path in row.reading.fields] if row.reading else []
        verdicts = tuple((name, v.status.value, v.reason.value, v.score) for name, v in judged.verdicts.items())
        voter, correct = decision(verdicts)
        return ScoredResponse(
            status=judged.total.status.value,
            reward=judged.total.score,
            verdicts=verdicts,
            problem=group_key(row.fields, sample, self._group_by, f"{row.raw.file}:{row.raw.line}"),
            voter=voter,
            correct=correct,
            answer=judged.verdicts[voter].answer if voter is not None and correct is not None else None,
            label=verdict_label(row.fields, part, used),
            missing_modules=tuple(
                name for v in judged.verdicts.values() if isinstance(name := v.evidence.get("missing_module"), str)
            ),
            spent=_spent(judged.verdicts),
        )


_APART = ("step", "global_step", "model", "model_name", "checkpoint")
"""Fields whose values are never one group: pass@k of several steps or models together says nothing of any."""


def group_key(fields: Mapping[str, Any], sample: Sample, group_by: str | None, place: str) -> bytes:  # any: JSON values
    """What a response is grouped by: a field of the row, its problem, or the row itself; apart by step and model.

    >>> sample = Sample(response="4", problem="a")
    >>> group_key({"step": 1}, sample, None, "") == group_key({"step": 2}, sample, None, "")
    False
    """
    group = None if group_by is None else get(fields, group_by)
    if group is None:
        group = sample.group
    if group is None:
        group = place
    apart = [(name, str(fields[name])) for name in _APART if name in fields and name != group_by]
    return problem_key((str(group), apart) if apart else group)


def _spent(verdicts: Mapping[str, Verdict]) -> tuple[int, int, float]:
    read, written, cost = 0, 0, 0.0
    for verdict in verdicts.values():
        evidence = verdict.evidence.get("judge", verdict.evidence)  # of a rule that asked a judge, else of the judge
        if "cost" in evidence and "tokens" in evidence:
            read, written = read + evidence["tokens"][0], written + evidence["tokens"][1]
            cost += evidence["cost"]
    return read, written, cost


def values_at(fields: Mapping[str, Any], paths: Sequence[str]) -> tuple[str | None, ...]:  # any: JSON values
    """A row's values of the fields that figures are broken down by."""
    return tuple(None if (value := get(fields, path)) is None else str(value)[:80] for path in paths)


def problem_key(group: object) -> bytes:
    """Hash of what a response is grouped by."""
    return hashlib.blake2b(str(group).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def decision(verdicts: Sequence[tuple[str, str, str, float | None]]) -> tuple[str | None, bool | None]:
    """Who decides about a response, and what: right, wrong or None.

    The accuracy verifier of its kind, or else a verifier of the user's own; format and the like only in a run that has
    no accuracy verifier. `verdicts` are those of `ScoredResponse`: name, status, reason, score.

    >>> decision([("format", "scored", "correct", 1.0), ("math", "scored", "wrong", 0.0)])
    ('math', False)
    >>> decision([("format", "scored", "correct", 1.0), ("math", "skipped", "not_applicable", None)])
    (None, None)
    >>> decision([("format", "scored", "correct", 1.0)])
    ('format', True)
    """
    concerned = [verdict for verdict in verdicts if verdict[1] != _SKIPPED]
    accuracy = {name for name, *_ in verdicts if is_accuracy(name)}
    decisive = next((verdict for verdict in concerned if verdict[0] in accuracy), None)
    if decisive is None:
        decisive = next((verdict for verdict in concerned if not accuracy or verdict[0] not in CATALOG), None)
    if decisive is None:
        return None, None
    name, status, reason, _ = decisive
    if status == _ERROR or reason == Reason.MEASURED:
        return name, None
    return name, reason == Reason.CORRECT


_SKIPPED, _ERROR = Status.SKIPPED.value, Status.ERROR.value


def _plain(judged: Judged) -> dict[str, Any]:  # any: a JSON object
    return {name: verdict.to_dict() for name, verdict in judged.verdicts.items()}


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def dump(value: object) -> bytes:
    """JSON as rows are written. Raises ValueError for NaN, TypeError for what is no JSON."""
    try:
        return _ENCODER.encode(value).encode()
    except UnicodeEncodeError:  # a lone surrogate, which only an escape can hold
        return json.dumps(value, allow_nan=False).encode()
