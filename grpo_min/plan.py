"""What a recipe would take, without weights or data: shapes, schedules, steps, memory and cost of each stage.

Weights are counted on a model without storage, made from its configuration. The rest is arithmetic:

    forward  2 x active weights a token (without the embedding's look-up), and 2 x context x heads x (key + value width)
             a token and layer for attention, of which a causal half
    step     three forwards to train (four with gradient checkpointing), one each for the reference and for the old
             policy where the engine is not exact, one to generate
    memory   4 bytes a weight for weights, gradients, and each of AdamW's two; 4 for the reference; 2 for a bf16 engine;
             caches of the questions decoded together at full length; activations of a micro-batch at 34 bytes a token,
             layer and unit of width, or 2 under checkpointing

How long responses will be, and how much of a GPU's peak is reached, nobody knows before: `Assumptions` says what was
taken. What it does not count: evaluation, the sandbox, communication, imbalance, failures.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from ..reward_models import options_of
from ..verifiers.errors import ConfigError
from .config import OptimizerConfig, Schedule, TrainConfig, at, from_table, read_recipe
from .recipe import Recipe, SampleConfig, is_stages, read_stages
from .sft import SFTConfig

SHAPES = Path(__file__).parent / "shapes.toml"
"""Configurations of the models that recipes name, so that a plan needs no download."""
TABLE_7 = {"zero": 101_000}
"""GPU-hours of an H800 that the paper states for a stage of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What a plan takes for granted; each is told with it."""

    prompt: int = 122
    """Tokens of a prompt (Table 4: mathematics)."""
    length: float = 0.25
    """Mean response over the longest allowed."""
    taught: int = 5_355
    """Tokens of a row of fine-tuning (Table 5: mean)."""
    judged: int = 1_420
    """Tokens of a row for a reward model (Table 5: mean of general data)."""
    pairs: int = 66_000
    """Preference pairs (the paper's)."""
    ratings: int = 106_000
    """Safety labels (the paper's)."""
    peak: float = 989e12
    """FLOP/s of a GPU in bfloat16 (H100 or H800, dense)."""
    train: float = 0.35
    """Share of the peak in training and scoring."""
    decode: float = 0.05
    """Share of the peak in generation."""
    gpu_memory: float = 80e9
    """Bytes of a GPU."""
    price: float = 2.0
    """Dollars of a GPU-hour (Table 7)."""


class Size(NamedTuple):
    """A model by its configuration."""

    name: str
    """What it is called."""
    weights: int
    """All of them."""
    active: int
    """Those that a token is multiplied by."""
    attention: int
    """FLOPs of attention, per token and token of context."""
    cache: int
    """Bytes of cache a token, in bfloat16."""
    width: int
    """Of the residual stream times layers."""
    vocabulary: int
    """Its tokens."""
    context: int
    """Longest text."""

    def forward(self, tokens: float, context: float) -> float:
        """FLOPs of tokens at a mean length of context."""
        return tokens * (2 * self.active + self.attention * context / 2)


class Planned(NamedTuple):
    """A stage: what it is, line by line, and what it comes to."""

    stage: str
    """Its name."""
    lines: dict[str, str]
    """What is said of it, by subject."""
    flops: float
    """Of all its steps."""
    hours: float
    """Of one GPU."""
    memory: float
    """Bytes, of all GPUs together."""


def size_of(name: str) -> Size:
    """A model's size from its folder's configuration, or a known name's; ConfigError for what has none."""
    known = tomllib.loads(SHAPES.read_text(encoding="utf-8")).get(Path(name).name)
    try:
        if known and not Path(name).exists():
            config = AutoConfig.for_model(**known)
        else:
            config = AutoConfig.from_pretrained(name)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config)
    except (OSError, ValueError) as error:
        raise ConfigError(f"the model {name!r} has no configuration to plan with: {error}") from error
    weights = {key: value.numel() for key, value in model.named_parameters()}
    experts = sum(count for key, count in weights.items() if ".experts." in key)
    idle = 0 if config.tie_word_embeddings else model.get_input_embeddings().weight.numel()
    if experts:
        total = next(
            getattr(config, key)
            for key in ("n_routed_experts", "num_local_experts", "num_experts")
            if hasattr(config, key)
        )
        idle += experts - experts * config.num_experts_per_tok // total
    heads, layers = config.num_attention_heads, config.num_hidden_layers
    key = getattr(config, "qk_head_dim", None) or getattr(config, "head_dim", None) or config.hidden_size // heads
    value = getattr(config, "v_head_dim", None) or key
    latent = getattr(config, "kv_lora_rank", None)
    kept = latent + config.qk_rope_head_dim if latent else config.num_key_value_heads * (key + value)
    return Size(
        name=Path(name).name, weights=sum(weights.values()), active=sum(weights.values()) - idle,
        attention=2 * layers * heads * (key + value), cache=2 * layers * kept, width=config.hidden_size * layers,
        vocabulary=config.vocab_size, context=config.max_position_embeddings,
    )  # fmt: skip


