"""Comparing what came back with what was expected, on the host."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.sandbox import checkers

NAN = float("nan")
SAME_HASH = [i * ((1 << 61) - 1) for i in range(50_000)]
HUGE = 1 << (8 << 20)

TEXTS = [
    # checker, expected, got, same?, why
    ("tokens", "6\n", "6", True, "the last line may lack its end"),
    ("tokens", "1 2\n3", " 1\t2 3 \n\n", True, "white space is white space"),
    ("tokens", "6", "６", False, "a full-width digit is no digit"),
    ("tokens", "6", "999\r\x1b[2K6", False, "what a terminal would show does not count"),
    ("tokens", "6", "6 6", False, "more than was asked for"),
    ("tokens", "6", "", False, "nothing"),
    ("tokens", "a b", "a\u00a0b", False, "a no-break space is none of ASCII's"),
    ("tokens", "", " \n", True, "nothing was expected"),
    ("tokens", "1.0", "1", False, "words are words"),
    ("tokens", "\udcff", "\ufffd", False, "a broken byte is not the replacement character"),
    ("exact", "6\n", "6", False, "every byte"),
    ("exact", "6\n", "6\n", True, "every byte"),
    ("lines", "a b\nc\n", "a b  \nc", True, "ends of lines and of the text aside"),
    ("lines", "a b", "a  b", False, "inside a line it counts"),
    ("lines", "a\n\nb", "a\nb", False, "an empty line inside counts"),
    ("unordered", "1 2\n3", "3\n1 2", True, "any order"),
    ("unordered", "1\n1\n2", "1\n2\n2", False, "as often as expected"),
    ("floats", "0.1 x", "0.1000000001 x", True, "a little off"),
    ("floats", "0.1", "0.2", False, "far off"),
    ("floats", "nan", "nan", False, "NaN equals nothing"),
    ("floats", "1e5", "100000", True, "the same number"),
    ("floats", "inf", "inf", True, "the same word"),
    ("floats", "1", "１", False, "a full-width digit is no digit"),
    ("floats", "1", "1_0", False, "an underscore is no part of a number"),
    ("floats:0.5", "1", "1.4", True, "a tolerance of one's own"),
    ("floats:0.5:0", "100", "100.6", False, "absolute alone"),
    ("floats", "1", "1e999999", False, "a number too large to hold"),
]


@pytest.mark.parametrize(("name", "expected", "got", "same", "why"), TEXTS)
def test_texts(name: str, expected: str, got: str, same: bool, why: str) -> None:
    assert (checkers.checker(name)(expected, got) is None) is same, why


VALUES = [
    ("equal", 1, True, True, "as Python has it"),
    ("equal", 1, 1.0, True, "as Python has it"),
    ("equal", (1, 2), [1, 2], False, "a tuple is no list"),
    ("equal", {1: [2]}, {1: [2.0]}, True, "at any depth"),
    ("equal", {1, 2}, {2, 1}, True, "sets have no order"),
    ("equal", "1", 1, False, "a text is no number"),
    ("equal", b"a", "a", False, "bytes are no text"),
    ("equal", [NAN], [NAN], False, "NaN equals nothing, not even the very same object"),
    ("equal", {NAN}, {NAN}, False, "NaN equals nothing, in a set either"),
    ("equal", None, 0, False, "None is None"),
    ("json", [[1, 2]], [(1, 2)], True, "JSON has no tuples"),
    ("json", {"1": 2}, {1: 2}, True, "JSON has no number keys"),
    ("json", [1], 1, False, "a list is no number"),
    ("json_wrapped", [5], 5, True, "APPS wraps what is returned"),
    ("json_wrapped", [5], [5], True, "but not always"),
    ("json_wrapped", [5], 6, False, "still wrong"),
    ("json_unordered", [[], [1]], [[1], ()], True, "any order"),
    ("json_unordered", [[[], [1]]], [[1], []], True, "any order of what APPS wraps"),
    ("json_unordered", [[1, 2]], [[2, 1]], False, "the order within an item holds"),
    ("json_unordered", [1, 1, 2], [1, 2, 2], False, "as often as expected"),
    ("json_unordered", [NAN, 1], [1, NAN], False, "NaN equals nothing"),
    ("unordered", [1, [2]], [[2], 1], True, "any order"),
    ("unordered", [1, 1, 2], [1, 2, 2], False, "as often as expected"),
    ("floats:0.1", [1.0, "a"], [1.05, "a"], True, "at any depth"),
    ("floats:0.1", [NAN], [NAN], False, "NaN is near nothing"),
]


@pytest.mark.parametrize(("name", "expected", "got", "same", "why"), VALUES)
def test_values(name: str, expected: object, got: object, same: bool, why: str) -> None:
    assert (checkers.value_checker(name)(expected, got) is None) is same, why


@pytest.mark.parametrize("name", ["", "token", "floats:", "floats:x", "floats:1:2:3", "floats:nan", "floats:-1"])
def test_unknown_checkers_are_refused(name: str) -> None:
    with pytest.raises(ValueError):
        checkers.checker(name)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(plain, plain)
def test_equality_is_that_of_python(one: object, other: object) -> None:
    assert checkers.equal(one, one) is None
    assert (checkers.equal(one, other) is None) == (one == other)
    assert (checkers.unequal(one, other) is None) == (one != other)


@given(st.text(), st.text())
def test_checkers_of_texts_never_raise(one: str, other: str) -> None:
    for checker in checkers.CHECKERS.values():
        checker(one, other)


def test_deep_values_are_never_equal_and_never_raise() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert checkers.equal([], deep) is not None
    assert checkers.equal(deep, deep) is not None
    assert checkers.json_equal([deep], [deep]) is not None


@pytest.mark.parametrize("name", sorted(checkers.CHECKERS))
@pytest.mark.parametrize("piece", ["1 ", "1\n", "\n", " ", "x", "0.", "-", "9", "1e9 "])
def test_megabytes_take_no_longer_than_their_length(name: str, piece: str) -> None:
    text = piece * (500_000 // len(piece))
    start = time.process_time()
    checkers.CHECKERS[name](text, text + "2")
    assert time.process_time() - start < 8


@pytest.mark.parametrize(
    ("name", "expected", "got"),
    [
        ("unordered", list(range(50_000)), SAME_HASH),
        ("equal", set(range(50_000)), {(i,) for i in range(50_000)}),
        ("equal", [1], [HUGE] * 60),
        ("json", {"1": 2}, {HUGE: 2}),
        ("floats:0.1", [1.5], [HUGE]),
        ("equal", [[1]], [["x" * (1 << 20)] * 60] * 60),
    ],
)
def test_what_a_program_returns_does_not_decide_how_long_comparing_takes(
    name: str, expected: object, got: object
) -> None:
    start = time.process_time()
    result = checkers.value_checker(name)(expected, got)
    assert result is not None
    assert len(result) < 200
    assert time.process_time() - start < 20
