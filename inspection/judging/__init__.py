"""Looking at models that judge: how far they agree with people, and what a benchmark's verdicts add up to."""

from .benchmarks import WinRate, arena_hard_score, length_controlled
from .calibrate import JudgeCheck, check_judge
from .labelled import Labelled, read_labelled

__all__ = [
    "JudgeCheck",
    "Labelled",
    "WinRate",
    "arena_hard_score",
    "check_judge",
    "length_controlled",
    "read_labelled",
]
