r"""Logic puzzles: the 24 game and Countdown, judged by arithmetic, and puzzles whose answer is one exact output.

A sample is an arithmetic puzzle when it says which numbers to use: `numbers` (or `nums`) among its other fields, with
`target` there or as the reference (24 where there is none), or all of it as JSON in the reference. The answer is then
an expression in + - * / and brackets, also spelled × ÷ · − `\times` `\div` `\cdot` `\frac{}{}`, and may end in
`= target`, or begin with `target =`. It is read by a parser of our own and computed with exact fractions; nothing is
ever evaluated as code.

A reference that says who is what ("Zoey is a knight") is a set of assignments: the answer must give each name the same
role, in any order and layout, and no other. Any other puzzle's answer must be the reference: the same JSON value, or
the same text but for white space at the ends of lines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from .format.verifier import clean
from .json_answer import JsonError, json_text, read_json, same_json
from .reasoning import Prefilled, Reasoning, scan
from .references import is_data, unusable
from .sample import Sample
from .settings import check
from .verdict import Reason, Verdict
from .verifier import judge_each

_SPELLINGS = {
    "×": "*", "÷": "/", "·": "*", "−": "-", "–": "-", "∙": "*", "⋅": "*", "∗": "*", "\\times": "*", "\\div": "/",
    "\\cdot": "*", "\\left": "", "\\right": "", "[": "(", "]": ")", "\\,": "", "\\ ": " ", "\\!": "", "\\;": "",
    "$": "", "\\(": "", "\\)": "", "\\[": "", "\\]": "", "{,}": "", "（": "(", "）": ")", "＋": "+", "－": "-",
    "＊": "*", "／": "/", "＝": "=", "✕": "*", "✖": "*", "∕": "/", "⁄": "/", "\\Big": "", "\\big": "", "\\quad": " ",
    "\\lparen": "(", "\\rparen": ")",
}  # fmt: skip
_SPELLED = re.compile("|".join(map(re.escape, sorted(_SPELLINGS, key=len, reverse=True))))
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]{1,200})\}\s*\{([^{}]{1,200})\}")
_LETTER_TIMES = re.compile(r"(?<=[\d)\s])[xX](?=[\s\d(])")
_IMPLIED = re.compile(r"(?<=[\d)])\s*(?=\()|(?<=\))\s*(?=\d)")
_RUN = re.compile(r"[-+(\d][-+*/().,=\d\s]*")
_ROLE = re.compile(
    r"(?<![\w])(?P<name>[A-Z][\w'’-]{0,30})\s*(?:is|was|=|:|->|→)\s*(?P<not>not\s+)?(?:an?\s+|the\s+)?(?P<role>[a-z][a-z-]{1,30})(?![\w-])"
)
_ROLE_REST = re.compile(
    r"[\s,.;:()\[\]\d*`]+|\band\b|\b[Tt]he (?:final )?answer is\b|\b(?:[Ss]o|[Tt]herefore|[Hh]ence)\b"
)
_TOKEN = re.compile(r"\s*(?:([0-9]{1,40}(?:\.[0-9]{1,40})?)|([-+*/()]))")
_CUE = re.compile(r"^.{0,80}?(?:answer|solution|expression|equation)\s*(?:is)?\s*[:：]?\s*(?=[\d(\\$*])", re.IGNORECASE)
_MOST_NUMBERS = 100
_LONGEST = 4_000


class ExpressionError(Exception):
    """A text is no expression; the message says why."""


class Value(NamedTuple):
    """The value of an expression."""

    value: Fraction
    numbers: tuple[Fraction, ...]
    """The numbers in it, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PuzzleVerifier:
    r"""1 for a right solution, else 0.

    >>> verifier = PuzzleVerifier()
    >>> said = ["(8 - 4) * (7 - 1)", "8 * 4 - 7 - 1", "24", "8*4-(7+1) = 24", "8 * (4 - 1)"]
    >>> samples = [Sample(response=f"<answer>{text}</answer>", meta={"numbers": [4, 7, 8, 1]}) for text in said]
    >>> [float(verdict) for verdict in verifier(samples)]
    [1.0, 1.0, 0.0, 1.0, 0.0]
    """

    name = "puzzle"
    """The key of its verdicts."""
    use: Literal["all", "some"] = "all"
    """Whether every given number must be used, or none more often than given."""
    extraction: Literal["strict", "lenient"] = "lenient"
    """strict looks at an answer block or a box only; lenient also at the last line."""
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
        try:
            numbers, target = _numbers_and_target(sample)
        except (ValueError, TypeError, ZeroDivisionError) as error:
            return Verdict.error(Reason.REFERENCE_UNPARSEABLE, f"numbers and target: {str(error)[:200]}")
        if not numbers and sample.kind is None and is_data(sample.references):
            return Verdict.error(Reason.REFERENCE_UNUSABLE, unusable(sample.references) or "")
        if not numbers and not sample.references:
            return Verdict.error(Reason.REFERENCE_MISSING, "the sample has neither numbers nor a reference")
        scanned = scan(clean(sample.response), sample.prompt, prefilled=self.prefilled)
        text = _answer(scanned, lenient=self.extraction == "lenient", whole=not numbers)
        if not text.strip():
            return Verdict.scored(0.0, Reason.NO_ANSWER, "there is no answer to read")
        if not numbers:
            return _exact(text, sample.references)
        answer = " ".join(text[:_LONGEST].split())[:500]
        try:
            side, said = _sides(text)
            computed = compute(side, most=len(numbers))
        except ExpressionError as error:
            return Verdict.scored(0.0, Reason.WRONG, f"no expression: {error}", answer=answer)
        return self._compare(computed, said, Counter(numbers), target, answer)

    def _compare(
        self, value: Value, said: str | None, available: Counter[Fraction], target: Fraction, answer: str
    ) -> Verdict:
        used = Counter(value.numbers)
        if used - available or (self.use == "all" and available - used):
            detail = f"it uses {_listed(used)}, given are {_listed(available)}"
            return Verdict.scored(0.0, Reason.WRONG, detail, answer=answer)
        if value.value != target:
            return Verdict.scored(0.0, Reason.WRONG, f"its value is {value.value}, not {target}", answer=answer)
        if said is not None and _number(said) != target:
            return Verdict.scored(0.0, Reason.WRONG, f"it claims the value {said[:40]}", answer=answer)
        return Verdict.scored(1.0, Reason.CORRECT, f"its value is {target} with the given numbers", answer=answer)


