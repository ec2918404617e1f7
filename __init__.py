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

_HOME = {
    "AsyncClient": ".adapters.client",
    "ChoiceVerifier": ".verifiers.choice",
    "Client": ".adapters.client",
    "CodeVerifier": ".verifiers.code",
    "ConfigError": ".verifiers.errors",
    "FormatVerifier": ".verifiers.format",
    "InstrumentDown": ".verifiers.errors",
    "JudgeVerifier": ".verifiers.judge",
    "LanguageVerifier": ".verifiers.language",
    "LengthVerifier": ".verifiers.length",
    "Limits": ".sandbox.limits",
    "MathVerifier": ".verifiers.math",
    "Message": ".verifiers.sample",
    "NotScoredError": ".verifiers.errors",
    "PuzzleVerifier": ".verifiers.puzzle",
    "Reason": ".verifiers.verdict",
    "Reward": ".verifiers.reward",
    "RewardError": ".verifiers.errors",
    "RunError": ".verifiers.errors",
    "Sample": ".verifiers.sample",
    "SampleError": ".verifiers.errors",
    "SchemaVerifier": ".verifiers.schema",
    "Scored": ".scoring.memory",
    "ServedScore": ".adapters.client",
    "ServerError": ".adapters.client",
    "Status": ".verifiers.verdict",
    "Summary": ".scoring.summary",
    "Term": ".verifiers.reward",
    "TestCase": ".verifiers.cases",
    "UnknownRewardError": ".verifiers.errors",
    "Verdict": ".verifiers.verdict",
    "Verifier": ".verifiers.verifier",
    "auto": ".verifiers.reward",
    "r1_zero": ".verifiers.reward",
    "rl1": ".verifiers.reward",
    "rl2": ".verifiers.reward",
    "score": ".scoring.memory",
    "verify": ".rows.single",
}

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
