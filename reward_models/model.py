"""A backbone with one scalar on top, read at one stated token.

Any folder or name that `AutoModelForSequenceClassification(num_labels=1)` takes will do. Where the score is read:

- causal backbones: at the last position of the attention mask, which is where the text ends, whatever token stands
  there. transformers looks for the last token that is not the padding token; where padding and end of text are one
  token it reads before the end. `pad` says what to do about such a tokenizer.
- encoders: where their own head reads, at the first token.

Rows are moved to the left edge before the backbone sees them, so scores do not depend on how they were padded.

The head of a backbone that has none yet is drawn from N(0, 1 / (hidden size + 1)), its bias is 0. BERT's head reads the
first token through a layer of its own (the pooler), which sentence encoders ship as it was drawn, since they do not use
it; where its bias is still 0 throughout it never learned, and is set to pass the token on as it is.

Not covered: encoder-decoders, and models whose forward needs more than tokens.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from .errors import ModelError
from .tokenizer import check_tokenizer

# B rows, T tokens, D hidden size

Pad = Literal["repair", "refuse"]
HEADS = ("score", "classifier", "classification_head")
"""What transformers calls the head, most often first."""
PAD_TOKEN = "<|pad|>"  # noqa: S105 - a token of a tokenizer, not of an account

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readout:
    """How one score is made of what a head gives.

    >>> logits = torch.tensor([[1.0, 3.0]])
    >>> [float(read(logits)) for read in (Readout(index=1), Readout(weights=(0.5, 0.5)), Readout(contrast=True))]
    [3.0, 2.0, -2.0]
    """

    index: int = 0
    """Which output counts."""
    weights: tuple[float, ...] = ()
    """Of all outputs, whose sum counts."""
    contrast: bool = False
    """The output's log odds against all others: of a class, as `softmax` has its probability."""

    def __call__(self, logits_NK: Tensor) -> Tensor:
        """The scores, [N] in float32."""
        logits_NK = logits_NK.float()
        if self.weights:
            return logits_NK @ torch.tensor(self.weights, device=logits_NK.device)
        chosen_N = logits_NK[:, self.index]
        if not self.contrast:
            return chosen_N
        others = [at for at in range(logits_NK.shape[1]) if at != self.index]
        return chosen_N - logits_NK[:, others].logsumexp(1)