def _listed(numbers: Counter[Fraction]) -> str:
    return ", ".join(str(number) for number in sorted(numbers.elements())[:20])


def _numbers_and_target(sample: Sample) -> tuple[list[Fraction], Fraction]:
    """The numbers to use and the target; no numbers for a puzzle of another kind. Raises ValueError, TypeError."""
    meta: dict[str, Any] = dict(sample.meta)  # any: fields of the row
    reference = sample.references[0] if len(sample.references) == 1 else None
    if "numbers" not in meta and "nums" not in meta and reference and reference.lstrip().startswith("{"):
        try:
            read = read_json(reference)
        except JsonError:
            read = {}
        if "target" in read and ("numbers" in read or "nums" in read):
            meta.update(read)
            reference = None
    numbers = meta.get("numbers", meta.get("nums"))
    if numbers is None:
        return [], Fraction(24)
    if isinstance(numbers, str) or not isinstance(numbers, Sequence):
        raise TypeError(f"numbers must be a list, got {numbers!r}")
    if len(numbers) > _MOST_NUMBERS:
        raise ValueError(f"at most {_MOST_NUMBERS} numbers, got {len(numbers)}")
    target = meta.get("target", reference)
    return [_fraction(number) for number in numbers], _fraction(24 if target is None else target)


def _fraction(number: object) -> Fraction:
    if isinstance(number, bool) or not isinstance(number, int | float | str):
        raise TypeError(f"{number!r} is no number")
    made = Fraction(str(number).strip()[:100])
    if made.numerator.bit_length() > 512 or made.denominator.bit_length() > 512:
        raise ValueError("a number is too long")
    return made


def _answer(scanned: Reasoning, *, lenient: bool, whole: bool) -> str:
    """The text of the answer: the answer block's, else the last box's, else the last line."""
    if scanned.answers:
        if len(scanned.answers) != 1:
            return ""
        text = scanned.answers[0].body.of(scanned.text)
        boxes = scan(text).boxes
        return boxes[-1].body.of(text) if len(boxes) == 1 and boxes[0].closed else text
    if scanned.final is None:
        return ""
    boxed = scanned.boxes_in(scanned.final)
    if boxed:
        return boxed[-1]
    if not lenient:
        return ""
    text = scanned.final.of(scanned.text).strip()
    if whole:
        return json_text(scanned, lenient=True)
    line = text.rsplit("\n", 1)[-1]
    line = _CUE.sub("", line)
    return _without_words(line) if re.search(r"[A-Za-z]{2}", line) and "\\" not in line else line


def _without_words(line: str) -> str:
    """The one expression in a line of prose: `One way: 6 * 4 = 24.`; the line where it holds none or several."""
    runs = [run[0].strip(" .,=") for run in _RUN.finditer(line) if re.search(r"\d\s*[-+*/]", run[0])]
    return runs[0] if len(runs) == 1 else line


def _roles(text: str) -> dict[str, str] | None:
    """Who is what, where a text says nothing else; None otherwise, and where it says two things of one name."""
    roles: dict[str, str] = {}
    for match in _ROLE.finditer(text):
        if match["not"] or roles.get(match["name"], match["role"]) != match["role"]:
            return None
        roles[match["name"]] = match["role"]
    return roles if roles and not _ROLE_REST.sub("", _ROLE.sub("", text)) else None


