"""Settings: what a table may say is what the annotations say, whether it comes from TOML or from Python."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from r1_reward.verifiers.errors import ConfigError
from r1_reward.verifiers.settings import Amount, Count, Rule, Share, Whole, check, from_table, read_table, values_of

Doubled = Annotated[
    tuple[int, ...], Rule("one number or some", bool, read=lambda message: [message] if message == 7 else message)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """A table within a table."""

    lr: Amount = 1.0
    kind: Literal["a", "b"] = "a"
    names: Sequence[str] = ()
    pair: tuple[float, float] = (0.5, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    """A table."""

    steps: Count = 3
    warmup: Whole = 0
    share: Share = 0.5
    several: Doubled = (1,)
    file: str | None = None
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    inner: Inner = field(default_factory=Inner)

    def __post_init__(self) -> None:
        check(self)


def test_a_table_becomes_what_the_types_ask_for() -> None:
    table = {
        "steps": 4, "share": 1, "several": 7, "file": "x", "options": {"math": {"extraction": [1, "two"]}},
        "inner": {"lr": 2, "names": ["a", "b"], "pair": [1, 2.5]},
    }  # fmt: skip
    made = from_table(Outer, table)
    assert made.several == (7,)
    assert made.options == {"math": {"extraction": [1, "two"]}}
    assert made.inner == Inner(lr=2, names=("a", "b"), pair=(1, 2.5))
    assert from_table(Outer, {}) == Outer()
    assert values_of(Outer, {"steps": 4}) == {"steps": 4}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"stepz": 3}, r"^unknown key 'stepz'; did you mean 'steps'\?"),
        ({"inner": {"colour": 1}}, "^unknown key 'inner.colour'; known: kind, lr, names, pair"),
        ({"steps": "3"}, "^steps is '3'; it must be int, at least 1"),
        ({"steps": True}, "^steps is True; it must be int"),
        ({"steps": 0}, "^steps is 0; it must be at least 1"),
        ({"warmup": -1}, "^warmup is -1; it must be at least 0"),
        ({"share": 1.5}, "^share is 1.5; it must be from 0 to 1"),
        ({"share": math.nan}, "^share is nan"),
        ({"several": []}, r"^several is \[\]; it must be one number or some"),
        ({"several": [1, "2"]}, "^several is '2'; it must be int"),
        ({"file": 3}, "^file is 3; it must be str"),
        ({"options": {"math": 3}}, r"^options\.math is 3"),
        ({"options": 3}, "^options is 3"),
        ({"inner": 3}, "^inner is 3; it must be Inner"),
        ({"inner": {"lr": math.inf}}, r"^inner\.lr is inf; it must be at least 0, and finite"),
        ({"inner": {"lr": "x"}}, r"^inner\.lr is 'x'; it must be float"),
        ({"inner": {"kind": "c"}}, r"^inner\.kind is 'c'; it must be one of 'a', 'b'"),
        ({"inner": {"pair": [1.0]}}, r"^inner\.pair is \[1\.0\]"),
        ({"inner": {"names": "ab"}}, r"^inner\.names is 'ab'"),
    ],
)
def test_what_does_not_fit_is_named_with_what_would(table: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        from_table(Outer, table)
    with pytest.raises(ConfigError, match=r"^run\.toml: "):
        from_table(Outer, table, "run.toml")


def test_what_must_be_said_and_is_not_is_named() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Card:
        name: str
        title: str
        rows: int = 0

    with pytest.raises(ConfigError, match=r"^name, title: not there, and without a default"):
        from_table(Card, {"rows": 3})
    with pytest.raises(ConfigError, match=r"^card\.toml: title: not there"):
        from_table(Card, {"name": "x"}, "card.toml")


def test_settings_made_in_python_keep_to_the_same_rules() -> None:
    with pytest.raises(ConfigError, match="steps is 0; it must be at least 1"):
        Outer(steps=0)
    with pytest.raises(ConfigError, match=r"warmup is 0\.5; it must be int"):
        Outer(warmup=0.5)  # type: ignore[arg-type]  # what is told apart at run time


@pytest.mark.parametrize("content", [b"a = ", b"\xff", b"a = 1\na = 2"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.toml"
    with pytest.raises(ConfigError, match=r"cannot read .*odd\.toml"):
        read_table(path)
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"cannot read .*odd\.toml"):
        read_table(path)
