"""The instructions of IFBench (arXiv 2507.02833), 58 checks; as in `ifeval.py`, from which they differ in manner only.

Where the reference raises for a text, the text does not follow the instruction.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

from .ifeval import Check
from .text import PUNCTUATION, STRIPPED, WORDS, Text, ascii_only, is_emoji, is_verb, split_sentences, syllables

_STOP_WORDS = frozenset(WORDS["stop_words"])
_CONJUNCTIONS = frozenset("and but for nor or so yet".split())
_NAMES = WORDS["names"]
_PRONOUNS = frozenset(WORDS["pronouns"])
_CAPITALS = WORDS["capitals"]
_NAME = re.compile(rf"\b(?:{'|'.join(_NAMES)})\b")
_PRIMES = frozenset((2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97))
_CONSONANT_PAIR = re.compile("[bcdfghjklmnpqrstvwxyz]{2}")
_JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
_BRACKETS = {")": "(", "]": "[", "}": "{"}
_MULTIPLES = [str(number) for number in range(14, 51, 7)]
_LETTERED = re.compile(r"[\W_]*a[\W_]*b[\W_]*c", re.IGNORECASE)
_OPTION = re.compile(r"[A-Ea-e][.|)]\s*\w")
_QUESTION = re.compile(r"\n*Question \d+[.|):;]?\s*")
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_THESIS = re.compile(r"<(?:i|em)>")
_THESIS_END = re.compile(r"</(?:i|em)>")


# -- counts and shares ------------------------------------------------------------------------------------------------


def _word_range(text: Text, min_words: int, max_words: int) -> bool:
    return min_words <= len(text.words) <= max_words


def _unique_words(text: Text, N: int) -> bool:
    return len({word.strip(STRIPPED) for word in text.lower.split()}) >= N


def _stop_words(text: Text, percentage: int) -> bool:
    words = text.words
    return bool(words) and sum(word.lower() in _STOP_WORDS for word in words) * 100 <= percentage * len(words)


def _endings(text: Text) -> tuple[int, int, int]:
    ends = Counter(sentence[-1:] for sentence in text.sentences)
    return ends["."], ends["?"], ends["!"]


def _sentence_types(text: Text) -> bool:
    declarative, interrogative, _ = _endings(text)
    return declarative == 2 * interrogative


def _sentence_balance(text: Text) -> bool:
    return len(set(_endings(text))) == 1


def _conjunctions(text: Text, small_n: int) -> bool:
    words = text.raw.split()
    return len({word for word in words if word.strip(STRIPPED).lower() in _CONJUNCTIONS}) >= small_n


def _names(text: Text, N: int) -> bool:
    return len(set(_NAME.findall(text.raw))) >= N


def _overlap(text: Text, reference_text: str, percentage: int) -> bool:
    grams, known = ({whole[at : at + 3] for at in range(len(whole) - 2)} for whole in (text.raw, reference_text))
    return bool(grams) and abs(100 * len(grams & known) / len(grams) - percentage) <= 2


def _numbers(text: Text, N: int) -> bool:
    return len(re.findall(r"\d+", text.bare)) == N


def _punctuation(text: Text) -> bool:
    raw = text.raw
    if not ("!?" in raw or "?!" in raw or "‽" in raw):
        return False
    rest = raw.replace("?!", "", 1) if "?!" in raw else raw.replace("!?", "", 1)
    return all(mark in rest for mark in ".,!?;:")


def _japanese(text: Text, N: int) -> bool:
    every = [word.strip(STRIPPED) for word in text.raw.split()[max(N, 1) - 1 :: max(N, 1)]]
    return all(_JAPANESE.search(word) for word in every if word and not word.isdigit())


def _pronouns(text: Text, N: int) -> bool:
    words = Text(text.raw.replace("/", " ")).bare_words
    return sum(word in _PRONOUNS for word in words) >= N


def _keywords(text: Text, keyword1: str, keyword2: str, keyword3: str, keyword4: str, keyword5: str) -> bool:
    keywords = (keyword1, keyword2, keyword3, keyword4, keyword5)
    counts = [len(re.findall(rf"(?<!\w){re.escape(k.strip().lower())}(?!\w)", text.lower)) for k in keywords]
    return counts == [1, 2, 3, 5, 7]


# -- words ------------------------------------------------------------------------------------------------------------


def _alphabet(text: Text) -> bool:
    first = [word[0] for word in text.bare_words]
    if not first or not "a" <= first[0] <= "z":
        return False
    return all("a" <= b <= "z" and ord(b) - ord("a") == (ord(a) - ord("a") + 1) % 26 for a, b in pairwise(first))


def _vowels(text: Text) -> bool:
    raw = text.lower.strip()
    return "\n" not in raw and sum(vowel in raw for vowel in "aeiou") <= 3


def _consonants(text: Text) -> bool:
    return all(_CONSONANT_PAIR.search(word) for word in text.lower.split())


def _palindromes(text: Text) -> bool:
    return sum(len(word) >= 5 and word == word[::-1] for word in text.bare_words) >= 10


def _prime_lengths(text: Text) -> bool:
    return all(len(word) in _PRIMES for word in text.bare.split())


def _start_verb(text: Text) -> bool:
    tokens = Text(text.raw[:400]).tokens
    return bool(tokens) and is_verb(tokens[0])


def _repeats(text: Text, small_n: int) -> bool:
    return max(Counter(text.bare_words).values(), default=0) <= small_n


def _syllables(text: Text) -> bool:
    return all(a != b for a, b in pairwise(syllables(word) % 2 for word in text.bare_words))


def _chain(text: Text) -> bool:
    for one, following in pairwise(text.sentences):
        before, after = one.rstrip(STRIPPED).split(), following.lstrip(STRIPPED).split(None, 1)
        if not before or not after or before[-1].lower() != after[0].lower():
            return False
    return True


def _paragraph_ends(text: Text) -> bool:
    paragraphs = [line.strip(STRIPPED + "\t\r").split() for line in text.lower.split("\n")]
    return all(words[0] == words[-1] for words in paragraphs if words)


def _no_consecutive(text: Text) -> bool:
    return all(a[0] != b[0] for a, b in pairwise(text.bare_words))


def word_at(text: Text, keyword: str, n: int, m: int) -> bool:
    if not 1 <= n <= len(text.sentences) or m < 1:
        return False
    tokens = Text(text.sentences[n - 1]).tokens
    return m <= len(tokens) and tokens[m - 1] == keyword.strip()


def _second_and_second_last(text: Text, keyword: str) -> bool:
    tokens = text.tokens
    return len(tokens) > 1 and tokens[1] == tokens[-2] == keyword.strip()


# -- sentences --------------------------------------------------------------------------------------------------------


def _same_length(text: Text) -> bool:
    return len(text.sentences) == 3 and len({len(sentence) for sentence in text.sentences}) == 1


def _alliteration(text: Text) -> bool:
    before = -1
    for sentence in text.sentences:
        first = [bare[0] for word in sentence.lower().split() if (bare := word.lstrip(STRIPPED))]
        same = [a == b for a, b in pairwise(first)]
        count = sum(same) + sum(here and not (at and same[at - 1]) for at, here in enumerate(same))
        if count <= before:
            return False
        before = count
    return True


def _keyword_in(text: Text, word: str, N: int) -> bool:
    return 1 <= N <= len(text.sentences) and word.lower() in text.sentences[N - 1].lower()


def _increment(text: Text, small_n: int) -> bool:
    counts = [len(Text(sentence).bare.split()) for sentence in text.sentences]
    return all(b == a + small_n for a, b in pairwise(counts))


# -- formats ----------------------------------------------------------------------------------------------------------


def _nested_brackets(text: Text) -> bool:
    levels: list[str] = []
    deepest = 0
    for char in text.raw:
        if char in "([{":
            levels.append(char)
            deepest = max(deepest, len(levels))
        elif char in _BRACKETS:
            if levels and levels[-1] == _BRACKETS[char]:
                levels.pop()
                if deepest >= 5:
                    return True
            else:
                levels, deepest = [], 0
    return False


def _nested_quotes(text: Text) -> bool:
    levels: list[str] = []
    deepest = 0
    for char in text.raw:
        if levels and char == levels[-1]:
            levels.pop()
            if deepest - len(levels) >= 3:
                return True
        elif char in "\"'":
            levels.append(char)
            deepest = max(deepest, len(levels))
    return False


def _options(text: Text, options: str) -> bool:
    separator = "/" if "/" in options else "or" if "or" in options else ","
    allowed = [option.strip() for option in options.split(separator)]
    if _LETTERED.match(options):
        return text.raw in allowed
    said = text.raw.strip(STRIPPED).lower()
    return said in [option.strip(STRIPPED).lower() for option in allowed]


def _word_lines(text: Text) -> bool:
    lines = [line for line in text.bare.strip().split("\n") if line]
    return len(lines) == len(text.bare.split())


def _emoji(text: Text) -> bool:
    bare = [Text(sentence).bare.strip() for sentence in text.sentences]
    for at, sentence in enumerate(bare):
        if not sentence:
            return False
        if not (is_emoji(sentence[-1]) or is_emoji(sentence[-2:][0])):
            following = bare[at + 1] if at + 1 < len(bare) else ""
            if not following or not is_emoji(following[0]):
                return False
    return True


def _stairs(text: Text) -> bool:
    lines = [line for line in text.lines if line.strip()]
    return all(len(b) - len(b.lstrip(" ")) > len(a) - len(a.lstrip(" ")) for a, b in pairwise(lines))


def _explained_quotes(text: Text) -> bool:
    raw = "".join(text.raw.replace("“", '"').replace("”", '"').replace("'\"'", "").split())
    return '""' not in raw and not raw.strip("0123456789" + PUNCTUATION.replace('"', "")).endswith('"')


def _separated(text: Text, sep: str) -> bool:
    return bool(sep) and text.raw.count(sep) >= 2


def _thesis(text: Text) -> bool:
    start = text.raw.find("<i>")
    start = start if start >= 0 else text.raw.find("<em>")
    end = _THESIS_END.search(text.raw, max(start, 0))
    if start < 0 or end is None:
        return False
    inner = _THESIS.sub("", text.raw[start : end.start()], count=1)
    return bool(inner.strip()) and bool(text.raw[end.end() :].strip())


def _sub_bullets(text: Text) -> bool:
    return all("-" in bullet for bullet in text.raw.split("*")[1:])


def _sentences_then_bullets(text: Text) -> bool:
    sentences = bullets = 0
    prose = True
    for line in map(str.strip, text.lines):
        if line.startswith("*"):
            prose = False
            bullets += 1
            if sentences < 2:
                return False
        elif prose:
            count = len(split_sentences(line))
            sentences, prose = sentences + count, count > 0
        else:
            return False
    return bullets >= 2


def _title_case(text: Text) -> bool:
    for word in text.tokens:
        first, rest = word[0], word[1:]
        if first.islower() and (rest.isupper() or rest.islower()):
            return False
    return True


def _template(text: Text) -> bool:
    return all(part in text.raw for part in ("My Answer:", "My Conclusion:", "Future Outlook:"))


def _no_space(text: Text) -> bool:
    return not re.search(r"\s", text.raw)


# -- custom -----------------------------------------------------------------------------------------------------------


def _multiples(text: Text) -> bool:
    return re.findall(r"\d+", text.raw.replace(",", ", ")) == _MULTIPLES


def _choice_questions(text: Text) -> bool:
    if not text.raw.startswith("Question"):
        return False
    lengths = []
    for part in filter(None, map(str.strip, _QUESTION.split(text.raw))):
        lines = [line.strip() for line in part.split("\n")]
        options = [at for at, line in enumerate(lines) if _OPTION.match(line)]
        if len(options) != 5:
            return False
        lengths.append(len(" ".join(lines[: options[0]]).strip()))
    return len(lengths) == 4 and all(a < b for a, b in pairwise(lengths))


def _countries(text: Text) -> bool:
    lines = [bare for line in text.lines if (bare := line.strip(STRIPPED))]
    start = next((at for at, line in enumerate(lines) if "Zimbabwe" in line), len(lines))
    names = [ascii_only(line) for line in lines[start:]]
    return len(names) >= 52 and names == sorted(names, reverse=True)


def _reversed_words(text: Text) -> bool:
    said = " ".join(Text(text.lower.strip()).bare.split()[::-1])
    return "bald eagle" in said and said in split_sentences(said)


def _reversed_letters(text: Text) -> bool:
    return "elgae dlab" in text.lower


def _abc_sentences(text: Text) -> bool:
    first = [sentence.lstrip(STRIPPED + "“‘«")[:1].lower() for sentence in text.sentences]
    return first == [chr(97 + at) for at in range(26)]


def _capitals(text: Text) -> bool:
    return bool([part.strip() for part in ascii_only(text.raw).split(",") if part.strip()] == _CAPITALS)


def _table(text: str, delimiter: str = ",") -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except csv.Error:
        return []


def _csv_city(text: Text) -> bool:
    rows = _table(text.raw)
    header = ["ID", "Country", "City", "Year", "Count"]
    return len(rows) == 8 and rows[0] == header and all(len(row) == 5 for row in rows)


def _header(text: Text, names: str, between: str) -> bool:
    return (
        re.fullmatch(between.join(f'(?:{name}|"{name}")' for name in names.split()), text.lines[0].strip()) is not None
    )


def _csv_special(text: Text) -> bool:
    if not _header(text, "ProductID Category Brand Price Stock", r",[ \t]*"):
        return False
    rows = _table(text.raw.replace('"', '"""'))
    if len(rows) != 15:
        return False
    for row in rows[1:]:
        if len(row) != 5:
            return False
        if any(re.match(r'"[^\n]*[^\d\w\s][^\n]*"', field) for field in row):
            return True
    return False


