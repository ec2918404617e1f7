"""Which words of a sentence may be its question's answer: what the question does not explain, in the answer's place.

A sentence says the question again with the answer in it. Every word beside the answer is then the question's own, in a
form or a synonym of it (answer.toml), or a word that says nothing. Who did what to whom stays as asked: a preposition
stays with its word, `by` stands before who did it, an object behind its verb, and no possessive behind an answer. What
it does not do: read two statements, or a name for what the question calls otherwise (`Hitchcock` for `the director`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple
from unicodedata import combining, normalize

from .math.words import NUMBER_WORDS
from .wording import TABLES

_S = TABLES["sentences"]
_TOKEN = re.compile(  # a hyphen within a word is none of its words
    r"['’]s(?!\w)|[^\W\d_]+(?:['’](?!s(?!\w))[^\W\d_]+)*|\d+(?:[.,]\d+)*|(?<!\w)-|-(?!\w)|[^\w\s'’\"“”-]"
)
_ARTICLES = frozenset(("a", "an", "the"))
_BE = frozenset("is was are were be been 're equals became ist est fue è é foi".split())
_NAMING = frozenset("called named known as aged titled : =".split())
_HAVE = frozenset("has have had with".split())
_DO = frozenset(("did", "do", "does"))
_PREPOSITIONS = frozenset(
    "in on at by to from for of with against over under near after before during since until into through about as"
    " than between around outside inside above below within among behind beyond without like toward towards off".split()
)
_LOOSE = frozenset("in on at of for within".split())
_PRONOUNS = frozenset("it he she they his her their its this that these those there him them".split())
_RELATIVE = frozenset("who that which whom where when what and".split())
_MODALS = frozenset("will would can could should".split())
_SMALL = (
    _ARTICLES
    | _MODALS
    | _BE
    | _HAVE
    | _DO
    | _PRONOUNS
    | frozenset("who that which whom called named 's so also".split())
) | {*_S["nothing"].split()}
_AUX = _BE | _DO | _MODALS | _HAVE - {"with"}
_ASKING = frozenset("who whom whose what which when where how".split())
_FORMS = {form: verb.split() for verb in TABLES["verbs"]["forms"].split(",") for form in verb.split()}
_SYNONYMS = [line.split() for line in _S["synonyms"].strip().split("\n")]
_NOUNS: dict[str, set[str]] = {}
for _line in _S["nouns"].strip().split("\n"):
    _left, _, _right = _line.partition(":")
    for _word in (*_left.split(), *(f"{word}s" for word in _left.split())):
        _NOUNS.setdefault(_word, set()).update(*((word, f"{word}s") for word in (_right or _left).split()))
_ROMAN = {"ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8"}
_COUNTING = frozenset(_S["counting"].split())
_GENERIC = frozenset(_S["generic"].split())
_TIMES = frozenset("year date day month time decade century".split())
_LOCATIONS = frozenset(
    "city country state town county place continent region province village district location where area island"
    " nation territory site spot venue stadium".split()
)
_WATERS = frozenset("ocean sea lake desert park".split())
_OF_LOCATIONS = frozenset("city state country town county island province village continent".split())
_SHARES = frozenset("percentage percent proportion share fraction portion".split())
_LIKE = re.compile(  # the endings of one word's forms
    r"(?:|e|s|es|d|ed|de|be|r|rs|er|ers|or|ors|ing|y|ies|ied|ly|n|an|ian|ans|ians|en|ren|al|age|iage|ment|ance|ence|ure|ant"
    r"|ants|ate|ated|ates|ion|ions|tion|ation|ition|ication|sion|ssion|ption|est|ist|ship)"
)
_SHORT_ENDS = frozenset("s es ed d ing er ers".split())
_DENIES = re.compile(  # a title may hold a short form: I can't make you love me
    r"\b(?:not|never|cannot|without|except)\b|\b(?:who|what|which|where|when)(?: [\w-]+){0,3}n['’]t\b", re.IGNORECASE
)
_OPTIONS = re.compile(r"[,:;]\s")
_ORDINAL = re.compile(r"(?:\d+|st|nd|rd|th|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last)")
_DIMENSIONS = frozenset("tall high long wide deep thick old away heavy".split())
_MEASURING = frozenset("years degrees difference result".split())
_EXPLAINED = {
    "time": _TIMES,
    "place": _LOCATIONS | frozenset("located situated lies found can".split()),
    "count": _COUNTING,
    "measure": _MEASURING,
    "passive": frozenset(("people",)),
}
_AMOUNTS = frozenset((*NUMBER_WORDS, "million", "billion", "trillion", "hundred", "thousand", "about", "approximately"))
_TITLES = frozenset("dr mr mrs ms st mt ft prof gen lt col capt sgt gov sen rev".split())
_COMPARATIVES = frozenset(("more", "fewer", "less"))
_LONGEST = 300

QuestionKind = Literal["who", "object", "is", "passive", "time", "place", "count", "measure", "manner", "name", "other"]


class Word(NamedTuple):
    """A word of a sentence, in small letters, and where it stands."""

    text: str
    start: int
    end: int


class Asked(NamedTuple):
    """What a question asks for, and what it says of it."""

    kind: QuestionKind
    words: frozenset[str]
    """All words and their forms and synonyms."""
    nouns: frozenset[str]
    """What the answer may be called: which `city`, what is the `capital` of."""
    head: frozenset[str]
    """What a sentence must say again: the `capital` of what is the capital of Peru, the verb of who wrote it."""
    preposition: str
    """Of the answer: `from` which country, which club did he play `for`."""
    before: dict[str, set[str]]
    """The word or preposition before each word; empty at an article."""
    owners: frozenset[str]
    """Words with a possessive."""
    denies: bool
    compares: bool


def words_of(text: str) -> list[Word]:
    """The words, numbers and signs of a text.

    >>> [word.text for word in words_of("Ann's 1,000 men (all)")]
    ['ann', "'s", '1,000', 'men', '(', 'all', ')']
    """
    return [Word(_folded(match[0]), *match.span()) for match in _TOKEN.finditer(text)]


def _folded(word: str) -> str:
    word = word.lower().replace("’", "'")
    return word if word.isascii() else "".join(one for one in normalize("NFD", word) if not combining(one)) or word


def akin(word: str, other: str) -> bool:
    """Whether two words begin alike and end as forms of one word do.

    >>> akin("produce", "production"), akin("president", "presenter"), akin("write", "wrote")
    (True, False, True)
    """
    if word == other or other in _FORMS.get(word, ()):
        return True
    if word[:3] != other[:3] or {word, other} == {"found", "founded"}:
        return False
    if min(len(word), len(other)) < 4 or word[:4] != other[:4]:
        short, long = sorted((word, other), key=len)
        end = long[3:]
        doubled = end[:1] == short[-1:] and end[1:] in ("ing", "ed", "er", "ers")
        return len(short) == 3 and long[:3] == short and (doubled or end in _SHORT_ENDS)
    common = next((at for at, pair in enumerate(zip(word, other, strict=False)) if pair[0] != pair[1]), None)
    common = min(len(word), len(other)) if common is None else common
    ends = [one[common:] for one in (word, other)]
    ends = [end[1:] if end[:1] == word[common - 1] else end for end in ends]  # stop, stopped
    return all(map(_LIKE.fullmatch, ends))


@lru_cache(maxsize=16_384)
def _same(word: str, other: str) -> bool:
    """Whether a word of a sentence is one of its question, in another form or by a synonym."""
    if word in _NOUNS.get(other, ()) or not _lines(word).isdisjoint(_lines(other)):
        return True
    return _forms(word, other)


def _forms(word: str, other: str) -> bool:
    return any(akin(one, two) for one in _roots(word) for two in _roots(other))


@lru_cache(maxsize=8_192)
def _roots(word: str) -> tuple[str, ...]:
    """A word, and the verb that it is a form of."""
    bare = word[:-1] if word.endswith("s") and len(word) > 3 else word
    return tuple(dict.fromkeys((word, bare, *_FORMS.get(word, ())[:1], *_FORMS.get(bare, ())[:1])))


@lru_cache(maxsize=8_192)
def _lines(word: str) -> frozenset[int]:
    """The groups of synonyms that have a word in one of its forms."""
    return frozenset(at for at, group in enumerate(_SYNONYMS) if any(akin(word, one) for one in group))


def _among(word: str, words: frozenset[str]) -> bool:
    return word in words or any(_same(word, one) for one in words)


@lru_cache(maxsize=2_048)
def asked_of(question: str) -> Asked:
    """What a question asks for."""
    words = [word.text for word in words_of(question) if word.text.isalnum() or word.text == "'s" or "'" in word.text]
    words = [number.replace(",", "") for number in words]
    compares = " or " in question
    if compares and len(parts := _OPTIONS.split(question)) > 1:  # who is older, Ann or Lee
        part = next((one for one in parts if not _ASKING.isdisjoint(one.lower().split())), question)
        words = [word.text for word in words_of(part) if word.text[-1].isalnum()]
        words += ["", *(word.text for one in parts if one is not part for word in words_of(one) if word.text.isalnum())]
    at = next((at for at, word in enumerate(words) if word in _ASKING), None)
    content = frozenset(word for word in words if word not in _PREPOSITIONS | _ARTICLES | _AUX | {"'s"})
    content |= {_ROMAN[word] for word in words if word in _ROMAN}
    before: dict[str, set[str]] = {}
    owners = frozenset(one for one, other in pairwise(words) if other == "'s" and one not in _ASKING)
    for place, word in enumerate(words):
        previous = words[place - 1] if place else ""
        if previous in _ARTICLES:
            previous = words[place - 2] if place > 1 and words[place - 2] in _PREPOSITIONS else ""
        before.setdefault(word, set()).add(previous)
        if place + 1 < len(words) and words[place + 1] == "'s":
            before[word].add("of")
    none: frozenset[str] = frozenset()
    denies = _DENIES.search(question) is not None
    if at is None:
        return Asked("other", content, none, none, "", before, owners, denies, compares)
    lead = words[at - 1] if at and words[at - 1] in _PREPOSITIONS else ""
    rest = words[at + 1 : words.index("") if "" in words else None]
    ends = [*rest[1:], "in"]  # a preposition before another, or at the end: which club did he play for in 2010
    stranded = next(
        (one for one, two in zip(rest, ends, strict=False) if {one, two} <= _PREPOSITIONS and one != "as"), ""
    )
    how = words[at] == "how" and bool(rest)
    adjective = rest[0] if how else ""
    if how:
        rest = rest[1:]
        content |= {adjective}
    aux = next((place for place, word in enumerate(rest[:6]) if word in _AUX or (word == "'s" and not place)), None)
    nouns = frozenset(rest[:aux]) if aux is not None else none
    if rest[:1] == ["of"]:  # which of the two
        nouns = none
    if aux is not None and nouns & (_PREPOSITIONS - {"of"} | _ARTICLES) and not how:
        aux, nouns = None, none
    after = [word for word in rest[(aux or 0) + (aux is not None) :] if word not in _ARTICLES]
    has_do = aux is not None and rest[aux] in _DO
    head: frozenset[str] = none
    kind: QuestionKind
    if how:
        kind = "count" if adjective == "many" else "manner" if adjective in _AUX else "measure"
        nouns = nouns if aux is not None else frozenset(rest[:1])
        nouns |= {adjective} if kind == "measure" else none
    elif words[at] == "when" or (nouns and (rest[: aux or 0] or [""])[-1] in _TIMES):
        kind, nouns = "time", nouns | _TIMES
    elif words[at] == "where" or (
        nouns & (_LOCATIONS | _WATERS)
        and not (has_do and not (lead or stranded or after[-1:] == ["place"]))
        and (
            lead or stranded or any(word in after for word in ("located", "situated", "born", "based", "headquartered"))
        )
    ):
        kind, nouns = "place", nouns | _LOCATIONS
    elif aux is None:
        kind = "who"
        verb = next((place for place, word in enumerate(rest[1:7], 1) if _verb(word)), 1)
        nouns = frozenset(rest[:verb]) if words[at] in ("what", "which") else none
        head = frozenset(rest[verb : verb + 1] if nouns else rest[:1]) - _ARTICLES
    elif has_do:
        kind = "object"
    elif (after[-1:] and after[-1] in ("called", "named")) or after[-2:] == ["known", "as"]:
        kind = "name"
    elif after and _participle(after[0]) and (len(after) == 1 or after[1] in _PREPOSITIONS or not nouns):
        kind, head = "passive", frozenset(after[:1])
    elif rest[aux] in _HAVE or (rest[aux] in _MODALS and words[at] != "how"):
        kind, head = "who", frozenset((*after, "has"))
    else:
        kind = "is"
        end = next((place for place, word in enumerate(after) if word in _PREPOSITIONS and place), len(after))
        head = frozenset(after[end - 1 : end]) if end else none
        if after[:1] == ["name"] and end == 1 < len(after):
            last = next((at for at, word in enumerate(after) if at > end and word in _PREPOSITIONS | _RELATIVE), None)
            head |= {after[(last or 0) - 1]}
        nouns |= head
        if end > 1 and (after[end - 2].endswith("est") or after[end - 2] in ("first", "last")):
            head |= {after[end - 2]}  # it is the largest
    if words[at] in ("who", "whom"):
        nouns |= {"person", "man", "woman", "human"}
    preposition = lead or stranded
    return Asked(kind, content, nouns, head, preposition, before, owners, denies, compares)


def _participle(word: str) -> bool:
    return word.endswith("ed") or (word in _FORMS and word == _FORMS[word][-1] and word != "president")


def _verb(word: str) -> bool:
    return word in _FORMS or word.endswith("ed") or (word.endswith("s") and not word.endswith(("ss", "'s")))


def answers(text: str, question: str, gold: str, *, number: bool = False) -> Iterator[str]:
    """The parts of a sentence that it gives as the answer to a question; `number` says that the gold is one.

    >>> next(answers("Emma was written by Jane Austen", "Who wrote Emma?", "Jane Austen"))
    'Jane Austen'
    >>> "Jane Austen" in answers("Emma was read by Jane Austen", "Who wrote Emma?", "Jane Austen")
    False
    >>> "Carthage" in answers("Carthage defeated Rome", "Who did Rome defeat?", "Carthage")
    False
    """
    if len(text) > _LONGEST:
        return
    asked, words, known = _read(text, question)
    if len(words) < 2:
        return
    for start, end in _spans(text, words, known, gold):
        before = [at for at, word in enumerate(words) if word.end <= start]
        after = [at for at, word in enumerate(words) if word.start >= end]
        if not all(known[at] for at in before + after):
            continue
        inside = [words[at].text for at in range(len(before), len(words) - len(after))]
        own = asked.nouns | _MEASURING if number else asked.words
        other = [word for word in inside if word.isalpha() and word not in _AMOUNTS and not _among(word, own)]
        if (number and other and asked.kind not in ("time", "place")) or not _DIMENSIONS.isdisjoint(other):
            continue  # 9 characters, where episodes are counted
        if _fits(asked, [words[at].text for at in before], [words[at].text for at in after], inside, number):
            yield text[start:end]


@lru_cache(maxsize=64)  # golds are many
def _read(text: str, question: str) -> tuple[Asked, list[Word], list[bool]]:
    """A question, the words of a sentence, and whether the question explains each."""
    words, asked = words_of(text), asked_of(question)
    return asked, words, [_explained(words, at, asked) for at in range(len(words))]


def _spans(text: str, words: Sequence[Word], known: Sequence[bool], gold: str) -> Iterator[tuple[int, int]]:
    """Where the answer may stand: where the gold does, or what the question does not explain, and a word around it."""
    flags = 0 if len(gold) < 3 else re.IGNORECASE
    here = list(re.finditer(rf"(?<![^\s(]){re.escape(gold)}(?=\s|$|[,:;)'’](?!\d))", text, flags)) if gold else []
    if len(here) == 1:
        yield here[0].span()
    new = [at for at, one in enumerate(known) if not one]
    if not new or len(here) > 1:
        return
    for start in range(new[0], max(new[0] - 3, -1), -1):
        for end in range(new[-1], min(new[-1] + 3, len(words))):
            span = words[start].start, words[end].end
            if span != (here[0].span() if here else None) and text[: span[0]][-1:] in ("", " ", "("):
                yield span


def _explained(words: Sequence[Word], at: int, asked: Asked) -> bool:
    """Whether a word is the question's own, or says nothing."""
    word = words[at].text
    if word == "and":
        return word in asked.words
    if word in _SMALL or word in _RELATIVE:
        return True
    if word in _PREPOSITIONS:
        return word != "than" or asked.compares or (word in asked.before and asked.kind in ("count", "measure"))
    if not word[0].isalnum():
        return word in (",", ":", "-", "'s")
    if word[0].isdigit():
        return word.replace(",", "") in asked.words
    if word in _TITLES and word in asked.words:
        return at + 1 < len(words) and word in asked.before.get(words[at + 1].text, ())  # Dr Watson is no Dr Who
    if _among(word, asked.words):
        return True
    if word in _GENERIC and at and words[at - 1].text in ("the", "this") and not asked.words & _GENERIC:
        return True  # the film, where the question has its title
    if word == "city" and at and words[at - 1].text == "capital":
        return True
    if "genre" in asked.nouns and word in _GENERIC:
        return True
    return word in _EXPLAINED.get(asked.kind, ())


