"""The 24 game, Countdown, and exact outputs."""

from __future__ import annotations

import contextlib
import random
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.verifiers import ConfigError, PuzzleVerifier, Reason, Sample, Status
from r1_reward.verifiers.puzzle import ExpressionError, compute

GAME: list[tuple[str, float, str]] = [
    ("<answer>8 / (3 - 8 / 3)</answer>", 1.0, "exact fractions"),
    (r"\boxed{8 \div (3 - \frac{8}{3})}", 1.0, "LaTeX"),
    (r"\boxed{8/(3-8/3) = 24}", 1.0, "its value"),
    ("So:\n8 ÷ (3 − 8 ÷ 3)", 1.0, "other signs, on the last line"),
    ("The solution is: (8/(3-8/3))", 1.0, "after a phrase"),
    ("<answer>[8 / (3 - 8 / 3)]</answer>", 1.0, "square brackets"),
    ("<answer>`8/(3-8/3)`</answer>", 1.0, "in backticks"),
    ("<answer>8 / (3 - 8 / 3) = 25</answer>", 0.0, "it claims another value"),
    ("<answer>8 * 3</answer>", 0.0, "not all the numbers"),
    ("<answer>24</answer>", 0.0, "the target itself"),
    ("<answer>8 * 3 * 8 / 8</answer>", 0.0, "a number used twice"),
    ("<answer>8 * 3 + 3 - 3</answer>", 0.0, "another used twice"),
    ("<answer>8 * 3 + 8 - 8</answer>", 0.0, "and another"),
    ("<answer>(8 + 3 + 8 + 3) / (8 - 8)</answer>", 0.0, "division by zero"),
    ("<answer>8 ** 3</answer>", 0.0, "a power"),
    ("<answer>8 ^ 3 ^ 8</answer>", 0.0, "another"),
    ("<answer>9**9**9**9</answer>", 0.0, "a huge one"),
    ("<answer>83 - 59</answer>", 0.0, "digits put together"),
    ("<answer>٨ / (٣ - ٨ / ٣)</answer>", 0.0, "digits of another script"),
    ("<answer>⁸/(3-8/3)</answer>", 0.0, "a superscript"),
    ("<answer>__import__('os')</answer>", 0.0, "code"),
    ("<answer>8 / (3 - 8 / 3) = 24 = 24</answer>", 0.0, "two equals signs"),
    ("<answer>24 = 8 / (3 - 8 / 3)</answer>", 1.0, "the other way round"),
    ("<answer>8 / (3 - 8 / 3</answer>", 0.0, "an open bracket"),
    ("<answer>8 8 3 3</answer>", 0.0, "no operators"),
    ("<answer>8(3)</answer>", 0.0, "an operator left out"),
    ("<answer>8 / (3 - 8 / 3)</answer><answer>1</answer>", 0.0, "two answers"),
    ("<answer></answer>", 0.0, "nothing"),
]


@pytest.mark.parametrize(("response", "score", "why"), GAME)
def test_the_24_game(response: str, score: float, why: str) -> None:
    verdict = PuzzleVerifier()([Sample(response=response, kind="puzzle", meta={"numbers": [3, 8, 8, 3]})])[0]
    assert verdict.status is Status.SCORED
    assert verdict.score == score, (why, verdict.detail)


@pytest.mark.parametrize(
    "sample",
    [
        {"meta": {"numbers": [19, 36, 55, 7], "target": 65}},
        {"meta": {"nums": ["19", "36", "55", "7"]}, "reference": "65"},
        {"reference": '{"numbers": [19, 36, 55, 7], "target": 65}'},
    ],
)
def test_countdown(sample: Any) -> None:
    right = Sample(response="<answer>55 + 36 - 7 - 19</answer>", kind="puzzle", **sample)
    assert PuzzleVerifier()([right])[0].score == 1.0
    short = Sample(response="<answer>55 + 36 - 19 - 7 + 0</answer>", kind="puzzle", **sample)
    assert PuzzleVerifier()([short])[0].score == 0.0


