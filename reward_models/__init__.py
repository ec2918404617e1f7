"""Reward models for helpfulness and safety, trained from preference data. torch may be imported here.

The names below are loaded on first use; none of those for data, scoring and watching loads torch before it is called.
A model from Python:

    rows = read_pairs(["pairs.jsonl"]).rows
    options = options_of("helpful", "tiny")
    train_reward_model(base_model("checkpoint", rows, options), rows, options, "helpful")
    reward = HelpfulVerifier(model="helpful")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .base import base_model
    from .card import Card, load_reward_model
    from .data import Pair, Rated, pair_of, rated_of, read_pairs, read_rated, split_by_prompt
    from .errors import DataError, ModelError, NotFiniteError, TrainingError
    from .evaluate import report_on_pairs, report_on_rated, score_rows
    from .gate import SafetyGate
    from .model import Scorer, prepare
    from .monitor import Bounds, Monitor, Window, length_trend, pessimistic, repetition, spread
    from .options import TrainOptions, options_of
    from .stages import JudgeStage, ModelStage, PatternStage
    from .tokenizer import read_tokenizer
    from .train import StoppedError, Trained, train_reward_model
    from .verifier import HelpfulVerifier, SafetyVerifier

_NAMES = {
    "base": "base_model",
    "card": "Card load_reward_model",
    "data": "Pair Rated pair_of rated_of read_pairs read_rated split_by_prompt",
    "errors": "DataError ModelError NotFiniteError TrainingError",
    "evaluate": "report_on_pairs report_on_rated score_rows",
    "gate": "SafetyGate",
    "model": "Scorer prepare",
    "monitor": "Bounds Monitor Window length_trend pessimistic repetition spread",
    "options": "TrainOptions options_of",
    "stages": "JudgeStage ModelStage PatternStage",
    "tokenizer": "read_tokenizer",
    "train": "StoppedError Trained train_reward_model",
    "verifier": "HelpfulVerifier SafetyVerifier",
}
"""By the module that has them."""
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = [
    "Bounds",
    "Card",
    "DataError",
    "HelpfulVerifier",
    "JudgeStage",
    "ModelError",
    "ModelStage",
    "Monitor",
    "NotFiniteError",
    "Pair",
    "PatternStage",
    "Rated",
    "SafetyGate",
    "SafetyVerifier",
    "Scorer",
    "StoppedError",
    "TrainOptions",
    "Trained",
    "TrainingError",
    "Window",
    "base_model",
    "length_trend",
    "load_reward_model",
    "options_of",
    "pair_of",
    "pessimistic",
    "prepare",
    "rated_of",
    "read_pairs",
    "read_rated",
    "read_tokenizer",
    "repetition",
    "report_on_pairs",
    "report_on_rated",
    "score_rows",
    "split_by_prompt",
    "spread",
    "train_reward_model",
]


def __getattr__(name: str) -> Any:  # any: the type is that of the name asked for
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
