"""Rewards for slime, as `--custom-rm-path my_rewards.custom_rm`:

    # my_rewards.py
    from r1_reward.adapters.slime import reward

    custom_rm = reward("math", "format")

    --custom-rm-path r1_reward.adapters.slime.math_format  # without a file of your own; see `ready.py`

A row that could not be judged is **left out** of the loss (`on_error="none"`, the default); with `--group-rm` its
advantage is zero, too. miles takes the same function: miles-rl 0.0.2 calls it in the same way.

Read in slime of August 2026 (`rollout/rm_hub/__init__.py`, `utils/types.py`). What it does, and what is made of it:

- The function is a coroutine, called with `(args, sample)`, or with `(args, samples)` under `--group-rm`: both work.
- With `--reward-key` a dict is expected and one key of it trained on; without, a number: so that is what is given.
- A reward must be a number. A sample that could not be judged (`on_error="none"`, the default) is given 0.0 and marked
  `remove_sample`, which takes its tokens out of the loss. One by one its 0.0 still counts in the mean of its group;
  with `--group-rm` the whole group is here, and it is given the mean of the others. `normalize` needs `--group-rm`.

The reference is `sample.label`; other fields of a Sample are read from `sample.metadata`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Unpack

from ..rows.labels import label_row
from ..verifiers.errors import ConfigError
from ..verifiers.reward import Judged
from ..verifiers.verdict import Status
from . import ready
from .coroutine import CoroutineFunction
from .plan import Plan, Settings, TrainerTraits, Turn, make_plan

_TRAINER = TrainerTraits("slime", ("none", "zero", "raise"), groups=True)
SlimeResult = float | dict[str, float]


def reward(*rewards: str, **settings: Unpack[Settings]) -> SlimeReward:
    """A custom reward function for slime, by names of verifiers (summed), or by `preset`.

    Args:
        *rewards: Verifiers to sum, by name and weight: `"math"`, `"format:0.5"`; none is `auto`, by each row's kind.
        **settings: `preset`, `options`, `on_error` and others, see `r1_reward.adapters.plan.Settings`.

    Returns:
        A coroutine function `(args, sample)`, or of a list of samples with `--group-rm`, that gives floats or dicts.

    Raises:
        ConfigError: An option or its value is unknown, or this trainer cannot do it.
        UnknownRewardError: No verifier has such a name.

    >>> from types import SimpleNamespace
    >>> sample = SimpleNamespace(prompt="2 + 2?", response="The answer is 5.", label="4", metadata={})
    >>> asyncio.run(reward("math")(SimpleNamespace(reward_key=None), sample))
    0.0
    """
    return SlimeReward(make_plan(rewards, settings, _TRAINER))


class SlimeReward(CoroutineFunction):
    """A custom reward function as slime calls it; picklable."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.__name__: str = plan.name

    async def __call__(
        self, args: Any, sample: Any, **_: object
    ) -> SlimeResult | list[SlimeResult]:  # any: slime's own
        """The reward of a sample, or those of a whole group. Raises InstrumentDown, and as `on_error` says."""
        plan, group = self.plan, isinstance(sample, list | tuple)
        if plan.normalize and not group:
            raise ConfigError("terms are normalized in whole groups, which slime hands over with --group-rm")
        samples = sample if group else [sample]
        judged = await asyncio.to_thread(plan.judge, [_turn(one) for one in samples])
        numbers = plan.group_numbers(judged) if group else [plan.number(judged[0]) or 0.0]
        results = [_result(plan, args, *row) for row in zip(samples, judged, numbers, strict=True)]
        return results if group else results[0]


def __getattr__(name: str) -> SlimeReward:
    made: SlimeReward = ready.find(__name__, name, reward)
    return made


def _turn(sample: Any) -> Turn:  # any: slime's Sample
    metadata = sample.metadata if isinstance(sample.metadata, Mapping) else {}
    row = dict(metadata) if sample.label is None else {**metadata, **label_row(sample.label)}
    return Turn(sample.response, sample.prompt, row)


def _result(plan: Plan, args: Any, sample: Any, judged: Judged, number: float) -> SlimeResult:  # any: slime's own
    if judged.total.status is Status.ERROR and plan.grading.on_error == "none":
        sample.remove_sample = True
    if getattr(args, "reward_key", None):
        return {"score": number, **plan.parts(judged)}
    return number
