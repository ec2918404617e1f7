"""What the instructions count in a text: words, sentences, tokens, syllables, emoji, each looked for once.

IFEval and IFBench count with NLTK and two packages beside it, whose models are fetched at run time. The rules here are
our own and need no data: words are runs of Unicode letters, digits and `_`; there are two ways to split sentences, as
there are two in the benchmarks; tokens are those of the Penn Treebank. benchmarks/instructions.py says how often they
agree.

Hidden characters (zero width, direction marks) are taken out before anything is counted: a forbidden word with one
inside is that word.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cached_property
from pathlib import Path

_FILE = Path(__file__).with_name("words.toml")
WORDS = {name: words.split() for name, words in tomllib.loads(_FILE.read_text(encoding="utf-8")).items()}
"""Word lists, by name."""
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
STRIPPED = PUNCTUATION + " "
_NO_PUNCTUATION = str.maketrans("", "", PUNCTUATION)
_HIDDEN = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\U000e0000-\U000e007f]"
)
_WORDS = re.compile(r"\w+")


class Text:
    """One text with what has been counted in it."""

    def __init__(self, raw: str) -> None:
        self.raw = raw

    @cached_property
    def lower(self) -> str:
        """In lower case."""
        return self.raw.lower()

    @cached_property
    def words(self) -> list[str]:
        """Runs of letters, digits and `_`."""
        return _WORDS.findall(self.raw)

    @cached_property
    def bare(self) -> str:
        """Without ASCII punctuation."""
        return self.raw.translate(_NO_PUNCTUATION)

    @cached_property
    def bare_words(self) -> list[str]:
        """What white space separates in `bare`, in lower case."""
        return self.bare.lower().split()

    @cached_property
    def lines(self) -> list[str]:
        """What line breaks separate."""
        return self.raw.split("\n")

    @cached_property
    def sentences(self) -> list[str]:
        """Sentences by their marks: one for each `.`, `?` or `!` that is no part of a number, name or abbreviation."""
        return split_sentences(self.raw)

    @cached_property
    def sentence_count(self) -> int:
        """Sentences as a reader counts them, the way IFEval counts."""
        return len(list(_prose(self.raw)))

    @cached_property
    def tokens(self) -> list[str]:
        """Words and punctuation marks, as the Penn Treebank has them."""
        return tokenize(self.raw)


_FULL_WIDTH = {ord(wide): ord(wide) - 0xFEE0 for wide in map(chr, range(0xFF10, 0xFF5B)) if wide.isalnum()}


def without_hidden(text: str) -> str:
    """A text without hidden characters, and with ASCII for full-width letters; what joins emoji stays.

    >>> without_hidden("for\\u200bbidden")
    'forbidden'
    """
    if text.isascii():
        return text
    text = text.translate(_FULL_WIDTH)
    if not _HIDDEN.search(text):
        return text
    return _HIDDEN.sub(lambda match: match[0] if match[0] == "\u200d" and _joins(text, match.start()) else "", text)


def _joins(text: str, at: int) -> bool:
    return 0 < at < len(text) - 1 and is_emoji(text[at + 1]) and (is_emoji(text[at - 1]) or text[at - 1] == "\ufe0f")


# -- sentences --------------------------------------------------------------------------------------------------------

_STARTER = r"(?:(?:Mr|Mrs|Ms|Dr|Prof|Capt|Cpt|Lt|Wherever)|(?:He|She|It|They|Their|Our|We|But|However|That|This)\s)"
_KEPT = re.compile(
    r"(?P<dots>\.{2,})|(?:Mr|Mrs|Ms|Dr|St|Ph\.D)\.|\.(?=com|net|org|io|gov|edu|me)|(?<=[0-9])\.(?=[0-9])"
    rf"|(?P<ends>[A-Z]\.[A-Z]\.(?:[A-Z]\.)?(?= {_STARTER})|(?<= )(?:Inc|Ltd|Jr|Sr|Co)\.(?= {_STARTER}))"
    r"|[A-Za-z]\.[A-Za-z]\.(?:[A-Za-z]\.)?|(?<=\s)[A-Za-z]\.|(?<= )(?:Inc|Ltd|Jr|Sr|Co)\."
)
"""Full stops that end no sentence; after `dots` and `ends` there is an end all the same."""
_QUOTED = ((".”", "”."), ('."', '".'), ('!"', '"!'), ('?"', '"?'))
_DOT, _STOP = "\ue000", "\ue001"
_END = re.compile(r"([.?!])")


def split_sentences(text: str) -> list[str]:
    """Sentences by their marks.

    >>> split_sentences("Dr. A. Lee paid 3.50. Why?! He said no.")
    ['Dr. A. Lee paid 3.50.', 'Why?', '!', 'He said no.']
    """
    text = _KEPT.sub(_keep, f" {text}  ".replace("\n", " "))
    for quoted, moved in _QUOTED:
        if quoted in text:
            text = text.replace(quoted, moved)
    parts = _END.sub(r"\1" + _STOP, text).replace(_DOT, ".").split(_STOP)
    sentences = [part.strip() for part in parts]
    return sentences if sentences[-1] else sentences[:-1]


def _keep(match: re.Match[str]) -> str:
    kept = match[0].replace(".", _DOT)
    return kept + _STOP if match["dots"] or match["ends"] else kept


_ABBREVIATIONS = frozenset(WORDS["abbreviations"])
_STARTERS = frozenset(WORDS["starters"])
_MARK = re.compile(r"(?<![.?!])[.?!]++[\"'”’)\]}»*_]*+(?=\s|$)|[。！？]++[”’」』）]*+")
_OPENING = "\"'“‘([{*_«-"


def _prose(text: str) -> list[str]:
    """Sentences as a reader counts them: a mark and white space, but not after initials and abbreviations."""
    pieces, start = [], 0
    for mark in _MARK.finditer(text):
        if "." in mark[0] and not _ends_at(text, mark):
            continue
        piece = text[start : mark.end()].strip()
        if piece:
            pieces.append(piece)
        start = mark.end()
    rest = text[start:].strip()
    return [*pieces, rest] if rest else pieces


def _ends_at(text: str, mark: re.Match[str]) -> bool:
    """Whether a full stop ends its sentence, by the word before and the one after it."""
    signs = mark[0].rstrip("\"'”’)]}»*_")
    if signs.strip("."):
        return True
    after = text[mark.end() : mark.end() + 80].lstrip()
    following = after.lstrip(_OPENING).split(None, 1)
    word = following[0] if following else ""
    starts = not word or (word[:1].isupper() and re.split(r"\W", word, maxsplit=1)[0] in _STARTERS)
    starts = starts and word[1:2] != "."  # an initial
    if len(signs) > 1:
        return not word or word[:1].isupper()
    first = mark.start()
    while first and not text[first - 1].isspace() and mark.start() - first < 40:
        first -= 1
    before = text[first : mark.start()].lstrip(_OPENING + "$#").casefold()
    if re.fullmatch(r"[^\W\d_]", before) or before.rpartition("-")[2] in _ABBREVIATIONS:
        return starts
    if re.fullmatch(r"[\d.,]*\d", before):
        return not word[:1].islower()
    return True


# -- tokens -----------------------------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"\.{2,}|--|``|''|[;@#$%&?!*()\[\]{}<>\"«“‘„»”’\u2012-\u2015]|[:,](?!\d)|`+"
    r"|(?:[^\s;@#$%&?!*()\[\]{}<>\"«“‘„»”’\u2012-\u2015:,.\-`']|\.(?!\.)|[:,](?=\d)|-(?!-)|'(?!'))+"
)
_FINAL_STOP = re.compile(r"(?<![.\s])\.(?=[\])}>\"'»”’ ]*$)")
_CLITIC = re.compile(r"(?i)(?<=.)(?:n't|'(?:s|m|d|ll|re|ve))$")
_JOINED = re.compile(
    r"(?i)^(can)(not)$|^(gim|lem)(me)$|^(gon|wan)(na)$|^(got)(ta)$|^('t)(is|was)$|^(d)('ye)$|^(more)('n)$"
)


def tokenize(text: str) -> list[str]:
    """Words and punctuation marks.

    >>> tokenize("It's 3:30, isn't it?")
    ['It', "'s", '3:30', ',', 'is', "n't", 'it', '?']
    """
    tokens: list[str] = []
    for sentence in _prose(text):
        for token in _TOKEN.findall(_FINAL_STOP.sub(" . ", sentence)):
            if "'" in token:
                tokens += _parts(token)
            else:
                joined = _JOINED.match(token) if len(token) < 8 else None
                tokens += [token] if joined is None else list(filter(None, joined.groups()))
    return tokens


def _parts(token: str) -> list[str]:
    """A word with apostrophes: its clitic and the quotes around it apart."""
    joined = _JOINED.match(token)
    if joined:
        return list(filter(None, joined.groups()))
    before: list[str] = []
    if len(token) > 1 and token[0] == "'" and not re.match(r"(?i)'(?:re|ve|ll|m|t|s|d|n)\b", token):
        before, token = ["'"], token[1:]
    after: list[str] = []
    if len(token) > 1 and token[-1] == "'":
        after, token = ["'"], token[:-1]
    clitic = _CLITIC.search(token)
    if clitic:
        return [*before, token[: clitic.start()], clitic[0], *after]
    return [*before, token, *after]


# -- verbs ------------------------------------------------------------------------------------------------------------

_VERBS = frozenset(WORDS["verbs"])
_VERB_FORMS = frozenset(WORDS["verb_forms"])
_NO_VERBS = re.compile(
    r"(?:(?:any|every|some|no)?thing|king|ring|spring|string|wing|morning|evening|during|ceiling|sing?ling|being"
    r"|.*(?:ndred|indeed|speed|hatred|sacred|naked|wicked|breed|greed|weed|seed|need|feed)|red|bed|led|shed|wed)s?"
)


def is_verb(word: str) -> bool:
    """Whether an English word that begins a text is taken for a verb: a list of common ones and their endings.

    >>> is_verb("Consider"), is_verb("Running"), is_verb("The")
    (True, True, False)
    """
    word = word.lower()
    if word in _VERBS or word in _VERB_FORMS:
        return True
    if not word.isalpha() or len(word) < 4 or _NO_VERBS.fullmatch(word):
        return False
    if word.endswith(("ing", "ed")):
        return re.search("[aeiouy]", word.removesuffix("ing").removesuffix("ed")) is not None
    return word.endswith("s") and word.removesuffix("s") in _VERBS


# -- syllables, emoji ------------------------------------------------------------------------------------------

_NUCLEI = re.compile(r"[aeiouy]+")
_HIATUS = re.compile(
    r"(?<![cstgqx])i[aou](?!u)|eo(?=[lgn])|ua(?=[lr]|te)|[aeiou]ing$|[^aeiou]uou|creat|science|poem|poet|lion"
)
_SILENT = re.compile(
    r"(?:[^aeioulrt]|[^aeiouy][rt]|[aeiouy][lrt])es?$|[^aeiouytd]ed$|[a-z]ely$|[a-z]e(?:ful|less|ness|ment)"
)
_ENDINGS = re.compile(r"(?:[sxz]|ch|sh|[cg])es$|[^aeiouy]les?$")


def syllables(word: str) -> int:
    """Syllables of an English word, by its letters; 0 for what has digits.

    >>> [syllables(word) for word in ("cat", "table", "hoped", "wanted", "creation", "quickly")]
    [1, 2, 1, 2, 3, 2]
    """
    word = word.lower().strip(PUNCTUATION)
    if not word or any(map(str.isdigit, word)):
        return 0
    count = len(_NUCLEI.findall(word)) + len(_HIATUS.findall(word))
    if _SILENT.search(word) and not _ENDINGS.search(word):
        count -= 1
    return max(1, count)


_EMOJI = re.compile(
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u23cf\u23e9-\u23f3\u23f8-\u23fa"
    "\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u2604\u260e\u2611\u2614\u2615\u2618\u261d\u2620\u2622\u2623"
    "\u2626\u262a\u262e\u262f\u2638-\u263a\u2640\u2642\u2648-\u2653\u265f\u2660\u2663\u2665\u2666\u2668\u267b\u267e"
    "\u267f\u2692-\u2697\u2699\u269b\u269c\u26a0\u26a1\u26a7\u26aa\u26ab\u26b0\u26b1\u26bd\u26be\u26c4\u26c5\u26c8"
    "\u26ce\u26cf\u26d1\u26d3\u26d4\u26e9\u26ea\u26f0-\u26f5\u26f7-\u26fa\u26fd\u2702\u2705\u2708-\u270d\u270f\u2712"
    "\u2714\u2716\u271d\u2721\u2728\u2733\u2734\u2744\u2747\u274c\u274e\u2753-\u2755\u2757\u2763\u2764\u2795-\u2797"
    "\u27a1\u27b0\u27bf\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d\u3297\u3299\U0001f004\U0001f0cf"
    "\U0001f170\U0001f171\U0001f17e\U0001f17f\U0001f18e\U0001f191-\U0001f19a\U0001f201\U0001f202\U0001f21a\U0001f22f"
    "\U0001f232-\U0001f23a\U0001f250\U0001f251\U0001f300-\U0001f64f\U0001f680-\U0001f6ff\U0001f7e0-\U0001f7f0"
    "\U0001f90c-\U0001f9ff\U0001fa70-\U0001faff]"
)


def is_emoji(character: str) -> bool:
    """Whether a character is an emoji by itself."""
    return character > "\xa8" and _EMOJI.fullmatch(character) is not None


def ascii_only(text: str) -> str:
    """Letters without their accents; what has no ASCII letter is left out."""
    return text if text.isascii() else unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
