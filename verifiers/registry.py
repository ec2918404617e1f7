"""The verifiers that can be asked for by name, the kinds that they judge, and who decides each kind.

A verifier of another package is an entry point of the group `r1_reward.verifiers`: its name, and the class or function
that makes it. That factory says what it judges by two attributes, both optional:

    kinds: ClassVar = frozenset({"query"})  # it judges these kinds; without it, every kind
    accuracy: ClassVar = True               # it decides whether an answer of them is right

Names are listed without importing anything. Kinds of other packages need their modules, which are imported at first
need; a package that cannot be imported is logged and left out, and fails where it is asked for by name.
"""

from __future__ import annotations

import difflib
import inspect
import logging
from collections.abc import Callable, Collection, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple, cast

from .errors import ConfigError, UnknownRewardError
from .sample import is_kind
from .settings import check_names
from .verifier import Verifier

_log = logging.getLogger(__name__)

GROUP = "r1_reward.verifiers"
"""Entry points of installed packages, this one's reward models among them: a name, and what makes the verifier."""

Options = Mapping[str, object]
"""Keyword arguments of one verifier."""


class Entry(NamedTuple):
    """What is known of a verifier before it is made."""

    module: str
    """Where its factory lives; relative to this package for its own."""
    attribute: str
    """Its class, or a function that makes it."""
    kinds: frozenset[str] | None
    """Kinds that it judges; None means all."""
    accuracy: bool
    """Whether it decides that an answer is right, so that `auto` and the presets take it for its kinds."""


CATALOG: Mapping[str, Entry] = {
    "math": Entry(".math", "MathVerifier", frozenset({"math"}), True),
    "code": Entry(".code", "CodeVerifier", frozenset({"code"}), True),
    "choice": Entry(".choice", "ChoiceVerifier", frozenset({"choice"}), True),
    "puzzle": Entry(".puzzle", "PuzzleVerifier", frozenset({"puzzle"}), True),
    "schema": Entry(".schema", "SchemaVerifier", frozenset({"schema"}), True),
    "instructions": Entry(".instructions", "InstructionsVerifier", frozenset({"instructions"}), True),
    "answer": Entry(".answer", "AnswerVerifier", frozenset({"answer"}), True),
    "tools": Entry(".tools", "ToolsVerifier", frozenset({"tools"}), True),
    "procedural": Entry(".procedural", "ProceduralVerifier", frozenset({"procedural"}), True),
    "sql": Entry(".sql", "SqlVerifier", frozenset({"sql"}), True),
    "format": Entry(".format", "FormatVerifier", None, False),
    "language": Entry(".language", "LanguageVerifier", None, False),
    "length": Entry(".length", "LengthVerifier", None, False),
    "judge": Entry(".judge", "JudgeVerifier", None, True),
}
"""This package's own, which import nothing until they are made."""

UNDECIDED_KINDS = ("general", "safety")
"""Kinds that have no right answer: a reward model's, eq. (10)."""

CHOICE = "auto"
"""Options under this name say which verifier decides a kind: `--set auto.sql=acme_sql`."""


def names() -> tuple[str, ...]:
    """Every name that `make` knows; nothing is imported for it.

    >>> [name for name in names() if name in ("math", "helpful")]
    ['math', 'helpful']
    """
    return (*CATALOG, *sorted(set(_points()) - {*CATALOG, CHOICE}))


def make(name: str, options: Options | None = None) -> Verifier:
    """Make a verifier by name: of the catalog, of an entry point, or `package.module:attribute` for one of your own.

    Raises UnknownRewardError for a name that is none of these, ConfigError for an option that it does not have.

    >>> make("math", {"extraction": "lenient"}).name
    'math'
    """
    made = make_with(factory(name), name, options)
    if ":" not in name and made.name != name and is_accuracy(name):
        raise ConfigError(f"{name} made a verifier named {made.name!r}; it must have the name of its entry point")
    return made


def make_with(factory: Callable[..., Verifier], name: str, options: Options | None = None) -> Verifier:
    """Make a verifier by what makes it. Raises ConfigError for an option that it does not have."""
    try:
        check_names(name, options or {}, tuple(inspect.signature(factory).parameters))
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


