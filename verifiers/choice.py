r"""Multiple choice, A to J: one letter, or the text of one option; several letters are wrong.

The answer is looked for in the answer block, else in what follows the thinking: a box, a phrase such as "the answer
is", or a last line that is nothing but the choice. The options' texts come from the sample's other fields (`options`
or `choices`, a list or an object by letter), else from lines of the prompt that begin with a letter. The gold is a
letter, or the text of an option.

What it does not do: guess. A response that reasons about every option and names none at the end has no answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .format.verifier import clean
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
    r"^(?:(?:option|choice|answer)\s*[:：]?\s*)?"
    r"(?:[(\[（]\s*(?P<bracketed>[A-Ja-j])\s*[)\]）]|(?P<marked>[A-Ja-j])\s*[.):：、]|(?P<bare>[A-J])(?=[\s,;/&+和或及]|$)|(?P<small>[a-j])$)",
    re.IGNORECASE,
)
_ANOTHER = re.compile(
    r"[(\[（]\s*[A-J]\s*[)\]）]"
    r"|(?:^|[,/&+;，、；]|\b(?:and|or|und|et|y|o|ou)\b|[和或及])\s*[A-J](?![A-Za-z'’])(?!\s[a-z])"
    r"|(?<![A-Za-z])[A-J]\s*[.):：](?=\s|$)"
)
_ARTICLE = re.compile(r"[AI]\s+(?!(?:or|and|is|was)\b)[a-z]")
_REASON = re.compile(r"\b(?:because|since|not|as|rather|instead|while|whereas)\b")
_ALONE = re.compile(r"^[(\[]?([A-J])[)\].:]{0,2}$", re.MULTILINE)
_CUE = re.compile(
    r"(?:answer|(?:correct|right|my|final|best)\s+(?:option|choice|letter|pick))\s*(?:is|:|：|=)?\s*(?:is|:)?\s*"
    r"(?:the\s+)?(?:option|choice|letter)?\s*[*_$\s]{0,4}"
    r"(?P<rest>(?:[(\[（]\s*[A-J]|(?-i:[A-J]))(?![A-Za-z'’])[^\n]{0,200})",
    re.IGNORECASE,
)
_CUE_FAR = re.compile(
    r"(?:答案|正确选项|应选|故选|选择?|選擇?)\s*(?:是|为|：|:)?\s*(?P<rest>[(（]?\s*[A-J](?![A-Za-z])[^\n]{0,200})"
)
_OPTION_LINE = re.compile(
    r"(?:^|\n)\s{0,8}(?:[(\[（](?P<bracketed>[A-J])[)\]）]|(?P<marked>[A-J])\s?[.):：、])\s{0,4}(?P<text>[^\n]{1,400})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceVerifier:
    r"""1 for the right option, else 0.

    Evidence: `letters`, every letter that the answer names.

    >>> verifier = ChoiceVerifier()
    >>> said = [r"\boxed{\textbf{(B)}\ 5}", "The answer is B.", "(A) or (B)", "Paris"]
    >>> samples = [Sample(response=r, reference="B", meta={"options": ["Rome", "Paris"]}) for r in said]
    >>> [float(verdict) for verdict in verifier(samples)]
    [1.0, 1.0, 0.0, 1.0]
    """

    extraction: Literal["strict", "lenient"] = "lenient"
    """strict looks at an answer block or a box only; lenient also at phrases and at the last line."""
    prefilled: Prefilled = "auto"
    """Whether the prompt gave the opening `<think>`."""

    def __post_init__(self) -> None:
        check(self, self.name)

    @property
    def name(self) -> str:
        """`choice`."""
        return "choice"

    def response_to(self, reference: str) -> str:
        """A response whose answer is the reference."""
        return rf"The answer is \boxed{{{reference}}}."

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample."""
        return judge_each(self._judge, samples)

    def _judge(self, sample: Sample) -> Verdict:
        if not sample.references:
            return Verdict.error(Reason.REFERENCE_MISSING, "the sample has no reference")
        options = _options(sample)
        golds = {_gold(reference, options) for reference in sample.references}
        why = unusable(sample.references)
        if why is not None and not golds & {*options, *options.values()}:  # `None` may be the text of an option
            return Verdict.error(Reason.REFERENCE_UNUSABLE, why)
        if "" in golds:
            return Verdict.error(Reason.REFERENCE_UNPARSEABLE, "the reference is blank")
        found = scan(clean(sample.response), sample.prompt, prefilled=self.prefilled)
        said = list(dict.fromkeys(_answers(found, options, self.extraction == "lenient")))
        if not said:
            return Verdict.scored(0.0, Reason.NO_ANSWER, "no option is named")
        answer = ", ".join(said)[:200]
        letters = [choice for choice in said if choice in _LETTERS]
        evidence = {"letters": letters}
        if len(said) > 1:
            detail = f"several answers: {answer}"
            return Verdict.scored(0.0, Reason.WRONG, detail, answer=answer, evidence=evidence)
        if said[0] in golds:
            return Verdict.scored(1.0, Reason.CORRECT, "the right option", answer=answer, evidence=evidence)
        detail = f"it says {answer}, not {' or '.join(sorted(golds))[:200]}"
        return Verdict.scored(0.0, Reason.WRONG, detail, answer=answer, evidence=evidence)


