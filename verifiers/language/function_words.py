"""The small words that give a language away, for what n-grams of three letters cannot tell.

Articles, pronouns, prepositions, auxiliaries and the connectives of an argument ("therefore", "donc", "also"): in a
text that mixes languages by the word they are most of what there is to go by. A word may stand in several lists, and
then says only that it is none of the others: so English has its car, door and die, which are small words elsewhere.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

_WORDS: Mapping[str, str] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))

FUNCTION_WORDS: Mapping[str, frozenset[str]] = {language: frozenset(text.split()) for language, text in _WORDS.items()}
"""Words of each language, in lower case."""
