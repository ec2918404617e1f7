"""A training run as frozen dataclasses that TOML fills in; docs/how-to/grpo_min.md, and `recipe` for several runs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal

from ..verifiers.errors import ConfigError
from ..verifiers.settings import Amount, Count, Rule, Share, Whole, check
from .advantage import Baseline
from .loss import LossConfig
from .sampling import Sampling, TopP

Schedule = Annotated[
    tuple[tuple[int, float], ...],
    Rule(
        "a number, or [[0, value], [step, value], ...]",
        lambda value: bool(value) and value[0][0] == 0 and list(value) == sorted(set(value)),
        read=lambda value: [[0, value]] if type(value) in (int, float) else value,
    ),
]
"""(step, value) pairs: each value holds from its step on. In TOML a number, or [[0, 512], [8200, 1024]]."""
_LENGTH = Rule("at least 1, and whole", lambda schedule: all(value >= 1 and value % 1 == 0 for _, value in schedule))
_WARM = Rule(
    "more than 0: else there is nothing to explore, and no gradient",
    lambda schedule: all(value > 0 for _, value in schedule),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """What is trained."""

    path: str = ""
    """A folder in Hugging Face's form, or a model's name."""
    bf16: bool = False
    """Run in bfloat16 where there is a GPU; the weights that are trained stay in float32."""
    gradient_checkpointing: bool = False
    """Compute activations again in the backward pass rather than keep them; prompts are then not shared."""
    lora_rank: Whole = 0
    """Train adapters of this rank (needs peft); 0 trains everything."""
    merge_adapters: bool = False
    """Write the trained model with its adapters merged into the weights, not the adapters alone; stages do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """What is asked."""

    path: str = ""
    """JSONL, a row for each question: `prompt`, what it is judged by, and any other field of a Sample."""
    map: Mapping[str, str] = field(default_factory=dict)
    """Which field of a row holds which field of a Sample, as in `map.prompt = "question"`."""
    template: Literal["r1_zero", "chat", "plain"] = "r1_zero"
    """Table 1 of the paper; the tokenizer's chat template; or the prompt as it is."""
    template_options: Mapping[str, Any] = field(default_factory=dict)  # any: variables of the chat template
    """Variables of the chat template, as in `template_options.enable_thinking = false`."""
    system: str = ""
    """With `chat`: a system turn, where the question has none."""
    prefix: str = ""
    """Otherwise: text before each prompt, such as worked examples."""
    prefill: str = ""
    """What every answer begins with, put after the template and counted as part of the answer, such as "<think>\\n"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardConfig:
    """What is rewarded."""

    preset: str = "r1_zero"
    """A reward of the paper."""
    verifiers: tuple[str, ...] = ()
    """In place of a preset: verifiers by name, each with its weight and schedule: `format:0.1@400`."""
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # any: each verifier has options of its own
    """Options by verifier."""
    stop_above: Share = 0.5
    """End the run where more than this share of a rollout could not be judged."""
    overlong_buffer: Whole = 0
    """Soft over-long penalty (DAPO, eq. 13): the term `overlong` falls from 0 to -1 over so many tokens before
    max_tokens; 0 is none."""
    overlong_weight: Amount = 1.0
    """What that term is multiplied by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutConfig:
    """How a rollout is made and split. The paper: 32 questions, 16 samples, 16 minibatches, so 8,192 samples."""

    questions: Count = 32
    """Questions of a step."""
    samples: Count = 16
    """Samples of a question."""
    minibatches: Count = 16
    """Steps that a rollout is split into; each whole groups, drawn at random, and seen once."""
    staleness: Whole = 0
    """Rollouts that may be drawn ahead while the learner works, so that the policy which sampled is at most so many
    rollouts old; 0 draws when the learner is done, and a run is then the same each time. Samples are weighted by
    `loss.engine_correction`."""
    prompts_at_once: Count = 32
    """Questions decoded together; the rewards of earlier ones are computed meanwhile."""
    max_tokens: Annotated[Schedule, _LENGTH] = ((0, 1024),)
    """Longest completion."""
    temperature: Annotated[Schedule, _WARM] = ((0, 1.0),)
    """Of sampling, and of the log-probabilities that are trained."""
    top_p: TopP = 1.0
    """See Sampling."""
    top_k: Whole = 0
    """See Sampling."""
    stop: tuple[str, ...] = ()
    """Strings that end a completion."""

    def sampling(self, step: int) -> Sampling:
        """How completions are drawn at a step.

        Args:
            step: A training step, counted from 0.

        Returns:
            Length, temperature and the rest at that step.
        """
        longest, temperature = int(at(self.max_tokens, step)), at(self.temperature, step)
        return Sampling(max_tokens=longest, temperature=temperature, top_p=self.top_p, top_k=self.top_k, stop=self.stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvantageConfig:
    """How rewards become advantages."""

    baseline: Baseline = "std"
    """See group_advantages."""
    sample_std: bool = False
    """See group_advantages."""
    eps: Amount = 1e-4
    """See group_advantages."""
    zero_variance: Literal["keep", "skip", "refill"] = "keep"
    """What is done with groups whose rewards are all equal: kept (only the KL acts on them), left out, or left out and
    replaced by further questions."""
    refills: Whole = 3
    """How many more times a rollout may be drawn for, with `refill`."""
    per_term: bool = False
    """Make advantages of each term of the reward by itself, and sum them by weight (GDPO); see term_advantages."""
    whiten: bool = False
    """Then normalise advantages over the whole rollout (REINFORCE++, GDPO); see whitened."""
    mask_overlong: bool = False
    """Leave samples that were cut off by max_tokens out of the loss; their reward still counts in their group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerConfig:
    """AdamW. The paper states its learning rate and nothing else."""

    lr: Amount = 3e-6
    """Learning rate after the warm-up."""
    schedule: Literal["constant", "cosine"] = "constant"
    """What it does after that."""
    final: float = 0.1
    """With cosine: the share of `lr` at the last step."""
    warmup: Whole = 0
    """Steps over which it rises from 0."""
    betas: tuple[float, float] = (0.9, 0.999)
    """AdamW's."""
    eps: Amount = 1e-8
    """AdamW's."""
    weight_decay: float = 0.0
    """AdamW's."""
    clip: Amount = 1.0
    """Largest norm of the gradient; 0 is none."""
    stop_after: Count = 5
    """End the run after so many steps in a row whose gradient is not finite; none of them is taken."""

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of a step.

        Args:
            step: Counted from 0.
            steps: Steps of the whole run.

        Returns:
            The rate, after warm-up by the schedule.
        """
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        if self.schedule == "constant":
            return self.lr
        done = (step - self.warmup) / max(1, steps - 1 - self.warmup)
        return self.lr * (self.final + (1 - self.final) * (1 + math.cos(math.pi * min(done, 1.0))) / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryConfig:
    """What fits at once. None of it changes a result beyond rounding."""

    tokens: Count = 16384
    """Padded tokens of a micro-batch, prompts and completions; a row that is longer goes alone."""
    chunk: Count = 256
    """Rows of the vocabulary's width that exist at once: logits and chances of half as many tokens."""
    share_prompts: bool = True
    """Run a group's prompt once for all its completions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointConfig:
    """When the run is saved."""

    every: Count = 100
    """Steps between checkpoints; one is also written at the end and on SIGTERM."""
    keep: Count = 2
    """How many of the latest stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationConfig:
    """Evaluation during training, on questions that are not trained on; the best checkpoint is kept."""

    every: Whole = 0
    """Steps between evaluations; 0 is never."""
    path: str = ""
    """Questions, as in `data.path`."""
    questions: Count = 256
    """How many of them: the first ones."""
    k: Count = 1
    """Samples of each."""
    max_tokens: Whole = 0
    """Longest completion; 0 is the longest of training."""
    temperature: Amount = 0.6
    """Of sampling."""
    top_p: TopP = 0.95
    """Of sampling."""
    use_best: bool = False
    """Whether the run's model at the end is the best one rather than the last."""

    def __post_init__(self) -> None:
        check(self)
        if self.every and not self.path:
            raise ConfigError("validation.every needs validation.path: a file of questions that are not trained on")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """What generates."""

    kind: Literal["hf", "vllm", "server"] = "hf"
    """The training model itself; vLLM, started by the run; or a server elsewhere, OpenAI-compatible as vLLM's is."""
    options: Mapping[str, Any] = field(default_factory=dict)  # any: keywords of vllm.LLM
    """`vllm`: keywords of `vllm.LLM`, such as `gpu_memory_utilization = 0.4`."""
    url: str = ""
    """`server`: where it is, such as `http://127.0.0.1:8000`."""
    model: str = ""
    """`server`: the model's name there; the only one, where left out."""
    weights: str = ""
    """`server`: a folder that it sees too, through which it gets weights."""
    timeout: Amount = 600.0
    """`server`: seconds for a request, and for a server that is away."""

    def __post_init__(self) -> None:
        check(self)
        if self.kind == "server" and not self.url:
            raise ConfigError("engine.kind = 'server' needs engine.url")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmConfig:
    """From where on a metric is an alarm; an alarm is a line in the metrics and a warning, and stops nothing."""

    window: Count = 6
    """Fewest steps over which a trend is judged; it is also over twice as many, four times, and so on."""
    unjudged: float = 0.05
    """Share of samples that could not be judged."""
    truncated: float = 0.5
    """Share of samples cut off by max_tokens."""
    kl: float = 1.0
    """KL from the reference, per token."""
    length_correlation: float = 0.9
    """Correlation of reward and length over a step's samples."""
    engine_gap: float = 0.1
    """Mean difference of a token's log-probability between the engine that sampled and the training forward, in nats:
    other weights, or log-probabilities of another temperature."""
    zero_variance: float = 0.9
    """Mean over the window of the share of groups whose rewards are all equal; a step without any other is one too."""
    entropy: float = 0.05
    """Entropy below which nothing is explored any more, in nats a token."""
    entropy_share: Share = 0.1
    """The same as a share of the mean entropy of the first `window` steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """A whole run."""

    output: str = "out/run"
    """Folder of checkpoints, metrics and samples."""
    steps: Count = 100
    """Optimizer steps."""
    seed: int = 0
    """Of everything drawn."""
    writers: tuple[Literal["tensorboard", "wandb", "trackio"], ...] = ()
    """What receives each step's numbers, beside `metrics.jsonl`; each must be installed."""
    reference_every: Whole = 0
    """Steps after which the reference is replaced by the policy (the paper: 400), at the next rollout; 0 is never."""
    model: ModelConfig = field(default_factory=ModelConfig)
    """What is trained."""
    data: DataConfig = field(default_factory=DataConfig)
    """What is asked."""
    reward: RewardConfig = field(default_factory=RewardConfig)
    """What is rewarded."""
    rollout: RolloutConfig = field(default_factory=RolloutConfig)
    """How completions are drawn."""
    advantage: AdvantageConfig = field(default_factory=AdvantageConfig)
    """How rewards become advantages."""
    loss: LossConfig = field(default_factory=LossConfig)
    """The objective."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    """AdamW."""
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    """What fits at once."""
    checkpoint: CheckpointConfig = field(default_factory=CheckpointConfig)
    """When the run is saved."""
    engine: EngineConfig = field(default_factory=EngineConfig)
    """What generates."""
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    """Evaluation during training."""
    alarms: AlarmConfig = field(default_factory=AlarmConfig)
    """When a metric is an alarm."""

    def __post_init__(self) -> None:
        check(self)
        shortest = min(value for _, value in self.rollout.max_tokens)
        if self.reward.overlong_buffer > shortest:
            raise ConfigError(
                f"reward.overlong_buffer is {self.reward.overlong_buffer}, more than rollout.max_tokens, {shortest:g}"
            )
        if self.advantage.per_term and self.loss.needs_reference and self.loss.kl_in == "reward":
            raise ConfigError("a KL in the reward is of no term of it; advantage.per_term needs loss.kl_in = 'loss'")


def at(schedule: Schedule, step: int) -> float:
    """The value of a schedule at a step.

    >>> [at(((0, 512), (100, 1024)), step) for step in (0, 99, 100)]
    [512, 512, 1024]
    """
    return [value for begins, value in schedule if begins <= step][-1]


def as_json(config: Any) -> str:  # any: a dataclass of any kind
    """A configuration as one line of JSON, the same for the same configuration."""
    return json.dumps(asdict(config), sort_keys=True)
