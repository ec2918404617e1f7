"""What is kept beside the weights, so that a score means the same wherever it is read: `reward_model.json`."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..verifiers.files import write_json
from .errors import ModelError
from .layout import Layout, Limits
from .model import Scorer
from .stored import load, save
from .template import portable, reads_alike

FILE = "reward_model.json"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A reward model's scale and the layout it was trained with."""

    kind: Literal["helpful", "safety"]
    """What it judges."""
    mean: float = 0.0
    """Of raw scores on prompts kept from training."""
    std: float = 1.0
    """Their standard deviation."""
    low: float = 0.0
    """The lowest of them: what a response without anything to judge gets."""
    temperature: float = 1.0
    """`sigmoid(raw / temperature)` is a probability: of being safe; of a difference, of being preferred."""
    limits: Limits = field(default_factory=Limits)
    """How much of each is read at once; what is longer is read in windows."""
    layout: str = ""
    """`Layout.fingerprint`, the hash of chat template and form."""
    told: dict[str, Any] = field(default_factory=dict)  # any: JSON values
    """How it was made: version, options, data and their hashes."""

    def normalised(self, raw: float) -> float:
        """Distance from the mean in standard deviations.

        >>> Card(kind="helpful", mean=1.0, std=2.0).normalised(5.0)
        2.0
        """
        return (raw - self.mean) / self.std

    def probability(self, raw: float) -> float:
        """The calibrated probability of a raw score, or of a difference of two.

        >>> Card(kind="safety", temperature=2.0).probability(0.0)
        0.5
        """
        x = raw / self.temperature
        return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def save_reward_model(scorer: Scorer, card: Card, folder: str | Path, *, merge: bool = True) -> None:
    """Write weights, tokenizer and card; the card last, so that a folder with one is whole.

    The tokenizer gets a chat template by which others lay text out as we do (`template.py`).
    """
    folder = Path(folder)
    before = scorer.tokenizer.chat_template
    template = portable(scorer)
    try:
        if template is not None:
            scorer.tokenizer.chat_template = template
            if not reads_alike(scorer):
                _log.warning(
                    "this tokenizer joins the end of a prompt with a response, so that others read other tokens than "
                    "we do, and may give other scores"
                )
        save(scorer, folder, merge=merge)
        layout = Layout(scorer, Limits()).fingerprint
    finally:
        scorer.tokenizer.chat_template = before
    write_json(folder / FILE, dataclasses.asdict(dataclasses.replace(card, layout=layout if card.layout else "")))


def load_reward_model(folder: str | Path, **options: Any) -> tuple[Scorer, Card]:  # any: those of `load`
    """Read a reward model back. Raises ModelError where the folder has no card or text would be laid out otherwise."""
    path = Path(folder) / FILE
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        card = Card(**{**told, "limits": Limits(**told["limits"])})
    except FileNotFoundError:
        raise ModelError(f"{folder} is no reward model of ours: it has no {FILE}; train one with train-rm") from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    scorer = load(folder, whole=True, **options)
    found = Layout(scorer, card.limits).fingerprint
    if card.layout and found != card.layout:
        raise ModelError(
            f"{folder}: the chat template is not the one it was trained with ({found}, then {card.layout}), so its "
            "scores would mean something else; put the template back"
        )
    return scorer, card
