r"""Short answers: exact match and F1 as SQuAD, DROP and TriviaQA have them, with values by value.

The answer is looked for in the answer block, else in a box, else after a phrase ("the answer is", 答案是), else it is
the whole of what follows the thinking, or its last line. Two texts are the same where they are without case, articles,
punctuation and accents; numbers in them keep sign and point. Numbers, money, percentages, durations and dates are
compared by value where the gold is one (`values.py`).

| golds | the answer is right where |
| --- | --- |
| a reference, or several (aliases, annotators) | it is one of them |
| `match: "all"`, or a gold that is itself a list (DROP's spans) | it names all of them and no other, in any order |
| `match: "ordered"` | it names all of them in that order |

What it does not do: look for a gold inside a longer text, or an answer could name everything. Prose of more than 12
words in which no answer is marked is `undecided`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .format.verifier import clean
from .frames import answers
from .instructions.text import without_hidden
from .reasoning import Prefilled, scan
from .references import is_data, literal
from .sample import Sample
from .settings import check
from .statements import items_of, may_say, otherwise_named, question_of, readings
from .token_f1 import benchmark_score
from .values import same_case, same_value
from .verdict import Reason, Verdict
from .verifier import judge_each
from .wording import TABLES, normal, same_wording

Measure = Literal[
    "exact", "f1", "squad_em", "squad_f1", "triviaqa_em", "triviaqa_f1", "hotpotqa_em", "hotpotqa_f1", "drop_em",
    "drop_f1",
]  # fmt: skip
Golds = Sequence[Sequence[str]]
"""Alternatives, each of one item or of several."""
_CUE = re.compile(
    r"(?:(?<!wrong )(?<!incorrect )(?<!false )"
    r"\banswer\s*(?:is|was|:|：|=)|\banswers\s*(?:are|:)|答案\s*(?:是|为|：|:)|\bAntwort\s*(?:ist|lautet|:)"
    r"|\br[ée]ponse\s*(?:est|:)|\brespuesta\s*(?:es|:)|\brisposta\s*(?:è|:)|答え\s*(?:は|：|:)|(?<!\w)ответ\s*(?:—|:)"
    r"|\bresposta\s*(?:é|:)|\bantwoord\s*(?:is|:))\s*:?\s*",
    re.IGNORECASE,
)
_BREAK = re.compile(r"\n|(?<=[\w)\"'”%])[.。](?:\s|$)(?!\d)|。")
_WRAPPED = re.compile(
    r"\\(?:text|textbf|textit|mathrm|mathbf|mathit|mbox|emph|boxed|operatorname|ce)\s*\{([^{}]*)\}|\\(?=[$%&#_{}])"
    r"|(?<!\w)(\*{1,3}|_{1,3}|`{1,3})(?=\S)([^*_`\n]*?\S)\2(?!\w)"
)
_FRACTION = re.compile(r"(?P<whole>\d)?\s?\\[dt]?frac\s*(?:\{([^{}]*)\}|(\d))\s*(?:\{([^{}]*)\}|(\d))")
_COMMAND = re.compile(r"\\([a-zA-Z]+)\s?|\\[,;:! ]|\^\s*\{?\s*\\circ\s*\}?|(?<=[\^_])\{([^{}]*)\}|\{,\}|\\[()\[\]]")
_LEFT_OPEN = re.compile(r"^\*{2,3}\s*|\s*\*{2,3}$")
_PLACED = re.compile(r"(?:in|at|on|by) (?=[^\W\d])")
_BULLET = re.compile(r"^\s*(?:[-*•]|\(?\d{1,3}[.)])\s+", re.MULTILINE)
_CALLED = "(?:then|also|now|later|better|formerly|previously) (?:known as|called|named)"
_TWO_NAMES = re.compile(
    rf"([^(),]+?),? (?:\((?:(?:{_CALLED}|known as|born|aka|a\.k\.a\.) )?([^()]+)\)|{_CALLED} ([^,()]+))"
)
_SPLITS = (r"\n+", r"\s*[;；]\s*", r"\s*(?:[,，、]\s*(?:and\s+|&\s*)?|\s+and\s+|\s+&\s+)", r"\s*[,，、;；]\s*")
_SEPARATOR = re.compile(r"[,;&]| and ")
_ARROWS = re.compile(r"\s*(?:->|=>|→|➔|≻|>)\s*")
_FIRST = re.compile(r"^(?:first(?:ly)?|1st)\b\s*[:,]?\s*(?=\S)", re.IGNORECASE)
_THEN = re.compile(
    r"\s*[,;.]?\s*\b(?:and\s+)?(?:then|next|finally|lastly|last|followed by|after that|second(?:ly)?|third(?:ly)?"
    r"|fourth|fifth|2nd|3rd|4th|5th)\b\s*[:,]?\s*",
    re.IGNORECASE,
)
_PLACE = re.compile(r"\b(?:first|second|third|fourth|fifth|[1-5](?:st|nd|rd|th))(?:ly)?\b", re.IGNORECASE)
_RANKS = {"fir": 1, "1st": 1, "sec": 2, "2nd": 2, "thi": 3, "3rd": 3, "fou": 4, "4th": 4, "fif": 5, "5th": 5}
_POLAR = {word: polar for polar, words in TABLES["polar"].items() for word in words.split()}
_SAYS_POLAR = re.compile(r"\W*(\w+)(?:\W*$|\s*(?:,|[.;:—–-](?!\s*#?\d)))")
_NOTHING = frozenset(TABLES["unanswerable"]["texts"].strip().split("\n"))
_TAKEN_BACK = re.compile(r"\s*(?:no|wait|actually|correction|sorry|hmm|or|rather|not)\b", re.IGNORECASE)
_WITH_QUESTION = re.compile(r"[ %是は]|\d[-:–]\d|^[-+−]?0?\.\d|^none$|^\d{3}0s", re.IGNORECASE)
"""What is read with the question in view."""
_NO_PERCENT = re.compile(r"(?i:how many\b)(?!.*(?:percent|per cent|%))")
_PERCENT = re.compile(r"%|\bper ?cent\b|\bpct\b", re.IGNORECASE)
_ASKS_PERCENT = re.compile(r"%|per ?cent", re.IGNORECASE)
_BELOW_ONE = re.compile(r"[-+−]?0?\.\d")
_OBJECT = re.compile(r"(?:```(?:json)?\s*)?(\{.*\})\s*(?:```)?", re.DOTALL)
_ANSWER_KEYS = ("answer", "final_answer", "final answer")
_PROSE = 12
_LONGEST = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerVerifier:
    r"""1 for a right short answer, else 0; or the F1 of its words.

    >>> verifier = AnswerVerifier()
    >>> said = ["The answer is the Eiffel Tower.", r"\boxed{4 July 1776}", "Paris or London", "$5 million"]
    >>> golds = ["Eiffel tower", "July 4, 1776", "Paris", "5,000,000 dollars"]
    >>> [float(v) for v in verifier([Sample(response=s, reference=g) for s, g in zip(said, golds)])]
    [1.0, 1.0, 0.0, 1.0]
    """

    name = "answer"
    """The key of its verdicts."""
    score: Measure = "exact"
    """`f1`: the best F1 over the golds, of words, or of items where a gold has several; exact answers are right.
    `squad_em`, `squad_f1`, `triviaqa_em`, `drop_f1` and so on: what the benchmark's own script gives, by text alone."""
    match: Literal["any", "all", "ordered"] = "any"
    """How several references are meant, where the row has no `match` of its own."""
    extraction: Literal["strict", "lenient"] = "lenient"
    """strict looks at an answer block or a box only."""
    undecided: Literal["zero", "error"] = "zero"
    """What an answer gets that no rule could tell from the gold: `error` leaves it without a score."""
    prefilled: Prefilled = "auto"
    """Whether the prompt gave the opening `<think>`."""

    def __post_init__(self) -> None:
        check(self, self.name)

    def response_to(self, reference: str) -> str:
        """A response whose answer is the reference."""
        return f"<answer>{reference}</answer>"

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample."""
        return judge_each(self._judge, samples, accuracy=True)

    def _judge(self, sample: Sample) -> Verdict:
        match = sample.meta.get("match", self.match)
        if match not in ("any", "all", "ordered"):
            return Verdict.error(
                Reason.REFERENCE_UNPARSEABLE, f"match is {match!r:.60}; it must be any, all or ordered"
            )
        golds = _golds(sample, match)
        if not golds:
            return Verdict.error(Reason.REFERENCE_MISSING, "the sample has no reference")
        if is_data(sample.references) and not sample.meta.get("golds"):
            return Verdict.error(Reason.REFERENCE_UNUSABLE, "the reference is data or a program, no answer")
        language = (sample.language or "en")[:2].lower()
        if not all(normal(item, language) for gold in golds for item in gold):
            return Verdict.error(Reason.REFERENCE_UNPARSEABLE, "a reference is blank")
        reasoning = scan(clean(without_hidden(sample.response)), sample.prompt, prefilled=self.prefilled)
        said, marked = _said(reasoning, self.extraction == "lenient", any(len(gold) > 1 for gold in golds))
        if not said.strip():
            return Verdict.scored(0.0, Reason.NO_ANSWER, "there is no answer")
        answer = said.strip()[:400]
        if len(said) > _LONGEST:
            return Verdict.scored(0.0, Reason.WRONG, f"the answer has {len(said)} characters", answer=answer)
        if self.score not in ("exact", "f1"):
            score = benchmark_score(self.score, _spans(said), _golds(sample, match, bare=False))
            reason = Reason.CORRECT if score == 1 else Reason.PARTIAL if score else Reason.WRONG
            return Verdict.scored(score, reason, f"{self.score} is {score:.3f}", answer=answer)
        fuller = len(golds) == 1  # beside a gold that says the day, one that says the month alone means no other day
        asked = question_of(sample) if len(said) <= 400 and _WITH_QUESTION.search(said) else ""
        named = match == "any" and len(said) <= 60 and otherwise_named(said, golds, sample)

        def right(text: str) -> bool:
            ordered = match == "ordered"
            return any(_right(text, gold, language, ordered=ordered, fuller=fuller, question=asked) for gold in golds)

        names = _TWO_NAMES.fullmatch(said.strip(" .")) if not fuller and " " in said and match == "any" else None
        if named or right(said) or (names and all(map(right, filter(None, names.groups())))):
            return Verdict.scored(1.0, Reason.CORRECT, "the answer is right", answer=answer)
        if self.score == "f1":
            score = max(_f1(said, gold, language) for gold in golds)
            reason = Reason.PARTIAL if score else Reason.WRONG
            return Verdict.scored(min(score, 0.999), reason, f"F1 is {score:.3f}", answer=answer)
        open_ = "the prose marks no answer" if not marked and len(said.split()) > _PROSE else ""
        if not open_ and any(len(gold) == 1 and _may_be(said, gold[0], language, asked) for gold in golds):
            open_ = "it holds the answer in other words or order"
        if open_ and self.undecided == "error":
            return Verdict.error(Reason.UNDECIDED, open_, answer=answer)
        if open_:
            return Verdict.scored(0.0, Reason.UNDECIDED, open_, answer=answer)
        shown = " or ".join(", ".join(gold) for gold in golds[:3])
        return Verdict.scored(0.0, Reason.WRONG, f"it says {answer[:100]!r}, not {shown[:200]}", answer=answer)


def _spans(said: str) -> list[str]:
    """The spans of an answer: of a JSON list or of lines with bullets; else it is one."""
    listed = literal(said) if said[:1] == "[" else None
    if isinstance(listed, list) and listed:
        return [str(item) for item in listed]
    lines = [line.strip() for line in said.split("\n") if line.strip()]
    return [_BULLET.sub("", line) for line in lines] if len(lines) > 1 and all(map(_BULLET.match, lines)) else [said]


def _golds(sample: Sample, match: str, *, bare: bool = True) -> Golds:
    strip = _bare if bare else str
    held = sample.meta.get("golds")
    if isinstance(held, list) and held:
        return [[strip(str(item)) for item in gold] if isinstance(gold, list) else [strip(str(gold))] for gold in held]
    references = sample.references
    if len(references) == 1 and references[0][:1] == "[":
        listed = literal(references[0])
        if isinstance(listed, list) and listed and all(isinstance(item, str | int | float) for item in listed):
            references = tuple(map(str, listed))
    golds = [strip(reference) for reference in references]
    return [golds] if match != "any" and golds else [[gold] for gold in golds]


def _said(reasoning: Any, lenient: bool, several: bool) -> tuple[str, bool]:  # any: a Reasoning
    """The answer's text, and whether it was marked as one."""
    spans = reasoning.answer_spans
    if not spans:
        return "", False
    boxes = reasoning.boxes_in(spans[-1])
    if boxes:
        return ", ".join(dict.fromkeys(map(_bare, dict.fromkeys(boxes)))), True
    text = reasoning.answer
    if text.rstrip()[-1:] in "}`" and (match := _OBJECT.fullmatch(text.strip())):
        held = literal(match[1])
        if isinstance(held, dict) and len(held) == 1 and (key := next(iter(held))).lower() in _ANSWER_KEYS:
            return held[key] if isinstance(held[key], str) else json.dumps(held[key], ensure_ascii=False), True
    text = _bare(text)
    if reasoning.answers:
        return text, True
    if not lenient:
        return "", False
    cues = list(_CUE.finditer(text))
    if cues:
        rest = text[cues[-1].end() :].strip()
        listed = rest.startswith(("-", "*", "•", "1.", "1)")) or "\n" in text[cues[-1].end() :][:2]
        stated = _BREAK.split(rest, maxsplit=1)
        retracted = len(stated) > 1 and _TAKEN_BACK.match(stated[1])
        return (rest if listed or retracted else stated[0]), True
    lines = [line for line in text.split("\n") if line.strip()]
    last = lines[-1].strip() if lines else ""
    lines = [line for line in lines if several and not line.rstrip().endswith(":")]
    return ("\n".join(lines) if lines and max(map(len, lines)) <= 80 else last), False


