"""What a step was like, in the numbers of docs/reference/metrics.md, and when they are alarming.

Metrics are made from sums, so that micro-batches and processes can add theirs up before anything is divided.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from torch import Tensor

from ..scoring.measure import REFLECTIVE
from ..training.divergence import reward_accuracy_divergence
from ..verifiers.registry import is_accuracy
from .config import AlarmConfig
from .loss import LossInputs, LossOutputs
from .rollout import Group, Rollout
from .runlog import StepMetrics

Tally = dict[str, tuple[float, float]]
"""By name, a sum and what it is divided by (0: nothing); the extreme where a name ends in /max or /min."""

_REFLECTIVE = re.compile(rf"\b(?:{'|'.join(REFLECTIVE)})\b", re.IGNORECASE)
_MOMENTS = ("_rr", "_ll", "_rl", "_l")
"""Means that only the spread and the correlation are made of: of reward squared, length squared, both, length."""


def tally_groups(groups: Iterable[Group]) -> Tally:
    """What the samples of a minibatch add up to."""
    tally: Tally = {}
    for group in groups:
        _add(tally, "zero_variance", not group.informative)
        for row in group.rows:
            for name, value in _of_sample(group, row):
                _add(tally, name, value)
            _add(tally, "samples", 1, 0)
    return tally


def _of_sample(group: Group, row: Rollout) -> Iterator[tuple[str, float]]:
    length, reward = len(row.tokens), row.reward
    yield from (("length", length), ("length/max", length), ("prompt_tokens", len(group.prompt)))
    yield from (("truncated", row.truncated), ("unjudged", reward is None))
    words = [word.lower() for word in _REFLECTIVE.findall(row.text)]
    yield "reflective", len(words)
    yield from ((f"reflective/{word}", words.count(word)) for word in REFLECTIVE)
    if reward is not None:
        yield "reward", reward
        yield from zip(_MOMENTS, (reward**2, length**2, reward * length, length), strict=True)
    for name, value in row.parts.items():
        yield f"reward/{name}", value
        if name in ("format", "language"):
            yield name, value
        if name == "accuracy" or is_accuracy(name):
            yield "accuracy", value
            yield "length/right" if value >= 1 else "length/wrong", length


def tally_tokens(out: LossOutputs, inputs: LossInputs, entropy_N: Tensor) -> Tally:
    """What the tokens of a micro-batch add up to."""
    up_N = inputs.advantage_N > 0
    values = {"entropy": entropy_N, "ratio": out.ratio_N, "clip": out.clipped_N}
    values |= {"clip/low": out.clipped_N & ~up_N, "clip/high": out.clipped_N & up_N}
    values |= {"kl": out.kl_N} if inputs.reference_logp_N is not None else {}
    values |= {"clip/cov": ~inputs.kept_N} if inputs.kept_N is not None else {}
    apart_N = None if inputs.engine_logp_N is None else inputs.old_logp_N - inputs.engine_logp_N
    if apart_N is not None:
        values |= {"engine/gap": apart_N.abs(), "engine/kl": apart_N.expm1() - apart_N}
        values |= {"engine/cut": out.engine_cut_N} if out.engine_cut_N is not None else {}
    count = len(entropy_N)
    tally = {name: (float(value_N.double().sum()), float(count)) for name, value_N in values.items()}
    if count:
        tally |= {"ratio/max": (float(out.ratio_N.max()), 1.0), "ratio/min": (float(out.ratio_N.min()), 1.0)}
        if apart_N is not None:
            tally |= {"engine/gap/max": (float(apart_N.abs().max()), 1.0)}
    return tally | {"loss": (float(out.loss.detach()), 0.0), "tokens": (float(count), 0.0)}


def merged(tallies: Iterable[Tally]) -> Tally:
    """The tally of all: of micro-batches, or of processes."""
    total: Tally = {}
    for tally in tallies:
        for name, (value, count) in tally.items():
            _add(total, name, value, count)
    return total


def _add(tally: Tally, name: str, value: float, count: float = 1.0) -> None:
    before = tally.get(name)
    if before is None:
        tally[name] = (float(value), count)
    elif name.endswith(("/max", "/min")):
        tally[name] = (max if name.endswith("/max") else min)(before, (float(value), count))
    else:
        tally[name] = (before[0] + value, before[1] + count)


def summarise(tally: Tally) -> StepMetrics:
    """A step's line from the tally of all its groups and micro-batches; a mean over nothing is not there."""
    line: StepMetrics = {name: value / (count or 1.0) for name, (value, count) in tally.items()}
    if "reward" in line:
        rr, ll, rl, length = (line.pop(name) for name in _MOMENTS)
        reward = line["reward"]
        spread = [max(square - mean**2, 0.0) for square, mean in ((rr, reward), (ll, length))]
        line["reward/std"] = math.sqrt(spread[0])
        if spread[0] > 1e-9 * rr and spread[1] > 1e-9 * ll:
            line["reward_length"] = (rl - reward * length) / math.sqrt(spread[0] * spread[1])
    return {name: line[name] for name in sorted(line) if math.isfinite(line[name])}


