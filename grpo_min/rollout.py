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

from ..verifiers import Verdict, Verifier
from ..verifiers.verifier import verdicts_or_errors
from .advantage import group_advantages
from .config import AdvantageConfig, TrainConfig
from .engine import Completion, Engine
from .questions import Question
from .runlog import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
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
    """The same as a foreign engine told it; None where the engine is exact."""
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
    rows: tuple[Row, ...]
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
                found = engine.generate(prompts, config.rollout.samples, sampling, seeds[start : start + at_once])
            for question, completions in zip(part, found, strict=True):
                texts = [decode(completion.tokens) for completion in completions]
                answers = [replace(question.sample, response=text) for text in texts]
                asked.append(_Asked(question, completions, texts, judges.submit(verdicts_or_errors, reward, answers)))
            if stopped():
                judges.shutdown(cancel_futures=True)
                return None
        with clock("score"):
            return [_group(each, config.advantage, exact=engine.exact) for each in asked]


def _group(asked: _Asked, config: AdvantageConfig, *, exact: bool) -> Group:
    question, completions, texts, verdicts = asked.question, asked.completions, asked.texts, asked.verdicts.result()
    scores = torch.tensor([[math.nan if verdict.score is None else verdict.score for verdict in verdicts]]).double()
    found = group_advantages(
        scores, ~scores.isnan(), baseline=config.baseline, sample_std=config.sample_std, eps=config.eps
    )
    rows = []
    for completion, text, verdict, value in zip(completions, texts, verdicts, found.value_PG[0].tolist(), strict=True):
        truncated = completion.finish == "length"
        row = Row(
            tokens=completion.tokens,
            text=text,
            truncated=truncated,
            verdict=replace(verdict, evidence={}, seconds=0.0).to_dict(),
            advantage=value,
            trained=verdict.score is not None and not (truncated and config.mask_overlong),
            old=completion.logprobs,
            engine=None if exact else completion.logprobs,
        )
        rows.append(row)
    return Group(
        prompt=question.tokens,
        sample=replace(question.sample, tests=(), meta={}).to_dict(),
        informative=bool(found.informative_P[0]),
        rows=tuple(rows),
    )


def from_plain(groups: Sequence[Mapping[str, Any]]) -> list[Group]:  # any: what a checkpoint holds
    """Groups from what `dataclasses.asdict` makes of them."""
    return [Group(**{**group, "rows": tuple(Row(**row) for row in group["rows"])}) for group in groups]
