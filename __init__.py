"""Rewards that a reinforcement-learning run can trust.

    import r1_reward as r1

    r1.verify(r"\\boxed{\\frac12}", "0.5").correct
    r1.score("rollouts.jsonl", reward="math,format").summary

The names below are loaded on first use, so that importing the package costs next to nothing; docs/reference/python.md
shows them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .adapters.client import AsyncClient, Client, ServedScore, ServerError
    from .rows.single import verify
    from .sandbox.limits import Limits
    from .scoring.memory import Scored, score
    from .scoring.summary import Summary
    from .verifiers.cases import TestCase
    from .verifiers.choice import ChoiceVerifier
    from .verifiers.code import CodeVerifier
    from .verifiers.errors import (
        ConfigError,
        InstrumentDown,
        NotScoredError,
        RewardError,
        RunError,
        SampleError,
        UnknownRewardError,
    )
    from .verifiers.format import FormatVerifier
    from .verifiers.judge import JudgeVerifier
    from .verifiers.language import LanguageVerifier
    from .verifiers.length import LengthVerifier
    from .verifiers.math import MathVerifier
    from .verifiers.puzzle import PuzzleVerifier
    from .verifiers.reward import Reward, Term, auto, r1_zero, rl1, rl2
    from .verifiers.sample import Message, Sample
    from .verifiers.schema import SchemaVerifier
    from .verifiers.verdict import Reason, Status, Verdict
    from .verifiers.verifier import Verifier

_NAMES = {
    ".adapters.client": "AsyncClient Client ServedScore ServerError",
    ".rows.single": "verify",
    ".sandbox.limits": "Limits",
    ".scoring.memory": "Scored score",
    ".scoring.summary": "Summary",
    ".verifiers.cases": "TestCase",
    ".verifiers.choice": "ChoiceVerifier",
    ".verifiers.code": "CodeVerifier",
    ".verifiers.errors": "ConfigError InstrumentDown NotScoredError RewardError RunError SampleError "
    "UnknownRewardError",
    ".verifiers.format": "FormatVerifier",
    ".verifiers.judge": "JudgeVerifier",
    ".verifiers.language": "LanguageVerifier",
    ".verifiers.length": "LengthVerifier",
    ".verifiers.math": "MathVerifier",
    ".verifiers.puzzle": "PuzzleVerifier",
    ".verifiers.reward": "Reward Term auto r1_zero rl1 rl2",
    ".verifiers.sample": "Message Sample",
    ".verifiers.schema": "SchemaVerifier",
    ".verifiers.verdict": "Reason Status Verdict",
    ".verifiers.verifier": "Verifier",
}
"""By the module that has them."""
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = [
    "AsyncClient",
    "ChoiceVerifier",
    "Client",
    "CodeVerifier",
    "ConfigError",
    "FormatVerifier",
    "InstrumentDown",
    "JudgeVerifier",
    "LanguageVerifier",
    "LengthVerifier",
    "Limits",
    "MathVerifier",
    "Message",
    "NotScoredError",
    "PuzzleVerifier",
    "Reason",
    "Reward",
    "RewardError",
    "RunError",
    "Sample",
    "SampleError",
    "SchemaVerifier",
    "Scored",
    "ServedScore",
    "ServerError",
    "Status",
    "Summary",
    "Term",
    "TestCase",
    "UnknownRewardError",
    "Verdict",
    "Verifier",
    "__version__",
    "auto",
    "r1_zero",
    "rl1",
    "rl2",
    "score",
    "verify",
]


def __getattr__(name: str) -> Any:  # any: the type is that of the name asked for
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name], __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