def _fits(asked: Asked, before: list[str], after: list[str], inside: list[str], number: bool) -> bool:
    """Whether the words before and after an answer say its question again, each in its place."""
    if after[:1] == ["'s"] or not _as_asked(asked, before, after):
        return False
    before = [word for word in before if word not in _ARTICLES]
    if "," in before:
        if before[0] not in _PREPOSITIONS or before.count(",") > 1:
            return False
        before = before[before.index(",") + 1 :]  # in 1990, he was
    if "," in after:
        if after[0] != "," or len(before) != 1 or before[0] not in _LOOSE or "," in after[1:]:
            return False
        return asked.kind in ("time", "place") and len(after) > 2
    if ":" in after or "-" in before or "-" in after or ":" in before[:-1]:
        return False
    if asked.kind in ("count", "measure") and not _compares_as_asked(asked, [*before, "\0", *after]):
        return False
    if asked.denies and any(not _among(word, asked.nouns) for word in before + after if word not in _SMALL):
        return False
    name = ""
    if before[-1:] == ["of"] and len(before) > 1 and _label(before[-2], asked):
        own = before[-2] not in asked.head and (
            before[-2] in asked.words or before[-2] not in _LOCATIONS - _OF_LOCATIONS
        )
        if own or not _HAVE.isdisjoint(before):
            before.pop()  # the city of, it has a population of
    while before and (_label(before[-1], asked) or before[-1] in asked.before.get(name, ())):
        name = before.pop()  # blood type
    while after and (_label(after[0], asked) or after[0] in asked.before.get(name, ())):
        after = after[1:]
    units = asked.words if asked.kind == "is" else asked.nouns if asked.kind == "count" else asked.words - asked.head
    while number and after and inside[-1][-1].isdigit() and (after[0] in _MEASURING or _among(after[0], units)):
        after = after[1:]
    if len(before) == 2 and before[0] == "it" and before[1] in _BE and after[:1] in (["who"], ["that"], ["which"]):
        before, after = [], after[1:]  # it was Newton who found it
    if not before:
        return not after or _begins(asked, after)
    behind = not after or len(after) == 1 or after[0] in _PREPOSITIONS | {"when", "where"}
    behind = behind or asked.kind == "measure"
    counted = after[:1] and (after[0] in _SMALL | _COUNTING or (before[-1] in _BE and after[0] in asked.words))
    behind = behind or (asked.kind == "count" and bool(counted))
    return behind and _ends(asked, before, inside, bool(name))