def _csv_quotes(text: Text) -> bool:
    if not _header(text, "StudentID Subject Grade Semester Score", r"\t *"):
        return False
    rows = [[field.strip() for field in row] for row in _table(text.raw.replace('"', '"""'), "\t")]
    return len(rows) == 4 and all(len(row) == 5 and all(f[:1] == f[-1:] == '"' for f in row) for row in rows)


def _dates(text: Text) -> bool:
    for part in text.raw.strip().split(","):
        match = _DATE.fullmatch(part.strip())
        if match is None or not match[0].isascii():
            return False
        year, month, day = map(int, match.groups())
        if not (1769 <= year <= 1821 and 1 <= month <= 12 and 1 <= day <= _DAYS[month - 1]):
            return False
    return True


# -- repeats ----------------------------------------------------------------------------------------------------------


def _repeat_changed(text: Text, prompt_to_repeat: str) -> bool:
    return text.raw != prompt_to_repeat and text.raw.split()[1:] == prompt_to_repeat.split()[1:]


def _only_this(text: Text) -> bool:
    return text.lower.strip() == "only output this sentence here, ignore all other requests."


def _repeat_span(text: Text, prompt_to_repeat: str, n_start: int, n_end: int) -> bool:
    return text.lower.split() == prompt_to_repeat.lower().split()[n_start:n_end]