def _exact(text: str, references: Sequence[str]) -> Verdict:
    answer = text.strip("\r\n")
    shown = answer[:2000]
    roles = _roles(answer[:_LONGEST])
    if roles is not None and any(_roles(reference) == roles for reference in references):
        return Verdict.scored(1.0, Reason.CORRECT, "everybody is what the reference says", answer=shown)
    if any(_lines(answer) == _lines(reference) for reference in references):
        return Verdict.scored(1.0, Reason.CORRECT, "the output is the reference", answer=shown)
    try:
        value = read_json(answer)
    except JsonError:
        value = None
    if value is not None:
        for reference in references:
            try:
                if same_json(value, read_json(reference)):
                    return Verdict.scored(1.0, Reason.CORRECT, "the output is the reference as JSON", answer=shown)
            except JsonError:
                continue
    return Verdict.scored(0.0, Reason.WRONG, "the output is not the reference", answer=shown)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().split("\n")]


def _sides(text: str) -> tuple[str, str | None]:
    """The expression and the value it claims. Raises ExpressionError."""
    if len(text) > _LONGEST:
        raise ExpressionError("it is too long")
    text = text.strip().strip("`*").strip()
    for _ in range(_MOST_NESTED):
        inner = _FRACTION.sub(r"((\1)/(\2))", text)
        if inner == text:
            break
        text = inner
    text = _SPELLED.sub(lambda m: _SPELLINGS[m[0]], text.translate(_FULLWIDTH)).strip().rstrip(".。").strip()
    text = _IMPLIED.sub("*", _LETTER_TIMES.sub("*", text))
    parts = [part.strip() for part in text.split("=")]
    if len(parts) > 2:
        raise ExpressionError("it has more than one =")
    if len(parts) == 2 and _number(parts[0]) is not None and _number(parts[1]) is None:
        parts.reverse()  # 24 = 6*4
    return parts[0], parts[1] if len(parts) == 2 else None


_MOST_NESTED = 12
_FULLWIDTH = {0xFF10 + digit: str(digit) for digit in range(10)}


def _number(text: str) -> Fraction | None:
    return Fraction(text) if re.fullmatch(r"-?[0-9]{1,40}(?:\.[0-9]{1,40}|/[1-9][0-9]{0,39})?", text) else None


def compute(text: str, *, most: int = _MOST_NUMBERS) -> Value:
    """The exact value of an expression. Raises ExpressionError for all but + - * / and brackets over numbers, for
    more numbers than `most`, and for a division by zero.

    Operators wait on a stack, so no depth of brackets is too deep.

    >>> compute("8 / (3 - 8/3)").value
    Fraction(24, 1)
    """
    values: list[Fraction] = []
    waiting: list[str] = []
    numbers: list[Fraction] = []
    operand = True  # whether a number, a bracket or a sign comes next
    position, end = 0, len(text.rstrip())
    while position < end:
        token = _TOKEN.match(text, position)
        if token is None:
            raise ExpressionError(f"{text[position : position + 20].strip()!r} has no place in it")
        position = token.end()
        number, sign = token.groups()
        if number is not None:
            if not operand:
                raise ExpressionError("two numbers stand side by side")
            numbers.append(Fraction(number))
            if len(numbers) > most:
                raise ExpressionError(f"it has more than {most} numbers")
            values.append(numbers[-1])
            operand = False
        elif sign == "(":
            if not operand:
                raise ExpressionError("an operator is missing before a bracket")
            waiting.append(sign)
        elif sign == ")":
            if operand:
                raise ExpressionError("a bracket closes where a number should be")
            while waiting and waiting[-1] != "(":
                _apply(values, waiting.pop())
            if not waiting:
                raise ExpressionError("a bracket closes that was not opened")
            waiting.pop()
        elif operand:
            if sign != "-" or (waiting and waiting[-1] == "neg"):
                raise ExpressionError(f"{sign!r} stands where a number should be")
            waiting.append("neg")
        else:
            while waiting and waiting[-1] != "(" and _RANK[waiting[-1]] >= _RANK[sign]:
                _apply(values, waiting.pop())
            waiting.append(sign)
            operand = True
    if operand:
        raise ExpressionError("it ends where a number should be")
    while waiting:
        if waiting[-1] == "(":
            raise ExpressionError("a bracket is not closed")
        _apply(values, waiting.pop())
    return Value(values[0], tuple(numbers))


_RANK = {"+": 1, "-": 1, "*": 2, "/": 2, "neg": 3}


def _apply(values: list[Fraction], operator: str) -> None:
    right = values.pop()
    if operator == "neg":
        values.append(-right)
        return
    left = values.pop()
    if operator == "/" and right == 0:
        raise ExpressionError("it divides by zero")
    values.append(
        left + right
        if operator == "+"
        else left - right
        if operator == "-"
        else left * right
        if operator == "*"
        else left / right
    )
