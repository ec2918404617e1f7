"""The words and spellings of `vocabulary.txt`, by the names of their sections."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def _sections() -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    words: list[str] = []
    for line in Path(__file__).with_name("vocabulary.txt").read_text(encoding="utf-8").splitlines()[1:]:
        if line[:1] == "[":
            words = sections.setdefault(line[1 : line.index("]")], [])
        elif line:
            words += line.split()
    return sections


def word_set(section: str, before: str = "") -> frozenset[str]:
    """The words of a section, with something before each.

    >>> "km" in word_set("unit words"), '"or' in word_set("doubts", '"')
    (True, True)
    """
    return frozenset(before + word for word in _sections()[section])


def spellings(section: str) -> dict[str, str]:
    """What the words of a section stand for.

    >>> spellings("functions")["tg"], spellings("characters")["≤"]
    ('tan', '<=')
    """
    pairs = (word[:1] + word[1:].replace("␣", " ") for word in _sections()[section])
    return {pair[: pair.index("=", 1)]: pair[pair.index("=", 1) + 1 :] for pair in pairs}


def sizes(section: str) -> dict[str, int]:
    """The whole numbers that the words of a section stand for."""
    return {word: int(size) for word, size in spellings(section).items()}
