"""Options and settings: frozen dataclasses whose annotations say what a value may be, and nothing else does.

Options of verifiers, of rewards and of trainings are checked here, whether they come from TOML, the command line or
Python.

    class Optimizer:
        warmup: Whole = 0

A table with a key that its dataclass does not have is refused with the nearest that it has; a value of another type, or
one that breaks a rule of its field, with what it must be. What is not checked: how fields go together.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import tomllib
import typing
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from .errors import ConfigError

_T = TypeVar("_T")


class Rule(NamedTuple):
    """What the values of a field have in common beyond their type; stands in `Annotated`."""

    must: str
    """It in words, after "it must be"."""
    holds: Callable[[Any], bool]  # any: a value of the field's type
    """Whether a value keeps to it."""
    read: Callable[[Any], Any] = lambda value: value  # any: a value of TOML
    """What another way to write a value in TOML stands for."""


NOT_NEGATIVE = Rule("at least 0, and finite", lambda value: 0 <= value < math.inf)
Count = Annotated[int, Rule("at least 1", lambda value: value >= 1)]
Whole = Annotated[int, NOT_NEGATIVE]
Amount = Annotated[float, NOT_NEGATIVE]
Share = Annotated[float, Rule("from 0 to 1", lambda value: 0 <= value <= 1)]


def read_table(path: str | Path) -> dict[str, Any]:  # any: a table of TOML
    """What is in a TOML file, or ConfigError."""
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error


def set_values(table: dict[str, Any], changes: Mapping[str, object]) -> dict[str, Any]:  # any: a table of TOML
    """The table with the values of dotted keys put in, as if they had been written there.

    Raises ConfigError where a key goes through what is no table.

    >>> set_values({"rollout": {"samples": 8}}, {"rollout.samples": 16, "model.path": "base"})
    {'rollout': {'samples': 16}, 'model': {'path': 'base'}}
    """
    for key, value in changes.items():
        inner, (*path, name) = table, key.split(".")
        for part in path:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise ConfigError(f"{key!r} cannot be set: {part!r} is {inner!r}, which is no table")
        inner[name] = value
    return table


def from_table(cls: type[_T], table: Mapping[str, Any], file: str | Path = "") -> _T:  # any: a table of TOML
    """A dataclass filled from a table; ConfigError, naming the file if one is passed, for what does not fit.

    >>> @dataclasses.dataclass
    ... class Optimizer:
    ...     warmup: int = 0
    >>> from_table(Optimizer, {"warm_up": 10})
    Traceback (most recent call last):
    ...
    r1_reward.verifiers.errors.ConfigError: unknown key 'warm_up'; did you mean 'warmup'?
    """
    try:
        return _made(cls, table)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}" if file else str(error)) from error


def _made(cls: type[_T], table: Mapping[str, Any], path: str = "") -> _T:  # any: a table of TOML
    values = values_of(cls, table, path)
    missing = [
        path + field.name
        for field in dataclasses.fields(typing.cast(Any, cls))
        if field.init and field.name not in values
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ConfigError(f"{', '.join(missing)}: not there, and without a default")
    return cls(**values)


def values_of(cls: type, table: Mapping[str, Any], path: str = "") -> dict[str, Any]:  # any: as above
    """What a table says of a dataclass's fields, as the types of the fields ask for it; or ConfigError."""
    hints = _hints(cls)
    for key in table:
        if key not in hints:
            near = difflib.get_close_matches(key, hints, n=1)
            said = f"did you mean {path + near[0]!r}?" if near else f"known: {', '.join(sorted(hints))}"
            raise ConfigError(f"unknown key {path + key!r}; {said}")
    return {key: _value(hints[key], value, path + key) for key, value in table.items()}


def check(settings: object, name: str = "") -> None:
    """Raise ConfigError for a field that is not what its annotation says; for a dataclass's `__post_init__`.

    `name` is what the message calls the settings: that of a verifier.
    """
    for field, hint in _hints(typing.cast(Hashable, type(settings))).items():
        _value(hint, getattr(settings, field), f"{name}.{field}" if name else field)