@dataclass(slots=True)
class Scorer:
    """A model and its tokenizer. `read` is the one way from tokens to scores.

    >>> from r1_reward.reward_models.tiny import tiny_model
    >>> scorer = tiny_model(["a small text", "to learn words from"])
    >>> ids = torch.tensor([[5, 6, 7]])
    >>> scorer.read(ids, torch.ones_like(ids)).shape
    torch.Size([1])
    """

    model: Any  # any: transformers' classes share no useful type
    """An `AutoModelForSequenceClassification`, perhaps with LoRA adapters."""
    tokenizer: Any  # any: as above
    """Its tokenizer, whose padding token is none of the text's."""
    causal: bool
    """Whether each token sees only those before it."""
    new_head: bool = False
    """Whether the head is as it was drawn."""
    readout: Readout = field(default_factory=Readout)
    """How a score is made of the head's outputs."""
    foreign: bool = False
    """Whether somebody else trained it, and text is laid out as they do."""
    types: bool | None = None
    """Whether an encoder gets which text a token is of; None: where its configuration knows several."""
    alone: bool = False
    """Whether its own forward reads each row by itself, since its code keeps to no other way."""

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        device: torch.device = next(self.model.parameters()).device
        return device

    @property
    def positions(self) -> int | None:
        """The longest row that it has positions for; None where nothing bounds it."""
        config = self.plain.config
        if not hasattr(config, "max_position_embeddings"):
            return getattr(config, "n_positions", None)
        # Rotary positions are computed, so their number in the configuration is what training used, not a bound.
        rotary = getattr(config, "rope_parameters", None) or getattr(config, "rope_theta", None)
        if rotary:
            return None
        offset = 2 if getattr(config, "model_type", "") in ("roberta", "xlm-roberta", "camembert") else 0
        most = int(config.max_position_embeddings) - offset
        return most if most > 0 else None  # XLNet's is -1

    @property
    def plain(self) -> Any:  # any: as `model`
        """The model without the wrapper that holds its adapters."""
        return self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model

    @property
    def head(self) -> nn.Module:
        """What makes the score of a hidden state."""
        return head_of(self.plain)[1]

    def learn(self) -> None:
        """Put the model in training mode, all but what is frozen: there is nothing there for dropout to protect."""
        self.model.train()
        for part in self.model.modules():
            weights = list(part.parameters())
            if weights and not any(weight.requires_grad for weight in weights):
                part.eval()

    def read(
        self,
        ids_BT: Tensor,
        mask_BT: Tensor,
        types_BT: Tensor | None = None,
    ) -> Tensor:
        """The score of each row.

        Args:
            ids_BT: Tokens, int64.
            mask_BT: 1 where there is text, on either side of the padding.
            types_BT: Token types, for an encoder that has them.

        Returns:
            Scores of shape [B] in float32.

        Raises:
            ModelError: A row has no token.
        """
        if not bool((mask_BT.sum(1) > 0).all()):
            raise ModelError("a row without a token has no score")
        if self.alone:
            return self._each(ids_BT, mask_BT.bool(), types_BT)
        ids_BT, mask_BT, types_BT = _to_the_left(ids_BT, mask_BT, types_BT, self.tokenizer.pad_token_id)
        if not self.causal:
            more = {} if types_BT is None else {"token_type_ids": types_BT}
            with _exact(self.head):
                scores_BK: Tensor = self.plain(input_ids=ids_BT, attention_mask=mask_BT, **more).logits
            return self.readout(scores_BK)
        last_B = mask_BT.sum(1) - 1
        hidden_BTD = self._hidden(ids_BT, mask_BT, None)
        return self._score(hidden_BTD[torch.arange(len(ids_BT), device=ids_BT.device), last_B])

    def read_at(self, ids_BT: Tensor, sees_BTT: Tensor, place_BT: Tensor, at: tuple[Tensor, Tensor]) -> Tensor:
        """Scores at given places of rows that several responses share.

        Args:
            ids_BT: Tokens, int64.
            sees_BTT: Whether a token sees another.
            place_BT: Each token's position.
            at: Row and column of each place.

        Returns:
            Scores of shape [N] in float32, one for each place.
        """
        sees_B1TT = sees_BTT[:, None]
        dtype = next(self.plain.parameters()).dtype
        if self.plain.config._attn_implementation == "eager":
            sees_B1TT = torch.zeros(sees_B1TT.shape, dtype=dtype, device=ids_BT.device).masked_fill(
                ~sees_B1TT, torch.finfo(dtype).min
            )
        hidden_BTD = self._hidden(ids_BT, sees_B1TT, place_BT)
        return self._score(hidden_BTD[at])

    def _hidden(self, ids_BT: Tensor, mask: Tensor, place_BT: Tensor | None) -> Tensor:
        hidden: Tensor = self.plain.base_model(
            input_ids=ids_BT, attention_mask=mask, position_ids=place_BT, use_cache=False
        ).last_hidden_state
        return hidden

    def _score(self, hidden_ND: Tensor) -> Tensor:
        with _exact(self.head):
            score_NK: Tensor = self.head(hidden_ND)
        return self.readout(score_NK)

    def _each(self, ids_BT: Tensor, held_BT: Tensor, types_BT: Tensor | None) -> Tensor:
        """Scores by the model's own forward, a row at a time and without padding."""
        scores = []
        for row, held_T in enumerate(held_BT):
            more = {} if types_BT is None else {"token_type_ids": types_BT[row, held_T][None]}
            ids_1T = ids_BT[row, held_T][None]
            logits_1K: Tensor = self.plain(input_ids=ids_1T, attention_mask=torch.ones_like(ids_1T), **more).logits
            scores.append(self.readout(logits_1K))
        return torch.cat(scores)


def prepare(model: Any, tokenizer: Any, *, pad: Pad = "repair", seed: int = 0, new_head: bool = True) -> Scorer:
    """Make a Scorer of a model with `num_labels=1`: check how it is read, see to its padding token, draw its head.

    Args:
        model: A sequence classifier of transformers with one label.
        tokenizer: Its tokenizer.
        pad: `repair` adds a padding token where there is none of its own, `refuse` does not.
        seed: Of a new head.
        new_head: Whether the head is drawn anew.

    Returns:
        The model with its tokenizer.

    Raises:
        ModelError: It is an encoder-decoder or has several labels, or `refuse` and no padding token of its own.
    """
    config = model.config
    if getattr(config, "is_encoder_decoder", False):
        raise ModelError(f"{config.model_type} is an encoder-decoder; take a causal model or an encoder")
    if config.num_labels != 1:
        raise ModelError(f"the head has {config.num_labels} outputs; a reward model has one")
    name, head = head_of(model)
    causal = name == "score" and isinstance(head, nn.Linear)
    check_tokenizer(tokenizer)
    _see_to_padding(model, tokenizer, pad)
    if new_head:
        generator = torch.Generator().manual_seed(seed)
        for part in head.modules():
            if isinstance(part, nn.Linear) and part.out_features == 1:
                drawn = torch.randn(part.weight.shape, generator=generator) / (part.in_features + 1) ** 0.5
                part.weight.data.copy_(drawn)
                if part.bias is not None:
                    part.bias.data.zero_()
        _see_to_pooler(model)
    model.eval()
    return Scorer(model=model, tokenizer=tokenizer, causal=causal, new_head=new_head)


