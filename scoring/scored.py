"""Scored rows read back: what `score` wrote, or anybody else in the same form. Nothing is judged again.

Rows are checked, not trusted: one that is not JSON or whose verdicts are no verdicts becomes a row in error.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from ..rows.decode import decode_row, parse_row
from ..rows.files import Input, RawRow, without_nan
from ..rows.golds import verdict_label
from ..rows.reader import RowReader
from ..rows.settled import settle
from ..verifiers.errors import SampleError
from ..verifiers.sample import SAMPLE_FIELDS, Sample
from ..verifiers.verdict import REASONS_OF, Status
from .options import WRITTEN
from .work import ScoredResponse, decision, group_key

MOST_VERIFIERS = 32
"""Verifiers that are told apart in one file; the verdicts of more are left in their rows."""

VerdictEntry = tuple[str, str, str, float | None]
"""A verdict in short: name, status, reason, score."""


class Response(NamedTuple):
    """One scored response of a row."""

    name: str
    """Its row's id, or its line; with its number where the row has several."""
    text: str
    """What the model wrote."""
    scored: ScoredResponse
    """What was found."""
    verdicts: Mapping[str, Mapping[str, Any]]  # any: JSON values
    """Its verdicts, as they stand in the row."""


class ScoredRow(NamedTuple):
    """One row of a scored file."""

    file: int
    line: int
    data: bytes
    """The row as strict JSON; made anew where what came was not."""
    fields: Mapping[str, Any]  # any: JSON values
    sample: Sample | None
    """What the row says of its question; its response is left empty. None for a row in error."""
    responses: tuple[Response, ...]
    error: str | None
    """Why it holds no response."""


class ScoredFiles:
    """Scored rows of files, in order. Iterate once; memory does not grow with them."""

    def __init__(
        self,
        files: Sequence[str],
        names: Mapping[str, str] | None = None,
        group_by: str | None = None,
        *,
        tool: str = "auto",
        max_line_mb: float = 64.0,
    ) -> None:
        """`names` says which path of a row holds which field of a Sample, `tool` what wrote the rows that were scored.

        Raises RunError for a missing file, ConfigError for a field that no Sample has.
        """
        self.input = Input(files, int(max_line_mb * (1 << 20)))
        self._reader = RowReader(columns=dict(names or {}), tool=tool)
        self._group_by = group_by
        self._known: set[str] = set()
        made = options_of(files)
        self._is_open = made.get("rewards") == ["auto"] and "math" not in made.get("options", {})
        self._prefixes = [str(options_of([file]).get("prefix", "")) for file in files]

    def __iter__(self) -> Iterator[ScoredRow]:
        self._reader, _, rows = settle(self.input, self._reader, words=self._is_open)
        for raw in rows:
            yield self.read(raw)

    def read(self, raw: RawRow) -> ScoredRow:
        """One row."""
        data = raw.data
        try:
            fields, strict = decode_row(raw)
        except SampleError as error:
            return _in_error(raw, {}, error.reason, error.message)
        if not strict:
            data = json.dumps(without_nan(fields), ensure_ascii=False).encode("utf-8", "backslashreplace")
        prefix = self._prefixes[raw.file] if raw.file < len(self._prefixes) else ""
        if prefix:
            fields = _without_prefix(fields, prefix)
            data = json.dumps(fields, ensure_ascii=False).encode("utf-8", "backslashreplace")
        for name in WRITTEN:  # CSV and Parquet hold them as text
            value = fields.get(name)
            if isinstance(value, str):
                fields[name] = _json_of(value)
        try:
            return self._row(raw, data, fields)
        except SampleError as error:
            failure = fields.get("error")
            if isinstance(failure, dict) and isinstance(failure.get("reason"), str):
                return ScoredRow(raw.file, raw.line, data, fields, None, (), failure["reason"][:60])
            return ScoredRow(raw.file, raw.line, data, fields, None, (), error.reason)

    def _row(self, raw: RawRow, data: bytes, fields: dict[str, Any]) -> ScoredRow:
        if isinstance(fields.get("error"), dict) and not fields.get("verdicts"):
            raise SampleError("error", "the row is in error")
        read = self._reader.read_row({key: value for key, value in fields.items() if key not in WRITTEN})
        plural, texts = read.plural, [sample.response for sample in read.samples]
        sample = replace(read.samples[0], response="") if read.samples else self._reader.read_question(fields)
        if read.reading is not None or self._reader.columns:
            data = _with_our_names(fields, sample, texts, plural=plural)
        name = sample.id if sample.id is not None else f"line {raw.line}"
        key = group_key(fields, sample, self._group_by, f"{raw.file}:{raw.line}")
        verdicts = fields.get("verdicts") or {}
        rewards = fields.get("rewards") if plural else [fields.get("reward")]
        per_response = verdicts if plural else [verdicts]
        if plural and not per_response:
            per_response, rewards = [{}] * len(texts), [None] * len(texts)
        if (
            not isinstance(per_response, list)
            or not isinstance(rewards, list)
            or not len(per_response) == len(texts) == len(rewards)
        ):
            raise SampleError("wrong_type", "there is not one verdict and one reward for each response")
        used = [path for path in self._reader.columns.values() if path]
        used += [path for _, path in read.reading.fields] if read.reading else []
        responses = []
        for index, (text, verdicts, reward) in enumerate(zip(texts, per_response, rewards, strict=True)):
            label = verdict_label(fields, index if plural else None, used)
            scored = self._scored(key, verdicts, _number(reward), label)
            responses.append(Response(f"{name} #{index + 1}" if plural else name, text, scored, verdicts))
        return ScoredRow(raw.file, raw.line, data, fields, sample, tuple(responses), None)

    def _scored(self, key: bytes, verdicts: object, reward: float | None, label: bool | None) -> ScoredResponse:
        if not isinstance(verdicts, dict):
            raise SampleError("wrong_type", "verdicts must be an object")
        by_name = {}
        for name, verdict in verdicts.items():
            one = _verdict(name, verdict)
            if one[0] not in self._known and len(self._known) < MOST_VERIFIERS:
                self._known.add(one[0])
            if one[0] in self._known:
                by_name[one[0]] = one
        entries = list(by_name.values())
        if reward is not None:
            status = Status.SCORED
        else:
            status = Status.ERROR if any(one[1] == Status.ERROR for one in entries) else Status.SKIPPED
        voter, correct = decision(entries)
        decided = verdicts.get(voter) if correct is not None else None
        answer = decided.get("answer") if decided else None
        return ScoredResponse(
            status=status.value,
            reward=reward,
            verdicts=tuple(entries),
            problem=key,
            voter=voter,
            correct=correct,
            answer=answer if isinstance(answer, str) else None,
            label=label,
        )


