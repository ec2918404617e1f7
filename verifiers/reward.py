"""A reward is a weighted sum of verdicts; the paper's own sums are the presets.

A term in error makes the total an error: a trainer masks that sample and does not learn from a false zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import NamedTuple, Protocol

from .errors import ConfigError
from .references import unusable
from .registry import CHOICE, Options, accuracy_verifiers, check_verifier, is_known, make, unknown_kind
from .sample import Sample, is_kind
from .verdict import Reason, Status, Verdict
from .verifier import Verifier, check_samples, failure, verdicts_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One summand of a reward."""

    verifier: Verifier
    """What judges."""
    weight: float = 1.0
    """What its score is multiplied by."""
    kinds: frozenset[str] | None = None
    """Kinds of sample that it applies to; None means all."""
    begins: int = 0
    """The training step from which it counts, from 0; see `Reward.at`."""
    ramp: int = 0
    """Steps over which its weight then grows to the whole; 0: it counts in full at once."""

    def __post_init__(self) -> None:
        check_verifier("a term's verifier", self.verifier)
        weight, begins, kinds = self.weight, self.begins, self.kinds
        if isinstance(weight, bool) or not isinstance(weight, Real) or not math.isfinite(weight):
            raise ConfigError(f"the weight of {self.name} is {weight!r}; it must be a finite number")
        if isinstance(begins, bool) or not isinstance(begins, int):
            raise ConfigError(f"{self.name} begins at {begins!r}; it must be a whole number of steps")
        if isinstance(self.ramp, bool) or not isinstance(self.ramp, int) or self.ramp < 0:
            raise ConfigError(
                f"the ramp of {self.name} is {self.ramp!r}; it must be a whole number of steps, 0 for none"
            )
        if kinds is not None and (isinstance(kinds, str) or not all(map(is_kind, kinds))):
            raise ConfigError(f"the kinds of {self.name} are {kinds!r}; they must be a set of words such as 'math'")

    @property
    def name(self) -> str:
        """The verifier's name."""
        return self.verifier.name

    def at(self, step: int) -> Term:
        """This term as it is at a step from `begins` on.

        Args:
            step: A training step, counted from 0, not before `begins`.

        Returns:
            The term with its weight at that step, without a ramp.
        """
        if not self.ramp:
            return self
        share = min(1.0, (step - self.begins + 1) / self.ramp)
        return replace(self, weight=self.weight * share, ramp=0)

    @property
    def named_kinds(self) -> Iterable[str]:
        """The kinds that it or its verifier names; none for what judges every kind."""
        return getattr(self.verifier, "kinds", None) or () if self.kinds is None else self.kinds

    def concerns(self, sample: Sample) -> bool:
        """Whether it applies to the sample's kind; it does where nothing shows the kind, so that it can say so.

        Args:
            sample: What is to be judged.

        Returns:
            True where the kind is one of `kinds`, or is not known.
        """
        kind = sample.kind_or_guess
        return self.kinds is None or kind is None or kind in self.kinds


class Judged(NamedTuple):
    """What a reward found about one sample."""

    total: Verdict
    """The sum."""
    verdicts: Mapping[str, Verdict]
    """Every term's own verdict, by name."""


