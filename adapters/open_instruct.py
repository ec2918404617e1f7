"""Rewards for open-instruct, as a verifier function:

    # my_verifiers.py, imported where training starts
    from open_instruct.ground_truth_utils import VerifierFunction
    from r1_reward.adapters.open_instruct import verifier

    R1Math = verifier("math", name="r1_math", base=VerifierFunction)  # for rows whose `dataset` is r1_math

A row that could not be judged **cannot** be left out: it is 0.0, `reasoning` says why, and the breaker ends the run.

Read in open-instruct's sources of 2026 (`open_instruct/ground_truth_utils.py`); it is not on PyPI (the package of that
name is another). What it does, and what is made of it here:

- Every subclass of VerifierFunction is found by itself, made as `X(verifier_config)`, and asked for the rows whose
  `dataset` is its name: `--remap_verifier math=r1_math` sends those of its own data sets here.
- `async_call` is what it calls, which runs the call in a thread; a row may have several verifiers with one label each.
- The score times `verification_reward` (10) and `weight` is added up; an exception ends the run.
- With `apply_r1_style_format_reward` the format is its own; leave `format` out here.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, ClassVar, Unpack

from ..rows.labels import label_row
from .plan import Plan, Settings, TrainerTraits, Turn, make_plan
from .subclass import subclass

_TRAINER = TrainerTraits("open-instruct", ("zero", "raise"))


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationResult:
    """As open-instruct's own: a score, what it cost, and why."""

    score: float
    cost: float = 0.0
    reasoning: str | None = None


class OpenInstructVerifier:
    """A verifier function as open-instruct calls it; `verifier` makes subclasses with a plan."""

    plan: ClassVar[Plan]

    def __init__(self, verifier_config: object = None) -> None:
        self.name: str = self.plan.name
        self.weight: float = 1.0
        self.verifier_config = verifier_config

    def __call__(
        self,
        tokenized_prediction: object,  # noqa: ARG002 - open-instruct passes it
        prediction: str,
        label: Any,  # any: the row's ground truth
        query: str | None = None,
        rollout_state: object = None,  # noqa: ARG002
    ) -> VerificationResult:
        """Judge one response. Raises InstrumentDown, and NotScoredError where `on_error` is `raise`."""
        (judged,) = self.plan.judge([Turn(prediction, query, label_row(label))])
        why = f"{judged.total.reason.value}: {judged.total.detail}"
        return VerificationResult(score=self.plan.number(judged) or 0.0, reasoning=why)

    async def async_call(self, *arguments: Any, **more: Any) -> VerificationResult:  # any: see __call__
        """The same in a thread."""
        return await asyncio.to_thread(self, *arguments, **more)


def verifier(*rewards: str, base: type = object, **settings: Unpack[Settings]) -> type[OpenInstructVerifier]:
    r"""A verifier function's class for open-instruct, by names of verifiers (summed), or by `preset`.

    `name` is what rows ask for it by.

    Args:
        *rewards: Verifiers to sum, by name and weight: `"math"`, `"format:0.5"`; none is `auto`, by each row's kind.
        base: open-instruct's `VerifierFunction`; `object` for a class without it.
        **settings: `preset`, `options`, `on_error` and others, see `r1_reward.adapters.plan.Settings`.

    Returns:
        A class whose instances judge one response and give a `VerificationResult`.

    Raises:
        ConfigError: An option or its value is unknown, or this trainer cannot do it.
        UnknownRewardError: No verifier has such a name.

    >>> verifier("math")()([1, 2], r"\\boxed{4}", "4", "2 + 2?").score
    1.0
    """
    plan = make_plan(rewards, settings, _TRAINER)
    return subclass(plan.name, OpenInstructVerifier, base, plan=plan)
