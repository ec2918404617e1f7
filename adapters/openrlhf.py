"""Rewards for OpenRLHF, as a file given to `--reward.remote_url`:

    # my_rewards.py
    from r1_reward.adapters.openrlhf import reward

    reward_func = reward("math", "format")

Without a file of your own: `--reward.remote_url $(python -m r1_reward.adapters.plugins openrlhf)`, which judges by what
the file in R1_REWARD_CONFIG says (`ready.py`).

A row that could not be judged **cannot** be left out: it is 0.0, `valid` says so, and the breaker ends the run.

Read in OpenRLHF 0.11.2 (`utils/agent.py::SingleTurnAgentExecutor`). What it does, and what is made of it here:

- `query` is prompt and response with special tokens, and the prompt may have been cut from the left to fit: see
  `query.py`. A query in which the prompt is not found is one that could not be judged.
- Functions are called with lists of one, in threads. Rewards go back as tensors of shape (1,), extra logs too. The logs
  of a batch are taken by the keys of its first sample: so they are always the same numeric ones (see `Plan.parts`).
- An exception becomes `reward=None` with a line at level INFO, which the code after it takes for "ask a reward model",
  and ends the run where there is none: so a sample that could not be judged is 0.0 with `valid` 0.0 (`on_error="zero"`,
  the default). A breaker that finds the instrument down still raises, and says so in the log, since anything is better
  than training on zeros.
- `scores` are for dynamic filtering, which keeps a group whose mean lies between two bounds (0 and 1): the accuracy
  verifier's score; of rewards without one the share of the full reward, and where that goes outside, the reward itself.

The server's `/get_reward` answers with the same lists (`lists`), but refuses what could not be judged.
Labels are references; a label that is a JSON object with `reference` or `tests` holds any field of a Sample.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Unpack

from ..rows.labels import label_row
from ..rows.values import plain
from ..verifiers.errors import InstrumentDown, SampleError
from ..verifiers.registry import is_accuracy
from ..verifiers.verdict import Status
from . import ready
from .fields import tensor_of
from .plan import Plan, Settings, TrainerTraits, Turn, flat_parts, make_plan
from .query import NO_PROMPT, response_in

_log = logging.getLogger(__name__)
_TRAINER = TrainerTraits("OpenRLHF", ("zero", "raise"))


def reward(*rewards: str, **settings: Unpack[Settings]) -> OpenRlhfReward:
    """A `reward_func` for OpenRLHF, by names of verifiers (summed), or by `preset`.

    Args:
        *rewards: Verifiers to sum, by name and weight: `"math"`, `"format:0.5"`; none is `auto`, by each row's kind.
        **settings: `preset`, `options`, `on_error` and others, see `r1_reward.adapters.plan.Settings`.

    Returns:
        A function `(queries, prompts, labels)` that gives `rewards`, `scores` and `extra_logs`, tensors of shape `[B]`.

    Raises:
        ConfigError: An option or its value is unknown, or this trainer cannot do it.
        UnknownRewardError: No verifier has such a name.

    >>> reward("format").__name__
    'format'
    """
    return OpenRlhfReward(make_plan(rewards, settings, _TRAINER))


class OpenRlhfReward:
    """A reward function as OpenRLHF calls it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.__name__: str = plan.name

    def __call__(
        self,
        queries: Sequence[str],
        prompts: Sequence[str],
        labels: Sequence[object] | None = None,
        **_: object,
    ) -> dict[str, Any]:  # any: tensors where torch is there, else lists
        """Rewards, scores and extra logs. Raises ValueError where lengths differ, InstrumentDown as every adapter."""
        labels = [None] * len(queries) if labels is None else labels
        turns = [_turn(*asked) for asked in zip(queries, prompts, labels, strict=True)]
        try:
            judged = self.plan.judge(turns)
        except InstrumentDown:
            _log.exception("OpenRLHF will go on with reward=None; this is why")
            raise
        results = [
            SampleReward(
                self.plan.number(each) or 0.0,
                each.total.status.value,
                {name: verdict.score for name, verdict in each.verdicts.items()},
            )
            for each in judged
        ]
        answer = lists(results, self.plan.terms)
        logs = {key: tensor_of(values) for key, values in answer["extra_logs"].items()}
        return {"rewards": tensor_of(answer["rewards"]), "scores": tensor_of(answer["scores"]), "extra_logs": logs}


def __getattr__(name: str) -> OpenRlhfReward:
    made: OpenRlhfReward = ready.find(__name__, name, reward)
    return made


class SampleReward(NamedTuple):
    """What is returned of one sample."""

    reward: float
    status: str
    """Of the total."""
    scores: Mapping[str, float | None]
    """Of every verifier that was asked; None where it has none."""


def lists(
    results: Sequence[SampleReward], terms: Sequence[str]
) -> dict[str, Any]:  # any: numbers in lists, by name for logs
    """`rewards`, `scores` and `extra_logs`, for a reward of these terms.

    >>> lists([SampleReward(1.0, "scored", {"math": 1.0, "format": 0.0})], ["math", "format"])["scores"]
    [1.0]
    """
    parts = [flat_parts(each.status, each.scores, terms) for each in results]
    return {
        "rewards": [each.reward for each in results],
        "scores": [_filtered_by(each) for each in results],
        "extra_logs": {key: [part[key] for part in parts] for key in flat_parts("", {}, terms)},
    }


def _filtered_by(result: SampleReward) -> float:
    if result.status != Status.SCORED:
        return 0.0
    scores = {name: score for name, score in result.scores.items() if score is not None}
    for name, score in scores.items():
        if is_accuracy(name):
            return score
    full = max(1, len(scores))
    return result.reward / full if 0 <= result.reward <= full else result.reward


def _turn(query: object, prompt: object, label: object) -> Turn | SampleError:
    asked = plain(prompt)
    response = response_in(query, asked) if isinstance(query, str) and isinstance(asked, str) else None
    return (
        SampleError("wrong_type", f"the query {NO_PROMPT}")
        if response is None
        else Turn(response, asked, label_row(label))
    )
