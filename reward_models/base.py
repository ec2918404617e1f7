"""The model that a training run begins with."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from ..verifiers.errors import ConfigError
from .data import Pair, Rated
from .layers import attend_evenly, keep_layers, zero_head
from .model import Scorer, freeze
from .options import TrainOptions
from .stored import add_lora, load
from .tiny import tiny_model

_log = logging.getLogger(__name__)


def base_model(base: str | Path, rows: Sequence[Pair] | Sequence[Rated], options: TrainOptions) -> Scorer:
    """A backbone with a new head, with the layers left out or frozen and the adapters added that the options ask for.

    A base that has learned to score already keeps its layers and its head, whatever the options say of new ones.
    Adapters in the folder are merged into their base. The same arguments make the same model, as resuming needs.

    Args:
        base: A folder or hub name, a folder with a configuration and no weights, or `tiny`: a small transformer at
            random, whose tokenizer is learned from the rows.
        rows: What it will be trained on.
        options: Of the training.

    Returns:
        The model with its tokenizer.

    Raises:
        ConfigError: There is no such model.
        ModelError: It cannot serve as a reward model.
    """
    if base == "tiny":
        scorer = tiny_model(_texts(rows), seed=options.seed)
    else:
        name = str(base)
        if not Path(base).exists() and (name.startswith((".", "/")) or name.count("/") > 1):
            raise ConfigError(f"no such model: {base}")
        scorer = load(base, seed=options.seed)
        if scorer.model is not scorer.plain:
            scorer.model = scorer.model.merge_and_unload().requires_grad_(True)
            _log.warning("%s holds adapters; they are merged into the weights of their base", base)
    if scorer.new_head:
        _shape(scorer, options)
    if options.freeze:
        freeze(scorer, options.freeze)
    return add_lora(scorer, rank=options.lora, alpha=2 * options.lora, seed=options.seed) if options.lora else scorer


def _shape(scorer: Scorer, options: TrainOptions) -> None:
    if options.layers:
        keep_layers(scorer, options.layers)
    if options.even:
        attend_evenly(scorer)
    if options.zero_head:
        zero_head(scorer)


def _texts(rows: Sequence[Pair] | Sequence[Rated]) -> list[str]:
    texts = []
    for row in rows:
        texts += [row.chosen, row.rejected] if isinstance(row, Pair) else [row.response]
        texts += [turn.content for turn in row.prompt]
    return texts
