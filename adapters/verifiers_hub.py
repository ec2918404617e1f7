"""Rewards for PrimeIntellect's verifiers (and so prime-rl), version 0.4 and its predecessors:

    import verifiers.v1 as vf
    from r1_reward.adapters.verifiers_hub import reward

    class MathTask(vf.Task[MathData]):
        correct = vf.reward(weight=1.0)(reward("math"))
        form = vf.reward(weight=0.1)(reward("format"))

    [env.taskset.task.rewards.correct]  # in the configuration, without a file of your own; see `ready.py`
    fn = "r1_reward.adapters.verifiers_hub:math_format"

A row that could not be judged is **left out** (`on_error="none"`, the default): its trace is marked as failed.

Read in verifiers 0.4.0 (`v1/task.py`, `v1/utils/decorators.py`, `v1/trace.py`), and 0.3 for `rubric_function`.
What it does, and what is made of it here:

- Rewards are coroutine methods `(self, trace)`, found on the class by a mark, or functions `(task, trace)` that the
  configuration names; both are called with or without a runtime: so these are plain functions that ask for none.
- They are recorded under their `__name__`: so each has one of its own. An empty mapping records nothing, which is what
  a reward gives where it does not apply.
- An exception marks the trace as failed, and training leaves it out: that is what `on_error="none"` (the default) does.
- A Rubric, up to 0.3, turned every exception into 0.0, and took a function with a parameter called `answers` or
  `completions` for one over groups: `rubric_function` has neither, and puts in the rollout's state what was valid.

The reference and other fields are those of the task's data; thinking that the client parsed off is put back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Unpack

from ..rows.labels import label_row
from . import ready
from .fields import fields_of
from .plan import Settings, TrainerTraits, Turn, make_plan

_TRAINER = TrainerTraits("verifiers", ("none", "zero", "raise"))
_RUBRIC = TrainerTraits("a Rubric of verifiers", ("zero",))
Score = float | Mapping[str, float]


def reward(*rewards: str, **settings: Unpack[Settings]) -> Callable[..., Coroutine[None, None, Score]]:
    """A method for a `vf.Task`, by names of verifiers (summed), or by `preset`; decorate it with `vf.reward`.

    It raises NotScoredError for a sample that could not be judged unless `on_error` is `zero`.

    Args:
        *rewards: Verifiers to sum, by name and weight: `"math"`, `"format:0.5"`; none is `auto`, by each row's kind.
        **settings: `preset`, `options`, `on_error` and others, see `r1_reward.adapters.plan.Settings`.

    Returns:
        A coroutine method that gives one float; `{}` for what could not be judged, where `on_error` is `none`.

    Raises:
        ConfigError: An option or its value is unknown, or this trainer cannot do it.
        UnknownRewardError: No verifier has such a name.

    >>> reward("math", "format").__name__
    'math_format'
    """
    plan = make_plan(rewards, settings, _TRAINER)

    async def judge(self: Any = None, trace: Any = None, task: Any = None) -> Score:  # any: verifiers' own
        row = fields_of(self.data if task is None else task)
        (judged,) = await asyncio.to_thread(plan.judge, [Turn(_reply(trace), row.get("prompt"), row)])
        number = plan.number_or_raise(judged)
        return {} if number is None else number

    judge.__name__ = judge.__qualname__ = plan.name
    return judge


def __getattr__(name: str) -> Callable[..., Coroutine[None, None, Score]]:
    made: Callable[..., Coroutine[None, None, Score]] = ready.find(__name__, name, reward)
    return made


def rubric_function(*rewards: str, **settings: Unpack[Settings]) -> Callable[..., Coroutine[None, None, float]]:
    """A reward function for a `vf.Rubric` (verifiers up to 0.3), by names of verifiers (summed), or by `preset`.

    A sample that could not be judged is 0.0; `state["r1_reward"][name]` holds the parts, `valid` among them.

    Args:
        *rewards: Verifiers to sum, by name and weight: `"math"`, `"format:0.5"`; none is `auto`, by each row's kind.
        **settings: `preset`, `options`, `on_error` and others, see `r1_reward.adapters.plan.Settings`.

    Returns:
        A coroutine function that takes `completion`, `answer`, `prompt`, `info`, `state`, `task` and gives one float.

    Raises:
        ConfigError: An option or its value is unknown, or this trainer cannot do it.
        UnknownRewardError: No verifier has such a name.
    """
    plan = make_plan(rewards, settings, _RUBRIC)

    async def judge(  # parameters are matched by name
        completion: Any,  # any: text or messages
        answer: object = None,
        prompt: object = None,
        info: object = None,
        state: Any = None,  # any: a dict that rollouts share
        task: object = None,
        **_: object,
    ) -> float:
        fields = info if isinstance(info, Mapping) else {}
        label = {} if answer is None or (isinstance(answer, str) and not answer) else label_row(answer)
        row = {"task": task, **fields, **label}
        (judged,) = await asyncio.to_thread(plan.judge, [Turn(completion, prompt, row)])
        if isinstance(state, dict):
            state.setdefault("r1_reward", {})[plan.name] = plan.parts(judged)
        return plan.number(judged) or 0.0

    judge.__name__ = judge.__qualname__ = plan.name
    return judge


def _reply(trace: Any) -> object:  # any: verifiers' Trace
    """The last assistant message with its thinking, else the text that the trace calls its last reply."""
    messages = getattr(trace, "assistant_messages", None)
    if messages:
        return [fields_of(messages[-1])]
    return trace.last_reply  # a trace that has none of this name is another version's, and no wrong answer
