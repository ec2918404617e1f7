"""The instructions that models are trained on: IF-RLVR's 29 (allenai/IF_multi_constraints_upto5), and the functions of
RLVR-IFeval (allenai/RLVR-IFeval), which have IFEval's meaning and counts of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

from .ifbench import word_at
from .ifeval import STARS, Check, Relation, compare, is_json, letters, no_comma, occurrences, paragraphs
from .text import Text, split_sentences

Quantifier = Literal["at least", "around", "at most"]
_SIGNS = re.compile(r"[^\w\s]")
_SENTENCE = re.compile(r"(?<!\w\.\w.)(?<![A-Z][a-z]\.)(?<=[.?!])\s")

# -- IF-RLVR ----------------------------------------------------------------------------------------------------------


def _repeat_phrase(text: Text, phrase: str, small_n: int) -> bool:
    words = phrase.split()
    if len(words) < 2:
        return False
    repeats = re.findall(rf"{re.escape(words[0])} [^\n]{{0,400}}? {re.escape(words[-1])}", text.raw[:20_000])
    changed = [sum(a != b for a, b in zip(one.split(), words, strict=False)) for one in repeats]
    same_length = all(len(one.split()) == len(words) for one in repeats)
    return len(repeats) == small_n > 0 and same_length and max(changed) <= 1 and changed[-1] == 1


def _copy(text: Text, prompt_to_repeat: str) -> bool:
    return text.lower.strip() == prompt_to_repeat.strip().lower()


def _copies(text: Text, prompt_to_repeat: str, N: int) -> bool:
    parts = text.lower.split("******")
    return len(parts) == N and all(part.strip() == prompt_to_repeat.strip().lower() for part in parts)


def _copy_span(text: Text, prompt_to_repeat: str, n_start: int, n_end: int) -> bool:
    return text.lower.strip() == prompt_to_repeat[n_start:n_end].strip().lower()


def _hyphens(text: Text) -> bool:
    sentences = split_sentences(text.raw.replace("-", " "))
    return all(one.strip() == one == other for one, other in zip(text.raw.split("-"), sentences, strict=False))


def _no_neighbours(text: Text) -> bool:
    first = [word[0].lower() for word in text.raw.split()]
    return all(len(a) == len(b) == 1 and ord(b) - ord(a) != 1 for a, b in pairwise(first))


def _bracketed(text: Text) -> bool:
    return all(word.startswith("[") and word.endswith("]") for word in text.raw.split())


def _once(text: Text, keyword: str) -> bool:
    return occurrences(text, keyword) == 1


def _times(text: Text, keyword: str, frequency: int, relation: Relation) -> bool:
    return compare(occurrences(text, keyword), relation, frequency)


def _excluded(text: Text, keyword: str) -> bool:
    return f" {keyword.strip()} " not in text.raw


def _two_starred(text: Text) -> bool:
    return paragraphs(text.raw, STARS) == 2


def _two_spaced(text: Text) -> bool:
    return paragraphs(text.raw, "\n\n") == 2


def _first_of_sentences(text: Text, first_word: str) -> bool:
    first = first_word.strip().lower()
    return all(sentence.split()[:1] == [first] for sentence in map(str.lower, text.sentences))


def _first_of_answer(text: Text, first_word: str) -> bool:
    return text.lower.split(None, 1)[:1] == [first_word.strip().lower()]


def _last_of_sentences(text: Text, last_word: str) -> bool:
    last = last_word.strip().lower()
    return all([_SIGNS.sub("", word) for word in one.lower().split()[-1:]] == [last] for one in text.sentences)


def _last_of_answer(text: Text, last_word: str) -> bool:
    return [_SIGNS.sub("", word) for word in text.lower.split()[-1:]] == [last_word.strip().lower()]


def _wrapped_pairs(text: Text) -> bool:
    words = text.raw.split()
    return all(a.startswith("<<") and b.endswith(">>") for a, b in zip(words[::2], words[1::2], strict=False))


def _no_dot(text: Text) -> bool:
    return "." not in text.raw


def _no_exclamation(text: Text) -> bool:
    return "!" not in text.raw and "！" not in text.raw


def _lowercase_words(text: Text, N: int) -> bool:
    return len(re.findall(r"\b[a-z]+\b", text.raw)) <= N


def _letter_count(text: Text, N: int, relation: Relation) -> bool:
    return compare(len(re.findall("[a-zA-Z]", text.raw)), relation, N)


def _composition(text: Text, n_sent: int, n_words: int) -> bool:
    parts = [part for part in re.split(r"\s?\*\s?\*\s?\*\s?", text.raw) if part.strip()]
    sentences = [split_sentences(part) for part in parts] if len(parts) == 3 else []
    if [len(one) for one in sentences] != [n_sent] * 3:
        return False
    return all(len(Text(sentence).tokens) == n_words for one in sentences for sentence in one)


def _unique(text: Text) -> bool:
    return len(text.tokens) == len(set(text.tokens))


def _once_and_twice(text: Text, keyword1: str, keyword2: str) -> bool:
    return occurrences(text, keyword1) == 1 and occurrences(text, keyword2) == 2


def _palindrome(text: Text) -> bool:
    return any(word == word[::-1] for word in text.raw.split())


def _start_end(text: Text) -> bool:
    tokens = text.tokens
    return len(tokens) > 1 and tokens[0].lower() == tokens[-1].lower()


TRAINING_CHECKS: Mapping[str, Check] = {
    "copy:repeat_phrase": _repeat_phrase,
    "copy:copy": _copy,
    "copy:copying_simple": _copy,
    "copy:copying_multiple": _copies,
    "new:copy_span_idx": _copy_span,
    "detectable_format:sentence_hyphens": _hyphens,
    "detectable_format:square_brackets": _bracketed,
    "detectable_format:bigram_wrapping": _wrapped_pairs,
    "keywords:no_adjacent_consecutive": _no_neighbours,
    "keywords:word_once": _once,
    "keywords:word_count_different_numbers": _times,
    "keywords:exclude_word_harder": _excluded,
    "keywords:palindrome": _palindrome,
    "keywords:keyword_specific_position": word_at,
    "keywords:start_end": _start_end,
    "paragraphs:paragraphs": _two_starred,
    "paragraphs:paragraphs2": _two_spaced,
    "first_word:first_word_sent": _first_of_sentences,
    "first_word:first_word_answer": _first_of_answer,
    "last_word:last_word_sent": _last_of_sentences,
    "last_word:last_word_answer": _last_of_answer,
    "punctuation:punctuation_dot": _no_dot,
    "punctuation:punctuation_exclamation": _no_exclamation,
    "count:lowercase_counting": _lowercase_words,
    "count:counting_composition": _composition,
    "count:count_unique": _unique,
    "count:count_increment_word": _once_and_twice,
    "letters:letter_counting": _letter_count,
    "letters:letter_counting2": letters,
}

# -- RLVR-IFeval ------------------------------------------------------------------------------------------------------


def _quantity(count: int, quantifier: Quantifier, bound: int, slack: int) -> bool:
    if quantifier == "around":
        return abs(count - bound) <= slack
    return count >= bound if quantifier == "at least" else count <= bound


def _all_keywords(text: Text, keyword_list: Sequence[str]) -> bool:
    return all(keyword.lower() in text.lower for keyword in keyword_list)


def _exact_frequency(text: Text, word: str, N: int) -> bool:
    return re.findall(r"\w+", text.lower).count(word.strip().lower()) == N


def _none_of(text: Text, forbidden_words: Sequence[str]) -> bool:
    return not any(word.lower() in text.lower for word in forbidden_words)


def _exact_letters(text: Text, letter: str, N: int) -> bool:
    return text.raw.count(letter) == N


def _in_language(text: Text, language: str) -> bool:
    from .language import spoken

    return spoken(text.raw, language)


def _divided(text: Text, N: int) -> bool:
    parts = text.raw.split("* * *")
    return len(parts) == N and all(part.strip() for part in parts)


def _word_count(text: Text, N: int, quantifier: Quantifier) -> bool:
    return _quantity(len(text.raw.split()), quantifier, N, max(round(N / 10), 1))


def _sentence_count(text: Text, N: int, quantifier: Quantifier) -> bool:
    return _quantity(len(_SENTENCE.split(text.raw)), quantifier, N, 1)


def _paragraphs_from(text: Text, N: int, first_word: str, i: int) -> bool:
    parts = text.raw.split("\n\n")
    return len(parts) == N and 1 <= i <= N and parts[i - 1].strip().startswith(first_word)


def _postscript(text: Text, postscript_marker: str) -> bool:
    return bool(text.raw.partition(postscript_marker)[2].strip())


def _placeholders(text: Text, N: int) -> bool:
    return len(re.findall(r"\[[^\[\]\n]*\]", text.raw)) >= N


def _bullet_lines(text: Text, N: int) -> bool:
    return sum(line.strip().startswith(("*", "-")) for line in text.lines) == N


def _title(text: Text) -> bool:
    return any(0 <= line.find("<<") < line.rfind(">>") for line in text.lines)


def _choice(text: Text, options: Sequence[str]) -> bool:
    return any(option in text.raw for option in options)


def _highlighted(text: Text, N: int) -> bool:
    return sum(line.count("*") // 2 for line in text.lines) >= N


def _sectioned(text: Text, N: int, section_splitter: str) -> bool:
    return len(re.findall(rf"{re.escape(section_splitter.strip().lower())}\s?\d", text.lower)) >= N


def _is_json(text: Text) -> bool:
    return is_json(text.raw)


def _repeated_first(text: Text, original_prompt: str) -> bool:
    return text.raw.startswith(original_prompt)


def _two_answers(text: Text) -> bool:
    parts = [part.strip() for part in text.raw.split("******")]
    return len(parts) == 2 and parts[0] != parts[1]


def _upper(text: Text) -> bool:
    return text.raw == text.raw.upper()


def _lower(text: Text) -> bool:
    return text.raw == text.lower


def _capital_words(text: Text, N: int, quantifier: Quantifier) -> bool:
    return _quantity(len(re.findall(r"\b[A-Z]+\b", text.raw)), quantifier, N, max(round(N / 10), 1))


def _ends_with(text: Text, end_phrase: str) -> bool:
    return text.raw.endswith(end_phrase)


def _in_quotes(text: Text) -> bool:
    return len(text.raw) > 1 and text.raw[0] == text.raw[-1] == '"'


FUNCTIONS: Mapping[str, Check] = {
    "verify_keywords": _all_keywords,
    "verify_keyword_frequency": _exact_frequency,
    "validate_forbidden_words": _none_of,
    "verify_letter_frequency": _exact_letters,
    "validate_response_language": _in_language,
    "verify_paragraph_count": _divided,
    "validate_word_constraint": _word_count,
    "verify_sentence_constraint": _sentence_count,
    "validate_paragraphs": _paragraphs_from,
    "verify_postscript": _postscript,
    "validate_placeholders": _placeholders,
    "verify_bullet_points": _bullet_lines,
    "validate_title": _title,
    "validate_choice": _choice,
    "validate_highlighted_sections": _highlighted,
    "validate_sections": _sectioned,
    "validate_json_format": _is_json,
    "validate_repeat_prompt": _repeated_first,
    "validate_two_responses": _two_answers,
    "validate_uppercase": _upper,
    "validate_lowercase": _lower,
    "validate_frequency_capital_words": _capital_words,
    "validate_end": _ends_with,
    "validate_quotation": _in_quotes,
    "validate_no_commas": no_comma,
}
"""By `func_name`."""
