"""Rewards for ROLL, as a reward worker:

    # the pipeline's YAML, without a file of your own; see `ready.py`
    rewards:
      math_rule:
        worker_cls: r1_reward.adapters.roll.math_format

A row that could not be judged **cannot** be left out: it is 0.0, `valid` says so in the metrics, and the breaker ends
the run.

Read in ROLL's sources of 2026 (`roll/pipeline/rlvr/rewards/math_rule_reward_worker.py`,
`general_val_rule_reward_worker.py`); ROLL is not on PyPI (the package of that name is another). What it does, and what
is made of it here:

- A worker gets a DataProto with token ids of `prompts` and `responses`, and columns as arrays; it decodes them with
  its tokenizer, special tokens and all: padding and ends are taken off by that tokenizer's own list.
- It gives back `token_level_rewards` (zeros), `response_level_rewards` (trained on) and `scores` (by which rollouts
  are filtered: the accuracy verifiers' score). ROLL's own are float16; these are float32, since a sum may hold 1.1.
- `meta_info["metrics"]` of what it gives back is logged: the means of `valid`, `error` and the terms stand there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, ClassVar, Unpack

from ..rows.labels import label_row
from ..rows.values import plain
from . import ready
from .ends import ends_of, without_ends
from .openrlhf import SampleReward, lists
from .plan import Plan, Settings, TrainerTraits, Turn, make_plan

_TRAINER = TrainerTraits("ROLL", ("zero", "raise"), lists=True)


class RollWorker:
    """Judges a DataProto; `worker` makes subclasses with a plan that are ROLL's workers, too."""

    plan: ClassVar[Plan]
    tokenizer: Any  # any: a transformers tokenizer

    def judge(self, data: Any) -> tuple[dict[str, Any], dict[str, float]]:  # any: a DataProto, and tensors
        """The tensors of the answer, and its metrics. Raises InstrumentDown, and as `on_error` says."""
        torch = import_module("torch")
        responses = data.batch["responses"]
        own = ends_of(self.tokenizer)
        texts, prompts = (
            self.tokenizer.batch_decode(data.batch[name], skip_special_tokens=False)
            for name in ("responses", "prompts")
        )
        columns = {name: list(values) for name, values in data.non_tensor_batch.items()}
        judged = self.plan.judge(
            [
                Turn(without_ends(text, own), without_ends(prompts[at], own), _row(columns, at))
                for at, text in enumerate(texts)
            ]
        )
        numbers = [self.plan.number(results) or 0.0 for results in judged]
        results = [
            SampleReward(number, each.total.status.value, {name: v.score for name, v in each.verdicts.items()})
            for number, each in zip(numbers, judged, strict=True)
        ]
        answer = lists(results, self.plan.terms)
        tensors = {
            "token_level_rewards": torch.zeros_like(responses, dtype=torch.float32),
            "response_level_rewards": torch.tensor(numbers, dtype=torch.float32),
            "scores": torch.tensor(answer["scores"], dtype=torch.float32),
        }
        logs: Mapping[str, Sequence[float]] = answer["extra_logs"]
        return tensors, {f"{self.plan.name}/{key}": sum(values) / max(1, len(values)) for key, values in logs.items()}


def worker(*rewards: str, **settings: Unpack[Settings]) -> type[RollWorker]:
    """A reward worker's class for ROLL, by names of verifiers (summed), or by `preset`; imports ROLL.

    Args:
        *rewards: Verifiers to sum, by name and weight: `"math"`, `"format:0.5"`; none is `auto`, by each row's kind.
        **settings: `preset`, `options`, `on_error` and others, see `r1_reward.adapters.plan.Settings`.

    Returns:
        A class whose `compute_rewards` takes a `DataProto` of B responses and gives scores `[B]` in one.

    Raises:
        ConfigError: An option or its value is unknown, or this trainer cannot do it.
        UnknownRewardError: No verifier has such a name.
        ModuleNotFoundError: ROLL is not installed.
    """
    plan = make_plan(rewards, settings, _TRAINER)
    base = import_module("roll.distributed.executor.worker").Worker
    decorator = import_module("roll.distributed.scheduler.decorator")
    protocol = import_module("roll.distributed.scheduler.protocol").DataProto
    tokenizer_of = import_module("roll.models.model_providers").default_tokenizer_provider

    def __init__(self: Any, worker_config: Any) -> None:  # noqa: N807 # any: ROLL's own
        base.__init__(self, worker_config=worker_config)
        self.rank_info.dp_rank, self.rank_info.dp_size = self.rank_info.rank, self.rank_info.world_size
        self.tokenizer = tokenizer_of(model_args=worker_config.model_args)

    def initialize(self: object, pipeline_config: object) -> None:
        """Nothing is loaded before it is needed."""

    def compute_rewards(self: RollWorker, data: Any) -> Any:  # any: DataProto
        """The rewards of a batch."""
        tensors, metrics = self.judge(data)
        output = protocol.from_dict(tensors=tensors)
        output.meta_info = {"metrics": metrics}
        return output

    every, shares = decorator.Dispatch.ONE_TO_ALL, decorator.Dispatch.DP_MP_COMPUTE
    body = {
        "plan": plan,
        "__init__": __init__,
        "initialize": decorator.register(dispatch_mode=every)(initialize),
        "compute_rewards": decorator.register(dispatch_mode=shares, clear_cache=False)(compute_rewards),
        "__module__": __name__,
    }
    return type(plan.name, (RollWorker, base), body)


def __getattr__(name: str) -> type[RollWorker]:
    made: type[RollWorker] = ready.find(__name__, name, worker)
    return made


def _row(columns: Mapping[str, Sequence[Any]], at: int) -> dict[str, Any]:  # any: the dataset's columns
    row = {name: plain(values[at]) for name, values in columns.items()}
    row.pop("prompt", None)
    truth = row.pop("ground_truth", None)
    return row if truth is None else {**row, **label_row(truth)}
