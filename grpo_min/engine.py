"""Completions from a model: what every engine does, and the one that decodes with the training model itself.

An engine's `exact` says whether its log-probabilities are the training forward's own (to rounding), so that they may
stand as the old policy's. HFEngine decodes one batch of prompts at a time with one cache, and promises: a prompt is run
once however many samples it has; finished rows leave the batch; a greedy completion is Hugging Face's own, token by
token. It does no speculative decoding, no paging, no batching across calls.

Shapes: P prompts, R rows, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from torch import Tensor
from transformers import Cache, DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from ..training.distributed import full_tensor
from ..verifiers.errors import ConfigError
from ..verifiers.files import write_whole
from .logprobs import causal, common_prefix, context_of, mask_for, output_head, padded, prefill, run_cached
from .sampling import Drawn, Sampling, draw, seed_of, uniforms

Tokens = tuple[int, ...]
_BLOCK = 128
"""Tokens of room that are added at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One sample."""

    tokens: Tokens
    """What was generated, the stop token included."""
    logprobs: tuple[float, ...]
    """Each token's log-probability at the temperature it was sampled with."""
    finish: Literal["stop", "length"]
    """Whether it ended by itself."""


class Engine(Protocol):
    """Anything that completes prompts with the policy's weights."""

    @property
    def exact(self) -> bool:
        """Whether its log-probabilities are those of the training forward."""
        ...

    def generate(
        self, prompts: Sequence[Tokens], n: int, sampling: Sampling, seeds: Sequence[int]
    ) -> list[list[Completion]]:
        """`n` completions of each prompt, which a seed for each prompt determines."""
        ...

    def sync(self, model: PreTrainedModel) -> None:
        """Take the weights of the model from here on; called once before each rollout."""
        ...

    def close(self) -> None:
        """Let go of whatever it holds; may be called twice."""
        ...


def weights_of(model: PreTrainedModel) -> Iterator[tuple[str, Tensor]]:
    """A model's weights, one after another, by the names of the model without adapters: each whole, where it is spread
    over processes, and with its adapters merged into it, where it has any."""
    plain = causal(model)
    for name, value in plain.state_dict().items():
        layer, base, kind = name.partition(".base_layer.")
        if base and kind == "weight":
            adapted: Any = plain.get_submodule(layer)  # any: peft's layers
            value = value + sum(adapted.get_delta_weight(adapter) for adapter in adapted.active_adapters)
        if ".lora_" not in name:
            yield name.replace(".base_layer.", "."), full_tensor(value)


def save_weights(model: PreTrainedModel, folder: Path, *, write: bool = True) -> None:
    """Write what `weights_of` gives to `folder/model.safetensors`, whole or not at all, for an engine that reads files.

    All processes must call; those that do not `write` only take part in making spread weights whole.
    """
    from safetensors.torch import save

    weights, seen = dict[str, Tensor](), set[int]()
    with torch.no_grad():
        for name, value in weights_of(model):
            if write and value.data_ptr() not in seen:  # tied weights are one
                seen.add(value.data_ptr())
                weights[name] = value.detach().cpu().contiguous()
    if write:
        folder.mkdir(parents=True, exist_ok=True)
        data = save(weights)
        write_whole(folder / "model.safetensors", lambda file: file.write(data))


def checked(sampling: Sampling) -> None:
    """Raise ConfigError where a foreign engine's log-probabilities would not be the policy's."""
    if sampling.top_p < 1 or sampling.top_k:
        raise ConfigError(
            "an engine's log-probabilities are over the tokens that top_p and top_k leave; training with one needs "
            "rollout.top_p = 1 and top_k = 0"
        )
    if not sampling.temperature:
        raise ConfigError("an engine's log-probabilities at temperature 0 are of no distribution")