def freeze(scorer: Scorer, layers: int) -> int:
    """Keep the embeddings and the first `layers` layers as they are; the number of weights that still learn.

    Raises ModelError where the model has fewer layers or none that can be told apart.
    """
    base, stack = scorer.plain.base_model, layers_of(scorer)
    if stack is None or layers > len(stack):
        depth = getattr(base.config, "num_hidden_layers", None)
        raise ModelError(f"cannot freeze {layers} layers of {depth} in a {base.config.model_type}")
    for part in [module for module in base.modules() if isinstance(module, nn.Embedding)]:
        part.requires_grad_(False)
    embeddings = getattr(base, "embeddings", None)
    if isinstance(embeddings, nn.Module):
        embeddings.requires_grad_(False)
    for layer in stack[:layers]:
        layer.requires_grad_(False)
    return sum(weight.numel() for weight in base.parameters() if weight.requires_grad)


def layers_of(scorer: Scorer) -> list[nn.Module] | None:
    """The backbone's layers, from the bottom; None where they cannot be told apart."""
    base = scorer.plain.base_model
    stacks = [module for module in base.modules() if isinstance(module, nn.ModuleList)]
    depth = getattr(base.config, "num_hidden_layers", None)
    return next((list(stack) for stack in stacks if len(stack) == depth), None)


def head_of(model: Any) -> tuple[str, nn.Module]:  # any: as Scorer.model
    """What makes a model's score, and the name it has there. Raises ModelError where there is none."""
    for name in HEADS:
        head = getattr(model, name, None)
        if isinstance(head, nn.Module):
            inner = getattr(head, "modules_to_save", None)  # PEFT's wrapper of a module that is trained whole
            if inner is not None and len(inner):
                return name, next(iter(inner.values()))
            return name, head
    raise ModelError(f"{type(model).__name__} has no head called {', '.join(HEADS)}")


def _see_to_pooler(model: Any) -> None:
    """A layer before the head that has never learned passes on what it gets, instead of a small random mixture."""
    dense = getattr(getattr(model.base_model, "pooler", None), "dense", None)
    if isinstance(dense, nn.Linear) and dense.in_features == dense.out_features and not bool(dense.bias.any()):
        nn.init.eye_(dense.weight)


def _see_to_padding(model: Any, tokenizer: Any, pad: Pad) -> None:
    """A padding token that no text holds, known to tokenizer and model."""
    padding, end = tokenizer.pad_token_id, tokenizer.eos_token_id
    if padding is None or padding == end:
        what = "no padding token" if padding is None else f"the end of text {tokenizer.eos_token!r} as padding token"
        if pad == "refuse":
            raise ModelError(
                f"the tokenizer has {what}, so others would read the score before the end of text; "
                "give it a padding token of its own, or load with pad='repair'"
            )
        tokenizer.add_special_tokens({"pad_token": PAD_TOKEN})
        _log.info("the tokenizer had %s; it was given %s", what, PAD_TOKEN)
    rows = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > rows:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    model.config.pad_token_id = tokenizer.pad_token_id


def _to_the_left(
    ids_BT: Tensor, mask_BT: Tensor, types_BT: Tensor | None, padding: int
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Rows moved to the left edge, padded at the right."""
    held_BT = mask_BT.bool()
    longest = int(held_BT.sum(1).max())
    # A stable sort by "is padding" keeps the order of the text.
    order_BT = torch.argsort((~held_BT).to(torch.uint8), dim=1, stable=True)[:, :longest]
    held_BT = held_BT.gather(1, order_BT)
    ids_BT = ids_BT.gather(1, order_BT).masked_fill(~held_BT, padding)
    if types_BT is not None:
        types_BT = types_BT.gather(1, order_BT).masked_fill(~held_BT, 0)
    return ids_BT, held_BT.long(), types_BT


@contextmanager
def _exact(head: nn.Module) -> Iterator[None]:
    """Keep a head out of autocast: in bf16 scores would have three digits, and near pairs would tie."""
    weight = next(head.parameters())
    entered: list[torch.autocast] = []

    def before(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        entered.append(torch.autocast(inputs[0].device.type, enabled=False))
        entered[-1].__enter__()
        return (inputs[0].to(weight.dtype), *inputs[1:])

    def after(*_: object) -> None:
        entered.pop().__exit__(None, None, None)

    hooks = head.register_forward_pre_hook(before), head.register_forward_hook(after, always_call=True)
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
