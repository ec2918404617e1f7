"""The tokenizer and the grammar: what texts are read as, and the caps."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r1_reward.verifiers.math.compare import compare
from r1_reward.verifiers.math.exact import rational
from r1_reward.verifiers.math.reading import read
from r1_reward.verifiers.math.scalar import same_scalar
from r1_reward.verifiers.math.tokens import tokenize
from r1_reward.verifiers.math.tree import Node, TooBig, add, div, mul, neg, num

VALUES = [
    ("1,234,567", 1234567),
    (r"1\,234", 1234),
    ("1{,}234", 1234),
    ("0.125", Fraction(1, 8)),
    (".5", Fraction(1, 2)),
    ("5.", 5),
    ("-3/4", Fraction(-3, 4)),
    (r"\frac34", Fraction(3, 4)),
    (r"\frac{3}4", Fraction(3, 4)),
    (r"-\tfrac{3}{4}", Fraction(-3, 4)),
    (r"2\frac58", Fraction(21, 8)),
    (r"-2\frac{5}{8}", Fraction(-21, 8)),
    ("3 1/7", Fraction(22, 7)),
    (r"0.1\overline{6}", Fraction(1, 6)),
    ("2^{-3}", Fraction(1, 8)),
    ("4^{3/2}", 8),
    (r"\sqrt[3]{27}", 3),
    (r"\sqrt{0.25}", Fraction(1, 2)),
    ("6!/4!", 30),
    (r"\binom{6}{2}", 15),
    ("C_6^2", 15),
    (r"\log_8 4", Fraction(2, 3)),
    (r"\lfloor 7/2 \rfloor", 3),
    (r"\gcd(12,18)", 6),
    ("17 \\bmod 5", 2),
    ("|{-3}|", 3),
    ("2^6 3^5 5^4", 2**6 * 3**5 * 5**4),
    ("3\\times 10^{-2}", Fraction(3, 100)),
    ("--3", 3),
    (r"(-1)^{2017}", -1),
    ("75%", Fraction(3, 4)),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_exact_values(text: str, value: int | Fraction) -> None:
    assert rational(read(text).node) == value


KINDS = [
    ("x = 5", "rel"),
    ("1 < x \\le 2", "rel"),
    ("(1,2)", "tuple"),
    ("[1,2]", "brackets"),
    ("(1,2]", "interval"),
    (r"\{1,2\}", "set"),
    (r"\{x \mid x>1\}", "builder"),
    (r"(1,2]\cup\{3\}", "union"),
    ("1,2", "list"),
    ("5 cm", "unit"),
    (r"50\%", "pct"),
    (r"45^\circ", "deg"),
    ("101_2", "based"),
    ("3:4", "ratio"),
    (r"1\pm\sqrt2", "add"),
    (r"\begin{cases}1 & x>0\\ 0 & x\le0\end{cases}", "cases"),
    (r"\begin{bmatrix}1&2\end{bmatrix}", "matrix"),
    ("Evelyn", "text"),
    ("They are the same.", "text"),
    (r"\frac{1}{", "bad"),
    ("1+", "bad"),
    (")", "bad"),
]


@pytest.mark.parametrize(("text", "kind"), KINDS)
def test_kinds_of_answers(text: str, kind: str) -> None:
    assert read(text).node.kind == kind


@pytest.mark.parametrize(
    "text",
    [
        "9" * 20_000,
        "(" * 200 + "1" + ")" * 200,
        "{" * 200 + "1" + "}" * 200,
        r"\frac{1}{" * 100 + "2" + "}" * 100,
        r"\sqrt{" * 100 + "2" + "}" * 100,
        "2^" * 300 + "2",
        "+".join("x" * 2000),
        "x" + "!" * 100,
        ",".join("1" * 500),
    ],
)
def test_past_a_cap_an_answer_is_too_big(text: str) -> None:
    assert read(text).node == Node("bad", (), "big")


def test_a_token_list_is_capped() -> None:
    with pytest.raises(TooBig):
        tokenize("x+" * 4_000)


# Random trees: rendered to LaTeX in several spellings, they are read back as the same thing.

_leaves = st.one_of(
    st.integers(0, 12).map(num),
    st.sampled_from([Node("var", (), name) for name in ("x", "y", "a")]),
    st.fractions(0, 5, max_denominator=9).map(num),
)


def _grown(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    pair = st.tuples(inner, inner)
    return st.one_of(
        pair.map(lambda p: add(*p)),
        pair.map(lambda p: mul(*p)),
        pair.map(lambda p: div(p[0], add(mul(p[1], p[1]), num(1)))),
        inner.map(neg),
        st.tuples(inner, st.integers(1, 3)).map(lambda p: Node("pow", (p[0], num(p[1])))),
        inner.map(lambda n: Node("root", (add(mul(n, n), num(1)), num(2)))),
        inner.map(lambda n: Node("fn", (n,), "sin")),
    )


trees = st.recursive(_leaves, _grown, max_leaves=8)


def rendered(node: Node, spelling: int) -> str:
    """LaTeX for a tree; the spelling chooses among ways to write the same."""
    opens, closes = (("(", ")"), (r"\left(", r"\right)"), (r"\bigl( ", r" \bigr)"))[spelling % 3]
    frac = (r"\frac", r"\dfrac", r"\tfrac")[spelling % 3]
    space = ("", " ", r"\,")[spelling // 3 % 3]
    times = (r"\cdot ", r"\times ", "*")[spelling // 3 % 3]
    parts = [rendered(arg, spelling) for arg in node.args]
    if node.kind == "num":
        assert isinstance(node.value, int | Fraction)
        top, bottom = node.value.numerator, node.value.denominator
        text = str(top) if bottom == 1 else f"{frac}{{{abs(top)}}}{{{bottom}}}"
        return f"{opens}{'-' if top < 0 <= bottom != 1 else ''}{text}{closes}" if top < 0 else text
    if node.kind == "var":
        return str(node.value)
    if node.kind == "add":
        return opens + f"{space}+{space}".join(parts) + closes
    if node.kind == "mul":
        return times.join(f"{opens}{part}{closes}" for part in parts)
    if node.kind == "pow":
        return f"{opens}{parts[0]}{closes}^{{{parts[1]}}}"
    if node.kind == "root":
        return rf"\sqrt{{{parts[0]}}}"
    return rf"\sin{opens}{parts[0]}{closes}"


@settings(max_examples=150)
@given(trees, st.integers(0, 8))
def test_a_rendered_tree_is_read_back_as_the_same(tree: Node, spelling: int) -> None:
    got = read(rendered(tree, spelling))
    assert got.node.kind not in ("bad", "text"), rendered(tree, spelling)
    same, _ = same_scalar(tree, got.node)
    assert same is not False
    if "0" not in rendered(tree, 0):  # a division by nought has no value, and stays undecided
        assert same


@settings(max_examples=100)
@given(trees, st.integers(0, 8), st.integers(0, 8))
def test_two_spellings_of_a_tree_are_the_same_answer(tree: Node, first: int, second: int) -> None:
    assert compare(read(rendered(tree, first)), read(rendered(tree, second))).same is not False


@settings(max_examples=100)
@given(trees, st.sampled_from([Fraction(1), Fraction(1, 7), Fraction(-3), Fraction(1, 10**6)]))
def test_a_perturbed_tree_is_another_answer(tree: Node, by: Fraction) -> None:
    assert not same_scalar(tree, add(tree, num(by)))[0]