def _compares_as_asked(asked: Asked, words: Sequence[str]) -> bool:
    """Whether a sentence compares as a question of how many more does: more with more, and the same behind `than`."""
    order = list(asked.before)
    compared = "than" in asked.before
    degrees = {one for one in order if one in _COMPARATIVES or (compared and len(one) > 4 and one.endswith("er"))}
    if degrees & (asked.nouns | _COMPARATIVES) and degrees.isdisjoint(words) and "difference" not in words:
        return False  # 14 points, where it is asked how many more
    if not compared:
        return True
    at = order.index("than") + 1
    end = next((place for place, one in enumerate(order) if place > at and one in _AUX), len(order))
    second = {one for one in order[at:end] if one not in _PREPOSITIONS | _SMALL}
    if words.count("than") > 1:
        return False
    place = words.index("than") if "than" in words else len(words)
    if not second.isdisjoint(words[:place]):
        return False
    return all(word in second | _SMALL | _PREPOSITIONS for word in words[place:])


def _label(word: str, asked: Asked) -> bool:
    """Whether a noun may stand beside its name: the city of Oslo, type A, the Amazon River."""
    if word in ("total", "figure") or ("genre" in asked.nouns and word in _GENERIC):
        return asked.kind == "count" or word in _GENERIC
    return word not in _SMALL and word not in _PREPOSITIONS and word in _singular(asked.nouns)


