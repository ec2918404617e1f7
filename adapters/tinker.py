"""Rewards for tinker-cookbook, as an environment with its group:

    from tinker_cookbook.rl.problem_env import ProblemEnv, ProblemGroupBuilder
    from r1_reward.adapters.tinker import environment, group_builder

    R1Env = environment("math", "format:0.1", base=ProblemEnv)
    R1Group = group_builder(ProblemGroupBuilder)

    # in get_batch() of your data set
    R1Group(env_thunk=partial(R1Env, renderer, row), num_envs=16)

A row that could not be judged is **left out** (`on_error="none"`, the default): its tokens are masked, and with the
group builder its reward is the mean of its group, so that no other advantage moves.

Read in tinker-cookbook 0.6.1 (`rl/problem_env.py`, `rl/types.py`, `rl/data_processing.py`). What it does, and what is
made of it here:

- A ProblemEnv asks `check_answer(str)` and `check_format(str)` and rewards them by its own formula; these answer, too,
  so that metrics are the usual ones, but `step` rewards by the sum that was named.
- Advantages are rewards less their group's mean. A transition with the metric `parse_error_masked` gets no advantage
  and no loss; its reward still counts in the mean, which is why the group builder gives it that mean.
- Messages come from the renderer with their thinking as parts, which is put back in its tags.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, ClassVar, Unpack

from ..rows.labels import label_row
from ..rows.values import plain
from ..verifiers.registry import is_accuracy
from ..verifiers.reward import Judged
from ..verifiers.verdict import Status
from .plan import Plan, Settings, TrainerTraits, Turn, make_plan
from .subclass import subclass

_TRAINER = TrainerTraits("tinker-cookbook", ("none", "zero", "raise"))
MASKED = "parse_error_masked"
"""The metric by which tinker-cookbook leaves a transition out."""
UNJUDGED = "r1_reward_unjudged"
"""The metric of a transition whose reward the group builder replaces."""


class TinkerEnv:
    """An environment of one question; `environment` makes subclasses with a plan."""

    plan: ClassVar[Plan]
    renderer: Any  # any: tinker-cookbook's
    convo_prefix: list[Any]  # any: its messages

    def __init__(self, renderer: object, row: Mapping[str, Any], **more: Any) -> None:  # any: the data set's row
        super().__init__(renderer, **more)  # type: ignore[call-arg]  # of ProblemEnv
        fields = plain(row)
        truth = fields.pop("ground_truth", None)
        self.row: dict[str, Any] = fields if truth is None else {**fields, **label_row(truth)}

    def get_question(self) -> str:
        """What the model is asked: the row's `question`, `problem` or `prompt`."""
        return next((str(self.row[name]) for name in ("question", "problem", "prompt") if self.row.get(name)), "")

    def get_reference_answer(self) -> str:
        """The row's reference, for the logs."""
        names = ("reference", "answer", "ground_truth", "solution")
        return next((str(self.row[name]) for name in names if self.row.get(name) is not None), "")

    def check_answer(self, sample_str: str) -> float:
        """The accuracy verifiers' score, else the reward."""
        judged = self._judge(sample_str)
        scores = [verdict.score or 0.0 for name, verdict in judged.verdicts.items() if is_accuracy(name)]
        return math.fsum(scores) if scores else self.plan.number_or_raise(judged) or 0.0

    def check_format(self, sample_str: str) -> float:
        """The format verifier's score; 1.0 where none is in the sum."""
        verdict = self._judge(sample_str).verdicts.get("format")
        return 1.0 if verdict is None else verdict.score or 0.0

    async def step(self, action: Any, *, extra: Any = None) -> Any:  # noqa: ARG002 # any: tinker-cookbook's own
        """Judge the response; the episode ends. Raises InstrumentDown, and as `on_error` says."""
        message, _ = self.renderer.parse_response(action)
        judged = await asyncio.to_thread(self._judge, [_as_openai(message)])
        number = self.plan.number(judged)
        left_out = number is None and judged.total.status is Status.ERROR
        metrics = {**self.plan.parts(judged), **({MASKED: 1.0, UNJUDGED: 1.0} if left_out else {})}
        types, tinker = import_module("tinker_cookbook.rl.types"), import_module("tinker")
        return types.StepResult(
            reward=number or 0.0,
            episode_done=True,
            next_observation=tinker.ModelInput.empty(),
            next_stop_condition=self.renderer.get_stop_sequences(),
            metrics=metrics,
            logs={"reason": judged.total.reason.value},
        )

    def _judge(self, completion: object) -> Judged:
        asked = [*self.convo_prefix, {"role": "user", "content": self.get_question()}]
        (judged,) = self.plan.judge([Turn(completion, asked, self.row)])
        return judged


def environment(*rewards: str, base: type = object, **settings: Unpack[Settings]) -> Any:  # any: an Env's class
    """An environment's class for tinker-cookbook, by names of verifiers (summed), or by `preset`.

    Args:
        *rewards: Verifiers to sum, by name and weight: `"math"`, `"format:0.5"`; none is `auto`, by each row's kind.
        base: tinker-cookbook's `ProblemEnv`.
        **settings: `preset`, `options`, `on_error` and others, see `r1_reward.adapters.plan.Settings`.

    Returns:
        A class to be made as `X(renderer, row, **of_ProblemEnv)`.

    Raises:
        ConfigError: An option or its value is unknown, or this trainer cannot do it.
        UnknownRewardError: No verifier has such a name.
    """
    plan = make_plan(rewards, settings, _TRAINER)
    return subclass(plan.name, TinkerEnv, base, plan=plan)


def group_builder(base: type) -> Any:  # any: a ProblemGroupBuilder's class
    """A group builder's class that gives samples which could not be judged the mean of their group.

    Args:
        base: tinker-cookbook's `ProblemGroupBuilder`.

    Returns:
        A frozen dataclass that extends `base`.
    """

    async def compute_group_rewards(
        self: object,  # noqa: ARG001
        trajectory_group: Sequence[Any],  # any: Trajectories
        env_group: object,  # noqa: ARG001
    ) -> list[tuple[float, dict[str, float]]]:
        totals = [math.fsum(step.reward for step in one.transitions) for one in trajectory_group]
        left_out = [any(step.metrics.get(UNJUDGED) for step in one.transitions) for one in trajectory_group]
        known = [total for total, out in zip(totals, left_out, strict=True) if not out]
        mean = math.fsum(known) / len(known) if known else 0.0
        return [(mean - total if out else 0.0, {}) for total, out in zip(totals, left_out, strict=True)]

    body = {"compute_group_rewards": compute_group_rewards, "__module__": __name__}
    return dataclasses.dataclass(frozen=True)(type(base)("R1GroupBuilder", (base,), body))


def _as_openai(message: Mapping[str, Any]) -> dict[str, Any]:  # any: a message of tinker-cookbook's renderers
    """A message whose thinking parts are as other trainers have them."""
    content = message.get("content")
    if not isinstance(content, list | tuple):
        return dict(message)
    thinking = "".join(part.get("thinking", "") for part in content if part.get("type") == "thinking")
    text = "".join(part.get("text", "") for part in content if part.get("type") == "text")
    said = {**message, "content": text}
    return {**said, "reasoning_content": thinking} if thinking else said
