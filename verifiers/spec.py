"""Which reward a run judges with: a small picklable description that every worker builds for itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .errors import ConfigError, UnknownRewardError
from .registry import CATALOG, CHOICE, Options, accuracy_verifiers, is_accuracy, kinds_of, make, make_with, names
from .reward import PRESET_MODELS, PRESETS, Auto, Judge, Reward, Term, auto
from .verifier import Verifier


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardSpec:
    """The rewards of a run by name, or a preset.

    >>> RewardSpec(rewards=("math", "format")).build().name
    'math+format'
    """

    rewards: Sequence[str] = ("auto",)
    """Names that `registry.make` knows, names in `factories`, or `auto` alone. Weights are equal."""
    preset: str | None = None
    """A preset, in place of `rewards`."""
    options: Mapping[str, Options] = field(default_factory=dict)
    """Keyword arguments by verifier name; under `auto`, the name of the verifier that decides a kind, by kind."""
    factories: Mapping[str, Callable[..., Verifier]] = field(default_factory=dict)
    """Makers of verifiers that the catalog does not know, called with their `options`; picklable."""

    def build(self) -> Judge:
        """Make it. Raises UnknownRewardError or ConfigError, naming what is wrong."""
        if self.preset is not None:
            if self.preset not in PRESETS:
                raise UnknownRewardError(f"unknown preset {self.preset!r}; known: {', '.join(PRESETS)}")
            told = {*self.options, *self.factories}
            models = {name: self._make(name) for name in PRESET_MODELS.get(self.preset, ()) if name in told}
            self._check_options([*CATALOG, *_deciders(self.options), *models, CHOICE])
            rest = {name: options for name, options in self.options.items() if name not in models}
            return PRESETS[self.preset](rest, **models)
        if tuple(self.rewards) == ("auto",):
            self._check_options([*_deciders(self.options), CHOICE])
            return auto(self.options)
        if "auto" in self.rewards:
            others = {name for name in self.rewards if name != "auto"}
            meant = {frozenset(("format",)): "r1_zero", frozenset(("format", "language")): "rl1"}.get(frozenset(others))
            way = (
                f"--preset {meant} is the accuracy of each row's kind with {', '.join(sorted(others))}" if meant else ""
            )
            raise ConfigError(f"auto stands alone; {way or 'name the rewards, or leave them out'}")
        self._check_options(self.rewards)
        kinds = {name: kinds_of(name, self.factories.get(name)) for name in self.rewards}
        terms = [Term(verifier=self._make(name), kinds=kinds[name]) for name in self.rewards]
        return Reward(name="+".join(term.name for term in terms), terms=terms)

    @property
    def may_run_programs(self) -> bool:
        """Whether a row with tests can take long: the verifier of programs may be asked, or one that nobody here knows.

        >>> RewardSpec(rewards=("math", "format")).may_run_programs, RewardSpec().may_run_programs
        (False, True)
        """
        return self.preset is not None or any(name == "code" or name not in CATALOG for name in self.rewards)

    @property
    def known_verifiers(self) -> tuple[str, ...]:
        """The verifiers by name that may be asked; without those of `factories` and of `package.module:attribute`."""
        if self.preset is None and tuple(self.rewards) != ("auto",):
            return tuple(name for name in self.rewards if name in names() and name not in self.factories)
        deciders = tuple(accuracy_verifiers(self.options.get(CHOICE)).values())
        asked = deciders if self.preset is None else (*CATALOG, *deciders)
        return tuple(dict.fromkeys(name for name in asked if ":" not in name))

    def with_slots(self, slots: int) -> RewardSpec:
        """The same for a process that is to run so many programs at once, unless its options say how many."""
        if self.preset is None and "auto" not in self.rewards and "code" not in self.rewards:
            return self
        code = {"slots": slots, **self.options.get("code", {})}
        return replace(self, options={**self.options, "code": code})

    def shared_by(self, workers: int) -> RewardSpec:
        """The same for one of several processes: the questions that a judge has under way are divided among them.

        >>> RewardSpec(rewards=("judge",), options={"judge": {"concurrency": 64}}).shared_by(4).options
        {'judge': {'concurrency': 16}}
        """

        def share(name: str, told: Options) -> Options:
            if name == "judge":
                from .judge.asking import CONCURRENCY

                at_once = told.get("concurrency", CONCURRENCY)
                return {**told, "concurrency": -(-at_once // workers)} if isinstance(at_once, int) else told
            own = told.get("judge")
            return {**told, "judge": share("judge", own)} if isinstance(own, Mapping) else told

        return replace(self, options={name: share(name, told) for name, told in self.options.items()})

    def to_dict(self) -> dict[str, Any]:  # any: a JSON object
        """What it is, for the fingerprint and the summary: without what decides no verdict, such as a judge's
        address."""
        what: dict[str, Any] = {"preset": self.preset} if self.preset else {"rewards": list(self.rewards)}
        return {**what, "options": {name: _deciding(name, told) for name, told in sorted(self.options.items())}}

    def _make(self, name: str) -> Verifier:
        if name in self.factories:
            return make_with(self.factories[name], name, self.options.get(name))
        return make(name, self.options.get(name))

    def _check_options(self, names: Sequence[str] | Mapping[str, object]) -> None:
        for name in self.options:
            if name not in names:
                raise ConfigError(f"options for {name!r}, which is not among the rewards: {', '.join(names)}")


def _deciding(name: str, told: Options) -> dict[str, object]:
    """The options without those that decide no verdict."""
    if name == "judge":
        from .judge import JudgeVerifier

        return {key: value for key, value in told.items() if key not in JudgeVerifier.operational}
    own = told.get("judge")
    return {**told, "judge": _deciding("judge", own)} if isinstance(own, Mapping) else dict(told)


def _deciders(options: Mapping[str, Options]) -> list[str]:
    """Every verifier that decides a kind, or is chosen to; one that another was chosen for may have options too."""
    return list(dict.fromkeys([*filter(is_accuracy, names()), *map(str, options.get(CHOICE, {}).values())]))


def slots_of(workers: int) -> int:
    """How many programs each of several processes runs at once: together as many as there are processors."""
    from ..sandbox.pool import processors

    return max(1, processors() // workers)


def verifiers_of(judge: Judge) -> list[Verifier]:
    """The verifiers that a judge asks, in order."""
    if isinstance(judge, Reward):
        return [term.verifier for term in judge.terms]
    if isinstance(judge, Auto):
        return list({id(verifier): verifier for verifier in judge.verifiers.values()}.values())
    raise ConfigError(f"cannot tell what {judge.name} is made of")
