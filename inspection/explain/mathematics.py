"""How a verdict comes about, step by step, as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ...verifiers.math.compare import compare
from ...verifiers.math.extract import Extraction, extract
from ...verifiers.math.reading import Answer, read
from ...verifiers.reasoning import Prefilled
from ...verifiers.sample import Message


class Step(NamedTuple):
    """One step: what was done, by which rule, and what came of it."""

    step: str
    """extraction, reference, answer, comparison or symbolic."""
    rule: str
    """The rule that fired."""
    result: str
    """What came of it, for a person."""
    data: dict[str, Any]  # any: JSON values
    """The same as data: texts, tokens, trees, normal forms."""


def explain(
    response: str,
    reference: str | Sequence[str],
    prompt: str | Sequence[Message] = "",
    *,
    extraction: Extraction = "strict",
    prefilled: Prefilled = "auto",
    symbolic: bool = False,
) -> list[dict[str, Any]]:  # any: JSON objects
    r"""The steps from a response and its reference to a verdict, each a JSON object.

    >>> for step in explain(r"So it is \\boxed{0.5}.", r"\\frac{1}{2}"):
    ...     print(step["step"], step["rule"], step["result"])
    extraction boxed 0.5
    reference num 1/2
    answer dec 1/2
    comparison exact same
    """
    got = extract(response, prompt, extraction=extraction, prefilled=prefilled)
    steps = [Step("extraction", got.rule, got.answer if got.answer is not None else got.detail, {"answer": got.answer})]
    golds = [read(one) for one in ([reference] if isinstance(reference, str) else reference)]
    steps += [_reading("reference", gold) for gold in golds]
    if got.answer is None:
        return [step._asdict() for step in steps]
    answer = read(got.answer)
    steps.append(_reading("answer", answer))
    for gold in golds:
        decision = compare(gold, answer)
        steps.append(_decided("comparison", decision.same, decision.rule))
        if decision.same is None and symbolic:
            from ...verifiers.math.symbolic import decide

            decided = decide(gold.node, answer.node, (gold.text, answer.text))
            steps.append(_decided("symbolic", decided and decided.same, decided.rule if decided else "none"))
    return [step._asdict() for step in steps]


def _reading(step: str, answer: Answer) -> Step:
    data: dict[str, Any] = {"tokens": answer.text, "normal_form": answer.form, "kind": answer.node.kind}
    if answer.others:
        data["second_readings"] = len(answer.others)
    if answer.trouble:
        data["trouble"] = answer.trouble
    return Step(step, answer.node.kind, answer.form, data)


def _decided(step: str, same: bool | None, rule: str) -> Step:
    result = "undecided" if same is None else "same" if same else "different"
    return Step(step, rule, result, {"same": same, "rule": rule})
