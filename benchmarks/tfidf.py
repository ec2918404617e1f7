"""A baseline without any network: TF-IDF and logistic regression, on differences for pairs.

What a reward model on the same data should beat. Needs scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from r1_reward.reward_models.data import Pair, Rated, prompt_key
from r1_reward.reward_models.measures import fit_temperature

ENOUGH = 1000
"""Rows from which a temperature can be told; fewer are no guide, since people agree on so little."""


class TfidfReward:
    """Words of a response; of single responses also word pairs, pieces of words, and the prompt's words by themselves.

    Of pairs the difference decides, so their score is linear in the words. What is looked at, and how strongly, was
    chosen by cross-validation on training prompts. `score_rows` gives raw scores in the shape of `evaluate.RawScores`.
    """

    def __init__(self, *, strength: float = 1.0) -> None:
        self._strength = strength
        self.temperature = 1.0
        """Fitted on training rows that the fits for it did not see, a tenth of the prompts at a time; 1 where
        all rows have one prompt."""

    def fit(self, rows: Sequence[Pair] | Sequence[Rated]) -> TfidfReward:
        """Learn from pairs, or from rated responses."""
        logits: list[float] = []
        labels: list[bool] = []
        for place in range(10):
            held: list[Any] = [row for row in rows if _tenth(row) == place]
            rest: list[Any] = [row for row in rows if _tenth(row) != place]
            if held and rest and len(logits) < ENOUGH:
                self._fit(rest)
                logits += [scores[0] - sum(scores[1:]) for scores in self.score_rows(held)]
                labels += [isinstance(row, Pair) or row.safe for row in held]
        if logits:
            self.temperature = fit_temperature(logits, labels)
        self._fit(rows)
        return self

    def score_rows(self, rows: Sequence[Any]) -> list[list[float]]:  # any: pairs or rated responses
        """Raw scores: chosen and rejected of each pair, or the one of each response."""
        if rows and isinstance(rows[0], Pair):
            one, other = (self._scores(_side(rows, side)) for side in ("chosen", "rejected"))
            return [list(both) for both in zip(one, other, strict=True)]
        return [[score] for score in self._scores(_views(rows))]

    def _scores(self, views: Sequence[Sequence[str]]) -> list[float]:
        result: list[float] = self._model.decision_function(self._features(views)).tolist()
        return result

    def _features(self, views: Sequence[Sequence[str]]) -> Any:  # any: a sparse matrix
        from scipy.sparse import hstack

        return hstack([see.transform(texts) for see, texts in zip(self._seers, views, strict=True)]).tocsr()

    def _fit(self, rows: Sequence[Any]) -> None:  # any: as above
        from scipy.sparse import vstack
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        words = {"sublinear_tf": True, "min_df": 2, "max_features": 50_000, "strip_accents": "unicode"}
        pieces = {**words, "analyzer": "char_wb", "ngram_range": (2, 4), "min_df": 3}
        if isinstance(rows[0], Pair):
            chosen, rejected = _side(rows, "chosen"), _side(rows, "rejected")
            self._seers = [TfidfVectorizer(**words).fit(chosen[0] + rejected[0])]
            difference = self._features(chosen) - self._features(rejected)
            # Each difference both ways round, so that which side is first tells nothing.
            data, labels = vstack([difference, -difference]), [1] * len(rows) + [0] * len(rows)
            self._model = LogisticRegression(C=0.03 * self._strength, fit_intercept=False, max_iter=1000)
        else:
            views = _views(rows)
            seers = (TfidfVectorizer(**words, ngram_range=(1, 2)), TfidfVectorizer(**pieces), TfidfVectorizer(**words))
            self._seers = [seer.fit(texts) for seer, texts in zip(seers, views, strict=True)]
            data, labels = self._features(views), [int(row.safe) for row in rows]
            self._model = LogisticRegression(C=2 * self._strength, max_iter=1000)
        self._model.fit(data, labels)


def _tenth(row: Pair | Rated) -> int:
    """One of ten parts of the prompts."""
    return int.from_bytes(prompt_key(row.prompt)[:4], "little") % 10


def _side(rows: Sequence[Pair], side: str) -> list[list[str]]:
    return [[getattr(row, side) for row in rows]]


def _views(rows: Sequence[Rated]) -> list[list[str]]:
    """Response twice, as words and as pieces of words, and the end of the prompt."""
    responses = [row.response for row in rows]
    prompts = [" ".join(turn.content for turn in row.prompt)[-300:] or "-" for row in rows]
    return [responses, responses, prompts]
