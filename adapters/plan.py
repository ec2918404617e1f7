"""The options that every adapter takes, under the same names, and what they come to.

`Plan` is what an adapter keeps: small, picklable, compared by value. It reads rows, judges them and turns verdicts into
what trainers want: a number, and flat parts with the same keys for every sample. What a trainer can do about errors,
and its default `on_error`, its own file says.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypedDict

from ..rows.reader import RowReader
from ..rows.values import plain
from ..verifiers.errors import ConfigError, SampleError
from ..verifiers.reasoning import PREFILLED, Prefilled
from ..verifiers.registry import Options, factory
from ..verifiers.reward import PRESET_MODELS, Judge, Judged, Reward
from ..verifiers.sample import SAMPLE_FIELDS
from ..verifiers.settings import check_names, check_option
from ..verifiers.spec import RewardSpec
from ..verifiers.verdict import Status
from ..verifiers.verifier import Verifier
from .grading import Grading, OnError


class Settings(TypedDict, total=False):
    """The options of every adapter."""

    preset: str | None
    """A preset (`r1_zero`, `rl1`) in place of rewards by name."""
    options: Mapping[str, Options]
    """Keyword arguments by verifier name: `{"math": {"extraction": "lenient"}}`."""
    factories: Mapping[str, Callable[[], Verifier]]
    """Picklable makers of verifiers that the catalog does not know, by the name to ask for them."""
    columns: Mapping[str, str | None]
    """Which column holds which field of a Sample: `{"reference": "gold"}`; None leaves a field out."""
    prefilled: Prefilled
    """Whether the prompt gives the opening `<think>`: True, False, or `auto`, which looks at the prompt's end."""
    on_error: OnError
    """What stands for a sample that could not be judged; which of the three a trainer can do, its adapter says."""
    breaker: float | None
    """The share of the last `window` verdicts that may be errors; above it InstrumentDown is raised."""
    window: int
    """How many verdicts the breaker looks back on."""
    name: str
    """The name in the trainer's logs; made of the rewards and options where it is not given."""


class Turn(NamedTuple):
    """One row as a trainer hands it over."""

    completion: object
    """What the model wrote: text or messages."""
    prompt: object
    """What it was asked: text, messages or None."""
    row: Mapping[str, object]
    """Everything else that the trainer knows of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A reward for a trainer's rows."""

    name: str
    """The name in the trainer's logs."""
    grading: Grading
    """The reward and its policy."""
    reader: RowReader
    """How rows become samples."""

    def judge(self, turns: Sequence[Turn | SampleError]) -> list[Judged]:
        """What is found about each, in order; a SampleError stands for a row that could not be read.

        Raises InstrumentDown where too many could not be judged.
        """
        found = self.find(turns)
        self.count(turns, found)
        return found

    def find(self, turns: Sequence[Turn | SampleError]) -> list[Judged]:
        """The same, not counted by the breaker."""
        samples = [turn if isinstance(turn, SampleError) else self.reader.read(*turn) for turn in turns]
        return self.grading.grader().find(samples)

    def count(self, turns: Sequence[Turn | SampleError], found: Sequence[Judged]) -> None:
        """Let the breaker count what was found about some rows. Raises InstrumentDown."""
        grader = self.grading.grader()
        grader.count_scores(found, lambda: self.reader.looked_for(turn.row for turn in turns if isinstance(turn, Turn)))
        grader.count(found)

    def number(self, judged: Judged) -> float | None:
        """The number to train on, or None for none; see `Grading.number`."""
        return self.grading.number(judged.total)

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the reward's terms, which do not vary by sample; none for `auto`."""
        reward = self.grading.grader().reward
        return terms_of(reward)

    def parts(self, judged: Judged) -> dict[str, float]:
        """Flat numbers with the same keys for every sample: see `flat_parts`."""
        scores = {name: verdict.score for name, verdict in judged.verdicts.items()}
        return flat_parts(judged.total.status.value, scores, self.terms)


def terms_of(reward: Judge) -> tuple[str, ...]:
    """Names of a reward's terms, which do not vary by sample; none for `auto`."""
    return tuple(term.name for term in reward.terms) if isinstance(reward, Reward) else ()


def flat_parts(status: str, scores: Mapping[str, float | None], terms: Sequence[str]) -> dict[str, float]:
    """Flat numbers with the same keys for every sample that is judged by these terms.

    `valid` is 1.0 for a sample that was scored, `error` 1.0 for one that could not be judged, `<term>_reward` a term's
    score before weighting, 0.0 where it has none.

    >>> flat_parts("scored", {"math": 1.0}, ["math", "format"])
    {'valid': 1.0, 'error': 0.0, 'math_reward': 1.0, 'format_reward': 0.0}
    """
    parts = {"valid": float(status == Status.SCORED), "error": float(status == Status.ERROR)}
    return parts | {f"{name}_reward": float(scores.get(name) or 0.0) for name in terms}


