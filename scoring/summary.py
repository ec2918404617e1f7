"""What a run comes to: counted as rows pass by, grouped at the end."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..verifiers.verdict import Status
from ..verifiers.verifier import Verifier, Voter
from .groups import Groups, Problems
from .schemas import SCHEMA_VERSION
from .stats import Clustered
from .work import Done

SLOWEST = 5
"""How many rows are named as the slowest."""
_ERROR = Status.ERROR.value


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
    commit: str | None = None
    """Where the run's package was a checkout."""
    options: Mapping[str, Any]  # any: JSON values
    fingerprint: str
    inputs: Sequence[Mapping[str, str]]
    """Path and hash of each input."""
    rows: int
    responses: int
    statuses: Mapping[str, int]
    """Totals by status."""
    row_errors: Mapping[str, int]
    """Rows that are no sample, by reason."""
    verdict_errors: Mapping[str, int]
    """Responses that could not be judged, by reason."""
    verifiers: Mapping[str, VerifierSummary]
    problems: Problems
    slowest: Sequence[tuple[str, float]]
    """Rows by name, with seconds."""
    seconds: float
    """Wall time of the run."""

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
        """The JSON form, as `--summary` writes it."""
        problems = self.problems
        consensus = problems.consensus
        return {
            "schema_version": SCHEMA_VERSION,
            "version": self.version,
            "commit": self.commit,
            "options": dict(self.options),
            "fingerprint": self.fingerprint,
            "inputs": [dict(told) for told in self.inputs],
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
                    **_mean(told.scores),
                    "statuses": dict(told.statuses),
                    "reasons": {
                        reason: {"count": count, "share": count / sum(told.reasons.values())}
                        for reason, count in told.reasons.items()
                    },
                }
                for name, told in self.verifiers.items()
            },
            "problems": {
                "count": problems.problems,
                "decided_responses": {str(size): count for size, count in sorted(problems.sizes.items())},
                "pass_at_k": [{"k": k, **_share(mean)} for k, mean in problems.pass_at.items()],
                "cons_at_k": [{"k": consensus[0], **_share(consensus[1])}] if consensus else [],
            },
            "slowest": [{"row": name, "seconds": round(seconds, 6)} for name, seconds in self.slowest],
            "seconds": round(self.seconds, 3),
        }


def _mean(mean: Clustered) -> dict[str, Any]:
    return {"mean": mean.mean, "ci95": _bounds(mean.interval), "n": mean.n}


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
    groups: Groups = field(init=False)

    def __post_init__(self) -> None:
        self.groups = Groups([verifier.name for verifier in self.verifiers])

    def add(self, rows: Sequence[Done]) -> None:
        """Count rows, in the order of the input."""
        for done in rows:
            self.rows += 1
            if done.error:
                self.row_errors[done.error] += 1
            entry = (done.seconds, -self.rows, done.name)
            if len(self.slowest) < SLOWEST:
                heapq.heappush(self.slowest, entry)
            elif entry > self.slowest[0]:
                heapq.heapreplace(self.slowest, entry)
            for response in done.responses:
                self.responses += 1
                self.statuses[response.status] += 1
                for name, status, reason, _ in response.verdicts:
                    statuses, reasons = self.by_verifier[name]
                    statuses[status] += 1
                    reasons[reason] += 1
                if response.status == _ERROR:
                    self.verdict_errors.update(
                        {reason for _, status, reason, _ in response.verdicts if status == _ERROR}
                    )
        self.groups.add(response for done in rows for response in done.responses)

    def summary(self, **told: Any) -> Summary:  # any: the fields of Summary that a tally does not know
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
            slowest=[(name, seconds) for seconds, _, name in sorted(self.slowest, reverse=True)],
            **told,
        )
