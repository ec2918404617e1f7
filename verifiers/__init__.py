"""Text in, verdict out.

The names below are loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .answer import AnswerVerifier
    from .cases import TestCase
    from .choice import ChoiceVerifier
    from .code import CodeVerifier
    from .errors import (
        ConfigError,
        InstrumentDown,
        NotScoredError,
        RewardError,
        RunError,
        SampleError,
        UnknownRewardError,
    )
    from .format import FormatVerifier
    from .instructions import InstructionsVerifier
    from .judge import JudgeVerifier
    from .language import LanguageVerifier
    from .length import LengthVerifier
    from .math import MathVerifier
    from .procedural import ProceduralVerifier
    from .puzzle import PuzzleVerifier
    from .reasoning import Reasoning, scan
    from .reward import Auto, Reward, Term, auto, r1_zero, rl1, rl2
    from .sample import Message, Sample
    from .schema import SchemaVerifier
    from .sql import SqlVerifier
    from .tools import ToolsVerifier
    from .verdict import Reason, Status, Verdict
    from .verifier import Verifier, Voter, judge_each

_HOME = {
    "AnswerVerifier": "answer",
    "Auto": "reward",
    "ChoiceVerifier": "choice",
    "CodeVerifier": "code",
    "ConfigError": "errors",
    "FormatVerifier": "format",
    "InstructionsVerifier": "instructions",
    "InstrumentDown": "errors",
    "JudgeVerifier": "judge",
    "LanguageVerifier": "language",
    "LengthVerifier": "length",
    "MathVerifier": "math",
    "Message": "sample",
    "NotScoredError": "errors",
    "ProceduralVerifier": "procedural",
    "PuzzleVerifier": "puzzle",
    "Reason": "verdict",
    "Reasoning": "reasoning",
    "Reward": "reward",
    "RewardError": "errors",
    "RunError": "errors",
    "Sample": "sample",
    "SampleError": "errors",
    "SchemaVerifier": "schema",
    "SqlVerifier": "sql",
    "Status": "verdict",
    "Term": "reward",
    "TestCase": "cases",
    "ToolsVerifier": "tools",
    "UnknownRewardError": "errors",
    "Verdict": "verdict",
    "Verifier": "verifier",
    "Voter": "verifier",
    "auto": "reward",
    "judge_each": "verifier",
    "r1_zero": "reward",
    "rl1": "reward",
    "rl2": "reward",
    "scan": "reasoning",
}

__all__ = [
    "AnswerVerifier",
    "Auto",
    "ChoiceVerifier",
    "CodeVerifier",
    "ConfigError",
    "FormatVerifier",
    "InstructionsVerifier",
    "InstrumentDown",
    "JudgeVerifier",
    "LanguageVerifier",
    "LengthVerifier",
    "MathVerifier",
    "Message",
    "NotScoredError",
    "ProceduralVerifier",
    "PuzzleVerifier",
    "Reason",
    "Reasoning",
    "Reward",
    "RewardError",
    "RunError",
    "Sample",
    "SampleError",
    "SchemaVerifier",
    "SqlVerifier",
    "Status",
    "Term",
    "TestCase",
    "ToolsVerifier",
    "UnknownRewardError",
    "Verdict",
    "Verifier",
    "Voter",
    "auto",
    "judge_each",
    "r1_zero",
    "rl1",
    "rl2",
    "scan",
]


def __getattr__(name: str) -> Any:  # any: the type is that of the name asked for
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
