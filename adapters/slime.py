"""Rewards for slime, as `--custom-rm-path my_rewards.custom_rm`:

    # my_rewards.py
    from r1_reward.adapters.slime import reward

    custom_rm = reward("math", "format")

Read in slime of August 2026 (`rollout/rm_hub/__init__.py`, `utils/types.py`). What it does, and what is made of it:

- The function is a coroutine, called with `(args, sample)`, or with `(args, samples)` under `--group-rm`: both work.
- With `--reward-key` a dict is expected and one key of it trained on; without, a number: so that is what is given.
- A reward must be a number. A sample that could not be judged (`on_error="none"`, the default) is given 0.0 and marked
  `remove_sample`, which takes its tokens out of the loss; its 0.0 still counts in the mean of its group.

The reference is `sample.label`; other fields of a Sample are read from `sample.metadata`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Unpack

from ..rows.labels import label_row
from ..verifiers.reward import Judged
from ..verifiers.verdict import Status
from .plan import Plan, Settings, Turn, make_plan

Result = float | dict[str, float]
Rm = Callable[..., Coroutine[None, None, Result | list[Result]]]


def reward(*rewards: str, **settings: Unpack[Settings]) -> Rm:
    """A custom reward function for slime, by names of verifiers (summed), or by `preset`.

    Raises ConfigError or UnknownRewardError for options that cannot be carried out.

    >>> from types import SimpleNamespace
    >>> sample = SimpleNamespace(prompt="2 + 2?", response="The answer is 5.", label="4", metadata={})
    >>> asyncio.run(reward("math")(SimpleNamespace(reward_key=None), sample))
    0.0
    """
    plan = make_plan(rewards, settings, ("none", "zero", "raise"), "slime")

    async def custom_rm(args: Any, sample: Any, **_: object) -> Result | list[Result]:  # any: slime's own
        samples = sample if isinstance(sample, list | tuple) else [sample]
        judged = await asyncio.to_thread(plan.judge, [_turn(one) for one in samples])
        found = [_result(plan, args, one, judgement) for one, judgement in zip(samples, judged, strict=True)]
        return found if isinstance(sample, list | tuple) else found[0]

    custom_rm.__name__ = custom_rm.__qualname__ = plan.name
    return custom_rm


def _turn(sample: Any) -> Turn:  # any: slime's Sample
    metadata = sample.metadata if isinstance(sample.metadata, Mapping) else {}
    row = dict(metadata) if sample.label is None else {**metadata, **label_row(sample.label)}
    return Turn(sample.response, sample.prompt, row)


def _result(plan: Plan, args: Any, sample: Any, judged: Judged) -> Result:  # any: slime's own
    number = plan.number(judged)
    if judged.total.status is Status.ERROR and plan.grading.on_error == "none":
        sample.remove_sample = True
    score = 0.0 if number is None else number
    if getattr(args, "reward_key", None):
        return {"score": score, **plan.parts(judged)}
    return score
