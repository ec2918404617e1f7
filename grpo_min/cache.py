"""A cache of keys and values with its room laid out beforehand.

Hugging Face's DynamicCache makes every tensor anew for each token; here a token's keys are written into their place and
what is handed out is a view. Room is added a block at a time, so that a long limit costs nothing until it is used.
"""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer

_BLOCK = 128
"""Tokens of room that are added at once."""


class PlacedCache(Cache):
    """The cache of prompts, each repeated, with room for what is decoded."""

    def __init__(self, prompts: DynamicCache, repeats: int, limit: int) -> None:
        """`limit` is how many tokens will be added at most."""
        super().__init__(
            layers=[_PlacedLayer(layer, repeats, limit) for layer in prompts.layers if isinstance(layer, DynamicLayer)]
        )

    def keep(self, index: Tensor) -> None:
        """Go on with these rows alone."""
        for layer in self.layers:
            assert isinstance(layer, _PlacedLayer)
            layer.keep(index)


class _PlacedLayer(DynamicLayer):
    def __init__(self, prompt: DynamicLayer, repeats: int, limit: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        assert prompt.keys is not None
        assert prompt.values is not None
        self.dtype, self.device = prompt.keys.dtype, prompt.keys.device
        self._used, self._limit = prompt.keys.shape[2], prompt.keys.shape[2] + limit
        self._room = tuple(_larger(x.repeat_interleave(repeats, 0), self._limit) for x in (prompt.keys, prompt.values))
        self.is_initialized = True
        self._show()

    def update(self, key_states: Tensor, value_states: Tensor, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        """Write the new token's keys and values; gives all so far."""
        end = self._used + key_states.shape[2]
        if end > self._room[0].shape[2]:
            self._room = tuple(_larger(room, self._limit) for room in self._room)
        for room, states in zip(self._room, (key_states, value_states), strict=True):
            room[:, :, self._used : end] = states
        self._used = end
        self._show()
        assert self.keys is not None
        assert self.values is not None
        return self.keys, self.values

    def keep(self, index: Tensor) -> None:
        self._room = tuple(room[index] for room in self._room)
        self._show()

    def _show(self) -> None:
        self.keys, self.values = (room[:, :, : self._used] for room in self._room)


def _larger(room: Tensor, limit: int) -> Tensor:
    """The same with a block more of room, or with what is missing to the limit."""
    rows, heads, length, width = room.shape
    more = room.new_empty(rows, heads, min(length + _BLOCK, max(limit, length)) - length, width)
    return torch.cat([room, more], 2)
