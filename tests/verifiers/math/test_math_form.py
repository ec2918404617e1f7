"""How an answer has to be written: `form`, `units`, the question said again; and references that are no answer."""

from __future__ import annotations

from typing import Any

import pytest

from r1_reward.verifiers import MathVerifier, Sample
from r1_reward.verifiers.errors import ConfigError
from r1_reward.verifiers.reward import r1_zero
from r1_reward.verifiers.verdict import Reason, Status, Verdict


def judged(gold: str, answer: str, prompt: str = "", **options: Any) -> Verdict:  # any: options of the verifier
    (verdict,) = MathVerifier(**options)([Sample(response=f"\\boxed{{{answer}}}", reference=gold, prompt=prompt)])
    return verdict


# reference, answer, accepted as evaluated, in the same form, why
FORMS = [
    ("105", "58+47", False, False, "a sum left open"),
    ("105", "58 + 47 = 105", True, True, "a chain ends in its value"),
    ("6", r"2\cdot3", False, False, "a product left open"),
    ("3", "6/2", False, False, "a quotient that is whole"),
    ("4.0", r"\frac{8}{2}", False, False, "a quotient that is whole"),
    ("0.75", "3/4", True, True, "a fraction is a number"),
    ("1/2", "2/4", True, False, "a fraction that is not reduced"),
    ("1024", "2^{10}", False, False, "a power whose digits the reference writes"),
    ("1267650600228229401496703205376", "2^{100}", True, True, "a power that nobody writes out"),
    ("1000000", "10^6", True, True, "a power of ten"),
    ("1500", r"1.5\times10^3", True, True, "scientific notation"),
    ("120", "5!", False, False, "a factorial"),
    ("4", r"\sqrt{16}", False, False, "a root of a square"),
    ("10", r"\binom52", False, False, "a binomial"),
    ("3", r"\log_2 8", False, False, "a logarithm"),
    ("15", r"\sum_{k=1}^5 k", False, False, "a sum"),
    ("2^{10}", "2^{10}", True, True, "as the reference"),
    ("2^{10}", "1024", True, True, "further than the reference"),
    ("(7,5)", "(3+4,5)", False, False, "inside a pair"),
    (r"2\sqrt3", r"\sqrt{12}", True, True, "roots are no plain arithmetic"),
    ("x^2-1", "(x-1)(x+1)", True, False, "factored"),
    ("(x-1)(x+1)", "x^2-1", True, False, "expanded"),
    ("x^2+2x+1", "(x+1)^2", True, False, "factored"),
    ("x^2-1", "-1+x^2", True, True, "another order"),
    ("5", "-(-5)", True, True, "a sign is no operation"),
    (r"2\frac12", "2.5", True, True, "a mixed number"),
]


@pytest.mark.parametrize(
    ("gold", "answer", "evaluated", "same", "why"), FORMS, ids=[f"{g} | {a}" for g, a, *_ in FORMS]
)
def test_form(gold: str, answer: str, evaluated: bool, same: bool, why: str) -> None:
    assert judged(gold, answer).score == 1.0 or gold == "15", why
    assert (judged(gold, answer, form="evaluated").score == 1.0) == evaluated, why
    assert (judged(gold, answer, form="same").score == 1.0) == same, why


def test_a_form_that_is_not_kept_is_wrong_and_says_why() -> None:
    verdict = judged("105", "58+47", form="evaluated")
    assert (verdict.score, verdict.reason) == (0.0, Reason.WRONG)
    assert "operation" in verdict.detail


def test_presets_ask_for_evaluated_answers_and_can_be_told_otherwise() -> None:
    sample = Sample(response=r"<think>a</think><answer>58+47</answer>", reference="105")
    assert r1_zero()([sample])[0].parts["math"] == 0.0
    assert r1_zero({"math": {"form": "any"}})([sample])[0].parts["math"] == 1.0


# prompt, reference, answer, accepted, why
RESTATED = [
    ("What is 58 + 47?", "105", "58+47", False, "the question"),
    ("What is $58 \\times 47$?", "2726", r"58\cdot 47", False, "the question, with another sign"),
    ("Compute $\\frac{3+4}{2}$.", "3.5", r"\frac{3+4}{2}", False, "the question"),
    ("Expand $(x+1)^2$.", "x^2+2x+1", "(x+1)^2", False, "the question"),
    ("Expand $(x+1)^2$.", "x^2+2x+1", "x^2+2x+1", True, "the answer"),
    ("Which is larger, $2^5$ or $31$?", "2^5", "2^5", True, "the reference stands there too"),
    ("Is 105 = 58 + 47? Give the sum.", "105", "105", True, "a number has no operation"),
    ("Write $3/4$ as a decimal.", "0.75", "3/4", True, "a fraction is a number"),
    ("What is 158 + 471?", "105", "58+47", True, "a piece of a longer expression is another one"),
]


@pytest.mark.parametrize(("prompt", "gold", "answer", "right", "why"), RESTATED)
def test_an_expression_of_the_question_is_no_answer(prompt: str, gold: str, answer: str, right: bool, why: str) -> None:
    assert (judged(gold, answer, prompt).score == 1.0) == right, why


def test_a_missing_unit_is_a_matter_of_policy_and_a_wrong_one_is_not() -> None:
    for units in ("optional", "required"):
        assert judged(r"5\text{ cm}", "5 cm", units=units).score == 1.0
        assert judged(r"5\text{ cm}", r"5\text{ m}", units=units).score == 0.0
        assert judged("5", r"5\text{ cm}", units=units).score == 1.0
    assert judged(r"5\text{ cm}", "5").score == 1.0
    assert judged(r"5\text{ cm}", "5", units="required").score == 0.0
    assert judged(r"x=5\text{ cm}", "x=5", units="required").score == 0.0


@pytest.mark.parametrize("options", [{"form": "short"}, {"units": "never"}])
def test_an_option_that_is_not_known_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        MathVerifier(**options)


@pytest.mark.parametrize("gold", ["proof", "notfound", "N/A", "None", "nan", "See solution", "tensor(2)"])
def test_a_reference_that_is_no_answer_is_an_error(gold: str) -> None:
    verdict = judged(gold, "2")
    assert (verdict.status, verdict.reason) == (Status.ERROR, Reason.REFERENCE_UNUSABLE)


@pytest.mark.parametrize(
    ("gold", "answer", "right"),
    [
        ("['1/2', '0.5']", r"\frac12", True),
        ('["18"]', "18", True),
        ('["18"]', "17", False),
        ("['yes', 'true']", "true", True),
        ("['3', '5', '7']", "3", False),
        ("['3', '5', '7']", "[3, 5, 7]", True),
        ("['3', '5', '7']", "['3', '5', '7']", True),
    ],
)
def test_a_list_that_was_turned_into_text(gold: str, answer: str, right: bool) -> None:
    assert (judged(gold, answer).score == 1.0) == right


def test_one_usable_reference_of_several_is_enough() -> None:
    (verdict,) = MathVerifier()([Sample(response=r"\boxed{5}", reference=["N/A", "5"])])
    assert verdict.score == 1.0
