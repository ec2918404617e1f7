"""The accuracy reward for mathematics, eq. (4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..reasoning import Prefilled
from ..references import unusable, usable
from ..sample import Sample
from ..settings import check
from ..verdict import Reason, Verdict
from ..verifier import judge_each
from .classes import classes
from .compare import Decision, compare
from .extract import Extraction, extract
from .reading import Answer, read


@dataclass(frozen=True, slots=True, kw_only=True)
class MathVerifier:
    r"""1 if the response's answer is the reference, 0 if not.

    Evidence: `extraction` (the rule that found the answer), `rule` (the rule that decided), `normal_forms`.

    >>> verdict, = MathVerifier()([Sample(response=r"So it is \\boxed{\frac12}.", reference="0.5")])
    >>> verdict.score, verdict.reason.value, verdict.evidence["rule"]
    (1.0, 'correct', 'exact')
    """

    extraction: Extraction = "strict"
    """`strict` reads a box or an answer block; `lenient` also plain text, for base models and other people's logs."""
    prefilled: Prefilled = "auto"
    """Whether the prompt gave the opening `<think>`."""
    undecided: Literal["zero", "error"] = "zero"
    """What becomes of an answer on which no decision was reached."""
    symbolic: bool = False
    """Whether sympy, in a process of its own, is asked about what is still undecided."""

    def __post_init__(self) -> None:
        check(self, self.name)

    @property
    def name(self) -> str:
        """`math`."""
        return "math"

    def response_to(self, reference: str) -> str:
        """A response whose answer is the reference."""
        return rf"The answer is \boxed{{{reference}}}."

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample."""
        return judge_each(self._judge, samples)

    def classes(self, answers: Sequence[str]) -> list[int]:
        """Class numbers of answers: equal numbers for answers that are verifiably the same."""
        return classes(answers)

    def _judge(self, sample: Sample) -> Verdict:
        references = [reference for reference in sample.references if reference.strip()]
        if not references:
            return Verdict.error(Reason.REFERENCE_MISSING, "the sample has no reference to compare with")
        if (why := unusable(references)) is not None:
            return Verdict.error(Reason.REFERENCE_UNUSABLE, why)
        references = usable(references)
        got = extract(sample.response, sample.prompt, extraction=self.extraction, prefilled=self.prefilled)
        golds = [read(reference) for reference in references]
        if got.answer is None:
            unreadable = _unreadable(golds)
            if unreadable is not None:
                return unreadable
            return Verdict.scored(0.0, Reason.NO_ANSWER, got.detail, evidence={"extraction": got.rule})
        answer = read(got.answer)
        gold, decision = self._decide(golds, answer)
        evidence = {
            "extraction": got.rule,
            "rule": decision.rule,
            "normal_forms": [gold.form, answer.form],
        }
        if decision.same:
            return Verdict.scored(
                1.0, Reason.CORRECT, f"equal by {decision.rule}", answer=got.answer, evidence=evidence
            )
        unreadable = _unreadable(golds)
        if unreadable is not None:
            return unreadable
        if decision.same is None:
            detail = (
                f"no decision was reached: {answer.trouble or gold.trouble or 'the forms differ and no rule applies'}"
            )
            if self.undecided == "error":
                return Verdict.error(Reason.UNDECIDED, detail, answer=got.answer, evidence=evidence)
            return Verdict.scored(0.0, Reason.UNDECIDED, detail, answer=got.answer, evidence=evidence)
        return Verdict.scored(0.0, Reason.WRONG, "not equal", answer=got.answer, evidence=evidence)

    def _decide(self, golds: Sequence[Answer], answer: Answer) -> tuple[Answer, Decision]:
        """The decision against the references: the first that says yes, else the first that is open, else the first."""
        open_one: tuple[Answer, Decision] | None = None
        first: tuple[Answer, Decision] | None = None
        for gold in golds:
            decision = compare(gold, answer)
            if decision.same is None and self.symbolic:
                from .symbolic import decide

                decision = decide(gold.node, answer.node) or decision
            if decision.same:
                return gold, decision
            first = first or (gold, decision)
            if decision.same is None:
                open_one = open_one or (gold, decision)
        found = open_one or first
        assert found is not None
        return found


def _unreadable(golds: Sequence[Answer]) -> Verdict | None:
    """An error where no reference could be read: nobody's answer could then be right."""
    if any(gold.node.kind != "bad" for gold in golds):
        return None
    return Verdict.error(
        Reason.REFERENCE_UNPARSEABLE, f"the reference cannot be read: {golds[0].trouble or golds[0].text[:100]}"
    )