def alarms(history: Sequence[Mapping[str, Any]], config: AlarmConfig) -> list[dict[str, str]]:
    """What is wrong at the last step of a history: a name that docs/how-to/grpo_min.md explains, and the figure."""
    last = history[-1]
    limits = {
        "unjudged": ("unjudged", config.unjudged), "truncation": ("truncated", config.truncated),
        "kl_budget": ("kl", config.kl), "reward_length": ("reward_length", config.length_correlation),
        "engine_gap": ("engine/gap", config.engine_gap),
    }  # fmt: skip
    raised = [
        {"name": name, "detail": f"{key} is {last[key]:.3g}; the limit is {limit:g}"}
        for name, (key, limit) in limits.items()
        if abs(last.get(key, 0.0)) > limit
    ]
    if last.get("nonfinite"):
        streak = nonfinite_streak(history)
        raised.append({"name": "nonfinite_gradient", "detail": f"no step was taken, {streak} in a row"})
    raised += _exploration(history, config)
    judged = [line for line in history if "accuracy" in line and "reward" in line]
    if judged and judged[-1] is last:
        rewards, accuracies = ([line[key] for line in judged] for key in ("reward", "accuracy"))
        if apart := reward_accuracy_divergence(rewards, accuracies, config.window):
            detail = f"over {apart.span} steps accuracy changed by {apart.accuracy:+.3f}, reward by {apart.score:+.3f}"
            raised.append({"name": "collapse_to_format", "detail": detail})
    return raised


def _exploration(history: Sequence[Mapping[str, Any]], config: AlarmConfig) -> Iterator[dict[str, str]]:
    """Whether there is nothing left to tell samples of a question apart by."""
    last = history[-1]
    shares = [max(line.get("zero_variance", 0.0), line.get("left_out", 0.0)) for line in history[-config.window :]]
    if shares[-1] >= 1.0:
        yield {"name": "no_signal", "detail": "the rewards of every group are all equal"}
    elif len(shares) == config.window and sum(shares) > config.zero_variance * len(shares):
        detail = f"in {sum(shares) / len(shares):.0%} of the groups of {len(shares)} steps rewards are all equal"
        yield {"name": "no_signal", "detail": detail}
    if "entropy" in last:
        first = [line["entropy"] for line in history[: config.window] if "entropy" in line]
        least = max(config.entropy, config.entropy_share * sum(first) / len(first))
        if last["entropy"] < least:
            detail = f"entropy is {last['entropy']:.3g} nats a token; the limit is {least:.3g}"
            yield {"name": "entropy_collapse", "detail": detail}


def nonfinite_streak(history: Sequence[Mapping[str, Any]]) -> int:
    """How many of the last steps in a row were not taken, since their gradients were not finite."""
    return sum(1 for _ in takewhile(lambda line: line.get("nonfinite"), reversed(history)))


def sample_line(group: Group, step: int) -> StepMetrics:
    """A line of `samples.jsonl`: the first sample of a group, as `score` writes rows."""
    row = group.rows[0]
    scored = {"response": row.text, "reward": row.reward, "verdicts": {"reward": row.verdict}}
    finish = "length" if row.truncated else "stop"
    place = {"step": step, "advantage": row.advantage, "tokens": len(row.tokens), "finish_reason": finish}
    return {**group.sample, **scored, **place}
