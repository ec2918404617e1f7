"""One rollout: completions, their rewards and advantages, and the log-probabilities they are trained against, frozen.

Rewards are computed in a thread while later prompts decode. What could not be judged (an `error`, a `skipped`, a reward
that raises, gives no finite number or the wrong number of verdicts) has no reward: it takes no part in its group's
baseline, is left out of the loss, and is counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch

from ..training.distributed import Processes
from ..verifiers import Reward, Verdict, Verifier
from ..verifiers.verifier import verdicts_or_errors
from .advantage import Advantages, group_advantages, term_advantages, whitened
from .config import AdvantageConfig, RewardConfig, TrainConfig
from .engine import Completion, Engine
from .questions import Question
from .runlog import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One sample of a rollout."""

    tokens: tuple[int, ...]
    """The completion, its stop token included."""
    text: str
    """What was judged."""
    truncated: bool
    """Whether it was cut off by max_tokens."""
    verdict: Mapping[str, Any]
    """The reward's verdict in its JSON form (any: JSON values), without its evidence and the time it took."""
    advantage: float
    """Over its group."""
    trained: bool
    """Whether it is in the loss."""
    old: tuple[float, ...]
    """Each token's log-probability under the policy that sampled."""
    engine: tuple[float, ...] | None = None
    """The same as a foreign engine reported it; None where the engine is exact."""
    reference: tuple[float, ...] | None = None
    """The same under the reference; None where there is none."""

    @property
    def reward(self) -> float | None:
        """None where it could not be judged."""
        return self.verdict["score"]  # type: ignore[no-any-return]  # as Verdict has it

    @property
    def parts(self) -> Mapping[str, float]:
        """The reward's terms, before their weights."""
        return self.verdict.get("parts", {})  # type: ignore[no-any-return]  # as Verdict has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The samples of one question."""

    prompt: tuple[int, ...]
    """Its tokens."""
    sample: Mapping[str, Any]
    """Its question in JSON form, without tests (any: JSON values)."""
    informative: bool
    """Whether its rewards differ."""
    rows: tuple[Rollout, ...]
    """Its samples."""


class _Asked(NamedTuple):
    """A question that was answered, and is being judged."""

    question: Question
    completions: list[Completion]
    texts: list[str]
    verdicts: Future[list[Verdict]]


def collect(
    questions: Sequence[Question],
    seeds: Sequence[int],
    engine: Engine,
    reward: Verifier,
    decode: Callable[[Sequence[int]], str],
    config: TrainConfig,
    step: int,
    clock: Clock,
    stopped: Callable[[], bool],
) -> list[Group] | None:
    """Ask the questions, each with its seed, and judge the answers; None if `stopped` said so in between."""
    at_once, sampling = config.rollout.prompts_at_once, config.rollout.sampling(step)
    asked: list[_Asked] = []
    with ThreadPoolExecutor(1, thread_name_prefix="reward") as judges:
        for start in range(0, len(questions), at_once):
            part = questions[start : start + at_once]
            prompts = [question.tokens for question in part]
            with clock("generate"):
                drawn = engine.generate(prompts, config.rollout.samples, sampling, seeds[start : start + at_once])
            for question, completions in zip(part, drawn, strict=True):
                texts = [decode(completion.tokens) for completion in completions]
                answers = [replace(question.sample, response=text) for text in texts]
                asked.append(_Asked(question, completions, texts, judges.submit(verdicts_or_errors, reward, answers)))
            if stopped():
                judges.shutdown(cancel_futures=True)
                return None
        with clock("score"):
            longest = sampling.max_tokens
            weights = {"overlong": config.reward.overlong_weight, **term_weights(reward)}
            return [
                _group(each, config, longest, weights, exact=engine.exact and not config.rollout.staleness)
                for each in asked
            ]


def term_weights(reward: Verifier) -> dict[str, float]:
    """The weights of a reward's terms; none of what has no terms."""
    return {term.name: term.weight for term in reward.terms} if isinstance(reward, Reward) else {}


