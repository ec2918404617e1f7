"""Reward models for helpfulness and safety, trained from preference data. torch may be imported here.

The names below are loaded on first use; none of those for scoring and watching loads torch before it is called.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import DataError, ModelError, NotFiniteError, TrainingError
    from .gate import SafetyGate
    from .monitor import Admission, Bounds, Monitor, Window
    from .options import TrainOptions, options_of
    from .verifier import HelpfulVerifier, SafetyVerifier

_HOME = {
    "Admission": "monitor",
    "Bounds": "monitor",
    "DataError": "errors",
    "HelpfulVerifier": "verifier",
    "ModelError": "errors",
    "Monitor": "monitor",
    "NotFiniteError": "errors",
    "SafetyGate": "gate",
    "SafetyVerifier": "verifier",
    "TrainOptions": "options",
    "TrainingError": "errors",
    "Window": "monitor",
    "options_of": "options",
}

__all__ = [
    "Admission",
    "Bounds",
    "DataError",
    "HelpfulVerifier",
    "ModelError",
    "Monitor",
    "NotFiniteError",
    "SafetyGate",
    "SafetyVerifier",
    "TrainOptions",
    "TrainingError",
    "Window",
    "options_of",
]


def __getattr__(name: str) -> Any:  # any: the type is that of the name asked for
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