def _plain(text: str) -> str:
    """A text without LaTeX dressing, emphasis and white space at its ends."""
    text = _SPACE.sub(" ", _COMMAND.sub("", text)).replace("{", " ").replace("}", " ").replace("$", " ")
    return " ".join(text.replace("*", " ").replace("`", " ").split())


def _key(text: str) -> str:
    """What two spellings of the same option share."""
    return unicodedata.normalize("NFKC", _plain(text)).casefold().strip(" .。,;:!\"'“”‘’()")


def _options(sample: Sample) -> Mapping[str, str]:
    """Options by letter, as keys to compare; empty where they are not known."""
    given = sample.meta.get("options", sample.meta.get("choices"))
    if isinstance(given, Mapping):
        texts = {str(letter).strip().upper(): str(text) for letter, text in given.items()}
    elif isinstance(given, list | tuple):
        texts = {letter: _unlettered(str(text), letter) for letter, text in zip(_LETTERS, given, strict=False)}
    else:
        texts = {(m["bracketed"] or m["marked"]): m["text"] for m in _OPTION_LINE.finditer(sample.prompt_text)}
    return {letter: _key(text) for letter, text in texts.items() if letter in _LETTERS and letter}


def _unlettered(text: str, letter: str) -> str:
    """An option's text without its own letter before it."""
    lead = _LEAD.match(text)
    if lead and (lead["bracketed"] or lead["marked"] or "").upper() == letter:
        return text[lead.end() :]
    return text


def _gold(reference: str, options: Mapping[str, str]) -> str:
    """The gold as a letter, or as a key where it is the text of an option that nobody lists."""
    plain = _plain(reference)
    lead = _LEAD.match(plain)
    bare = lead is not None and not plain[lead.end() :].strip(" .):")
    by_text = [letter for letter, text in options.items() if text and text == _key(reference)]
    if bare and lead is not None and (not options or _letter(lead) in options):
        return _letter(lead)
    if len(by_text) == 1:
        return by_text[0]
    return _letter(lead) if lead is not None and not lead["bare"] and not lead["small"] else _key(reference)


def _letter(lead: re.Match[str]) -> str:
    return (lead["bracketed"] or lead["marked"] or lead["bare"] or lead["small"]).upper()


def _answers(found: Reasoning, options: Mapping[str, str], lenient: bool) -> Iterator[str]:
    """Every choice that the final answer names, as letters or as keys."""
    if found.answers:
        if len(found.answers) > 1:
            for block in found.answers:
                yield from _choices(block.body.of(found.text), options, short=True)
            return
        final = found.answers[0].body
    elif found.final is not None:
        final = found.final
    else:
        return
    boxes = [box for box in found.boxes if final.start <= box.span.start and box.span.end <= final.end and box.closed]
    if boxes:
        for box in boxes:
            yield from _choices(box.body.of(found.text), options, short=True)
        return
    if not found.answers and not lenient:
        return
    # No two blanks stand together in it, so that the phrases below have nothing to backtrack over.
    text = "\n".join(filter(None, map(_plain, final.of(found.text).split("\n"))))
    cues = [m for pattern in (_CUE, _CUE_FAR) for m in pattern.finditer(text)]
    if cues:
        for cue in cues:
            yield from _choices(_sentence(cue["rest"]), options, short=False)
        return
    alone = _ALONE.findall(text)
    yield from alone if len(alone) > 1 else _choices(_last_line(text), options, short=bool(found.answers))


def _sentence(text: str) -> str:
    """A text up to the end of its first sentence, or to where it gives reasons; a lone letter ends none."""
    end = re.search(r"(?<=\w\w)[.。!?](?:\s|$)|[。；\n]", text)
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
    lead = _LEAD.match(plain)
    if lead is not None and lead["bare"] and _ARTICLE.match(plain):
        lead = None  # "A village", "I cannot tell"
    if lead is None:
        together = re.fullmatch(r"[A-J]{2,10}", plain)
        if together:
            return list(plain)
        return [_key(text)] if short or not options else []
    letter = _letter(lead)
    rest = plain[lead.end() :].strip()
    if options.get(letter) and _key(rest) == options[letter]:
        return [letter]
    others = [c for m in _ANOTHER.finditer(rest) for c in m[0].upper() if c in _LETTERS]
    clash = [other for other, option in options.items() if other != letter and option and option == _key(rest)]
    return [letter, *others, *clash]
