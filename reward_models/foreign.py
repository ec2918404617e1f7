"""Reward models that somebody else trained: any folder that `AutoModelForSequenceClassification` reads.

Of one output, as reward models have it, or of several, of which `head` names one or `weights` adds them up; of classes
(safe and unsafe) the log odds of one. Scores are transformers' own logits, at the token where transformers reads.
Weights are read from safetensors alone, no code of the folder runs, and nothing is fetched.

The scale is that of `reward_model.json` in the folder (`eval-rm --calibrate` measures one), of OpenRLHF's own mean and
deviation in the configuration, or none: then a normalised score is the raw one.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Literal

import torch

from ..verifiers.files import read_json
from .errors import ModelError
from .layout import TokenLimits
from .model import Readout, Scorer, head_of
from .stored import quiet
from .tokenizer import read_tokenizer

_log = logging.getLogger(__name__)
_HEADS = (
    "score.weight",
    "classifier.weight",
    "classifier.out_proj.weight",
    "classification_head.out_proj.weight",
    "value_head.weight",
    "v_head.summary.weight",
    "logits_proj.weight",
    "sequence_summary.summary.weight",
)
"""What the weights of a head are called in a file, most often first."""
_SAFE = frozenset(
    ("safe", "unharmful", "harmless", "benign", "not toxic", "non-toxic", "nontoxic", "neutral", "non_toxic")
)
_SANE = 1_000_000
"""A tokenizer's `model_max_length` above which it says nothing."""