class Judge(Verifier, Protocol):
    """A verifier that also returns what its total is made of: Reward and Auto."""

    def judge(self, samples: Sequence[Sample]) -> list[Judged]:
        """One finding per sample, in order."""
        ...

    def asks(self, sample: Sample) -> tuple[str, ...]:
        """Names of the verifiers that it asks about a sample."""
        ...

    def total(self, verdicts: Mapping[str, Verdict]) -> Verdict:
        """The total of a sample's verdicts."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    r"""A weighted sum of terms, itself a verifier. Its `parts` hold each term's score before weighting.

    A term that is not for a sample's kind gives it no verdict; where none is, each says so by a skipped one. A kind
    that no term and no installed verifier names is an error, even where a term is for every kind. The total is an
    error if a term is; skipped if every term is; else the sum over the terms that were scored, with
    the reason of the first of them that is not `correct`.

    >>> from r1_reward.verifiers import FormatVerifier, MathVerifier
    >>> terms = Term(verifier=MathVerifier()), Term(verifier=FormatVerifier(), weight=0.5)
    >>> reward = Reward(name="strict", terms=terms)
    >>> sample = Sample(response=r"<think>1+1</think><answer>\\boxed{2}</answer>", reference="2")
    >>> verdict, = reward([sample])
    >>> verdict.score, dict(verdict.parts)
    (1.5, {'math': 1.0, 'format': 1.0})
    """

    name: str
    """The key under which its verdicts stand."""
    terms: Sequence[Term]
    """What is summed, in order; their names differ."""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise ConfigError(f"the name of a reward is {self.name!r}; it must be text")
        if not isinstance(self.terms, Iterable):
            raise ConfigError(f"the terms of {self.name} are a {type(self.terms).__name__}; a list of Terms is wanted")
        terms = tuple(self.terms)  # a generator would be empty when it is asked again
        if strange := [term for term in terms if not isinstance(term, Term)]:
            raise ConfigError(f"{self.name} is made of Terms, not of {strange[0]!r}; Term(verifier=...) makes one")
        object.__setattr__(self, "terms", terms)
        names = [term.name for term in terms]
        if not names or len(set(names)) < len(names):
            raise ConfigError(f"a reward needs terms with names of their own, got {names}")

    def at(self, step: int) -> Reward:
        """This reward as it is at a training step, counted from 0: without the terms that have not begun, the others
        at the weight that their ramp gives them.

        Args:
            step: A training step, counted from 0.

        Returns:
            The reward whose terms have all begun.

        Raises:
            ConfigError: No term has begun.
        """
        begun = [term.at(step) for term in self.terms if term.begins <= step]
        if not begun:
            first = min(term.begins for term in self.terms)
            raise ConfigError(f"no term of {self.name} counts at step {step}; the first begins at {first}")
        return replace(self, terms=begun)

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """The totals."""
        return [judged.total for judged in self.judge(samples)]

    def judge(self, samples: Sequence[Sample]) -> list[Judged]:
        """The totals with every term's own verdict."""
        check_samples(samples)
        verdicts = [self._unknown(sample) for sample in samples]
        known = [index for index, by_name in enumerate(verdicts) if not by_name]
        for term in self.terms:
            concerned = [index for index in known if term.concerns(samples[index])]
            judged = verdicts_of(term.verifier, [samples[index] for index in concerned])
            for index, verdict in zip(concerned, judged, strict=True):
                verdicts[index][term.name] = verdict
        for sample, by_name in zip(samples, verdicts, strict=True):
            if not by_name:
                by_name.update((term.name, _not_for(term, sample)) for term in self.terms)
        return [Judged(self.total(by_name), by_name) for by_name in verdicts]

    def _unknown(self, sample: Sample) -> dict[str, Verdict]:
        """For a kind that nobody names, an error of the terms that apply to any kind, or of all; else nothing."""
        kind = sample.kind
        if kind is None or is_known(kind) or any(kind in term.named_kinds for term in self.terms):
            return {}
        error = Verdict.error(Reason.UNKNOWN_KIND, unknown_kind(kind))
        return dict.fromkeys(self.asks(sample) or [term.name for term in self.terms], error)

    def asks(self, sample: Sample) -> tuple[str, ...]:
        """Names of the terms that apply to the sample's kind."""
        return tuple(term.name for term in self.terms if term.concerns(sample))

    def total(self, verdicts: Mapping[str, Verdict]) -> Verdict:
        """The total of a sample's verdicts, by term."""
        seconds = sum(verdict.seconds for verdict in verdicts.values())
        scored: dict[str, float] = {}
        reason = Reason.CORRECT
        for name, verdict in verdicts.items():
            if verdict.status is Status.ERROR:
                error = Verdict.error(verdict.reason, f"{name}: {verdict.detail}", answer=verdict.answer)
                return error.timed(seconds)
            if verdict.score is not None:
                scored[name] = verdict.score
                reason = verdict.reason if reason is Reason.CORRECT else reason
        if not scored:
            return Verdict.skipped("; ".join(f"{name}: {v.detail}" for name, v in verdicts.items()))
        weights = {term.name: term.weight for term in self.terms}
        decided = [verdict.correct for verdict in verdicts.values() if verdict.correct is not None]
        return Verdict(
            status=Status.SCORED,
            score=sum(weights[name] * score for name, score in scored.items()),
            reason=reason,
            answer=next((v.answer for v in verdicts.values() if v.answer is not None), None),
            parts=scored,
            seconds=seconds,
            correct=all(decided) if decided else None,
        )


def _not_for(term: Term, sample: Sample) -> Verdict:
    kinds = ", ".join(sorted(term.kinds or ()))
    return Verdict.skipped(f"{term.name} judges {kinds}; this sample is {sample.kind_or_guess}")


