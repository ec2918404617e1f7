"""The language that a prompt asks for: known where the prompt gives evidence enough, and not guessed where it does not.

A prompt of some words is in the language that most of them are in. A short one is in a language only where its words
fit that language clearly better than any other: `Compute $2+2$.` does by a verb that no other language has, `Area`,
which is spelled so in many, does not. Evidence is in nats, as in `ngrams`: how much likelier the words are in the best
language than in the next.

What it does not do: look at names apart. `Monty Hall` is English here because its letters are.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from . import han, ngrams
from .auto import DetectionPlan, Piece
from .scripts import BY_NAME, RUNS, UNKNOWN, Script, word_pattern

SHORT = 16
"""Prompts of no more words than this need the margin below; longer ones are in the language of most of their words."""
MARGIN = 8.0
"""How much better, in nats, a short prompt's words must fit its language than any other."""
_HAN_MARGIN = 1.5
"""The same for Han without kana: one character that only Chinese or only Japanese writes, or ten that both do."""
_MOST = 0.6
"""Share of a short prompt's words that its language must have, where it is written in several scripts."""


class Target(NamedTuple):
    """A prompt's language, or why it shows none."""

    language: str | None
    why: str = ""
    """Where there is none: a sentence."""


def target_of(text: str, pieces: Sequence[Piece], plan: DetectionPlan) -> Target:
    """The language of a masked prompt; `pieces` are its stretches by language.

    >>> from .auto import pieces
    >>> plan = DetectionPlan(None)
    >>> [target_of(t, pieces(t, plan, None, "word"), plan).language for t in ("Compute 2+2", "Area", "What is it?")]
    ['en', None, 'en']
    """
    counts: Counter[str] = Counter()
    for piece in pieces:
        counts[piece.language] += piece.words
    total = sum(counts.values())
    counts.pop(UNKNOWN, None)
    if not counts:
        return Target(None, "its prompt shows none")
    if total > SHORT:
        return Target(counts.most_common(1)[0][0])
    runs: dict[str, list[str]] = {}
    for run in RUNS.finditer(text):
        runs.setdefault(run.lastgroup or "", []).append(run[0])
    counted: list[tuple[int, Target]] = []
    for name, parts in runs.items():
        if name == "cjk":
            counted.append(_han("".join(parts), plan, counts))
        else:
            script = BY_NAME[name]
            words = re.findall(word_pattern(script), " ".join(parts).lower())
            counted.append((len(words), _shared([word for word in words if len(word) > 1], script, plan)))
    most, target = max(counted, key=lambda one: one[0])
    if most < _MOST * sum(words for words, _ in counted):
        return Target(None, "its short prompt is in several languages")
    return target


def _han(text: str, plan: DetectionPlan, counts: Mapping[str, int]) -> tuple[int, Target]:
    allowed = [code for code in ("zh", "ja") if plan.languages is None or code in plan.languages]
    size = counts.get("zh", 0) + counts.get("ja", 0)
    if len(allowed) == 1:
        return size, Target(allowed[0])
    characters = re.findall(f"[{BY_NAME['hani'].letters}]", text)
    if len(characters) < len(text):  # there is kana
        return size, Target(max(("ja", "zh"), key=lambda code: counts.get(code, 0)))
    lean = sum(map(han.lean, characters))
    if abs(lean) >= _HAN_MARGIN:
        return size, Target("zh" if lean > 0 else "ja")
    return size, Target(None, f"its prompt's {len(characters)} characters are written in Chinese and Japanese alike")


def _shared(words: Sequence[str], script: Script, plan: DetectionPlan) -> Target:
    """The language of a short text in a script that several languages may share."""
    languages = plan.of(script)
    if len(languages) == 1:
        return Target(None, "its prompt shows none") if languages == (UNKNOWN,) else Target(languages[0])
    if not words:
        return Target(None, "its prompt shows none")
    fits = ngrams.table(languages).words(words)
    sums = [0.0] * len(languages)
    for word in words:
        known = [languages.index(one) for one in _question_words().get(word, ()) if one in languages]
        if len(known) == 1:
            sums[known[0]] += ngrams.ONE_WORD
            continue
        for place, value in enumerate(fits[word].fits):
            sums[place] += fits[word].best + _SHARED_WORD if place in known else value
    best, second = sorted(sums, reverse=True)[:2]
    language = languages[sums.index(best)]
    if best - second >= MARGIN:
        return Target(language)
    size = f"{len(words)} word{'s' * (len(words) != 1)}"
    return Target(
        None,
        f"its prompt shows none clearly: {size}, which fit{'s' * (len(words) == 1)} {language} best by "
        f"{best - second:.3g} nats of {MARGIN:g} needed",
    )


_SHARED_WORD = 4.0
"""What a word that several languages have says for each of them against all others, in nats."""


@lru_cache(maxsize=1)
def _question_words() -> Mapping[str, tuple[str, ...]]:
    """The languages that have a word of questions or of mathematics, where others lack it: three letters at a time
    such words say little."""
    text = Path(__file__).with_name("question_words.toml").read_text(encoding="utf-8")
    languages: dict[str, tuple[str, ...]] = {}
    for language, words in tomllib.loads(text).items():
        for word in words.split():
            languages[word] = (*languages.get(word, ()), language)
    return languages
