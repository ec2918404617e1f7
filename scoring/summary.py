"""Run summary: counted as rows pass by, grouped at the end."""

from __future__ import annotations

import heapq
import json
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..rows.reader import Reading
from ..verifiers.verdict import Status
from ..verifiers.verifier import Verifier, Voter
from .agreement import Agreement
from .groups import Groups, Problems
from .schemas import SCHEMA_VERSION
from .stats import Clustered
from .work import Done

MOST_VALUES = 40
"""Values of a field that have figures of their own; those that come later share one line."""
_OTHERS, _NONE = "(other values)", "(none)"
SLOWEST = 5
"""How many rows are named as the slowest."""
_ERROR = Status.ERROR.value


class Example(NamedTuple):
    """A row that shows a reason."""

    row: str
    """Its id, or where it stands."""
    place: str
    """Where it stands."""
    detail: str
    """What the verdict says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierSummary:
    """One verifier over the run."""

    statuses: Mapping[str, int]
    """Verdicts by status."""
    reasons: Mapping[str, int]
    """Verdicts by reason."""
    scores: Clustered
    """Its scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One scoring run."""

    version: str
    """Of the package."""
    commit: str | None = None
    """Where the run's package was a checkout."""
    options: Mapping[str, Any]  # any: JSON values
    """Of the run."""
    fingerprint: str
    """A hash of the options that decide verdicts."""
    inputs: Sequence[Mapping[str, str]]
    """Path and hash of each input."""
    rows: int
    """Rows read."""
    responses: int
    """Responses judged; a row may hold several."""
    statuses: Mapping[str, int]
    """Totals by status."""
    row_errors: Mapping[str, int]
    """Rows that are no sample, by reason."""
    verdict_errors: Mapping[str, int]
    """Responses that could not be judged, by reason."""
    verifiers: Mapping[str, VerifierSummary]
    """Figures by verifier."""
    problems: Problems
    """Figures by problem: reward, accuracy, pass@k, cons@k."""
    slowest: Sequence[tuple[str, float]]
    """Rows by name, with seconds."""
    seconds: float
    """Wall time of the run."""
    readings: Sequence[tuple[Reading, int]] = ()
    """How rows were read that do not have our own names, with how many."""
    examples: Mapping[str, Mapping[str, Example]] = field(default_factory=dict)
    """The first row of each reason, by verifier; of rows that are no sample under `row`."""
    by: Mapping[str, Mapping[str, Summary]] = field(default_factory=dict)
    """The same by the values of fields."""
    agreement: Agreement | None = None
    """How far verdicts agree with a column of labels; None where there is none."""
    notes: Sequence[str] = ()
    """What is worth a look: a mapped field that no row has, an option that would find more answers."""

    @property
    def unjudged(self) -> int:
        """Responses that could not be judged; a row that is no sample counts as one."""
        return self.statuses.get(Status.ERROR, 0) + sum(self.row_errors.values())

    @property
    def unjudged_share(self) -> float:
        """Their share of all."""
        everything = self.responses + sum(self.row_errors.values())
        return self.unjudged / everything if everything else 0.0

    def to_dict(self) -> dict[str, Any]:  # any: a JSON object
        """The JSON form, as `--summary` writes it.

        Returns:
            A JSON object; `r1-reward schema summary` describes it.
        """
        problems = self.problems
        consensus = problems.consensus
        return {
            "schema_version": SCHEMA_VERSION,
            "version": self.version,
            "commit": self.commit,
            "options": dict(self.options),
            "fingerprint": self.fingerprint,
            "inputs": [dict(each) for each in self.inputs],
            "rows": self.rows,
            "responses": self.responses,
            "scored": self.statuses.get(Status.SCORED, 0),
            "skipped": self.statuses.get(Status.SKIPPED, 0),
            "unjudged": {
                "count": self.unjudged,
                "share": self.unjudged_share,
                "rows": dict(self.row_errors),
                "verdicts": dict(self.verdict_errors),
            },
            "reward": _mean(problems.reward),
            "accuracy": _share(problems.accuracy),
            "verifiers": {
                name: {
                    **_mean(each.scores),
                    "statuses": dict(each.statuses),
                    "reasons": {
                        reason: {"count": count, "share": count / sum(each.reasons.values())}
                        for reason, count in each.reasons.items()
                    },
                }
                for name, each in self.verifiers.items()
            },
            "problems": {
                "count": problems.problems,
                "decided_responses": {str(size): count for size, count in sorted(problems.sizes.items())},
                "pass_at_k": [{"k": k, **_share(mean)} for k, mean in problems.pass_at.items()],
                "cons_at_k": [{"k": consensus[0], **_share(consensus[1])}] if consensus else [],
            },
            "slowest": [{"row": name, "seconds": round(seconds, 6)} for name, seconds in self.slowest],
            "seconds": round(self.seconds, 3),
            "readings": [
                {"from": one.tool, "fields": dict(one.fields), "left_alone": list(one.foreign), "rows": count}
                for one, count in self.readings
            ],
            "examples": {
                name: {reason: example._asdict() for reason, example in examples.items()}
                for name, examples in self.examples.items()
            },
            "by": {path: {value: _in_short(one) for value, one in values.items()} for path, values in self.by.items()},
            "agreement": None if self.agreement is None else self.agreement.to_dict(),
            "notes": list(self.notes),
        }


