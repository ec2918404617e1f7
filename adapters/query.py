r"""The response in a query: OpenRLHF sends prompt and response as one text, decoded with its special tokens.

A response that cannot be split from its prompt cannot be judged: a `\boxed{}` of the prompt would count as an answer.
So where the prompt is not found there is none, and the row is an error wherever it was asked about.
"""

from __future__ import annotations

import re

NO_PROMPT = "does not begin with its prompt, so it is not known where the response begins"
"""What is said of such a query."""

_SHORTEST_END = 16
"""Shorter ends of a prompt may stand anywhere by chance, in characters."""
_ROOM = 64
"""Characters that special tokens and decoding may add before the end of a prompt."""
_MOST_ENDINGS = 100_000

_SPECIAL = r"<\|[^<>|\s]{1,40}\|>|<｜[^<>｜\s]{1,40}｜>"
_BEGINNINGS = re.compile(rf"(?:\s{{0,4}}(?:{_SPECIAL}|<s>|<bos>|<pad>|</s>|<eos>|\[PAD\]))++")
_ENDINGS = re.compile(rf"(?:{_SPECIAL}|</s>|<eos>|<end_of_turn>|<pad>|\[PAD\]|\[EOS\])\s*\Z")


def response_in(query: str, prompt: str) -> str | None:
    """What follows the prompt, without the tokens that end a turn; None where the prompt is not there.

    Tokens may stand before the prompt. A prompt that was cut from the left to fit, or came back a little different at
    its beginning, is known by its longest end that is there, which must lie where the prompt does: what the model wrote
    cannot pass for it.

    >>> response_in("<s>2 + 2 = 4</s>", "2 + 2 =")
    ' 4'
    >>> response_in("hat is 2 + 2?<think>It is 4.", "<s>What is 2 + 2?<think>")
    'It is 4.'
    >>> response_in("It is 4.", "What is 2 + 2?") is None
    True
    """
    begun = _BEGINNINGS.match(query)
    padded = begun.end() if begun else 0
    own = _BEGINNINGS.match(prompt)  # a prompt that begins with such tokens itself, after padding
    for start in (0, padded, max(0, padded - (own.end() if own else 0))):
        if query.startswith(prompt, start):
            return _unended(query, start + len(prompt))
    place = query[: padded + len(prompt) + _ROOM]
    shortest, longest = 0, len(prompt)
    while shortest < longest:  # an end that is there has all shorter ones there, so halving finds the longest
        middle = (shortest + longest + 1) // 2
        shortest, longest = (middle, longest) if prompt[-middle:] in place else (shortest, middle - 1)
    if shortest < _SHORTEST_END:
        return None
    return _unended(query, place.index(prompt[-shortest:]) + shortest)


def _unended(query: str, start: int) -> str:
    end = len(query)
    for _ in range(_MOST_ENDINGS):
        ending = _ENDINGS.search(query, max(start, end - 200), end)
        if ending is None:
            break
        end = ending.start()
    return query[start:end]
