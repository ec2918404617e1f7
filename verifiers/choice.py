r"""Multiple choice, A to J: one letter, several where the gold has several, or the text of one option.

The answer is looked for in the answer block, else in what follows the thinking: a box, a phrase such as "the answer
is" in one of several languages, or a last line that is nothing but the choice. The last statement counts; what is
denied ("A is incorrect", "not A but B", 不是A) is no answer. The options' texts come from the sample's other fields
(`options` or `choices`, a list or an object by letter), else from lines of the prompt that begin with a letter. The
gold is a letter, several letters (`A, C`, `AC`: all of them and no other), or the text of an option.

What it does not do: guess. A response that reasons about every option and names none at the end has no answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from .format.verifier import clean
from .math.lenient import FRAMED
from .reasoning import Prefilled, Reasoning, scan
from .references import unusable
from .sample import Sample
from .settings import check
from .verdict import Reason, Verdict
from .verifier import judge_each

_LETTERS = "ABCDEFGHIJ"

_COMMAND = re.compile(
    r"\\(?:textbf|textit|textrm|textsf|text|mathrm|mathbf|mathsf|mathit|mbox|bf|rm|emph|boxed|fbox)(?![A-Za-z])\s*"
)
_SPACE = re.compile(r"\\(?:quad|qquad|[ ,;:!])|~")
_LEAD = re.compile(
    r"^(?:(?:the\s+)?(?:option|choice|answer|选项|选)\s*[:：]?\s*)?[\"“'‘]?"
    r"(?:[(\[（]\s*(?P<bracketed>[A-Ja-j])\s*[)\]）]|(?P<marked>[A-Ja-j])\s*[.):：、。](?!\d)"
    r"|(?P<bare>[A-J])(?=[\s,，;；/&+\"”'’!?项和或及、。]|[\u4e00-\u9fff]|-(?=\s)|$)|(?P<small>[a-j])(?=[\"”'’]?$))[\"”'’]?",
    re.IGNORECASE,
)
_LIST = re.compile(
    r"[A-J](?:(?:\s*[,，、;；/&+]\s*|\s+(?:and|und|et|y|e|и)\s+|\s*[和与及]\s*|\s*,\s*(?:and)\s+)[A-J])+(?![A-Za-z])"
)
_TOGETHER = re.compile(r"[A-J]{2,10}")
_ANOTHER = re.compile(
    r"[(\[（]\s*[A-J]\s*[)\]）]"
    r"|(?:^|[,/&+;，、；]|\b(?:and|or|und|oder|et|y|o|ou)\b|[和或及与])\s*[A-J](?![A-Za-z'’])(?!\s(?!(?:and|or)\s[A-J](?![A-Za-z'’]|\s[a-z]))[a-z])"
    r"|(?<![A-Za-z])[A-J]\s*[.):：](?=\s|$)"
)
_SINGLE = re.compile(r"(?<![A-Za-z])[A-J](?![A-Za-z])")
_ARTICLE = re.compile(r"[AI]\s+(?!(?:or|and|is|was)\b)[a-z]")
_REASON = re.compile(
    r"\b(?:because|since|as|while|whereas|weil|denn|car|parce|porque|perché)\b|因为|由于|[,;]\s+(?:it|this|that|they|energy|so|which|doesn't)\b|[—–]|\s-\s",
    re.IGNORECASE,
)
_LETTER_AGAIN = r"(?:[(\[（]?\s*[A-J]\s*[)\]）]?)"
_NOT_THESE = re.compile(
    r"(?:\b(?:not|isn't|never|rather than|instead of|nicht|non|pas|no"
    r"|не|(?:can't|cannot|couldn't|doesn't|does not|to)\s+be|be)|不是|而不是"
    r"|不选|而非|非)\s*(?:the\s+)?(?:option\s+|选项)?"
    rf"{_LETTER_AGAIN}(?![A-Za-z])(?:\s*(?:,|，|、|or|and|nor|或|和)\s*{_LETTER_AGAIN}(?![A-Za-z]))*",
    re.IGNORECASE,
)
_WRONG_AFTER = re.compile(
    r"^[\s\"”'’)\]）.]*(?:项)?\s*(?:,?\s*(?:which\s+)?(?:is|was|are|seems"
    r"|looks|must be|would be|ist|est|es|è)\s+(?:clearly\s+|obviously\s+)?(?:not\b"
    r"|in\s?correct|wrong|false|falsch|fausse?|incorrecto|n't)"
    r"|isn't|(?:是)?(?:错误|错的|不对|不正确)|不(?:是正确|成立)|[ではじゃ]{1,3}(?:ない|ありません)|[이가]?\s*(?:아니|아님|아닙)"
    r"|\s*is\s+a\s+(?:common\s+)?(?:mistake|error|distractor|trap)|[^.\n]{0,20}\bbut\s+(?:it|that|this)\s+is\s+(?:wrong|incorrect|not)\b)",
    re.IGNORECASE,
)
_GLUED = re.compile(
    r"[0-9'’_^#*]|\+\+|\(|[-./|\\]{1,2}[A-Za-z0-9]|\s*(?:[<>=×→⇒⊂∨∧|]|\\[a-z])\s*\S"
    r"|\s*(?:,\s*)?(?:or|unless|if not|then|oder|ou)\s"
)
"""What makes of a letter something else than an option: B12, C++, C(5, 2), A < B, B or none."""
_ALONE = re.compile(r"^[(\[\"'“]?([A-J])[)\].:\"'”]{0,2}$", re.MULTILINE)
_OPTION = r"(?:the\s+|l['’]|la\s+|die\s+)?(?:correct\s+)?(?:option|choice|letter|answer|Option|opción|选项)?"
_MARK = r"(?:[\"“'‘*_$\s:：]{0,4})"
_LETTER = r"(?:[(\[（]\s*[A-Ja-j]\s*[)\]）]|(?-i:[A-J])(?![A-Za-z'’]))"
_CUE = re.compile(
    r"(?:\b(?:answers?|(?:correct|right|my|final|best)\s+(?:option|choice"
    r"|letter|pick)|option\s+selected|selected\s+(?:option|answer)|(?:correct\s+)?(?:option"
    r"|choice)(?=\s*(?:is|:|=|would be|must be|should be|has to be)))\s*"
    r"(?:\([^)\n]{0,20}\)\s*)?(?:(?:is|was|are|would be|should be|must be"
    r"|has to be|will be|selected|=|:|：|[-–—]>?)\s*){0,2}"
    r"|\b(?:Antwort|Lösung|Réponse|Respuesta|Risposta|Resposta|Ответ|Odpowiedź)(?:\s+(?:correcta?|correcte|richtige|corretta))?"
    r"\s*(?:(?:ist|n['’]est|no es|non è|não é|est|es|è|é|lautet|:|：|—)\s*){0,2}"
    r"|(?:答案|正确选项|正確答案|答え|正解|정답|답|应选|应该选|故选|选择|選擇|選|选|答)\s*(?:应该|应)?\s*(?:(?:是|为|為|选|は|은|는|：|:)\s*){0,2}"
    r"|\b(?:I(?:'d|'ll|\s+would|\s+will)?\s+)?(?:pick|choose|select|go\s+with"
    r"|chose)\s+|\b(?:I\s+think|so|therefore|thus|hence|must\s+be|then)\s+(?:it(?:'s"
    r"|\s+is|\s+must\s+be)|the answer)\s+"
    r"|\bcorrection\s*[:：]\s*|\bit(?:'s| is| must be)\s+(?:(?:definitely"
    r"|clearly|probably|certainly|obviously|actually)\s+)?)"
    rf"(?P<not>(?:(?:not|nicht|pas|non)\s|不是|不)\s*)?{_OPTION}{_MARK}(?P<letter>{_LETTER})",
    re.IGNORECASE,
)
_SAID_RIGHT = re.compile(
    rf"(?:\b(?:option|choice)\s+|选项\s*)?(?P<letter>{_LETTER})\s*(?:项)?\s*(?:(?:is"
    rf"|must be|seems)\s+(?:the\s+)?(?:correct|right|best|answer)|(?:是"
    rf"|为)?(?:正确|对的)|(?:ist|est|es|è)\s+(?:richtig|correcte?|correcta?"
    rf"|corretta?))",
    re.IGNORECASE,
)
_SMALL_CUE = re.compile(
    r"(?:answer)\s*(?:is|:|：)\s*[*_\"']{0,3}(?P<letter>[a-j])[*_\"'.]{0,3}\s*$", re.IGNORECASE | re.MULTILINE
)
_TEXT_CUE = re.compile(
    r"(?:(?:answer|choice|option)\s*(?:is|:|：)|答案\s*(?:是|为|:|：)|(?:Antwort|Réponse|Respuesta|Risposta|Resposta|Ответ)\s*(?:ist|est|es|è|é|:|：))\s*:?\s*(?P<text>[^\n]{1,200})",
    re.IGNORECASE,
)
_LETTERS_CUE = re.compile(
    r"(?:(?i:answers?)\s*(?:is|are|:|：)|答案\s*(?:应?为|是|:|：)?|应选|故选|选择?)\s*[:：]?\s*(?P<letters>[A-J]{2,6})(?![A-Za-z])"
)
_WRONG_OTHERS = re.compile(
    rf"{_LETTER_AGAIN}\s*项?\s*(?:(?:is|are|was)\s+(?:wrong|incorrect|false|not\b)[^,;.，。；]*|(?:是)?(?:错误|错的|不对|不正确))"
)
_BUT = re.compile(
    r"^[^.\n。]{0,40}?(?:\bbut\b|\bsondern\b|\bmais\b|\bsino\b|而是|但是)\s*(?:rather\s+)?(?:option\s+)?[\"']?(?P<letter>[(\[（]?\s*[A-J]\s*[)\]）]?)(?![A-Za-z])"
)
_RATHER = re.compile(r"\s*(?:ではなく|じゃなくて|[이가]?\s*아니라)\s*(?P<letter>[A-J])(?![A-Za-z])")
_OPTION_LINE = re.compile(
    r"(?:^|\n)\s{0,8}(?:[(\[（](?P<bracketed>[A-J])[)\]）]|(?P<marked>[A-J])\s?[.):：、])\s{0,4}(?P<text>[^\n]{1,400})"
)
_SENTENCE_END = re.compile(r"(?<=\w\w)[.。!?](?:\s|$)|[。；\n]|(?<=[A-J])\.\s+(?=[A-Z][a-z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceVerifier:
    r"""1 for the right option, else 0.

    Evidence: `letters`, every letter that the answer names.

    >>> verifier = ChoiceVerifier()
    >>> said = [r"\boxed{\textbf{(B)}\ 5}", "The answer is B.", "(A) or (B)", "Paris", "The answer B is incorrect."]
    >>> samples = [Sample(response=r, reference="B", meta={"options": ["Rome", "Paris"]}) for r in said]
    >>> [float(verdict) for verdict in verifier(samples)]
    [1.0, 1.0, 0.0, 1.0, 0.0]
    """

    name = "choice"
    """The key of its verdicts."""
    extraction: Literal["strict", "lenient"] = "lenient"
    """strict looks at an answer block or a box only; lenient also at phrases and at the last line."""
    prefilled: Prefilled = "auto"
    """Whether the prompt gave the opening `<think>`."""

    def __post_init__(self) -> None:
        check(self, self.name)

    def response_to(self, reference: str) -> str:
        """A response whose answer is the reference."""
        return rf"The answer is \boxed{{{reference}}}."

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample."""
        return judge_each(self._judge, samples, accuracy=True)

    def _judge(self, sample: Sample) -> Verdict:
        if not sample.references:
            return Verdict.error(Reason.REFERENCE_MISSING, "the sample has no reference")
        options = _options(sample)
        golds = {_gold(reference, options) for reference in sample.references}
        why = unusable(sample.references)
        listed = {*options, *options.values()}
        if why is not None and not any(gold <= listed for gold in golds):  # `None` may be the text of an option
            return Verdict.error(Reason.REFERENCE_UNUSABLE, why)
        if frozenset() in golds:
            return Verdict.error(Reason.REFERENCE_UNPARSEABLE, "the reference is blank")
        scanned = scan(clean(sample.response), sample.prompt, prefilled=self.prefilled)
        said = list(dict.fromkeys(_answers(scanned, options, self.extraction == "lenient")))
        if not said:
            return Verdict.scored(0.0, Reason.NO_ANSWER, "no option is named")
        answer = ", ".join(said)[:200]
        letters = [choice for choice in said if choice in _LETTERS]
        evidence = {"letters": letters}
        if frozenset(said) in golds:
            return Verdict.scored(1.0, Reason.CORRECT, "the right option", answer=answer, evidence=evidence)
        if len(said) > 1:
            detail = f"several answers: {answer}"
            return Verdict.scored(0.0, Reason.WRONG, detail, answer=answer, evidence=evidence)
        named = " or ".join(sorted(", ".join(sorted(gold)) for gold in golds))
        return Verdict.scored(
            0.0, Reason.WRONG, f"it says {answer}, not {named[:200]}", answer=answer, evidence=evidence
        )