@lru_cache(maxsize=2_048)
def _singular(words: frozenset[str]) -> frozenset[str]:
    return words | {word.removesuffix("s") for word in words} | {f"{word}s" for word in words}


def _begins(asked: Asked, after: Sequence[str]) -> bool:
    """Whether what follows an answer at the beginning makes it the one that is asked for."""
    kind, first = asked.kind, after[0]
    rest = [word for word in after[1:] if word not in _ARTICLES]
    if kind == "count":
        return first not in _HAVE
    if first in _PREPOSITIONS:
        return kind == "measure" or (not asked.nouns.isdisjoint(_SHARES) and first == "of")
    if first in _BE or first in _MODALS or first in ("became", "currently", "serves", "served"):
        if kind == "is":
            return not (rest and rest[0] in _PREPOSITIONS and rest[0] != "as") and (
                not asked.head or _anchored(rest, asked)
            )
        if kind == "object":
            return _anchored(rest, asked, asked.nouns) or "by" in rest
        if kind in ("time", "place"):
            return _anchored(rest, asked) or rest[:1] in (["when"], ["where"])
        return _anchored(rest, asked, asked.head if kind == "who" else None) if kind in ("who", "passive") else True
    if first in _HAVE:
        return kind == "who" and not asked.head.isdisjoint(_HAVE)
    if kind == "who":
        return _among(first, asked.head)
    return kind == "is" and first not in asked.head and _among(first, asked.head)


