"""Rewards for NVIDIA NeMo: environments of NeMo-RL, and the `/verify` of NeMo-Gym.

    # my_env.py, on every node (NeMo-RL gives each environment a venv of its own: r1-reward must be in it)
    import ray
    from nemo_rl.environments.interfaces import EnvironmentInterface
    from r1_reward.adapters.nemo import environment

    R1Environment = ray.remote(environment("math", "format", base=EnvironmentInterface))

    # where training starts
    from nemo_rl.environments.utils import register_env

    register_env("r1", "my_env.R1Environment")

    register_env("r1", "r1_reward.adapters.nemo.math_format")  # without a file of your own; see `ready.py`

A row that could not be judged **cannot** be left out by NeMo-RL's own environments: it is 0.0, `valid` says so, and
the breaker ends the run; `on_error="none"` gives it the mean of the batch's rows with its prompt, and so advantage
zero. NeMo-Gym's rows are **left out** (`on_error="none"`, the default).

Read in NeMo-RL and NeMo-Gym of August 2026 and later (`environments/interfaces.py`, `base_resources_server.py`). What
they do, and what is made of it here:

- A NeMo-RL step takes message logs (whose contents are decoded text, beside token tensors) and metadata, and gives
  tensors; rewards are numbers, NaN spoils a group, and a sample cannot be left out: one that could not be judged is
  0.0 (`on_error="zero"`, the default) with `valid` 0.0 in its metadata under `r1_reward`, or an exception.
- Every assistant turn is one response in NeMo-RL's own environments; here the last one is, as everywhere.
- A sample of NeMo-Gym is left out where its `instance_config` says `mask_sample`: NeMo-RL reads it there and nowhere
  else. That is what `on_error="none"` (the default) does, unless NeMo-RL is told to ignore it
  (`env.should_mask_flagged_samples: false`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, ClassVar, NamedTuple, Unpack

from ..rows.labels import label_row
from ..rows.messages import reply_of
from ..rows.values import plain
from ..verifiers.errors import SampleError
from ..verifiers.verdict import Status
from . import ready
from .fields import tensor_of
from .plan import Plan, Settings, TrainerTraits, Turn, make_plan
from .subclass import subclass

_TRAINER = TrainerTraits("NeMo-RL", ("zero", "none", "raise"), lists=True, groups=True)
_GYM = TrainerTraits("NeMo-Gym", ("none", "zero", "raise"))
MessageLog = Sequence[Mapping[str, Any]]  # any: role, content, and tensors of token ids
Body = Mapping[str, Any]  # any: a JSON object


class EnvironmentReturn(NamedTuple):
    """What a step gives: the fields of NeMo-RL's own tuple, in its order."""

    observations: list[dict[str, str]]
    metadata: list[Any]  # any: the environment's own
    next_stop_strings: list[None]
    rewards: Any  # any: a tensor
    terminateds: Any  # any: a tensor
    answers: list[str | None] | None = None


class NemoEnvironment:
    """A NeMo-RL environment of one turn; `environment` makes subclasses with a plan."""

    plan: ClassVar[Plan]

    def __init__(self, cfg: object = None) -> None:
        super().__init__()
        self.cfg = cfg

    def step(
        self,
        message_log_batch: Sequence[MessageLog],
        metadata: Sequence[Any],  # any: what the data processor put there
        return_extracted_answer: bool = False,
    ) -> EnvironmentReturn:
        """Judge the last assistant turn of each log. Raises ValueError where lengths differ, and InstrumentDown."""
        turns = [_turn(log, extra) for log, extra in zip(message_log_batch, metadata, strict=True)]
        judged = self.plan.judge(turns)
        numbers = self.plan.numbers_by_group(judged, [json.dumps(turn.prompt, default=str) for turn in turns])
        extras = [
            {**extra, "r1_reward": self.plan.parts(one)} if isinstance(extra, Mapping) else extra
            for extra, one in zip(metadata, judged, strict=True)
        ]
        return EnvironmentReturn(
            observations=[{"role": "environment", "content": f"Environment: {f.total.reason.value}"} for f in judged],
            metadata=extras,
            next_stop_strings=[None] * len(judged),
            rewards=tensor_of(numbers),
            terminateds=tensor_of([1.0] * len(judged)),
            answers=[one.total.answer for one in judged] if return_extracted_answer else None,
        )

    def global_post_process_and_metrics(self, batch: Any) -> tuple[Any, dict[str, float]]:  # any: BatchedDataDict
        """The batch with nothing rewarded that did not end, and its mean reward."""
        batch["rewards"] = batch["rewards"] * batch["is_end"]
        return batch, {"reward": float(batch["rewards"].mean()), "properly_ended": float(batch["is_end"].mean())}

    def shutdown(self) -> None:
        """Nothing is held."""


