"""Tokens that pad or end a response, taken off the text that a trainer decoded with them.

Those of the usual templates are known; others are the tokenizer's own (`ends=tokenizer`) or those of a list. They are
taken off where they stand at the edges of a response; one inside it stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Protocol

from ..verifiers.errors import ConfigError
from ..verifiers.format.verifier import END_TOKENS, turn_end

_READ = frozenset(("<think>", "</think>", "<answer>", "</answer>"))
"""Tokens of some tokenizers that verifiers read."""


class Tokenizer(Protocol):
    """What is asked of a tokenizer."""

    @property
    def all_special_tokens(self) -> Sequence[str]:
        """Its special tokens."""
        ...


Ends = Tokenizer | Sequence[str]


def ends_of(tokenizer: object) -> tuple[str, ...]:
    """The tokens that a setting names. Raises ConfigError.

    >>> ends_of(["[SEP]", "<think>"])
    ('[SEP]',)
    """
    tokens = getattr(tokenizer, "all_special_tokens", tokenizer)
    if isinstance(tokens, str) or not isinstance(tokens, Iterable):
        raise ConfigError(f"ends is {tokenizer!r}; it must be a tokenizer or a list of tokens")
    listed = tuple(dict.fromkeys(token for token in tokens if token not in _READ))
    if not all(isinstance(token, str) and token.strip() for token in listed):
        raise ConfigError(f"ends holds {listed!r}; every one must be the text of a token")
    return listed


def without_ends(text: str, more: tuple[str, ...] = ()) -> str:
    """The text without tokens that pad or end it.

    >>> without_ends("<|endoftext|><|endoftext|>It is 4.<|im_end|>[PAD][PAD]"), without_ends("4 </s>!")
    ('It is 4.', '4 </s>!')
    """
    if text[-1:].isalnum() and text[:1].isalnum():
        return text
    tokens, leading = _tokens(more)
    match = leading.match(text)
    return text[match.end() if match else 0 : turn_end(text, tokens)]


@lru_cache(maxsize=32)
def _tokens(more: tuple[str, ...]) -> tuple[tuple[str, ...], re.Pattern[str]]:
    """All tokens, and a run of them at the beginning of a text."""
    tokens = (*END_TOKENS, *more)
    return tokens, re.compile(rf"(?:\s*+(?:{'|'.join(map(re.escape, tokens))}))++")