def plan(path: str, assumed: Assumptions) -> list[Planned]:
    """What each stage of a recipe takes; ConfigError for one that cannot be read or names no model."""
    if not is_stages(path):
        config = read_recipe(path)
        return [_loop("run", config, size_of(config.model.path), assumed)]
    recipe = read_stages(path)
    if not recipe.source.base:
        raise ConfigError(f"{path} names no source.base, so that it is the toy, which is made by the run itself")
    base, small = size_of(recipe.source.base), size_of(recipe.source.small or recipe.source.base)
    cold, reject, begins = recipe.cold_start, recipe.reject_sample, recipe.rl2.steps - recipe.preference_steps
    rows = {
        "cold_start": cold.sample.questions * cold.sample.keep,
        "sft2": reject.questions * reject.keep + reject.replies,
    }
    planned = {
        "zero": _loop("zero", recipe.zero, base, assumed),
        "cold_start": _taught("cold_start", cold.sft, rows["cold_start"], base, assumed),
        "rl1": _loop("rl1", recipe.rl1, base, assumed),
        "reject_sample": _sampled(reject, base, assumed),
        "sft2": _taught("sft2", recipe.sft2, rows["sft2"], base, assumed),
        "reward_models": _judges(recipe, base, assumed),
        "rl2": _loop("rl2", recipe.rl2, base, assumed),
        "distill": _taught("distill", recipe.distill, rows["sft2"], small, assumed),
    }
    planned["rl2"].lines["preference"] = (
        f"from step {begins:,} on, for {recipe.preference_steps:,} steps, with general prompts"
    )
    planned["cold_start"].lines["rows"] += f", of {_responses(cold.sample)} of zero"
    return [one for name, one in planned.items() if not recipe.stages or name in recipe.stages]


def run_plan(path: str, assume: Mapping[str, Any]) -> int:  # any: values of TOML's kinds
    """Print a plan and what it assumes; gives the exit status. Raises ConfigError for what cannot be planned."""
    assumed = from_table(Assumptions, assume)
    stages = plan(path, assumed)
    for one in stages:
        print(one.stage)  # noqa: T201 - data, on standard output
        for subject, told in one.lines.items():
            print(f"  {subject:<12}{told}")  # noqa: T201 - the same
    hours = sum(one.hours for one in stages)
    print(f"in all        {hours:,.1f} GPU-hours, ${hours * assumed.price:,.0f}")  # noqa: T201 - the same
    told = ", ".join(f"{name}={value:g}" for name, value in asdict(assumed).items())
    print(f"assumed       {told}; --assume NAME=VALUE changes it")  # noqa: T201 - the same
    return 0