def _bare(text: str) -> str:
    """A text without the marks of LaTeX and Markdown."""
    if "\\" in text or "{" in text:
        text = _FRACTION.sub(_ratio, text)
        text = _COMMAND.sub(_sign, _WRAPPED.sub(_inner, text))
    marked = "*" in text or "_" in text or "`" in text or "\\" in text
    text = (_WRAPPED.sub(_inner, text) if marked else text).strip()
    text = _LEFT_OPEN.sub("", text) if "*" in text else text
    # Dollars around a formula; one alone is money.
    return text[1:-1].strip() if len(text) > 2 and text[0] == text[-1] == "$" else text


def _inner(match: re.Match[str]) -> str:
    return match[1] or match[3] or ""


def _ratio(match: re.Match[str]) -> str:
    top, bottom = match[2] or match[3] or "", match[4] or match[5] or ""
    parts = [part if re.fullmatch(r"-?[\w.]*", part) else f"({part})" for part in (top.strip(), bottom.strip())]
    return f"{match['whole'] + ' ' if match['whole'] else ''}{'/'.join(parts)}"


def _sign(match: re.Match[str]) -> str:
    if match[1]:
        return str(TABLES["latex"].get(match[1], match[0]))
    if match[2] is not None:
        return match[2]
    return "°" if "circ" in match[0] else "," if match[0] == "{,}" else "" if match[0][1] in "!()[]" else " "


