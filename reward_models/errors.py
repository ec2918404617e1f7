"""What can go wrong with reward models and their data.

RewardError
├── DataError         a row of preference data cannot be used (also ValueError); names file, row and column
├── ModelError        a model or tokenizer cannot serve as a reward model (also ValueError)
├── OverlongError     a response takes more work to read whole than is allowed
└── TrainingError     a training run cannot start or go on
    └── NotFiniteError    a loss or a gradient is no number; the batch was saved
"""

from __future__ import annotations

from pathlib import Path

from ..verifiers.errors import RewardError


class DataError(RewardError, ValueError):
    """A row of preference data cannot be used; the message names file, row and column."""


class ModelError(RewardError, ValueError):
    """A model or tokenizer cannot serve as a reward model; the message says what would."""


class OverlongError(RewardError):
    """A response, with its prompt, takes more work to read whole than is allowed; the message names both."""


class TrainingError(RewardError):
    """A training run cannot start or go on."""


class NotFiniteError(TrainingError):
    """A loss or a gradient is no number.

    Args:
        message: A sentence.
        batch: The file that holds what it was computed from.
    """

    def __init__(self, message: str, batch: Path) -> None:
        super().__init__(message)
        self.batch = batch
