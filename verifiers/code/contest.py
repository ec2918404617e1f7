"""The limits that contests set their programs, from the columns of a row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...sandbox.limits import Limits

_SECONDS = re.compile(r"\s*([0-9.]+)\s*(?:s|sec|second|seconds)?\s*$", re.IGNORECASE)
_MEMORY = re.compile(r"\s*([0-9.]+)\s*(b|kb|mb|gb|bytes|kilobytes|megabytes|gigabytes)?\s*$", re.IGNORECASE)
_MIB = {"b": 1 / (1 << 20), "k": 1 / 1024, "m": 1.0, "g": 1024.0}


def limits_of_row(row: Mapping[str, Any]) -> Limits | None:  # any: JSON values
    """What a row's columns `time_limit`, `memory_limit` and `memory_limit_bytes` say; None where they say nothing.

    >>> limits_of_row({"time_limit": "2.0 seconds", "memory_limit": 256.0})
    Limits(time_s=2.0, wall_s=None, memory_mb=256.0, processes=None, output_bytes=None, disk_mb=None, total_s=None)
    """
    seconds = _seconds(row.get("time_limit"))
    memory = _megabytes(row.get("memory_limit"))
    if memory is None and isinstance(row.get("memory_limit_bytes"), int) and row["memory_limit_bytes"] > 0:
        memory = row["memory_limit_bytes"] / (1 << 20)
    if not seconds and not memory:
        return None
    return Limits(time_s=seconds or None, memory_mb=memory or None)


def _seconds(value: object) -> float | None:
    if isinstance(value, Mapping):
        whole, nanos = value.get("seconds") or 0, value.get("nanos") or 0
        if isinstance(whole, int | float) and isinstance(nanos, int | float):
            return _bounded(float(whole) + float(nanos) / 1e9)
        return None
    if isinstance(value, str) and (match := _SECONDS.match(value)):
        return _bounded(_number(match[1]))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _bounded(float(value) if value < 200 else float(value) / 1000)  # milliseconds, then
    return None


def _megabytes(value: object) -> float | None:
    if isinstance(value, str) and (match := _MEMORY.match(value)):
        return _bounded(_number(match[1]) * _MIB[(match[2] or "m")[0].lower()])
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _bounded(float(value) if value < 1 << 16 else float(value) / (1 << 20))  # bytes, then
    return None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _bounded(value: float) -> float | None:
    return value if 0 < value < 1 << 30 else None
