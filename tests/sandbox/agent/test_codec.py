"""Plain values there and back, values that pretend, and bytes that nobody wrote."""

from __future__ import annotations

import collections
import enum
import math
import struct
import time
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.sandbox.agent import codec
from r1_reward.sandbox.agent.codec import MAX_DEPTH, MalformedError, NotPlainError, decode, encode

_KEYS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text(st.characters())
    | st.binary(),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
VALUES = st.recursive(
    _KEYS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.sets(_KEYS, max_size=4)
        | st.dictionaries(_KEYS, inner, max_size=4)
    ),
    max_leaves=20,
)


def _exact(value: object) -> object:
    """A value with its types spelled out, since 1 == 1.0 == True."""
    if isinstance(value, list | tuple):
        return type(value), [_exact(item) for item in value]
    if isinstance(value, dict):
        return dict, [(_exact(key), _exact(item)) for key, item in value.items()]
    if isinstance(value, set | frozenset):
        return type(value), sorted(repr(_exact(item)) for item in value)
    return type(value), repr(value)


@given(VALUES)
def test_value_comes_back_with_its_exact_types(value: object) -> None:
    assert _exact(decode(encode(value))) == _exact(value)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_malformed(data: bytes) -> None:
    try:
        value = decode(data)
    except MalformedError:
        return
    assert _exact(decode(encode(value))) == _exact(value)


@given(VALUES, st.data())
def test_damaged_bytes_never_do_worse(value: object, data: st.DataObject) -> None:
    raw = bytearray(encode(value))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] = data.draw(st.integers(0, 255))
    try:
        decode(bytes(raw))
        decode(bytes(raw[:place]))
    except MalformedError:
        pass


class _Number:
    def __index__(self) -> int:
        return 7


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Fraction(1, 2), Fraction(1, 2)),
        (Fraction(-4, 2), -2),
        (Decimal("0.50"), Fraction(1, 2)),
        (Decimal("1e30"), 10**30),
        (bytearray(b"x"), b"x"),
        (memoryview(b"x"), b"x"),
        ({1: 2}.keys(), {1}),
        ({1: 2}.items(), {(1, 2)}),
        (_Number(), 7),
        ([_Number()], [7]),
    ],
)
def test_what_equals_a_plain_value_comes_out_as_that(value: object, plain: object) -> None:
    assert _exact(decode(encode(value))) == _exact(plain)
    with pytest.raises(NotPlainError):
        encode(value, exact=True)


@pytest.mark.parametrize("value", [Decimal("nan"), Decimal("inf"), Decimal("1e-99999"), {1: []}.items()])
def test_what_has_no_plain_equal_is_refused(value: object) -> None:
    with pytest.raises(NotPlainError):
        encode(value)


def test_a_ratio_with_no_denominator_is_malformed() -> None:
    for bottom in (b"\0", b"\1", b"\xff", b""):
        with pytest.raises(MalformedError):
            decode(b"Q\0\0\0\1\1\0\0\0" + bytes([len(bottom)]) + bottom)


class _Colour(enum.IntEnum):
    RED = 3


class _Word(enum.StrEnum):
    A = "a"


class _Liar(str):
    def __eq__(self, other: object) -> bool:
        return True

    def __repr__(self) -> str:
        return "5"

    def __str__(self) -> str:
        return "5"

    def encode(self, *_: object) -> bytes:  # that is the lie
        return b"5"

    __hash__ = str.__hash__


class _LyingInt(int):
    def __pos__(self) -> int:
        return 5

    def __index__(self) -> int:
        return 5

    def bit_length(self) -> int:
        return 1

    def to_bytes(self, *_: object, **__: object) -> bytes:
        return b"5"


class _LyingList(list[int]):
    def __iter__(self) -> Any:
        return iter([5])

    def __len__(self) -> int:
        return 1

    def __getitem__(self, _: object) -> Any:
        return [5]


class _LyingDict(dict[str, int]):
    def items(self) -> Any:
        return [("a", 5)]


class _Meta(type):
    @property
    def __mro__(cls) -> Any:
        return (int, object)


class _Posing(metaclass=_Meta):
    pass


_Pair = collections.namedtuple("_Pair", "a b")  # the untyped kind is what programs return


@pytest.mark.parametrize(
    ("value", "base"),
    [
        (_Colour.RED, 3),
        (_Word.A, "a"),
        (_Liar("x"), "x"),
        (_LyingInt(0), 0),
        (_LyingList([1, 2, 3]), [1, 2, 3]),
        (_LyingDict(b=1), {"b": 1}),
        (_Pair(1, 2), (1, 2)),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.defaultdict(list, a=[1]), {"a": [1]}),
    ],
)
def test_subclass_is_written_by_its_base_value(value: object, base: object) -> None:
    assert _exact(decode(encode(value))) == _exact(base)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (object(), "object"),
        (range(3), "range"),
        ((i for i in "ab"), "generator"),
        ([1, {"a": [collections.deque()]}], "deque"),
        (_Posing(), "_Posing"),
        (int, "type"),
    ],
)
def test_other_value_is_named_and_refused(value: object, name: str) -> None:
    with pytest.raises(NotPlainError, match=f"type {name}"):
        encode(value)


def test_nan_and_signed_zero_survive() -> None:
    assert math.isnan(decode(encode(math.nan)))  # type: ignore[arg-type]  # a float, or this fails
    assert math.copysign(1, decode(encode(-0.0))) == -1  # type: ignore[arg-type]


def test_cycle_depth_and_size_are_refused_in_bounded_time() -> None:
    begun = time.process_time()
    cycle: list[object] = []
    cycle.append(cycle)
    deep: list[object] = []
    for _ in range(MAX_DEPTH + 10):
        deep = [deep]
    wide: list[object] = []
    for _ in range(100):
        wide = [wide, wide]
    for value in (cycle, deep, "x" * (codec.MAX_BYTES + 1), 1 << (9 << 20), [0] * (codec.MAX_BYTES // 4)):
        with pytest.raises(NotPlainError):
            encode(value)
    shared = ["x" * 1000] * 100
    doubled: list[object] = [shared]
    for _ in range(30):
        doubled = [doubled, doubled]
    with pytest.raises(NotPlainError, match="bytes"):
        encode(doubled)
    assert time.process_time() - begun < 20


def _of(tag: bytes, count: int) -> bytes:
    return tag + struct.pack(">I", count)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"X",
        b"NN",
        b"I",
        _of(b"I", 0),
        _of(b"S", 0xFFFFFFFF),
        _of(b"L", 0xFFFFFFFF) + b"N",
        _of(b"M", 1) + b"N",
        _of(b"M", 1) + _of(b"L", 0) + b"N",
        _of(b"E", 1) + _of(b"L", 0),
        _of(b"E", 2) + b"NN",
        _of(b"M", 2) + b"NTNF",
        _of(b"S", 1) + b"\xff",
        _of(b"L", 1) * 100_000 + b"N",
        b"D\x00",
        b"C" + bytes(15),
    ],
)
def test_hostile_bytes_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        decode(data)


def test_keys_of_one_hash_do_not_make_it_quadratic() -> None:
    prime = (1 << 61) - 1
    keys = b"".join(encode(prime * i) for i in range(1, 100_001))
    with pytest.raises(MalformedError, match="hash"):
        decode(_of(b"E", 100_000) + keys)


def test_honest_keys_of_one_hash_pass() -> None:
    assert decode(encode({-1, -2, 0, (1 << 61) - 1})) == {-1, -2, 0, (1 << 61) - 1}