def _ends(asked: Asked, before: list[str], inside: Sequence[str], named: bool) -> bool:
    """Whether what stands before an answer makes it the one that is asked for."""
    kind, link, core = asked.kind, before[-1], before[:-1]
    if link in _BE or link in _NAMING or (named and link in _AUX):
        while core and (core[-1] in _BE or core[-1] in _NAMING):
            core.pop()
        if kind in ("measure", "count", "name", "other") or not core or named:
            return True
        if link == "as" and (asked.head == {"name"} or (kind == "object" and _among(core[-1], asked.words))):
            return True  # she is known as, he plays as a
        return _anchored(core, asked, asked.nouns if kind == "object" else None)
    if link == "by" and kind not in ("manner",):
        if asked.preposition == "by":
            return True
        makes = kind == "who" or (kind == "is" and any(word.endswith(("er", "or", "voice")) for word in asked.head))
        return makes and _anchored(core, asked, asked.head)
    if link in _PREPOSITIONS:
        if asked.preposition:
            return link == asked.preposition or (
                kind in ("time", "place") and link in ("in", "on", "at") and asked.preposition in ("in", "on", "at")
            )
        if kind in ("time", "place"):
            return link in ("in", "on", "at")
        if kind == "measure":
            return link in ("for", "at") or (link == "of" and bool(core) and _among(core[-1], asked.words))
        if kind == "count":
            return link == "of" and bool(core) and core[-1] in _COUNTING
        if kind == "manner":
            return link in ("by", "of", "from", "with", "through")
        if kind == "object" and link == "of" and core and core[-1].endswith(("er", "or")):
            return _among(core[-1], asked.words)  # Nobel is the inventor of
        return link in asked.before.get("which", ())  # the ship on which he sailed
    if link in _HAVE:
        return kind in ("count", "measure") or named or (kind == "object" and not asked.words.isdisjoint(_HAVE))
    if kind in ("count", "measure"):
        return link in _COUNTING or _among(link, asked.words)
    if kind == "who" and link == "married":
        return len(before) > 1 and _among(link, asked.head)
    if kind == "object":
        if link in ("it", "him", "her", "them") and core:
            link, core = core[-1], core[:-1]  # they called it
        order = [next((at for at, one in enumerate(asked.before) if _forms(word, one)), 0) for word in (*core, link)]
        order = [at for at in order if at]
        return not asked.preposition and bool(core) and order == sorted(order) and _among(link, asked.words)
    if kind == "passive":
        return bool(core) and _among(link, asked.head) and core[0] not in asked.nouns
    if kind == "time" and len(inside) > 1:
        return _among(link, asked.words)  # it was fought July 1, 1863
    if kind == "place" and "place" in asked.nouns and _ORDINAL.fullmatch(inside[0]):
        return _among(link, asked.words)  # they finished third
    return kind in ("time", "place") and inside[0] in _PREPOSITIONS


