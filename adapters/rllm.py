r"""Rewards for rLLM, as an evaluator:

    rllm train gsm8k --evaluator r1_reward.adapters.rllm:math_format  # by import path; see `ready.py`

    # or tests/evaluate.py of a benchmark's folder
    from r1_reward.adapters.rllm import reward

    evaluate = reward("math", "format").evaluate

A row that could not be judged is **left out** (`on_error="none"`, the default).

Read in rLLM's sources of 2026 (`rllm/types.py`, `rllm/eval/types.py`, `evaluator_loader.py`, `module_evaluator.py`,
`engine/agentflow_engine.py`); rLLM is not on PyPI. What it does, and what is made of it here:

- An evaluator has `evaluate(task, episode)`. Evaluation hands over a Task, whose `metadata` is the row, training the
  row itself. The response is `episode.artifacts["answer"]`, else the last trajectory's output or last step.
- It gives back reward, correctness, signals and metadata, as rLLM's EvalOutput; a plain object with these attributes
  does, so that nothing is imported here.
- What raises is tried again with a new rollout, and ends the run (`raise_on_error`, on by default); an evaluator in a
  benchmark's folder that raises gets 0.0. So a sample that could not be judged takes its trajectories off the episode,
  as those of a failed rollout are: nothing of it is trained on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Unpack

from ..rows.labels import label_row
from ..verifiers.verdict import Status
from . import ready
from .fields import fields_of
from .plan import Plan, Settings, TrainerTraits, Turn, make_plan

_TRAINER = TrainerTraits("rLLM", ("none", "zero", "raise"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """As `rllm.eval.types.Signal`: one named number."""

    name: str
    value: float
    metadata: dict[str, Any] = field(default_factory=dict)  # any: rLLM's own


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalOutput:
    """As `rllm.eval.types.EvalOutput`: what an evaluator gives back."""

    reward: float
    is_correct: bool
    signals: list[Signal]
    metadata: dict[str, Any]  # any: numbers and text for the episode's metrics


class RllmReward:
    """An evaluator as rLLM calls it; picklable."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.__name__: str = plan.name

    def evaluate(self, task: Any, episode: Any) -> EvalOutput:  # any: rLLM's own
        """Judge the episode's answer. Raises InstrumentDown, and NotScoredError where `on_error` is `raise`."""
        row = fields_of(getattr(task, "metadata", task))
        prompt = getattr(task, "instruction", None) or row.get("question") or row.get("instruction")
        truth = row.pop("ground_truth", None)
        if truth is not None:
            row |= label_row(truth)
        (judged,) = self.plan.judge([Turn(_answer(episode), prompt, row)])
        number = self.plan.number(judged)
        if number is None and judged.total.status is Status.ERROR:
            episode.trajectories.clear()
        parts = self.plan.parts(judged)
        return EvalOutput(
            reward=number or 0.0,
            is_correct=judged.total.correct is True,
            signals=[Signal(name=name, value=value) for name, value in parts.items()],
            metadata={"r1_reward_reason": judged.total.reason.value},
        )


def reward(*rewards: str, **settings: Unpack[Settings]) -> RllmReward:
    r"""An evaluator for rLLM, by names of verifiers (summed), or by `preset`.

    Args:
        *rewards: Verifiers to sum, by name and weight: `"math"`, `"format:0.5"`; none is `auto`, by each row's kind.
        **settings: `preset`, `options`, `on_error` and others, see `r1_reward.adapters.plan.Settings`.

    Returns:
        An evaluator whose `evaluate(task, episode)` gives an `EvalOutput`.

    Raises:
        ConfigError: An option or its value is unknown, or this trainer cannot do it.
        UnknownRewardError: No verifier has such a name.

    >>> from types import SimpleNamespace
    >>> episode = SimpleNamespace(artifacts={"answer": r"\boxed{4}"}, trajectories=[])
    >>> reward("math").evaluate({"question": "2 + 2?", "ground_truth": "4"}, episode).reward
    1.0
    """
    return RllmReward(make_plan(rewards, settings, _TRAINER))


def __getattr__(name: str) -> RllmReward:
    made: RllmReward = ready.find(__name__, name, reward)
    return made


def _answer(episode: Any) -> str:  # any: rLLM's Episode
    """What the agent answered, as rLLM finds it."""
    if "answer" in episode.artifacts:
        return str(episode.artifacts["answer"])
    for trajectory in episode.trajectories[-1:]:
        if trajectory.output:
            return str(trajectory.output)
        for step in reversed(trajectory.steps):
            said = step.output or getattr(step, "model_response", None)
            if said:
                return str(said)
    return ""
