"""Rewards for torchtitan's RL, as a rubric for whole groups, or as one reward function:

    from torchtitan.experiments.rl.rubrics import RewardFn, Rubric
    from r1_reward.adapters.torchtitan import reward_fn, rubric

    R1Rubric = rubric("math", "format:0.1", base=Rubric)
    config = R1Rubric.Config(truncation_reward=0.0)  # of the rollouter: `rubric=config`

    R1Math = reward_fn("math", base=RewardFn)  # beside others: Rubric.Config(reward_fns=[R1Math.Config(weight=1.0)])

A row that could not be judged has **advantage zero** under a rubric of ours (`on_error="none"`, the default): it is
given the mean of its group. Under a reward function its whole group is **left out**.

Read in torchtitan 0.3.0 (`experiments/rl/rubrics/rubric.py`, `rollout/types.py`, `rollout/rollouter.py`,
`controller.py`). What it does, and what is made of it here:

- A reward function is a coroutine `(rollout, env_input)`; a rubric's `score_group(rollouts, env_input)` has the whole
  group, so that terms can be normalised in it (`normalize=True`). `env_input` is the dataset's own object: its fields
  are the row.
- What raises costs the whole group ("rollout group failed; dropping").
- A rubric normalises its functions' weights to one; sums of ours are not: `math,format:0.1` is 1.1 at most.
- Judging runs in a thread beside the event loop, as its actors need it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import Sequence
from typing import Any, ClassVar, Unpack

from ..rows.labels import label_row
from ..verifiers.reward import Judged
from .fields import fields_of
from .plan import Plan, Settings, TrainerTraits, Turn, make_plan

_TRAINER = TrainerTraits("torchtitan", ("none", "zero", "raise"), groups=True)
_ALONE = TrainerTraits("a reward function of torchtitan", ("none", "zero", "raise"))


def reward_fn(*rewards: str, base: type, **settings: Unpack[Settings]) -> Any:  # any: a RewardFn's class
    """A reward function's class for a torchtitan rubric, by names of verifiers (summed), or by `preset`.

    Args:
        *rewards: Verifiers to sum, by name and weight: `"math"`, `"format:0.5"`; none is `auto`, by each row's kind.
        base: torchtitan's `RewardFn`, whose `Config` holds the weight.
        **settings: `preset`, `options`, `on_error` and others, see `r1_reward.adapters.plan.Settings`.

    Returns:
        A class whose instances take a rollout and give one float.

    Raises:
        ConfigError: An option or its value is unknown, or this trainer cannot do it.
        UnknownRewardError: No verifier has such a name.
    """
    plan = make_plan(rewards, settings, _ALONE)

    async def call(self: object, rollout: Any, env_input: object) -> float:  # noqa: ARG001 # any: torchtitan's Rollout
        (judged,) = await asyncio.to_thread(plan.judge, [_turn(rollout, env_input)])
        return plan.number_or_raise(judged) or 0.0

    return type(base)(plan.name, (base,), {"plan": plan, "__call__": call, **_config_of(base)})


class TitanRubric:
    """A rubric as torchtitan calls it; `rubric` makes subclasses with a plan."""

    plan: ClassVar[Plan]
    _output: ClassVar[Any]  # any: torchtitan's RubricOutput

    def __init__(self, config: Any) -> None:  # any: torchtitan's Rubric.Config
        """Without torchtitan's own reward functions, which its Rubric insists on."""
        self._config = config

    async def score_group(self, rollouts: Sequence[Any], env_input: object) -> list[Any]:  # any: torchtitan's own
        """The rewards of a group. Raises InstrumentDown, and NotScoredError where `on_error` is `raise`."""
        fixed = [self._fixed(rollout) for rollout in rollouts]
        asked = [rollout for rollout, reward in zip(rollouts, fixed, strict=True) if reward is None]
        judged = await asyncio.to_thread(self.plan.judge, [_turn(rollout, env_input) for rollout in asked])
        results = iter(zip(self.plan.group_numbers(judged), judged, strict=True))
        return [self._reward_output(*next(results)) if reward is None else reward for reward in fixed]

    def _fixed(self, rollout: Any) -> Any:  # any: torchtitan's own
        """What the configuration gives a rollout that was cut or failed; None for one that is judged."""
        for key, reward, applies in (
            ("truncated", self._config.truncation_reward, rollout.status.is_truncated),
            ("errored", self._config.error_reward, rollout.status.is_error),
        ):
            if reward is not None and applies():
                return self._output(reward=reward, reward_breakdown={key: reward})
        return None

    def _reward_output(self, number: float, judged: Judged) -> Any:  # any: torchtitan's own
        return self._output(reward=number, reward_breakdown=self.plan.parts(judged))


def rubric(*rewards: str, base: type, **settings: Unpack[Settings]) -> Any:  # any: a Rubric's class
    """A rubric's class for torchtitan, by names of verifiers (summed), or by `preset`.

    Args:
        *rewards: Verifiers to sum, by name and weight: `"math"`, `"format:0.5"`; none is `auto`, by each row's kind.
        base: torchtitan's `Rubric`.
        **settings: `preset`, `options`, `on_error` and others, see `r1_reward.adapters.plan.Settings`.

    Returns:
        A class whose `score_group` takes the rollouts of a group and gives a `RubricOutput` each.

    Raises:
        ConfigError: An option or its value is unknown, or this trainer cannot do it.
        UnknownRewardError: No verifier has such a name.
    """
    plan = make_plan(rewards, settings, _TRAINER)
    output = sys.modules[base.__module__].RubricOutput
    body = {"plan": plan, "_output": output, **_config_of(base)}
    return type(base)(plan.name, (TitanRubric, base), body)


def _config_of(base: Any) -> dict[str, Any]:  # any: a class of torchtitan's, and the body of one
    """A configuration of its own, by which torchtitan knows what to build."""
    config = type("Config", (base.Config,), {"__module__": __name__})
    return {"Config": dataclasses.dataclass(kw_only=True, slots=True)(config), "__module__": __name__}


def _turn(rollout: Any, env_input: object) -> Turn:  # any: torchtitan's Rollout
    """The last turn's message, and what the dataset's own object says."""
    last = rollout.turns[-1] if rollout.turns else None
    message = getattr(last, "completion_message", None)
    row = fields_of(env_input)
    truth = row.pop("ground_truth", None)
    row = row if truth is None else {**row, **label_row(truth)}
    said = [message] if message else ""
    return Turn(said, getattr(last, "prompt_messages", None) or row.get("prompt"), row)
