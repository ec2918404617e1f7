"""Log-probabilities of completions, with gradients, at the price of what is new in them.

Four savings over the plain forward of `prompt + completion` rows, none of which changes a value or a gradient beyond
rounding: the prompt of a group runs once, its keys and values are shared by the completions; a long prefix that all
prompts have, such as worked examples, runs once for all of them; only completion tokens reach the head; and the head
works in chunks, so that logits of rows times vocabulary never exist.

What it asks of a model: a Hugging Face causal language model whose cache is a DynamicCache without sliding windows and
whose logits are the head's product and nothing else (no bias, no soft cap, no scale); anything else is refused.
Nor has it dropout. Under gradient checkpointing prompts are not shared, since Hugging Face drops the cache there.

Shapes: P prompts of L tokens less one, R rows of T tokens, N packed tokens, D width, V vocabulary.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import Cache, DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from ..verifiers.errors import ConfigError

SHARED_PREFIX = 64
"""Fewest tokens that all prompts of a batch must begin with for those to run once: as worked examples do."""
LossDerivative = Callable[[Tensor, int, int], Tensor]
"""The loss's derivative by each of some tokens' log-probabilities: (logp of tokens start to stop, start, stop)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Completions with their prompts, padded on the right. A prompt's last token begins its completions' rows."""

    prompt_PL: Tensor
    """The prompts without their last tokens."""
    prompt_length_P: Tensor
    """How many of those each has."""
    input_RT: Tensor
    """A prompt's last token, then the completion without its last one."""
    target_RT: Tensor
    """The completion: what each input is followed by."""
    mask_RT: Tensor
    """Where there is a completion token."""
    prompt_of_R: Tensor
    """Which prompt a row belongs to."""
    prefix: int = 0
    """How many tokens all prompts begin with, where they are run once."""

    @property
    def row_N(self) -> Tensor:
        """The row of each packed token."""
        return self.mask_RT.nonzero()[:, 0]


class LogProbs(NamedTuple):
    """What the policy thinks of packed tokens."""

    logp_N: Tensor
    """Log-probability at the temperature given; carries the gradient."""
    entropy_N: Tensor
    """Entropy of the distribution that the token came from, in nats; carries the gradient too."""


def make_batch(
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Sequence[int]],
    prompt_of: Sequence[int],
    device: torch.device | str = "cpu",
    fewest: int = SHARED_PREFIX,
) -> Batch:
    """Lay completions out for a forward; `prompt_of` names each one's prompt by its place in `prompts`.

    A prefix of at least `fewest` tokens is run once for all prompts.

    >>> make_batch([[5, 6]], [[7, 8], [9]], [0, 0]).input_RT.tolist()
    [[6, 7], [6, 0]]
    """
    rows = [[prompts[prompt][-1], *tokens[:-1]] for prompt, tokens in zip(prompt_of, completions, strict=True)]
    length_R = torch.tensor([len(tokens) for tokens in completions], device=device)
    target_RT = padded(completions, device)
    return Batch(
        prompt_PL=padded([prompt[:-1] for prompt in prompts], device),
        prompt_length_P=torch.tensor([len(prompt) - 1 for prompt in prompts], device=device),
        input_RT=padded([row[: len(tokens)] for row, tokens in zip(rows, completions, strict=True)], device),
        target_RT=target_RT,
        mask_RT=torch.arange(target_RT.shape[1], device=device) < length_R[:, None],
        prompt_of_R=torch.tensor(list(prompt_of), dtype=torch.long, device=device),
        prefix=common_prefix([prompt[:-1] for prompt in prompts], fewest),
    )


