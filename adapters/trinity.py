"""Rewards for Trinity-RFT, as a reward function's class:

    # the taskset's YAML, without a file of your own; see `ready.py`
    default_reward_fn_type: r1_reward.adapters.trinity.configured
    reward_fn_args: {rewards: ["math", "format:0.1"], options: {math: {extraction: lenient}}}

A row that could not be judged is **left out**, with its whole group (`on_error="none"`, the default).

Read in Trinity-RFT 0.6.0 (`common/rewards/reward_fn.py`, `common/workflows/workflow.py`,
`explorer/workflow_runner.py`). What it does, and what is made of it here:

- Classes are taken that inherit from its RewardFn, and are made as `X(**reward_fn_args)` for every task: so rewards
  and options may stand there, and equal ones share one grader.
- They are called with `response` and `truth` for each response. The reward is the **sum of the values** of the dict
  that comes back, which are also its metrics: so these are the terms' weighted scores, and nothing else.
- What raises costs the whole task its responses, of which then none are trained on: so that is what `on_error="none"`
  and `"raise"` both do.
"""

from __future__ import annotations

import functools
import json
from importlib import import_module
from typing import Any, ClassVar, Unpack, cast

from ..rows.labels import label_row
from ..rows.values import plain
from ..verifiers.reward import Reward
from . import ready
from .plan import Plan, Settings, TrainerTraits, Turn, make_plan
from .subclass import subclass

_TRAINER = TrainerTraits("Trinity-RFT", ("none", "zero", "raise"))


class TrinityReward:
    """A reward function as Trinity-RFT makes and calls it; `reward` makes subclasses with a plan."""

    default: ClassVar[Plan]
    """What judges where `reward_fn_args` says nothing."""

    def __init__(self, **reward_fn_args: Any) -> None:  # any: YAML values
        """Raises ConfigError or UnknownRewardError for options that cannot be carried out."""
        settings = plain(reward_fn_args)
        self.plan: Plan = _plan(json.dumps(settings, sort_keys=True)) if settings else self.default

    def __call__(
        self,
        response: object,
        prompt: object = None,
        truth: object = None,
        **row: Any,  # any: what some workflows add
    ) -> dict[str, float]:
        """The weighted scores of the terms, whose sum is the reward.

        Raises NotScoredError for a sample that could not be judged unless `on_error` is `zero`, and InstrumentDown.
        """
        (judged,) = self.plan.judge([Turn(response, prompt, {**row, **({} if truth is None else label_row(truth))})])
        number = self.plan.number_or_raise(judged)
        reward = self.plan.grading.grader().reward
        terms = reward.terms if isinstance(reward, Reward) else ()
        if judged.total.score is None or not terms:
            return {self.plan.name: number or 0.0}
        return {term.name: term.weight * judged.total.parts.get(term.name, 0.0) for term in terms}


def reward(*rewards: str, base: type = object, **settings: Unpack[Settings]) -> type[TrinityReward]:
    r"""A reward function's class for Trinity-RFT, by names of verifiers (summed), or by `preset`.

    Args:
        *rewards: Verifiers to sum, by name and weight: `"math"`, `"format:0.5"`; none is `auto`, by each row's kind.
        base: Trinity-RFT's `RewardFn`; `object` for a class without it.
        **settings: `preset`, `options`, `on_error` and others, see `r1_reward.adapters.plan.Settings`.

    Returns:
        A class whose instances judge one response and give each term's weighted score by name.

    Raises:
        ConfigError: An option or its value is unknown, or this trainer cannot do it.
        UnknownRewardError: No verifier has such a name.

    >>> reward("math", "format:0.5")()(response=r"<think>2 + 2</think><answer>\\boxed{4}</answer>", truth="4")
    {'math': 1.0, 'format': 0.5}
    """
    plan = make_plan(rewards, settings, _TRAINER)
    return subclass(plan.name, TrinityReward, base, default=plan)


def __getattr__(name: str) -> type[TrinityReward]:
    made: type[TrinityReward] = ready.find(__name__, name, _reward)
    return made


def _reward(*rewards: str, **settings: Unpack[Settings]) -> type[TrinityReward]:
    base: type = import_module("trinity.common.rewards.reward_fn").RewardFn
    return reward(*rewards, base=base, **settings)


@functools.lru_cache(maxsize=64)
def _plan(settings_json: str) -> Plan:
    settings = json.loads(settings_json)
    rewards = settings.pop("rewards", ())
    return make_plan([rewards] if isinstance(rewards, str) else rewards, cast(Settings, settings), _TRAINER)