class HFEngine:
    """Decodes with a Hugging Face model, in place or on a copy of its weights.

    `sync` with the model itself copies nothing. `replica` is a model of the same shape that takes the weights at each
    sync, for a policy that is sharded over ranks (gathered there, one tensor after another) or trained in a higher
    precision than it is run in.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        stop_tokens: Sequence[int],
        decode: Callable[[list[int]], str] | None = None,
        replica: PreTrainedModel | None = None,
    ) -> None:
        """`decode` turns tokens into text; only stop strings need it."""
        self.stop_tokens: frozenset[int] = frozenset(stop_tokens)
        self._decode = decode
        self._replica = replica
        self._model = replica or model

    @property
    def exact(self) -> bool:
        """True for the model itself and for a copy in the same precision as float32 or better."""
        return next(causal(self._model).parameters()).dtype in (torch.float32, torch.float64)

    def sync(self, model: PreTrainedModel) -> None:
        """Take the weights of the model."""
        if self._replica is None:
            self._model = model
            return
        target = self._replica.state_dict()
        with torch.no_grad():
            for name, value in weights_of(model):
                target[name].copy_(value)

    def close(self) -> None:
        """Nothing to let go of."""

    def generate(
        self, prompts: Sequence[Tokens], n: int, sampling: Sampling, seeds: Sequence[int]
    ) -> list[list[Completion]]:
        """See Engine; raises ConfigError for a prompt that is empty or leaves no room in the model's context."""
        if sampling.stop and self._decode is None:
            raise ConfigError("stop strings need an engine that can decode; give HFEngine decode=")
        if not prompts:
            return []
        model = causal(self._model)
        longest = max(map(len, prompts))
        shortest, room = min(map(len, prompts)), context_of(model)
        if shortest < 1 or longest + sampling.max_tokens > room:
            raise ConfigError(
                f"prompts of {shortest} to {longest} tokens and max_tokens {sampling.max_tokens} do not fit the "
                f"model's context of {room}; shorten them, or lower max_tokens"
            )
        training = model.training
        model.eval()
        try:
            rows = self._decode_batch(model, prompts, n, sampling, seeds)
        finally:
            model.train(training)
        return [rows[start : start + n] for start in range(0, len(rows), n)]

    @torch.inference_mode()
    def _decode_batch(
        self, model: PreTrainedModel, prompts: Sequence[Tokens], n: int, sampling: Sampling, seeds: Sequence[int]
    ) -> list[Completion]:
        device = next(model.parameters()).device
        count, limit = len(prompts) * n, sampling.max_tokens
        uniform_RT = uniforms([seed_of(seed, sample) for seed in seeds for sample in range(n)], limit).to(device)
        state = _Prefilled(model, prompts, n, limit)
        tokens: list[list[int]] = [[] for _ in range(count)]
        logprobs: list[list[float]] = [[] for _ in range(count)]
        finish: list[Literal["stop", "length"]] = ["length"] * count
        alive = list(range(count))
        for step in range(limit):
            drawn: Drawn = draw(state.logits_RV, uniform_RT[alive, step], sampling)
            for row, token, logp in zip(alive, drawn.token_R.tolist(), drawn.logp_R.tolist(), strict=True):
                tokens[row].append(token)
                logprobs[row].append(logp)
            kept = [place for place, row in enumerate(alive) if not self._ended(tokens[row], sampling)]
            for row in set(alive) - {alive[place] for place in kept}:
                finish[row] = "stop"
            alive = [alive[place] for place in kept]
            if not alive or step + 1 == limit:
                break
            state.advance(drawn.token_R, kept)
        return [
            Completion(tokens=tuple(tokens[row]), logprobs=tuple(logprobs[row]), finish=finish[row])
            for row in range(count)
        ]

    def _ended(self, tokens: list[int], sampling: Sampling) -> bool:
        if tokens[-1] in self.stop_tokens:
            return True
        if not sampling.stop or self._decode is None:
            return False
        # A token is seldom less than a character, so the end of the text is in the last few tokens.
        tail = self._decode(tokens[-(max(map(len, sampling.stop)) + 8) :])
        return any(string in tail for string in sampling.stop)


class _Prefilled:
    """A batch in the midst of decoding: its cache, and the logits of each row's next token."""

    def __init__(self, model: PreTrainedModel, prompts: Sequence[Tokens], n: int, limit: int) -> None:
        self._body: Any = getattr(model, model.base_model_prefix)  # any: Hugging Face's bodies share no class
        self._head = output_head(model)
        self._device = next(model.parameters()).device
        length_P = torch.tensor([len(prompt) for prompt in prompts], device=self._device)
        longest = int(length_P.max())
        prefix = common_prefix(prompts)
        hidden_PLD, cache = prefill(self._body, padded(prompts, self._device), prefix)
        last_PD = hidden_PLD[torch.arange(len(prompts), device=self._device), length_P - 1 - prefix]
        self.logits_RV = self._logits(last_PD).repeat_interleave(n, 0)
        self._cache = _PlacedCache(cache, n, limit)
        self._length_R = length_P.repeat_interleave(n)
        self._padded = bool((length_P < longest).any())
        self._hidden_RS = torch.arange(longest, device=self._device) >= self._length_R[:, None]

    def advance(self, token_R: Tensor, kept: list[int]) -> None:
        """Go on with the rows kept, after the tokens drawn."""
        if len(kept) < len(self._length_R):
            index = torch.tensor(kept, device=self._device)
            token_R = token_R[index]
            self._length_R, self._hidden_RS = self._length_R[index], self._hidden_RS[index]
            self._cache.keep(index)
        mask = None
        if self._padded:
            seen = self._cache.get_seq_length() + 1
            mask_RS = torch.nn.functional.pad(~self._hidden_RS, (0, seen - self._hidden_RS.shape[1]), value=True)
            mask = mask_for(self._body, mask_RS[:, None, None, :])
        hidden_R1D = run_cached(
            self._body, self._cache,
            input_ids=token_R[:, None], attention_mask=mask, position_ids=self._length_R[:, None],
        )  # fmt: skip
        self._length_R = self._length_R + 1
        self.logits_RV = self._logits(hidden_R1D[:, -1])

    def _logits(self, hidden_RD: Tensor) -> Tensor:
        logits_RV: Tensor = self._head(hidden_RD)
        return logits_RV.to(torch.promote_types(logits_RV.dtype, torch.float32))


class _PlacedCache(Cache):
    """The cache of prompts, each repeated, with room for what is decoded.

    Hugging Face's DynamicCache makes every tensor anew for each token; here a token's keys are written into their place
    and what is handed out is a view. Room is added a block at a time, so that a long limit costs nothing until it is
    used.
    """

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
