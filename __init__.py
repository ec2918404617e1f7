"""Rewards that a reinforcement-learning run can trust.

The names below are loaded on first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .verifiers import (
        FormatVerifier,
        LanguageVerifier,
        MathVerifier,
        Message,
        Reason,
        Reward,
        Sample,
        Status,
        Term,
        TestCase,
        Verdict,
        Verifier,
    )

__all__ = [
    "FormatVerifier",
    "LanguageVerifier",
    "MathVerifier",
    "Message",
    "Reason",
    "Reward",
    "Sample",
    "Status",
    "Term",
    "TestCase",
    "Verdict",
    "Verifier",
    "__version__",
]


def __getattr__(name: str) -> Any:  # any: the type is that of the name asked for
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(".verifiers", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