def _loop(name: str, config: TrainConfig, size: Size, assumed: Assumptions) -> Planned:
    rollout, split = config.rollout, config.rollout.minibatches
    step = rollout.questions * rollout.samples
    begun = [(start, min(split, config.steps - start)) for start in range(0, config.steps, split)]
    longest, sums = 0.0, {"generate": 0.0, "score": 0.0, "train": 0.0}
    tokens = 0.0
    scored = (config.loss.kl != "none" and config.loss.beta > 0) + config.model.bf16
    for start, steps in begun:
        longest = max(longest, at(rollout.max_tokens, start))
        mean = assumed.length * at(rollout.max_tokens, start)
        forward = steps * (step * size.forward(mean, 2 * assumed.prompt + mean))
        forward += steps * rollout.questions * size.forward(assumed.prompt, assumed.prompt)
        tokens += steps * step * mean
        sums["generate"] += forward
        sums["score"] += scored * forward
        sums["train"] += (3 + config.model.gradient_checkpointing) * forward
    every, renewed = config.reference_every, 0
    if every:
        due = [start // every for start, _ in begun]
        renewed = sum(later > earlier for earlier, later in pairwise(due))
    room = assumed.prompt + longest
    held = {
        "weights, gradients and AdamW": 16.0 * size.weights,
        "reference": 4.0 * size.weights * (config.loss.kl != "none" and config.loss.beta > 0),
        "engine": 2.0 * size.weights * config.model.bf16,
        "cache": rollout.prompts_at_once * rollout.samples * room * size.cache,
        "activations": _activations(max(config.memory.tokens, room), size, config.model.gradient_checkpointing),
    }
    rates = config.optimizer
    lines = {
        "model": _told(size),
        "steps": f"{config.steps:,} of {step:,} samples ({rollout.questions} questions x {rollout.samples})",
        "rollouts": f"{len(begun):,} of {step * split:,} samples, each {split} steps of {step:,}",
        "reference": f"the policy of each {every:,}th step ({renewed} of them), every {every / split:g} rollouts"
        if every
        else "the model it begins with",
        "rate": _rate(rates, config.steps),
        "max_tokens": _schedule(rollout.max_tokens, split),
        "temperature": _schedule(rollout.temperature, split),
        "loss": f"ratio of {config.loss.ratio}s, from 1 - {config.loss.clip_low:g} to 1 + {config.loss.clip_high:g}; "
        f"KL {config.loss.kl} x {config.loss.beta:g}; reward {config.reward.preset}",
        "tokens": f"{_si(tokens)} generated, {tokens / config.steps / step:,.0f} a response",
    }
    return _summed(name, lines, sums, held, room, size, assumed)


def _taught(name: str, config: SFTConfig, rows: int, size: Size, assumed: Assumptions) -> Planned:
    steps = config.epochs * math.ceil(rows / config.batch)
    tokens = config.epochs * rows * assumed.taught
    passes = 3 + config.gradient_checkpointing
    held = {
        "weights, gradients and AdamW": 16.0 * size.weights,
        "activations": _activations(max(config.memory.tokens, config.max_tokens), size, config.gradient_checkpointing),
    }
    lines = {
        "model": _told(size),
        "rows": f"{rows:,} at most",
        "steps": f"{steps:,} of {config.batch:,} rows, {config.epochs} epochs",
        "rate": _rate(config.optimizer, steps),
        "max_tokens": f"{config.max_tokens:,}",
        "tokens": f"{_si(tokens)} learned from",
    }
    sums = {"train": passes * size.forward(tokens, assumed.taught)}
    return _summed(name, lines, sums, held, config.max_tokens, size, assumed)


def _sampled(config: SampleConfig, size: Size, assumed: Assumptions) -> Planned:
    mean = assumed.length * config.max_tokens
    tokens = config.questions * config.samples * mean
    lines = {
        "model": _told(size),
        "rows": f"{_responses(config)}; at most {config.questions * config.keep:,} kept, {config.replies:,} replies",
        "temperature": f"{config.temperature:g}",
        "max_tokens": f"{config.max_tokens:,}",
        "tokens": f"{_si(tokens)} generated, {mean:,.0f} a response",
    }
    held = {
        "weights": 2.0 * size.weights,
        "cache": 64 * config.samples * (assumed.prompt + config.max_tokens) * size.cache,
    }
    sums = {"generate": size.forward(tokens, 2 * assumed.prompt + mean)}
    return _summed("reject_sample", lines, sums, held, config.max_tokens, size, assumed)


def _judges(recipe: Recipe, size: Size, assumed: Assumptions) -> Planned:
    lines, flops = {"model": _told(size)}, 0.0
    for kind, rows, each in (("helpful", assumed.pairs, 2), ("safety", assumed.ratings, 1)):
        options = options_of(kind, recipe.reward_models.preset, **recipe.reward_models.options)
        steps = options.epochs * math.ceil(rows * (1 - options.dev_share) / options.batch)
        lines[kind] = f"{steps:,} steps of {options.batch}, rate {options.lr:g}, longest {options.max_length or 'any'}"
        flops += 3 * size.forward(steps * options.batch * each * assumed.judged, assumed.judged)
    held = {
        "weights, gradients and AdamW": 16.0 * size.weights,
        "activations": _activations(16_384, size, shallow=False),
    }
    return _summed("reward_models", lines, {"train": flops}, held, 0, size, assumed)


def _summed(
    name: str, lines: dict[str, str], sums: Mapping[str, float], held: Mapping[str, float], longest: float,
    size: Size, assumed: Assumptions,
) -> Planned:  # fmt: skip
    hours = sum(
        flops / (assumed.peak * (assumed.decode if phase == "generate" else assumed.train)) / 3600
        for phase, flops in sums.items()
    )
    memory = sum(held.values())
    if longest > size.context:
        lines["note"] = f"{longest:,.0f} tokens do not fit the context of {size.context:,}: extend it first"
    lines["FLOPs"] = ", ".join(f"{phase} {flops:.2g}" for phase, flops in sums.items())
    parts = ", ".join(f"{part} {_si(count)}B" for part, count in held.items() if count)
    lines["memory"] = f"{_si(memory)}B in all, so {_gpus(memory, assumed)} at least: {parts}"
    stated = f"; the paper states {TABLE_7[name]:,} for its own" if name in TABLE_7 else ""
    lines["cost"] = f"{hours:,.1f} GPU-hours, ${hours * assumed.price:,.0f}{stated}"
    return Planned(name, lines, sum(sums.values()), hours, memory)


def _gpus(memory: float, assumed: Assumptions) -> str:
    count = math.ceil(memory / assumed.gpu_memory)
    return f"{count:,} GPU{'s' * (count > 1)} of {_si(assumed.gpu_memory)}B"


def _activations(tokens: float, size: Size, shallow: bool) -> float:
    return tokens * size.width * (2 if shallow else 34)


def _told(size: Size) -> str:
    sparse = f", {_si(size.active)} of them for a token" if size.active < 0.8 * size.weights else ""
    return f"{size.name}, {_si(size.weights)} weights{sparse}"


def _responses(config: SampleConfig) -> str:
    return f"{config.questions * config.samples:,} responses ({config.questions:,} x {config.samples})"


def _rate(config: OptimizerConfig, steps: int) -> str:
    ends = f" to {config.lr * config.final:g}" if config.schedule == "cosine" else ""
    warm = f", {config.warmup} steps of warm-up" if config.warmup else ""
    return f"{config.schedule} {config.lr:g}{ends}{warm} over {steps:,} steps"


def _schedule(schedule: Schedule, split: int) -> str:
    """A schedule in words; what changes takes hold at the next rollout.

    >>> _schedule(((0, 32768), (8200, 65536)), 16)
    '32,768; 65,536 from step 8,200 (rollout of 8,208)'
    """
    told = [f"{schedule[0][1]:,}"]
    for begins, value in schedule[1:]:
        told.append(f"{value:,} from step {begins:,} (rollout of {math.ceil(begins / split) * split:,})")
    return "; ".join(told)


def _si(value: float) -> str:
    """A number with a prefix.

    >>> _si(671_026_404_352), _si(1_500)
    ('671 G', '1.5 k')
    """
    for size, prefix in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {prefix}"
    return f"{value:.3g} "
