"""Building preference pairs as the paper does (B.2): a judge sees each two answers several times, in both orders.

Each pair of candidates is judged `times` times, half as A and B, half as B and A (the paper places them at random,
which is the option `order="random"`), at a temperature at which these are several judgements and not one; the mean of
the un-swapped scores decides, and |mean| must be more than `threshold`. Then, over the whole set: near-duplicate
prompts go, prompts of other data go, lengths are matched, and what is left is split by prompt.

A judge that fails, refuses or gives no clear verdict is asked again by the rules of `verifiers/judge/asking.py`, and
then costs that pair. Its replies are kept by judge and question, so that a run that ends early goes on where it was,
and one with another judge asks anew.
"""

from __future__ import annotations

import functools
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..inspection.overlap import HeldOut, near_duplicates
from ..verifiers.errors import ConfigError
from ..verifiers.judge import Asker
from ..verifiers.judge.asking import Answer, Question
from ..verifiers.judge.question import Field, question_text, read_reply, reply_schema
from ..verifiers.judge.rubric import ready
from ..verifiers.sample import Message
from ..verifiers.settings import Amount, Count, Whole, check
from .candidates import BATCH, Candidate
from .data import Pair, split_by_prompt
from .matching import Matched, match_lengths

VERDICTS: Mapping[str, int] = {"A>>B": 2, "A>B": 1, "A=B": 0, "B>A": -1, "B>>A": -2}
"""The five levels of arena-hard, as a score of the answer that was shown as A."""
MOST_LISTED = 1_000
"""Pairs in other data that a summary lists, each with what it shares with which row."""
_FIELDS = (Field(name="verdict", words=tuple(VERDICTS)),)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefOptions:
    """How pairs are judged and chosen; the defaults are the paper's where it says."""

    times: Count = 4
    """Judgements per pair."""
    order: Literal["balanced", "random"] = "balanced"
    """Half in each order, or each order drawn."""
    temperature: Amount = 0.7
    """Of the judge: at 0 the judgements in one order would all be the same."""
    max_tokens: Count = 8192
    """Longest reply of the judge, with room for a reasoning model's thoughts."""
    rubric: str = "pairwise"
    """Whose instructions the judge has: the name or file of a rubric of mode `pairwise`."""
    pairs: int | Literal["all"] = "all"
    """Pairs of each prompt's responses: all, or so many drawn ones."""
    threshold: float = 1.0
    """|mean| must be more than this."""
    retries: Whole = 5
    """Further tries of a question."""
    price: tuple[float, float] = (0.0, 0.0)
    """Of a million tokens that the judge reads, and writes."""
    max_cost: Amount | None = None
    """Ceiling for the cost of all that the judge's recording holds; reaching it ends the run, with that kept."""
    match: bool = True
    """Leave pairs out until length does not tell which one was chosen."""
    near: float = 0.8
    """Prompts whose three-word sequences overlap by this much are the same; 1.01: none are."""
    test_share: float = 0.1
    """Share of the prompts in the second file."""
    seed: int = 0
    """Of order, matching and split."""

    def __post_init__(self) -> None:
        check(self)
        if self.order == "balanced" and self.times % 2:
            raise ConfigError(f"times is {self.times}; in balanced order it must be even")
        if not (0 <= self.threshold < 2 and 0 <= self.test_share <= 0.5 and self.near > 0):
            raise ConfigError("threshold must be from 0 to below 2, test_share from 0 to 0.5, near above 0")
        object.__setattr__(self, "price", tuple(self.price))
        if min(self.price) < 0 or (self.max_cost is not None and not any(self.price)):
            raise ConfigError(f"price is {list(self.price)}; two numbers from 0 on, one above it where max_cost is set")
        if self.pairs != "all" and self.pairs < 1:
            raise ConfigError(f"pairs is {self.pairs}; at least 1, or all")
        if ready(self.rubric).mode != "pairwise":
            raise ConfigError(f"the rubric {self.rubric} compares no responses; its mode must be pairwise")


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedPair:
    """What the judge said of a candidate."""

    scores: tuple[int, ...] = ()
    """Of the first answer, un-swapped; empty where the judge failed."""
    swapped: tuple[bool, ...] = ()
    """Whether the first answer was shown as B."""
    failed: str | None = None
    """Why there are no scores: the word of an error verdict."""

    @property
    def mean(self) -> float | None:
        """Of the scores."""
        return sum(self.scores) / len(self.scores) if self.scores else None


