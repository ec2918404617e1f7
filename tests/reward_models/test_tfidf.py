"""The baseline of benchmarks/ learns what words tell, and nothing else."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from r1_reward.reward_models.data import Pair, Rated
from r1_reward.verifiers import Message

ASKED = (Message(role="user", content="say something"),)

pytestmark = pytest.mark.needs("sklearn")


def test_a_planted_word_is_learned_from_pairs_and_from_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    from tfidf import TfidfReward

    draw = random.Random(0)
    words = "stone river cloud lamp road tree house bread".split()

    def some() -> list[str]:
        return [draw.choice(words) for _ in range(draw.randint(3, 12))]

    pairs = [Pair(prompt=(), chosen=" ".join([*some(), "please"]), rejected=" ".join(some())) for _ in range(200)]
    scores = TfidfReward().fit(pairs[:150]).score_rows(pairs[150:])
    assert sum(one > other for one, other in scores) >= 48
    rated = [
        Rated(prompt=ASKED, response=text, safe=text.endswith("please"))
        for p in pairs
        for text in (p.chosen, p.rejected)
    ]
    model = TfidfReward().fit(rated[:300])
    result = model.score_rows(rated[300:])
    assert sum((score > 0) == row.safe for (score,), row in zip(result, rated[300:], strict=True)) >= 95
    assert model.temperature > 0
