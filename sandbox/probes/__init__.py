"""Attempts to break out of a sandbox, for any backend; conformance.py runs them.

A probe is a program that tries something, and a look from outside at what came of it. The program prints a line for
every hole it finds and `tried` at its end, so that a probe that fell over is not mistaken for a sandbox that held.
Not covered: attacks on the kernel itself, on the processor's caches, on the engine.
"""

from __future__ import annotations

from .bounds import BOUNDS
from .probe import Bench, Probe
from .reach import REACH
from .remains import REMAINS

PROBES = (*REACH, *REMAINS, *BOUNDS)
"""All of them, in the order of a report."""

__all__ = ["PROBES", "Bench", "Probe"]