def same(said: str, gold: str, language: str = "en", *, fuller: bool = True, question: str = "") -> bool:
    """Whether an answer is a gold; `fuller` says that a date may say more than its gold.

    >>> same("5 touchdowns", "5"), same("-5", "5"), same("No, it is not", "no"), same("2.5 hours", "150 minutes")
    (True, False, True, True)
    >>> same("It is Paris", "Paris"), same("The capital of France is Paris", "Paris"), same("It is not Paris", "Paris")
    (True, True, False)
    """
    expected = normal(gold, language)
    if " ".join(expected) in _NOTHING:
        return " ".join(normal(said, language)) in _NOTHING
    if len(expected) == 1 and expected[0] in _POLAR:
        first = _SAYS_POLAR.match(said.lower())
        others = {_POLAR[word] for word in normal(said, language)[1:] if word in ("yes", "no")}
        polar = _POLAR.get(first[1] if first else "")
        return polar == _POLAR[expected[0]] and not others - {polar}
    if _NO_PERCENT.match(question) and _PERCENT.search(said) and not _PERCENT.search(gold):
        return False
    # 0.05 may be a share of one: its sign is left out only where percents are asked for.
    if (
        _BELOW_ONE.match(gold)
        and bool(_PERCENT.search(said)) != bool(_PERCENT.search(gold))
        and not _ASKS_PERCENT.search(question)
    ):
        return False
    golds = [gold, gold[place.end() :]] if (place := _PLACED.match(gold)) else [gold]
    return any(_same(text, one, language, fuller) for one in golds for text in readings(said, one, question))


