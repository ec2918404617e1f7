"""Rewards for OpenEnv, as a rubric:

    from openenv.core.rubrics import Rubric
    from r1_reward.adapters.openenv import rubric

    class MyEnvironment(Environment):
        def __init__(self):
            super().__init__(rubric=rubric("math", "format", base=Rubric)())

A row that could not be judged has **no reward** (`on_error="none"`, the default): `None`, which an Observation may
hold and TRL leaves out.

Read in OpenEnv 0.10.0 (`core/rubrics/base.py`, `core/env_server/interfaces.py`). What it does, and what is made of it
here:

- A rubric's `forward(action, observation)` gives a number, which the environment puts into `observation.reward`.
- Actions and observations are pydantic models of the environment's own. The response is the action's `response`,
  `message`, `content`, `text`, `answer` or `completion`; everything else of both is the row, with their `metadata`.
- Its containers compute with what their rubrics give: a `None` inside one raises, and is no wrong answer.
- OpenEnv has rubrics of its own kinds (`WeightedSum`, `Gate`): a sum with weights is one rubric here.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar, Unpack

from . import ready
from .fields import fields_of
from .plan import Plan, Settings, TrainerTraits, Turn, make_plan
from .subclass import subclass

_TRAINER = TrainerTraits("OpenEnv", ("none", "zero", "raise"))
_RESPONSES = ("response", "message", "content", "text", "answer", "completion")
"""Fields of an action in which the response may stand."""


class OpenEnvRubric:
    """A rubric as OpenEnv calls it; `rubric` makes subclasses with a plan."""

    plan: ClassVar[Plan]

    def forward(self, action: object, observation: object) -> float | None:
        """The reward of an action; None for one that could not be judged, and where the reward does not apply.

        Raises InstrumentDown, and NotScoredError where `on_error` is `raise`.
        """
        said, row = fields_of(action), fields_of(observation)
        for fields in (row, said):
            more = fields.pop("metadata", None)
            fields |= more if isinstance(more, Mapping) else {}
        response = next((said.pop(name) for name in _RESPONSES if said.get(name) is not None), None)
        for name in ("done", "reward"):
            row.pop(name, None)
        row = {**said, **row}
        (judged,) = self.plan.judge([Turn(response, row.get("prompt"), row)])
        return self.plan.number(judged)


def rubric(*rewards: str, base: type = object, **settings: Unpack[Settings]) -> Any:  # any: a Rubric's class
    r"""A rubric's class for OpenEnv, by names of verifiers (summed), or by `preset`.

    Args:
        *rewards: Verifiers to sum, by name and weight: `"math"`, `"format:0.5"`; none is `auto`, by each row's kind.
        base: OpenEnv's `Rubric`; `object` for a class without it.
        **settings: `preset`, `options`, `on_error` and others, see `r1_reward.adapters.plan.Settings`.

    Returns:
        A class whose `forward(action, observation)` gives one float.

    Raises:
        ConfigError: An option or its value is unknown, or this trainer cannot do it.
        UnknownRewardError: No verifier has such a name.

    >>> rubric("math")().forward({"message": r"\\boxed{4}"}, {"metadata": {"answer": "4"}})
    1.0
    """
    plan = make_plan(rewards, settings, _TRAINER)
    return subclass(plan.name, OpenEnvRubric, base, plan=plan)


def __getattr__(name: str) -> Any:  # any: a Rubric's class
    def made(*rewards: str, **settings: Unpack[Settings]) -> Any:  # any: as above
        return rubric(*rewards, base=import_module("openenv.core.rubrics").Rubric, **settings)

    return ready.find(__name__, name, made)
