"""The exceptions that this package raises on purpose.

RewardError
├── SampleError          a row cannot be made into a Sample (also ValueError)
├── ConfigError          options that cannot be carried out (also ValueError)
│   └── UnknownRewardError
├── NotScoredError       a number was asked of a verdict that has none (also ValueError)
├── InstrumentDown       so many samples could not be judged that a trainer must not go on
└── RunError             a scoring run cannot start or go on: files, workers, resume
    └── WriteError       a file cannot be written; what was there before is there still

None of them is ever raised for what a model wrote.
"""

from __future__ import annotations


class RewardError(Exception):
    """The root of the tree."""


class SampleError(RewardError, ValueError):
    """A row cannot be made into a Sample.

    Args:
        reason: `missing_field` or `wrong_type`.
        message: Names the field, and what is there.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return self.message


class ConfigError(RewardError, ValueError):
    """Options that cannot be carried out; the message names the value and the way out."""


class UnknownRewardError(ConfigError):
    """A reward was named that nobody knows; the message lists the known ones."""


class NotScoredError(RewardError, ValueError):
    """A number was asked of a verdict that was skipped or could not be judged."""


class InstrumentDown(RewardError):  # noqa: N818 - it names a state of the instrument, as its users say it
    """So many samples could not be judged that training on the rest would be training on noise.

    The message says how many, why, and what the last of them said.
    """


class RunError(RewardError):
    """A scoring run cannot start or go on."""


class WriteError(RunError):
    """A file cannot be written. One that is replaced is as it was; one that grows holds whole lines, and its run can be
    resumed."""


def missing_extra(purpose: str, module: str | None, extra: str) -> str:
    """The message for a module that only some users need and that is not installed.

    >>> missing_extra("a report", "jinja2", "report")
    "a report needs jinja2: install r1-reward with its extra 'report' (docs/how-to/install.md)"
    """
    return f"{purpose} needs {module}: install r1-reward with its extra {extra!r} (docs/how-to/install.md)"
