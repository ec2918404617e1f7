"""The record of an evaluation: a JSONL file with k lines a question, each a sample with its verdicts.

Each line is a row as `score` writes them, so that `report`, `explain`, `compare` and `check` read it: the question's
fields, `problem` (which groups its k lines), `response`, `reward` and `verdicts`, and besides

| field | is |
| --- | --- |
| `tokens` | tokens of the response, a stop token included; null where a server does not say |
| `prompt_tokens` | of the prompt, where a server says it; not of a folder |
| `finish_reason` | `stop`, or `length` where the response was cut |
| `benchmark` | the name of the task card, where there is one |

A sample that a server did not give has no `response`; its `error` has a `reason` (`no_reply`: none came after all
tries; `unusable_reply`: what came is no sample) and a `detail`, its `reward` is null and its `verdicts` are empty.
Going on asks for such samples again, and for verdicts that no judge was there to give. Times are not recorded, so that
equal evaluations have equal records.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ...scoring.work import dump
from ...verifiers.reward import Judge, Judged, judge_safely
from ...verifiers.sample import Sample
from ...verifiers.verdict import Reason, Verdict
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
        """`benchmark` is the name of the task card, whose rows are recorded without their tests: those can take
        megabytes, and there are k lines."""
        self._judge, self._benchmark = judge, benchmark

    def lines(self, asked: Sequence[Asked]) -> list[bytes]:
        """The lines of some questions, in order: as many as they have samples."""
        samples = [
            replace(one.question, response=sample.text)
            for one in asked
            for sample in one.samples
            if isinstance(sample, Completed)
        ]
        judged = iter(judge_safely(self._judge, samples))
        lines = []
        for one in asked:
            fields = self._fields(one)
            for number, sample in enumerate(one.samples, one.place * len(one.samples) + 1):
                if isinstance(sample, Failed):
                    error = {"line": number, "reason": sample.reason, "detail": sample.detail}
                    lines.append(dump({**fields, "reward": None, "verdicts": {}, "error": error}))
                else:
                    lines.append(_line({**fields, **_ending(sample)}, next(judged)))
        return lines

    def _fields(self, one: Asked) -> dict[str, Any]:  # any: a JSON object
        fields = one.question.to_dict()
        del fields["response"]
        fields["problem"] = one.question.problem or one.question.id or f"question {one.place + 1}"
        if self._benchmark is not None:
            fields.pop("tests", None)
            fields["benchmark"] = self._benchmark
        return fields


def _ending(sample: Completed) -> dict[str, Any]:  # any: JSON values
    fields: dict[str, Any] = {"response": sample.text, "tokens": sample.tokens}  # any: as above
    if sample.prompt_tokens is not None:
        fields["prompt_tokens"] = sample.prompt_tokens
    return {**fields, "finish_reason": sample.finish}


def _line(fields: Mapping[str, Any], judged: Judged) -> bytes:  # any: a JSON object
    try:
        verdicts = {name: replace(one, seconds=0.0).to_dict() for name, one in judged.verdicts.items()}
        return dump({**fields, "reward": judged.total.score, "verdicts": verdicts})
    except (TypeError, ValueError) as error:  # evidence of a user's verifier that is no JSON
        broken = Verdict.error(Reason.GRADER_CRASHED, f"the verdict cannot be written: {error}"[:300]).to_dict()
        return dump({**fields, "reward": None, "verdicts": dict.fromkeys(judged.verdicts, broken)})


def is_unfinished(line: bytes) -> bool:
    """Whether a line of a record is a sample that is missing, or that no judge was there to judge.

    >>> is_unfinished(b'{"reward": null, "verdicts": {}, "error": {"line": 1, "reason": "no_reply", "detail": ""}}')
    True
    """
    if not any(mark in line for mark in _MARKS):
        return False
    row = json.loads(line)
    if row.get("verdicts") == {}:
        return "response" not in row and isinstance(row.get("error"), dict)
    return any(verdict.get("reason") in _LATER for verdict in row["verdicts"].values())


_LATER = (Reason.JUDGE_UNAVAILABLE.value, Reason.JUDGE_CEILING.value)
_MARKS = (b'"verdicts": {}, "error": {', *(f'"reason": "{reason}"'.encode() for reason in _LATER))
