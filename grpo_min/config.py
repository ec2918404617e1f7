"""What a training run is, as frozen dataclasses that TOML fills in; see `recipe` for the file and docs/grpo_min.md."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import tomllib
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from ..verifiers.errors import ConfigError
from .advantage import Baseline
from .loss import LossConfig
from .sampling import Sampling

Schedule = tuple[tuple[int, float], ...]
"""(step, value) pairs: each value holds from its step on. In TOML a number, or [[0, 512], [8200, 1024]]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """What is trained."""

    path: str = ""
    """A folder in Hugging Face's form, or a model's name."""
    bf16: bool = False
    """Run in bfloat16 where there is a GPU; the weights that are trained stay in float32."""
    gradient_checkpointing: bool = False
    """Compute activations again in the backward pass rather than keep them; prompts are then not shared."""
    lora_rank: int = 0
    """Train adapters of this rank (needs peft); 0 trains everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """What is asked."""

    path: str = ""
    """JSONL, a row for each question: `prompt`, what it is judged by, and any other field of a Sample."""
    template: Literal["r1_zero", "chat", "plain"] = "r1_zero"
    """Table 1 of the paper; the tokenizer's chat template; or the prompt as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardConfig:
    """What is rewarded."""

    preset: str = "r1_zero"
    """A reward of the paper."""
    verifiers: tuple[str, ...] = ()
    """In place of a preset: verifiers by name, summed with equal weights."""
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # any: each verifier has options of its own
    """Options by verifier."""
    stop_above: float = 0.5
    """End the run where more than this share of a rollout could not be judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutConfig:
    """How a rollout is made and split. The paper: 32 questions, 16 samples, 16 minibatches, so 8,192 samples."""

    questions: int = 32
    """Questions of a step."""
    samples: int = 16
    """Samples of a question."""
    minibatches: int = 16
    """Steps that a rollout is split into; each whole groups, drawn at random, and seen once."""
    prompts_at_once: int = 32
    """Questions decoded together; the rewards of earlier ones are computed meanwhile."""
    max_tokens: Schedule = ((0, 1024),)
    """Longest completion."""
    temperature: Schedule = ((0, 1.0),)
    """Of sampling, and of the log-probabilities that are trained."""
    top_p: float = 1.0
    """See Sampling."""
    top_k: int = 0
    """See Sampling."""
    stop: tuple[str, ...] = ()
    """Strings that end a completion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvantageConfig:
    """How rewards become advantages."""

    baseline: Baseline = "std"
    """See group_advantages."""
    sample_std: bool = False
    """See group_advantages."""
    eps: float = 1e-4
    """See group_advantages."""
    zero_variance: Literal["keep", "skip", "refill"] = "keep"
    """What is done with groups whose rewards are all equal: kept (only the KL acts on them), left out, or left out and
    replaced by further questions."""
    refills: int = 3
    """How many more times a rollout may be drawn for, with `refill`."""
    mask_overlong: bool = False
    """Leave samples that were cut off by max_tokens out of the loss; their reward still counts in their group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerConfig:
    """AdamW. The paper tells its learning rate and nothing else."""

    lr: float = 3e-6
    """Learning rate after the warm-up."""
    schedule: Literal["constant", "cosine"] = "constant"
    """What it does after that."""
    final: float = 0.1
    """With cosine: the share of `lr` at the last step."""
    warmup: int = 0
    """Steps over which it rises from 0."""
    betas: tuple[float, float] = (0.9, 0.999)
    """AdamW's."""
    eps: float = 1e-8
    """AdamW's."""
    weight_decay: float = 0.0
    """AdamW's."""
    clip: float = 1.0
    """Largest norm of the gradient; 0 is none."""

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of a step, counted from 0, of so many."""
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        if self.schedule == "constant":
            return self.lr
        done = (step - self.warmup) / max(1, steps - 1 - self.warmup)
        return self.lr * (self.final + (1 - self.final) * (1 + math.cos(math.pi * min(done, 1.0))) / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryConfig:
    """What fits at once. None of it changes a result beyond rounding."""

    tokens: int = 16384
    """Padded tokens of a micro-batch, prompts and completions; a row that is longer goes alone."""
    chunk: int = 256
    """Rows of the vocabulary's width that exist at once: logits and chances of half as many tokens."""
    share_prompts: bool = True
    """Run a group's prompt once for all its completions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointConfig:
    """When the run is saved."""

    every: int = 100
    """Steps between checkpoints; one is also written at the end and on SIGTERM."""
    keep: int = 2
    """How many of the latest stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmConfig:
    """From where on a metric is an alarm; an alarm is a line in the metrics and a warning, and stops nothing."""

    window: int = 20
    """Steps over which a trend is judged."""
    unjudged: float = 0.05
    """Share of samples that could not be judged."""
    truncated: float = 0.5
    """Share of samples cut off by max_tokens."""
    kl: float = 1.0
    """KL from the reference, per token."""
    length_correlation: float = 0.9
    """Correlation of reward and length over a step's samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """A whole run."""

    output: str = "out/run"
    """Folder of checkpoints, metrics and samples."""
    steps: int = 100
    """Optimizer steps."""
    seed: int = 0
    """Of everything drawn."""
    writers: tuple[Literal["tensorboard", "wandb", "trackio"], ...] = ()
    """Who is told each step's numbers, beside `metrics.jsonl`; each must be installed."""
    reference_every: int = 0
    """Steps after which the reference is replaced by the policy (the paper: 400), at the next rollout; 0 is never."""
    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    reward: RewardConfig = field(default_factory=RewardConfig)
    rollout: RolloutConfig = field(default_factory=RolloutConfig)
    advantage: AdvantageConfig = field(default_factory=AdvantageConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    checkpoint: CheckpointConfig = field(default_factory=CheckpointConfig)
    alarms: AlarmConfig = field(default_factory=AlarmConfig)

    def __post_init__(self) -> None:
        rollout, memory = self.rollout, self.memory
        least: dict[str, float] = {
            "steps": self.steps, "rollout.questions": rollout.questions, "rollout.samples": rollout.samples,
            "rollout.minibatches": rollout.minibatches, "rollout.prompts_at_once": rollout.prompts_at_once,
            "memory.tokens": memory.tokens, "memory.chunk": memory.chunk, "checkpoint.every": self.checkpoint.every,
            "checkpoint.keep": self.checkpoint.keep,
        }  # fmt: skip
        for name, value in (*least.items(), *(("rollout.max_tokens", longest) for _, longest in rollout.max_tokens)):
            if value < 1 or value != int(value):
                raise ConfigError(f"{name} is {value}; it must be at least 1, and whole")
        if min(value for _, value in rollout.temperature) <= 0:
            raise ConfigError("rollout.temperature must be above 0: at 0 there is nothing to explore, and no gradient")
        Sampling(top_p=rollout.top_p, top_k=rollout.top_k)
        optimizer, loss = self.optimizer, self.loss
        amounts: dict[str, float] = {
            "optimizer.lr": optimizer.lr, "optimizer.warmup": optimizer.warmup, "optimizer.clip": optimizer.clip,
            "loss.clip_low": loss.clip_low, "loss.clip_high": loss.clip_high, "loss.beta": loss.beta,
            "advantage.eps": self.advantage.eps, "advantage.refills": self.advantage.refills,
            "reference_every": self.reference_every, "model.lora_rank": self.model.lora_rank,
        }  # fmt: skip
        for name, value in amounts.items():
            if not 0 <= value < math.inf:
                raise ConfigError(f"{name} is {value}; it must be 0 or more")


def at(schedule: Schedule, step: int) -> float:
    """The value of a schedule at a step.

    >>> [at(((0, 512), (100, 1024)), step) for step in (0, 99, 100)]
    [512, 512, 1024]
    """
    return [value for begins, value in schedule if begins <= step][-1]


def learning_rate(config: TrainConfig, step: int) -> float:
    """The learning rate of a step, counted from 0.

    >>> config = TrainConfig(steps=11, optimizer=OptimizerConfig(lr=1.0, schedule="cosine"))
    >>> [round(learning_rate(config, step), 3) for step in (0, 5, 10)]
    [1.0, 0.55, 0.1]
    """
    return config.optimizer.rate(step, config.steps)


def read_recipe(path: str | Path) -> TrainConfig:
    """A run's configuration from a TOML file; ConfigError, naming the file, for anything that is not one."""
    return filled(TrainConfig, read_table(path), path)


def read_table(path: str | Path) -> dict[str, Any]:  # any: a table of TOML
    """What is in a TOML file, or ConfigError."""
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def as_json(config: Any) -> str:  # any: a dataclass of any kind
    """A configuration as one line of JSON, the same for the same configuration."""
    return json.dumps(dataclasses.asdict(config), sort_keys=True)


_T = TypeVar("_T")


def filled(cls: type[_T], table: Mapping[str, Any], file: str | Path) -> _T:  # any: a table of TOML
    """A dataclass from a file's table, as `from_table` does; ConfigError names the file."""
    try:
        return from_table(cls, table)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error


def from_table(cls: type[_T], table: Mapping[str, Any], path: str = "") -> _T:  # any: a table of TOML
    """Fill a dataclass from a table; a key that it does not have is refused with the nearest that it has.

    >>> from_table(OptimizerConfig, {"learning_rate": 1e-6})
    Traceback (most recent call last):
    ...
    r1_reward.verifiers.errors.ConfigError: unknown key 'learning_rate'; known: betas, clip, eps, final, lr, ...
    """
    hints = typing.get_type_hints(cls)
    for key in table:
        if key not in hints:
            near = difflib.get_close_matches(key, hints, n=1)
            said = f"did you mean {path + near[0]!r}?" if near else f"known: {', '.join(sorted(hints))}"
            raise ConfigError(f"unknown key {path + key!r}; {said}")
    return cls(**{key: _typed(hints[key], value, path + key) for key, value in table.items()})


def _typed(hint: Any, value: Any, name: str) -> Any:  # any: a type, and a value of TOML to be made into it
    """The value as the type asks for it, or ConfigError."""
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return from_table(hint, value, f"{name}.")  # type: ignore[arg-type]  # a class, not an instance
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint == Schedule and isinstance(value, int | float) and not isinstance(value, bool):
        return ((0, value),)
    if origin is tuple and isinstance(value, list):
        inner = [arguments[0]] * len(value) if arguments[-1] is ... else arguments
        if len(inner) == len(value):
            made = tuple(_typed(kind, item, name) for kind, item in zip(inner, value, strict=True))
            if hint != Schedule or (made and made[0][0] == 0 and list(made) == sorted(set(made))):
                return made
    elif origin is Literal:
        if value in arguments:
            return value
        raise ConfigError(f"{name} is {value!r}; it must be one of {', '.join(map(repr, arguments))}")
    else:
        number = hint is float and isinstance(value, int) and not isinstance(value, bool)
        table = origin is not None and isinstance(value, dict)
        if number or table or (isinstance(hint, type) and type(value) is hint):
            return value
    wanted = "a number, or [[0, value], [step, value], ...]" if hint == Schedule else getattr(hint, "__name__", hint)
    raise ConfigError(f"{name} is {value!r}; it must be {wanted}")
