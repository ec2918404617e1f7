"""What a short sentence gives as the answer: `It is Paris`, `The capital of France is Paris`, `Paris is the capital`.

A sentence is read only as a whole, and only where all that it says beside the answer is in the question, or says
nothing (`it took place in`): `The director is Lee and the producer is Kim` answers with neither. Where the prompt holds
no question, one verb and a plain subject will do. What denies or doubts (`not`, `or`, `maybe`) is never left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .sample import Sample
from .values import read_value
from .wording import TABLES, digits_for_words

_LEAD = re.compile(
    r"(?:(?:so|thus|therefore|hence|well|okay|ok|sure|yes|overall|finally|in short),?\s+)?"
    r"(?:(?:i|we) (?:think|believe|would say|am confident|know)(?: that)?,?\s+)?"
    r"(?:(?:it|that|this|he|she|they|there|these|those)"
    r"(?:['’]s| is| was|['’]re| are| were| would be| has| had| have)\s+)?"
    r"(?:[a-z]?\s?=\s?)?",
    re.IGNORECASE,
)
_PREPOSITION = re.compile(r"(?:in|at|on|by)\s+(?=\S)", re.IGNORECASE)
_COPULA = re.compile(r"\s(?:is|was|are|were|equals)(?:\s*:)?\s+")
_TAIL = re.compile(r"\s(?:is|was|are|were|equals|by|in|on|at|of|from|to|called|named)(?:\s*:)?\s+")
_DENIAL = re.compile(
    r"\b(?:not|no|never|neither|nor|or|cannot|wrong|incorrect|false|if|unless)\b|n['’]t\b", re.IGNORECASE
)
_DOUBT = frozenset(
    "may might could perhaps possibly maybe some one other another alternative also guess except besides unlike than"
    " second example first but while whereas although before after".split()
)
_SMALL = frozenset(
    "a an the is was are were be been of in on at to by for from with who which that it its he she they his her their"
    " this these there has have had did do does s took take takes place happened occurred held written located"
    " called named known answer author writer name person city country year date number total result".split()
)
_PAST = dict(pair.split(":") for pair in TABLES["verbs"]["past"].split())
_WORDS = re.compile(r"[^\W\d_]+|\d+")
_NUMBER = re.compile(r"(?<![\w.,$€£¥/-])-?\d[\d,]*(?:\.\d+)?(?![\w%‰°/-])")
_ASKED = re.compile(r"[^.?!\n]*\?|^(?:question|q)\s*:\s*.+", re.IGNORECASE | re.MULTILINE)
_LONGEST = 300


def question_of(sample: Sample) -> str:
    """The last question of a prompt, which may hold a passage before it; empty where there is none."""
    text = sample.problem or sample.prompt_text
    asked = [match[0] for match in _ASKED.finditer(text[-20_000:])]
    return asked[-1][-_LONGEST:] if asked else ""


def readings(said: str, gold: str, question: str) -> Iterator[str]:
    """The answers that a text can be read as, itself first.

    >>> list(readings("It is Paris.", "Paris", ""))[:2]
    ['It is Paris.', 'Paris']
    >>> "Rome" in readings("The capital of Italy is Rome", "Rome", ""), "Rome" in readings("It is not Rome", "Rome", "")
    (True, False)
    """
    yield said
    text = said.strip().rstrip(".!")
    rest = text[lead.end() :] if (lead := _LEAD.match(text)) else text
    if rest != said:
        yield rest
    if (preposition := _PREPOSITION.match(rest)) and gold[:1].isupper():
        yield rest[preposition.end() :]
    if (place := text.find("(")) > 0 and text.endswith(")"):
        yield from _converted(text[:place].strip(), text[place + 1 : -1])
    if len(text) <= _LONGEST and " " in text and not re.search(r"\n|(?<=\w{2})\. ", text) and not _DENIAL.search(text):
        yield from _stated(text, gold.strip(" ."), question)


def _stated(text: str, gold: str, question: str) -> Iterator[str]:
    copulas = list(_COPULA.finditer(text))
    if len(copulas) == 1 and not question:
        subject = {*_WORDS.findall(text[: copulas[0].start()].lower())}
        if "," not in text[: copulas[0].start()] and not subject & {*_DOUBT, "and"}:
            yield text[copulas[0].end() :]
    asks_object = re.search(r"\b(?:did|do|does)\b", question, re.IGNORECASE) is not None
    for match in list(_TAIL.finditer(text))[-3:]:
        if _says_nothing_new(text[: match.end()], question):
            yield text[match.end() :]
    low, short = text.lower(), gold.lower()
    if question and asks_object and low.endswith(f" {short}") and _says_nothing_new(text[: -len(gold)], question):
        yield gold
    head = next((one for one in (short, f"the {short}") if low.startswith(f"{one} ")), "")
    if question and head and not asks_object and _says_nothing_new(text[len(head) :], question, than=True):
        yield gold
    if re.match(r"\W*how (?:many|much)\b", question, re.IGNORECASE):
        numbers = list(_NUMBER.finditer(counted := digits_for_words(text)))
        if len(numbers) == 1:
            match = numbers[0]
            if _says_nothing_new(f"{counted[: match.start()]} {counted[match.end() :]}", question):
                yield match[0]


def _says_nothing_new(text: str, question: str, *, than: bool = False) -> bool:
    """Whether the words of a text are all in the question, in any of their forms, or say nothing."""
    asked = {*_WORDS.findall(question.lower())}
    asked |= {_PAST[word] for word in asked & _PAST.keys()}
    stems = {word[:4] for word in asked if len(word) > 3}
    words = {*_WORDS.findall(text.lower())} - _SMALL - asked
    return not words & _DOUBT - ({"than"} if than else set()) and all(
        len(word) > 3 and word[:4] in stems for word in words if not (than and word == "than")
    )


def _converted(text: str, other: str) -> Iterator[str]:
    """A quantity before one in brackets that says it in another unit, to one part in twenty: 5 km (3.1 miles)."""
    value, again = read_value(text), read_value(other)
    if value and again and value.kind == again.kind and value.value and abs(again.value / value.value - 1) < 0.05:
        yield text