def head_outputs(folder: Path, prefix: str | None = None) -> int | None:
    """How many outputs the head in a folder's weights has; None where the folder holds none.

    Raises ModelError for weights that are a pickle, which would run code, and for none at all.
    """
    from safetensors import SafetensorError, safe_open

    files = sorted(folder.glob("*.safetensors"))
    if not files:
        pickled = next(iter(sorted([*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.pth")])), None)
        if pickled is not None:
            raise ModelError(
                f"{folder} holds its weights as a pickle ({pickled.name}), which runs code when it is read; save it "
                "with safetensors (model.save_pretrained)"
            )
        raise ModelError(f"{folder} holds no weights (*.safetensors)")
    heads = (f"{prefix}.weight", *_HEADS) if prefix else _HEADS
    for file in files:
        try:
            with safe_open(str(file), framework="pt") as weights:
                held = set(weights.keys())
                name = next((one for head in heads for one in (head, f"model.{head}") if one in held), None)
                if name is not None:
                    return int(weights.get_slice(name).get_shape()[0])
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{file} cannot be read: {str(error)[:200]}") from error
    return None


def load_foreign(
    folder: str | Path,
    kind: Literal["helpful", "safety"],
    *,
    head: str = "",
    weights: tuple[float, ...] = (),
    template: str = "",
    attention: str | None = None,
) -> tuple[Scorer, TokenLimits, tuple[float, float] | None]:
    """A scorer of somebody else's sequence-classification model, how much it reads at once, and its own scale.

    Args:
        folder: With a configuration, weights as safetensors and a tokenizer.
        kind: What it is to judge; of classes called safe and unsafe a safety model's score is that of safe.
        head: Which of several outputs counts: its label, or its number from 0.
        weights: One for each output instead, whose weighted sum counts.
        template: A chat template in Jinja, or a file with one, instead of the tokenizer's.
        attention: As transformers calls it; by default what it chooses.

    Raises:
        ModelError: It cannot be read as it is, or of several outputs none was chosen.
    """
    from transformers import AutoConfig, AutoModelForSequenceClassification

    folder = Path(folder)
    settings = read_json(folder / "config.json")
    if not settings:
        raise ModelError(f"{folder} is no model: it has no config.json")
    prefix = settings.get("value_head_prefix")
    outputs = head_outputs(folder, prefix if isinstance(prefix, str) else None)
    if outputs is None:
        raise ModelError(f"{folder} has no head for a score among its weights")
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        tokenizer = read_tokenizer(folder)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{folder} cannot be read{_code(settings)}: {str(error)[:300]}") from error
    names = dict[Any, str](config.id2label or {})  # any: numbers, whatever its annotation says
    labels = [str(names.get(at, at)) for at in range(outputs)]
    named = config.num_labels == outputs
    config.num_labels = outputs
    more: dict[str, Any] = {"key_mapping": {f"^{prefix}\\.": "score."}} if prefix not in (None, "score") else {}
    try:
        with quiet():
            model, info = AutoModelForSequenceClassification.from_pretrained(
                folder,
                config=config,
                output_loading_info=True,
                use_safetensors=True,
                trust_remote_code=False,
                attn_implementation=attention,
                dtype=torch.float32,
                **more,
            )
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"{folder} cannot be read{_code(settings)}: {str(error)[:300]}") from error
    if lost := sorted(info["missing_keys"]):
        raise ModelError(f"{folder} lacks weights for {', '.join(lost[:5])}")
    if template:
        tokenizer.chat_template = chat_template(template)
    model.eval()
    causal = _reads_at_the_end(model)
    readout = _readout(kind, labels if named else [], outputs, head, weights)
    types = not causal and "token_type_ids" in tokenizer("a", "b")
    scorer = Scorer(model=model, tokenizer=tokenizer, causal=causal, readout=readout, foreign=True, types=types)
    if tokenizer.pad_token_id is None:  # only fills rows up: no score is read at it
        tokenizer.pad_token_id = tokenizer.eos_token_id or 0
    scorer.alone = not _reads_as_transformers(scorer)
    mean, std = settings.get("mean"), settings.get("std")
    own = (float(mean), float(std)) if isinstance(mean, int | float) and isinstance(std, int | float) and std else None
    return scorer, TokenLimits(length=reading_length(model.config, tokenizer, scorer.positions)), own


def _readout(kind: str, labels: list[str], outputs: int, head: str, weights: tuple[float, ...]) -> Readout:
    shown = ", ".join(f"{at} ({label})" for at, label in enumerate(labels)) or f"0 to {outputs - 1}"
    if weights:
        if len(weights) != outputs:
            raise ModelError(f"there are {len(weights)} weights for {outputs} outputs: {shown}")
        return Readout(weights=weights)
    folded = [label.lower().replace("_", " ") for label in labels]
    if head:
        index = folded.index(head.lower().replace("_", " ")) if head.lower().replace("_", " ") in folded else None
        if index is None and head.isdecimal() and int(head) < outputs:
            index = int(head)
        if index is None:
            raise ModelError(f"the model has no output {head!r}; it has {shown}")
        return Readout(index=index, contrast=kind == "safety" and outputs > 1)
    if outputs == 1:
        return Readout()
    safe = [at for at, label in enumerate(folded) if label in _SAFE]
    if kind == "safety" and len(safe) == 1:
        return Readout(index=safe[0], contrast=True)
    raise ModelError(
        f"the model has {outputs} outputs: {shown}; say which counts with head, or add them up with weights"
    )


def _reads_at_the_end(model: Any) -> bool:  # any: as Scorer.model
    """Whether it is one of transformers' causal models, which read their last token with one linear layer."""
    if getattr(model.config, "is_encoder_decoder", False):
        return False
    try:
        name, head = head_of(model)
    except ModelError:
        return False
    return name == "score" and isinstance(head, torch.nn.Linear)


def _reads_as_transformers(scorer: Scorer) -> bool:
    """Whether rows that are read together, and padded, get the logits of the model's own forward on each alone."""
    draw = torch.Generator().manual_seed(0)
    size = scorer.plain.get_input_embeddings().num_embeddings
    padding = scorer.plain.config.get_text_config().pad_token_id
    rows = [torch.randint(0, size, (1, length), generator=draw) for length in (9, 5)]
    rows = [row.where(row != padding, (row + 1) % size) for row in rows] if padding is not None else rows
    ids = torch.zeros(2, 9, dtype=torch.long) if padding is None else torch.full((2, 9), padding)
    mask = torch.zeros(2, 9, dtype=torch.long)
    for at, row in enumerate(rows):
        ids[at, : row.shape[1]], mask[at, : row.shape[1]] = row[0], 1
    with torch.no_grad():
        theirs = torch.cat(
            [scorer.readout(scorer.plain(input_ids=row, attention_mask=torch.ones_like(row)).logits) for row in rows]
        )
        try:
            ours = scorer.read(ids, mask)
        except (TypeError, ValueError, RuntimeError, AttributeError, ModelError) as error:
            _log.info("rows are read one by one: %s", error)
            return False
    return bool(torch.allclose(ours, theirs, atol=1e-5, rtol=1e-5))


def reading_length(config: Any, tokenizer: Any, more: int | None = None) -> int | None:  # any: as Scorer.model
    """How many tokens a model reads at once: what it was made for, by its configuration and its tokenizer."""
    known = [getattr(config.get_text_config(), "max_position_embeddings", None), tokenizer.model_max_length, more]
    bounds = [int(bound) for bound in known if isinstance(bound, int) and 8 <= bound < _SANE]
    return min(bounds, default=None)


def chat_template(template: str) -> str:
    """A chat template that is given as Jinja or as a file. Raises ModelError."""
    if "{{" in template or "{%" in template:
        return template
    try:
        return Path(template).read_text(encoding="utf-8")
    except OSError as error:
        raise ModelError(
            f"the chat template {template!r} is neither Jinja nor a file that can be read: {error}"
        ) from error


def _code(config: dict[str, Any]) -> str:
    return " without code of its own, which is not run" if config.get("auto_map") else ""