def kinds_of(name: str, factory: Callable[..., Verifier] | None = None) -> frozenset[str] | None:
    """Kinds that a named verifier judges, or that its factory says; None means all. Raises as `make` does."""
    return entry(name).kinds if factory is None else _declared(name, factory)[0]


def is_accuracy(name: str) -> bool:
    """Whether verdicts under this name say that an answer is right; False for a name that is not installed.

    >>> is_accuracy("math"), is_accuracy("format"), is_accuracy("my_own")
    (True, False, False)
    """
    if name in CATALOG:
        return CATALOG[name].accuracy
    return name in _points() and name in _installed() and _installed()[name].accuracy


def accuracy_verifiers(chosen: Options | None = None) -> dict[str, str]:
    """The name of the accuracy verifier of each kind.

    `chosen` names a verifier by kind. Raises ConfigError where two claim a kind for which none is chosen, or for a
    choice that does not judge its kind.

    >>> accuracy_verifiers()["math"]
    'math'
    """
    claims = _claims()
    for kind, name in (chosen or {}).items():
        claims[kind] = [_choice(kind, name)]
    for kind, claimed in claims.items():
        if len(claimed) > 1:
            raise _conflict(kind, claimed)
    return {kind: claimed[0] for kind, claimed in claims.items()}


def accuracy_of(kind: str, chosen: Options | None = None) -> str | None:
    """The name of one kind's accuracy verifier, or None. Raises ConfigError as `accuracy_verifiers` does."""
    if chosen and kind in chosen:
        return _choice(kind, chosen[kind])
    claimed = _claims().get(kind, [])
    if len(claimed) > 1:
        raise _conflict(kind, claimed)
    return claimed[0] if claimed else None


def known_kinds() -> tuple[str, ...]:
    """Every kind that an installed verifier names, and those of the reward models.

    >>> known_kinds()[:2]
    ('math', 'code')
    """
    return tuple(
        dict.fromkeys([*_BUILT_IN, *(kind for one in _installed().values() for kind in sorted(one.kinds or ()))])
    )


def is_known(kind: str) -> bool:
    """Whether an installed verifier judges a kind."""
    return kind in _BUILT_IN or kind in known_kinds()


def unknown_kind(kind: str) -> str:
    """The sentence about a kind that no installed verifier judges.

    >>> unknown_kind("maths")[:75]
    "no installed verifier judges the kind 'maths'; did you mean 'math'? Known: "
    """
    known = known_kinds()
    near = difflib.get_close_matches(kind, known, n=1, cutoff=0.7)
    hint = f"did you mean {near[0]!r}? Known" if near else "known"
    failed = sorted(name for name in names() if name not in CATALOG and name not in _installed())
    lost = f"; not importable, so that their kinds are not known: {', '.join(failed)}" if failed else ""
    return f"no installed verifier judges the kind {kind!r}; {hint}: {', '.join(known)}{lost}"


def entry(name: str) -> Entry:
    """What is known of a named verifier. Raises UnknownRewardError and ConfigError as `make` does."""
    if name in CATALOG:
        return CATALOG[name]
    module, attribute, loaded = _load(name)
    return Entry(module, attribute, *_declared(name, loaded))


def factory(name: str) -> Callable[..., Verifier]:
    """What makes the verifier of that name. Raises UnknownRewardError and ConfigError as `make` does."""
    if name in CATALOG:
        loaded: Callable[..., Verifier] = getattr(import_module(CATALOG[name].module, __package__), CATALOG[name][1])
        return loaded
    return _load(name)[2]


_BUILT_IN = (*dict.fromkeys(kind for one in CATALOG.values() for kind in one.kinds or ()), *UNDECIDED_KINDS)