def _group(asked: _Asked, config: TrainConfig, longest: int, weights: Mapping[str, float], *, exact: bool) -> Group:
    question, completions, texts, verdicts = asked.question, asked.completions, asked.texts, asked.verdicts.result()
    rows = []
    for completion, text, verdict in zip(completions, texts, verdicts, strict=True):
        truncated = completion.finish == "length"
        if config.reward.overlong_buffer:
            verdict = _penalised(verdict, len(completion.tokens), longest, config.reward)
        row = Rollout(
            tokens=completion.tokens,
            text=text,
            truncated=truncated,
            verdict=replace(verdict, evidence={}, seconds=0.0).to_dict(),
            advantage=0.0,
            trained=verdict.score is not None and not (truncated and config.advantage.mask_overlong),
            old=completion.logprobs,
            engine=None if exact else completion.logprobs,
        )
        rows.append(row)
    sample = replace(question.sample, tests=(), meta={}).to_dict()
    group = Group(prompt=question.tokens, sample=sample, informative=False, rows=tuple(rows))
    advantages = _advantages(group, config.advantage, weights, [row.reward for row in rows])
    return replace(_valued(group, advantages), informative=bool(advantages.informative_P[0]))


def _penalised(verdict: Verdict, length: int, longest: int, config: RewardConfig) -> Verdict:
    """The verdict with the term `overlong` in its total."""
    if verdict.score is None:
        return verdict
    term = overlong_penalty(length, longest, config.overlong_buffer)
    parts = {**verdict.parts, "overlong": term}
    return replace(verdict, score=verdict.score + config.overlong_weight * term, parts=parts)


def overlong_penalty(length: int, longest: int, buffer: int) -> float:
    """0 for completions that end `buffer` tokens before the longest, then falling to -1 (DAPO, arXiv 2503.14476, 13).

    >>> [overlong_penalty(length, 10, 4) for length in (6, 8, 10)]
    [0.0, -0.5, -1.0]
    """
    return -min(1.0, max(0, length - (longest - buffer)) / buffer) or 0.0


def _advantages(
    group: Group, config: AdvantageConfig, weights: Mapping[str, float], rewards: Sequence[float | None]
) -> Advantages:
    knobs: Any = {"baseline": config.baseline, "sample_std": config.sample_std, "eps": config.eps}  # any: keywords
    if config.per_term:
        terms = sorted({name for row in group.rows for name in row.parts})
        scores = torch.tensor(
            [[[row.parts.get(name, math.nan) if row.reward is not None else math.nan for row in group.rows]]
             for name in terms or [""]]
        ).double()  # fmt: skip
        return term_advantages(scores, ~scores.isnan(), [weights.get(name, 1.0) for name in terms or [""]], **knobs)
    scores = torch.tensor([[math.nan if reward is None else reward for reward in rewards]]).double()
    return group_advantages(scores, ~scores.isnan(), **knobs)


def _valued(group: Group, advantages: Advantages) -> Group:
    values = advantages.value_PG[0].tolist()
    return replace(
        group, rows=tuple(replace(row, advantage=value) for row, value in zip(group.rows, values, strict=True))
    )


def with_kl_in_reward(group: Group, config: AdvantageConfig, beta: float) -> Group:
    """The group with advantages of each reward less `beta` times its sample's sum of log p_old - log p_reference."""
    rewards = [
        None if row.reward is None or row.reference is None
        else row.reward - beta * sum(old - reference for old, reference in zip(row.old, row.reference, strict=True))
        for row in group.rows
    ]  # fmt: skip
    return _valued(group, _advantages(group, config, {}, rewards))


def with_whitening(groups: Sequence[Group], config: AdvantageConfig, processes: Processes) -> list[Group]:
    """The groups with advantages normalised over all of them, on all processes, among the samples that were judged."""
    values = [row.advantage for group in groups for row in group.rows if row.reward is not None]
    totals = processes.all_gather_object((len(values), sum(values), sum(value**2 for value in values)))
    left = iter(whitened(values, totals, config.sample_std, config.eps))
    return [
        replace(
            group,
            rows=tuple(row if row.reward is None else replace(row, advantage=next(left)) for row in group.rows),
        )
        for group in groups
    ]


def from_plain(groups: Sequence[Mapping[str, Any]]) -> list[Group]:  # any: what a checkpoint holds
    """Groups from what `dataclasses.asdict` makes of them."""
    return [Group(**{**group, "rows": tuple(Rollout(**row) for row in group["rows"])}) for group in groups]