_WIDE = {base + at: letter for base in (0xFF21, 0x24B6) for at, letter in enumerate(_LETTERS)}
"""Fullwidth and circled letters."""
_DRESSING = str.maketrans(dict.fromkeys("{}$*`【】", " "))


def _plain(text: str) -> str:
    """A text without LaTeX dressing, emphasis and white space at its ends."""
    text = (
        _SPACE.sub(" ", _COMMAND.sub("", text.translate(_WIDE))).replace("{", " ").replace("}", " ").replace("$", " ")
    )
    return " ".join(text.replace("*", " ").replace("`", " ").replace("【", " ").replace("】", " ").split())


def _key(text: str) -> str:
    """What two spellings of the same option share."""
    return unicodedata.normalize("NFKC", _plain(text)).casefold().strip(" .。,;:!\"'“”‘’()")


def _options(sample: Sample) -> Mapping[str, str]:
    """Options by letter, as keys to compare; empty where they are not known."""
    listed = sample.meta.get("options", sample.meta.get("choices"))
    if isinstance(listed, Mapping):
        texts = {str(letter).strip().upper(): str(text) for letter, text in listed.items()}
    elif isinstance(listed, list | tuple):
        texts = {letter: _unlettered(str(text), letter) for letter, text in zip(_LETTERS, listed, strict=False)}
    else:
        texts = {(m["bracketed"] or m["marked"]): m["text"] for m in _OPTION_LINE.finditer(sample.prompt_text)}
    return {letter: _key(text) for letter, text in texts.items() if letter in _LETTERS and letter}


