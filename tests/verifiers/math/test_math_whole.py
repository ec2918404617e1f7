"""An answer is accepted only where all of it was read: words, names, domains, orders, marks, and what stands around."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.verifiers import MathVerifier, Sample
from r1_reward.verifiers.choice import ChoiceVerifier
from r1_reward.verifiers.math.unit_table import lookup
from r1_reward.verifiers.math.units import is_counted, unit

NUMBERS = st.integers(2, 99)
NAMES = st.sampled_from("abdghkmnpqrstuvwxyzABDFGHKLMPQRSTVXYZ")
MARKS = st.sampled_from(["%s", "%s'", "%s_1", "%s_2", r"\bar{%s}", r"\hat{%s}", r"\dot{%s}", "%s^*", r"\Delta %s"])


def accepted(gold: str, answer: str) -> bool:
    return in_text(gold, f"\\boxed{{{answer}}}")


def in_text(gold: str, response: str, extraction: str = "strict") -> bool:
    (verdict,) = MathVerifier(extraction=extraction)([Sample(response=response, reference=gold)])  # type: ignore[arg-type] # by name
    assert verdict.reason.value != "grader_crashed"
    return verdict.score == 1.0


@given(NUMBERS, st.from_regex(r"[a-z]{5,9}", fullmatch=True))
def test_a_word_behind_a_number_is_a_unit_or_something_counted(number: int, word: str) -> None:
    harmless = lookup(word) is not None or is_counted(word) or unit(word).says_nothing
    assert accepted(str(number), rf"{number}\text{{ {word}}}") <= harmless
    assert accepted(f"{number}", rf"{number}\text{{ ({word})}}") <= harmless
    assert accepted(rf"{number}\text{{ {word}}}", rf"{number}\text{{ {word}}}")


@given(NUMBERS, NAMES, NAMES, MARKS, MARKS)
def test_values_are_of_one_name(number: int, one: str, other: str, mark: str, another: str) -> None:
    gold, answer = (f"{form % name}={number}" for form, name in ((mark, one), (another, other)))
    assert accepted(gold, answer) == ((one, mark) == (other, another))
    assert accepted(gold, str(number))


@given(st.lists(st.sampled_from("abcdxyz"), min_size=2, max_size=4, unique=True), st.randoms(use_true_random=False))
def test_lists_of_names_are_matched_by_them(names: list[str], random: object) -> None:
    values = list(range(3, 3 + len(names)))
    pairs = list(zip(names, values, strict=True))
    gold = ", ".join(f"{name}={value}" for name, value in pairs)
    for order in itertools.permutations(pairs):
        assert accepted(gold, ", ".join(f"{name}={value}" for name, value in order))
        moved = [(name, value) for (name, _), (_, value) in zip(order, pairs, strict=True)]
        assert accepted(gold, ", ".join(f"{name}={value}" for name, value in moved)) == (dict(moved) == dict(pairs))
        left = ",".join(name for name, _ in order)
        assert accepted(gold, f"({left})=({','.join(str(value) for _, value in order)})")


DOMAINS = ["", r",\ k\in\mathbb{Z}", r",\ k\in\mathbb{N}", r",\ k\in\mathbb{Q}", r",\ k\in\mathbb{C}"]


@given(st.sampled_from(DOMAINS), st.sampled_from(DOMAINS[1:]), NUMBERS)
def test_what_a_name_runs_through_is_not_changed(gold: str, answer: str, step: int) -> None:
    integers = answer in DOMAINS[1:3]
    assert accepted(f"{step}k\\pi{gold}", f"{step}k\\pi{answer}") == (gold == answer or (not gold and integers))
    assert accepted(f"{step}k\\pi{gold}", f"{step}k\\pi")
    assert not accepted(f"x>{step}", rf"x>{step},\ x\in\mathbb{{Z}}")


@given(st.sampled_from(["all", "every", "any", "some"]), st.sampled_from(["all", "every", "any", "some"]), NUMBERS)
def test_for_some_is_not_for_all(gold: str, answer: str, number: int) -> None:
    formula = f"f(x)={number}x"
    both = (rf"{formula}\text{{ for {word} }}x" for word in (gold, answer))
    assert accepted(*both) == ((gold == "some") == (answer == "some"))


@given(st.sampled_from("abcuvwAMPQ"), st.sampled_from("abcuvwAMPQ"), st.sampled_from([r"\cdot ", r"\times ", ""]))
def test_products_of_vectors_keep_their_sign_and_order(one: str, other: str, sign: str) -> None:
    gold, turned = (rf"\mathbf{{{x}}}{sign}\mathbf{{{y}}}" for x, y in ((one, other), (other, one)))
    assert accepted(gold, turned) == (one == other or sign == r"\cdot ")
    assert not accepted(gold, rf"\mathbf{{{one}}}+\mathbf{{{other}}}")
    assert accepted(rf"\mathbf{{{one}}}", rf"\vec{{{one}}}")
    assert accepted(rf"3\mathbf{{{one}}}", f"3{one}")


@given(st.lists(st.sampled_from("ABCDEFGPQSTXYZ"), min_size=2, max_size=2, unique=True))
def test_two_capitals_are_not_exchanged(letters: list[str]) -> None:
    one, other = letters
    assert not accepted(one + other, other + one)
    assert accepted(rf"\overline{{{one}{other}}}", rf"\overline{{{other}{one}}}")
    assert not accepted(rf"\overrightarrow{{{one}{other}}}", rf"\overrightarrow{{{other}{one}}}")
    assert accepted(f"|{one}{other}|=5", f"|{other}{one}|=5")


FORMULAS = st.recursive(
    st.sampled_from("pqr"),
    lambda inner: st.one_of(
        inner.map(lambda x: f"not ({x})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda x: f"({x[0]}) {x[1]} ({x[2]})"),
    ),
    max_leaves=5,
)


@given(FORMULAS, FORMULAS)
def test_formulas_are_the_same_by_their_truth_table(one: str, other: str) -> None:
    rows = [dict(zip("pqr", row, strict=True)) for row in itertools.product((False, True), repeat=3)]
    same = all(eval(one, {}, row) == eval(other, {}, row) for row in rows)
    gold, answer = (
        rf"\neg({text})".replace("not ", r"\neg ").replace("and", r"\land ").replace("or", r"\lor ")
        for text in (one, other)
    )
    assert accepted(gold, answer) == same


@given(st.integers(-5, 5), st.integers(1, 6), st.sampled_from(["<", r"\le "]), st.sampled_from(["<", r"\le "]))
def test_whole_numbers_between_two_ends(low: int, width: int, left: str, right: str) -> None:
    members = [n for n in range(low, low + width + 1) if (n > low or left != "<") and (n < low + width or right != "<")]
    gold = rf"\{{x\in\mathbb{{Z}}: {low}{left}x{right}{low + width}\}}"
    listed = ", ".join(map(str, members))
    assert accepted(gold, rf"\{{{listed}\}}")
    assert not accepted(gold, rf"\{{{listed + ', ' if listed else ''}{low + width + 1}\}}")


@given(st.integers(1, 9), st.integers(1, 5), st.integers(2, 4), st.integers(2, 4), st.integers(0, 1))
def test_progressions_go_on_as_they_begin(first: int, step: int, shown: int, also: int, wrong: int) -> None:
    gold = ", ".join(str(first + step * at) for at in range(shown)) + r", \ldots"
    answer = ", ".join(str(first + (step + wrong) * at) for at in range(also)) + r", \dots"
    assert accepted(gold, answer) == (not wrong)


BEFORE = ["-", r"2\times", r"2\cdot ", "x+", "3-", r"x\ne ", r"\sqrt", r"\sin", r"10^", "1/"]
AFTER = ["^2", r"\pm1", "x", "i", r"\times3", "+C", "-1", "/2", r"\cdot10^3", ".5"]


@given(NUMBERS, st.sampled_from(BEFORE), st.sampled_from(AFTER))
def test_a_box_inside_of_a_formula_is_not_the_answer(number: int, before: str, after: str) -> None:
    assert not in_text(str(number), rf"So it is ${before}\boxed{{{number}}}$.")
    assert not in_text(str(number), rf"So it is $\boxed{{{number}}}{after}$.")
    assert in_text(str(number), rf"So $x=\boxed{{{number}}}$, and $y{before[:1]}3$ follows.")


SAID = ["If {}, we are done.", "Unless {}, it fails.", "Nobody thinks {}.", "It is false that {}.", "Assume {}."]


@given(NUMBERS, st.sampled_from(SAID), st.sampled_from("ABCD"))
def test_an_answer_that_nobody_states_is_none(number: int, frame: str, letter: str) -> None:
    assert not in_text(str(number), frame.format(f"the answer is {number}"), "lenient")
    assert in_text(str(number), f"So the answer is {number}.", "lenient")
    (verdict,) = ChoiceVerifier()([Sample(response=frame.format(f"the answer is {letter}"), reference=letter)])
    assert verdict.score == 0.0


CARRIED = [r"%d\%%", r"\$%d", r"%d^\circ", r"%d\text{ cm}", r"%d\text{ s}", r"%d\text{ kg}", "€%d"]


@given(NUMBERS, st.sampled_from(CARRIED), st.sampled_from(CARRIED))
def test_marks_and_units_are_never_exchanged(number: int, one: str, other: str) -> None:
    assert accepted(one % number, other % number) == (one == other)
    assert not accepted(
        rf"\begin{{pmatrix}}{number}&1\end{{pmatrix}}", rf"\begin{{pmatrix}}{number}\%&1\end{{pmatrix}}"
    )


@given(st.sampled_from(["=", r"\ne ", "<", r"\to "]), st.integers(0, 3), st.integers(0, 3), st.sampled_from("ijk"))
def test_the_bounds_of_a_sum_count(sign: str, low: int, other: int, index: str) -> None:
    gold = rf"\sum_{{{index}={low}}}^{{n}} a_{{{index}}}"
    assert accepted(gold, rf"\sum_{{m{sign}{other}}}^{{n}} a_{{m}}") == (sign == "=" and low == other)
    assert not accepted(gold, rf"\sum_{{{index}={low}}}^{{n}} a_{{p}}")


@pytest.mark.parametrize(
    "answer", ["10:30", "30-10", "10", "-20", r"10\text{ or }30", r"\text{from }30\text{ to }10", "10-31"]
)
def test_a_span_of_numbers_is_no_difference(answer: str) -> None:
    assert not accepted("10-30", answer)
    assert accepted("10-30", "10–30")
    assert accepted("10-30", r"\text{between }10\text{ and }30")
