"""RewardBench's own figures, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from r1_reward.reward_models.benchmarks import SECTIONS, benchmark_measures, group_measures
from r1_reward.rows.preferences import PreferenceReader

pytestmark = pytest.mark.needs("torch")  # numpy comes with it


def read(rows: list[dict[str, Any]], scores: dict[str, float]) -> tuple[list[Any], Any]:
    pairs = [pair for row in rows for pair in PreferenceReader().read(row, "row").pairs]
    return pairs, np.array([[scores[pair.chosen], scores[pair.rejected]] for pair in pairs], float)


def row(name: str, subset: str, chosen: list[str], rejected: list[str]) -> dict[str, Any]:
    return {"id": name, "prompt": "Q", "chosen": chosen, "rejected": rejected, "subset": subset}


def test_best_of_four_counts_a_chosen_response_that_scores_highest() -> None:
    rows = [row("1", "Focus", ["a"], ["b", "c", "d"]), row("2", "Focus", ["e"], ["f", "g", "h"])]
    scores = {"a": 3.0, "b": 1, "c": 2, "d": 0, "e": 1, "f": 1, "g": 0, "h": 0}
    pairs, result = read(rows, scores)
    values = group_measures(pairs, result)["best_of_n"]
    assert (values["groups"], values["accuracy"], values["by_chance"]) == (2, 0.75, 0.25)
    assert benchmark_measures(pairs, result)["rewardbench2"]["subsets"] == {"Focus": 0.75}
    assert group_measures(*read([{"prompt": "Q", "chosen": "a", "rejected": "b"}], scores)) == {}


def test_sections_of_rewardbench_weigh_their_subsets() -> None:
    rows = []
    scores = {"good": 1.0, "bad": 0.0}
    for section, subsets in SECTIONS.items():
        for name in subsets:
            wrong = name in ("mt-bench-easy", "math-prm")
            pair = {"chosen": "bad" if wrong else "good", "rejected": "good" if wrong else "bad"}
            rows.append({"prompt": f"{section} {name}", **pair, "subset": name})
    result = benchmark_measures(*read(rows, scores))["rewardbench"]
    assert result["sections"] == pytest.approx({"Chat": 330 / 358, "Chat Hard": 1, "Safety": 1, "Reasoning": 0.5})
    assert (result["missing"], result["overall"]) == ({}, pytest.approx((330 / 358 + 2.5) / 4))
    part = benchmark_measures(*read(rows[:2], scores))["rewardbench"]
    assert part["overall"] is None
    assert part["missing"]["Chat"] == ["alpacaeval-hard", "mt-bench-easy", "mt-bench-med"]
    assert benchmark_measures(*read([{**rows[0], "subset": "mine"}], scores)) == {}


def test_ties_want_right_answers_near_to_one_another_and_above_the_wrong_ones() -> None:
    rows = [
        row("ref:1", "Ties", ["r"], ["w1"]),
        row("tied:1", "Ties", ["a", "b"], ["w2", "w3"]),
        row("ref:2", "Ties", ["s"], ["w4"]),
        row("tied:2", "Ties", ["c", "d"], ["w5"]),
    ]
    scores = {"r": 3.0, "w1": 1, "a": 4, "b": 3, "w2": 1, "w3": 0, "s": 1, "w4": 2, "c": 5, "d": 1, "w5": 0}
    # 1: right by 2 alone, by 2 among several that are 1 apart; 2: wrong by 1 alone, right by 1, and 4 apart.
    nearer = (np.tanh(2 / 1 - 1) + np.tanh(-1 / 4 - 1)) / 2
    expected = 0.3 * 1 + 0.3 * 0.5 + 0.2 * 0.5 + 0.2 * 0.5 + 0.01 * nearer
    result = benchmark_measures(*read(rows, scores))["rewardbench2"]
    assert result["subsets"]["Ties"] == pytest.approx(expected)
    assert benchmark_measures(*read(rows[:1], scores))["rewardbench2"]["subsets"] == {"Ties": None}