def _in_short(summary: Summary) -> dict[str, Any]:  # any: a JSON object
    """The figures of a part of the rows."""
    kept = ("rows", "responses", "scored", "skipped", "unjudged", "reward", "accuracy", "verifiers", "problems")
    content = summary.to_dict()
    return {name: content[name] for name in kept}


def _mean(mean: Clustered) -> dict[str, Any]:
    return {"mean": mean.mean, "ci95": _bounds(mean.bounded_interval), "n": mean.n}


def _share(mean: Clustered) -> dict[str, Any]:
    return {"value": mean.mean, "ci95": _bounds(mean.share_interval), "n": mean.n}


def _bounds(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else list(interval)


@dataclass(slots=True)
class Tally:
    """Counts finished rows. Memory does not grow with them."""

    verifiers: Sequence[Verifier]
    """Whose verdicts are counted."""
    rows: int = 0
    responses: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    row_errors: Counter[str] = field(default_factory=Counter)
    verdict_errors: Counter[str] = field(default_factory=Counter)
    by_verifier: dict[str, tuple[Counter[str], Counter[str]]] = field(
        default_factory=lambda: defaultdict(lambda: (Counter(), Counter()))
    )
    slowest: list[tuple[float, int, str]] = field(default_factory=list)
    by: Sequence[str] = ()
    """Paths whose values have figures of their own."""
    prefix: str = ""
    """What is put before the fields that scoring writes."""
    cache_mb: int = 16
    groups: Groups = field(init=False)
    agreement: Agreement = field(default_factory=lambda: Agreement())
    missing_modules: Counter[str] = field(default_factory=Counter)
    """Modules that the sandbox lacks, with the responses that wanted them."""
    spent: tuple[int, int, float] = (0, 0, 0.0)
    """Tokens read and written, and cost, of models that judged."""
    _readings: Counter[Reading] = field(default_factory=Counter)
    _examples: dict[str, dict[str, Example]] = field(default_factory=dict)
    _parts: dict[str, dict[str, Tally]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.groups = Groups([verifier.name for verifier in self.verifiers], self.cache_mb)
        self._parts = {path: {} for path in self.by}

    def close(self) -> None:
        """Let go of what is kept on disk."""
        self.groups.close()
        for values in self._parts.values():
            for part in values.values():
                part.close()

    def add(self, rows: Sequence[Done]) -> None:
        """Count rows, in the order of the input."""
        for done in rows:
            self.rows += 1
            if done.reading is not None:
                self._readings[done.reading] += 1
            if done.error:
                self.row_errors[done.error] += 1
                self._note(done, "row", done.error, 0)
            entry = (done.seconds, -self.rows, done.name)
            if len(self.slowest) < SLOWEST:
                heapq.heappush(self.slowest, entry)
            elif entry > self.slowest[0]:
                heapq.heapreplace(self.slowest, entry)
            for part, response in enumerate(done.responses):
                self.responses += 1
                self.statuses[response.status] += 1
                self.agreement.add(done.name, response.label, response.correct)
                self.missing_modules.update(response.missing_modules)
                if response.spent[0]:
                    read, written, cost = (one + more for one, more in zip(self.spent, response.spent, strict=True))
                    self.spent = int(read), int(written), cost
                for name, status, reason, _ in response.verdicts:
                    if reason not in self._examples.get(name, ()):
                        self._note(done, name, reason, part)
                    statuses, reasons = self.by_verifier[name]
                    statuses[status] += 1
                    reasons[reason] += 1
                if response.status == _ERROR:
                    self.verdict_errors.update(
                        {reason for _, status, reason, _ in response.verdicts if status == _ERROR}
                    )
        self.groups.add(response for done in rows for response in done.responses)
        for place, path in enumerate(self.by):
            by_value: dict[str, list[Done]] = defaultdict(list)
            for done in rows:
                value = done.by[place] if place < len(done.by) else None
                by_value[_NONE if value is None else value].append(done)
            for value, some in by_value.items():
                self._part(path, value).add(some)

    def _part(self, path: str, value: str) -> Tally:
        values = self._parts[path]
        if value not in values and len(values) >= MOST_VALUES:
            value = _OTHERS
        if value not in values:
            values[value] = Tally(self.verifiers, cache_mb=1)
        return values[value]

    def _note(self, done: Done, name: str, reason: str, part: int) -> None:
        """Keep the first row of a reason."""
        examples = self._examples.setdefault(name, {})
        if reason in examples or not done.output:
            return
        row = json.loads(done.output)
        if name == "row":
            detail = row.get(f"{self.prefix}error", {}).get("detail", "")
        else:
            verdicts = row.get(f"{self.prefix}verdicts", {})
            detail = (verdicts[part] if isinstance(verdicts, list) else verdicts).get(name, {}).get("detail", "")
        examples[reason] = Example(row=done.name, place=done.place, detail=str(detail)[:300])

    def summary(self, **fields: Any) -> Summary:  # any: the fields of Summary that a tally does not know
        """What was counted so far."""
        voters = {verifier.name: verifier for verifier in self.verifiers if isinstance(verifier, Voter)}
        problems = self.groups.problems(voters)
        return Summary(
            rows=self.rows,
            responses=self.responses,
            statuses=dict(self.statuses),
            row_errors=dict(self.row_errors),
            verdict_errors=dict(self.verdict_errors),
            verifiers={
                name: VerifierSummary(
                    statuses=dict(statuses),
                    reasons=dict(reasons.most_common()),
                    scores=problems.scores.get(name, Clustered()),
                )
                for name, (statuses, reasons) in self.by_verifier.items()
            },
            problems=problems,
            readings=self._readings.most_common(),
            examples=self._examples,
            by={
                path: {value: part.summary(**fields) for value, part in sorted(values.items(), key=_natural)}
                for path, values in self._parts.items()
            },
            agreement=self.agreement if self.agreement.n else None,
            slowest=[(name, seconds) for seconds, _, name in sorted(self.slowest, reverse=True)],
            **fields,
        )


def _natural(item: tuple[str, Any]) -> tuple[bool, float, str]:  # any: what goes with a value
    """Numbers in their order, before all else."""
    try:
        return item[0] in (_OTHERS, _NONE), float(item[0]), ""
    except ValueError:
        return item[0] in (_OTHERS, _NONE), math.inf, item[0]