_REASONS = {status.value: frozenset(reason.value for reason in reasons) for status, reasons in REASONS_OF.items()}


def _verdict(name: str, verdict: object) -> VerdictEntry:
    if not isinstance(verdict, dict):
        raise SampleError("wrong_type", f"the verdict {name[:40]!r} is no object")
    status, reason = verdict.get("status"), verdict.get("reason")
    if not isinstance(status, str) or not isinstance(reason, str) or reason not in _REASONS.get(status, ()):
        raise SampleError("wrong_type", f"the verdict {name[:40]!r} has no status and reason that go together")
    score = _number(verdict.get("score"))
    if (score is None) == (status == Status.SCORED):
        raise SampleError("wrong_type", f"the verdict {name[:40]!r} is {status} with the score {score}")
    return name[:80].encode("utf-8", "replace").decode(), status, reason, score


def _number(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SampleError("wrong_type", f"a score must be a finite number or null, got {str(value)[:40]}")
    return float(value)


def _in_error(raw: RawRow, fields: dict[str, Any], reason: str, detail: str) -> ScoredRow:
    content: dict[str, Any] = {"error": {"line": raw.line, "reason": reason, "detail": detail}}
    if raw.data:
        content["text"] = raw.data[:4_000].decode("utf-8", "replace")
    data = json.dumps(content, ensure_ascii=False).encode("utf-8", "backslashreplace")
    return ScoredRow(raw.file, raw.line, data, fields, None, (), reason)


def _with_our_names(fields: Mapping[str, Any], sample: Sample, texts: Sequence[str], *, plural: bool) -> bytes:
    """A row with the fields of a Sample under our own names, whatever else it calls so, for who shows it."""
    ours = {name: value for name, value in sample.to_dict().items() if name in SAMPLE_FIELDS and name != "response"}
    kept = {name: value for name, value in fields.items() if name not in (*SAMPLE_FIELDS, "responses")}
    ours |= {"responses": list(texts)} if plural else {"response": texts[0]}
    return json.dumps({**kept, **ours}, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _json_of(text: str) -> Any:  # any: a JSON value
    try:
        return parse_row(text)
    except (ValueError, RecursionError):
        return text


def _without_prefix(fields: Mapping[str, Any], prefix: str) -> dict[str, Any]:  # any: JSON values
    """A row as it would have been written without a prefix: what else is called so is an input's."""
    ours = {name: fields[prefix + name] for name in WRITTEN if prefix + name in fields}
    hidden = {prefix + name for name in WRITTEN}
    theirs = {f"input_{key}" if key in WRITTEN else key: value for key, value in fields.items() if key not in hidden}
    return {**theirs, **ours}


def options_of(files: Sequence[str]) -> dict[str, Any]:  # any: JSON values
    """The options that `OUT.run.json` notes for the first file; empty where it is not there or damaged."""
    try:
        record = json.loads(Path(files[0] + ".run.json").read_text(encoding="utf-8"))
        options = {**record["options"], "fingerprint": record["fingerprint"]}
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return {}
    return options if isinstance(options.get("map", {}), dict) else {}
