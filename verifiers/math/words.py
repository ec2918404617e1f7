"""Answers in words: yes, infinitely many, the names of people and places."""

from __future__ import annotations

from collections.abc import Sequence

_VOID = frozenset(
    "the a an is are it its of that this there so be answer final option choice only just we i to in"
    " th st nd rd".split()
)
_SAME = {
    "true": "yes", "correct": "yes", "false": "no", "incorrect": "no", "none": "no solutions", "doesn't": "not",
    "don't": "not", "cannot": "not", "can't": "not", "isn't": "not", "aren't": "not", "undefined": "dne",
    "infinite": "infinity", "infinitely": "infinity", "infty": "infinity", "inf": "infinity",
    "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "mon": "monday", "tue": "tuesday",
    "wed": "wednesday", "thu": "thursday", "fri": "friday", "sat": "saturday", "sun": "sunday",
}  # fmt: skip
_PHRASES = {
    "infinity many": "infinity",
    "infinity many solutions": "infinity",
    "does not exist": "dne",
    "not exist": "dne",
    "no solution": "no solutions",
    "no real solutions": "no solutions",
    "no real solution": "no solutions",
    "not defined": "dne",
    "all real numbers": "all reals",
    "all real number": "all reals",
}
_PUNCTUATION = frozenset({".", ",", ";", ":", "!", "?", "'", '"', "-", "`", "*", "{", "}", "(", ")", "$"})


def words_of(tokens: Sequence[str]) -> str:
    """The words among tokens with what stands between them, in lower case; empty where there is no word.

    >>> words_of(['"The', '"answer', '"is', '"Even', "."])
    'even'
    """
    if not any(token[:1] == '"' for token in tokens):
        return ""
    kept: list[str] = []
    letters = ""
    for token in tokens:
        if len(token) == 1 and token.isalpha():
            letters += token
            continue
        if letters:
            kept.append(letters)
            letters = ""
        if token not in _PUNCTUATION:
            kept.append(token.lstrip('"\\'))
    if letters:
        kept.append(letters)
    return plain(" ".join(kept))


def plain(text: str) -> str:
    """Words in lower case, one spelling for each, void ones left out unless nothing else is there."""
    words = [_SAME.get(word, word) for word in text.lower().split()]
    kept = [word for word in words if word not in _VOID] or words
    phrase = " ".join(kept)
    return _PHRASES.get(phrase, phrase)


def same_words(gold: str, answer: str) -> bool:
    """Whether two texts, both from `words_of` or `plain`, say the same; "yes" answers "yes, it is a subspace".

    >>> same_words("yes subspace", "yes"), same_words("not closed", "closed")
    (True, False)
    """
    if gold == answer or gold.replace(" ", "") == answer.replace(" ", ""):
        return True
    head, _, rest = gold.partition(" ")
    return bool(rest) and answer == head and head in ("yes", "no")
