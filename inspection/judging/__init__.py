"""Looking at models that judge: how far they agree with people, and what a benchmark's verdicts add up to."""

from .benchmarks import arena_hard_score, instruction_difficulties, length_controlled
from .calibrate import JudgeCheck, check_judge
from .labelled import Labelled, read_labelled
from .length_control import BaselineVerdict, WinRate, estimate_difficulties, win_rate

__all__ = [
    "BaselineVerdict",
    "JudgeCheck",
    "Labelled",
    "WinRate",
    "arena_hard_score",
    "check_judge",
    "estimate_difficulties",
    "instruction_difficulties",
    "length_controlled",
    "read_labelled",
    "win_rate",
]
