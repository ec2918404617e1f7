"""What a submitted program may use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on one submission; None leaves a bound at the sandbox's own default.

    >>> Limits(time_s=2, memory_mb=256).time_s
    2
    """

    time_s: float | None = None
    """Wall time of one test, seconds."""
    memory_mb: float | None = None
    """Memory of one test, MiB."""
    processes: int | None = None
    """Processes and threads alive at once."""
    output_bytes: int | None = None
    """Standard output and standard error together, bytes."""
    disk_mb: float | None = None
    """Files written by one test, MiB."""
    total_s: float | None = None
    """Wall time of the whole submission, compiling included, seconds."""
