"""What a stage would take, without weights or data: shapes, schedules, steps, memory and cost.

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
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from ...reward_models import options_of
from ...verifiers.errors import ConfigError
from ..config import Schedule, TrainConfig, at
from .recipe import ModelsConfig, SampleConfig
from .sft import SFTConfig

SHAPES = Path(__file__).parent / "shapes.toml"
"""Configurations of the models that recipes name, so that a plan needs no download."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What a plan takes for granted; each is printed with it."""

    prompt: int = 122
    """Tokens of a prompt (Table 4: mathematics)."""
    length: float = 0.25
    """Mean response over the longest allowed."""
    sft: int = 5_355
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
    """Of the residual stream, times layers."""
    context: int
    """Longest text."""

    def forward(self, tokens: float, context: float) -> float:
        """FLOPs of tokens at a length of context."""
        return tokens * (2 * self.active + self.attention * context / 2)

    def trained(self, tokens: float, *, shallow: bool) -> dict[str, float]:
        """Bytes that training holds, with so many tokens at once; `shallow` is gradient checkpointing."""
        activations = tokens * self.width * (2 if shallow else 34)
        return {"weights, gradients and AdamW": 16.0 * self.weights, "activations": activations}


class Planned(NamedTuple):
    """What a stage is, line by line, and its totals."""

    lines: dict[str, str]
    """What is said of it, by subject."""
    flops: float
    """Of all its steps."""
    hours: float
    """Of one GPU."""
    memory: float
    """Bytes, of all GPUs together."""


class Sizes(NamedTuple):
    """The models of a recipe."""

    base: Size
    """What is trained from, several times."""
    small: Size
    """What is distilled into."""


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
            model.tie_weights()  # transformers 5.0 does not by itself, here
    except (OSError, ValueError) as error:
        raise ConfigError(f"the model {name!r} has no configuration to plan with: {error}") from error
    weights = sum(value.numel() for value in model.parameters())
    idle = 0 if config.tie_word_embeddings else model.get_input_embeddings().weight.numel()
    experts = sum(value.numel() for key, value in model.named_parameters() if ".experts." in key)
    if experts:
        counts = (getattr(config, key, 0) for key in ("n_routed_experts", "num_local_experts", "num_experts"))
        idle += experts - experts * config.num_experts_per_tok // next(filter(None, counts))
    heads, layers = config.num_attention_heads, config.num_hidden_layers
    key = getattr(config, "qk_head_dim", None) or getattr(config, "head_dim", None) or config.hidden_size // heads
    value, latent = getattr(config, "v_head_dim", None) or key, getattr(config, "kv_lora_rank", None)
    kept = latent + config.qk_rope_head_dim if latent else config.num_key_value_heads * (key + value)
    return Size(
        name=Path(name).name, weights=weights, active=weights - idle, attention=2 * layers * heads * (key + value),
        cache=2 * layers * kept, width=config.hidden_size * layers, context=config.max_position_embeddings,
    )  # fmt: skip


