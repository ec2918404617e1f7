"""What frozen layers make of each example, worked out once and kept for every epoch.

Layers that neither learn nor drop anything give the same in each epoch. With `precision=bf16` what is kept has bf16's
eight bits, which is what the next layer multiplies by anyway; in float32 the steps equal those of a run that keeps
nothing, to the rounding of other batches (1e-6).

Nothing is kept where several responses share a row, where the model is spread over processes, under LoRA (whose
adapters learn in every layer), or above `LARGEST` bytes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from .batches import Unit, autocast, collate, cut, scores_of, units_of
from .layers import stack_of
from .layout import Encoded
from .model import Scorer

LARGEST = 2 << 30
"""Bytes that may be kept."""

Key = tuple[tuple[int, ...], tuple[int, ...]]
"""The tokens of a prompt and of a response."""

_log = logging.getLogger(__name__)


class Frozen:
    """The outputs of a scorer's first `layers` layers for some examples.

    >>> from r1_reward.reward_models.model import freeze
    >>> from r1_reward.reward_models.tiny import tiny_model
    >>> scorer = tiny_model(["some words"], family="bert")
    >>> _ = freeze(scorer, 1)
    >>> group = [Encoded((4, 5), (6, 7), False)]
    >>> kept = Frozen(scorer, 1, [group], budget=64, precision="fp32")
    >>> units = units_of([group], share=False)
    >>> with torch.no_grad(), kept.instead(units):
    ...     again = scores_of(scorer, collate(units, 0))
    >>> bool(torch.allclose(again, scores_of(scorer, collate(units, 0)), atol=1e-6))
    True
    """

    def __init__(
        self, scorer: Scorer, layers: int, groups: Sequence[Sequence[Encoded]], *, budget: int, precision: str
    ) -> None:
        stack = stack_of(scorer)
        assert stack is not None  # freeze told them apart before
        self._stack, self._layers = stack, layers
        self._kept: dict[Key, Tensor] = {}
        self._dtype = torch.float32
        self._device = scorer.device
        single = [(row,) for unit in units_of(groups, share=False) for row in unit]
        dtype = torch.bfloat16 if precision == "bf16" else None
        last = _Caught()
        above = {place: _Passed() for place in range(layers, len(stack))}
        was_training = scorer.model.training
        scorer.model.eval()
        watched = stack[layers - 1].register_forward_hook(last)
        try:
            with torch.no_grad(), autocast(scorer, precision), _swapped(stack, above):
                for units in cut(single, budget):
                    scores_of(scorer, collate(units, scorer.tokenizer.pad_token_id))
                    self._dtype = last.output_BTD.dtype
                    for (row,), kept_TD in zip(units, last.output_BTD, strict=True):
                        key = (tuple(row.prefix), tuple(row.rests[0]))
                        self._kept[key] = kept_TD[: row.length].to(dtype or self._dtype, copy=True)
        finally:
            watched.remove()
        scorer.model.train(was_training)

    @contextmanager
    def instead(self, units: Sequence[Unit]) -> Iterator[None]:
        """Within, the model takes what was kept of these rows instead of working it out."""
        rows = [row for unit in units for row in unit]
        kept = [self._kept[tuple(row.prefix), tuple(row.rests[0])] for row in rows]
        known_BTD = torch.zeros(
            len(rows), max(map(len, kept)), kept[0].shape[-1], dtype=self._dtype, device=self._device
        )
        for place, one_TD in enumerate(kept):
            known_BTD[place, : len(one_TD)] = one_TD
        below: dict[int, nn.Module] = {place: _Passed() for place in range(self._layers - 1)}
        with _swapped(self._stack, {**below, self._layers - 1: _KnownHidden(known_BTD)}):
            yield


def worth_keeping(scorer: Scorer, layers: int, groups: Sequence[Sequence[Encoded]], *, precision: str) -> bool:
    """Whether there are frozen layers whose output is not too large to keep."""
    if not layers or stack_of(scorer) is None or scorer.model is not scorer.plain:
        return False
    tokens = sum(encoded.length for group in groups for encoded in group)
    size = tokens * scorer.plain.config.hidden_size * (2 if precision == "bf16" else 4)
    if size > LARGEST:
        _log.info("frozen layers are worked out anew in every epoch: keeping them would take %d bytes", size)
    return bool(size <= LARGEST)


class _Caught:
    """A hook that holds what a layer gave last."""

    output_BTD: Tensor

    def __call__(self, *seen: Any) -> None:  # any: layer, input and output, which models type differently
        output = seen[-1]
        self.output_BTD = output[0] if isinstance(output, tuple) else output


class _Passed(nn.Module):
    """In the place of a layer whose work is not needed."""

    def forward(self, hidden_BTD: Tensor, *_: object, **__: object) -> Tensor:
        return hidden_BTD


class _KnownHidden(nn.Module):
    """In the place of the last frozen layer."""

    def __init__(self, known_BTD: Tensor) -> None:
        super().__init__()
        self._known_BTD = known_BTD

    def forward(self, *_: object, **__: object) -> Tensor:
        return self._known_BTD


@contextmanager
def _swapped(stack: nn.ModuleList, others: Mapping[int, nn.Module]) -> Iterator[None]:
    """Within, other modules stand in some places of a list."""
    own = {place: stack[place] for place in others}
    for place, other in others.items():
        stack[place] = other
    try:
        yield
    finally:
        for place, layer in own.items():
            stack[place] = layer