@cache
def _points() -> Mapping[str, Collection[EntryPoint]]:
    """Entry points by name: one each, unless several packages took the same name."""
    points: dict[str, dict[str, EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        points.setdefault(point.name, {})[point.value] = point  # a package found on two paths is one
    return {name: tuple(by_value.values()) for name, by_value in points.items()}


@cache
def _installed() -> Mapping[str, Entry]:
    """The verifiers of installed packages; those that cannot be imported, or whose name is taken, are left out."""
    entries = {}
    for name in sorted(_points()):
        try:
            if name in CATALOG or name == CHOICE:
                raise ConfigError(f"{name} is a name of r1-reward itself; {_sources(name)} must name it otherwise")
            (point, *others) = _points()[name]
            own = not others and point.module.partition(".")[0] == __name__.partition(".")[0]
            # This package's reward models say nothing of kinds, so they need not be imported for it.
            entries[name] = Entry(point.module, point.attr, None, False) if own else entry(name)
        except ConfigError as error:
            _log.warning("a verifier is left out: %s", error)
    return entries


def _claims() -> dict[str, list[str]]:
    """By kind, the names of all that say they decide it."""
    claims: dict[str, list[str]] = {}
    for name, one in {**CATALOG, **_installed()}.items():
        for kind in sorted(one.kinds or ()) if one.accuracy else ():
            claims.setdefault(kind, []).append(name)
    return claims


def _conflict(kind: str, claimed: Collection[str]) -> ConfigError:
    claims = " and ".join(f"{name} ({_sources(name)})" for name in claimed)
    first = next(iter(claimed))
    choose = f"choose one by --set auto.{kind}={first}, in Python options={{'auto': {{{kind!r}: {first!r}}}}}"
    return ConfigError(f"{len(claimed)} verifiers say that they decide the kind {kind!r}: {claims}; {choose}")


def _choice(kind: str, name: object) -> str:
    if not isinstance(name, str):
        raise ConfigError(f"auto.{kind} is {name!r}; it must be the name of a verifier")
    if not is_kind(kind):
        raise ConfigError(f"auto.{kind}: {kind!r} is no kind; a kind is a word such as 'sql'")
    one = entry(name)
    if one.kinds is not None and kind not in one.kinds:
        raise ConfigError(f"auto.{kind} is {name!r}, which judges {', '.join(sorted(one.kinds))} and not {kind}")
    if not one.accuracy and ":" not in name:
        raise ConfigError(f"auto.{kind} is {name!r}, which does not say whether an answer is right")
    return name


def _sources(name: str) -> str:
    """Which packages a name comes from."""
    if name in CATALOG:
        return "r1-reward"
    return ", ".join(f"{p.dist.name if p.dist else 'unknown package'}: {p.value}" for p in _points()[name])


def _load(name: str) -> tuple[str, str, Callable[..., Verifier]]:
    module, colon, attribute = name.partition(":")
    if not colon:
        points = () if name == CHOICE else _points().get(name, ())
        if not points:
            known = ", ".join(sorted(names()))
            raise UnknownRewardError(
                f"unknown reward {name!r}; known: {known}, or package.module:attribute for one of your own"
            )
        if len(points) > 1:
            message = f"{len(points)} installed packages have a verifier named {name!r}: {_sources(name)}"
            raise ConfigError(f"{message}; name one by package.module:attribute")
        (point,) = points
        module, attribute = point.module, point.attr
    try:
        loaded = import_module(module)
        for part in attribute.split("."):
            loaded = getattr(loaded, part)
    except (Exception, SystemExit) as error:
        raise UnknownRewardError(f"reward {name!r} cannot be imported: {type(error).__name__}: {error}") from error
    if not callable(loaded):
        raise ConfigError(f"{name} is not callable; it must be a class or a function that makes a verifier")
    return module, attribute, cast(Callable[..., Verifier], loaded)


def _declared(name: str, loaded: object) -> tuple[frozenset[str] | None, bool]:
    """What a factory says that it judges. An option of the same name (a field or property) says nothing."""
    declared = [getattr(loaded, key, None) for key in ("kinds", "accuracy")]
    kinds, accuracy = (None if inspect.isdatadescriptor(value) else value for value in declared)
    listed = isinstance(kinds, Collection) and not isinstance(kinds, str | bytes)
    if kinds is not None and not (listed and all(map(is_kind, kinds))):
        raise ConfigError(f"{name}.kinds is {kinds!r}; it must be a set of words, such as frozenset({{'sql'}})")
    if accuracy not in (None, False, True):
        raise ConfigError(f"{name}.accuracy is {accuracy!r}; it must be True or False")
    if accuracy and not kinds:
        raise ConfigError(f"{name}.accuracy is True, but {name}.kinds does not say of which kinds")
    return None if kinds is None else frozenset(map(str, kinds)), bool(accuracy)