def _unlettered(text: str, letter: str) -> str:
    """An option's text without its own letter before it."""
    lead = _LEAD.match(text)
    if lead and (lead["bracketed"] or lead["marked"] or "").upper() == letter:
        return text[lead.end() :]
    return text


def _gold(reference: str, options: Mapping[str, str]) -> frozenset[str]:
    """The gold's letters, or a key where it is the text of an option that nobody lists."""
    plain = _plain(reference)
    by_text = [letter for letter, text in options.items() if text and text == _key(reference)]
    if len(by_text) == 1:
        return frozenset(by_text)
    several = _several(plain)
    if several and (not options or set(several) <= set(options)):
        return frozenset(several)
    lead = _LEAD.match(plain)
    bare = lead is not None and not plain[lead.end() :].strip(" .):")
    if bare and lead is not None and (not options or _letter(lead) in options):
        return frozenset({_letter(lead)})
    if lead is not None and not lead["bare"] and not lead["small"]:
        return frozenset({_letter(lead)})
    return frozenset({_key(reference)} - {""})


def _several(plain: str) -> list[str]:
    """The letters of `A, C`, `A and C` or `ACD`, where a text is nothing else; in their order and each once."""
    text = re.sub(r"[()\[\]（）]", "", plain).strip(" .。")
    if not (_LIST.fullmatch(text) or (_TOGETHER.fullmatch(text) and sorted(set(text)) == list(text))):
        return []
    return sorted({char for char in re.sub(r"\band\b", " ", text) if char in _LETTERS})


