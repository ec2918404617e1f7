"""Rewards for SkyRL, as a single-turn environment:

    # my_env.py
    from r1_reward.adapters.skyrl import environment
    from skyrl_gym.envs.base_text_env import BaseTextEnv

    R1Env = environment("math", "format", base=BaseTextEnv)

    # where training starts
    from skyrl_gym.envs import register

    register(id="r1", entry_point="my_env:R1Env")

    register(id="r1", entry_point="r1_reward.adapters.skyrl:math_format")  # without a file of your own; see `ready.py`

A row that could not be judged **cannot** be left out: it is 0.0, `valid` says so, and the breaker ends the run.

Read in skyrl-gym 0.4.0 (`envs/base_text_env.py`, `envs/gsm8k/env.py`). What it does, and what is made of it here:

- Environments are made from `(env_config, extras)` per rollout, where `extras["reward_spec"]["ground_truth"]` is the
  reference; `kind`, `language`, `tests` and other fields may stand in `reward_spec` or beside it.
- The reward must be a number, and there is no way to leave a rollout out: a sample that could not be judged is 0.0 with
  `valid` 0.0 in the metadata and metrics (`on_error="zero"`, the default), or an exception.
- Environments must inherit from `skyrl_gym.Env`: so its class is given as `base`; only a ready name imports it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, ClassVar, Unpack

from ..rows.labels import label_row
from ..rows.values import plain
from ..verifiers.errors import SampleError
from . import ready
from .plan import Plan, Settings, TrainerTraits, Turn, make_plan

_TRAINER = TrainerTraits("SkyRL", ("zero", "raise"))
Conversation = Sequence[Mapping[str, Any]]  # any: an OpenAI message's fields


class SkyRlEnv:
    """An environment of one turn whose reward is a plan's; `environment` makes subclasses with one."""

    plan: ClassVar[Plan]

    def __init__(self, env_config: object = None, extras: Mapping[str, Any] | None = None) -> None:  # any: the row
        super().__init__()
        self.env_config = env_config
        self.turns: int = 0
        self.max_turns = 1
        self._row = _row(extras or {})
        self._prompt: object = self._row.get("prompt")
        self._parts: dict[str, float] = {}

    def init(self, prompt: Conversation) -> tuple[Conversation, dict[str, Any]]:  # any: no metadata
        """The first prompt, as it was given."""
        self._prompt = plain(prompt)
        return prompt, {}

    def step(self, action: str) -> dict[str, Any]:  # any: the step's output, whose shape is SkyRL's
        """Judge the response; the episode ends. Raises InstrumentDown, and NotScoredError where `on_error` says so."""
        self.turns += 1
        (judged,) = self.plan.judge([Turn(action, self._prompt, self._row)])
        number = self.plan.number(judged)
        self._parts = self.plan.parts(judged)
        metadata = {**self._parts, "reason": judged.total.reason.value}
        return {"observations": [], "reward": 0.0 if number is None else number, "done": True, "metadata": metadata}

    def get_metrics(self) -> dict[str, float]:
        """The parts of the last reward."""
        return dict(self._parts)

    @staticmethod
    def aggregate_metrics(metrics: Sequence[Mapping[str, float]]) -> dict[str, float]:
        """Means over episodes."""
        keys = dict.fromkeys(key for one in metrics for key in one)
        return {key: sum(one.get(key, 0.0) for one in metrics) / len(metrics) for key in keys}

    def close(self) -> None:
        """Nothing is held."""


def environment(*rewards: str, base: type = object, **settings: Unpack[Settings]) -> type[SkyRlEnv]:
    r"""An environment class for SkyRL, by names of verifiers (summed), or by `preset`.

    Args:
        *rewards: Verifiers to sum, by name and weight: `"math"`, `"format:0.5"`; none is `auto`, by each row's kind.
        base: SkyRL's `BaseTextEnv`; `object` for a class without it.
        **settings: `preset`, `options`, `on_error` and others, see `r1_reward.adapters.plan.Settings`.

    Returns:
        A class whose `step(action)` gives the reward of the one turn.

    Raises:
        ConfigError: An option or its value is unknown, or this trainer cannot do it.
        UnknownRewardError: No verifier has such a name.

    >>> env = environment("math")(extras={"reward_spec": {"ground_truth": "4"}})
    >>> env.step(r"\\boxed{4}")["reward"]
    1.0
    """
    plan = make_plan(rewards, settings, _TRAINER)
    bases = (SkyRlEnv,) if base is object else (SkyRlEnv, base)
    return type(plan.name, bases, {"plan": plan, "__module__": __name__})


def __getattr__(name: str) -> type[SkyRlEnv]:
    made: type[SkyRlEnv] = ready.find(__name__, name, _environment)
    return made


def _environment(*rewards: str, **settings: Unpack[Settings]) -> type[SkyRlEnv]:
    base: type = import_module("skyrl_gym.envs.base_text_env").BaseTextEnv
    return environment(*rewards, base=base, **settings)


def _row(extras: Mapping[str, Any]) -> dict[str, Any]:  # any: the dataset's columns
    fields = plain(extras)
    spec = fields.pop("reward_spec", None) or {}
    if not isinstance(spec, dict):
        raise SampleError("wrong_type", f"reward_spec must be an object, got {type(spec).__name__}")
    row = {**fields, **{key: value for key, value in spec.items() if key not in ("ground_truth", "method")}}
    if spec.get("ground_truth") is not None:
        row.update(label_row(spec["ground_truth"]))
    return row
