"""What is written alike and means something else is kept apart, and other spellings of one thing are not: formulas of
chemistry, permutations, infinite sums, units behind a slash, cases, boxes with words around them, plain text."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from r1_reward.verifiers import MathVerifier, Sample
from r1_reward.verifiers.choice import ChoiceVerifier

FEW = settings(max_examples=30)
NUMBERS = st.integers(2, 99)
ATOMS = st.lists(
    st.tuples(st.sampled_from("H C N O S Na Cl Fe Ca Cu".split()), st.integers(1, 12)), min_size=2, max_size=4
)


def scored(gold: str, response: str, **options: str) -> float | None:
    verifier = MathVerifier(**options)  # type: ignore[arg-type]  # options by name
    return verifier([Sample(response=response, reference=gold)])[0].score


def accepted(gold: str, answer: str) -> bool:
    return scored(gold, f"\\boxed{{{answer}}}") == 1.0


def _formula(atoms: list[tuple[str, int]], index: str = "_{%d}") -> str:
    return "".join(atom + (index % count if count > 1 else "") for atom, count in atoms)


@FEW
@given(ATOMS, st.integers(0, 3), st.integers(1, 3), st.sampled_from("+-"))
def test_a_formula_is_its_atoms_in_order_and_its_charge(
    atoms: list[tuple[str, int]], at: int, size: int, sign: str
) -> None:
    charge = f"{size if size > 1 else ''}{sign}"
    gold = f"\\mathrm{{{_formula(atoms)}^{{{charge}}}}}"
    assert accepted(gold, f"\\ce{{{_formula(atoms, '%d')}^{charge}}}")
    assert accepted(gold, f"\\text{{{_formula(atoms)}}}^{{{charge}}}")
    assert not accepted(gold, f"\\ce{{{_formula(atoms, '%d')}^{size + 1}{sign}}}")
    assert not accepted(gold, f"\\ce{{{_formula(atoms, '%d')}^{charge.replace(sign, '+' if sign == '-' else '-')}}}")
    at %= len(atoms)
    atom, count = atoms[at]
    more = [*atoms[:at], (atom, count + 1), *atoms[at + 1 :]]
    assert not accepted(gold, f"\\ce{{{_formula(more, '%d')}^{charge}}}")
    if _formula(atoms[::-1]) != _formula(atoms):
        assert not accepted(gold, f"\\ce{{{_formula(atoms[::-1], '%d')}^{charge}}}")


@FEW
@given(st.permutations(["\\mathrm{H_2}", "\\mathrm{O_2}", "\\mathrm{N_2}"]), st.integers(2, 9), st.integers(2, 9))
def test_a_reaction_has_two_sides_and_numbers(species: list[str], one: int, other: int) -> None:
    first, second, third = species
    gold = f"{one}{first} + {second} \\to {third}"
    assert accepted(gold, f"{second} + {one}{first} \\rightarrow {third}")
    assert not accepted(gold, f"{third} \\to {one}{first} + {second}")
    assert accepted(gold, f"{other}{first} + {second} \\to {third}") == (one == other)


@FEW
@given(st.permutations(range(1, 8)), st.integers(2, 4), st.integers(0, 3))
def test_a_permutation_is_its_cycles(moved: list[int], length: int, turn: int) -> None:
    one, other = moved[:length], moved[length : length + 3]
    turned = one[turn % length :] + one[: turn % length]
    written = ["({})".format(" ".join(map(str, cycle))) for cycle in (one, other, turned)]
    gold = written[0] + written[1]
    assert accepted(gold, written[1] + written[2])
    assert accepted(gold, (written[1] + written[2]).replace(" ", "\\ "))
    back = "({})".format(" ".join(map(str, reversed(other))))
    assert not accepted(gold, written[0] + back)
    assert not accepted(gold, written[0])


@FEW
@given(st.integers(1, 9))
def test_a_configuration_is_its_shells(last: int) -> None:
    gold = f"1s^2 2s^2 2p^6 3s^2 3p^6 3d^{last} 4s^2"
    assert accepted(gold, f"[\\mathrm{{Ar}}] 4s^2 3d^{{{last}}}")
    assert not accepted(gold, f"[\\mathrm{{Ar}}] 4s^2 3d^{{{last + 1}}}")
    assert not accepted(gold, f"[\\mathrm{{Ne}}] 4s^2 3d^{{{last}}}")


TERMS = st.sampled_from([r"\frac{x^{%s}}{(%s)!}", r"\frac{1}{(%s+1)^2}x^{%s}", r"(-1)^{%s}\frac{x^{%s}}{%s+3}"])


@FEW
@given(TERMS, NUMBERS, st.integers(0, 3), st.integers(1, 3))
def test_an_infinite_sum_is_its_terms(term: str, factor: int, first: int, shift: int) -> None:
    def body(index: str) -> str:
        return term.replace("%s", index)

    gold = rf"{factor}\sum_{{n={first}}}^\infty {body('n')}"
    assert accepted(gold, rf"\sum_{{k={first}}}^{{\infty}} {factor}{body('k')}")
    assert accepted(gold, rf"\sum_{{n={first + shift}}}^\infty {factor}{body(f'(n-{shift})')}")
    assert not accepted(gold, rf"{factor}\sum_{{n={first + shift}}}^\infty {body('n')}")
    assert not accepted(gold, rf"{factor + 1}\sum_{{n={first}}}^\infty {body('n')}")
    assert not accepted(gold, rf"{factor}\sum_{{n={first}}}^\infty {body('(n+1)')}")


@FEW
@given(st.permutations("kg K m A mol".split()), NUMBERS)
def test_a_product_behind_a_slash_needs_brackets(units: list[str], number: int) -> None:
    top, one, other = units[:3]
    gold = rf"{number}\ \mathrm{{{top}/({one}\cdot {other})}}"
    assert accepted(gold, rf"{number}\ \mathrm{{{top}\,{one}^{{-1}}\,{other}^{{-1}}}}")
    assert not accepted(gold, rf"{number}\ \mathrm{{{top}/{one}\cdot {other}}}")
    assert not accepted(gold, rf"{number}\ \mathrm{{{top}\cdot {other}/{one}}}")


@FEW
@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 9))
def test_what_holds_where_counts(low: int, high: int, end: int) -> None:
    assume(low != high)

    def cases(first: int, second: int, sign: str, other: str) -> str:
        return rf"\begin{{cases}}{first}x, & x {sign} {end} \\ {second}x, & x {other} {end}\end{{cases}}"

    gold = cases(low, high, "<", r"\ge")
    swapped = rf"\begin{{cases}}{high}x, & x \ge {end} \\ {low}x, & x < {end}\end{{cases}}"
    assert accepted(gold, swapped)
    assert not accepted(gold, cases(high, low, "<", r"\ge"))
    assert not accepted(gold, cases(low, high, r"\le", ">"))


@FEW
@given(NUMBERS, st.sampled_from(["<", ">", r"\le", r"\ge", r"\ne", r"\neq", r"\geq", r"\lt", "≤"]))
def test_a_box_beside_a_relation_is_a_part_of_it(number: int, sign: str) -> None:
    assert scored(f"{number}", rf"So $x {sign} \boxed{{{number}}}$.") == 0.0
    assert scored(rf"x {sign} {number}", rf"So $x {sign} \boxed{{{number}}}$.") == 1.0
    assert scored(f"{number}", rf"So $x = \boxed{{{number}}}$.") == 1.0


@FEW
@given(NUMBERS, NUMBERS, st.sampled_from(["If", "When", "For", "Case"]), st.sampled_from([". ", "; ", ".\n"]))
def test_boxes_under_conditions_are_no_answer(one: int, other: int, word: str, between: str) -> None:
    assume(one != other)
    both = rf"{word} $n=1$, we have $\boxed{{{one}}}${between}{word} $n=2$, we have $\boxed{{{other}}}$."
    assert scored(f"{other}", both) == 0.0
    assert scored(f"{other}", rf"{both}{between}So the answer is $\boxed{{{other}}}$.") == 1.0


@FEW
@given(
    NUMBERS,
    NUMBERS,
    st.sampled_from(["or", "or else", "oder", "ou", "или", "或", "还是", "または", "또는", "possibly", "|", "/"]),
)
def test_a_hedge_in_any_language_pays_nothing(one: int, other: int, word: str) -> None:
    assume(one != other)
    assert scored(f"{other}", rf"$\boxed{{{one}}}$ {word} $\boxed{{{other}}}$") == 0.0


@FEW
@given(
    st.integers(-9, 9),
    st.integers(1, 9),
    st.sampled_from(["or", "oder", "ou", "или", "либо", "または", "又は", "또는"]),
)
def test_or_in_other_languages_joins_a_set(low: int, width: int, word: str) -> None:
    gold = rf"(-\infty, {low}) \cup ({low + width}, \infty)"
    assert accepted(gold, rf"x < {low} \text{{ {word} }} x > {low + width}")
    assert not accepted(gold, rf"x < {low} \text{{ {word} }} x \ge {low + width}")


@FEW
@given(st.lists(st.sampled_from("TF"), min_size=2, max_size=5), st.integers(0, 4))
def test_truth_values_are_in_order(values: list[str], at: int) -> None:
    at %= len(values)
    other = [*values[:at], "F" if values[at] == "T" else "T", *values[at + 1 :]]
    assert accepted(", ".join(values), rf"\text{{{', '.join(values)}}}")
    assert not accepted(", ".join(values), ", ".join(other))
    for moved in itertools.islice(itertools.permutations(values), 8):
        assert accepted(", ".join(values), ", ".join(moved)) == (list(moved) == values)


@FEW
@given(st.text("01", min_size=3, max_size=9))
def test_a_string_of_digits_is_no_number(digits: str) -> None:
    assert accepted(f"0{digits}", f"0{digits}")
    assert not accepted(f"0{digits}", digits)
    assert not accepted(f"0{digits}", f"00{digits}")


@FEW
@given(st.integers(3, 20), st.sets(st.integers(0, 40), min_size=2, max_size=2), st.integers(-3, 3))
def test_classes_that_share_a_modulus(modulus: int, remainders: set[int], turns: int) -> None:
    one, other = sorted(remainders)
    assume(one % modulus != other % modulus)
    gold = rf"n \equiv {one}, {other} \pmod{{{modulus}}}"
    assert accepted(gold, rf"n \equiv {other + turns * modulus} \text{{ or }} {one} \pmod{{{modulus}}}")
    assert not accepted(gold, rf"n \equiv {one} \pmod{{{modulus}}}")
    third = next(k for k in range(40) if k % modulus not in (one % modulus, other % modulus))
    assert not accepted(gold, rf"n \equiv {one}, {third} \pmod{{{modulus}}}")


@FEW
@given(NUMBERS, NUMBERS)
def test_statements_give_no_values(one: int, other: int) -> None:
    assume(one != other)
    assert not accepted(rf"\{{{one}, {other}\}}", rf"\{{\{{{one}\}}, \{{{other}\}}\}}")
    assert not accepted(f"x = {one}", f"{one} = {one}")
    assert not accepted(f"{one}", f"x^{{-1}} = {one}")
    assert not accepted(f"{one}", rf"{one} \approx {2 * one}")
    assert accepted(f"{one}", f"x = {one}")


@FEW
@given(
    st.integers(101, 999),
    st.sampled_from(["%d/28", "%dm^2", "10^{%d}", "x%d", "%d:30", "%d.5.1", "-%d", "%d 000"]),
    st.sampled_from(["", "It is ", "So we get ", "为"]),
)
def test_no_number_is_cut_out_of_plain_text(number: int, formula: str, before: str) -> None:
    assert scored(f"{number}", before + formula % number, extraction="lenient") != 1.0


@FEW
@given(NUMBERS, NUMBERS)
def test_the_last_statement_counts_and_a_denial_is_none(one: int, other: int) -> None:
    assume(one != other)
    back = f"The answer is {one}. No, the answer is {other}."
    assert scored(f"{other}", back, extraction="lenient") == 1.0
    assert scored(f"{one}", back, extraction="lenient") != 1.0
    for denied in (f"The answer is not ${one}$.", f"The answer cannot be {one}.", f"The answer {one} is wrong."):
        assert scored(f"{one}", denied, extraction="lenient") != 1.0


@pytest.mark.parametrize("letter", "ABCD")
@pytest.mark.parametrize(
    "text", ["The answer {} is incorrect.", "It is not {}.", "The answer is not {}.", "Option {} is wrong."]
)
def test_a_denied_option_is_not_chosen(letter: str, text: str) -> None:
    verifier = ChoiceVerifier(extraction="lenient")
    (verdict,) = verifier([Sample(response=text.format(letter), reference=letter, kind="choice")])
    assert verdict.score != 1.0
