"""Rewards for atropos, as a reward function:

    from atroposlib.envs.reward_fns.reward_function import RewardFunction
    from r1_reward.adapters.atropos import reward

    rewards = reward("math", "format:0.1", base=RewardFunction)()
    scores = rewards([text for text in completions], answer=gold)  # in score() of your environment: one group

A row that could not be judged has **advantage zero** (`on_error="none"`, the default): it is given the mean of its
group.

Read in atroposlib 0.4.0 (`envs/reward_fns/reward_function.py`, `registry.py`, `combined_reward.py`). What it does, and
what is made of it here:

- `compute(completions, **kwargs)` gives a list of numbers for a group; golds may be one for all, or one each.
- `RewardFunction.__call__` multiplies by `weight` and turns every exception into zeros for the whole group: so it is
  made anew here, and InstrumentDown comes through. Inside a `CombinedReward` it does not: sum here instead.
- `registry.register(cls, name="r1_math")` makes it known by a name; `weight` and `name` are given by its
  configuration.
- atropos filters groups whose scores are all the same, so one of which nothing could be judged is not trained on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, ClassVar, Unpack

from ..rows.values import plain
from . import ready
from .plan import Plan, Settings, TrainerTraits, Turn, make_plan
from .subclass import subclass

_TRAINER = TrainerTraits("atropos", ("none", "zero", "raise"), lists=True, groups=True)


class AtroposReward:
    """A reward function as atropos calls it; `reward` makes subclasses with a plan."""

    plan: ClassVar[Plan]

    def __init__(self, weight: float = 1.0, name: str | None = None, **config: Any) -> None:  # any: its configuration
        super().__init__()
        self.weight = weight
        self._name = name or self.plan.name
        self.config = config
        self.wandb_logger: Any = None  # any: atropos sets it

    @property
    def name(self) -> str:
        """The name in the logs."""
        return self._name

    def compute(self, completions: Sequence[object], **columns: Any) -> list[float]:  # any: golds and the like
        """The rewards of a group. Raises InstrumentDown, and NotScoredError where `on_error` is `raise`."""
        turns = [Turn(_reply(said), None, _row(columns, at, len(completions))) for at, said in enumerate(completions)]
        return self.plan.group_numbers(self.plan.judge(turns))

    def __call__(self, completions: Sequence[object], **columns: Any) -> list[float]:  # any: see compute
        """The same, times the weight."""
        numbers = self.compute(completions, **columns)
        weighted = [self.weight * number for number in numbers]
        if self.wandb_logger is not None:
            self.log_metrics(numbers, weighted)
        return weighted

    def log_metrics(self, raw: list[float], weighted: list[float]) -> None:
        """Log their means, as atropos does."""
        for key, numbers in (("mean_raw", raw), ("mean_weighted", weighted)):
            self.wandb_logger.log({f"reward/{self.name}/{key}": sum(numbers) / max(1, len(numbers))})


def reward(*rewards: str, base: type = object, **settings: Unpack[Settings]) -> Any:  # any: a RewardFunction's class
    r"""A reward function's class for atropos, by names of verifiers (summed), or by `preset`.

    Args:
        *rewards: Verifiers to sum, by name and weight: `"math"`, `"format:0.5"`; none is `auto`, by each row's kind.
        base: atropos' `RewardFunction`; `object` for a class without it.
        **settings: `preset`, `options`, `on_error` and others, see `r1_reward.adapters.plan.Settings`.

    Returns:
        A class whose instances take a list of completions and give one weighted reward each.

    Raises:
        ConfigError: An option or its value is unknown, or this trainer cannot do it.
        UnknownRewardError: No verifier has such a name.

    >>> reward("math")()([r"\\boxed{4}", r"\\boxed{5}"], answer="4")
    [1.0, 0.0]
    """
    plan = make_plan(rewards, settings, _TRAINER)
    return subclass(plan.name, AtroposReward, base, plan=plan)


def __getattr__(name: str) -> Any:  # any: a RewardFunction's class
    def made(*rewards: str, **settings: Unpack[Settings]) -> Any:  # any: as above
        base: type = import_module("atroposlib.envs.reward_fns.reward_function").RewardFunction
        return reward(*rewards, base=base, **settings)

    return ready.find(__name__, name, made)


def _reply(completion: object) -> object:
    """The completion, out of the shapes in which atropos' environments hold it."""
    if isinstance(completion, Mapping):
        completion = completion.get("message", completion)
        return [completion] if isinstance(completion, Mapping) else completion
    return completion


def _row(columns: Mapping[str, Any], at: int, count: int) -> dict[str, Any]:  # any: golds and the like
    """The row of one completion: of a list with one value each, its own."""
    values = {name: plain(value) for name, value in columns.items()}
    return {
        name: value[at] if isinstance(value, list) and len(value) == count else value for name, value in values.items()
    }