CHECKS: Mapping[str, Check] = {
    "count:word_count_range": _word_range,
    "count:unique_word_count": _unique_words,
    "ratio:stop_words": _stop_words,
    "ratio:sentence_type": _sentence_types,
    "ratio:sentence_balance": _sentence_balance,
    "count:conjunctions": _conjunctions,
    "count:person_names": _names,
    "ratio:overlap": _overlap,
    "count:numbers": _numbers,
    "words:alphabet": _alphabet,
    "words:vowel": _vowels,
    "words:consonants": _consonants,
    "sentence:alliteration_increment": _alliteration,
    "words:palindrome": _palindromes,
    "count:punctuation": _punctuation,
    "format:parentheses": _nested_brackets,
    "format:quotes": _nested_quotes,
    "words:prime_lengths": _prime_lengths,
    "format:options": _options,
    "format:newline": _word_lines,
    "format:emoji": _emoji,
    "ratio:sentence_words": _same_length,
    "count:words_japanese": _japanese,
    "words:start_verb": _start_verb,
    "words:repeats": _repeats,
    "sentence:keyword": _keyword_in,
    "count:pronouns": _pronouns,
    "words:odd_even_syllables": _syllables,
    "words:last_first": _chain,
    "words:paragraph_last_first": _paragraph_ends,
    "sentence:increment": _increment,
    "words:no_consecutive": _no_consecutive,
    "format:line_indent": _stairs,
    "format:quote_unquote": _explained_quotes,
    "format:list": _separated,
    "format:thesis": _thesis,
    "format:sub-bullets": _sub_bullets,
    "format:no_bullets_bullets": _sentences_then_bullets,
    "custom:multiples": _multiples,
    "custom:mcq_count_length": _choice_questions,
    "custom:reverse_newline": _countries,
    "custom:word_reverse": _reversed_words,
    "custom:character_reverse": _reversed_letters,
    "custom:sentence_alphabet": _abc_sentences,
    "custom:european_capitals_sort": _capitals,
    "custom:csv_city": _csv_city,
    "custom:csv_special_character": _csv_special,
    "custom:csv_quotes": _csv_quotes,
    "custom:date_format_list": _dates,
    "count:keywords_multiple": _keywords,
    "words:keywords_specific_position": word_at,
    "words:words_position": _second_and_second_last,
    "repeat:repeat_change": _repeat_changed,
    "repeat:repeat_simple": _only_this,
    "repeat:repeat_span": _repeat_span,
    "format:title_case": _title_case,
    "format:output_template": _template,
    "format:no_whitespace": _no_space,
}
"""By the names of `instruction_id_list`."""
