"""A plugin for ms-swift's `--external_plugins`: registers the usual sums as `r1_math`, `r1_math_format`, ..."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import r1_reward.adapters.swift as adapter

REGISTERED = (
    "auto",
    "math",
    "format",
    "language",
    "math_format",
    "math_format_language",
    "code",
    "code_format",
    "configured",
)
"""The ready names that are registered; `r1_configured` is what the file in R1_REWARD_CONFIG says."""


def register(orms: dict[str, Any]) -> None:  # any: ms-swift's classes
    """Add the rewards to ms-swift's table."""
    for name in REGISTERED:
        orms[f"r1_{name}"] = getattr(adapter, name)


if find_spec("swift") is not None:
    register(import_module("swift.rewards").orms)