def common_prefix(prompts: Sequence[Sequence[int]], fewest: int = SHARED_PREFIX) -> int:
    """How many tokens all prompts begin with, less than the shortest has; 0 for fewer than `fewest`, or one prompt.

    >>> common_prefix([[1, 2, 3, 4], [1, 2, 5]], 2), common_prefix([[1, 2, 3, 4], [1, 2, 5]], 3)
    (2, 0)
    """
    if len(prompts) < 2:
        return 0
    first, *_, last = sorted(map(list, prompts))
    equal = next((place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    shared = min(equal, min(map(len, prompts)) - 1)
    return shared if shared >= fewest else 0


class Policy(nn.Module):
    """A model seen as what it says of completions. Its forward is the only place where training touches the model, so
    that sharding wraps this module and nothing goes past it."""

    def __init__(self, model: PreTrainedModel, *, share_prompts: bool = True, chunk: int = 256) -> None:
        """`chunk` is how many rows of the vocabulary's width exist at once: half of them logits, half chances."""
        super().__init__()
        self.model = model
        self.share_prompts = share_prompts
        self.chunk = chunk
        _check(causal(model))

    def forward(self, batch: Batch, temperature: float = 1.0, dloss_dlogp: LossDerivative | None = None) -> LogProbs:
        """Log-probabilities of the batch's packed tokens; see `head_logprobs` for `dloss_dlogp`."""
        model = causal(self.model)
        body = getattr(model, model.base_model_prefix)
        recomputes = model.training and any(getattr(part, "gradient_checkpointing", False) for part in model.modules())
        shared = self.share_prompts and not recomputes
        hidden_RTD = _shared(body, batch) if shared else _unshared(body, batch)
        weight_VD = output_head(model).weight
        assert isinstance(weight_VD, Tensor)
        return head_logprobs(
            hidden_RTD[batch.mask_RT], weight_VD, batch.target_RT[batch.mask_RT], temperature, self.chunk, dloss_dlogp
        )


def causal(model: Any) -> PreTrainedModel:  # any: peft's wrapper has no common class with what it wraps
    """The causal language model itself, out of peft's wrapper if it is in one."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model  # type: ignore[no-any-return]


def output_head(model: PreTrainedModel) -> nn.Module:
    """What makes logits of hidden states. Raises ConfigError where the model has none."""
    head: nn.Module | None = model.get_output_embeddings()
    if head is None:
        raise ConfigError(f"{type(model).__name__} has no head for the next token")
    return head


def context_of(model: PreTrainedModel) -> int:
    """Tokens that the model has places for."""
    return getattr(model.config, "max_position_embeddings", None) or 2**31


def enable_checkpointing(model: PreTrainedModel) -> None:
    """Compute activations again in the backward pass rather than keep them; prompts are then not shared."""
    # transformers 5 renames this on the way to 6.
    enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    enable({"use_reentrant": False})


def plain_logprobs(model: PreTrainedModel, batch: Batch, temperature: float = 1.0) -> LogProbs:
    """The same by the book: whole rows, all logits, log_softmax. For tests, and for reading beside the fast path."""
    logits_RTV = _unshared(model, batch, "logits") / temperature
    logp_NV = logits_RTV[batch.mask_RT].log_softmax(-1)
    logp_N = logp_NV.gather(1, batch.target_RT[batch.mask_RT][:, None])[:, 0]
    return LogProbs(logp_N, -(logp_NV.exp() * logp_NV).sum(1))


def head_logprobs(
    hidden_ND: Tensor,
    weight_VD: Tensor,
    target_N: Tensor,
    temperature: float,
    chunk: int,
    dloss_dlogp: LossDerivative | None = None,
) -> LogProbs:
    """Log-probability of each target under softmax(hidden @ weight.T / temperature), half of `chunk` tokens at
    a time.

    The gradient of `weight` needs the loss's derivative by each token's log-probability while its logits are at hand.
    Without `dloss_dlogp`, which gives it, the logits are computed again in the backward pass. With it, gradients are
    made in the forward pass, and the backward pass uses them if the derivatives were the true ones, else computes
    them again: a wrong `dloss_dlogp` costs time and nothing else. So does a loss with the entropy in it.
    """
    gradient = dloss_dlogp if torch.is_grad_enabled() else None
    return LogProbs(*_Head.apply(hidden_ND, weight_VD, target_N, temperature, chunk, gradient))  # type: ignore[no-untyped-call]


class _Head(torch.autograd.Function):
    """See `head_logprobs`. Gives log-probabilities and entropies."""

    @staticmethod
    def forward(
        ctx: Any,  # any: autograd's context takes whatever is set on it
        hidden_ND: Tensor,
        weight_VD: Tensor,
        target_N: Tensor,
        temperature: float,
        chunk: int,
        dloss_dlogp: LossDerivative | None,
    ) -> tuple[Tensor, Tensor]:
        if torch.is_autocast_enabled(hidden_ND.device.type):
            hidden_ND = hidden_ND.to(torch.get_autocast_dtype(hidden_ND.device.type))
        head = _Chunks(hidden_ND, weight_VD, target_N, temperature, chunk)
        logp_N, entropy_N, dloss_dlogp_N = (hidden_ND.new_zeros(len(hidden_ND), dtype=head.exact) for _ in range(3))
        gradients = head.no_gradients() if dloss_dlogp else None
        for part, logits_CV, chance_CV in head:
            # The likeliest token's chance is at least 1 / V, so that its logarithm is exact to rounding.
            whole_C = logits_CV.amax(1) - chance_CV.amax(1).log()
            logp_N[part] = logits_CV.gather(1, target_N[part, None])[:, 0] - whole_C
            entropy_N[part] = whole_C - logits_CV.mul_(chance_CV).sum(1)
            if dloss_dlogp and gradients:
                dloss_dlogp_N[part] = dloss_dlogp(logp_N[part], part.start, part.stop)
                head.add(gradients, part, chance_CV, dloss_dlogp_N[part])
        ctx.save_for_backward(hidden_ND, weight_VD, target_N, dloss_dlogp_N, *(gradients or ()))
        ctx.temperature, ctx.chunk = temperature, chunk
        ctx.set_materialize_grads(False)  # entropies seldom have a gradient
        return logp_N, entropy_N

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:  # any: as above
        hidden_ND, weight_VD, target_N, frozen_N, *made = ctx.saved_tensors
        dloss_dlogp_N = torch.zeros_like(frozen_N) if grads[0] is None else grads[0].contiguous()
        dloss_dentropy_N = grads[1]
        if not made or dloss_dentropy_N is not None or not torch.allclose(dloss_dlogp_N, frozen_N, rtol=1e-5, atol=0.0):
            head = _Chunks(hidden_ND, weight_VD, target_N, ctx.temperature, ctx.chunk)
            made = head.no_gradients()
            for part, logits_CV, chance_CV in head:
                if dloss_dentropy_N is not None:
                    head.add_entropy(made, part, logits_CV, chance_CV, dloss_dentropy_N[part])
                head.add(made, part, chance_CV, dloss_dlogp_N[part])
        return made[0], made[1].to(weight_VD.dtype), None, None, None, None


class _Chunks:
    """What the head makes of hidden states, a chunk of tokens at a time, and the gradients of both."""

    def __init__(self, hidden_ND: Tensor, weight_VD: Tensor, target_N: Tensor, temperature: float, chunk: int) -> None:
        self._hidden_ND, self._weight_VD, self._target_N = hidden_ND, weight_VD.to(hidden_ND.dtype), target_N
        self._temperature, self._size = temperature, min(max(1, chunk // 2), len(hidden_ND))
        self._trained_VD = weight_VD
        self.exact = torch.promote_types(hidden_ND.dtype, torch.float32)

    def __iter__(self) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """Each chunk's place, logits and chances, in room that is used again and again: fresh memory costs more than
        what is put there."""
        shape = (self._size, len(self._weight_VD))
        room = [self._hidden_ND.new_empty(shape, dtype=self.exact) for _ in range(2)]
        for start in range(0, len(self._hidden_ND), self._size or 1):
            hidden_CD = self._hidden_ND[start : start + self._size]
            logits_CV, chance_CV = (each[: len(hidden_CD)] for each in room)
            if logits_CV.dtype == hidden_CD.dtype:
                torch.mm(hidden_CD, self._weight_VD.T, out=logits_CV)
            else:
                logits_CV.copy_(hidden_CD @ self._weight_VD.T)
            if self._temperature != 1.0:
                logits_CV.div_(self._temperature)
            yield slice(start, start + len(hidden_CD)), logits_CV, torch.softmax(logits_CV, 1, out=chance_CV)

    def no_gradients(self) -> list[Tensor]:
        """Of the hidden states and of the weight; the latter is a sum over all chunks, and so in full precision."""
        exact = torch.promote_types(self._trained_VD.dtype, torch.float32)
        return [torch.zeros_like(self._hidden_ND), torch.zeros_like(self._trained_VD, dtype=exact)]

    def add(self, gradients: list[Tensor], part: slice, chance_CV: Tensor, dloss_C: Tensor) -> None:
        """d logp / d logits = onehot(target) - chance; `chance_CV` is used up."""
        dloss_C1 = (dloss_C / self._temperature)[:, None].to(chance_CV.dtype)
        chance_CV.mul_(-dloss_C1).scatter_add_(1, self._target_N[part, None], dloss_C1)
        self._add(gradients, part, chance_CV)

    def add_entropy(
        self, gradients: list[Tensor], part: slice, logits_CV: Tensor, chance_CV: Tensor, dloss_C: Tensor
    ) -> None:
        """d entropy / d logits = -chance * (log chance + entropy); `logits_CV` is used up."""
        logp_CV = logits_CV.sub_(logits_CV.logsumexp(1, keepdim=True))
        entropy_C1 = -(chance_CV * logp_CV).sum(1, keepdim=True)
        dloss_C1 = (dloss_C / self._temperature)[:, None].to(chance_CV.dtype)
        self._add(gradients, part, logp_CV.add_(entropy_C1).mul_(chance_CV).mul_(-dloss_C1))

    def _add(self, gradients: list[Tensor], part: slice, dlogits_CV: Tensor) -> None:
        change_CV, hidden_CD = dlogits_CV.to(self._hidden_ND.dtype), self._hidden_ND[part]
        gradients[0][part] += change_CV @ self._weight_VD
        if gradients[1].dtype == hidden_CD.dtype:
            gradients[1].addmm_(change_CV.T, hidden_CD)
        else:
            gradients[1].add_(change_CV.T @ hidden_CD)


def _shared(body: nn.Module, batch: Batch) -> Tensor:
    """Hidden states of completion rows, each prompt having run once."""
    cache, device = DynamicCache(), batch.input_RT.device
    longest = batch.prompt_PL.shape[1]
    if longest:
        _, cache = prefill(body, batch.prompt_PL, batch.prefix)
        for layer in cache.layers:
            layer.keys = layer.keys.index_select(0, batch.prompt_of_R)
            layer.values = layer.values.index_select(0, batch.prompt_of_R)
    tokens = batch.input_RT.shape[1]
    length_R1 = batch.prompt_length_P[batch.prompt_of_R, None]
    position_RT = length_R1 + torch.arange(tokens, device=device)
    causal_TT = torch.ones(tokens, tokens, dtype=torch.bool, device=device).tril()
    seen_RL = torch.arange(longest, device=device) < length_R1
    # One mask for all rows where no prompt is padded: it is smaller, and faster to read.
    seen_RL = seen_RL[:1] if bool((batch.prompt_length_P == longest).all()) else seen_RL
    rows = len(seen_RL)
    mask = torch.cat([seen_RL[:, None].expand(rows, tokens, longest), causal_TT.expand(rows, -1, -1)], 2)[:, None]
    return run_cached(
        body, cache, input_ids=batch.input_RT, attention_mask=mask_for(body, mask), position_ids=position_RT
    )


def prefill(
    body: nn.Module, prompt_PL: Tensor, prefix: int = 0
) -> tuple[Tensor, Any]:  # any: layers of other caches have no keys
    """The hidden states of prompts, and their cache; the first `prefix` tokens, the same in all, run once, and have no
    states in the result.

    Padding is on the right, where a causal model does not see it; what comes after needs a mask that hides it.
    """
    cache, mask = DynamicCache(), None
    length = prompt_PL.shape[1]
    position_PL = torch.arange(length, device=prompt_PL.device).expand(len(prompt_PL), -1)
    if prefix:
        run_cached(body, cache, input_ids=prompt_PL[:1, :prefix], position_ids=position_PL[:1, :prefix])
        for layer in cache.layers:
            assert isinstance(layer, DynamicLayer)
            assert layer.keys is not None
            assert layer.values is not None
            layer.keys = layer.keys.expand(len(prompt_PL), -1, -1, -1)
            layer.values = layer.values.expand(len(prompt_PL), -1, -1, -1)
        seen_LL = torch.ones(length, length, dtype=torch.bool, device=prompt_PL.device).tril()
        mask = mask_for(body, seen_LL[None, None, prefix:])
        prompt_PL, position_PL = prompt_PL[:, prefix:], position_PL[:, prefix:]
    return run_cached(body, cache, input_ids=prompt_PL, attention_mask=mask, position_ids=position_PL), cache


def run_cached(body: nn.Module, cache: Cache, **inputs: Tensor | None) -> Tensor:
    """The last hidden states of a model's body that reads `cache` and adds to it, in place."""
    out = body(**inputs, **{_cache_argument(type(body).forward): cache}, use_cache=True)
    return out.last_hidden_state  # type: ignore[no-any-return]  # a Hugging Face output has no types


@functools.cache
def _cache_argument(forward: Callable[..., object]) -> str:
    """What a body's forward calls its cache: `past_key_values` in transformers 5.0, `cache` from 5.24 on."""
    return "cache" if "cache" in inspect.signature(forward).parameters else "past_key_values"


def mask_for(body: Any, mask: Tensor) -> Tensor:  # any: Hugging Face's models share no typed config
    """A mask of what may be seen, in the form that the model's attention takes: yes or no, or 0 and minus infinity."""
    if body.config._attn_implementation != "eager":
        return mask
    dtype = next(body.parameters()).dtype
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, torch.finfo(dtype).min)


def _unshared(model: nn.Module, batch: Batch, what: str = "last_hidden_state") -> Tensor:
    """The same states (or logits) from whole rows, prompt and completion, one after another."""
    length_R = batch.prompt_length_P[batch.prompt_of_R]
    tokens = batch.input_RT.shape[1]
    place_RT = length_R[:, None] + torch.arange(tokens, device=length_R.device)
    row_RS = torch.nn.functional.pad(batch.prompt_PL[batch.prompt_of_R], (0, tokens))
    row_RS = row_RS.scatter(1, place_RT, batch.input_RT)
    state_RSX = getattr(model(input_ids=row_RS, use_cache=False), what)
    return state_RSX.gather(1, place_RT[:, :, None].expand(-1, -1, state_RSX.shape[2]))  # type: ignore[no-any-return]


def padded(rows: Sequence[Sequence[int]], device: torch.device | str) -> Tensor:
    """Rows of tokens with zeros on the right."""
    longest = max(map(len, rows), default=0)
    return torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows], dtype=torch.long, device=device)


