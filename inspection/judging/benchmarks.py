"""What the verdicts of a benchmark against a baseline add up to: Arena-Hard's score, AlpacaEval 2's win rates.

Both read rows that `score` wrote with the rubric of that name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...verifiers.errors import RunError
from .length_control import BaselineVerdict, WinRate, estimate_difficulties, win_rate

_INSTRUCTION = ("prompt", "instruction", "problem", "question", "id")


def arena_hard_score(rows: Iterable[Mapping[str, Any]], name: str = "judge") -> float:
    """Arena-Hard's score: the share of games won, a tie being half, where one won or lost by much counts three times.

    Args:
        rows: As `score --reward judge --set judge.rubric=arena_hard` wrote them.
        name: The verifier's name in `verdicts`.

    Returns:
        From 0 to 1.

    Raises:
        RunError: No row has a verdict against a baseline.

    >>> row = {"verdicts": {"judge": {"score": 0.75, "evidence": {"weight": 4.0, "lengths": [9, 9]}}}}
    >>> arena_hard_score([row, {"verdicts": {"judge": {"score": None}}}])
    0.75
    """
    verdicts = [verdict for _, verdict in _verdicts(rows, name)]
    games = [(float(one["score"]), float(one["evidence"]["weight"])) for one in verdicts if one["score"] is not None]
    return sum(score * weight for score, weight in games) / sum(weight for _, weight in games)


def length_controlled(
    rows: Iterable[Mapping[str, Any]],
    name: str = "judge",
    *,
    difficulties: Mapping[str, float] | None = None,
    variants: Iterable[Iterable[Mapping[str, Any]]] = (),
    instruction: str | None = None,
) -> WinRate:
    """AlpacaEval 2's length-controlled win rate (Dubois et al., 2024); `length_control.py` has the formula.

    Args:
        rows: As `score --reward judge --set judge.rubric=alpaca_eval` wrote them.
        name: The verifier's name in `verdicts`.
        difficulties: That of each instruction, such as those of `instruction_difficulties`; None leaves the term out.
        variants: Rows of the baseline against itself where it was asked to be short, or long (optional).
        instruction: The field that names a row's instruction; None takes the first there is of `prompt`,
            `instruction`, `problem`, `question` and `id`, a dialogue as JSON.

    Returns:
        The rate as judged and at the baseline's length, each from 0 to 1, with its standard error.

    Raises:
        RunError: No row has a verdict against a baseline, or an instruction has no difficulty.
    """
    comparisons, unjudged = comparisons_of(rows, name, instruction)
    others = [comparisons_of(some, name, instruction)[0] for some in variants]
    return win_rate(comparisons, difficulties, others, unjudged=unjudged)


def instruction_difficulties(
    models: Iterable[Iterable[Mapping[str, Any]]], name: str = "judge", *, instruction: str | None = None
) -> dict[str, float]:
    """The difficulty of each instruction, from scored rows of several models.

    Args:
        models: The rows of each model, as of `length_controlled`.
        name: The verifier's name in `verdicts`.
        instruction: The field that names a row's instruction, as of `length_controlled`.

    Returns:
        By instruction the difficulty, gamma of the logistic model; the higher, the easier it is to win.

    Raises:
        RunError: There are fewer than two models, one has no verdicts, or a row names no instruction.
    """
    return estimate_difficulties([comparisons_of(rows, name, instruction)[0] for rows in models])


def comparisons_of(
    rows: Iterable[Mapping[str, Any]], name: str = "judge", instruction: str | None = None
) -> tuple[list[BaselineVerdict], int]:
    """The verdicts against a baseline in scored rows, and how many answers have none; arguments as above.

    Raises:
        RunError: No row has a verdict against a baseline.
    """
    comparisons, unjudged = [], 0
    for row, verdict in _verdicts(rows, name):
        if verdict["score"] is None:
            unjudged += 1
            continue
        own, baseline = verdict["evidence"]["lengths"]
        asked = next((row[key] for key in ((instruction,) if instruction else _INSTRUCTION) if row.get(key)), "")
        comparisons.append(
            BaselineVerdict(
                preference=float(verdict["score"]),
                length=own,
                baseline_length=baseline,
                instruction=asked if isinstance(asked, str) else json.dumps(asked, sort_keys=True, ensure_ascii=False),
            )
        )
    return comparisons, unjudged


def _verdicts(rows: Iterable[Mapping[str, Any]], name: str) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """The rows with a verdict against a baseline or without one for the judge's sake, and what it is."""
    judged = False
    for row in rows:
        verdicts = row.get("verdicts")
        verdict = verdicts.get(name) if isinstance(verdicts, Mapping) else None
        if isinstance(verdict, Mapping) and (verdict.get("score") is None or "lengths" in verdict.get("evidence", {})):
            judged = judged or verdict.get("score") is not None
            yield row, verdict
    if not judged:
        raise RunError(f"no row has a verdict of {name} against a baseline")