def judge_all(
    candidates: Sequence[Candidate],
    asker: Asker,
    options: PrefOptions,
    *,
    progress: Callable[[int, Asker], None] | None = None,
) -> list[JudgedPair]:
    """Judge all candidates, in order; a pair counts whole or not at all. Raises WriteError of the recording.

    `progress` gets how many were judged, and who asks, before and after each batch.
    """
    judged: list[JudgedPair] = []
    if progress is not None:
        progress(0, asker)
    task = ready(options.rubric).instructions
    at_once = max(1, BATCH // options.times)
    for start in range(0, len(candidates), at_once):
        some = candidates[start : start + at_once]
        orders = [_orders(candidate, options) for candidate in some]
        asked = [_questions(task, one, order) for one, order in zip(some, orders, strict=True)]
        answers = iter(asker.ask([question for questions in asked for question in questions]))
        judged += [_judged([next(answers) for _ in order], order) for order in orders]
        if progress is not None:
            progress(len(judged), asker)
    return judged


def _orders(candidate: Candidate, options: PrefOptions) -> tuple[bool, ...]:
    """Whether the first answer is shown as B, for each judgement."""
    if options.order == "balanced":
        return tuple(number % 2 == 1 for number in range(options.times))
    draw = random.Random(f"{options.seed} {_text(candidate.prompt)} {candidate.one} {candidate.other}")  # noqa: S311
    return tuple(draw.random() < 0.5 for _ in range(options.times))


def _questions(task: str, candidate: Candidate, orders: Sequence[bool]) -> list[Question]:
    prompt = "\n\n".join(f"{turn.role}: {turn.content}" for turn in candidate.prompt)
    asked: Counter[bool] = Counter()
    questions = []
    for swapped in orders:
        a, b = (candidate.other, candidate.one) if swapped else (candidate.one, candidate.other)
        material = [("prompt", prompt), ("response A", a), ("response B", b)]
        text, code = question_text(task, material, _FIELDS)
        read = functools.partial(read_reply, code=code, fields=_FIELDS, material=material)
        questions.append(Question(text, read, reply_schema(code, _FIELDS), asked[swapped]))
        asked[swapped] += 1
    return questions


def _judged(answers: Sequence[Answer], orders: tuple[bool, ...]) -> JudgedPair:
    failed = next((answer.failure for answer in answers if answer.failure is not None), None)
    if failed is not None:
        return JudgedPair(failed=failed.reason.value)
    scores = [VERDICTS[answer.value[0]["verdict"]] for answer in answers]
    return JudgedPair(
        scores=tuple(-score if swapped else score for score, swapped in zip(scores, orders, strict=True)),
        swapped=orders,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """Preference pairs, and how they came about."""

    train: list[Pair]
    test: list[Pair]
    summary: dict[str, Any]  # any: JSON values
    """Counts, position bias, agreement, lengths before and after matching."""


def build(
    candidates: Sequence[Candidate],
    judged: Sequence[JudgedPair],
    options: PrefOptions,
    held: HeldOut | None = None,
) -> Built:
    """Choose, clean, match and split judged pairs; those whose prompts stand in `held`, tests, are left out."""
    left_out: Counter[str] = Counter()
    overlaps: dict[str, str] = {}
    pairs = []
    for candidate, one in zip(candidates, judged, strict=True):
        mean = one.mean
        if mean is None:
            left_out[f"judge: {one.failed}"] += 1
        elif abs(mean) <= options.threshold:
            left_out["too close"] += 1
        elif held is not None and (overlap := held.match(_text(candidate.prompt))) is not None:
            left_out["in other data"] += 1
            overlaps[candidate.id] = str(overlap)
        else:
            texts = (candidate.one, candidate.other) if mean > 0 else (candidate.other, candidate.one)
            pairs.append(
                Pair(
                    prompt=candidate.prompt,
                    chosen=texts[0],
                    rejected=texts[1],
                    margin=abs(mean),
                    source=candidate.source,
                    id=candidate.id,
                )
            )
    # Of one prompt all pairs stay; of prompts that are nearly the same those of the first.
    prompts = list(dict.fromkeys(_text(pair.prompt) for pair in pairs))
    copies = near_duplicates(prompts, threshold=options.near)
    same = {text for text, other in zip(prompts, copies, strict=True) if other is not None}
    left_out["near-duplicate prompt"] = sum(_text(pair.prompt) in same for pair in pairs)
    pairs = [pair for pair in pairs if _text(pair.prompt) not in same]
    matched: Matched = match_lengths(pairs, seed=options.seed)
    if options.match:
        left_out["length matching"] = len(pairs) - len(matched.rows)
        pairs = matched.rows
    train, test = split_by_prompt(pairs, options.test_share, purpose="test", seed=options.seed)
    summary = {
        "candidates": len(candidates),
        "left_out": {why: count for why, count in sorted(left_out.items()) if count},
        "in_other_data": dict(list(overlaps.items())[:MOST_LISTED]),
        "train": len(train),
        "test": len(test),
        **agreement(judged),
        "longer_wins": {"before": matched.before, "after": matched.after if options.match else matched.before},
        "length_correlation": {
            "before": matched.correlation_before,
            "after": matched.correlation_after if options.match else matched.correlation_before,
        },
        "options": asdict(options),
    }
    return Built(train=train, test=test, summary=summary)


def agreement(judged: Sequence[JudgedPair]) -> dict[str, float | None]:
    """How far the judge contradicts itself.

    `position_bias`: share of verdicts for A less that for B, 0 for a fair judge. `self_agreement`: share of pairs of
    verdicts on the same answers that name the same winner, ties among them.

    >>> one = JudgedPair(scores=(1, 1), swapped=(False, True))
    >>> agreement([one])
    {'position_bias': 0.0, 'self_agreement': 1.0}
    """
    as_a = [(-s if swapped else s) for one in judged for s, swapped in zip(one.scores, one.swapped, strict=True)]
    decided = [score for score in as_a if score]
    same = both = 0
    for one in judged:
        signs = [(score > 0) - (score < 0) for score in one.scores]
        for index, sign in enumerate(signs):
            for other in signs[index + 1 :]:
                both += 1
                same += sign == other
    return {
        "position_bias": sum(1 if score > 0 else -1 for score in decided) / len(decided) if decided else None,
        "self_agreement": same / both if both else None,
    }


def _text(prompt: Sequence[Message]) -> str:
    return "\n".join(turn.content for turn in prompt)
