"""The shape a backbone is given before it learns to score: how many of its layers are kept, and how the last one reads.

The upper layers of an encoder that was trained for something else have lost part of what preferences depend on, and
its first token, where scores are read, has gathered little if nothing was ever read there. Fewer layers, the last of
which starts by taking all tokens alike into the first, give more from a few thousand pairs, and cost less.
"""

from __future__ import annotations

from torch import nn

from .errors import ModelError
from .model import Scorer, layers_of

QUERIES = ("query", "q_proj", "q_lin")
"""What transformers calls the projection that decides where a token looks."""


def keep_layers(scorer: Scorer, layers: int) -> None:
    """Keep the first `layers` layers alone; a backbone that has no more stays whole. Raises ModelError.

    >>> from r1_reward.reward_models.tiny import tiny_model
    >>> scorer = tiny_model(["some words"], family="bert", layers=3)
    >>> keep_layers(scorer, 2)
    >>> scorer.plain.config.num_hidden_layers
    2
    """
    stack = stack_of(scorer)
    config = scorer.plain.config
    if stack is None:
        raise ModelError(f"the layers of a {config.model_type} cannot be told apart, so none can be left out")
    if layers < len(stack):
        del stack[layers:]
        config.num_hidden_layers = layers
        if getattr(config, "layer_types", None):
            config.layer_types = config.layer_types[:layers]


def attend_evenly(scorer: Scorer) -> None:
    """Let every token of the last layer look at all that it sees alike, until it learns not to. Raises ModelError."""
    stack = stack_of(scorer)
    modules = [] if stack is None else [part for name, part in stack[-1].named_modules() if name.endswith(QUERIES)]
    queries = [part for part in modules if isinstance(part, nn.Linear)]
    if not queries:
        raise ModelError(f"where a {scorer.plain.config.model_type} looks cannot be told apart; set even=false")
    for query in queries:
        nn.init.zeros_(query.weight)
        if query.bias is not None:
            nn.init.zeros_(query.bias)


def zero_head(scorer: Scorer) -> None:
    """Let the head begin at 0, so that no score has to be unlearned."""
    for part in scorer.head.modules():
        if isinstance(part, nn.Linear) and part.out_features == 1:
            nn.init.zeros_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def stack_of(scorer: Scorer) -> nn.ModuleList | None:
    """The list that the backbone goes through; None where it is not known."""
    layers = layers_of(scorer)
    for part in scorer.plain.base_model.modules():
        if layers and isinstance(part, nn.ModuleList) and list(part) == layers:
            return part
    return None