def make_plan(rewards: Sequence[str], settings: Settings, on_error: Sequence[OnError], trainer: str) -> Plan:
    """The plan for some rewards and options; `on_error` holds what the trainer can do, its first the default.

    Raises ConfigError or UnknownRewardError, naming what is wrong.

    >>> make_plan(["math,format"], {"options": {"math": {"extraction": "lenient"}}}, ["none"], "TRL").name
    'math_format_lenient'
    """
    check_names(f"the reward for {trainer}", settings, tuple(Settings.__annotations__))
    for key in ("options", "factories", "columns"):
        if not isinstance(settings.get(key, {}), Mapping):
            raise ConfigError(f"{key} is {settings.get(key)!r}; it must be a mapping, or left out")
    for given in rewards:
        if not isinstance(given, str):
            raise ConfigError(f"{given!r} is no name of a reward; rewards are named by text, such as 'math'")
    names = tuple(part.strip() for given in rewards for part in given.split(",")) or ("auto",)
    preset, prefilled = settings.get("preset"), settings.get("prefilled", "auto")
    if preset is not None and names != ("auto",):
        raise ConfigError(f"the preset {preset!r} and the rewards {', '.join(names)} both name the reward")
    check_option("prefilled", prefilled, PREFILLED)
    chosen = settings.get("on_error", on_error[0])
    if chosen not in on_error and chosen in ("none", "zero", "raise"):
        raise ConfigError(f"{trainer} cannot do on_error={chosen!r}; it can do {', '.join(map(repr, on_error))}")
    columns = dict(settings.get("columns", {}))
    for name, column in columns.items():
        if name not in SAMPLE_FIELDS:
            raise ConfigError(f"a Sample has no field {name!r}; it has {', '.join(SAMPLE_FIELDS)}")
        if column is not None and not isinstance(column, str):
            raise ConfigError(f"the column of {name} is {column!r}; it must be a name, or None for none")
    factories = dict(settings.get("factories", {}))
    options = plain(settings.get("options", {}))
    for name, told in options.items():
        if not isinstance(told, dict):
            raise ConfigError(f"options of {name} are {told!r}; they must be a mapping, as in {{'math': {{...}}}}")
    spec = RewardSpec(rewards=names, preset=preset, options=options)
    if prefilled != "auto":
        spec = replace(spec, options=_prefilled(spec, prefilled))
    if factories:
        spec = _with_factories(spec, factories)
    elif not any(":" in name for name in names):
        spec.build()  # so that a mistake is told where it was made, and not in a worker an hour later
    grading = Grading(
        spec=spec, on_error=chosen, breaker=settings.get("breaker", 0.5), window=settings.get("window", 256)
    )
    name = settings.get("name") or _name(preset or "_".join(map(_last, names)), options, settings, chosen, on_error[0])
    if not isinstance(name, str):
        raise ConfigError(f"name is {name!r}; it must be text")
    return Plan(name=name, grading=grading, reader=RowReader(columns=columns, prefilled=prefilled))


def _with_factories(spec: RewardSpec, factories: Mapping[str, Callable[[], Verifier]]) -> RewardSpec:
    """The spec with makers of its verifiers, which are not called here: that may take what only a worker has."""
    asked = spec.rewards if spec.preset is None else PRESET_MODELS.get(spec.preset, ())
    for name in factories:
        if name not in asked:
            raise ConfigError(f"a factory for {name!r}, which is not among the rewards: {', '.join(asked) or 'none'}")
    if "auto" in asked:
        raise ConfigError("auto stands alone; name the rewards, or leave them out")
    known = [name for name in asked if name not in factories and ":" not in name]
    if known and spec.preset is None:
        options = {name: told for name, told in spec.options.items() if name not in factories}
        replace(spec, rewards=known, options=options).build()
    return replace(spec, factories=factories)


def _prefilled(spec: RewardSpec, prefilled: Prefilled) -> Mapping[str, Options]:
    """The options with `prefilled` for every verifier that will be asked, unless it has its own."""
    found = dict(spec.options)
    for name in spec.known_verifiers:
        if "prefilled" in inspect.signature(factory(name)).parameters:
            found[name] = {"prefilled": prefilled, **found.get(name, {})}
    return found


def _last(name: str) -> str:
    return name.rpartition(":")[2]


def _name(base: str, options: Mapping[str, Options], settings: Settings, on_error: OnError, usual: OnError) -> str:
    """A name that tells rewards of one process apart: trainers merge the figures of functions with equal names."""
    words = [base]
    words += [_word(value, key) for name in sorted(options) for key, value in sorted(options[name].items())]
    words += [column for _, column in sorted(settings.get("columns", {}).items()) if column]
    if settings.get("prefilled", "auto") != "auto":
        words.append("prefilled" if settings["prefilled"] else "unfilled")
    if on_error != usual:
        words.append(f"on_error_{on_error}")
    return "_".join(words)


def _word(value: object, key: str) -> str:
    if isinstance(value, bool):
        return key if value else f"no_{key}"
    text = str(value)
    if isinstance(value, str) and text.isidentifier():
        return text
    told = json.dumps([key, value], default=repr, sort_keys=True)
    digest = hashlib.sha256(told.encode()).hexdigest()[:6]
    return f"{key}_{value}" if isinstance(value, int | float) else f"{key}_{digest}"