def _anchored(words: Sequence[str], asked: Asked, nouns: frozenset[str] | None = None) -> bool:
    """Whether words name what is asked for, or are a pronoun."""
    if nouns is None:
        nouns = asked.nouns | asked.head
        nouns |= {"birthday"} if asked.kind == "time" else {"birthplace"} if asked.kind == "place" else frozenset()
    alone = words[:1] != [] and words[0] in _PRONOUNS and all(word in _SMALL for word in words)
    return alone or any(_among(word, nouns) for word in words)


def _as_asked(asked: Asked, before: Sequence[str], after: Sequence[str]) -> bool:
    """Whether each word stands behind the preposition, and each number behind the word, that the question has there."""
    words = [word for word in (*before, "\0", *after) if word not in _ARTICLES]
    for at, word in enumerate(words):
        previous = words[at - 1] if at else ""
        if word == "\0" or word in _SMALL or word in _PREPOSITIONS:
            continue
        stands = asked.before.get(word.replace(",", ""))
        if previous == "\0" and asked.kind == "count" and not _label(word, asked):
            stands = stands or {one for other, ones in asked.before.items() if _same(word, other) for one in ones}
            if stands and stands <= _PREPOSITIONS:
                return False  # ounces in a gram
        if stands is None:
            continue
        if word in asked.owners and words[at + 1 : at + 2] not in (["'s"], ["has"], ["had"], ["have"]):
            first = at
            while first and words[first - 1] in asked.before.get(words[first], frozenset()) - _PREPOSITIONS:
                first -= 1
            if not first or words[first - 1] != "of":
                return False  # killed Hamlet, where it is asked of Hamlet's father
        if word[0].isdigit():
            names = {one for one in stands if one and one not in _PREPOSITIONS}
            if names == stands and not any(_same(previous, one) for one in names):
                return False
            continue
        if previous in _PREPOSITIONS:
            near = stands & _PREPOSITIONS
            alike = previous in near or (previous in _LOOSE and not near.isdisjoint(_LOOSE))
            free = previous == "of" and (near != stands or near == {"by"})
            free = free or (previous == "than" and asked.compares) or previous == "as"
            free = free or (previous == "with" and not asked.words.isdisjoint(_HAVE))
            free = free or (previous == "by" and asked.kind == "object" and not before)
            turned = not alike and not {previous, *near}.isdisjoint(("before", "after"))
            if turned or (not alike and not free and word not in asked.nouns | asked.head):
                return False
        elif (
            asked.kind == "who" and stands <= _PREPOSITIONS and previous in asked.words and _among(previous, asked.head)
        ):
            return False  # played Goldfinger, where it is asked of somebody in Goldfinger
    return True