def _letter(lead: re.Match[str]) -> str:
    return (lead["bracketed"] or lead["marked"] or lead["bare"] or lead["small"]).upper()


def _answers(scanned: Reasoning, options: Mapping[str, str], lenient: bool) -> list[str]:
    """Every choice that the final answer names, as letters or as keys."""
    spans = scanned.answer_spans
    if not spans:
        return []
    texts = scanned.boxes_in(spans[0]) if len(spans) == 1 else [span.of(scanned.text) for span in spans]
    if texts:
        return [one for text in texts for one in _choices(text, options, short=True)]
    if not scanned.answers and not lenient:
        return []
    # No two blanks stand together in it, so that the phrases below have nothing to backtrack over.
    text = "\n".join(filter(None, map(_plain, scanned.answer.split("\n"))))
    stated = _stated(text, options)
    if stated is not None:
        return stated
    alone = _ALONE.findall(text)
    if len(alone) > 1:
        return [letter.upper() for letter in alone]
    return _choices(_last_line(text), options, short=bool(scanned.answers))


_REVISED = re.compile(
    r"\b(?:wait|no|not|actually|correct(?:ion|ed)?|but|reconsider|mistake|wrong|final|finally|instead|however|rather|sorry|hmm|recheck"
    r"|therefore|so|thus|hence|aber|doch|mais|pero)\b|改|不对|错|最终|应为|因此|所以|综上",
    re.IGNORECASE,
)
"""What stands between two statements of which the second replaces the first."""


