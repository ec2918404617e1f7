"""Rewards for ms-swift, in a file given to `--external_plugins`:

    from swift.rewards import orms
    from r1_reward.adapters.swift import orm

    orms["r1_math"] = orm("math")  # then --reward_funcs r1_math

Without a file of your own: `--external_plugins $(python -m r1_reward.adapters.plugins swift)`, whose names are
`r1_math`, `r1_math_format`, ... and `r1_configured` (`ready.py`).

A row that could not be judged has **no advantage** (`on_error="none"`, the default).

Read in ms-swift 4.6.0 (`rewards/orm.py`, `rl_core/grpo_algorithm.py`). What it does, and what is made of it here:

- Classes are registered, made as `X(args=args)` and called with completions **by position**, which are plain strings,
  unlike TRL's; columns are lists by keyword, `messages` among them, whose turns before the last are the prompt.
- `None` becomes NaN and leaves the row out of that function, as in TRL: so that is what `on_error="none"` gives.
- Figures are kept by the class's name: so each class has a name of its own. A class is pickled by it: one that was made
  with options of its own can be pickled within a process, a ready name in any.
- Groups may be split over ranks, so that terms are not normalised here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Unpack

from ..rows.values import plain
from . import ready
from .plan import Plan, Settings, TrainerTraits, make_plan
from .siblings import introduce, judge_together, step_of

_TRAINER = TrainerTraits("ms-swift", ("none", "zero", "raise"), lists=True, steps=True)


class SwiftReward:
    """A reward as ms-swift calls it; `orm` makes subclasses with a plan and a name."""

    plan: Plan

    def __init__(self, args: object = None, **_: object) -> None:
        self.args = args
        introduce(self)

    def __reduce__(self) -> tuple[Callable[..., SwiftReward], tuple[Plan, object]]:
        return _remade, (self.plan, self.args)

    def __call__(
        self,
        completions: Sequence[object],
        references: Sequence[object] | None = None,
        **columns: Any,  # any: dataset columns
    ) -> list[float | None]:
        """One reward per completion, None where there is none. Raises as the reward functions for TRL do."""
        if references is not None:
            columns["reference"] = references
        prompts = columns.pop("prompts", None)
        messages = columns.get("messages")
        if prompts is None and isinstance(messages, Sequence) and len(messages) == len(completions):
            prompts = [_before(turns) for turns in messages]
        judged = judge_together(self, completions, prompts, columns, step_of(columns.get("trainer_state")))
        return [self.plan.number(one) for one in judged]


def orm(*rewards: str, **settings: Unpack[Settings]) -> type[SwiftReward]:
    r"""A reward class for ms-swift's `orms`, by names of verifiers (summed), or by `preset`.

    Args:
        *rewards: Verifiers to sum, by name and weight: `"math"`, `"format:0.5"`; none is `auto`, by each row's kind.
        **settings: `preset`, `options`, `on_error` and others, see `r1_reward.adapters.plan.Settings`.

    Returns:
        A class whose instances take completions and columns and give one float, or None, for each.

    Raises:
        ConfigError: An option or its value is unknown, or this trainer cannot do it.
        UnknownRewardError: No verifier has such a name.

    >>> orm("math")(args=None)([r"\\boxed{4}"], solution=["4"], trainer_state=None)
    [1.0]
    """
    plan = make_plan(rewards, settings, _TRAINER)
    return _with(plan)


def _with(plan: Plan) -> type[SwiftReward]:
    made = type(plan.name, (SwiftReward,), {"plan": plan, "__module__": __name__})
    kept: type[SwiftReward] = ready.keep(__name__, plan.name, made, lambda other: other.plan == plan)
    return kept


def _remade(plan: Plan, args: object) -> SwiftReward:
    return _with(plan)(args)


def __getattr__(name: str) -> type[SwiftReward]:
    made: type[SwiftReward] = ready.find(__name__, name, orm)
    return made


def _before(messages: object) -> object:
    turns = plain(messages)
    if isinstance(turns, list) and turns and isinstance(turns[-1], dict) and turns[-1].get("role") == "assistant":
        return turns[:-1]
    return turns
