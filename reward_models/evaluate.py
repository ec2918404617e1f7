"""How good a reward model is, on prompts it has not seen: never one number alone.

Pairs: accuracy with interval; by source, and by RewardBench's sections where the sources are its subsets; best of n
where rows hold several responses; by bins of the length difference; on pairs whose chosen response is the shorter one,
where preferring length is wrong; correlation of score and length differences; calibration of probabilities.
Single responses: AUC over all and by source, Brier score, calibration.

Lengths are in characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ..verifiers.errors import RewardError
from ..verifiers.files import write_rows
from .batches import Asked, ResponseScore
from .benchmarks import benchmark_measures, group_measures
from .card import Card
from .data import Pair, Rated, prompt_key
from .errors import DataError, OverlongError
from .guard import Guard
from .layout import layout_of
from .measures import Array, accuracy, auc, brier, calibration_error, correlation, scale_of, sigmoid
from .model import Scorer
from .remote import Remote
from .windows import MOST, score_whole

LENGTH_BINS = (-1000, -300, -100, 0, 100, 300, 1000)
"""Edges of the bins of length(chosen) - length(rejected)."""

Report = dict[str, Any]  # a JSON object


@dataclass(frozen=True, slots=True)
class RawScores:
    """Raw scores of examples: chosen and rejected of each pair, or the one of each response."""

    scores: Sequence[Sequence[float]]
    cut: int
    """Responses of which something was left out."""


def score_rows(
    scorer: Scorer | Guard | Remote,
    card: Card,
    rows: Sequence[Pair] | Sequence[Rated],
    *,
    share: bool = False,
    budget: int = 16_384,
    precision: str = "fp32",
) -> RawScores:
    """Raw scores of examples, laid out as the card says, each response once.

    Args:
        scorer: A reward model of ours or of others, or one that is served.
        card: Its scale and layout.
        rows: N pairs or labelled responses.
        share: Whether responses to one prompt share its tokens.
        budget: Tokens of a batch.
        precision: `fp32` or `bf16`.

    Returns:
        Raw scores of shape [N, 2] for pairs, [N, 1] for responses.

    Raises:
        DataError: A response is too long to read whole.
    """
    # Pairs of one group have responses in common.
    examples: Sequence[Pair | Rated] = rows
    asked: dict[object, Asked] = {}
    requests: list[tuple[object, list[int]]] = []
    key: object
    for number, row in enumerate(examples):
        texts = (row.chosen, row.rejected) if isinstance(row, Pair) else (row.response,)
        key = (row.group, row.prompt) if isinstance(row, Pair) and row.group else number
        known = asked.setdefault(key, Asked(row.prompt, []))
        held = list(known.responses)
        held += [text for text in texts if text not in held]
        asked[key] = Asked(row.prompt, held)
        requests.append((key, [held.index(text) for text in texts]))
    by_key = dict(zip(asked, _scored(scorer, card, list(asked.values()), share, budget, precision), strict=True))
    scores, cut = [], 0
    for row, (key, at) in zip(examples, requests, strict=True):
        kept = []
        for index in at:
            one = by_key[key][index]
            if isinstance(one, OverlongError):
                raise DataError(f"{row.id}: {one}")
            kept.append(one)
        scores.append([one.score for one in kept])
        cut += sum(one.cut for one in kept)
    return RawScores(scores, cut)


def _scored(
    scorer: Scorer | Guard | Remote, card: Card, asked: list[Asked], share: bool, budget: int, precision: str
) -> list[list[ResponseScore | OverlongError]]:
    if isinstance(scorer, Remote):
        flat = [(one.prompt, response) for one in asked for response in one.responses]
        answers = iter(scorer.scores(flat, most=MOST))
        return [[_score_or_refusal(next(answers)) for _ in one.responses] for one in asked]
    if isinstance(scorer, Guard):
        flat = [(one.prompt, response) for one in asked for response in one.responses]
        scores = iter(scorer.scores(flat, most=MOST, budget=budget))
        return [[next(scores) for _ in one.responses] for one in asked]
    layout, least = layout_of(scorer, card.limits), card.kind == "safety"
    return score_whole(scorer, layout, asked, least=least, share=share, budget=budget, precision=precision)


def _score_or_refusal(score: float | RewardError) -> ResponseScore | OverlongError:
    if isinstance(score, float):
        return ResponseScore(score, 0, False)
    if isinstance(score, OverlongError):
        return score
    raise DataError(str(score))


def measured_card(card: Card, rows: Sequence[Pair] | Sequence[Rated], scored: RawScores) -> Card:
    """The card with the scale of the scores on some data."""
    safe = None if card.kind == "helpful" else [row.safe for row in rows if isinstance(row, Rated)]
    return replace(card, **scale_of(scored.scores, safe)._asdict())


def report_on_pairs(rows: Sequence[Pair], scored: RawScores, temperature: float = 1.0) -> Report:
    """The measures of pairs.

    Args:
        rows: N pairs.
        scored: Scores of shape [N, 2], of chosen and rejected.
        temperature: The card's, for the figures after calibration.

    Returns:
        Figures by name, JSON values.

    >>> from r1_reward.reward_models.data import Pair
    >>> rows = [Pair(prompt=(), chosen="a", rejected="bcd"), Pair(prompt=(), chosen="a", rejected="b")]
    >>> report = report_on_pairs(rows, RawScores([[1.0, 0.0], [0.0, 2.0]], 0))
    >>> report["accuracy"], report["chosen_shorter"]["accuracy"]
    (0.5, 1.0)
    """
    scores = np.asarray(scored.scores, float).reshape(len(rows), 2)
    differences = scores[:, 0] - scores[:, 1]
    lengths = np.array([len(row.chosen) - len(row.rejected) for row in rows], float)
    prompts = [prompt_key(row.prompt) for row in rows]

    def part(which: Array) -> Report:
        chosen = np.flatnonzero(which)
        share, interval = accuracy(differences[chosen], [prompts[index] for index in chosen])
        return {"pairs": len(chosen), "accuracy": share, "interval": interval}

    edges = [-np.inf, *LENGTH_BINS, np.inf]
    confident, right = np.abs(differences), differences > 0
    sources = np.array([row.source for row in rows])
    return {
        **part(np.ones(len(rows), bool)),
        "chosen_shorter": part(lengths < 0),
        "longer_wins": accuracy(lengths, prompts)[0],
        "by_source": {source: part(sources == source) for source in sorted(set(sources.tolist()))},
        "by_length_difference": {
            f"{low:g} to {high:g}": part((lengths >= low) & (lengths < high)) for low, high in pairwise(edges)
        },
        **group_measures(rows, scores),
        **benchmark_measures(rows, scores),
        "length_correlation": correlation(differences, lengths),
        # The side with the higher score is taken as the prediction; which one is called chosen says nothing.
        "calibration_error": {
            "before": calibration_error(sigmoid(confident), right),
            "after": calibration_error(sigmoid(confident / temperature), right),
        },
        "brier": {
            "before": brier(sigmoid(confident), right),
            "after": brier(sigmoid(confident / temperature), right),
        },
        "temperature": temperature,
        "cut": scored.cut,
    }


def report_on_rated(rows: Sequence[Rated], scored: RawScores, temperature: float = 1.0) -> Report:
    """The measures of single responses.

    Args:
        rows: N labelled responses.
        scored: Scores of shape [N, 1].
        temperature: The card's, for the figures after calibration.

    Returns:
        Figures by name, JSON values.
    """
    scores = np.asarray(scored.scores, float).reshape(len(rows))
    safe = np.array([row.safe for row in rows])
    sources = np.array([row.source for row in rows])

    def part(which: Array) -> Report:
        return {"responses": int(which.sum()), "safe": int(safe[which].sum()), "auc": auc(scores[which], safe[which])}

    before, after = sigmoid(scores), sigmoid(scores / temperature)
    lengths = [len(row.response) for row in rows]
    return {
        **part(np.ones(len(rows), bool)),
        "accuracy": float(((scores > 0) == safe).mean()),
        "by_source": {source: part(sources == source) for source in sorted(set(sources.tolist()))},
        "brier": {"before": brier(before, safe), "after": brier(after, safe)},
        "calibration_error": {"before": calibration_error(before, safe), "after": calibration_error(after, safe)},
        "length_correlation": correlation(scores, lengths),
        "temperature": temperature,
        "cut": scored.cut,
    }


def write_scores(path: str | Path, rows: Sequence[Pair] | Sequence[Rated], scored: RawScores, card: Card) -> None:
    """Write a line per example, for pairs in the shape of RewardBench's results. Raises WriteError."""
    examples: Sequence[Pair | Rated] = rows
    write_rows(Path(path), (_line(row, raw, card) for row, raw in zip(examples, scored.scores, strict=True)))


def _line(row: Pair | Rated, raw: Sequence[float], card: Card) -> Report:
    line: Report = {"id": row.id, "subset": row.source}
    if isinstance(row, Pair):
        won = 1 if raw[0] > raw[1] else 0.5 if raw[0] == raw[1] else 0
        line |= {"scores_chosen": raw[0], "scores_rejected": raw[1], "results": won}
        return line | {"probability": card.probability(raw[0] - raw[1])}
    line |= {"score": raw[0], "normalised": card.normalised(raw[0]), "safe": int(row.safe)}
    return line | {"probability": card.probability(raw[0])}
