"""An answer that differs in one sign, bracket, unit, label, case or order is never accepted; every spelling of one
value is."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.verifiers import MathVerifier, Sample
from r1_reward.verifiers.math.unit_table import lookup

NUMBERS = st.integers(2, 999)
NAMES = st.sampled_from("abcdghkmnpqrstuvwxyz")
RUNS = st.sampled_from("at it is as in on an of to be by we me if or no so us am ax by".split())
SI_UNITS = {
    "m": "length", "g": "mass", "s": "time", "A": "current", "K": "temperature", "mol": "amount", "Hz": "frequency",
    "N": "force", "Pa": "pressure", "J": "energy", "W": "power", "C": "charge", "V": "voltage", "F": "capacitance",
    "T": "field", "H": "inductance", "L": "volume", "eV": "electronvolt", "bar": "pressure in bar", "cal": "calorie",
}  # fmt: skip
PREFIXES = {"": 0, "k": 3, "M": 6, "m": -3, "n": -9, "G": 9}


def accepted(gold: str, answer: str, **options: str) -> bool:
    (verdict,) = MathVerifier(**options)([Sample(response=f"\\boxed{{{answer}}}", reference=gold)])  # type: ignore[arg-type] # options by name
    return verdict.score == 1.0


@given(RUNS, NUMBERS, NAMES)
def test_the_sign_of_an_exponent_counts_whatever_the_letters_spell(run: str, number: int, name: str) -> None:
    assert not accepted(f"{number}e^{{-{run}}}+{name}", f"{number}e^{{{run}}}+{name}")
    assert accepted(f"{number}e^{{-{run}}}+{name}", f"{name}+{number}e^{{-{run}}}")


@given(RUNS, NUMBERS)
def test_a_bracket_around_letters_counts(run: str, number: int) -> None:
    assert not accepted(f"{number}({run}+w)", f"{number}{run}+w")
    assert accepted(f"{number}({run}+w)", f"{number}{run}+{number}w")


@given(st.sampled_from("VIPQxyzuvw"), st.sampled_from("0ts"), NUMBERS)
def test_what_is_applied_is_no_factor(name: str, point: str, number: int) -> None:
    called = f"{name}({point})"
    assert not accepted(f"{number}{called}e^{{-k}}", "0")
    assert not accepted(f"{called}+{number}", f"{name}{point}+{number}")
    assert accepted(f"{called}+{number}", f"{number}+{called}")


@given(st.sampled_from("tpqrlj"), st.integers(1, 9), st.integers(1, 9))
def test_reals_are_not_compared_at_whole_numbers_only(name: str, one: int, other: int) -> None:
    assert accepted(f"\\cos({2 * one}\\pi {name})", f"\\cos({2 * other}\\pi {name})") == (one == other)
    assert not accepted(f"\\sin({one}\\pi {name})", "0")


@given(st.sampled_from(sorted(SI_UNITS)), st.sampled_from(sorted(SI_UNITS)), NUMBERS)
def test_another_unit_is_another_answer(one: str, other: str, number: int) -> None:
    first, second = lookup(one), lookup(other)
    assert first is not None
    assert second is not None
    same = first == second
    assert accepted(f"{number}\\ \\mathrm{{{one}}}", f"{number}\\text{{ {other}}}") == same
    assert accepted(f"{number}\\ \\mathrm{{{one}}}", f"{number}")
    assert accepted(f"{number}", f"{number}\\ \\mathrm{{{one}}}")
    assert not accepted(f"{number}\\ \\mathrm{{{one}}}", f"{number}\\ \\mathrm{{{one}}}^2")
    assert not accepted(f"{number}\\ \\mathrm{{{one}}}", f"{number}", units="required")


@given(st.sampled_from(sorted(SI_UNITS)), st.sampled_from(sorted(PREFIXES)), st.sampled_from(sorted(PREFIXES)), NUMBERS)
def test_prefixes_are_converted_and_their_case_counts(unit: str, one: str, other: str, number: int) -> None:
    scaled = Fraction(number) * Fraction(10) ** (PREFIXES[one] - PREFIXES[other])
    spelled = f"\\frac{{{scaled.numerator}}}{{{scaled.denominator}}}"
    gold = f"{number}\\ \\mathrm{{{one}{unit}}}"
    assert accepted(gold, f"{spelled}\\ \\mathrm{{{other}{unit}}}")
    assert accepted(gold, f"{number}\\ \\mathrm{{{other}{unit}}}") == (one == other)


@given(st.permutations(["width", "length", "height"]), st.permutations([3, 5, 7]))
def test_values_belong_to_their_labels(words: list[str], values: list[int]) -> None:
    gold = r"\text{width}=3,\text{ length}=5,\text{ height}=7"
    answer = ",".join(rf"\text{{ {word}}}={value}" for word, value in zip(words, values, strict=True))
    right = dict(zip(words, values, strict=True)) == {"width": 3, "length": 5, "height": 7}
    assert accepted(gold, answer) == right


@given(st.integers(-9, 9), st.integers(-9, 9), st.sampled_from(["vertex", "center", "local maximum at", "point"]))
def test_signs_behind_words_count(x: int, y: int, word: str) -> None:
    gold = rf"\text{{{word} }}({x},{y})"
    assert accepted(gold, rf"\text{{{word} }}({x}, {y})")
    assert accepted(gold, rf"\text{{{word} }}({-x},{y})") == (x == 0)


LETTERS = st.text("BCFKNPVWbcfknpvw", min_size=2, max_size=2)


@given(LETTERS, st.sampled_from([str.upper, str.lower, str.capitalize, str.swapcase]))
def test_the_case_of_short_words_counts(word: str, other: Callable[[str], str]) -> None:
    assert accepted(rf"\text{{{word}}}", rf"\text{{{other(word)}}}") == (word == other(word))


@given(st.integers(1, 12), st.integers(0, 59), st.integers(1, 12), st.integers(0, 59))
def test_times_are_no_ratios(h: int, m: int, hour: int, minute: int) -> None:
    assert accepted(f"{h}:{m:02}", f"{hour}:{minute:02}") == ((h, m) == (hour, minute))
    assert not accepted(f"{h}:{m:02} AM", f"{h}:{m:02} PM")


@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from(["()", "[]", "(]", "[)"]),
    st.sampled_from(["()", "[]", "(]", "[)"]),
)
def test_the_ends_of_an_interval_count(low: int, width: int, one: str, other: str) -> None:
    gold, answer = (f"{ends[0]}{low},{low + width}{ends[1]}" for ends in (one, other))
    assert accepted(gold, answer) == (one == other)


@given(NUMBERS, NUMBERS)
def test_an_operation_left_open_is_not_evaluated(one: int, other: int) -> None:
    for answer, value in ((f"{one}+{other}", one + other), (f"{one}\\times {other}", one * other)):
        assert accepted(str(value), answer)
        assert not accepted(str(value), answer, form="evaluated")
        assert accepted(str(value), f"{answer}={value}", form="evaluated")
        assert accepted(answer, answer, form="evaluated")


@given(NUMBERS, NUMBERS)
def test_the_question_said_again_is_no_answer(one: int, other: int) -> None:
    question = f"What is {one} + {other}? Give only the number."
    (verdict,) = MathVerifier()(
        [Sample(response=f"\\boxed{{{one}+{other}}}", prompt=question, reference=str(one + other))]
    )
    assert verdict.score == 0.0
    assert "question" in verdict.detail


SPELLINGS = [
    ("3/8", [r"\frac{3}{8}", r"\dfrac38", "0.375", r"37.5\%", "6/16", r"{3\over8}", r"\frac{-3}{-8}", "3÷8"]),
    ("1234567", ["1,234,567", "1{,}234{,}567", r"1\,234\,567", "1 234 567", "1'234'567", "1.234.567", "12,34,567"]),
    (r"\sqrt{12}", [r"2\sqrt3", r"\sqrt{3}\cdot2", "12^{1/2}", "2*sqrt(3)", r"\sqrt{4}\sqrt{3}", "√12"]),
    (r"(1,2]", [r"1<x\le2", r"]1;2]", r"\{x\mid 1<x\leq 2\}", r"x\in(1,2]", r"(1,2)\cup\{2\}"]),
    (
        r"5\ \mathrm{m/s}",
        ["5 m/s", r"5\text{ meters per second}", r"18\text{ km/h}", r"5\ \mathrm{m\,s^{-1}}", "5米每秒"],
    ),
    (r"x_1^2+x_2^2", ["x^2_1+x^2_2", "x_{1}^{2}+x_{2}^{2}", "x_2^2+x_1^2", "x₁²+x₂²"]),
    (r"\text{no solution}", ["无解", r"\varnothing", r"\emptyset", r"\text{No solutions}", r"\text{none}"]),
]


@pytest.mark.parametrize(("gold", "spellings"), SPELLINGS, ids=[gold for gold, _ in SPELLINGS])
def test_every_spelling_of_a_value_is_accepted(gold: str, spellings: list[str]) -> None:
    assert [answer for answer in spellings if not accepted(gold, answer)] == []
    assert [answer for answer in spellings if not accepted(answer, gold)] == []