def test_some_of_the_numbers_will_do_if_asked() -> None:
    sample = Sample(response="<answer>8 * 3</answer>", meta={"numbers": [8, 3, 7]})
    assert PuzzleVerifier(use="some")([sample])[0].score == 1.0
    twice = Sample(response="<answer>8 * 3 * 3 / 3</answer>", meta={"numbers": [8, 3, 7]})
    assert PuzzleVerifier(use="some")([twice])[0].score == 0.0


EXACT: list[tuple[str, str, float, str]] = [
    ("<answer>[1, 2, 3]</answer>", "[1, 2, 3]", 1.0, "the same"),
    ("<answer>[1,2,3]</answer>", "[1, 2, 3]", 1.0, "the same JSON"),
    ("<answer>\nab \ncd\n</answer>", "ab\ncd", 1.0, "white space at the ends of lines"),
    ("<answer> ab\n  cd</answer>", "ab\ncd", 0.0, "but not at their beginnings"),
    ('```json\n{"a": 1, "b": 2}\n```', '{"b": 2, "a": 1}', 1.0, "JSON in a fence"),
    ("<answer>True</answer>", "true", 0.0, "exact means exact"),
    ("<answer>knight, knave</answer>", "knight, knave", 1.0, "words"),
    ("<answer>x</answer><answer>knight</answer>", "knight", 0.0, "two answers"),
    ("<answer>1</answer>", "true", 0.0, "1 is not true"),
]


@pytest.mark.parametrize(("response", "reference", "score", "why"), EXACT)
def test_exact_outputs(response: str, reference: str, score: float, why: str) -> None:
    verdict = PuzzleVerifier()([Sample(response=response, reference=reference, kind="puzzle")])[0]
    assert verdict.score == score, why


@pytest.mark.parametrize(
    "meta",
    [
        {"numbers": "3 8"},
        {"numbers": [None]},
        {"numbers": ["x"]},
        {"numbers": [1], "target": "1/0"},
        {"numbers": [1] * 101},
        {"numbers": ["1e999999"]},
    ],
)
def test_faults_of_the_data_are_errors(meta: Any) -> None:
    verdict = PuzzleVerifier()([Sample(response="<answer>1</answer>", meta=meta)])[0]
    assert verdict.reason in (Reason.REFERENCE_UNPARSEABLE, Reason.REFERENCE_MISSING)


def test_neither_numbers_nor_reference_is_an_error() -> None:
    assert PuzzleVerifier()([Sample(response="1")])[0].reason is Reason.REFERENCE_MISSING


def tree(rng: random.Random, depth: int) -> str:
    if depth == 0 or rng.random() < 0.2:
        return str(rng.randrange(1, 20))
    return f"({tree(rng, depth - 1)} {rng.choice('+-*/')} {tree(rng, depth - 1)})"


@given(st.integers(0, 10**9))
def test_expressions_come_to_what_python_says(seed: int) -> None:
    text = tree(random.Random(seed), 4)
    exact = "".join(
        f"Fraction({token})" if token.isdigit() else token
        for token in text.replace("(", "( ").replace(")", " )").split()
    )
    try:
        expected = eval(exact, {"Fraction": Fraction})  # fractions and operators that this test made itself
    except ZeroDivisionError:
        with pytest.raises(ExpressionError, match="zero"):
            compute(text)
    else:
        assert compute(text).value == expected


def test_precedence_and_signs() -> None:
    for text, value in (
        ("2+3*4", 14),
        ("2*3-4", 2),
        ("8-4-2", 2),
        ("16/4/2", 2),
        ("-3+5", 2),
        ("2*-3", -6),
        ("-(2+3)*2", -10),
    ):
        assert compute(text).value == value


@given(st.text(alphabet="0123456789+-*/() .eE^_²٣\x00", max_size=60))
def test_any_text_is_a_value_or_no_expression(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        compute(text)


def test_depth_and_length_are_no_danger() -> None:
    deep = "(" * 100_000 + "24" + ")" * 100_000
    assert compute(deep).value == 24
    sample = Sample(response=f"<answer>{deep}</answer>", meta={"numbers": [24]})
    assert PuzzleVerifier()([sample])[0].status is Status.SCORED


@pytest.mark.parametrize("options", [{"use": "any"}, {"extraction": "loose"}])
def test_wrong_options_are_refused(options: Any) -> None:
    with pytest.raises(ConfigError, match="puzzle"):
        PuzzleVerifier(**options)
