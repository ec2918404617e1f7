"""How a reward model is trained: the paper's settings and smaller ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from ..verifiers.settings import Amount, Count, Rule, Share, Whole, check, check_option, from_table

Positive = Annotated[float, Rule("more than 0, and finite", lambda value: 0 < value < math.inf)]


def _up_to(most: float) -> Rule:
    return Rule(f"from 0 to {most:g}", lambda value: 0 <= value <= most)


_BOUND = Rule("at least 1", lambda value: value is None or value >= 1)
_HEAD = Rule("more than 0, and finite", lambda value: value is None or 0 < value < math.inf)
_LENGTH = Rule(
    "true, false or from 0 to 2",
    lambda value: 0 <= value <= 2,
    read=lambda value: float(value) if isinstance(value, bool) else value,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """The defaults are the paper's: batch 256, learning rate 6e-6, one epoch, 8,192 tokens in training and no bound
    when scoring. Optimizer, warm-up, schedule and clipping are not stated there; those here are our choice.

    >>> TrainOptions(kind="helpful").batch
    256
    """

    kind: Literal["helpful", "safety"]
    """Pairs of which the final answer alone is seen, or single responses with their reasoning."""
    batch: Count = 256
    """Pairs, or responses, per step."""
    lr: Positive = 6e-6
    """Learning rate of the backbone at its highest."""
    head_lr: Annotated[float | None, _HEAD] = None
    """Of the head; None: the same."""
    epochs: Count = 1
    """Times over the data."""
    max_length: Annotated[int | None, _BOUND] = 8192
    """Tokens of prompt and response in training; scoring has no such bound."""
    max_prompt: Annotated[int | None, _BOUND] = None
    """Tokens of the prompt that are read at once, in training and scoring; training keeps its end."""
    max_response: Annotated[int | None, _BOUND] = None
    """Tokens of the response that are read at once; training keeps its beginning, scoring reads on in windows."""
    overlong: Literal["cut", "drop"] = "cut"
    """What becomes of training rows above a limit; both are counted."""
    budget: Count = 16_384
    """Tokens, padding included, that go through the model at once; a step's batch is cut into pieces of it."""
    pool: Count = 16
    """Batches whose rows are sorted by length together, so that a batch has rows of like length; 1: none."""
    share: bool = True
    """Put chosen and rejected in one row with one copy of the prompt, where the model's code allows it."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """How the learning rate falls after the warm-up; cosine ends at a tenth, linear at 0."""
    warmup: Share = 0.03
    """Share of the steps in which it rises."""
    weight_decay: Amount = 0.0
    """AdamW's, on matrices."""
    beta2: Annotated[float, _up_to(0.9999)] = 0.95
    """How long AdamW remembers the size of gradients; of small batches it takes more of them to tell."""
    clip: Positive = 1.0
    """Largest norm of the gradient."""
    margin: bool = False
    """helpful: use the data's margins."""
    centering: Amount = 0.0
    """helpful: weight of the square of the sum of both scores."""
    smoothing: Annotated[float, _up_to(0.5)] = 0.0
    """helpful: share of pairs taken to be labelled the wrong way round."""
    length_control: Annotated[float, _LENGTH] = 0.0
    """helpful: while training, a pair's length difference has a weight of its own, fitted beforehand and not kept, so
    that the model need not learn what length alone explains; a number: that share of it."""
    pos_weight: Positive = 1.0
    """safety: weight of safe responses."""
    freeze: Whole = 0
    """Layers from the bottom that do not learn, the embeddings with them."""
    layers: Whole = 0
    """Layers of a backbone without a head that are kept, from the bottom; 0: all."""
    even: bool = False
    """Let the last layer of such a backbone begin by looking at all tokens alike."""
    zero_head: bool = False
    """Let the head of such a backbone begin at 0, not at random."""
    lora: Whole = 0
    """Rank of LoRA adapters; 0: train the weights themselves."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Of the multiplications; weights, optimizer and losses are float32."""
    dev_share: Annotated[float, _up_to(0.5)] = 0.05
    """Share of the prompts kept from training, for early stopping and for the scale of the scores."""
    eval_every: Whole = 0
    """Steps between looks at them; 0: after every epoch."""
    patience: Whole = 0
    """Looks without a better loss after which to stop, keeping the best weights; 0: train to the end, keep the last."""
    checkpoint_every: Count = 200
    """Steps between checkpoints; one is also written on the way out."""
    seed: int = 0
    """Of head, order and dropout."""

    def __post_init__(self) -> None:
        check(self)


# Found for a 22M encoder of six layers on human-labelled data: the last layer alone is poor, the first epoch learns
# mostly length. A few thousand pairs tell more to five layers, the last of which begins even; the many more rows of
# safety data tell more to all six as they are. Batches are random, and like lengths share only a piece of one: so few
# rows of like length are often of one source.
_SMALL = {
    "lr": 2e-4,
    "head_lr": 1e-3,
    "epochs": 2,
    "freeze": 3,
    "max_prompt": 32,
    "dev_share": 0.1,
    "budget": 1024,
    "pool": 1,
    "beta2": 0.999,
}
PRESETS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "paper": {"helpful": {}, "safety": {}},
    "small": {
        "helpful": {
            **_SMALL,
            "batch": 16,
            "max_response": 96,
            "layers": 5,
            "even": True,
            "zero_head": True,
            "length_control": 0.7,
        },
        "safety": {**_SMALL, "batch": 32, "max_response": 64},
    },
    "tiny": {
        kind: {"lr": 1e-3, "batch": 32, "epochs": 3, "max_prompt": 64, "max_response": 128, "dev_share": 0.1}
        for kind in ("helpful", "safety")
    },
}
"""Settings by name: the paper's; for a small encoder such as MiniLM; for a model from scratch."""


def options_of(kind: str, preset: str = "paper", /, **changes: Any) -> TrainOptions:  # any: fields of TrainOptions
    """A preset with changes.

    Args:
        kind: `helpful` or `safety`.
        preset: `paper` or `small`.
        **changes: Fields of TrainOptions.

    Returns:
        The options of a training.

    Raises:
        ConfigError: A name is unknown, or a value is not possible.

    >>> options_of("safety", "small", epochs=3).batch
    32
    """
    check_option("kind", kind, ("helpful", "safety"))
    check_option("preset", preset, tuple(PRESETS))
    check_option("kind", changes.get("kind", kind), (kind,))
    return from_table(TrainOptions, {"kind": kind, **PRESETS[preset][kind], **changes})