def _check(model: PreTrainedModel) -> None:
    """Refuse a model whose logits are more than its head's product, or whose attention is not full."""
    head, config = output_head(model), model.config
    window = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
    if window or set(getattr(config, "layer_types", None) or ["full_attention"]) != {"full_attention"}:
        raise ConfigError(f"{type(model).__name__} has layers of other than full attention, whose cache is not shared")
    extra = {"final_logit_softcapping": None, "logit_scale": None, "logits_scaling": 1.0}
    odd = [name for name, default in extra.items() if getattr(config, name, default) not in (None, default)]
    if getattr(head, "bias", None) is not None:
        odd.append("lm_head.bias")
    if not isinstance(getattr(head, "weight", None), Tensor) or odd:
        raise ConfigError(f"{type(model).__name__} has a head that is not one matrix: {', '.join(odd) or type(head)}")
    if dropped := dropouts(model):
        raise ConfigError(
            f"{type(model).__name__} has dropout ({', '.join(dropped)}), so that the policy that is trained is not "
            "the one that was sampled; set its dropout to 0 in the model's config.json"
        )


def dropouts(model: nn.Module) -> list[str]:
    """Where a model drops something while it is trained, by the name that each kind of place has in it.

    A rate is a dropout layer's own, or a number that a layer keeps to hand to a function, as attention does.
    """
    active: dict[str, float] = {}
    for place, part in model.named_modules():
        kind = re.sub(r"\.\d+\.", ".*.", f"{place}.")
        rates = {kind[:-1]: part.p} if isinstance(part, nn.modules.dropout._DropoutNd) else {
            kind + name: value for name, value in vars(part).items() if "drop" in name and isinstance(value, float)
        }  # fmt: skip
        active |= {name: rate for name, rate in rates.items() if rate > 0}
    return [f"{name} {rate:g}" for name, rate in sorted(active.items())]