def check_names(what: str, names: Collection[str], known: Sequence[str]) -> None:
    """Raise ConfigError for an option that something does not have.

    >>> check_names("math", {"extraction": "lenient"}, ["extraction"])
    """
    for option in names:
        if option not in known:
            near = difflib.get_close_matches(option, known, n=1, cutoff=0.7)
            hint = f"did you mean {near[0]!r}? Its" if near else "its"
            raise ConfigError(f"{what} has no option {option!r}; {hint} options: {', '.join(known) or 'none'}")


def check_option(name: str, value: object, allowed: Sequence[object]) -> None:
    """Raise ConfigError unless a value is one of those allowed, and of the same type.

    >>> check_option("math.extraction", "lenient", ("strict", "lenient"))
    """
    if not any(value is choice or (type(value) is type(choice) and value == choice) for choice in allowed):
        raise ConfigError(f"{name} is {value!r}; it must be one of {', '.join(map(repr, allowed))}")


@cache
def _hints(cls: Any) -> dict[str, Any]:  # any: a class; types
    """What the fields of a dataclass may hold."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def _value(hint: Any, written: Any, name: str) -> Any:  # any: a type, and a value to be made into it
    rules: Sequence[Rule] = getattr(hint, "__metadata__", ())
    value, hint = written, hint.__origin__ if rules else hint
    for rule in rules:
        value = rule.read(value)
    try:
        value = _typed(hint, value, name, written)
    except ConfigError as error:
        raise ConfigError(", ".join([str(error), *(rule.must for rule in rules)])) from error
    for rule in rules:
        if not rule.holds(value):
            raise ConfigError(f"{name} is {written!r}; it must be {rule.must}")
    return value


def _typed(hint: Any, value: Any, name: str, written: Any) -> Any:  # any: as above
    """The value as the type asks for it; `written` is what a message shows."""
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return _made(typing.cast(type, hint), value, f"{name}.")
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or hint is object:
        return value
    if origin in (typing.Union, UnionType):
        return value if value is None and NoneType in arguments else _any_of(arguments, value, name, written)
    if origin is Annotated:
        return _value(hint, value, name)
    if origin is Literal:
        check_option(name, value, arguments)
        return value
    if origin in (tuple, Sequence) and isinstance(value, list | tuple):
        kinds = [arguments[0]] * len(value) if arguments[-1] is ... or origin is Sequence else arguments
        if len(kinds) == len(value):
            return tuple(_typed(kind, item, name, item) for kind, item in zip(kinds, value, strict=True))
    elif origin is Mapping and isinstance(value, Mapping):
        return {key: _typed(arguments[1], item, f"{name}.{key}", item) for key, item in value.items()}
    elif origin is Callable:
        if callable(value):
            return value
    elif isinstance(value, bool) and hint in (int, float):
        pass  # True is no number
    elif isinstance(hint, type) and isinstance(value, (int, float) if hint is float else hint):
        return value
    raise ConfigError(f"{name} is {written!r}; it must be {getattr(hint, '__name__', hint)}")


def _any_of(hints: Sequence[Any], value: Any, name: str, written: Any) -> Any:  # any: as above
    """The value as the first of several types asks for it that it fits."""
    others = [hint for hint in hints if hint is not NoneType]
    if len(others) == 1:
        return _typed(others[0], value, name, written)
    for hint in others:
        try:
            return _typed(hint, value, name, written)
        except ConfigError:
            continue
    raise ConfigError(f"{name} is {written!r}; it must be one of {', '.join(map(_word, others))}")


def _word(hint: Any) -> str:  # any: a type
    if hint is bool:
        return "True, False"
    values = ", ".join(map(repr, typing.get_args(hint)))
    return values if typing.get_origin(hint) is Literal else str(getattr(hint, "__name__", hint))
