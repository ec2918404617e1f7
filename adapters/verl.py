"""Rewards for verl, by configuration alone:

    reward.custom_reward_function.path=pkg://r1_reward.adapters.verl
    reward.custom_reward_function.name=compute_score
    +reward.custom_reward_function.reward_kwargs.rewards=[math,format:0.1]

A row that could not be judged **cannot** be left out: it is 0.0, `valid` says so, and the breaker ends the run. The
`batch` manager alone has whole groups: `on_error="none"` gives it the mean of those with its `index` in `extra_info`.

Read in verl 0.9.1; before 0.9 there is no `pkg://`: point `path` at a file that holds the line
`from r1_reward.adapters.verl import compute_score`. What verl does, and what is made of it here:

- The keys of the first sample's dict are looked up in all others: so every sample has the same flat keys, all numbers.
- There is no way to leave a sample out, NaN poisons its whole group, and an exception ends the run: so a sample that
  could not be judged is 0.0 with `valid` 0.0 (`on_error="zero"`, the default) or ends the run (`"raise"`); a breaker
  that finds the instrument down always ends it. The `prime` manager alone turns exceptions into zeros.
- `main_eval` and `prime` call by position and want a number: `compute_float`. `batch` passes lists: `compute_scores`.
- The response comes without its prompt and special tokens: where the chat template wrote `<think>`, say
  `prefilled: true`, or hand the prompt over in `extra_info`.
- `extra_info` is changed by verl between calls; nothing of it is kept.

Fields of a Sample beside the reference (`kind`, `language`, `tests`, `prompt`, ...) are read from `extra_info`.
"""

from __future__ import annotations

import functools
import math
import pickle
from collections.abc import Mapping, Sequence
from typing import Any, Unpack, cast

from ..rows.labels import label_row
from ..rows.values import plain
from ..verifiers.errors import ConfigError
from ..verifiers.registry import is_accuracy
from ..verifiers.reward import Judged
from .plan import Plan, Settings, TrainerTraits, Turn, make_plan

_TRAINER = TrainerTraits("verl", ("zero", "raise"))
_BATCH = TrainerTraits("verl's batch manager", ("zero", "none", "raise"), lists=True, groups=True)
Rewards = str | Sequence[str]


def compute_score(
    data_source: object,
    solution_str: object,
    ground_truth: object,
    extra_info: Mapping[str, Any] | None = None,  # any: what the dataset and verl put there
    *,
    rewards: Rewards = "auto",
    reward_router_address: object = None,  # noqa: ARG001 - verl passes it where it serves a reward model
    reward_model_tokenizer: object = None,  # noqa: ARG001
    **settings: Unpack[Settings],
) -> dict[str, float]:
    r"""The reward of one response with its parts: `score`, `acc`, `valid`, `error`, and `<term>_reward` for each term.

    Args:
        data_source: The row's data set, by its name.
        solution_str: The response, decoded.
        ground_truth: The row's label: an answer, test cases, or JSON with fields of a Sample.
        extra_info: What else the row holds: `prompt`, `index`, and fields of a Sample.
        rewards: Names of verifiers, summed; `auto` is the accuracy verifier of the row's kind.
        reward_router_address: Not used; verl passes it where it serves a reward model.
        reward_model_tokenizer: Not used.
        **settings: `preset`, `options`, `on_error` and others, see `r1_reward.adapters.plan.Settings`.

    Returns:
        Floats by name, with the same keys for every row.

    Raises:
        ConfigError: An option or its value is unknown.
        InstrumentDown: Too many of the last samples could not be judged.
        NotScoredError: The sample could not be judged, and `on_error` is `raise`.

    >>> compute_score("gsm8k", r"\\boxed{4}", "4", rewards="math")
    {'score': 1.0, 'acc': 1.0, 'valid': 1.0, 'error': 0.0, 'math_reward': 1.0}
    """
    plan = _plan(rewards, settings)
    (judged,) = plan.judge([_turn(data_source, solution_str, ground_truth, extra_info)])
    return _score_dict(plan, judged, plan.number(judged) or 0.0)


