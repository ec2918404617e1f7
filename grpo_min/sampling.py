"""One token from each row of logits, by a number that belongs to that token and no other.

A token is drawn by inverse CDF: the first whose cumulative probability exceeds a uniform number. The number is a
function of (seed of the prompt, sample, position), so what is drawn depends on neither the order of a batch nor on
which rows are still in it; only where a number falls within rounding of a boundary could another batch draw otherwise.

Shapes: R rows, T tokens, V vocabulary.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from ..verifiers.settings import Amount, Count, Rule, Whole, check

TopP = Annotated[float, Rule("more than 0 and at most 1", lambda value: 0 < value <= 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How completions are drawn."""

    max_tokens: Count = 1024
    """Longest completion, its stop token included."""
    temperature: Amount = 1.0
    """0 takes the likeliest token."""
    top_p: TopP = 1.0
    """Smallest set of likeliest tokens with this much probability; 1 is all."""
    top_k: Whole = 0
    """As many of the likeliest tokens; 0 is all."""
    stop: tuple[str, ...] = ()
    """Strings that end a completion; the tokens that make one up stay in it."""

    def __post_init__(self) -> None:
        check(self)


class Drawn(NamedTuple):
    """The next token of each row."""

    token_R: Tensor
    """Its number."""
    logp_R: Tensor
    """Its log-probability at the temperature, over the whole vocabulary, whatever top-p and top-k left out."""


def seed_of(*parts: int | str) -> int:
    """A seed made of what it is for: the run, the step, the prompt, the sample.

    >>> seed_of("run", 3, 17) == seed_of("run", 3, 17) != seed_of("run", 31, 7)
    True
    """
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "big") >> 1


def shuffled(count: int, *seed: int | str) -> list[int]:
    """The numbers below `count` in an order that a seed fixes.

    >>> shuffled(4, "order", 0) == shuffled(4, "order", 0), sorted(shuffled(4, "order", 1))
    (True, [0, 1, 2, 3])
    """
    numbers = list(range(count))
    random.Random(seed_of(*seed)).shuffle(numbers)  # noqa: S311 - no secret
    return numbers


def uniforms(seeds: Sequence[int], count: int) -> Tensor:
    """Numbers in [0, 1) for each seed, one row for each.

    >>> uniforms([1, 2], 3).shape
    torch.Size([2, 3])
    """
    made = [torch.rand(count, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    return torch.stack(made) if made else torch.zeros(0, count, dtype=torch.float64)


def draw(logits_RV: Tensor, uniform_R: Tensor, sampling: Sampling) -> Drawn:
    """The token that each row's number falls on.

    >>> logits = torch.log(torch.tensor([[0.5, 0.3, 0.2]] * 3))
    >>> draw(logits, torch.tensor([0.1, 0.6, 0.9]), Sampling()).token_R.tolist()
    [0, 1, 2]
    """
    if sampling.temperature not in (0, 1):
        logits_RV = logits_RV / sampling.temperature
    chance_RV = logits_RV.softmax(1)
    if sampling.temperature == 0:
        token_R = logits_RV.argmax(1)
        return Drawn(token_R, _logp_of(token_R, chance_RV))
    cut = sampling.top_p < 1 or 0 < sampling.top_k < chance_RV.shape[1]
    mass_RV = (_cut(chance_RV, sampling) if cut else chance_RV).cumsum(1)
    # Scaled by what the chances really add up to, and below it: past the end there is nothing to draw.
    total_R1 = mass_RV[:, -1:]
    point_R1 = torch.minimum(uniform_R.to(mass_RV.dtype)[:, None] * total_R1, torch.nextafter(total_R1, -total_R1))
    token_R = torch.searchsorted(mass_RV, point_R1, right=True)[:, 0]
    return Drawn(token_R, _logp_of(token_R, chance_RV))


def _logp_of(token_R: Tensor, chance_RV: Tensor) -> Tensor:
    return chance_RV.gather(1, token_R[:, None])[:, 0].log()


def _cut(chance_RV: Tensor, sampling: Sampling) -> Tensor:
    """The chances with those outside top-k and top-p set to 0; of equal chances the lower token comes first."""
    sorted_RV, order_RV = chance_RV.sort(dim=1, descending=True, stable=True)
    keep_RV = sorted_RV.cumsum(1) - sorted_RV < sampling.top_p
    if sampling.top_k:
        keep_RV[:, sampling.top_k :] = False
    return torch.zeros_like(chance_RV).scatter_(1, order_RV, sorted_RV * keep_RV)
