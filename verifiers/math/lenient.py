r"""Answers in plain text, for base models and other people's logs: cues, bold words, formulas, and numbers read whole.

The last statement counts. What is denied ("it cannot be 5"), bounded ("at least 5") or hedged is not an answer by
itself, and no number is ever cut out of a formula: `13/28`, `10^6`, `3.5m` and `1 000` are read whole or not at all.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .reading import read
from .unit_table import is_symbol
from .units import unit_behind
from .vocabulary import word_set

_TAIL = 4_000
"""Lenient rules look at this many last characters."""
_SHORT = 300
"""Longest response that is taken for an answer as it stands."""

_HASHES = re.compile(r"####[ \t]*:?[ \t]*([^\n]{1,400})")
_LAST_LINE = re.compile(r"^[ \t*]*(?:A|Answer|Final Answer|ANSWER)[ \t*]*:[ \t*]*([^\n]{1,400})\s*\Z", re.MULTILINE)
_CUE = re.compile(
    r"\b(?:answer|result|solution)\b[^.?\n:=]{0,60}?(?:\b(?:is|are|equals"
    r"|would be|should be|must be|cannot be|can't be|isn't)\b|:)\s{0,3}:?\s{0,3}"
    r"|(?:\b(?:Antwort|Ergebnis|Lösung|Réponse|Respuesta|Risposta|Resposta|Ответ|Odpowiedź)\b|答案|答え|정답|(?<![\w])答(?=[:：])|답(?=[은:：]))"
    r"[^.\n:：=]{0,20}?(?:\b(?:ist|est|es|è|é)\b|是|为|は|은|[:：])\s{0,3}[:：]?\s{0,3}",
    re.IGNORECASE,
)
_OPTION = re.compile(
    r"\b(?:(?:correct|right|best) (?:option|choice)|(?:option|choice) is)\b[^.?\n:=]{0,12}?(?:\bis\b|:)\s*"
    r"(?:option |choice )?(?:\*\*|\$)?\(?(?P<a>[A-H])\)?(?=[.,;:*$\s]|\Z)(?!\s+(?:or|and)\b)"
    r"|(?:故|应|本题|答案)选(?:择|项为|项是)?[:\uff1a]?\s?[$(\uff08]?(?P<b>[A-H]{1,5})(?=[.。,;$)\uff0c\uff1b\uff09\s]|\Z)"
)
"""The option that a sentence chooses: "the correct option is (B)", "故选 B"."""
_SENTENCE_END = re.compile(
    r"\s\((?=not\b|instead|rather|and not"
    r"|see\b|from\b|since\b|as\b|by\b|where\b|which\b)|<\||[.!]\s+[A-Z]|\.\s*$|[。！；\n]"
    r"|\s(?:because|since|as it)\s|,\s+(?!and\b|or\b|oder\b|ou\b|[a-z]\b)[a-z]{2,}\b"
    r"|，(?=[\u4e00-\u9fff])"
)
_BOLD = re.compile(r"\*\*([^*\n]{1,200})\*\*")
FORMULA = re.compile(
    r"\$\$(?P<a>[^$]{1,2000})\$\$|(?<!\\)\$(?P<b>[^$\n]{1,2000})\$|\\\((?P<c>.{1,2000}?)\\\)|\\\[(?P<d>.{1,2000}?)\\\]",
    re.DOTALL,
)
_IS = re.compile(r"\b(?:is|are|equals)\b:?|[是为]")
_UNIT_AFTER = re.compile(r"\s?(?:%|\\%|percent\b|pct\b|°|degrees?\b)")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}|[\u4e00-\u9fff\u3040-\u30ff\uac00-\ud7af\u0400-\u04ff]{2,}")
_DENIED = re.compile(
    r"\b(?:not|never|cannot|can't|isn't|aren't|wasn't|won't|doesn't|wrong"
    r"|incorrect|nicht|pas|no es|не)\b|n't\b|不是|不能|不等于|并非|错误",
    re.IGNORECASE,
)
_SO = re.compile(r"^(?:[Ss]o|[Tt]hus|[Hh]ence|[Tt]herefore|[Tt]hen|[Ff]inally|[Ww]e (?:get|have|find|obtain))\b,?\s+")
_DOUBTED = re.compile(r"(?:n't|\bnot)\s+(?:think|believe|sure|certain)[^.]{0,20}$|\bdoubt\b[^.]{0,20}$", re.IGNORECASE)
_TAKES_BACK = re.compile(r"\b(?:is|was) (?:wrong|incorrect|not)\b")
_UNSURE = re.compile(r"\b(?:not sure|unsure|not certain|don't know)\b", re.IGNORECASE)
_BOUNDED = re.compile(
    r"\b(?:at least|at most|more than|less than|fewer than|greater than"
    r"|no more than|up to|over|under|between|exceeds?)\s*$|(?:大于|小于|超过|不足|至少|至多|最多|最少|以上|以下)\s*$",
    re.IGNORECASE,
)
_JOINT = re.compile(r"\$?\s*,?\s*(?:or|and|oder|ou|或|和|,)\s*\$?")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])|[。！？\n]+")
_ATOM = (
    r"(?:[(\[](?=[^()\[\]\n]{0,60}\d)[^()\[\]\nA-Za-z]{1,60},[^()\[\]\nA-Za-z]{1,60}[)\]]|\\[A-Za-z]+|\b(?:sqrt|sin|cos|tan|log|ln|exp|pi)\b|\d+(?:[.,]\d+)*|[-+−*/^_=(){}\[\]√π×·÷!<>≤≥±≈:]|\\?%"
    r"|(?<=[)}^_*/+=-])[A-Za-z](?![A-Za-z])|(?<=\d)[A-Za-z](?=[\^_*/+=(-]|\s[-+=*/])|(?<![A-Za-z\d])[A-Za-z](?=[\^_(=]|\s[=<>≈]))"
)
_RUN = re.compile(rf"(?:\\?\$)?{_ATOM}(?: {{0,2}}{_ATOM}){{0,200}}")
_RUN_JOINT = re.compile(r"\s*,?\s*(or|and|或|和|oder|und)\s*")
_SUFFIX = re.compile(r"[A-Za-zµÅ°]{1,20}[²³]?|[\u4e00-\u9fff]{1,6}")
_ITEM = re.compile(r"^[ \t]*\d{1,2}[.)]\s+(?=[A-Z])", re.MULTILINE)
_CURRENCY = re.compile(r"[$€£¥元]")
_CONDITION_WORDS = word_set("condition words")


class Extracted(NamedTuple):
    """An answer as found, or why there is none."""

    answer: str | None
    rule: str
    detail: str = ""


_NOTHING = Extracted(None, "nothing", "no answer was found")
_TAKEN_BACK = Extracted(None, "denied", "the last statement says what the answer is not")


def lenient(whole: str) -> Extracted:
    """The answer that a text without a box gives.

    >>> lenient("The answer is 5. No, the answer is 7.").answer, lenient("It cannot be $5$.").rule
    ('7', 'denied')
    """
    whole = whole.strip()
    tail = whole[-_TAIL:]
    if len(whole) <= _SHORT:
        whole = _SO.sub("", whole)
    for rule, pattern in (("hashes", _HASHES), ("last_line", _LAST_LINE)):
        matches = pattern.findall(tail)
        if matches:
            content = first_sentence(matches[-1])
            if content:
                return Extracted(without_prose(content), rule)
    stated = _stated(tail)
    if stated is not None:
        return stated
    options = list(_OPTION.finditer(tail))
    if options:
        before = tail[: options[-1].start()][-60:].rsplit(".", 1)[-1]
        if not _DENIED.search(before) and not FRAMED.search(before):
            return Extracted(options[-1]["a"] or options[-1]["b"], "option")
    bold = _BOLD.findall(tail)
    if bold and any(char.isdigit() for char in bold[-1]):
        return Extracted(_with_suffix_marked(bold[-1].strip()), "bold")
    if len(whole) <= _SHORT and "\n" not in whole and _is_answer_in_full(whole):
        return Extracted(whole, "whole_text")
    formulas = list(FORMULA.finditer(tail))
    if formulas:
        return _last_formula(tail, formulas)
    return _last_run(tail)


def _stated(tail: str) -> Extracted | None:
    """What the last cue states; None where there is no cue."""
    cues = list(_CUE.finditer(tail))
    denied = False
    framed: re.Match[str] | None = None
    for index in range(len(cues) - 1, -1, -1):
        cue = cues[index]
        line = tail.find("\n", cue.end())
        if not tail[cue.end() : line if line >= 0 else len(tail)].strip(" *"):
            line = tail.find("\n", line + 1) if line >= 0 else -1  # the answer stands on the next line
            line = (
                tail.find("\n", cue.end() + len(tail[cue.end() :]) - len(tail[cue.end() :].lstrip()))
                if line < 0
                else line
            )
        end = min(line if line >= 0 else len(tail), cues[index + 1].start() if index + 1 < len(cues) else len(tail))
        said = tail[cue.end() : end].strip()
        content = first_sentence(said)
        if not content:
            continue
        before = tail[max(0, cue.start() - 60) : cue.start()].rsplit("\n", 1)[-1]
        if FRAMED.search(before):
            framed = framed or cue
            continue
        before += tail[cue.start() : cue.start() + 4]
        after = said[len(content) : len(content) + 40].split(".")[0]
        if _DOUBTED.search(before) or _DENIED.search(cue[0]) or _DENIED.match(content):
            denied = True
            continue
        if _TAKES_BACK.search(content) or _TAKES_BACK.search(after):
            denied = True
            continue
        return Extracted(without_prose(content), "answer_is")
    if framed is not None and not denied:
        rest = _SENTENCE.split(tail[framed.end() :], maxsplit=1)[1:]
        return lenient(rest[0]) if rest and any(char.isdigit() for char in rest[0]) else _TAKEN_BACK
    return _TAKEN_BACK if denied else None


def first_sentence(text: str) -> str:
    """A text up to the end of its first sentence, or to where it gives reasons."""
    return _SENTENCE_END.split(text.strip().replace("**", ""), maxsplit=1)[0].strip(" \t*")


def _last_formula(tail: str, formulas: list[re.Match[str]]) -> Extracted:
    last = formulas[-1]
    behind = _last_run(tail[last.end() :]) if any(char.isdigit() for char in tail[last.end() :]) else _NOTHING
    if behind.answer is not None and _ends_with(tail, behind.answer):
        return behind
    first = last
    for earlier in reversed(formulas[:-1]):
        if not _JOINT.fullmatch(tail[earlier.end() : first.start()]):
            break
        first = earlier
    sentence = _SENTENCE.split(tail[: first.start()])[-1]
    if _DENIED.search(sentence) or _BOUNDED.search(sentence):
        return _TAKEN_BACK
    if first is not last and re.search(r"\bor\b|或|oder", tail[first.end() : last.start()]):
        return Extracted(tail[first.start() : last.end()], "last_formula")
    content = next(part for part in last.groups() if part is not None).strip()
    unit = _UNIT_AFTER.match(tail, last.end())
    measure = "" if unit else unit_behind(tail, last.end())[0]
    if measure and read(content).node.kind in ("num", "dec", "mul", "add", "rel"):
        content += f"\\text{{ {measure}}}"
    return Extracted(content + (unit[0] if unit else ""), "last_formula") if content else _NOTHING


def _ends_with(text: str, answer: str) -> bool:
    return answer.split("\\text")[0].strip() in text[-len(answer) - 12 :]


def _last_run(tail: str) -> Extracted:
    """The last number or formula without delimiters, read whole."""
    sentences = [
        sentence
        for sentence in _SENTENCE.split(_ITEM.sub("", tail))
        if sentence and any(char.isdigit() for char in sentence)
    ]
    if not sentences:
        return _NOTHING
    sentence = sentences[-1]
    runs = runs_in(sentence)
    if not runs or sentence.rstrip().endswith(("?", "？")):
        return _NOTHING
    start, _, content = runs[-1]
    before = sentence[:start]
    if _DENIED.search(before) or _BOUNDED.search(before) or _UNSURE.search(sentence):
        return _TAKEN_BACK
    joint = _RUN_JOINT.fullmatch(sentence[runs[-2][1] : start]) if len(runs) > 1 else None
    if joint is not None:
        if _BOUNDED.search(sentence[: runs[-2][0]]):
            return _TAKEN_BACK
        return Extracted(f"{runs[-2][2]} {joint[1]} {content}", "last_number")
    if read(content).node.kind in ("bad", "text", "phrase"):
        return _NOTHING
    return Extracted(content, "last_number")


def runs_in(sentence: str) -> list[tuple[int, int, str]]:
    """Numbers and formulas without delimiters: where each begins and ends, and what it says."""
    runs: list[tuple[int, int, str]] = []
    for match in _RUN.finditer(sentence):
        content = match[0].strip(" :*=≈")
        if not any(char.isdigit() for char in content):
            continue
        start, end = match.start(), match.end()
        if start and (sentence[start - 1].isascii() and sentence[start - 1].isalnum()):
            continue
        if "=" in content:
            content = content.rsplit("=", 1)[1].strip()
        content = _balanced(content)
        suffix = _SUFFIX.match(sentence, end) if sentence[end - 1 : end].isdigit() else None
        if suffix is not None:
            unit = suffix[0]
            content += unit if len(unit) == 1 and unit.isascii() and not is_symbol(unit) else f"\\text{{ {unit}}}"
            end = suffix.end()
        elif content and sentence[end - 1 : end].isdigit():
            measure, end = unit_behind(sentence, end)
            content += f"\\text{{ {measure}}}" if measure else ""
        if content and any(char.isdigit() for char in content):
            runs.append((start, end, content))
    return runs


def _balanced(content: str) -> str:
    for opening, closing in ("()", "[]", "{}"):
        while content.count(opening) > content.count(closing) and content.startswith(opening):
            content = content[1:].strip()
        while content.count(closing) > content.count(opening) and content.endswith(closing):
            content = content[:-1].strip()
    if content.startswith("(") and content.endswith(")") and "," not in content and "(" not in content[1:]:
        content = content[1:-1]
    return content.strip(" ,.!;")


def _with_suffix_marked(text: str) -> str:
    runs = runs_in(text)
    return runs[0][2] if len(runs) == 1 and runs[0][:2] == (0, len(text)) else text


_OPERATES = re.compile(
    r"\b(?:roots?|squared?|cubed?|factorial|absolute|inverse|reciprocal|divisors?|multiples?|half|twice|double|triple"
    r"|(?:less|more|fewer|greater|other) than|sum|product|difference|remainder|number of)\b"
    r"|大于|小于|平方|立方|倒数|阶乘|根|相反数",
    re.IGNORECASE,
)
"""Words that do something to the number they stand beside."""
FRAMED = re.compile(
    r"(?:\b(?:if|unless|whether|why|assum\w+|suppos\w+|imagin\w+|doubts?|denies|deny|no way|is|was"
    r"|(?:false|not true|mistake is to say|wrong to say))"
    r"|\b(?:nobody|no one|some|one|you|they|people|many)\s+(?:(?:may|might|would|could)\s+)?"
    r"(?:say|think|claim|guess|believe)s?)"
    r"\s+(?:that\s+)?(?:(?:the|my|our|your)\s+)?(?:(?:final|correct|right)\s+)?$",
    re.IGNORECASE,
)
"""What stands before "answer" where nobody states one: if, whether, nobody thinks that."""


def without_prose(content: str) -> str:
    """What a sentence such as "the volume of $ABCD$ is 120" states: after its last "is", its formula, its number."""
    if _looks_bare(content):
        return content
    after = _IS.split(content)[-1].strip()
    if after and _looks_bare(after):
        return after
    formulas = list(FORMULA.finditer(after))
    if formulas:
        if len(formulas) > 1 and re.search(r"\bor\b|或", after):
            return after
        return next(part for part in formulas[-1].groups() if part is not None).strip()
    if _OPERATES.search(after):
        return content
    runs = runs_in(after)
    money = [run for run in runs if _CURRENCY.search(after[max(0, run[0] - 2) : run[1] + 3])]
    runs = money if len(money) == 1 else runs
    joint = _RUN_JOINT.fullmatch(after[runs[-2][1] : runs[-1][0]]) if len(runs) == 2 else None
    if joint is not None:
        return content if _BOUNDED.search(after[: runs[0][0]]) else f"{runs[0][2]} {joint[1]} {runs[1][2]}"
    return runs[-1][2] if len(runs) == 1 and not _BOUNDED.search(after[: runs[0][0]]) else content


def _looks_bare(text: str) -> bool:
    """Whether a short text is an answer by itself: at most two words of prose."""
    words = len(_WORD.findall(text))
    return bool(text) and (not words or FORMULA.fullmatch(text) is not None or (words <= 2 and "$" not in text))


def _is_answer_in_full(text: str) -> bool:
    """Whether a short line is an answer as it stands: few words, or formulas with the words of a condition."""
    words = _WORD.findall(text)
    if "$" in text or "\\(" in text or "\\[" in text:
        if not words or FORMULA.fullmatch(text) is not None:
            return False
        if len(words) == 1 and text[0] != "$":
            return len(text) <= 60 and text[0].islower() and read(text).node.kind == "phrase"
        return text[0] == "$" and all(word.lower() in _CONDITION_WORDS for word in words)
    if not _looks_bare(text) or _DENIED.search(text) or (len(words) > 1 and _SENTENCE_LIKE.search(text)):
        return False
    digits = any(char.isdigit() for char in text)
    return not digits or read(text).node.kind not in ("text", "bad", "phrase", "named")


_SENTENCE_LIKE = re.compile(r"\b(?:is|are|was|equals|need|takes?)\b|[。]")