def environment(*rewards: str, base: type = object, **settings: Unpack[Settings]) -> type[NemoEnvironment]:
    """An environment class for NeMo-RL, by names of verifiers (summed), or by `preset`; give it to `ray.remote`.

    Args:
        *rewards: Verifiers to sum, by name and weight: `"math"`, `"format:0.5"`; none is `auto`, by each row's kind.
        base: NeMo-RL's `EnvironmentInterface`; `object` for a class without it.
        **settings: `preset`, `options`, `on_error` and others, see `r1_reward.adapters.plan.Settings`.

    Returns:
        A class whose `step` takes conversations and their metadata and gives NeMo-RL's `EnvironmentReturn`, rewards
        `[B]`.

    Raises:
        ConfigError: An option or its value is unknown, or this trainer cannot do it.
        UnknownRewardError: No verifier has such a name.
    """
    plan = make_plan(rewards, settings, _TRAINER)
    return subclass(plan.name, NemoEnvironment, base, plan=plan)


def __getattr__(name: str) -> Any:  # any: a Ray actor class
    return ready.find(__name__, name, _actor)


def _actor(*rewards: str, **settings: Unpack[Settings]) -> Any:  # any: a Ray actor class
    base: type = import_module("nemo_rl.environments.interfaces").EnvironmentInterface
    return import_module("ray").remote(environment(*rewards, base=base, **settings))


def gym_verify(*rewards: str, **settings: Unpack[Settings]) -> Callable[[Body], dict[str, Any]]:
    """The `/verify` of a NeMo-Gym resources server: its request's JSON in, its response's JSON out.

    The reference and other fields are those of the request, or of its `verifier_metadata`.

    Args:
        *rewards: Verifiers to sum, by name and weight: `"math"`, `"format:0.5"`; none is `auto`, by each row's kind.
        **settings: `preset`, `options`, `on_error` and others, see `r1_reward.adapters.plan.Settings`.

    Returns:
        A function from a request's JSON to the same with `reward`, `reward_components` and `mask_sample`.

    Raises:
        ConfigError: An option or its value is unknown, or this trainer cannot do it.
        UnknownRewardError: No verifier has such a name.
    """
    plan = make_plan(rewards, settings, _GYM)

    def verify(body: Body) -> dict[str, Any]:  # any: a JSON object
        (judged,) = plan.judge([gym_turn(body)])
        number, failed = plan.number(judged), judged.total.status is Status.ERROR
        answer = {**body, "reward": 0.0 if number is None else number, "reward_components": plan.parts(judged)}
        masked = number is None and plan.grading.on_error == "none"
        kept = body.get("instance_config")
        answer["instance_config"] = {**(kept if isinstance(kept, Mapping) else {}), "mask_sample": masked}
        answer["mask_sample"] = masked  # for readers of the top level
        if failed:
            answer["failure_kind"] = f"r1_reward:{judged.total.reason.value}"
            answer["failure_reason"] = judged.total.detail
        return answer

    verify.__name__ = verify.__qualname__ = plan.name
    return verify


def gym_turn(body: Body) -> Turn | SampleError:
    """The row of a NeMo-Gym request, whose `response` is an OpenAI Responses object and `responses_create_params` holds
    the prompt; a SampleError where there is no such response, which is no fault of a model."""
    response = body.get("response")
    output = response.get("output") if isinstance(response, Mapping) else None
    if not isinstance(output, list | tuple):
        return SampleError("wrong_type", "response must be an object whose output is a list")
    rest = {key: value for key, value in body.items() if key not in ("response", "responses_create_params")}
    extra = rest.pop("verifier_metadata", None)
    row = {**rest, **(extra if isinstance(extra, Mapping) else {})}
    asked = body.get("responses_create_params")
    prompt = asked.get("input") if isinstance(asked, Mapping) else None
    return Turn(reply_of(output), prompt, row)


def _turn(log: MessageLog, extra: object) -> Turn:
    texts = [{"role": turn.get("role"), "content": turn.get("content")} for turn in log]
    last = max((at for at, turn in enumerate(texts) if turn["role"] == "assistant"), default=len(texts))
    fields = plain(extra) if isinstance(extra, Mapping) else {}
    fields.pop("r1_reward", None)
    truth = fields.pop("ground_truth", None)
    row = fields if truth is None else {**fields, **label_row(truth)}
    return Turn(texts[last : last + 1] or None, texts[:last], row)