def _same(said: str, gold: str, language: str, fuller: bool) -> bool:
    words = normal(said, language)
    if words == normal(gold, language):
        # The case of a unit counts: 5 mW is not 5 MW.
        return not any(word[-1].isdigit() for word in words) or same_case(said, gold)
    return same_wording(said, gold, language) or same_value(said, gold, fuller=fuller)


def _right(said: str, gold: Sequence[str], language: str, *, ordered: bool, fuller: bool, question: str) -> bool:
    if len(gold) == 1:
        if same(said, gold[0], language, fuller=fuller, question=question):
            return True
        items, free = items_of(gold[0], question) if _SEPARATOR.search(gold[0]) else ([], False)
        # Two items as they stand may be one name: War, Peace.
        return (free or len(items) > 2) and _same_list(said, items, language, ordered=not free, question=question)
    return _same_list(said, gold, language, ordered=ordered, question=question)


def _same_list(said: str, gold: Sequence[str], language: str, *, ordered: bool, question: str) -> bool:
    # Itself, without `They are`, and what its sentence says.
    texts = [
        *list(readings(said, "", question))[:2],
        *(answers(said.strip().rstrip("."), question, "") if question else ()),
    ]
    return any(_same_items(items, gold, language, ordered) for text in texts for items in _item_lists(text, len(gold)))


