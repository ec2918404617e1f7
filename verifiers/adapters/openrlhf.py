"""Rewards for OpenRLHF, as a file given to `--reward.remote_url`:

    # my_rewards.py
    from r1_reward.verifiers.adapters.openrlhf import reward

    reward_func = reward("math", "format")

Read in OpenRLHF 0.11.2 (`utils/agent.py::SingleTurnAgentExecutor`). What it does, and what is made of it here:

- `query` is prompt and response with special tokens, and the prompt may have been cut from the left to fit: the
  response is what follows the prompt, or what follows the longest end of it that is there.
- Functions are called with lists of one, in threads. Rewards go back as tensors of shape (1,), extra logs too, and
  always the same numeric ones.
- An exception becomes `reward=None` with a line at level INFO, which the code after it takes for "ask a reward model":
  so a sample that could not be judged is 0.0 with `valid` 0.0 (`on_error="zero"`, the default). A breaker that finds
  the instrument down still raises, and says so in the log, since anything is better than training on zeros.
- `scores` are for dynamic filtering, from 0 to 1: the share of the full reward, or for rewards that go outside, the
  reward as it is.

Labels are references; a label that is a JSON object with `reference` or `tests` holds any field of a Sample.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Any, Unpack

from ..errors import InstrumentDown
from .plan import Plan, Settings, Turn, make_plan
from .rows import label_row, plain

_log = logging.getLogger(__name__)

_SHORTEST_END = 12
"""Shorter ends of a prompt may stand anywhere by chance, in characters."""


def reward(*rewards: str, **settings: Unpack[Settings]) -> OpenRlhfReward:
    """A `reward_func` for OpenRLHF, by names of verifiers (summed), or by `preset`.

    Raises ConfigError or UnknownRewardError for options that cannot be carried out.

    >>> reward("format").__name__
    'format'
    """
    return OpenRlhfReward(make_plan(rewards, settings, ("zero", "raise"), "OpenRLHF"))


class OpenRlhfReward:
    """A reward function as OpenRLHF calls it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.__name__ = plan.name

    def __call__(
        self,
        queries: Sequence[str],
        prompts: Sequence[str],
        labels: Sequence[object] | None = None,
        **_: object,
    ) -> dict[str, Any]:  # any: tensors where torch is there, else lists
        """Rewards, scores and extra logs. Raises ValueError where lengths differ, InstrumentDown as every adapter."""
        labels = [None] * len(queries) if labels is None else labels
        turns = [
            Turn(response_of(query, prompt), prompt, label_row(label))
            for query, prompt, label in zip(queries, prompts, labels, strict=True)
        ]
        try:
            judged = self.plan.judge(turns)
        except InstrumentDown:
            _log.exception("OpenRLHF will go on with reward=None; this is why")
            raise
        numbers = [self.plan.number(found) or 0.0 for found in judged]
        parts = [self.plan.parts(found) for found in judged]
        full = max(1, len(self.plan.terms))
        logs = {key: _tensor([found[key] for found in parts]) for key in self.plan.parts(judged[0])} if judged else {}
        return {
            "rewards": _tensor(numbers),
            "scores": _tensor([number / full if 0 <= number <= full else number for number in numbers]),
            "extra_logs": logs,
        }


def response_of(query: str, prompt: object) -> str:
    """What follows the prompt in a query.

    A prompt that was cut from the left, or came back a little different at its beginning, is known by its longest end
    that is there; of that the first place counts, since what the model wrote can only come later.

    >>> response_of("<s>2 + 2?<think>It is 4.", "<s>2 + 2?<think>")
    'It is 4.'
    >>> response_of("hat is 2 + 2?<think>It is 4.", "<s>What is 2 + 2?<think>")
    'It is 4.'
    """
    given = plain(prompt)
    if not isinstance(given, str) or not given:
        return query
    if query.startswith(given):
        return query[len(given) :]
    shortest, longest = 0, len(given)
    while shortest < longest:  # an end that is there has all shorter ones there, so halving finds the longest
        middle = (shortest + longest + 1) // 2
        shortest, longest = (middle, longest) if given[-middle:] in query else (shortest, middle - 1)
    if shortest < min(_SHORTEST_END, len(given)):
        return query
    return query[query.index(given[-shortest:]) + shortest :]


def _tensor(values: list[float]) -> Any:  # any: a tensor where torch is loaded, as it always is inside OpenRLHF
    torch = sys.modules.get("torch")
    return values if torch is None else torch.tensor(values, dtype=torch.float32)
