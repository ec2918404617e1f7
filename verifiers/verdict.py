"""What a verifier found: a number with its reason, or the reason why there is no number.

Three outcomes are never mixed: scored (right or wrong), skipped (does not apply), error (could not be
judged). A fault of the model is scored; a fault of the instrument never is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from .errors import NotScoredError


class Status(StrEnum):
    """Which of the three outcomes a verdict is."""

    __hash__ = str.__hash__  # verdicts look these up for every sample, and Enum's own hash is Python code

    SCORED = "scored"
    SKIPPED = "skipped"
    ERROR = "error"


class Reason(StrEnum):
    """Why a verdict is what it is. The list is fixed; summaries count by these words."""

    __hash__ = str.__hash__

    CORRECT = "correct"
    """The answer is right, the form is kept: full score."""
    PARTIAL = "partial"
    """Some of what was asked is there."""
    MEASURED = "measured"
    """A quantity was measured (a ratio, a reward model's score); there is no right or wrong."""
    WRONG = "wrong"
    """An answer was found and it is not right."""
    NO_ANSWER = "no_answer"
    """The response holds no answer where one is looked for."""
    BAD_FORMAT = "bad_format"
    """The response breaks the form asked for."""
    NO_WORDS = "no_words"
    """Nothing countable to measure."""
    TIMEOUT = "timeout"
    """The submitted program ran too long."""
    MEMORY_LIMIT = "memory_limit"
    """The submitted program used too much memory."""
    OUTPUT_LIMIT = "output_limit"
    """The submitted program wrote too much."""
    RUNTIME_ERROR = "runtime_error"
    """The submitted program ended in an error."""
    COMPILE_ERROR = "compile_error"
    """The submitted program does not compile."""
    UNDECIDED = "undecided"
    """The verifier reached no decision; scored 0, or an error on request."""

    NOT_APPLICABLE = "not_applicable"
    """The verifier does not judge this kind of sample."""

    REFERENCE_MISSING = "reference_missing"
    """The sample has no reference to judge against."""
    REFERENCE_UNPARSEABLE = "reference_unparseable"
    """The reference cannot be read as an answer."""
    REFERENCE_UNUSABLE = "reference_unusable"
    """The reference is no answer: it stands for none, or holds data or a program."""
    UNKNOWN_KIND = "unknown_kind"
    """No installed verifier judges the sample's kind."""
    TESTS_MISSING = "tests_missing"
    """The sample has no test cases to run."""
    SANDBOX_UNAVAILABLE = "sandbox_unavailable"
    """There is no isolation to run the program in."""
    TESTS_UNKNOWN_FORM = "tests_unknown_form"
    """The sample has tests in a form that is not known, or that cannot be held here."""
    TEST_CHECKED_NOTHING = "test_checked_nothing"
    """A test ran to its end without having called or asserted anything."""
    LANGUAGE_UNKNOWN = "language_unknown"
    """The program is in a language that no sandbox knows."""
    MISSING_MODULE = "missing_module"
    """A module that is not installed in the sandbox: an error where the tests or the prompt need it, scored where the
    program alone asked for it."""
    MACHINE_BUSY = "machine_busy"
    """The machine had no processor for the program, time after time."""
    JUDGE_UNAVAILABLE = "judge_unavailable"
    """A model that judges gave no reply: it is down, late, overloaded, or refuses the request."""
    JUDGE_UNCLEAR = "judge_unclear"
    """A model that judges gave no clear verdict: it refused, was cut off, broke the form, or its votes disagree."""
    JUDGE_CEILING = "judge_ceiling"
    """The ceiling of what judging may cost is reached."""
    RUBRIC_UNUSABLE = "rubric_unusable"
    """The sample has no rubric, or one in a form that is not known."""
    NO_OPPONENT = "no_opponent"
    """The sample has no other response to be compared with."""
    GRADER_CRASHED = "grader_crashed"
    """The verifier itself failed on this sample, or its process died."""
    GRADER_TIMEOUT = "grader_timeout"
    """The verifier itself did not end in time and was killed."""


_ERROR_REASONS = frozenset(
    {
        Reason.UNDECIDED,
        Reason.REFERENCE_MISSING,
        Reason.REFERENCE_UNPARSEABLE,
        Reason.REFERENCE_UNUSABLE,
        Reason.UNKNOWN_KIND,
        Reason.TESTS_MISSING,
        Reason.SANDBOX_UNAVAILABLE,
        Reason.TESTS_UNKNOWN_FORM,
        Reason.TEST_CHECKED_NOTHING,
        Reason.LANGUAGE_UNKNOWN,
        Reason.MISSING_MODULE,
        Reason.MACHINE_BUSY,
        Reason.JUDGE_UNAVAILABLE,
        Reason.JUDGE_UNCLEAR,
        Reason.JUDGE_CEILING,
        Reason.RUBRIC_UNUSABLE,
        Reason.NO_OPPONENT,
        Reason.GRADER_CRASHED,
        Reason.GRADER_TIMEOUT,
    }
)
_SKIPPED_REASONS = frozenset({Reason.NOT_APPLICABLE})
_BOTH = frozenset({Reason.UNDECIDED, Reason.MISSING_MODULE})
REASONS_OF: Mapping[Status, frozenset[Reason]] = {
    Status.SCORED: frozenset(Reason) - (_ERROR_REASONS - _BOTH) - _SKIPPED_REASONS,
    Status.SKIPPED: _SKIPPED_REASONS,
    Status.ERROR: _ERROR_REASONS,
}
"""Which reasons go with which status. `undecided` and `missing_module` may be scored or an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One verifier's finding on one sample.

    `float(verdict)` is the score, and raises NotScoredError where there is none; a verdict is neither true nor false,
    so `bool(verdict)` raises TypeError.

    >>> float(Verdict.scored(1.0, Reason.CORRECT, answer="4"))
    1.0
    >>> Verdict.error(Reason.GRADER_CRASHED, "the worker was killed").score is None
    True
    """

    status: Status
    """Scored, skipped or error."""
    score: float | None
    """A finite number when scored, else None. Never clamped."""
    reason: Reason
    """A word of the fixed list."""
    answer: str | None = None
    """What was judged, as found in the response."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """Named components of the score."""
    evidence: Mapping[str, Any] = field(default_factory=dict)  # any: JSON values, keys documented per verifier
    """What the finding rests on; JSON-able."""
    detail: str = ""
    """A sentence for a person."""
    seconds: float = 0.0
    """Wall time of judging this sample."""
    correct: bool | None = field(default=None, compare=False)
    """Whether the answer is right: of an accuracy verifier a score of at least 1, of a reward what its accuracy
    verifiers say. None where that could not be judged, and where something else is judged. Not in the JSON form, where
    the verifier's name stands beside the verdict; `from_dict` leaves it None."""

    def __post_init__(self) -> None:
        # A string equals the word that it spells but is not it: an error by "error" would not be taken for one.
        if not isinstance(self.status, Status):
            object.__setattr__(self, "status", Status(self.status))
        if not isinstance(self.reason, Reason):
            object.__setattr__(self, "reason", Reason(self.reason))
        if self.answer is not None and not isinstance(self.answer, str):
            raise ValueError(f"an answer must be text, got {type(self.answer).__name__}")
        for name, part in self.parts.items():
            if not math.isfinite(part):
                raise ValueError(f"the part {name} must be finite, got {part}")
        if self.reason not in REASONS_OF[self.status]:
            raise ValueError(f"a verdict that is {self.status} cannot have the reason {self.reason}")
        if (self.score is None) == (self.status is Status.SCORED):
            raise ValueError(f"a verdict that is {self.status} cannot have the score {self.score}")
        if self.score is not None and not math.isfinite(self.score):
            raise ValueError(f"a score must be finite, got {self.score}")
        if not isinstance(self.score, int | float | None):  # numpy's and torch's, which JSON does not know
            object.__setattr__(self, "score", float(self.score))
        if not all(isinstance(part, int | float) for part in self.parts.values()):
            object.__setattr__(self, "parts", {name: float(part) for name, part in self.parts.items()})

    @classmethod
    def scored(
        cls,
        score: float,
        reason: Reason,
        detail: str = "",
        *,
        answer: str | None = None,
        parts: Mapping[str, float] | None = None,
        evidence: Mapping[str, Any] | None = None,
    ) -> Verdict:
        """A finding with a number.

        Args:
            score: Any finite number.
            reason: A word that goes with a score (`REASONS_OF`).
            detail: A sentence for a person.
            answer: What was judged, as found in the response.
            parts: Named components of the score, finite numbers.
            evidence: What the finding rests on; JSON values.

        Returns:
            A verdict with the status `scored`.

        Raises:
            ValueError: The score or a part is not finite, or the reason goes with another status.
        """
        return cls(
            status=Status.SCORED,
            score=float(score),
            reason=reason,
            answer=answer,
            parts=parts or {},
            evidence=evidence or {},
            detail=detail,
        )

    @classmethod
    def skipped(cls, detail: str = "", reason: Reason = Reason.NOT_APPLICABLE) -> Verdict:
        """The verifier does not apply to this sample.

        Args:
            detail: Why not, as a sentence.
            reason: The one word for it.

        Returns:
            A verdict with the status `skipped` and no score.
        """
        return cls(status=Status.SKIPPED, score=None, reason=reason, detail=detail)

    @classmethod
    def error(
        cls,
        reason: Reason,
        detail: str = "",
        *,
        answer: str | None = None,
        evidence: Mapping[str, Any] | None = None,
    ) -> Verdict:
        """The sample could not be judged; the fault is the instrument's or the data's.

        Args:
            reason: A word that goes with an error (`REASONS_OF`).
            detail: What failed, and the way out.
            answer: What was to be judged, where it was found.
            evidence: As for `scored`.

        Returns:
            A verdict with the status `error` and no score.

        Raises:
            ValueError: The reason goes with another status.
        """
        return cls(
            status=Status.ERROR,
            score=None,
            reason=reason,
            answer=answer,
            evidence=evidence or {},
            detail=detail,
        )

    def timed(self, seconds: float, *, accuracy: bool = False) -> Verdict:
        """The same finding with its time; what `dataclasses.replace` would give, at a fifth of its cost.

        Args:
            seconds: Wall time of judging.
            accuracy: Whether an accuracy verifier gives it, so that its score decides `correct`.

        Returns:
            A copy.

        >>> Verdict.scored(1.0, Reason.CORRECT).timed(0.1, accuracy=True).correct
        True
        """
        verdict = object.__new__(Verdict)
        for name in _FIELDS:
            object.__setattr__(verdict, name, getattr(self, name))
        object.__setattr__(verdict, "seconds", seconds)
        if accuracy and self.score is not None and self.reason is not Reason.MEASURED:
            object.__setattr__(verdict, "correct", self.score >= 1)
        return verdict

    def __bool__(self) -> bool:
        raise TypeError("a verdict is neither true nor false; write verdict.correct, or compare verdict.score")

    def __float__(self) -> float:
        if self.score is None:
            raise NotScoredError(f"no score: {self.status}, {self.reason}: {self.detail}")
        return self.score

    def to_dict(self) -> dict[str, Any]:  # any: a JSON object
        """The JSON form used in output rows; `parts` and `evidence` only where there are any.

        Returns:
            A JSON object, which `from_dict` reads back.
        """
        row: dict[str, Any] = {
            "score": self.score,
            "status": self.status.value,
            "reason": self.reason.value,
            "answer": self.answer,
            "detail": self.detail,
            "seconds": round(self.seconds, 6),
        }
        if self.parts:
            row["parts"] = dict(self.parts)
        if self.evidence:
            row["evidence"] = dict(self.evidence)
        return row

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Verdict:
        """Read the JSON form back.

        Args:
            row: What `to_dict` gave.

        Returns:
            The verdict, without `correct`.

        Raises:
            ValueError: It is no verdict; or KeyError, or TypeError.
        """
        return cls(
            status=Status(row["status"]),
            score=row["score"],
            reason=Reason(row["reason"]),
            answer=row.get("answer"),
            parts=row.get("parts", {}),
            evidence=row.get("evidence", {}),
            detail=row.get("detail", ""),
            seconds=row.get("seconds", 0.0),
        )


_FIELDS = tuple(f.name for f in fields(Verdict) if f.name != "seconds")
