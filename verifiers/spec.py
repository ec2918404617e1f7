"""Which reward a run judges with: a small picklable description that every worker builds for itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from .errors import ConfigError, UnknownRewardError
from .registry import CATALOG, CHOICE, Options, accuracy_verifiers, is_accuracy, kinds_of, make, make_with, names
from .reward import PRESET_MODELS, PRESETS, Auto, Judge, Reward, Term, auto
from .verifier import Verifier

_SUMMAND = re.compile(
    r"(?P<name>.+?)(?::(?P<weight>[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?))?(?:@(?P<begins>\d+)(?:\+(?P<ramp>\d+))?)?",
    re.IGNORECASE | re.ASCII,
)


class Summand(NamedTuple):
    """One reward of a sum, as its text names it."""

    name: str
    weight: float = 1.0
    begins: int = 0
    """The training step from which it counts."""
    ramp: int = 0
    """Steps over which its weight then grows to the whole."""

    @property
    def text(self) -> str:
        """What `parse_summand` reads as this."""
        schedule = f"@{self.begins}+{self.ramp}" if self.begins or self.ramp else ""
        return self.name + (f":{self.weight}" if self.weight != 1 else "") + schedule


def parse_summand(text: str) -> Summand:
    """Read `NAME`, `NAME:WEIGHT` or `NAME:WEIGHT@STEP+RAMP`, where the name may be `package.module:attribute`.

    >>> parse_summand("format:0.1")
    Summand(name='format', weight=0.1, begins=0, ramp=0)
    >>> parse_summand("acme.rewards:sql@400+100")
    Summand(name='acme.rewards:sql', weight=1.0, begins=400, ramp=100)
    """
    match = _SUMMAND.fullmatch(text.strip())
    if match is None:
        return Summand(text)
    return Summand(match["name"], float(match["weight"] or 1), int(match["begins"] or 0), int(match["ramp"] or 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardSpec:
    """The rewards of a run by name, or a preset.

    >>> RewardSpec(rewards=("math", "format:0.1")).build().name
    'math+format'
    """

    rewards: Sequence[str] = ("auto",)
    """Names that `registry.make` knows, names in `factories`, or `auto` alone; each with its weight and schedule, as
    `parse_summand` reads them."""
    preset: str | None = None
    """A preset, in place of `rewards`."""
    options: Mapping[str, Options] = field(default_factory=dict)
    """Keyword arguments by verifier name; under `auto`, the name of the verifier that decides a kind, by kind."""
    factories: Mapping[str, Callable[..., Verifier]] = field(default_factory=dict)
    """Makers of verifiers that the catalog does not know, called with their `options`; picklable."""
    begins: Mapping[str, int] = field(default_factory=dict)
    """The training step from which a term counts, by its name."""
    step: int | None = None
    """The training step whose reward is meant: what begins later does not count. None: everything counts in full."""

    def build(self) -> Judge:
        """Make it.

        Returns:
            A `Reward`, or what chooses the verifier of each row's kind (`auto`).

        Raises:
            UnknownRewardError: A reward or preset is unknown.
            ConfigError: An option is unknown or has a value that it cannot have.
        """
        judge = self._whole()
        terms = judge.terms if isinstance(judge, Reward) else ()
        for name in self.begins:
            if name not in [term.name for term in terms]:
                names = ", ".join(term.name for term in terms) or "none"
                raise ConfigError(f"begins names {name!r}, which is not among the terms of {judge.name}: {names}")
        if not isinstance(judge, Reward):
            return judge
        if self.begins:
            judge = replace(judge, terms=[replace(t, begins=self.begins.get(t.name, t.begins)) for t in terms])
        return judge if self.step is None else judge.at(self.step)

    @property
    def scheduled(self) -> bool:
        """Whether a term that was named begins after the first step, or grows."""
        return any(self.begins.values()) or any(s.begins or s.ramp for s in map(parse_summand, self.rewards))

    @property
    def names(self) -> tuple[str, ...]:
        """The rewards without their weights and schedules."""
        return tuple(parse_summand(text).name for text in self.rewards)

    def _whole(self) -> Judge:
        if self.preset is not None:
            if self.preset not in PRESETS:
                raise UnknownRewardError(f"unknown preset {self.preset!r}; known: {', '.join(PRESETS)}")
            named = {*self.options, *self.factories}
            models = {name: self._make(name) for name in PRESET_MODELS.get(self.preset, ()) if name in named}
            self._check_options([*CATALOG, *_deciders(self.options), *models, CHOICE])
            rest = {name: options for name, options in self.options.items() if name not in models}
            return PRESETS[self.preset](rest, **models)
        if tuple(self.rewards) == ("auto",):
            self._check_options([*_deciders(self.options), CHOICE])
            return auto(self.options)
        summands = [parse_summand(text) for text in self.rewards]
        if "auto" in self.names:
            others = {name for name in self.names if name != "auto"}
            meant = {frozenset(("format",)): "r1_zero", frozenset(("format", "language")): "rl1"}.get(frozenset(others))
            way = (
                f"--preset {meant} is the accuracy of each row's kind with {', '.join(sorted(others))}" if meant else ""
            )
            raise ConfigError(f"auto stands alone; {way or 'name the rewards, or leave them out'}")
        self._check_options(self.names)
        kinds = {name: kinds_of(name, self.factories.get(name)) for name in self.names}
        terms = [
            Term(verifier=self._make(name), kinds=kinds[name], weight=weight, begins=begins, ramp=ramp)
            for name, weight, begins, ramp in summands
        ]
        return Reward(name="+".join(term.name for term in terms), terms=terms)

    @property
    def may_run_programs(self) -> bool:
        """Whether a row with tests can take long: the verifier of programs may be asked, or one that nobody here knows.

        >>> RewardSpec(rewards=("math", "format")).may_run_programs, RewardSpec().may_run_programs
        (False, True)
        """
        return self.preset is not None or any(name == "code" or name not in CATALOG for name in self.names)

    @property
    def known_verifiers(self) -> tuple[str, ...]:
        """The verifiers by name that may be asked; without those of `factories` and of `package.module:attribute`."""
        if self.preset is None and tuple(self.rewards) != ("auto",):
            return tuple(name for name in self.names if name in names() and name not in self.factories)
        deciders = tuple(accuracy_verifiers(self.options.get(CHOICE)).values())
        asked = deciders if self.preset is None else (*CATALOG, *deciders)
        return tuple(dict.fromkeys(name for name in asked if ":" not in name))

    def with_slots(self, slots: int) -> RewardSpec:
        """The same for a process that is to run so many programs at once, unless its options say how many.

        Args:
            slots: Programs that run at once.

        Returns:
            A spec with `code.slots`; the same one where no programs are run.
        """
        if self.preset is None and "auto" not in self.names and "code" not in self.names:
            return self
        code = {"slots": slots, **self.options.get("code", {})}
        return replace(self, options={**self.options, "code": code})

    def shared_by(self, workers: int) -> RewardSpec:
        """The same for one of several processes: the questions that a judge has under way are divided among them.

        Args:
            workers: Number of processes.

        Returns:
            A spec whose judges have their part of `concurrency`, rounded up.

        >>> RewardSpec(rewards=("judge",), options={"judge": {"concurrency": 64}}).shared_by(4).options
        {'judge': {'concurrency': 16}}
        """

        def share(name: str, settings: Options) -> Options:
            if name == "judge":
                from .judge.asking import CONCURRENCY

                at_once = settings.get("concurrency", CONCURRENCY)
                return {**settings, "concurrency": -(-at_once // workers)} if isinstance(at_once, int) else settings
            own = settings.get("judge")
            return {**settings, "judge": share("judge", own)} if isinstance(own, Mapping) else settings

        return replace(self, options={name: share(name, settings) for name, settings in self.options.items()})

    def to_dict(self) -> dict[str, Any]:  # any: a JSON object
        """What it is, for the fingerprint and the summary.

        Returns:
            A JSON object, without what decides no verdict, such as a judge's address.
        """
        what: dict[str, Any] = {"preset": self.preset} if self.preset else {"rewards": list(self.rewards)}
        what |= {"begins": dict(self.begins)} if self.begins else {}
        what |= {} if self.step is None else {"step": self.step}
        return {**what, "options": {name: _deciding(name, settings) for name, settings in sorted(self.options.items())}}

    def _make(self, name: str) -> Verifier:
        if name in self.factories:
            return make_with(self.factories[name], name, self.options.get(name))
        return make(name, self.options.get(name))

    def _check_options(self, names: Sequence[str] | Mapping[str, object]) -> None:
        for name in self.options:
            if name not in names:
                raise ConfigError(f"options for {name!r}, which is not among the rewards: {', '.join(names)}")


def _deciding(name: str, settings: Options) -> dict[str, object]:
    """The options without those that decide no verdict."""
    if name == "judge":
        from .judge import JudgeVerifier

        return {key: value for key, value in settings.items() if key not in JudgeVerifier.operational}
    own = settings.get("judge")
    return {**settings, "judge": _deciding("judge", own)} if isinstance(own, Mapping) else dict(settings)


def _deciders(options: Mapping[str, Options]) -> list[str]:
    """Every verifier that decides a kind, or is chosen to; one that another was chosen for may have options too."""
    return list(dict.fromkeys([*filter(is_accuracy, names()), *map(str, options.get(CHOICE, {}).values())]))


def slots_of(workers: int) -> int:
    """How many programs each of several processes runs at once: together as many as there are processors."""
    from ..sandbox.limits import processors

    return max(1, processors() // workers)


def verifiers_of(judge: Judge) -> list[Verifier]:
    """The verifiers that a judge asks, in order."""
    if isinstance(judge, Reward):
        return [term.verifier for term in judge.terms]
    if isinstance(judge, Auto):
        return list({id(verifier): verifier for verifier in judge.verifiers.values()}.values())
    raise ConfigError(f"does not know what {judge.name} is made of")