_TAIL = 6_000
"""How many last characters are looked through for statements."""
_MAX_STATEMENT, _MAX_STATEMENTS = 400, 20
"""Longest statement, and most of them, the last ones, that are compared."""


class _Statement(NamedTuple):
    """What one phrase says: where, which letters, and whether it denies them."""

    at: int
    letters: list[str]
    denied: bool


def _stated(text: str, options: Mapping[str, str]) -> list[str] | None:
    """What the last statement that is not denied names; None where nothing is stated."""
    text = text[-_TAIL:]
    statements: list[_Statement] = []
    for pattern in (_CUE, _SAID_RIGHT):
        for cue in pattern.finditer(text):
            statement = _statement(text, cue, options)
            if statement is not None:
                statements.append(statement)
    statements += [
        _Statement(cue.start("letter"), [cue["letter"].upper()], denied=_is_framed(text, cue.start()))
        for cue in _SMALL_CUE.finditer(text)
    ]
    for cue in _LETTERS_CUE.finditer(text):
        several = _several(cue["letters"])
        if several:
            statements.append(_Statement(cue.start("letters"), several, denied=False))
    for cue in _TEXT_CUE.finditer(text):
        said = _key(cue["text"])
        by_text = [letter for letter, option in options.items() if option and option == said]
        if len(by_text) == 1:
            statements.append(_Statement(cue.start("text"), by_text, denied=False))
    if not statements:
        return None
    statements.sort(key=lambda statement: statement.at)
    taken_back = {letter for statement in statements if statement.denied for letter in statement.letters}
    kept = [statement for statement in statements if not statement.denied]
    if not kept:
        return [] if taken_back else None
    *earlier, last = kept[-_MAX_STATEMENTS:]
    for statement in earlier:
        if statement.letters != last.letters and not _REVISED.search(text, statement.at, last.at):
            return list(dict.fromkeys([*statement.letters, *last.letters]))  # both are offered
    return last.letters


