"""The verifiers that can be asked for by name, and how one is made from its options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import NamedTuple

from .errors import ConfigError, UnknownRewardError
from .sample import Kind
from .verifier import Verifier

GROUP = "r1_reward.verifiers"
"""Entry points of installed packages, this one's reward models among them: a name, and what makes the verifier."""

Options = Mapping[str, object]
"""Keyword arguments of one verifier."""


class Entry(NamedTuple):
    """One verifier of the catalog."""

    module: str
    """Where it lives, relative to this package."""
    cls: str
    """Its class."""
    kinds: frozenset[Kind] | None
    """Kinds that it judges; None means all."""
    accuracy: bool
    """Whether it says that an answer is right, so that `auto` and the presets take it for its kinds."""


CATALOG: Mapping[str, Entry] = {
    "math": Entry(".math", "MathVerifier", frozenset({"math"}), True),
    "code": Entry(".code", "CodeVerifier", frozenset({"code"}), True),
    "choice": Entry(".choice", "ChoiceVerifier", frozenset({"choice"}), True),
    "puzzle": Entry(".puzzle", "PuzzleVerifier", frozenset({"puzzle"}), True),
    "schema": Entry(".schema", "SchemaVerifier", frozenset({"schema"}), True),
    "format": Entry(".format", "FormatVerifier", None, False),
    "language": Entry(".language", "LanguageVerifier", None, False),
    "length": Entry(".length", "LengthVerifier", None, False),
}


def make(name: str, options: Options | None = None) -> Verifier:
    """Make a verifier by name: of the catalog, of an entry point, or `package.module:attribute` for one of your own.

    Raises UnknownRewardError for a name that is none of these, ConfigError for an option that it does not have.

    >>> make("math", {"extraction": "lenient"}).name
    'math'
    """
    return make_with(factory(name), name, options)


def make_with(factory: Callable[..., Verifier], name: str, options: Options | None = None) -> Verifier:
    """Make a verifier by what makes it. Raises ConfigError for an option that it does not have."""
    try:
        known = inspect.signature(factory).parameters
        for option in options or {}:
            if option not in known:
                listed = ", ".join(known) or "none"
                raise ConfigError(f"{name} has no option {option!r}; its options: {listed}")
        made = factory(**(options or {}))
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{name} cannot be made: {type(error).__name__}: {error}") from error
    check_verifier(f"what {name} made", made)
    return made


def check_verifier(what: str, made: object) -> None:
    """Raise ConfigError for what is no verifier: it lacks a name or a call, or is the class of one."""
    if isinstance(made, type):
        raise ConfigError(f"{what} is the class {made.__name__}, which is no verifier; {made.__name__}(...) makes one")
    if not isinstance(made, Verifier) or not isinstance(made.name, str):
        raise ConfigError(f"{what} is a {type(made).__name__}, which is no verifier: it lacks a name or a call")


def kinds_of(name: str) -> frozenset[Kind] | None:
    """Kinds that a named verifier judges; None means all, as for one of your own."""
    return CATALOG[name].kinds if name in CATALOG else None


def factory(name: str) -> type[Verifier]:
    """What makes the verifier of that name. Raises UnknownRewardError and ConfigError as `make` does."""
    if name in CATALOG:
        entry = CATALOG[name]
        found = getattr(import_module(entry.module, __package__), entry.cls)
    else:
        module, colon, attribute = name.partition(":")
        points = entry_points(group=GROUP, name=name)
        if not (colon or points):
            known = ", ".join([*sorted(CATALOG), *sorted(entry_points(group=GROUP).names)])
            raise UnknownRewardError(
                f"unknown reward {name!r}; known: {known}, or package.module:attribute for one of your own"
            )
        try:
            found = getattr(import_module(module), attribute) if colon else next(iter(points)).load()
        except (Exception, SystemExit) as error:
            raise UnknownRewardError(f"reward {name!r} cannot be imported: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise ConfigError(f"{name} is not callable; it must be a class or a function that makes a verifier")
    return found  # type: ignore[no-any-return]  # any callable that makes a verifier will do
