"""How far verdicts agree with a column of labels: the share, Cohen's kappa, the four counts, rows that differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DIFFERING = 20
"""Rows that are named."""


@dataclass(slots=True)
class Agreement:
    """Counts of responses that have a label, by label and verdict.

    >>> found = Agreement()
    >>> for label, correct in ((True, True), (True, False), (False, False), (False, False)):
    ...     found.add("row", label, correct)
    >>> found.accuracy, found.kappa, found.differing
    (0.75, 0.5, ['row'])
    """

    both: int = 0
    """Labelled right and judged right."""
    label_only: int = 0
    """Labelled right, judged wrong."""
    verdict_only: int = 0
    """Labelled wrong, judged right."""
    neither: int = 0
    """Labelled wrong and judged wrong."""
    undecided: int = 0
    """Labelled, and not judged right or wrong."""
    differing: list[str] = field(default_factory=list)
    """The first rows where they differ."""

    def add(self, row: str, label: bool | None, correct: bool | None) -> None:
        """Count a response."""
        if label is None:
            return
        if correct is None:
            self.undecided += 1
            return
        if label and correct:
            self.both += 1
        elif not label and not correct:
            self.neither += 1
        else:
            self.label_only += label
            self.verdict_only += correct
            if len(self.differing) < DIFFERING:
                self.differing.append(row)

    @property
    def n(self) -> int:
        """Responses with a label."""
        return self.decided + self.undecided

    @property
    def decided(self) -> int:
        """Those that were judged right or wrong."""
        return self.both + self.label_only + self.verdict_only + self.neither

    @property
    def accuracy(self) -> float | None:
        """Share of the decided ones on which both agree; None where there is none."""
        return (self.both + self.neither) / self.decided if self.decided else None

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa (1960); None where chance alone would agree on all."""
        if not self.decided:
            return None
        said, judged = self.both + self.label_only, self.both + self.verdict_only
        chance = (said * judged + (self.decided - said) * (self.decided - judged)) / self.decided**2
        assert self.accuracy is not None
        return None if chance == 1 else (self.accuracy - chance) / (1 - chance)

    def to_dict(self) -> dict[str, Any]:  # any: a JSON object
        """The JSON form."""
        return {
            "n": self.n,
            "accuracy": self.accuracy,
            "kappa": self.kappa,
            "confusion": {
                "label_right": {"judged_right": self.both, "judged_wrong": self.label_only},
                "label_wrong": {"judged_right": self.verdict_only, "judged_wrong": self.neither},
                "undecided": self.undecided,
            },
            "differing": list(self.differing),
        }
