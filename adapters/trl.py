"""Rewards for TRL: GRPOTrainer, RLOOTrainer, and the experimental AsyncGRPOTrainer.

    from r1_reward.adapters.trl import reward

    GRPOTrainer(..., reward_funcs=reward("math", "format", "language"))

    trl grpo --reward_funcs r1_reward.adapters.trl.math_format_language  # without a file of your own; see `ready.py`

A row that could not be judged has **no advantage** (`on_error="none"`, the default).

Read in TRL 1.16.0. What TRL does with a reward function, and what is made of it here:

- It is called with keywords, every dataset column as a list. Columns become Sample fields (`rows`).
- `None` leaves a row out of one function, and a row that is None everywhere gets no advantage: so None is what a
  reward gives where it does not apply, and where it could not judge (`on_error="none"`). The numbers of several
  functions are added by `nansum`, so a row that one of them could not judge is None in all of ours; see `siblings`.
- Metrics and the completions table are keyed by `__name__`, and merge where two are equal: so every reward has a
  name made of its verifiers and options.
- `log_extra` extends a column and `log_metric` is gathered over ranks: so both are called on every call, under prefixed
  names, with one value per completion, whatever was found.
- AsyncGRPO pickles the functions into a spawned process and passes no `log_*`: these are instances that pickle.
- `trainer_state` says at which step the run is, so that terms may begin later (`begins`). AsyncGRPO does not pass it.
- `remove_unused_columns=True` (not TRL's default) takes all columns but the prompt away: a warning says so.
- Groups may be split over ranks, so that terms are not normalised here: `multi_objective_aggregation` of GRPOConfig
  does that over several reward functions.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Unpack

from ..rows.messages import prefilled_by
from ..verifiers.reward import Judged
from ..verifiers.verdict import Reason
from . import ready
from .coroutine import CoroutineFunction
from .plan import Plan, Settings, TrainerTraits, make_plan
from .siblings import introduce, judge_together, step_of

__all__ = ["async_reward", "prefilled_by", "reward"]

_TRAINER = TrainerTraits("TRL", ("none", "zero", "raise"), lists=True, steps=True)
LogExtra = Callable[[str, list[Any]], None]
LogMetric = Callable[[str, float], None]


def reward(*rewards: str, **settings: Unpack[Settings]) -> TrlReward:
    r"""A reward function for TRL, by names of verifiers (summed), or by `preset`.

    Args:
        *rewards: Verifiers to sum, by name and weight: `"math"`, `"format:0.5"`; none is `auto`, by each row's kind.
        **settings: `preset`, `options`, `on_error` and others, see `r1_reward.adapters.plan.Settings`.

    Returns:
        A picklable function `(prompts, completions, **columns) -> list[float | None]`, None for what could not be
        judged.

    Raises:
        ConfigError: An option or its value is unknown, or this trainer cannot do it.
        UnknownRewardError: No verifier has such a name.

    >>> math = reward("math")
    >>> math(prompts=["2 + 2?", "1 + 1?"], completions=[r"\\boxed{4}", r"\\boxed{3}"], answer=["4", "2"])
    [1.0, 0.0]
    """
    return TrlReward(make_plan(rewards, settings, _TRAINER))


def async_reward(*rewards: str, **settings: Unpack[Settings]) -> AsyncTrlReward:
    """The same as a coroutine function, which TRL runs beside its other ones; judging happens in a thread.

    Args:
        *rewards: Verifiers to sum, by name and weight: `"math"`, `"format:0.5"`; none is `auto`, by each row's kind.
        **settings: `preset`, `options`, `on_error` and others, see `r1_reward.adapters.plan.Settings`.

    Returns:
        A coroutine function with the same arguments and result.

    Raises:
        ConfigError: An option or its value is unknown, or this trainer cannot do it.
        UnknownRewardError: No verifier has such a name.
    """
    return AsyncTrlReward(make_plan(rewards, settings, _TRAINER))


class TrlReward:
    """A reward function as TRL calls it; picklable, with a name of its own."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.__name__: str = plan.name
        introduce(self)

    def __setstate__(self, state: dict[str, Any]) -> None:  # any: attributes
        self.__dict__.update(state)
        introduce(self)

    def __call__(
        self,
        completions: Sequence[object],
        references: Sequence[object] | None = None,
        *,
        prompts: Sequence[object] | None = None,
        completion_ids: object = None,  # noqa: ARG002 - TRL passes it
        trainer_state: object = None,
        environments: object = None,  # noqa: ARG002
        log_extra: LogExtra | None = None,
        log_metric: LogMetric | None = None,
        **columns: object,
    ) -> list[float | None]:
        """One reward per completion, None where there is none. TRL calls by keyword; `references` is for other callers.

        Raises ValueError where columns differ in length, ConfigError where a column that was named is not there,
        InstrumentDown where too many could not be judged, and NotScoredError where `on_error` is `raise`.
        """
        if references is not None:
            columns["reference"] = references
        judged = judge_together(self, completions, prompts, columns, step_of(trainer_state))
        if not columns and any(one.total.reason is Reason.REFERENCE_MISSING for one in judged):
            self.plan.grading.grader().signs.warn(
                "columns",
                "no column of the data set came, so there is no reference: GRPOConfig(remove_unused_columns=False) "
                "keeps them",
            )
        numbers = [self.plan.number(one) for one in judged]
        _log(self.plan, judged, log_extra, log_metric)
        return numbers

    def __repr__(self) -> str:
        return f"<TRL reward {self.__name__}>"


class AsyncTrlReward(CoroutineFunction, TrlReward):
    """A reward function that is a coroutine function to `inspect`, also before TRL 1.16."""

    async def __call__(  # type: ignore[override]  # a coroutine, which TRL awaits
        self, *arguments: Any, **columns: Any
    ) -> list[float | None]:  # any: see TrlReward
        """As `TrlReward.__call__`."""
        return await asyncio.to_thread(super().__call__, *arguments, **columns)


def __getattr__(name: str) -> TrlReward:
    made: TrlReward = ready.find(__name__, name, reward)
    return made


def _log(plan: Plan, judged: Sequence[Judged], log_extra: LogExtra | None, log_metric: LogMetric | None) -> None:
    parts = [plan.parts(one) for one in judged]
    if log_extra is not None:
        log_extra(f"{plan.name}/reason", [one.total.reason.value for one in judged])
        log_extra(f"{plan.name}/answer", [(one.total.answer or "")[:200] for one in judged])
    if log_metric is not None:
        totals: Counter[str] = Counter()
        for one in parts:
            totals.update(one)
        for key in ("valid", "error", *(f"{name}_reward" for name in plan.terms)):
            log_metric(f"{plan.name}/{key}", totals[key] / max(1, len(parts)))
