"""Text of others made safe to look at."""

from __future__ import annotations


def escape_unprintable(text: str) -> str:
    r"""The same text with escapes for what cannot be seen: control characters, line ends, direction marks, surrogates.

    >>> escape_unprintable("x\x1b[2J\n½")
    'x\\x1b[2J\\n½'
    """
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)
