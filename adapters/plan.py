"""The options that every adapter takes, under the same names, and the plan they make.

`Plan` is what an adapter keeps: small, picklable, compared by value. It reads rows, judges them and turns verdicts into
what trainers want: a number, and flat parts with the same keys for every sample. What a trainer can do about errors,
and its default `on_error`, its own file says.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypedDict

from ..rows.reader import RowReader
from ..rows.values import plain
from ..verifiers.errors import ConfigError, NotScoredError, SampleError
from ..verifiers.reasoning import PREFILLED, Prefilled
from ..verifiers.registry import Options, factory
from ..verifiers.reward import PRESET_MODELS, Judge, Judged, Reward
from ..verifiers.sample import SAMPLE_FIELDS, Sample
from ..verifiers.settings import check_names, check_option
from ..verifiers.spec import RewardSpec, parse_summand
from ..verifiers.verdict import Status
from ..verifiers.verifier import Verifier
from .ends import Ends, ends_of, without_ends
from .grading import Grading, OnError
from .naming import reward_name


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
    weights: Mapping[str, float] | Sequence[float]
    """Weights by name, or one for each reward, where they do not stand in the text (`format:0.1`)."""
    begins: Mapping[str, int]
    """The training step from which a term counts, by its name; for trainers that say at which step they are."""
    normalize: bool
    """Whether each term is normalised within its group before the sum (GDPO); for trainers that hand over groups."""
    ends: Ends
    """Tokens that may pad or end a response: the tokenizer, or a list; those of the usual templates are known."""
    deadline: float | None
    """Seconds that a call may take; later its samples could not be judged."""
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
    ends: tuple[str, ...] = ()
    """Tokens that may pad or end a response, beyond the usual ones."""
    lists: bool = False
    """Whether a call has a whole batch."""
    normalize: bool = False
    """Whether `group_numbers` normalises each term in its group before the sum."""

    def judge(self, turns: Sequence[Turn | SampleError], step: int | None = None) -> list[Judged]:
        """What is found about each, in order; a SampleError stands for a row that could not be read.

        Raises InstrumentDown where too many could not be judged.
        """
        judged = self.find(turns, step)
        self.count(turns, judged)
        return judged

    def find(self, turns: Sequence[Turn | SampleError], step: int | None = None) -> list[Judged]:
        """The same, not counted by the breaker."""
        grader = self.grading.grader()
        if not grader.signs.seen:
            self._look_at_columns(turns)
        samples = [turn if isinstance(turn, SampleError) else self.read(turn) for turn in turns]
        judged = grader.find(samples, step)
        grader.signs.look(samples, judged, lists=self.lists)
        return judged

    def read(self, turn: Turn) -> Sample | SampleError:
        """A row as a sample, its response without the tokens that pad or end it."""
        completion = turn.completion
        if isinstance(completion, str):
            completion = without_ends(completion, self.ends)
        return self.reader.read(completion, turn.prompt, turn.row)

    def _look_at_columns(self, turns: Sequence[Turn | SampleError]) -> None:
        """Warn of columns of the first row that are called as ours are and hold something else."""
        row = next((turn.row for turn in turns if isinstance(turn, Turn)), None)
        try:
            reading = None if row is None else self.reader.read_row(plain(dict(row)), question=True).reading
        except SampleError:
            return  # an error of that row, which it gets where it is judged
        if reading is not None and reading.foreign:
            self.grading.grader().signs.foreign([name.partition("=")[0] for name in reading.foreign])

    def count(self, turns: Sequence[Turn | SampleError], judged: Sequence[Judged]) -> None:
        """Let the breaker count what was found about some rows. Raises InstrumentDown."""
        grader = self.grading.grader()
        grader.count_scores(
            judged, lambda: self.reader.looked_for(turn.row for turn in turns if isinstance(turn, Turn))
        )
        grader.count(judged)

    def number(self, judged: Judged) -> float | None:
        """The number to train on, or None for none; see `Grading.number`."""
        return self.grading.number(judged.total)

    def number_or_raise(self, judged: Judged) -> float | None:
        """The same for trainers that leave out what raises: NotScoredError also where `on_error` is `none`."""
        number, total = self.number(judged), judged.total
        if number is None and total.status is Status.ERROR:
            raise NotScoredError(f"could not be judged: {total.reason}: {total.detail}")
        return number

    def group_numbers(self, judged: Sequence[Judged], step: int | None = None) -> list[float]:
        """The numbers of one whole group of responses to a prompt.

        A sample without a number is given the mean of the group's others, so that its advantage is zero. With
        `normalize` each term is centred and scaled in the group before the weighted sum, so that none drowns the others
        (GDPO, arXiv 2601.05242); a term that is the same for the whole group adds nothing.
        """
        numbers = [self.number(one) for one in judged]
        if self.normalize:
            numbers = self._normalized(judged, numbers, step)
        known = [number for number in numbers if number is not None]
        mean = math.fsum(known) / len(known) if known else 0.0
        return [mean if number is None else number for number in numbers]

    def numbers_by_group(self, judged: Sequence[Judged], keys: Sequence[object]) -> list[float]:
        """The numbers of a batch in which responses to the same prompt have equal keys; see `group_numbers`."""
        if not self.normalize and self.grading.on_error != "none":
            return [self.number(one) or 0.0 for one in judged]
        groups: dict[object, list[int]] = {}
        for at, key in enumerate(keys):
            groups.setdefault(key, []).append(at)
        numbers = [0.0] * len(judged)
        for group in groups.values():
            for at, number in zip(group, self.group_numbers([judged[at] for at in group]), strict=True):
                numbers[at] = number
        return numbers

    def _normalized(
        self, judged: Sequence[Judged], numbers: Sequence[float | None], step: int | None
    ) -> list[float | None]:
        reward = self.grading.grader().at(step)
        scored = [one.total.status is Status.SCORED for one in judged]
        totals = [0.0 if is_scored else None for is_scored in scored]
        for name, weight in ((term.name, term.weight) for term in reward.terms) if isinstance(reward, Reward) else ():
            scores = {
                at: score
                for at, one in enumerate(judged)
                if scored[at] and name in one.verdicts and (score := one.verdicts[name].score) is not None
            }
            if not scores:
                continue
            mean = math.fsum(scores.values()) / len(scores)
            deviation = math.sqrt(math.fsum((score - mean) ** 2 for score in scores.values()) / len(scores))
            for at, score in scores.items():
                totals[at] = (totals[at] or 0.0) + (weight * (score - mean) / deviation if deviation > 1e-9 else 0.0)
        # What stands for a sample that could not be judged (0.0 under `zero`) is no term, and stays.
        return [number if total is None else total for number, total in zip(numbers, totals, strict=True)]

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


class TrainerTraits(NamedTuple):
    """What a trainer is called, and what it can do."""

    name: str
    on_error: Sequence[OnError]
    """What it can do with a sample that could not be judged; the first is the default."""
    lists: bool = False
    """Whether it hands over a batch at a time."""
    steps: bool = False
    """Whether it says at which training step it is."""
    groups: bool = False
    """Whether it hands over all responses to a prompt together."""
    deadline: float | None = None
    """Seconds within which a call is answered, where the trainer gives up on longer ones."""


def make_plan(rewards: Sequence[str], settings: Settings, trainer: TrainerTraits) -> Plan:
    """The plan for some rewards and options.

    Raises ConfigError or UnknownRewardError, naming what is wrong.

    >>> trainer = TrainerTraits("TRL", ["none"])
    >>> make_plan(["math,format:0.5"], {"options": {"math": {"extraction": "lenient"}}}, trainer).name
    'math_format_x0.5_lenient'
    """
    check_names(f"the reward for {trainer.name}", settings, tuple(Settings.__annotations__))
    for key in ("options", "factories", "columns", "begins"):
        if not isinstance(settings.get(key, {}), Mapping):
            raise ConfigError(f"{key} is {settings.get(key)!r}; it must be a mapping, or left out")
    for reward in rewards:
        if not isinstance(reward, str):
            raise ConfigError(f"{reward!r} is no name of a reward; rewards are named by text, such as 'math'")
    named = tuple(part.strip() for reward in rewards for part in reward.split(",")) or ("auto",)
    preset, prefilled = settings.get("preset"), settings.get("prefilled", "auto")
    if preset is not None and named != ("auto",):
        raise ConfigError(f"the preset {preset!r} and the rewards {', '.join(named)} both name the reward")
    check_option("prefilled", prefilled, PREFILLED)
    chosen = settings.get("on_error", trainer.on_error[0])
    if chosen not in trainer.on_error and chosen in ("none", "zero", "raise"):
        raise ConfigError(
            f"{trainer.name} cannot do on_error={chosen!r}; it can do {', '.join(map(repr, trainer.on_error))}"
        )
    columns = dict(settings.get("columns", {}))
    for name, column in columns.items():
        if name not in SAMPLE_FIELDS:
            raise ConfigError(f"a Sample has no field {name!r}; it has {', '.join(SAMPLE_FIELDS)}")
        if column is not None and not isinstance(column, str):
            raise ConfigError(f"the column of {name} is {column!r}; it must be a name, or None for none")
    factories = dict(settings.get("factories", {}))
    named = _weighted(named, plain(settings.get("weights", ())))
    options, begins = plain(settings.get("options", {})), plain(settings.get("begins", {}))
    for name, settings_of_one in options.items():
        if not isinstance(settings_of_one, dict):
            raise ConfigError(
                f"options of {name} are {settings_of_one!r}; they must be a mapping, as in {{'math': {{...}}}}"
            )
    spec = RewardSpec(rewards=named, preset=preset, options=options, begins=begins)
    if spec.scheduled and not trainer.steps:
        raise ConfigError(f"{trainer.name} does not say at which step it is, so no term can begin later; leave it out")
    if settings.get("normalize", False) and not trainer.groups:
        raise ConfigError(f"{trainer.name} does not hand over whole groups, in which terms could be normalized")
    if prefilled != "auto":
        spec = replace(spec, options=_prefilled(spec, prefilled))
    if factories:
        spec = _with_factories(spec, factories)
    elif not any(":" in name for name in spec.names):
        spec.build()  # so that a mistake shows where it was made, and not in a worker an hour later
    grading = Grading(
        spec=spec,
        on_error=chosen,
        breaker=settings.get("breaker", 0.5),
        window=settings.get("window", 256),
        deadline=settings.get("deadline", trainer.deadline),
    )
    name = settings.get("name") or reward_name(spec, settings, chosen, trainer.on_error[0])
    if not isinstance(name, str):
        raise ConfigError(f"name is {name!r}; it must be text")
    return Plan(
        name=name,
        grading=grading,
        reader=RowReader(columns=columns, prefilled=prefilled),
        ends=ends_of(settings.get("ends", ())),
        lists=trainer.lists,
        normalize=bool(settings.get("normalize", False)),
    )


def _weighted(named: Sequence[str], weights: object) -> tuple[str, ...]:
    """The rewards with weights that were given apart from them."""
    summands = [parse_summand(text) for text in named]
    if isinstance(weights, Mapping):
        unknown = [name for name in weights if name not in [one.name for one in summands]]
        if unknown:
            raise ConfigError(f"weights name {unknown[0]!r}, which is not among the rewards: {', '.join(named)}")
        weights = [weights.get(one.name, one.weight) for one in summands]
    if not isinstance(weights, Sequence) or isinstance(weights, str) or (weights and len(weights) != len(summands)):
        raise ConfigError(f"weights is {weights!r}; it must be one number for each of {', '.join(named)}")
    for weight in weights:
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not math.isfinite(weight):
            raise ConfigError(f"a weight is {weight!r}; it must be a finite number")
    if not weights:
        return tuple(named)
    return tuple(one._replace(weight=weight).text for one, weight in zip(summands, weights, strict=True))


def _with_factories(spec: RewardSpec, factories: Mapping[str, Callable[[], Verifier]]) -> RewardSpec:
    """The spec with makers of its verifiers, which are not called here: that may take what only a worker has."""
    asked = spec.names if spec.preset is None else PRESET_MODELS.get(spec.preset, ())
    for name in factories:
        if name not in asked:
            raise ConfigError(f"a factory for {name!r}, which is not among the rewards: {', '.join(asked) or 'none'}")
    if "auto" in asked:
        raise ConfigError("auto stands alone; name the rewards, or leave them out")
    known = [name for name in asked if name not in factories and ":" not in name]
    if known and spec.preset is None:
        options = {name: settings for name, settings in spec.options.items() if name not in factories}
        replace(spec, rewards=known, options=options).build()
    return replace(spec, factories=factories)


def _prefilled(spec: RewardSpec, prefilled: Prefilled) -> Mapping[str, Options]:
    """The options with `prefilled` for every verifier that will be asked, unless it has its own."""
    options = dict(spec.options)
    for name in spec.known_verifiers:
        if "prefilled" in inspect.signature(factory(name)).parameters:
            options[name] = {"prefilled": prefilled, **options.get(name, {})}
    return options
