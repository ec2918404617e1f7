"""Reward models on disk: read from a folder or hub name, with adapters or without, written so that others read them."""

from __future__ import annotations

import copy
import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from .errors import ModelError
from .model import Pad, Scorer, head_of, prepare
from .tokenizer import read_tokenizer

_log = logging.getLogger(__name__)


def load(
    base: str | Path,
    *,
    pad: Pad = "repair",
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    attention: str = "sdpa",
    whole: bool = False,
) -> Scorer:
    """Load a reward model, or a backbone that gets a new head, from a folder or hub name.

    A folder without weights is a configuration: the model is made from it, at random by `seed`. With `whole`, a weight
    that is missing is a ModelError: a score is no matter of chance. A folder that holds LoRA adapters brings its own
    base. Raises ModelError for what cannot be read at one token.
    """
    from transformers import AutoConfig, AutoModelForSequenceClassification

    folder = Path(base)
    if (folder / "adapter_config.json").exists():
        return _load_adapters(folder, pad=pad, seed=seed, dtype=dtype, attention=attention, whole=whole)
    try:
        config = AutoConfig.from_pretrained(base, trust_remote_code=False)
        tokenizer = read_tokenizer(base)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{base} is no model: {str(error)[:300]}") from error
    config.num_labels = 1
    config.problem_type = None
    settings = {"attn_implementation": attention, "dtype": dtype}
    try:
        if folder.is_dir() and not any(folder.glob("*.safetensors")) and _has_weights(folder):
            raise ModelError("its weights are a pickle, which runs code when it is read; save it with safetensors")
        if folder.is_dir() and not _has_weights(folder):
            if whole:
                raise ModelError("it holds no weights")
            with seeded(seed):
                model = AutoModelForSequenceClassification.from_config(config, **settings)
            new_head = True
        else:
            with quiet():
                model, info = AutoModelForSequenceClassification.from_pretrained(
                    base,
                    config=config,
                    output_loading_info=True,
                    ignore_mismatched_sizes=True,
                    use_safetensors=True,
                    trust_remote_code=False,
                    **settings,
                )
            name = head_of(model)[0]
            lost = [*info["missing_keys"], *(key[0] for key in info.get("mismatched_keys", ()))]
            new_head = any(key.split(".")[0] == name for key in lost)
            rest = sorted(key for key in lost if whole or key.split(".")[0] != name)
            if rest and whole:
                raise ModelError(f"it lacks weights for {', '.join(rest[:5])}")
            if rest:
                _log.warning("%s lacks weights for %s; they are random", base, ", ".join(rest[:5]))
    except (OSError, ValueError) as error:
        raise ModelError(f"{base} cannot be made a reward model: {str(error)[:300]}") from error
    return prepare(model, tokenizer, pad=pad, seed=seed, new_head=new_head)


def _has_weights(folder: Path) -> bool:
    return any(folder.glob("*.safetensors")) or any(folder.glob("*.bin"))


def _load_adapters(folder: Path, *, pad: Pad, seed: int, dtype: torch.dtype, attention: str, whole: bool) -> Scorer:
    from peft import PeftConfig, PeftModel

    adapter_config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    base = adapter_config.get("base_model_name_or_path")
    if not base or not os.path.exists(base):  # noqa: PTH110 - may be a hub name
        raise ModelError(
            f"{folder} holds adapters for {base!r}, which is not there; save with merge=True to do without"
        )
    if whole and Path(base).is_dir() and not _has_weights(Path(base)):
        raise ModelError(f"{base}, the base of {folder}, holds no weights")
    scorer = load(base, pad=pad, seed=seed, dtype=dtype, attention=attention)
    tokenizer = read_tokenizer(folder)
    rows = scorer.plain.get_input_embeddings().num_embeddings
    if len(tokenizer) > rows:
        scorer.plain.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    scorer.tokenizer = tokenizer
    scorer.plain.config.pad_token_id = tokenizer.pad_token_id
    config = PeftConfig.from_pretrained(str(folder))
    if config.task_type == "CAUSAL_LM":
        config.task_type = None  # peft's wrapper of that kind asks for what a model with a score has not
    with _known_deprecation():
        scorer.model = PeftModel.from_pretrained(scorer.model, str(folder), config=config)
    scorer.model.eval()
    # Adapters of a causal model bring no head, those of a reward model their own.
    scorer.new_head = scorer.new_head and head_of(scorer.plain)[0] not in (adapter_config.get("modules_to_save") or ())
    if whole and scorer.new_head:
        raise ModelError(f"{folder} and its base {base} hold no head for a score")
    return scorer


def add_lora(scorer: Scorer, *, rank: int = 16, alpha: int = 32, dropout: float = 0.0, seed: int = 0) -> Scorer:
    """The same model with LoRA adapters, drawn by seed, on every linear layer; the head is trained whole and saved with
    them."""
    from peft import LoraConfig, get_peft_model

    name = head_of(scorer.plain)[0]
    config = LoraConfig(
        task_type="SEQ_CLS",
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules="all-linear",
        modules_to_save=[name],
    )
    with _known_deprecation(), seeded(seed):
        scorer.model = get_peft_model(scorer.model, config)
    return scorer


def save(scorer: Scorer, folder: str | Path, *, merge: bool = True) -> None:
    """Write model and tokenizer so that `AutoModelForSequenceClassification.from_pretrained` reads them.

    LoRA adapters are merged into a copy of the weights; with `merge=False` they are written by themselves, with the
    head among them, and their base must stay where it was.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model = scorer.model
    if model is not scorer.plain and merge:
        model = copy.deepcopy(model).merge_and_unload()
    with quiet():
        model.save_pretrained(folder)
        scorer.tokenizer.save_pretrained(folder)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random weights by a seed, with the caller's own random numbers left as they were."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@contextmanager
def _known_deprecation() -> Iterator[None]:
    """PEFT asks transformers for an attribute by its old name."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        yield


@contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' progress bars and its report that the head is new, which is what we asked for."""
    from transformers.utils import logging as hf_logging

    level, bars = hf_logging.get_verbosity(), hf_logging.is_progress_bar_enabled()
    hf_logging.set_verbosity_error()
    hf_logging.disable_progress_bar()
    try:
        yield
    finally:
        hf_logging.set_verbosity(level)
        if bars:
            hf_logging.enable_progress_bar()