def _may_be(said: str, gold: str, language: str, question: str) -> bool:
    """Whether no rule tells if an answer is a gold that it holds whole, or whose items it has in another order."""
    if not question:
        return False
    items = items_of(gold, question)[0] if _SEPARATOR.search(gold) else []
    if items and _same_list(said, items, language, ordered=False, question=question):
        return True
    return may_say(said, gold, question)


def _item_lists(said: str, count: int) -> list[list[str]]:
    """The ways in which an answer can be read as so many items."""
    listed = literal(said) if said[:1] == "[" else None
    if isinstance(listed, list):
        return [[str(item) for item in listed]] if len(listed) == count else []
    text = _BULLET.sub("", said).strip().rstrip(".")
    lists = [[one.strip() for one in re.split(split, text) if one.strip()] for split in _SPLITS]
    lists.append(_ARROWS.split(text))
    ranks = [_RANKS[word.lower()[:3]] for word in _PLACE.findall(text)]
    if ranks == sorted(set(ranks)):  # `first Venus, third Earth, second Mars` is no order of its own
        lists.append(_THEN.split(_FIRST.sub("", text)))
    return [items for items in lists if len(items) == count]


def _same_items(items: Sequence[str], gold: Sequence[str], language: str, ordered: bool) -> bool:
    if ordered:
        return all(_same(item, expected, language, True) for item, expected in zip(items, gold, strict=True))
    left = list(items)
    for expected in gold:
        place = next((at for at, item in enumerate(left) if _same(item, expected, language, True)), None)
        if place is None:
            return False
        del left[place]
    return True


def _f1(said: str, gold: Sequence[str], language: str) -> float:
    """SQuAD's F1 of words; of items where the gold has several, each taken once. A gold's number must be there."""
    if len(gold) > 1:
        items = max(
            ([one.strip() for one in re.split(split, _BULLET.sub("", said)) if one.strip()] for split in _SPLITS),
            key=len,
        )
        pairs = sorted(
            ((_f1(item, [one], language), i, g) for i, item in enumerate(items[:50]) for g, one in enumerate(gold)),
            reverse=True,
        )
        total, used = 0.0, (set[int](), set[int]())
        for value, item, place in pairs:
            if item not in used[0] and place not in used[1]:
                total += value
                used[0].add(item)
                used[1].add(place)
        return total / max(len(items), len(gold))
    words, expected = Counter(normal(said, language)), Counter(normal(gold[0], language))
    numbers = {word for word in expected if word[-1].isdigit()}
    common = (words & expected).total()
    if not common or (numbers and not numbers & set(words)):
        return 0.0
    return 2 * common / (words.total() + expected.total())
