"""Values that are more than plain come back as what they were; those whose comparison is the program's own do not."""

from __future__ import annotations

import dataclasses
import datetime
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

import pytest

from r1_reward.sandbox.agent.codec import MalformedError, NotPlainError, decode, encode


def crossed(value: object) -> Any:  # any: what came out
    return decode(encode(value, rich=True), rich=True)


@dataclasses.dataclass
class Point:
    x: int
    y: object = None


@dataclasses.dataclass(frozen=True, order=True)
class Version:
    major: int
    minor: int


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    name: str


@dataclasses.dataclass
class Liar:
    x: int

    def __eq__(self, _: object) -> bool:
        return True


@dataclasses.dataclass
class Shown:
    x: int

    def __repr__(self) -> str:
        return "4"


@dataclasses.dataclass
class Partly:
    x: int
    y: int = dataclasses.field(compare=False, default=0)


class Inherited(Point):
    pass


@pytest.mark.parametrize(
    "value",
    [
        Decimal("1.10"),
        bytearray(b"ab"),
        range(3),
        datetime.timedelta(1),
        PurePosixPath("a/b"),
        [Decimal(3), {bytes(1)}],
    ],
)
def test_a_value_comes_back_as_its_own_type(value: object) -> None:
    again = crossed(value)
    assert (again, type(again), str(again)) == (value, type(value), str(value))


def test_a_dataclass_comes_back_as_a_record_of_its_fields() -> None:
    one, same, other = crossed([Point(1, [2]), Point(1, [2]), Point(1, Point(3))])
    assert (one.x, one.y, repr(other)) == (1, [2], "Point(x=1, y=Point(x=3, y=None))")
    assert one == same
    assert one != other
    assert type(crossed(Point(5))) is type(one)
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)
    old, new, slotted = crossed((Version(1, 9), Version(2, 0), Slotted("a")))
    assert sorted([new, old]) == [old, new]
    assert len({old, new, crossed(Version(2, 0))}) == 2
    assert slotted == crossed(Slotted("a"))
    assert one not in (1, [2], (1, [2]), {"x": 1, "y": [2]})


@pytest.mark.parametrize("value", [Liar(1), Shown(4), Partly(1), Inherited(1), Point(1, object())])
def test_a_dataclass_with_more_than_fields_does_not_cross(value: object) -> None:
    with pytest.raises(NotPlainError, match=type(value).__name__ if not isinstance(value, Point) else "type"):
        encode(value, rich=True)


def test_bytes_that_promise_no_record_are_refused() -> None:
    label = b"X" + (6).to_bytes(4, "big") + b"record"
    for parts in (("P", True, False, False, ["x y"], [1]), ("P", True, False, False, ["class"], [1]), ("P",)):
        with pytest.raises(MalformedError):
            decode(label + encode(parts), rich=True)
