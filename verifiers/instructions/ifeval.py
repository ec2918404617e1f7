"""The instructions of IFEval (arXiv 2311.07911), 25 checks.

Each check takes the text and the instruction's arguments, whose names are those of the data sets; the parameters say
which of them must be there. Rules are the reference's but for these, which it cannot judge or which models exploit:

- keywords are texts, not regular expressions: `C++` is the word `C++`;
- a comma of another script (`，`, `、`, `،`) is a comma;
- a text too short to show its language is in none, where the reference calls it followed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from .text import Text

Relation = Literal["less than", "at least"]
Check = Callable[..., bool]
"""A text and the arguments of an instruction; whether it is followed."""

_ANSWERS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_HIGHLIGHT = re.compile(r"\*([^\n*]*)\*")
_DOUBLE = re.compile(r"\*\*([^\n*]*)\*\*")
_STAR_BULLET = re.compile(r"^[^\S\n]*\*[^*].*$", re.MULTILINE)
_DASH_BULLET = re.compile(r"^[^\S\n]*-.*$", re.MULTILINE)
_FENCE = re.compile(r"^```(?:json|Json|JSON)?")
_COMMAS = re.compile("[,，、،﹐﹑︐]")


def compare(count: int, relation: Relation, bound: int) -> bool:
    """Whether a count is what was asked for."""
    return count < bound if relation == "less than" else count >= bound


def occurrences(text: Text, keyword: str) -> int:
    """How often a keyword stands in a text, in words too, whatever its case."""
    keyword = keyword.strip().lower()
    return text.lower.count(keyword) if keyword else 0


def _existence(text: Text, keywords: Sequence[str]) -> bool:
    return all(occurrences(text, keyword) for keyword in keywords)


def _frequency(text: Text, keyword: str, frequency: int, relation: Relation) -> bool:
    return compare(occurrences(text, keyword), relation, frequency)


def has_word(text: Text, word: str) -> bool:
    """Whether a word stands in a text as a word of its own."""
    word = word.strip().lower()
    if word not in text.lower:
        return False
    before = r"\b" if word[:1].isalnum() or word[:1] == "_" else ""
    after = r"\b" if word[-1:].isalnum() or word[-1:] == "_" else ""
    return re.search(f"{before}{re.escape(word)}{after}", text.lower) is not None


def _forbidden(text: Text, forbidden_words: Sequence[str]) -> bool:
    return not any(has_word(text, word) for word in forbidden_words)


def letters(text: Text, letter: str, let_frequency: int, let_relation: Relation) -> bool:
    return compare(text.lower.count(letter.strip().lower() or letter), let_relation, let_frequency)


def _language(text: Text, language: str) -> bool:
    from .language import spoken

    return spoken(text.raw, language)


def _sentences(text: Text, num_sentences: int, relation: Relation) -> bool:
    return compare(text.sentence_count, relation, num_sentences)


def _words(text: Text, num_words: int, relation: Relation) -> bool:
    return compare(len(text.words), relation, num_words)


def paragraphs(text: str, divider: str) -> int | None:
    """How many paragraphs a divider separates, empty ones at the ends not counted; None for an empty one between."""
    parts = re.split(divider, text)
    inner = [part for part in parts[1:-1] if not part.strip()]
    return None if inner else sum(bool(part.strip()) for part in parts)


STARS = r"\s?\*\*\*\s?"


def _paragraphs(text: Text, num_paragraphs: int) -> bool:
    return paragraphs(text.raw, STARS) == num_paragraphs


def _first_word(text: Text, num_paragraphs: int, nth_paragraph: int, first_word: str) -> bool:
    filled = [part.split() for part in text.raw.split("\n\n") if part.strip()]
    if len(filled) != num_paragraphs or not 1 <= nth_paragraph <= len(filled):
        return False
    words = filled[nth_paragraph - 1]
    return re.split(r"[.,?!'\"]", words[0].lstrip("'").lstrip('"').lower())[0] == first_word.strip().lower()


def _placeholders(text: Text, num_placeholders: int) -> bool:
    return len(re.findall(r"\[[^\[\]\n]*\]", text.raw)) >= num_placeholders


def _postscript(text: Text, postscript_marker: str) -> bool:
    marker = postscript_marker.strip()
    pattern = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}.get(marker, re.escape(marker.lower()))
    return re.search(pattern, text.lower) is not None


def _bullets(text: Text, num_bullets: int) -> bool:
    return len(_STAR_BULLET.findall(text.raw)) + len(_DASH_BULLET.findall(text.raw)) == num_bullets


def _one_answer(text: Text) -> bool:
    return any(answer in text.raw for answer in _ANSWERS)


def _highlights(text: Text, num_highlights: int) -> bool:
    highlights = _HIGHLIGHT.findall(text.raw) + _DOUBLE.findall(text.raw)
    return sum(bool(part.strip()) for part in highlights) >= num_highlights


def _sections(text: Text, section_spliter: str, num_sections: int) -> bool:
    return len(re.findall(rf"{re.escape(section_spliter.strip())}\s?\d", text.raw)) >= num_sections


def _json(text: Text) -> bool:
    inner = _FENCE.sub("", text.raw.strip()).removesuffix("```").strip()
    return is_json(inner)


def is_json(text: str) -> bool:
    """Whether a text is JSON, which has no NaN."""
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _titled(text: Text) -> bool:
    return any(_title(line, line.find("<<"), line.rfind(">>")) for line in text.lines)


def _title(line: str, start: int, end: int) -> bool:
    return 0 <= start < end and bool(line[start:end].lstrip("<").rstrip(">").strip())


def _two(text: Text) -> bool:
    parts = text.raw.split("******")
    filled = [part.strip() for part in parts if part.strip()]
    return len(filled) == 2 and filled[0] != filled[1] and all(part.strip() for part in parts[1:-1])


def _repeat_prompt(text: Text, prompt_to_repeat: str) -> bool:
    return text.lower.strip().startswith(prompt_to_repeat.strip().lower())


def _ends(text: Text, end_phrase: str) -> bool:
    return text.raw.strip().strip('"').lower().endswith(end_phrase.strip().lower())


def _capital_words(text: Text, capital_frequency: int, capital_relation: Relation) -> bool:
    return compare(sum(map(str.isupper, text.tokens)), capital_relation, capital_frequency)


def _english(text: Text) -> bool:
    from .language import spoken

    return spoken(text.lower, "en")


def _capital(text: Text) -> bool:
    return text.raw.isupper() and _english(text)


def _lowercase(text: Text) -> bool:
    return text.raw.islower() and _english(text)


def no_comma(text: Text) -> bool:
    return not _COMMAS.search(text.raw)


def _quoted(text: Text) -> bool:
    inner = text.raw.strip()
    return len(inner) > 1 and inner[0] == inner[-1] == '"'


CHECKS: Mapping[str, Check] = {
    "keywords:existence": _existence,
    "keywords:frequency": _frequency,
    "keywords:forbidden_words": _forbidden,
    "keywords:letter_frequency": letters,
    "language:response_language": _language,
    "length_constraints:number_sentences": _sentences,
    "length_constraints:number_paragraphs": _paragraphs,
    "length_constraints:number_words": _words,
    "length_constraints:nth_paragraph_first_word": _first_word,
    "detectable_content:number_placeholders": _placeholders,
    "detectable_content:postscript": _postscript,
    "detectable_format:number_bullet_lists": _bullets,
    "detectable_format:constrained_response": _one_answer,
    "detectable_format:number_highlighted_sections": _highlights,
    "detectable_format:multiple_sections": _sections,
    "detectable_format:json_format": _json,
    "detectable_format:title": _titled,
    "combination:two_responses": _two,
    "combination:repeat_prompt": _repeat_prompt,
    "startend:end_checker": _ends,
    "change_case:capital_word_frequency": _capital_words,
    "change_case:english_capital": _capital,
    "change_case:english_lowercase": _lowercase,
    "punctuation:no_comma": no_comma,
    "startend:quotation": _quoted,
}
"""By the names of `instruction_id_list`."""
