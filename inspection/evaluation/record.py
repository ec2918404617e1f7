"""The record of an evaluation: a JSONL file with k lines a question, each a sample with its verdicts.

Each line is a row as `score` writes them, so that `report`, `explain`, `compare` and `check` read it: the question's
fields, `problem` (which groups its k lines), `response`, `reward` and `verdicts`, and besides

| field | is |
| --- | --- |
| `tokens` | tokens of the response, a stop token included; null where a server does not say |
| `prompt_tokens` | of the prompt, where a server says it; not of a folder |
| `finish_reason` | `stop`, or `length` where the response was cut |
| `benchmark` | the name of the task card, where there is one |

A sample that could not be had has no `response`; its `error` has a `reason` (`no_reply`: the server gave none after all
tries; `unusable_reply`: it gave one that is no sample) and a `detail`, its `reward` is null and its `verdicts` are empty.
Going on asks for such samples again. Times are not recorded, so that equal evaluations have equal records.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ...rows.files import RawRow
from ...rows.reader import RowReader
from ...scoring.work import Scorer, dump
from ...verifiers.reward import Judge, Judged
from ...verifiers.sample import Sample
from ...verifiers.verdict import Verdict
from .client import Completed


class Failed(NamedTuple):
    """Why there is no sample."""

    reason: str
    """A word."""
    detail: str
    """A sentence."""


class Asked(NamedTuple):
    """A question with its samples."""

    place: int
    """Which question it is, from 0."""
    question: Sample
    samples: Sequence[Completed | Failed]


class Recorder:
    """Judges samples and makes the lines of a record. May be used from any thread, by one at a time."""

    def __init__(self, judge: Judge, benchmark: str | None = None) -> None:
        self._scorer = Scorer(_Untimed(judge), RowReader(columns=_OWN), None)
        self._benchmark = benchmark

    def lines(self, asked: Sequence[Asked]) -> list[bytes]:
        """The lines of some questions, in order: as many as they have samples."""
        rows, failed, tested = [], dict[int, bytes](), set[int]()
        for one in asked:
            fields = self._fields(one)
            for sample in one.samples:
                at = len(rows) + len(failed)
                if isinstance(sample, Failed):
                    told = {"line": at + 1, "reason": sample.reason, "detail": sample.detail}
                    failed[at] = _line(fields, {"reward": None, "verdicts": {}, "error": told})
                    continue
                if one.question.tests:
                    tested.add(at)
                more = {} if sample.prompt_tokens is None else {"prompt_tokens": sample.prompt_tokens}
                ending = {"tokens": sample.tokens, **more, "finish_reason": sample.finish}
                rows.append(RawRow(0, at + 1, dump({**fields, "response": sample.text, **ending})))
        judged = iter(self._scorer.judge(rows))
        found = [failed[at] if at in failed else next(judged).output for at in range(len(rows) + len(failed))]
        return [_line(json.loads(line), {}) if at in tested else line for at, line in enumerate(found)]

    def _fields(self, one: Asked) -> dict[str, Any]:  # any: a JSON object
        fields = one.question.to_dict()
        del fields["response"]
        fields["problem"] = one.question.problem or one.question.id or f"question {one.place + 1}"
        return fields if self._benchmark is None else {**fields, "benchmark": self._benchmark}


_OWN = {"response": "response"}
"""Rows that we make ourselves: a benchmark's own columns are no response."""


def _line(fields: Mapping[str, Any], more: Mapping[str, Any]) -> bytes:  # any: a JSON object
    """A line without its tests: a benchmark's can take megabytes, and there are k lines."""
    return dump({**{name: value for name, value in fields.items() if name != "tests"}, **more})


def is_failed(line: bytes) -> bool:
    """Whether a line of a record is a sample that could not be had.

    >>> is_failed(b'{"reward": null, "verdicts": {}, "error": {"line": 1, "reason": "no_reply", "detail": ""}}')
    True
    """
    if b'"verdicts": {}, "error": {' not in line:
        return False
    row = json.loads(line)
    return row.get("verdicts") == {} and "response" not in row and isinstance(row.get("error"), dict)


class _Untimed:
    """A judge whose verdicts say nothing of how long they took, so that records can be compared byte by byte."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    @property
    def name(self) -> str:
        return self._judge.name

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        return [judged.total for judged in self.judge(samples)]

    def judge(self, samples: Sequence[Sample]) -> list[Judged]:
        return [
            Judged(judged.total, {name: replace(one, seconds=0.0) for name, one in judged.verdicts.items()})
            for judged in self._judge.judge(samples)
        ]

    def asks(self, sample: Sample) -> tuple[str, ...]:
        return self._judge.asks(sample)

    def total(self, verdicts: Mapping[str, Verdict]) -> Verdict:
        return self._judge.total(verdicts)
