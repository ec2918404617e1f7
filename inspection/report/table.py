"""The index of the table: one short entry a response, by columns, for what is filtered, sorted and shown in rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...scoring.scored import ScoredRow
from ...verifiers.sample import Sample
from .fields import Fields

SNIPPET = 140
"""Characters of a prompt in the table."""
ANSWER = 60
"""Characters of an answer or a reference in the table."""


class _Words:
    """Numbers for texts that repeat."""

    def __init__(self) -> None:
        self.list: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, word: str) -> int:
        number = self._numbers.get(word)
        if number is None:
            number = self._numbers[word] = len(self.list)
            self.list.append(word)
        return number


class Columns:
    """Collects the columns row by row."""

    def __init__(self, systems: Sequence[str] = (), flips: Sequence[Mapping[str, str]] = ()) -> None:
        """`systems` names the files, where rows of each are one system of a comparison; `flips` as in ReportOptions."""
        self.size = 0
        """Entries so far."""
        self._systems = systems
        self._flips = flips
        self._problems: dict[bytes | int, int] = {}
        self._prompts: list[str] = []
        self._references: list[str] = []
        self._reasons = _Words()
        self._kinds = _Words()
        self._stages = _Words()
        self._voters = _Words()
        self._stepped = False
        self._columns: dict[str, list[Any]] = {  # any: JSON values
            name: [] for name in "id row part problem reward correct voter chars answer kind step stage".split()
        }
        self._verdicts: dict[str, tuple[list[int], list[float | None]]] = {}
        self._errors: dict[int, str] = {}
        self._fields = Fields()

    def add(self, number: int, row: ScoredRow) -> None:
        """The responses of a row, or one entry for a row in error; `number` is the row's among those kept."""
        kind = self._kinds.number((row.sample and row.sample.kind_or_guess) or "")
        step = row.fields.get("step")
        step = step if isinstance(step, int) and not isinstance(step, bool) else None
        stage = row.fields.get("stage")
        stage_number = self._stages.number(stage[:40]) if isinstance(stage, str) else -1
        self._stepped = self._stepped or step is not None
        columns = self._columns
        fields = {"system": self._systems[row.file], **row.fields} if self._systems else row.fields
        if not row.responses:
            self._errors[self.size] = row.error or "no_responses"
            problem = self._problem(-self.size, row)
            name = row.fields.get("id")
            name = str(name)[:80] if isinstance(name, str | int) else f"line {row.line}"
            entry: tuple[Any, ...] = (name, number, 0, problem, None, -1, -1, 0, "", kind, step, stage_number)
            for column, value in zip(columns.values(), entry, strict=True):
                column.append(value)
            self._fields.add(self.size, fields)
            self.size += 1
            return
        for part, response in enumerate(row.responses):
            scored = response.scored
            correct = -1 if scored.correct is None else int(scored.correct)
            entry = (
                response.name[:80],
                number,
                part,
                self._problem(scored.problem, row),
                short(scored.reward),
                correct,
                -1 if scored.voter is None else self._voters.number(scored.voter),
                len(response.text),
                snippet(scored.answer or any_answer(response.verdicts), ANSWER),
                kind,
                step,
                stage_number,
            )
            for column, value in zip(columns.values(), entry, strict=True):
                column.append(value)
            for name, _, reason, score in scored.verdicts:
                kept = self._verdicts.get(name)
                if kept is None:
                    kept = self._verdicts[name] = ([-1] * self.size, [None] * self.size)
                reasons, scores = kept
                missing = self.size - len(reasons)
                if missing:
                    reasons.extend([-1] * missing)
                    scores.extend([None] * missing)
                reasons.append(self._reasons.number(reason))
                scores.append(short(score))
            flip = {"flip": self._flips[row.file].get(response.name, "none")} if self._flips else {}
            self._fields.add(self.size, {**flip, **fields})
            self.size += 1

    @property
    def first_error(self) -> str:
        """Why the first row that could not be read could not."""
        return next(iter(self._errors.values()), "")

    def to_dict(self) -> dict[str, Any]:  # any: a JSON object
        """The index, as the page reads it."""
        for reasons, scores in self._verdicts.values():
            missing = self.size - len(reasons)
            reasons.extend([-1] * missing)
            scores.extend([None] * missing)
        columns = dict(self._columns)
        if not self._stepped:
            del columns["step"], columns["stage"]
        if not any(columns["part"]):
            del columns["part"]
        return {
            "size": self.size,
            "columns": columns,
            "verdicts": {name: {"reason": r, "score": s} for name, (r, s) in self._verdicts.items()},
            "reasons": self._reasons.list,
            "kinds": self._kinds.list,
            "stages": self._stages.list,
            "voters": self._voters.list,
            "errors": self._errors,
            "fields": self._fields.to_list(self.size),
            "problems": {"prompt": self._prompts, "reference": self._references},
        }

    def _problem(self, key: bytes | int, row: ScoredRow) -> int:
        number_of = self._problems.get(key)
        if number_of is None:
            number_of = self._problems[key] = len(self._prompts)
            sample = row.sample
            self._prompts.append(snippet(question(sample), SNIPPET) if sample else "")
            self._references.append(snippet(", ".join(sample.references[:3]), ANSWER) if sample else "")
        return number_of


def question(sample: Sample) -> str:
    """What was asked: of a conversation what the user said last, since many begin with the same instructions."""
    if isinstance(sample.prompt, str):
        return sample.prompt
    said = [message.content for message in sample.prompt if message.role == "user" and message.content.strip()]
    return said[-1] if said else sample.prompt_text


def snippet(text: str, most: int) -> str:
    r"""The beginning of a text on one line.

    >>> snippet("How\n many?", 40)
    'How many?'
    """
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most and len(text) <= 4 * most else line[: most - 1] + "…"


def short(value: float | None) -> float | int | None:
    """A score in few characters."""
    if value is None:
        return None
    rounded = round(value, 6)
    return int(rounded) if rounded == int(rounded) else rounded


def any_answer(verdicts: Any) -> str:  # any: JSON objects by name
    """The first answer that a verdict names."""
    answers: Sequence[Any] = [verdict.get("answer") for verdict in verdicts.values()]
    return next((answer for answer in answers if isinstance(answer, str)), "")
