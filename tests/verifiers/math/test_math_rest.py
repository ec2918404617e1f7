"""Classes of answers, the explanation, units, and the symbolic tier."""

from __future__ import annotations

import json
import os
import time
from fractions import Fraction

import pytest

from r1_reward.inspection.explain.mathematics import explain
from r1_reward.verifiers import MathVerifier, Sample
from r1_reward.verifiers.math import symbolic
from r1_reward.verifiers.math.reading import read
from r1_reward.verifiers.math.units import conversion

# classes


def test_classes_number_answers_in_order_of_appearance() -> None:
    answers = ["2", "1/2", "0.5", "x=2", r"\frac{2}{4}", "3", "2.0", "text", "Text."]
    assert MathVerifier().classes(answers) == [0, 1, 1, 0, 1, 2, 0, 3, 3]


def test_classes_join_nothing_by_a_rule_that_holds_one_way() -> None:
    assert MathVerifier().classes(["0.33", "1/3", "0.333"]) == [0, 1, 2]
    assert MathVerifier().classes([r"\frac{1}{", r"\frac{2}{", r"\frac{1}{"]) == [0, 1, 0]


def test_classes_of_functions_and_sets() -> None:
    answers = [r"\sin 2x", r"2\sin x\cos x", "x>5", r"(5,\infty)", "1,2", "2,1", "(1,2)"]
    assert MathVerifier().classes(answers)[:6] == [0, 0, 1, 1, 2, 2]


def test_many_answers_are_classed_in_near_linear_time() -> None:
    answers = [str(number % 500) for number in range(20_000)]
    start = time.process_time()
    numbers = MathVerifier().classes(answers)
    assert len(set(numbers)) == 500
    assert time.process_time() - start < 20
    assert MathVerifier().classes([]) == []


# explain


def test_the_explanation_is_json_and_ends_in_the_verdict() -> None:
    steps = explain(r"So $x = \boxed{\frac{\sqrt6}{\sqrt2}}$.", [r"\sqrt2", r"\sqrt3"])
    assert json.loads(json.dumps(steps)) == steps
    assert [step["step"] for step in steps] == [
        "extraction", "reference", "reference", "answer", "comparison", "comparison",
    ]  # fmt: skip
    assert [step["result"] for step in steps[-2:]] == ["different", "same"]


def test_the_explanation_of_no_answer_says_why() -> None:
    assert explain("<think>5", "5")[0]["result"] == "the think block is never closed, so nothing was answered"


# units


@pytest.mark.parametrize(
    ("gold", "answer", "factor"),
    [
        ("m", "cm", Fraction(1, 100)),
        ("hours", "minutes", Fraction(1, 60)),
        ("mph", "miles / hour", Fraction(1)),
        ("miles per hour", "mi / hr", Fraction(1)),
        ("square feet", "ft ^ 2", Fraction(1)),
        ("m / s", "km / h", Fraction(1000, 3600)),
        ("dollars", "cents", Fraction(1, 100)),
        ("apples", "apple", Fraction(1)),
        ("red apples", "apples", None),
        ("kJ / mol", "J / mol", Fraction(1, 1000)),
        ("kJ / mol", "kJ / K", None),
        ("J mol ^ -1 K ^ -1", "J K ^ -1 mol ^ -1", Fraction(1)),
        ("mW", "MW", Fraction(10**9)),
        ("dollars profit", "dollars loss", None),
        ("units ^ 2", "units ^ 3", None),
        ("", "cm", Fraction(1)),
        ("square units", "cm ^ 2", Fraction(1)),
        ("cm", "s", None),
        ("cm", "cm ^ 2", None),
        ("apples", "pears", None),
        ("apples", "cm", None),
    ],
)
def test_conversion(gold: str, answer: str, factor: Fraction | None) -> None:
    assert conversion(gold, answer) == factor


# the symbolic tier


@pytest.mark.slow
def test_sympy_decides_and_the_worker_is_kept() -> None:
    first = symbolic.decide(read(r"\sin 2x").node, read(r"2\sin x\cos x").node)
    process = symbolic._worker.process
    second = symbolic.decide(read("x+1").node, read("x+2").node)
    assert first is not None
    assert first.same is True
    assert second is not None
    assert second.same is False
    assert symbolic._worker.process is process
    symbolic.stop()


@pytest.mark.slow
def test_the_worker_is_killed_at_its_deadline_and_started_again() -> None:
    symbolic.decide(read("x").node, read("x").node)
    process = symbolic._worker.process
    assert process is not None
    slow = read(r"(x+y)^{400}(x-z)^{300}").node, read(r"(x+y)^{401}(x-z)^{299}+\sin x").node
    start = time.monotonic()
    assert symbolic.decide(*slow, deadline_s=0.2) is None
    assert time.monotonic() - start < 10
    assert process.poll() is not None
    again = symbolic.decide(read("x").node, read("x").node)
    assert again is not None
    assert again.same is True
    symbolic.stop()


@pytest.mark.slow
def test_a_verdict_by_the_symbolic_tier_never_turns_a_decision_round() -> None:
    samples = [
        Sample(response=r"\boxed{x+\lfloor |x|/10^{15}\rfloor}", reference="x"),
        Sample(response=r"\boxed{3}", reference="4"),
    ]
    assert [verdict.score for verdict in MathVerifier(symbolic=True)(samples)] == [0.0, 0.0]
    symbolic.stop()
    assert symbolic._worker.process is None or symbolic._worker.owner != os.getpid()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gold", "answer", "right"),
    [
        (r"\int_0^1 x^2\,dx", r"\frac13", True),
        (r"\int_0^1 x^2\,dx", r"\frac14", False),
        (r"\sum_{n=1}^{\infty}\frac{1}{n^2}", r"\frac{\pi^2}{6}", True),
        (r"\sum_{n=1}^{\infty}\frac{1}{n^2}", r"\frac{\pi^2}{8}", False),
        (r"\lim_{x\to 0}\frac{\sin x}{x}", "1", True),
        ("1", r"\lim_{x\to 0}\frac{\sin x}{x}", False),
    ],
)
def test_texts_are_read_in_the_worker(gold: str, answer: str, right: bool) -> None:
    pytest.importorskip("latex2sympy2_extended")
    sample = Sample(response=f"\\boxed{{{answer}}}", reference=gold)
    assert (MathVerifier(symbolic=True)([sample])[0].score == 1.0) == right
    assert MathVerifier()([sample])[0].score == 0.0
    symbolic.stop()


def test_only_plain_formulas_are_sent_as_texts() -> None:
    assert symbolic._is_plain_formula(r"\int_0^1 x^2\,dx")
    for text in ("__import__('os')", r"\text{eval}", "lambda: 0", r"\input{a}", "x" * 400, "", '"a"', "open"):
        assert not symbolic._is_plain_formula(text)
