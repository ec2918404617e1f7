"""Rewards for AReaL, as the `reward_fn` of `RLVRWorkflow` and its like:

    from r1_reward.adapters.areal import reward

    workflow = RLVRWorkflow(reward_fn=reward("math"), ...)

    workflow = RLVRWorkflow(reward_fn="r1_reward.adapters.areal.math_format", ...)  # by import path; see `ready.py`

A row that could not be judged is **left out** (`on_error="none"`, the default): its rollout is rejected.

Read in AReaL 1.0.4 (`api/reward_api.py`, `workflow/rlvr.py`). What it does, and what is made of it here:

- The function is pickled into a process pool for **every call**, with (prompt, completion, ids, ids) by position and
  the row's columns by keyword: so it is a small instance, and all that are equal share one grader in each worker.
- A number is expected. An exception is tried again three times and then rejects the rollout, which is how a sample is
  left out: so that is what `on_error="none"` (the default) and `"raise"` both do. Older versions give 0 instead.
- A call that takes longer than 15 s is given up on, tried again three times while the first goes on, and then is 0: so
  after 12 s (`deadline`) the sample could not be judged.
- Texts are decoded with special tokens; the prompt's end shows whether the template wrote `<think>`.
"""

from __future__ import annotations

from typing import Any, Unpack

from . import ready
from .plan import Plan, Settings, TrainerTraits, Turn, make_plan

_TRAINER = TrainerTraits("AReaL", ("none", "zero", "raise"), deadline=12.0)


def reward(*rewards: str, **settings: Unpack[Settings]) -> ArealReward:
    r"""A reward function for AReaL, by names of verifiers (summed), or by `preset`.

    Args:
        *rewards: Verifiers to sum, by name and weight: `"math"`, `"format:0.5"`; none is `auto`, by each row's kind.
        **settings: `preset`, `options`, `on_error` and others, see `r1_reward.adapters.plan.Settings`.

    Returns:
        A picklable function `(prompt, completions, prompt_ids, completion_ids, **columns) -> float` for one response.

    Raises:
        ConfigError: An option or its value is unknown, or this trainer cannot do it.
        UnknownRewardError: No verifier has such a name.

    >>> reward("math")("2 + 2?", r"\\boxed{4}", [1, 2], [3, 4], answer="4")
    1.0
    """
    return ArealReward(make_plan(rewards, settings, _TRAINER))


class ArealReward:
    """A reward function as AReaL calls it; picklable."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.__name__: str = plan.name

    def __call__(
        self,
        prompt: object,
        completions: object,
        prompt_ids: object = None,  # noqa: ARG002 - AReaL passes it
        completion_ids: object = None,  # noqa: ARG002
        **data: Any,  # any: the dataset's columns
    ) -> float:
        """The reward; 0.0 where it does not apply.

        Raises NotScoredError for a sample that could not be judged unless `on_error` is `zero`, and InstrumentDown.
        """
        (judged,) = self.plan.judge([Turn(completions, prompt, data)])
        return self.plan.number_or_raise(judged) or 0.0


def __getattr__(name: str) -> ArealReward:
    made: ArealReward = ready.find(__name__, name, reward)
    return made