def compute_float(
    data_source: object,
    solution_str: object,
    ground_truth: object,
    extra_info: Mapping[str, Any] | None = None,  # any: see compute_score
    **settings: Any,  # any: see compute_score
) -> float:
    """The score alone, for `main_eval`, which averages, and for the `prime` manager.

    Args:
        data_source: The row's data set, by its name.
        solution_str: The response, decoded.
        ground_truth: The row's label: an answer, test cases, or JSON with fields of a Sample.
        extra_info: What else the row holds: `prompt`, `index`, and fields of a Sample.
        **settings: `rewards` and options, as `compute_score` takes them.

    Returns:
        The total, a weighted sum; 0.0 for what could not be judged.

    Raises:
        ConfigError: As for `compute_score`, and so are InstrumentDown and NotScoredError.
    """
    return compute_score(data_source, solution_str, ground_truth, extra_info, **settings)["score"]


def compute_scores(
    data_sources: Sequence[object],
    solution_strs: Sequence[object],
    ground_truths: Sequence[object],
    extra_infos: Sequence[Mapping[str, Any] | None] | None = None,  # any: see compute_score
    *,
    rewards: Rewards = "auto",
    **settings: Unpack[Settings],
) -> list[dict[str, float]]:
    """As `compute_score` for a whole batch, for the `batch` manager.

    Args:
        data_sources: Each row's data set, by its name.
        solution_strs: The responses, decoded.
        ground_truths: Each row's label.
        extra_infos: What else each row holds; None where nothing.
        rewards: Names of verifiers, summed; `auto` is the accuracy verifier of the row's kind.
        **settings: `preset`, `options`, `on_error` and others, see `r1_reward.adapters.plan.Settings`.

    Returns:
        One dict of floats for each response, in order; see `compute_score`.

    Raises:
        ValueError: The arguments are not of one length.
        ConfigError: As for `compute_score`, and so are InstrumentDown and NotScoredError.
    """
    plan = _plan(rewards, settings, _BATCH)
    extras = [None] * len(solution_strs) if extra_infos is None else extra_infos
    turns = [_turn(*row) for row in zip(data_sources, solution_strs, ground_truths, extras, strict=True)]
    judged = plan.judge(turns)
    keys: list[object] = [None] * len(turns)
    if plan.normalize or plan.grading.on_error == "none":
        keys = [_group(source, extra) for source, extra in zip(data_sources, extras, strict=True)]
    numbers = plan.numbers_by_group(judged, keys)
    return [_score_dict(plan, *pair) for pair in zip(judged, numbers, strict=True)]


def _group(source: object, extra: Mapping[str, Any] | None) -> tuple[str, str]:
    """Which prompt a response is to: what verl's data sets number. Raises ConfigError."""
    extras = extra if isinstance(extra, Mapping) else {}
    number = next((extras[name] for name in ("uid", "index") if extras.get(name) is not None), None)
    if number is None:
        raise ConfigError("the batch's groups are read from extra_info['index'] (or 'uid'), which a row lacks")
    return str(source), str(number)


def _turn(data_source: object, solution: object, ground_truth: object, extra_info: Mapping[str, Any] | None) -> Turn:
    extra = extra_info if isinstance(extra_info, Mapping) else {}
    row = {"data_source": data_source, **extra, **label_row(ground_truth)}
    return Turn(solution, row.get("prompt"), row)


def _score_dict(plan: Plan, judged: Judged, score: float) -> dict[str, float]:
    accuracy = [name for name in plan.terms if is_accuracy(name)]
    scores = [judged.verdicts[name].score or 0.0 for name in accuracy if name in judged.verdicts]
    return {"score": float(score), "acc": math.fsum(scores) if accuracy else score, **plan.parts(judged)}


def _plan(rewards: Rewards, settings: Settings, trainer: TrainerTraits = _TRAINER) -> Plan:
    options = plain(dict(settings))
    named = plain(rewards)
    names = tuple(named) if isinstance(named, list) else (named,)
    try:
        key = pickle.dumps((names, sorted(options.items()), trainer))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ConfigError(f"verl's rewards and settings must be such as can be pickled: {error}") from error
    return _cached(key)


@functools.lru_cache(maxsize=64)
def _cached(key: bytes) -> Plan:
    names, options, trainer = pickle.loads(key)  # noqa: S301 - pickled in this process, two lines above
    return make_plan(names, cast(Settings, dict(options)), trainer)