def judge_safely(judge: Judge, samples: Sequence[Sample]) -> list[Judged]:
    """What a judge finds, where a verifier that raises costs only the samples it raised for.

    Those become `error: grader_crashed`.
    """
    try:
        return judge.judge(samples)
    except Exception as error:  # noqa: BLE001 - the boundary: a broken verifier costs its samples, not the run
        if len(samples) == 1:
            verdict = Verdict.error(Reason.GRADER_CRASHED, failure(error))
            return [Judged(verdict, dict.fromkeys(judge.asks(samples[0]), verdict))]
        return [judged for sample in samples for judged in judge_safely(judge, [sample])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Auto:
    """The accuracy verifier of each sample's kind, and no other.

    >>> from r1_reward.verifiers import MathVerifier
    >>> Auto(verifiers={"math": MathVerifier()})([Sample(response="boo", kind="general")])[0].detail
    "no verifier judges the kind 'general'"
    """

    verifiers: Mapping[str, Verifier]
    """Who judges which kind."""
    name: str = "auto"
    """The key under which its verdicts stand."""

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """The chosen verifiers' verdicts."""
        return [judged.total for judged in self.judge(samples)]

    def judge(self, samples: Sequence[Sample]) -> list[Judged]:
        """The chosen verifiers' verdicts, with who gave them."""
        check_samples(samples)
        chosen: dict[str, list[int]] = {}
        for index, sample in enumerate(samples):
            kind = sample.kind_or_guess
            if kind is not None and kind in self.verifiers:
                chosen.setdefault(kind, []).append(index)
        judged: dict[int, Judged] = {}
        for kind, indices in chosen.items():
            verifier = self.verifiers[kind]
            verdicts = verdicts_of(verifier, [samples[index] for index in indices])
            for index, verdict in zip(indices, verdicts, strict=True):
                if verdict.correct is None and verdict.score is not None:  # of a verifier that does not say it itself
                    verdict = verdict.timed(verdict.seconds, accuracy=True)
                judged[index] = Judged(verdict, {verifier.name: verdict})
        return [judged.get(index) or self._nobody(sample) for index, sample in enumerate(samples)]

    def asks(self, sample: Sample) -> tuple[str, ...]:
        """Name of the sample's verifier, or its own where there is none."""
        chosen = self.verifiers.get(sample.kind_or_guess) if sample.kind_or_guess else None
        return (chosen.name if chosen else self.name,)

    def total(self, verdicts: Mapping[str, Verdict]) -> Verdict:
        """The one verdict."""
        return next(iter(verdicts.values()))

    def _nobody(self, sample: Sample) -> Judged:
        kind = sample.kind_or_guess
        if kind is None and (why := unusable(sample.references)) is not None:
            verdict = Verdict.error(Reason.REFERENCE_UNUSABLE, why)
        elif kind is None:
            verdict = Verdict.error(Reason.REFERENCE_MISSING, "the sample has no kind, no tests and no reference")
        elif not is_known(kind):
            verdict = Verdict.error(Reason.UNKNOWN_KIND, unknown_kind(kind))
        else:
            verdict = Verdict.skipped(f"no verifier judges the kind {kind!r}")
        return Judged(verdict, {self.name: verdict})


def auto(options: Mapping[str, Options] | None = None) -> Auto:
    """Each kind's accuracy verifier.

    Args:
        options: Keyword arguments by verifier name; under `auto` which verifier decides a kind, as in
            `{"auto": {"sql": "acme_sql"}}`.

    Returns:
        A judge that asks, of each sample, the verifier of its kind.

    Raises:
        ConfigError: Two installed verifiers say that they decide one kind, and none is chosen.
    """
    return Auto(verifiers={kind: made for made, kinds in _accuracy(options or {}) for kind in sorted(kinds)})


def r1_zero(options: Mapping[str, Options] | None = None) -> Reward:
    r"""R1-Zero's reward, eq. (4): accuracy plus format, with equal weights, for kinds that have an accuracy verifier.

    Args:
        options: Keyword arguments by verifier name; see `auto`.

    Returns:
        The reward: 2.0 for a right answer in the right form.

    Raises:
        ConfigError: An option or its value is unknown.

    >>> reward = r1_zero({"math": {"extraction": "lenient"}})
    >>> float(reward([Sample(response="<think>7 - 3</think><answer>4</answer>", reference="4")])[0])
    2.0
    """
    return Reward(name="r1_zero", terms=_rule_terms(options or {}))


def rl1(options: Mapping[str, Options] | None = None) -> Reward:
    r"""The first RL stage's reward: R1-Zero's, plus the language consistency of eq. (7), added directly.

    The language term is for every kind, since the paper adds it for reasoning and other data alike.

    Args:
        options: Keyword arguments by verifier name; see `auto`.

    Returns:
        The reward: at most 3.0.

    Raises:
        ConfigError: An option or its value is unknown.

    >>> sample = Sample(response="<think>seven minus three</think><answer>4</answer>", reference="4", language="en")
    >>> verdict, = rl1({"math": {"extraction": "lenient"}})([sample])
    >>> verdict.score, dict(verdict.parts)
    (3.0, {'math': 1.0, 'format': 1.0, 'language': 1.0})
    """
    options = options or {}
    language = Term(verifier=make("language", options.get("language")))
    return Reward(name="rl1", terms=[*_rule_terms(options), language])


RL2_STEPS, RL2_PREFERENCE_STEPS = 1_700, 400
"""Steps of the second RL stage, and its last ones, in which preference counts."""


def rl2(
    options: Mapping[str, Options] | None = None,
    *,
    helpful: Verifier | None = None,
    safety: Verifier | None = None,
    begins: int = RL2_STEPS - RL2_PREFERENCE_STEPS,
    ramp: int = 0,
) -> Reward:
    r"""The second RL stage's reward, eqs. (8) to (10): reasoning plus general plus language.

    Reasoning data has accuracy and format, eq. (9); general data a reward model and format, eq. (10). The
    models' terms begin late, since they can be hacked; `rl2(...).at(step)` is the reward at a step.

    Args:
        options: Keyword arguments by verifier name; see `auto`.
        helpful: Judges the kind `general`; needed.
        safety: Judges the kind `safety`; needed.
        begins: The training step from which the reward models count, from 0: the last 400 of 1,700.
        ramp: Steps over which their weight then grows; 0: they count in full at once.

    Returns:
        The reward, its terms with `begins` and `ramp`.

    Raises:
        ConfigError: A reward model is missing, or an option is unknown.

    >>> class Liked:
    ...     name = "helpful"
    ...     def __call__(self, samples):
    ...         return [Verdict.scored(0.7, Reason.MEASURED) for _ in samples]
    >>> class Safe(Liked):
    ...     name = "safety"
    >>> reward = rl2(helpful=Liked(), safety=Safe())
    >>> sample = Sample(response="<think>a greeting</think><answer>Hi!</answer>", kind="general", language="en")
    >>> [round(float(reward.at(step)([sample])[0]), 3) for step in (1299, 1300)]
    [2.0, 2.7]
    """
    options = options or {}
    missing = [name for name, model in (("helpful", helpful), ("safety", safety)) if model is None]
    if missing:
        raise ConfigError(
            f"the preset rl2 needs reward models and was given no {' and no '.join(missing)}: eq. (10) is not defined "
            "without them; pass rl2(helpful=..., safety=...), or use rl1, which has rule rewards only"
        )
    models: list[tuple[Verifier | None, str]] = [(helpful, "general"), (safety, "safety")]
    general = [
        Term(verifier=model, kinds=frozenset({kind}), begins=begins, ramp=ramp)
        for model, kind in models
        if model is not None
    ]
    rules = _rule_terms(options, also=frozenset({"general", "safety"}))
    language = Term(verifier=make("language", options.get("language")))
    return Reward(name="rl2", terms=[*rules, *general, language])


def _accuracy(options: Mapping[str, Options]) -> list[tuple[Verifier, frozenset[str]]]:
    """The accuracy verifiers, each with the kinds that it decides."""
    kinds: dict[str, set[str]] = {}
    for kind, name in accuracy_verifiers(options.get(CHOICE)).items():
        kinds.setdefault(name, set()).add(kind)
    return [(make(name, options.get(name)), frozenset(decided)) for name, decided in kinds.items()]


def _rule_terms(options: Mapping[str, Options], also: frozenset[str] = frozenset()) -> list[Term]:
    """Accuracy by kind, and format for the kinds that have an accuracy verifier, and for others if wanted."""
    # A policy learns within a few steps to say the question again where that is paid: `58+47` for 105.
    options = {**options, "math": {"form": "evaluated", **options.get("math", {})}}
    terms = [Term(verifier=made, kinds=kinds) for made, kinds in _accuracy(options)]
    judged = frozenset[str]().union(*(term.kinds or () for term in terms))
    terms.append(Term(verifier=make("format", options.get("format")), kinds=judged | also))
    return terms


PRESETS: Mapping[str, Callable[..., Reward]] = {"r1_zero": r1_zero, "rl1": rl1, "rl2": rl2}
"""The paper's rewards by name; each takes options by verifier name, `rl2` the reward models as well."""

PRESET_MODELS: Mapping[str, Sequence[str]] = {"rl2": ("helpful", "safety")}
"""The reward models that a preset takes as keywords."""
