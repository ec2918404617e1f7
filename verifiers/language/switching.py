"""Which language each word of a text is in, where a script is shared by several: candidates, then Viterbi.

Stretches of the text vote for the language that it is mostly in. A rival becomes a candidate when taking the words
that fit it much better away from the others would gain enough; so a handful of clear words nominates it, and the
noise of many does not. Among the candidates the cheapest labelling is found, where changing the language costs more
in the middle of a sentence than between two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import compress, count, islice, repeat
from operator import add, attrgetter, ne

from .ngrams import ONE_WORD, Fits, Table, Word

_LONG = 24
"""Words from which on single words vote."""
_STRETCH = 16
"""Words that vote together."""
_CLEARLY = 4.0
"""How much better, in nats, a word must fit a rival to speak for it."""
_ENOUGH, _ENOUGH_PER_WORD = 12.0, 0.02
"""What the words that speak for a rival must gain, and how this grows with the text."""
_REPEATS = 3
"""How often one word may speak for a rival: a name is repeated without being a language."""
_SWITCH, _SWITCH_AT_END = 4.0, 2.0
"""What it costs to change the language inside a sentence, and between two."""
_EXPECTED = 1.5
"""What it is worth to be the language asked for, or the likeliest guest; enough to break a tie."""
_NO_SMALL = 0.3
"""What the gain of a rival is worth that shows none of its small words."""
_LEADER = attrgetter("leader")
_CROWDED = 2.0
"""How much more a third language must gain, and any after it."""
_CANDIDATES = 5


_Speaking = tuple[str, Fits, float, tuple[tuple[float, int], ...], float]


def candidates(
    table: Table, words: Sequence[str], expected: int, *, asked: bool = True
) -> tuple[list[int], dict[str, Word]]:
    """Indices of the languages that a text is in, first the one that most of it is in; and the fits of its words.

    `words` are in lower case; single letters among them say nothing. `expected` is the index of the language to prefer
    where nothing speaks against it, and `asked` whether it is a candidate in any case.
    """
    counts = Counter(words)
    for letter in [word for word in counts if len(word) == 1]:
        del counts[letter]
    fits = table.words(counts)
    languages = [_leader(table, words, fits, expected) if counts else expected]
    if asked and expected not in languages:
        languages.append(expected)
    # Each word that fits another language clearly better, with what it must fit better than to speak for it.
    first = languages[0]
    speaking = [
        (word, values, best, ranked, values[first] + _CLEARLY)
        for word, (values, best, ranked, _, _) in fits.items()
        if best - _CLEARLY > values[first]
    ]
    enough = _ENOUGH + _ENOUGH_PER_WORD * len(words)
    newest = languages[-1]
    while len(languages) < _CANDIDATES:
        if newest != first:
            speaking = [
                (word, values, best, ranked, bar if bar >= values[newest] + _CLEARLY else values[newest] + _CLEARLY)
                for word, values, best, ranked, bar in speaking
                if best - _CLEARLY > values[newest]
            ]
        rival = _rival(table, speaking, counts, enough * (1 if len(languages) == 1 else _CROWDED))
        if rival is None:
            break
        languages.append(rival)
        newest = rival
    return languages, fits


def _rival(table: Table, speaking: Sequence[_Speaking], counts: Mapping[str, int], enough: float) -> int | None:
    """The language that clear words speak for most, if that is enough."""
    gains = [0.0] * len(table.languages)
    small: set[int] = set()
    for word, _, _, ranked, bar in speaking:
        times = counts[word]
        times = times if times < _REPEATS else _REPEATS
        for value, i in ranked:
            gain = value - bar
            if gain <= 0.0:
                break
            gains[i] += times * (gain if gain < ONE_WORD else ONE_WORD)
            if i not in small and word in table.small[i]:
                small.add(i)
    worth = [gain if i in small else gain * _NO_SMALL for i, gain in enumerate(gains)]
    rival = worth.index(max(worth))
    return rival if worth[rival] >= enough else None


def _leader(table: Table, words: Sequence[str], fits: Mapping[str, Word], expected: int) -> int:
    """The language that most stretches of a short text are in; of a long one, that most of its words fit best."""
    votes: list[float] = [0.0] * len(table.languages)
    if len(words) > _LONG:
        leader: int = Counter(map(_LEADER, fits.values())).most_common(1)[0][0]
        return leader
    words = [word for word in words if len(word) > 1]
    for start in range(0, len(words), _STRETCH):
        stretch = [fits[word].fits for word in words[start : start + _STRETCH]]
        sums: list[float] = list(map(sum, zip(*stretch, strict=True)))
        sums[expected] += _EXPECTED
        votes[sums.index(max(sums))] += len(stretch)
    return votes.index(max(votes))


def label(among: Sequence[int], fits: Mapping[str, Word], words: Sequence[str], ends: Sequence[bool]) -> list[int]:
    """The language of each word, as an index into the table, by the cheapest labelling (Viterbi).

    `fits` is what `candidates` found; `ends[i]` says whether something that ends a sentence, or another script, stands
    before word i. A word of one letter goes with its neighbours.
    """
    if len(among) == 2:
        return _cheapest_of_two(among, fits, words, ends)
    gains: dict[str, list[float]] = {}
    for word, fit in fits.items():
        values = fit.fits
        chosen = [values[i] for i in among]
        floor = max(chosen) - ONE_WORD
        gains[word] = [value if value > floor else floor for value in chosen]
    return _cheapest(among, gains, words, ends)


def _cheapest(
    among: Sequence[int], gains: Mapping[str, Sequence[float]], words: Sequence[str], ends: Sequence[bool]
) -> list[int]:
    states = range(len(among))
    scores = [0.0] * len(among)
    came_from: list[list[int] | None] = []
    for word, at_end in zip(words, ends, strict=True):
        best = max(scores)
        jump = best - (_SWITCH_AT_END if at_end else _SWITCH)
        if min(scores) >= jump:
            came_from.append(None)
        else:
            leader = scores.index(best)
            came_from.append([state if scores[state] >= jump else leader for state in states])
            scores = [score if score >= jump else jump for score in scores]
        more = gains.get(word)
        if more is not None:
            scores = list(map(add, scores, more))
    state = scores.index(max(scores))
    labels = []
    for back in reversed(came_from):
        labels.append(among[state])
        if back is not None:
            state = back[state]
    labels.reverse()
    return labels


def _cheapest_of_two(
    among: Sequence[int], fits: Mapping[str, Word], words: Sequence[str], ends: Sequence[bool]
) -> list[int]:
    """The same for two languages, where only the lead of the first over the second has to be carried along."""
    first, second = among
    leads = {}
    for word, (values, _, _, _, _) in fits.items():
        lead = values[first] - values[second]
        leads[word] = lead if -ONE_WORD < lead < ONE_WORD else ONE_WORD if lead > 0 else -ONE_WORD
    lead = 0.0
    steps: list[int] = []
    step = steps.append
    for gain, at_end in zip(map(leads.get, words, repeat(0.0)), ends, strict=True):
        cost = _SWITCH_AT_END if at_end else _SWITCH
        if lead > cost:
            lead = cost + gain
            step(first)  # whatever comes now, what came before is in the first
        elif lead < -cost:
            lead = gain - cost
            step(second)
        else:
            lead += gain
            step(-1)
    now = first if lead >= 0 else second
    labels: list[int] = []
    append = labels.append
    for came in reversed(steps):
        append(now)
        if came >= 0:
            now = came
    labels.reverse()
    return labels


def boundaries(labels: Sequence[object]) -> list[int]:
    """Where the language changes, with both ends of the text.

    >>> boundaries([3, 3, 0, 3])
    [0, 2, 3, 4]
    """
    changes = compress(count(1), map(ne, labels, islice(labels, 1, None)))
    return [0, *changes, len(labels)]
