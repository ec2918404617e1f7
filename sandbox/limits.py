"""What a submitted program may use."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass

_MOST = 1 << 32
"""Larger bounds bound nothing, and in bytes some are more than the kernel can count."""
_WHOLE = ("processes", "output_bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on one submission; None leaves a bound at the sandbox's own default.

    Raises:
        ValueError: A bound is no positive number, which would fail programs that are right; the message names it.

    >>> Limits(time_s=2, memory_mb=256).time_s
    2
    """

    time_s: float | None = None
    """Processor time of one test, of all its processes together, seconds."""
    wall_s: float | None = None
    """Wall time of one test, seconds; None: five times `time_s`, and 2 s."""
    memory_mb: float | None = None
    """Memory of one test, MiB."""
    processes: int | None = None
    """Processes and threads alive at once."""
    output_bytes: int | None = None
    """Standard output, bytes; an expected output that is longer raises it. Standard error is cut there."""
    disk_mb: float | None = None
    """Files written by one test, MiB."""
    total_s: float | None = None
    """Processor time of the whole submission, compiling included, seconds; its wall time is bounded in proportion."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            name, bound = field.name, getattr(self, field.name)
            if bound is None:
                continue
            number = isinstance(bound, int | float) and not isinstance(bound, bool)
            if not number or not 0 < bound <= _MOST:
                raise ValueError(f"{name} must be a positive number, at most {_MOST}, got {bound!r}")
            if name in _WHOLE:
                if bound != int(bound):
                    raise ValueError(f"{name} must be a whole number, got {bound!r}")
                object.__setattr__(self, name, int(bound))  # tables with gaps keep whole numbers as 64.0

    @property
    def wall(self) -> float:
        """The bound on wall time.

        >>> Limits(time_s=2).wall
        12
        """
        return self.wall_s or 5 * (self.time_s or 0) + 2

    def over(self, base: Limits) -> Limits:
        """These limits where they are set, those of `base` elsewhere.

        Args:
            base: What stands where these say nothing.

        Returns:
            New limits.

        >>> Limits(time_s=2).over(DEFAULT_LIMITS).memory_mb
        512
        """
        overrides = {
            f.name: getattr(self, f.name) for f in dataclasses.fields(self) if getattr(self, f.name) is not None
        }
        return dataclasses.replace(base, **overrides)


DEFAULT_LIMITS = Limits(time_s=10, memory_mb=512, processes=64, output_bytes=4 << 20, disk_mb=64, total_s=120)
"""What stands where a submission says nothing; every bound is set."""


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
