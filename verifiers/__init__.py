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

_NAMES = {
    "answer": "AnswerVerifier",
    "cases": "TestCase",
    "choice": "ChoiceVerifier",
    "code": "CodeVerifier",
    "errors": "ConfigError InstrumentDown NotScoredError RewardError RunError SampleError UnknownRewardError",
    "format": "FormatVerifier",
    "instructions": "InstructionsVerifier",
    "judge": "JudgeVerifier",
    "language": "LanguageVerifier",
    "length": "LengthVerifier",
    "math": "MathVerifier",
    "procedural": "ProceduralVerifier",
    "puzzle": "PuzzleVerifier",
    "reasoning": "Reasoning scan",
    "reward": "Auto Reward Term auto r1_zero rl1 rl2",
    "sample": "Message Sample",
    "schema": "SchemaVerifier",
    "sql": "SqlVerifier",
    "tools": "ToolsVerifier",
    "verdict": "Reason Status Verdict",
    "verifier": "Verifier Voter judge_each",
}
"""By the module that has them."""
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

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
