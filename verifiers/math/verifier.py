"""The accuracy reward for mathematics, eq. (4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..reasoning import Prefilled
from ..references import alternatives, unusable, usable
from ..sample import Sample
from ..settings import check
from ..verdict import Reason, Verdict
from ..verifier import Verifier, judge_each, verdicts_of
from .classes import classes
from .compare import compare
from .extract import Extraction, extract
from .form import Form, has_other_form, is_open, restates
from .lists import Decision
from .reading import MAX_SHOWN, Answer, read, strip_delimiters
from .tree import Node
from .units import unit

Units = Literal["optional", "required"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MathVerifier:
    r"""1 if the response's answer is the reference, 0 if not.

    Evidence: `extraction` (the rule that found the answer), `rule` (the rule that decided), `normal_forms`.

    >>> verdict, = MathVerifier()([Sample(response=r"So it is \\boxed{\frac12}.", reference="0.5")])
    >>> verdict.score, verdict.reason.value, verdict.evidence["rule"]
    (1.0, 'correct', 'exact')
    """

    name = "math"
    """The key of its verdicts."""
    extraction: Extraction = "strict"
    """`strict` reads a box or an answer block; `lenient` also plain text, for base models and other people's logs."""
    prefilled: Prefilled = "auto"
    """Whether the prompt gave the opening `<think>`."""
    form: Form = "any"
    """`evaluated`: no operation may be left that the reference has carried out (`58+47` for 105); `same`: besides,
    factored, expanded and reduced as the reference; `any`: equal is enough. See `form.py`."""
    units: Units = "optional"
    """Whether an answer may leave out the unit of the reference. A wrong unit never counts."""
    undecided: Literal["zero", "error"] = "zero"
    """What becomes of an answer on which no decision was reached."""
    symbolic: bool = False
    """Whether sympy, in a process of its own, is asked about what is still undecided."""
    judge: Verifier | Mapping[str, object] | None = None
    """Who decides what no rule does: a `JudgeVerifier`, or its options. Evidence then has `judge`, what it found."""

    def __post_init__(self) -> None:
        check(self, self.name)
        if isinstance(self.judge, Mapping):
            from ..registry import make

            object.__setattr__(self, "judge", make("judge", self.judge))

    def response_to(self, reference: str) -> str:
        """A response whose answer is the reference."""
        return rf"The answer is \boxed{{{reference}}}."

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample."""
        verdicts = judge_each(self._judge, samples, accuracy=True)
        return verdicts if self.judge is None else self._ask_judge(samples, verdicts)

    @property
    def concurrency(self) -> int:
        """Samples that its judge takes at once."""
        return getattr(self.judge, "concurrency", 0)

    @property
    def patience(self) -> float:
        """Seconds for which its judge tries."""
        return getattr(self.judge, "patience", 0.0)

    def _ask_judge(self, samples: Sequence[Sample], verdicts: list[Verdict]) -> list[Verdict]:
        """Hand the judge what is undecided, and nothing else."""
        assert isinstance(self.judge, Verifier)
        left = [index for index, verdict in enumerate(verdicts) if verdict.reason is Reason.UNDECIDED]
        for index, judged in zip(left, verdicts_of(self.judge, [samples[index] for index in left]), strict=True):
            ruled = verdicts[index]
            evidence = {**ruled.evidence, "rule": "judge", "judge": dict(judged.evidence)}
            verdicts[index] = replace(
                judged, evidence=evidence, answer=ruled.answer, seconds=ruled.seconds + judged.seconds
            )
        return verdicts

    def classes(self, answers: Sequence[str]) -> list[int]:
        """Class numbers of answers: equal numbers for answers that are verifiably the same."""
        return classes(answers)

    def _judge(self, sample: Sample) -> Verdict:
        listed = sample.references
        references = [one for reference in listed if reference.strip() for one in alternatives(reference)]
        if not references:
            return Verdict.error(Reason.REFERENCE_MISSING, "the sample has no reference to compare with")
        if (why := unusable(references)) is not None:
            return Verdict.error(Reason.REFERENCE_UNUSABLE, why)
        got = extract(sample.response, sample.prompt, extraction=self.extraction, prefilled=self.prefilled)
        said = "" if got.answer is None else got.answer.strip()
        if said and any(said == reference.strip() for reference in listed):
            evidence = {"extraction": got.rule, "rule": "string", "normal_forms": [said[:MAX_SHOWN]] * 2}
            return Verdict.scored(1.0, Reason.CORRECT, "equal by string", answer=got.answer, evidence=evidence)
        references = usable(references)
        golds = [read(reference) for reference in references]
        if got.answer is None:
            unreadable = _unreadable(golds)
            if unreadable is not None:
                return unreadable
            return Verdict.scored(0.0, Reason.NO_ANSWER, got.detail, evidence={"extraction": got.rule})
        answer = read(got.answer)
        gold, decision = self._decide(golds, answer, (references, got.answer))
        evidence = {
            "extraction": got.rule,
            "rule": decision.rule,
            "normal_forms": [gold.form, answer.form],
        }
        if decision.same:
            fault = self._fault_of_form(sample, gold, answer, got.answer)
            if fault:
                evidence["rule"] = "form"
                return Verdict.scored(0.0, Reason.WRONG, fault, answer=got.answer, evidence=evidence)
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

    def _fault_of_form(self, sample: Sample, gold: Answer, answer: Answer, raw: str) -> str:
        """Why an answer that is equal to the reference does not count; empty where it does."""
        if gold.text != answer.text:
            if self.form != "any" and is_open(gold, answer):
                return "equal, but an operation is left that the reference has carried out"
            if self.form == "same" and has_other_form(gold, answer):
                return "equal, but not in the form of the reference"
            if self.units == "required" and _has_unit(gold.node) and not _has_unit(answer.node):
                return "equal, but without the unit of the reference"
            if sample.prompt and restates(sample.prompt_text, raw, " ".join(sample.references)):
                return "equal, but an expression of the question said again"
        return ""

    def _decide(
        self, golds: Sequence[Answer], answer: Answer, raw: tuple[Sequence[str], str]
    ) -> tuple[Answer, Decision]:
        """The decision against the references: the first that says yes, else the first that is open, else the first."""
        open_one: tuple[Answer, Decision] | None = None
        first: tuple[Answer, Decision] | None = None
        for gold, text in zip(golds, raw[0], strict=True):
            decision = compare(gold, answer)
            if decision.same is None and self.symbolic:
                from .symbolic import decide

                texts = strip_delimiters(text), strip_delimiters(raw[1])
                decision = decide(gold.node, answer.node, texts) or decision
            if decision.same:
                return gold, decision
            first = first or (gold, decision)
            if decision.same is None:
                open_one = open_one or (gold, decision)
        decided = open_one or first
        assert decided is not None
        return decided


def _has_unit(node: Node) -> bool:
    if node.kind == "unit":
        return not unit(str(node.value)).says_nothing
    return node.kind not in ("num", "dec", "var", "const", "text") and any(map(_has_unit, node.args))


def _unreadable(golds: Sequence[Answer]) -> Verdict | None:
    """An error where no reference could be read: nobody's answer could then be right."""
    if any(gold.node.kind != "bad" for gold in golds):
        return None
    return Verdict.error(
        Reason.REFERENCE_UNPARSEABLE, f"the reference cannot be read: {golds[0].trouble or golds[0].text[:100]}"
    )
