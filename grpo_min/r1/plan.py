"""`r1-reward train RECIPE --dry-run`: what each stage of a recipe would take, and what was assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ...verifiers.errors import ConfigError
from ...verifiers.settings import from_table
from ..config import TrainConfig
from .cost import Assumptions, Planned, Sizes, rl_cost, size_of
from .recipe import read_recipe
from .stages import STAGES


def plan(path: str, assumed: Assumptions, changes: Mapping[str, object] | None = None) -> dict[str, Planned]:
    """What each stage of a recipe takes, by name; ConfigError for one that cannot be read or names no model."""
    recipe = read_recipe(path, changes)
    if isinstance(recipe, TrainConfig):
        return {"run": rl_cost(recipe, size_of(recipe.model.path), assumed)}
    source = recipe.source
    if not source.base:
        raise ConfigError(f"{path} names no source.base, so that it is the toy, which is made by the run itself")
    sizes = Sizes(size_of(source.base), size_of(source.small or source.base))
    named = recipe.stages or [stage.name for stage in STAGES if not stage.experiment]
    return {stage.name: stage.cost(recipe, sizes, assumed) for stage in STAGES if stage.cost and stage.name in named}


def run_plan(
    path: str,
    assume: Mapping[str, Any],  # any: values of TOML's kinds
    changes: Mapping[str, object] | None = None,
) -> int:
    """Print a plan and what it assumes; gives the exit status. Raises ConfigError for what cannot be planned."""
    assumed = from_table(Assumptions, assume)
    stages = plan(path, assumed, changes)
    lines = [
        line
        for name, one in stages.items()
        for line in (name, *(f"  {key:<12}{text}" for key, text in one.lines.items()))
    ]
    hours = sum(one.hours for one in stages.values())
    values = ", ".join(f"{name}={value:g}" for name, value in asdict(assumed).items())
    total = f"in all        {hours:,.1f} GPU-hours, ${hours * assumed.price:,.0f}"
    print(*lines, total, f"assumed       {values}; --assume NAME=VALUE changes it", sep="\n")  # noqa: T201 - data
    return 0
