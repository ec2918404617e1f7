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
from .layout import ChatLayout, TokenLimits
from .model import Scorer
from .stored import load, save
from .template import portable, reads_alike

FILE = "reward_model.json"
FOREIGN = "foreign"
"""The layout of a card that was measured for a model which somebody else trained."""
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
    low: float | None = 0.0
    """The lowest of them: what a response without anything to judge gets; None where none was measured, and the model
    is asked about an empty response instead."""
    temperature: float = 1.0
    """`sigmoid(raw / temperature)` is a probability: of being safe; of a difference, of being preferred."""
    limits: TokenLimits = field(default_factory=TokenLimits)
    """How much of each is read at once; what is longer is read in windows."""
    layout: str = ""
    """`ChatLayout.fingerprint`, the hash of chat template and form."""
    provenance: dict[str, Any] = field(default_factory=dict)  # any: JSON values
    """How it was made: version, options, data and their hashes."""

    def normalised(self, raw: float) -> float:
        """Distance from the mean in standard deviations.

        Args:
            raw: A score as the model gives it.

        Returns:
            Standard deviations above the mean of the kept prompts.

        >>> Card(kind="helpful", mean=1.0, std=2.0).normalised(5.0)
        2.0
        """
        return (raw - self.mean) / self.std

    def probability(self, raw: float) -> float:
        """The calibrated probability of a raw score, or of a difference of two.

        Args:
            raw: A score, or the difference of two.

        Returns:
            A number from 0 to 1.

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
        layout = ChatLayout(scorer, TokenLimits()).fingerprint
    finally:
        scorer.tokenizer.chat_template = before
    write_json(folder / FILE, dataclasses.asdict(dataclasses.replace(card, layout=layout if card.layout else "")))


def read_card(path: str | Path) -> Card:
    """The card in a file. Raises ModelError, FileNotFoundError among its causes."""
    try:
        fields = json.loads(Path(path).read_text(encoding="utf-8"))
        # A card written before 0.2.0 calls its provenance "told".
        fields = {"provenance" if name == "told" else name: value for name, value in fields.items()}
        return Card(**{**fields, "limits": TokenLimits(**fields["limits"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error


def kind_of(folder: str | Path) -> Literal["helpful", "safety"]:
    """What a model judges, by its card; a guard judges safety. Raises ModelError where nothing says it."""
    from .guard import is_generative

    path = Path(folder) / FILE
    if path.is_file():
        return read_card(path).kind
    if Path(folder).is_dir() and is_generative(folder):
        return "safety"
    if not (Path(folder) / "config.json").is_file():
        raise ModelError(f"{folder} is no reward model of ours: it has no {FILE}; train one with train-rm")
    raise ModelError(
        f"{folder} has no {FILE}, so it does not say what it judges; name it with --kind (helpful or safety), or train "
        "one with train-rm"
    )


def load_reward_model(
    folder: str | Path,
    *,
    kind: Literal["helpful", "safety"] | None = None,
    head: str = "",
    weights: tuple[float, ...] = (),
    template: str = "",
    card: str | Path = "",
    **options: Any,  # any: those of `load`
) -> tuple[Scorer, Card]:
    """Read a reward model: one of ours, or any sequence-classification model (`foreign.py`).

    Args:
        folder: Where it is.
        kind: What it is to judge; needed for a model that has no card.
        head: Of several outputs the one that counts, by label or number; not for ours.
        weights: Of several outputs, to add them up; not for ours.
        template: A chat template, or a file with one; not for ours.
        card: A file with its scale, instead of the folder's own (`eval-rm --calibrate`).
        options: Those of `stored.load`, for ours.

    Returns:
        The model, and the scale and layout of its scores.
    Raises:
        ModelError: It cannot be read, text would be laid out otherwise than in training, or it is of another kind.
    """
    path = Path(card) if card else Path(folder) / FILE
    stored = read_card(path) if path.is_file() or card else None
    if stored is not None and kind is not None and stored.kind != kind:
        raise ModelError(f"{folder} is a {stored.kind} model, not a {kind} one")
    if stored is None or stored.layout == FOREIGN:
        from .foreign import load_foreign

        asked = kind or (stored.kind if stored else kind_of(folder))
        foreign, limits, own = load_foreign(folder, asked, head=head, weights=weights, template=template)
        if stored is None:
            mean, std = own or (0.0, 1.0)
            scale = "its configuration" if own else "none"
            stored = Card(kind=asked, mean=mean, std=std, low=None, layout=FOREIGN, provenance={"scale_from": scale})
        return foreign, dataclasses.replace(stored, limits=limits)
    if head or weights or template:
        raise ModelError(f"{folder} is one of our own models: head, weights and template are not for those")
    scorer = load(folder, whole=True, **options)
    layout = ChatLayout(scorer, stored.limits).fingerprint
    if stored.layout and layout != stored.layout:
        raise ModelError(
            f"{folder}: the chat template is not the one it was trained with ({layout}, then {stored.layout}), so its "
            "scores would mean something else; put the template back"
        )
    return scorer, stored
