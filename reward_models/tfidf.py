"""A baseline without any network: TF-IDF and logistic regression, on differences for pairs.

What a reward model on the same data should beat. Needs scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .data import Pair, Rated
from .measures import fit_temperature


class TfidfReward:
    """Words of the response, and for single responses word pairs; of pairs the difference decides, so the score is
    linear in the words. Both choices, and the strengths, were made by cross-validation on training prompts.

    `score_rows` gives raw scores in the shape of `evaluate.Scored`.
    """

    def __init__(self, *, features: int = 50_000, strength: float = 1.0) -> None:
        self._features, self._strength = features, strength
        self.temperature = 1.0
        """Fitted on a tenth of the training rows that the fit for it did not see."""

    def fit(self, rows: Sequence[Pair] | Sequence[Rated]) -> TfidfReward:
        """Learn from pairs, or from rated responses."""
        held: list[Any] = [row for index, row in enumerate(rows) if index % 10 == 0]
        rest = [row for index, row in enumerate(rows) if index % 10]
        self._fit(rest)
        scores = self.score_rows(held)
        if isinstance(held[0], Pair):
            self.temperature = fit_temperature([one - other for one, other in scores], [True] * len(held))
        else:
            self.temperature = fit_temperature([one for (one,) in scores], [row.safe for row in held])
        self._fit(rows)
        return self

    def score_rows(self, rows: Sequence[Any]) -> list[list[float]]:  # any: pairs or rated responses
        """Raw scores: chosen and rejected of each pair, or the one of each response."""
        if rows and isinstance(rows[0], Pair):
            one, other = (self._scores([getattr(row, side) for row in rows]) for side in ("chosen", "rejected"))
            return [list(both) for both in zip(one, other, strict=True)]
        return [[score] for score in self._scores([_joined(row) for row in rows])]

    def _scores(self, texts: Sequence[str]) -> list[float]:
        found: list[float] = self._model.decision_function(self._words.transform(texts)).tolist()
        return found

    def _fit(self, rows: Sequence[Any]) -> None:  # any: as above
        import numpy as np
        from scipy.sparse import vstack
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        longest = 1 if isinstance(rows[0], Pair) else 2
        self._words = TfidfVectorizer(
            sublinear_tf=True, ngram_range=(1, longest), min_df=2, max_features=self._features, strip_accents="unicode"
        )
        if isinstance(rows[0], Pair):
            self._words.fit([text for row in rows for text in (row.chosen, row.rejected)])
            one, other = (
                self._words.transform([getattr(row, side) for row in rows]) for side in ("chosen", "rejected")
            )
            # Each difference both ways round, so that which side is first tells nothing.
            data, labels = vstack([one - other, other - one]), np.repeat([1, 0], len(rows)).tolist()
            self._model = LogisticRegression(C=0.1 * self._strength, fit_intercept=False, max_iter=1000)
        else:
            data, labels = self._words.fit_transform([_joined(row) for row in rows]), [int(row.safe) for row in rows]
            self._model = LogisticRegression(C=10 * self._strength, max_iter=1000)
        self._model.fit(data, labels)


def _joined(row: Rated) -> str:
    return row.response