def _statement(text: str, cue: re.Match[str], options: Mapping[str, str]) -> _Statement | None:
    letter = next(char for char in cue["letter"].upper() if char in _LETTERS)
    at = cue.start("letter")
    before = text[max(0, cue.start() - 12) : cue.start()]
    rest = text[cue.end("letter") : cue.end("letter") + _MAX_STATEMENT]
    rather = _RATHER.match(rest)
    if rather is not None:
        return _Statement(at, [rather["letter"]], denied=False)
    negated = ("not" in cue.groupdict() and cue["not"]) or re.search(r"\b(?:no es|non è|não é)\b", cue[0])
    if negated or re.search(r"(?:\bnot|n't|不|别)\s*$", before, re.IGNORECASE):
        but = _BUT.match(rest)
        if but is not None:
            return _Statement(at, [next(char for char in but["letter"] if char in _LETTERS)], denied=False)
        return _Statement(at, [letter], denied=True)
    if _WRONG_AFTER.match(rest) or _is_framed(text, cue.start()):
        return _Statement(at, [letter], denied=True)
    bare = cue["letter"][0] not in "([（"
    if bare and re.match(
        r"\s(?!(?:as|because|since|and|or|but|not|is|for|with|which|so|if|will|would|since|rather|instead|und|oder|et|ou|y|o|weil|car|porque)\b)[a-z]",
        rest,
    ):
        return None  # D major, A village
    glued = bare and _GLUED.match(rest)
    rest = _sentence(rest)
    rest = _WRONG_OTHERS.sub(" ", _NOT_THESE.sub(" ", rest))
    others = _others(letter, rest, options)
    if glued and not others:
        return _Statement(at, [_key(f"{letter}{rest}")], denied=False)
    return _Statement(at, list(dict.fromkeys([letter, *others])), denied=False)


def _is_framed(text: str, at: int) -> bool:
    """Whether "the answer is" stands there behind "if", "nobody thinks that" and the like."""
    return FRAMED.search(text[max(0, at - 60) : at].rsplit("\n", 1)[-1]) is not None


def _others(letter: str, rest: str, options: Mapping[str, str]) -> list[str]:
    """Other choices that the rest of a statement names beside its letter."""
    if options.get(letter) and _key(rest) == options[letter]:
        return []
    others = [letter for match in _ANOTHER.finditer(rest) for letter in _SINGLE.findall(match[0])]
    if _SAID_RIGHT.search(rest) is None and re.search(r"\b(?:is|are)\b|distractor", rest):
        others = [char for char in others if not re.search(rf"(?<![A-Za-z]){char}\s*\)?\s+(?:is|are|was)\b", rest)]
    clash = [other for other, option in options.items() if other != letter and option and option == _key(rest)]
    return [*others, *clash]


def _sentence(text: str) -> str:
    """A text up to the end of its first sentence, or to where it gives reasons; a lone letter ends none."""
    end = _SENTENCE_END.search(text)
    text = text[: end.start()] if end else text
    reason = _REASON.search(text)
    return text[: reason.start()].rstrip(" (,;") if reason else text


def _last_line(text: str) -> str:
    return text.rstrip().rsplit("\n", 1)[-1]


def _choices(text: str, options: Mapping[str, str], *, short: bool) -> list[str]:
    """The choices that a text names: usually one; more than one when it hedges; none when it says something else.

    A short text (a box, an answer block) that is no option's letter or text is an answer all the same, and wrong.
    """
    if len(text) > 2_000:
        return []
    plain = _plain(text)
    if not plain:
        return []
    by_text = [letter for letter, option in options.items() if option and option == _key(text)]
    if len(by_text) == 1:
        return by_text
    several = _several(plain)
    if several:
        return several
    lead = _LEAD.match(plain)
    if lead is not None and lead["bare"] and _ARTICLE.match(plain):
        lead = None  # "A village", "I cannot tell"
    if lead is None:
        stated = _stated(plain, options) if short else None
        if stated:
            return stated
        together = re.fullmatch(r"[A-J]{2,10}", plain)
        if together:
            return list(plain)
        return [_key(text)] if short or not options else []
    letter = _letter(lead)
    rest = plain[lead.end() :].strip()
    if _WRONG_AFTER.match(" " + rest):
        return []
    if lead["bare"] and _GLUED.match(plain[lead.end() :]) and not _others(letter, rest, options):
        return [_key(text)] if short or not options else []
    if (
        lead["bare"]
        and re.match(r"(?!(?:is|as|because|since|and|or|but|not|nicht|non|pas|only)\b)[a-z]", rest)
        and options.get(letter) != _key(rest)
    ):
        return [_key(text)] if short else []
    rest = _sentence(_NOT_THESE.sub(" ", rest))
    return list(dict.fromkeys([letter, *_others(letter, rest, options)]))