def rl_cost(config: TrainConfig, size: Size, assumed: Assumptions, *, preference: str = "", stated: int = 0) -> Planned:
    """Reinforcement learning on a model; `stated` are the GPU-hours of an H800 that the paper states for it."""
    rollout, loss, every, split = config.rollout, config.loss, config.reference_every, config.rollout.minibatches
    step, bf16, shallow = rollout.questions * rollout.samples, config.model.bf16, config.model.gradient_checkpointing
    reference = loss.needs_reference
    starts = range(0, config.steps, split)
    renewed = len({start // every for start in starts}) - 1 if every else 0
    forward = tokens = longest = 0.0
    for start in starts:
        steps, cap = min(split, config.steps - start), at(rollout.max_tokens, start)
        mean, longest = assumed.length * cap, max(longest, assumed.prompt + cap)
        tokens += steps * step * mean
        forward += steps * step * size.forward(mean, 2 * assumed.prompt + mean)
        forward += steps * rollout.questions * size.forward(assumed.prompt, assumed.prompt)
    held = size.trained(max(config.memory.tokens, longest), shallow=shallow) | {
        "reference": 4.0 * size.weights * reference,
        "engine": 2.0 * size.weights * bf16,
        "cache": rollout.prompts_at_once * rollout.samples * longest * size.cache,
    }
    flops = {"generate": forward, "score": (reference + bf16) * forward, "train": (3 + shallow) * forward}
    clip = f"from 1 - {loss.clip_low:g} to 1 + {loss.clip_high:g}"
    lines = {
        "steps": f"{config.steps:,} of {step:,} samples ({rollout.questions} questions x {rollout.samples})",
        "rollouts": f"{len(starts):,} of {step * split:,} samples, each {split} steps of {step:,}",
        "reference": f"the policy of each {every:,}th step ({renewed} of them), every {every / split:g} rollouts"
        if every
        else "the model it begins with",
        "rate": _rate(config, config.steps),
        "max_tokens": _schedule(rollout.max_tokens, split),
        "temperature": _schedule(rollout.temperature, split),
        "loss": f"ratio of {loss.ratio}s, {clip}; KL {loss.kl} x {loss.beta:g}; reward {config.reward.preset}",
        "preference": preference,
        "tokens": f"{_si(tokens)} generated, {tokens / config.steps / step:,.0f} a response",
    }
    return _summed(size, assumed, lines, flops, held, longest, stated)


def sft_cost(
    config: SFTConfig | None, rows: int, size: Size, assumed: Assumptions, source: SampleConfig | None = None
) -> Planned:
    """Sampling of responses, learning from them, or both."""
    lines, flops, held = {"rows": f"{rows:,} at most"}, dict[str, float](), {"weights": 2.0 * size.weights}
    if source:
        mean, count = assumed.length * source.max_tokens, source.questions * source.samples
        lines["rows"] += f", from {count:,} responses ({source.questions:,} x {source.samples})"
        lines["temperature"] = f"{source.temperature:g}"
        flops["generate"] = count * size.forward(mean, 2 * assumed.prompt + mean)
        held["cache"] = 64 * source.samples * (assumed.prompt + source.max_tokens) * size.cache
    if config:
        tokens, steps = config.epochs * rows * assumed.sft, config.epochs * math.ceil(rows / config.batch)
        lines["steps"] = f"{steps:,} of {config.batch:,} rows, {config.epochs} epochs, {_si(tokens)} tokens"
        lines["rate"] = _rate(config, steps)
        flops["train"] = (3 + config.gradient_checkpointing) * size.forward(tokens, assumed.sft)
        held = size.trained(max(config.memory.tokens, config.max_tokens), shallow=config.gradient_checkpointing)
    longest = max(part.max_tokens for part in (config, source) if part)
    return _summed(size, assumed, {**lines, "max_tokens": f"{longest:,}"}, flops, held, longest)


def reward_model_cost(config: ModelsConfig, size: Size, assumed: Assumptions) -> Planned:
    """Both reward models, from the policy's own weights."""
    lines, flops = dict[str, str](), 0.0
    for kind, rows, each in (("helpful", assumed.pairs, 2), ("safety", assumed.ratings, 1)):
        options = options_of(kind, config.preset, **config.options)
        steps = options.epochs * math.ceil(rows * (1 - options.dev_share) / options.batch)
        lines[kind] = f"{steps:,} steps of {options.batch}, rate {options.lr:g}, longest {options.max_length or 'any'}"
        flops += 3 * size.forward(steps * options.batch * each * assumed.judged, assumed.judged)
    return _summed(size, assumed, lines, {"train": flops}, size.trained(options.budget, shallow=False), 0)


def _summed(
    size: Size, assumed: Assumptions, lines: Mapping[str, str], flops: Mapping[str, float],
    held: Mapping[str, float], longest: float, stated: int = 0,
) -> Planned:  # fmt: skip
    sparse = f", {_si(size.active)} of them for a token" if size.active < 0.8 * size.weights else ""
    shares = {phase: assumed.decode if phase == "generate" else assumed.train for phase in flops}
    hours = sum(flops[phase] / assumed.peak / shares[phase] / 3600 for phase in flops)
    memory, parts = sum(held.values()), ", ".join(f"{part} {_si(count)}B" for part, count in held.items() if count)
    gpus = math.ceil(memory / assumed.gpu_memory)
    by_paper = f"; the paper states {stated:,} for its own" if stated else ""
    note = f"{longest:,.0f} tokens do not fit the context of {size.context:,}: extend it first"
    all_lines = {
        "model": f"{size.name}, {_si(size.weights)} weights{sparse}",
        **lines,
        "note": note if longest > size.context else "",
        "FLOPs": ", ".join(f"{phase} {count:.2g}" for phase, count in flops.items()),
        "memory": f"{_si(memory)}B in all, {gpus:,} x {_si(assumed.gpu_memory)}B at least: {parts}",
        "cost": f"{hours:,.1f} GPU-hours, ${hours * assumed.price:,.0f}{by_paper}",
    }
    return Planned({key: text for key, text in all_lines.items() if text}, sum(flops.values()), hours, memory)


def _rate(config: TrainConfig | SFTConfig, steps: int) -> str:
    rate = config.optimizer
    ends = f" to {rate.lr * rate.final:g}" if rate.schedule == "cosine" else ""
    warm = f", {rate.warmup} steps of warm-up" if rate.warmup else ""
    return f"{rate.schedule} {rate.lr:g}{ends}{warm} over {steps:,} steps"


def _schedule(schedule: Schedule, split: int) -> str:
    """A schedule in words; what changes takes hold at the next rollout.

    >>> _schedule(((0, 32768), (8200, 65536)), 16)
    '32,768; 65,536 from step 8,200 (rollout of 8,208)'
    """
    parts = [f"{schedule[0][1]:,}"]
    for begins, value in schedule[1:]:
        parts.append(f"{value:,} from step {begins:,} (rollout of {math.ceil(begins / split) * split:,})")
    return "; ".join(parts)


def _si(value: float) -> str:
    """A number with a prefix.

    >>> _si(671_026_404_352), _si(1_500)
    ('671 G', '1.5 k')
    """
    for size, prefix in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {prefix}"
    return f"{value:.3g} "
