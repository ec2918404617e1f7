"""What holds for every answer: reflexive, symmetric where it is equality, blind to harmless spelling."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r1_reward.verifiers import MathVerifier, Sample
from r1_reward.verifiers.math.compare import compare
from r1_reward.verifiers.math.reading import read

ANSWERS = [
    "5", "-5", "1/2", r"\frac{1}{2}", "0.25", r"\sqrt{2}", r"2\sqrt{3}", "x+1", "x^2-1", r"\frac{x}{y}", "(1,2)",
    "[1,2)", r"\{1,2\}", "1,2", "x=5", "y=2x+1", "x>5", r"1\le x<3", r"(-\infty,2]\cup(5,\infty)", r"\pi", r"2\pi r",
    r"\sin x", r"e^{2x}", r"\ln 2", "3+4i", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\text{yes}", "A", "12:30",
    r"30^\circ", r"50\%", "101_2", r"5\text{ cm}", r"\pm 3", r"\infty", r"\binom{n}{2}", "n!", r"\lfloor x\rfloor",
]  # fmt: skip
PLAIN_EQUALITY = [a for a in ANSWERS if a not in (r"50\%", r"30^\circ", "101_2")]


def correct(gold: str, response: str, **options: str) -> bool:
    verifier = MathVerifier(**options)  # type: ignore[arg-type]  # options by name
    return verifier([Sample(response=response, reference=gold)])[0].score == 1.0


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_is_its_own(answer: str) -> None:
    assert correct(answer, rf"\boxed{{{answer}}}")
    assert correct(f"${answer}$", rf"\boxed{{{answer}}}")


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("So the answer is $", "$."),
        ("We use 3 and 4, and x = 7.\n\n\\[", "\\]\nThis is final."),
        ("<think>maybe \\boxed{99}?</think>\n", ""),
        ("答案是", "。"),
    ],
)
def test_prose_around_the_box_changes_nothing(answer: str, before: str, after: str) -> None:
    assert correct(answer, f"{before}\\boxed{{{answer}}}{after}")


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(", r"\left("),
        (")", r"\right)"),
        (r"\frac", r"\dfrac"),
        ("+", " + "),
        (",", r",\ "),
        ("=", " = "),
        ("x", " x"),
    ],
)
def test_harmless_spelling_changes_nothing(answer: str, old: str, new: str) -> None:
    if r"\text" in answer or r"\begin" in answer or r"\inf" in answer or (old == "x" and r"\le" in answer):
        new = old
    assert correct(answer, rf"\boxed{{{answer.replace(old, new)}}}")


@pytest.mark.parametrize("first", PLAIN_EQUALITY)
def test_equality_is_symmetric(first: str) -> None:
    for second in PLAIN_EQUALITY:
        assert bool(compare(read(first), read(second)).same) == bool(compare(read(second), read(first)).same), second


@settings(max_examples=200)
@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6), st.integers(0, 8))
def test_a_perturbed_number_is_another(top: int, bottom: int, digit: int) -> None:
    gold = rf"\frac{{{top}}}{{{bottom}}}"
    assert correct(gold, rf"\boxed{{{top}/{bottom}}}")
    assert not correct(gold, rf"\boxed{{{top + 10**digit}/{bottom}}}")


@settings(max_examples=200)
@given(st.decimals(-(10**6), 10**6, places=4))
def test_decimals_are_compared_exactly(value: object) -> None:
    assert correct(f"{value}", rf"\boxed{{{value}}}")
    assert correct(f"{value}", rf"\boxed{{{value}00}}")
    assert not correct(f"{value}", rf"\boxed{{{value}001}}")


ALPHABET = string.ascii_letters + string.digits + r"\{}()[]^_+-*/=<>,.;:!|$% '" + "√π∞≤½²答"


@settings(max_examples=400)
@given(st.text(ALPHABET, max_size=60), st.text(ALPHABET, max_size=60))
def test_no_text_raises_or_crashes_the_verifier(gold: str, answer: str) -> None:
    for extraction in ("strict", "lenient"):
        for response in (answer, rf"\boxed{{{answer}}}"):
            sample = Sample(response=response, reference=gold)
            (verdict,) = MathVerifier(extraction=extraction)([sample])
            assert verdict.reason.value != "grader_crashed", verdict.detail


COMMANDS = st.sampled_from(
    [r"\frac", r"\sqrt", "{", "}", "(", ")", "[", "]", "^", "_", "x", "2", "3", "+", "-", r"\pi", r"\sin", r"\left(",
     r"\right)", ",", "=", "<", r"\le", r"\cup", r"\infty", r"\{", r"\}", "|", r"\text{ m}", "%", r"^\circ", "!",
     r"\pm", r"\log", r"\int", r"\sum", r"\begin{pmatrix}", r"\end{pmatrix}", "&", r"\\", r"\binom",
     "'", ":", " and ", " or "]
)  # fmt: skip


@settings(max_examples=400)
@given(st.lists(COMMANDS, max_size=14).map("".join), st.lists(COMMANDS, max_size=14).map("".join))
def test_no_run_of_commands_crashes_the_verifier(gold: str, answer: str) -> None:
    samples = [Sample(response=rf"\boxed{{{answer}}}", reference=gold), Sample(response=answer, reference=answer)]
    for verdict in MathVerifier(extraction="lenient")(samples):
        assert verdict.reason.value != "grader_crashed", verdict.detail
