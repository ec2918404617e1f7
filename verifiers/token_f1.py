"""Exact match and F1 as the scripts of SQuAD, TriviaQA, HotpotQA and DROP compute them, to the digit.

Written from what the scripts do (squad evaluate-v2.0, triviaqa_evaluation, hotpot_evaluate_v1, drop_eval): their quirks
are part of a figure that is compared with published ones. DROP cuts at hyphens and keeps the signs of numbers, gives
nothing where the gold's numbers are not there, pairs spans for the largest sum and rounds to two places. What they do
not do: read anything by value.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_TRIVIA = str.maketrans(dict.fromkeys(string.punctuation + "‘’´`", " ") | {"_": " "})
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def benchmark_score(name: str, said: Sequence[str], golds: Sequence[Sequence[str]]) -> float:
    """The score of an answer, the best over the golds.

    Args:
        name: `squad_em`, `squad_f1`, and so on for `triviaqa`, `hotpotqa` and `drop`.
        said: The answer; several spans for DROP alone.
        golds: Alternatives, each of one span or of several.

    >>> benchmark_score("squad_f1", ["the tall tower"], [["Eiffel Tower"]]), benchmark_score("drop_f1", ["5"], [["6"]])
    (0.5, 0.0)
    """
    benchmark, _, measure = name.partition("_")
    if benchmark == "drop":
        return max(_drop(said, gold)[measure == "f1"] for gold in golds)
    normalize: Callable[[str], str] = _trivia if benchmark == "triviaqa" else _squad
    mine = normalize(" ".join(said))
    others = [normalize(" ".join(gold)) for gold in golds]
    if measure == "em":
        return float(mine in others)
    polar = ("yes", "no", "noanswer") if benchmark == "hotpotqa" else ()
    if benchmark == "squad" and not (mine and all(others)):
        return float(mine in others)  # no answer, and none to give
    return max(0.0 if mine != gold and {mine, gold} & {*polar} else _f1(mine.split(), gold.split()) for gold in others)


def _squad(text: str) -> str:
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def _trivia(text: str) -> str:
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_TRIVIA)).split())


def _f1(said: Sequence[str], gold: Sequence[str]) -> float:
    """Of words, as often as they stand there."""
    common = (Counter(said) & Counter(gold)).total()
    return 2 * common / (len(said) + len(gold)) if common else 0.0


def _drop(said: Sequence[str], gold: Sequence[str]) -> tuple[float, float]:
    """Exact match and F1 of DROP, whose bags of words are sets."""
    mine, others = [_drop_words(span) for span in said], [_drop_words(span) for span in gold]
    exact = len(mine) == len(others) and {*mine} == {*others}
    bags, golds = [{*span.split()} for span in mine], [{*span.split()} for span in others]
    scores = [[_drop_f1(bag, other) for bag in bags] for other in golds]
    mean = _assignment(scores) / max(len(bags), len(golds))
    return float(exact), round(100 * mean) / 100  # numpy's way with halves


def _drop_words(text: str) -> str:
    parts = []
    for token in re.split(" |-", text):
        word = token.lower()
        word = str(float(word)) if _is_number(word) else word.translate(_PUNCTUATION)
        word = str(float(word)) if _is_number(word) else word
        parts.append(" ".join(_ARTICLES.sub(" ", word).split()))
    return " ".join(filter(None, parts))


def _drop_f1(said: set[str], gold: set[str]) -> float:
    numbers = {word for word in gold if _is_number(word)}
    if numbers and not numbers & said:
        return 0.0
    common = len(said & gold)
    precision = common / len(said) if said else 1.0
    recall = common / len(gold) if gold else 1.0
    return 2 * precision * recall / (precision + recall) if precision or recall else 0.0


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _assignment(scores: Sequence[Sequence[float]]) -> float:
    """The largest sum of scores that takes one of each row and column at most (the Hungarian method)."""
    if len(scores) > len(scores[0]):
        scores = list(zip(*scores, strict=True))
    rows, columns = len(scores), len(scores[0])
    row_price, column_price, match = [0.0] * (rows + 1), [0.0] * (columns + 1), [0] * (columns + 1)
    for row in range(1, rows + 1):
        match[0], at = row, 0
        least, before, used = [float("inf")] * (columns + 1), [0] * (columns + 1), [False] * (columns + 1)
        while match[at]:
            used[at] = True
            here, step, following = match[at], float("inf"), 0
            for column in range(1, columns + 1):
                if not used[column]:
                    cost = -scores[here - 1][column - 1] - row_price[here] - column_price[column]
                    if cost < least[column]:
                        least[column], before[column] = cost, at
                    if least[column] < step:
                        step, following = least[column], column
            for column in range(columns + 1):
                if used[column]:
                    row_price[match[column]] += step
                    column_price[column] -= step
                else:
                    least[column] -= step
            at = following
        while at:
            match[at] = match[before[at]]
            at = before[at]
    return sum(scores[match[column] - 1][column - 1] for column in range(1, columns + 1) if match[column])
