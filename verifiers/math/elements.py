r"""One element of an answer: its label, its number with a unit, a condition that says nothing, words and mathematics.

Nothing is dropped because it was not read: what follows a value is a unit, a percent or degree word or a harmless
remark, or the element is a phrase, whose words and formulas are compared one by one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from .descent import RELATIONS
from .grammar import Parser
from .normal import normal_form
from .tree import ONE, Node, Unreadable, add, div, mul, neg, num
from .unit_table import is_symbol
from .units import is_counted, unit
from .vocabulary import sizes, word_set
from .words import label_of, plain, spelled_number, words_of

LEADING = word_set("leading", '"')
_LEADING_SIGNS = frozenset({"=", "~", ":", "\\sim"})
_REASONS = frozenset({'"since', '"because'})
_RANGES = frozenset({'"for', '"with', '"over', '"on', '"where', '"as'})
_HARMLESS = word_set("harmless", '"')
_SAYS_WHICH = frozenset(
    '\\in "all "any "every "each "integer "integers "real "reals "arbitrary "constant "constants'.split()
)
_QUALIFIES = frozenset({"<", ">", "<=", ">=", "!=", "=", "~"})
_DOUBTS = word_set("doubts", '"')
_SEGMENT = re.compile('"[A-Z]{2}')
_DENIES = re.compile("[不非没無无未別别勿错錯]")
_MULTIPLES = sizes("multiples")
_PARTS = sizes("parts")
_PERCENT_WORDS = frozenset({"percent", "pct", "percentage", "percents"})
_DEGREE_WORDS = frozenset({"degrees", "degree", "deg", "度"})
_NEGATIVE = frozenset({'"negative', '"minus', '"负'})
_EXTREMES = frozenset({'"maximum', '"minimum', '"max', '"min', '"value'})
_IS = frozenset({'"is', '"are', '"equals', '"equal', '"为', '"是', '"等于'})


def element(tokens: list[str]) -> Node | None:
    """The tree of one element; None where only fillers are left. Raises Unreadable and TooBig."""
    tokens = without_fillers(tokens) or (tokens if len(tokens) == 1 and tokens[0][0] == '"' else [])
    if not tokens:
        return None
    try:
        return _element(tokens)
    except Unreadable:
        words = words_of(tokens)
        if not words:
            return phrase(tokens)
        number = spelled_number(words)
        return Node("text", (), words) if number is None else num(number)


def date(tokens: Sequence[str]) -> Node | None:
    """March 14, 2015 and 14 March 2015: the same words in one order; None for anything else."""
    parts = [sign.lstrip('"').lower() for sign in tokens if sign not in (",", ".", '"of', '"the')]
    if len(parts) not in (2, 3) or sum(part in _MONTHS for part in parts[:2]) != 1:
        return None
    month, day = (parts[0], parts[1]) if parts[0] in _MONTHS else (parts[1], parts[0])
    if not day.isdigit() or int(day) > 31 or not all(part.isdigit() for part in parts[2:]):
        return None
    return Node("text", (), " ".join([f"{month[:3]}.", str(int(day)), *parts[2:]]))


_MONTHS = word_set("months")


def without_fillers(tokens: list[str]) -> list[str]:
    """Tokens without "the answer is" and the like in front."""
    if tokens and tokens[0][0] == '"' and len(tokens) > 1 and tokens[0].lower() == '"only' and tokens[1][0] != '"':
        tokens = tokens[1:]
    while tokens and (
        (tokens[0] in _LEADING_SIGNS and (tokens[0] in "=:" or not any(map(str.isalpha, tokens[1:]))))
        or (tokens[0][0] == '"' and tokens[0].lower() in LEADING)
        or (tokens[0] == '"a' and tokens[1:] and tokens[1][0].isdigit())
    ):
        tokens = tokens[1:]
    if len(tokens) > 2 and tokens[0] == "\\forall":
        raise Unreadable("a quantifier")
    return tokens


def phrase(tokens: Sequence[str]) -> Node:
    """Words and mathematics in turn, each part by itself. Raises Unreadable where a part cannot be read.

    >>> phrase(['"vertex', "(", "1", ",", "2", ")"]).args[0].value
    'vertex'
    """
    parts: list[Node] = []
    at = 0
    words = False
    while at < len(tokens):
        end = at
        if tokens[at][0] == '"':
            while end < len(tokens) and tokens[end][0] == '"':
                end += 1
            parts.append(Node("text", (), plain(" ".join(sign[1:] for sign in tokens[at:end]))))
            words = True
        else:
            while end < len(tokens) and tokens[end][0] != '"':
                end += 1
            parts.extend(_formulas(list(tokens[at:end])))
        at = end
    if not words or not parts:
        raise Unreadable("it is neither words nor mathematics")
    return parts[0] if len(parts) == 1 else Node("phrase", tuple(parts))


def _formulas(tokens: list[str]) -> list[Node]:
    """What stands between two words: formulas, separated by commas outside of brackets."""
    while tokens and tokens[0] in _PAUSES:
        tokens = tokens[1:]
    while tokens and tokens[-1] in _PAUSES:
        tokens = tokens[:-1]
    if not tokens:
        return []
    parser = Parser(tokens)
    formulas = [_approximate(parser)]
    while parser.head in (",", ";", ":"):
        parser.at += 1
        formulas.append(_approximate(parser))
    if parser.head:
        raise Unreadable(f"{parser.head!r} makes no sense there")
    return formulas


_PAUSES = frozenset({",", ".", ";", ":", "!", "\\\\"})


def _element(tokens: list[str]) -> Node:
    if tokens[1:2] == ["="] and _SEGMENT.fullmatch(tokens[0]):  # \text{AB} = 5
        tokens = [*tokens[0][1:], *tokens[1:]]
    label, tokens = _label(tokens)
    if tokens[0][0] == '"' and len(tokens) > 1 and tokens[0].lower() in _NEGATIVE:
        return _named(neg(_element(tokens[1:])), label)
    clock = _clock(tokens)
    if clock is not None:
        return _named(clock, label)
    if len(tokens) % 2 and {*tokens[1::2]} in ({'"to'}, {'"比'}) and all(map(str.isdigit, tokens[::2])):
        return _named(Node("ratio", tuple(num(int(part)) for part in tokens[::2])), label)
    if tokens[0].isdigit() and tokens[-1].isdigit() and tokens[1:-1] in (['"out', '"of'], ['"in']):
        return _named(div(num(int(tokens[0])), num(int(tokens[-1]))), label)
    if len(tokens) > 3 and tokens[1] == ":" and tokens[0].isalpha() and "=" in tokens and tokens.count(":") == 1:
        return _named(_element(tokens[2:]), tokens[0])  # l: y = 2x
    if ":" in tokens and "=" in tokens and tokens[0] != "\\{" and tokens.index(":") < tokens.index("="):
        named = _named_ratio(tokens)
        if named is not None:
            return named
    parser = Parser(tokens)
    node = _approximate(parser)
    if parser.head == ":":
        parts = [node]
        while parser.take(":"):
            parts.append(_approximate(parser))
        plain_parts = all(part.kind not in ("rel", "interval", "tuple", "brackets") for part in parts)
        node = Node("ratio" if plain_parts else "tuple", tuple(parts))
    rest = parser.tokens[parser.at : -1]
    if rest:
        node = _with_rest(node, rest)
    return _named(node, label)


def _named(node: Node, label: str) -> Node:
    return Node("named", (node,), label) if label else node


def _named_ratio(tokens: list[str]) -> Node | None:
    """V_1:V_2 = 3:4, a ratio with the names of what is in proportion."""
    at = tokens.index("=")
    parser = Parser(tokens[:at])
    named = [parser.sum()]
    while parser.take(":"):
        named.append(parser.sum())
    value = _element(tokens[at + 1 :])
    if value.kind == "ratio" and len(value.args) == len(named):  # y:x = 3:2 is x:y = 2:3
        order = sorted(range(len(named)), key=lambda at: normal_form(named[at]))
        named, value = [named[at] for at in order], value._replace(args=tuple(value.args[at] for at in order))
    if (
        parser.head
        or value.kind != "ratio"
        or len(value.args) != len(named)
        or any(part.kind in ("num", "dec") for part in named)
    ):
        return None
    return Node("rel", (Node("call", tuple(named), "ratio"), value), "=")


def _clock(tokens: list[str]) -> Node | None:
    """A time of the day: 3:30 pm, 15:30, 2:05:00; without pm it may be a ratio too, and keeps both parts."""
    half = tokens[-1] if tokens[-1] in ('"clockam', '"clockpm') else ""
    parts = tokens[:-1] if half else tokens
    if len(parts) not in (1, 3, 5) or (len(parts) == 1 and not half) or any(sign != ":" for sign in parts[1::2]):
        return None
    if not all(part.isdigit() and len(part) <= 2 for part in parts[::2]):
        return None
    hour, minute, second = (*(int(part) for part in parts[::2]), 0, 0)[:3]
    if hour > 24 or minute > 59 or second > 59 or any(len(part) != 2 for part in parts[2::2]):
        return None
    if half:
        return Node("time", (), (hour % 12 + (12 if half == '"clockpm' else 0)) * 3600 + minute * 60 + second)
    return Node("ratio", tuple(num(int(part)) for part in parts[::2]), "clock")


def _approximate(parser: Parser) -> Node:
    r"""A relation; what follows an `\approx` is kept apart, unless a name stands before it."""
    node = parser.relation()
    if node.kind != "rel" or "~" not in str(node.value):
        return node
    signs = str(node.value).split()
    at = signs.index("~")
    exact, rest = node.args[: at + 1], node.args[at + 1 :]
    if at == 0 and exact[0].kind in ("var", "call"):
        return Node("rel", (exact[0], rest[-1]), "=")
    kept = exact[0] if at == 0 else Node("rel", exact, " ".join(signs[:at]))
    return Node("approx", (kept, rest[-1]))


def _label(tokens: list[str]) -> tuple[str, list[str]]:
    """Words before the first `=` or `:`, and what follows."""
    if tokens[0][0] != '"':
        if len(tokens) > 3 and tokens[1:3] in _RANGE_OF:  # the range of m is (1, 2]
            return f"{tokens[0]} 的取值范围", tokens[3:]
        if len(tokens) > 2 and tokens[1] in _IS:  # x is 5
            raise_if_doubtful(tokens[:3])
            return "", [tokens[0], "=", *tokens[2:]]
        return "", tokens
    for at, sign in enumerate(tokens[:12]):
        if sign in ("=", ":", "~") and at:
            raise_if_doubtful(tokens[:at])
            return label_of([word.lstrip('"') for word in tokens[:at]]), tokens[at + 1 :] or tokens
        if at and sign in _IS and tokens[0][0] == '"' and "=" in tokens[at + 1 : at + 12]:  # the line is y = 2x
            raise_if_doubtful(tokens[:at])
            return label_of([word.lstrip('"') for word in tokens[:at]]), tokens[at + 1 :]
        if at and sign in _IS and tokens[at - 1] == '"的取值范围':
            return label_of([word.lstrip('"') for word in tokens[:at]]), tokens[at + 1 :]
        if sign[0] != '"' and not sign.isalpha():
            break
    if tokens[1:2] == ["("] and ")" in tokens and tokens[tokens.index(")") + 1 : tokens.index(")") + 2] == ["="]:
        close = tokens.index(")")  # Var(X) = 4
        of = " ".join(sign.lstrip('"') for sign in tokens[2:close])
        return f"{tokens[0].lstrip(chr(34))}({of})", tokens[close + 2 :] or tokens
    words = 0
    while words < len(tokens) and tokens[words][0] == '"':
        words += 1
    if {*tokens[:words]} <= _EXTREMES and words < len(tokens) and (tokens[words][0].isdigit() or tokens[words] == "-"):
        return label_of([word[1:] for word in tokens[:words]]), tokens[words:]  # maximum 4
    if tokens[words - 1] in _IS and words < len(tokens):
        raise_if_doubtful(tokens[:words])
        return label_of([word.lstrip('"') for word in tokens[: words - 1]]), tokens[words:]
    return "", tokens


_RANGE_OF = (['"的取值范围', '"是'], ['"的取值范围', '"为'])


def raise_if_doubtful(tokens: Sequence[str]) -> None:
    """Raise Unreadable where words take back what they stand beside."""
    if any(sign.lower() in _DOUBTS or _DENIES.search(sign) for sign in tokens):
        raise Unreadable("words that take the number back")


def is_condition(tokens: Sequence[str]) -> bool:
    """Whether words only say what the names are. "if x > 0" and "for n even" say that it holds in part, and count."""
    first = tokens[0].lower()
    if first in _REASONS:
        return True
    if first not in _RANGES or not any(sign.lower() in _SAYS_WHICH for sign in tokens):
        return False
    return not any(
        sign in _QUALIFIES or sign[0].isdigit() or (sign[0] == '"' and sign.lower() not in _HARMLESS) for sign in tokens
    )


def _with_rest(node: Node, rest: list[str]) -> Node:
    """A node with what follows it: a unit, a percent or degree word, or a condition that is dropped."""
    first = rest[0].lstrip('"').lower()
    if is_condition(rest):
        return node
    if rest[0].lower() in _RANGES:
        raise Unreadable("it holds in part")
    if rest[0][0] == '"' and (first in _MULTIPLES or (first in _PARTS and len(rest) == 1)):
        multiple = _times(node, num(_MULTIPLES[first]) if first in _MULTIPLES else div(ONE, num(_PARTS[first])))
        return _with_rest(multiple, rest[1:]) if len(rest) > 1 else multiple
    if first == "percentage" and len(rest) > 1:
        raise Unreadable("percentage points are no percent")
    if first in _PERCENT_WORDS:
        return _with_rest(Node("pct", (node,)), rest[1:]) if len(rest) > 1 else Node("pct", (node,))
    if first in _DEGREE_WORDS and not (len(rest) > 1 and rest[1].lower() in ('"celsius', '"fahrenheit', '"c', '"f')):
        return _with_rest(_degrees(node), rest[1:]) if len(rest) > 1 else _degrees(node)
    if first in _DEGREE_WORDS:
        return _with_rest(node, [f'"deg{rest[1][1].upper()}', *rest[2:]])
    if rest[0] == "(" and rest[-1] == ")" and any(sign[0] == '"' or sign == "\\in" for sign in rest):
        return _with_remark(node, rest[1:-1])
    if rest[0] == "\\pm" or rest[0] in RELATIONS:
        raise Unreadable("it stops in the middle")
    raise_if_doubtful(rest[:-1] if rest[-1] == '"times' else rest)
    following = _following(node, rest)
    if following is not None:
        return following
    for at in range(1, len(rest)):
        if rest[at][0] == '"' and is_condition(rest[at:]):
            rest = rest[:at]
            break
    return _with_unit(node, unit_phrase(rest))


def _with_remark(node: Node, remark: list[str]) -> Node:
    """A value with a remark in brackets: a unit, what is counted, a condition that says nothing; else it counts."""
    if remark[0][0] == '"' and unit(remark[0][1:]).powers:
        return _with_unit(node, unit_phrase(remark))
    harmless = all(sign in _HARMLESS or (sign[0] == '"' and is_counted(sign[1:])) for sign in remark)
    if harmless or "\\in" in remark:
        return node
    said = phrase(remark)
    return Node("phrase", (node, *(said.args if said.kind == "phrase" else (said,))), "remark")


def _following(node: Node, rest: list[str]) -> Node | None:
    """2 hours 30 minutes, 5 feet 3 inches: a second quantity, smaller and of the same dimension."""
    at = next(
        (index for index, sign in enumerate(rest) if sign[0].isdigit() and rest[index - 1] not in ("^", "{", "-")), 0
    )
    if not at or node.kind == "rel":
        return None
    words = [sign for sign in rest[:at] if sign.lower() not in ('"and', ",")]
    total = added(_with_unit(node, unit_phrase(words)), _element(rest[at:]))
    if total is None:
        raise Unreadable("two quantities one after the other")
    return total


def added(first: Node, second: Node) -> Node | None:
    """2 hours and 30 minutes as one quantity; None where the second is none of the same dimension and smaller."""
    if first.kind != "unit" or second.kind != "unit":
        return None
    larger, smaller = unit(str(first.value)), unit(str(second.value))
    if larger.powers != smaller.powers or not larger.powers or smaller.factor >= larger.factor:
        return None
    return Node("unit", (add(first.args[0], mul(second.args[0], num(smaller.factor / larger.factor))),), first.value)


def unit_phrase(rest: Sequence[str]) -> str:
    """The text of a unit: words, products, quotients and whole exponents, and nothing else. Raises Unreadable."""
    parts: list[str] = []
    at, words = 0, 0
    while at < len(rest):
        sign = rest[at]
        at += 1
        if sign[0] == '"' or (len(sign) == 1 and parts and is_symbol(sign)):
            parts.append(sign.lstrip('"'))
            words += 1
        elif sign == "^" and parts:
            power = [sign for sign in rest[at : at + 4] if sign not in ("{", "}")]
            length = 1 if rest[at] != "{" else list(rest[at:]).index("}") + 1 if "}" in rest[at:] else 99
            spelled = "".join(rest[at : at + length]).strip("{}")
            if rest[at] == "-":
                length, spelled = 2, "".join(rest[at : at + 2])
            if not power or not spelled.lstrip("-").isdigit():
                raise Unreadable("an exponent of a unit that is no whole number")
            parts += ["^", str(int(spelled))]
            at += length
        elif sign in ("/", "*", "\\times"):
            parts.append("*" if sign == "\\times" else sign)
        elif sign in ("(", ")", "{", "}", "."):
            if sign == "(" and parts[-1:] == ["/"]:
                parts.append("(")
            elif sign == ")" and "(" in parts:
                parts.append(")")
        elif sign == "%":
            parts.append(sign)
        elif sign == "-" and parts and rest[at : at + 1] and rest[at][0] == '"':
            continue  # foot-pounds
        else:
            raise Unreadable(f"{sign!r} makes no sense there")
    if not words:
        raise Unreadable("it stops in the middle")
    return " ".join(parts)


def _times(node: Node, multiple: Node) -> Node:
    if node.kind == "rel":
        return node._replace(args=(*node.args[:-1], _times(node.args[-1], multiple)))
    if node.kind == "unit":
        return node._replace(args=(_times(node.args[0], multiple),))
    if node.kind in ("num", "dec") and multiple.kind == "num":
        assert isinstance(node.value, int | Fraction)
        assert isinstance(multiple.value, int | Fraction)
        return num(node.value * multiple.value)
    return mul(node, multiple)


def _degrees(node: Node) -> Node:
    if node.kind == "rel":
        return node._replace(args=(*node.args[:-1], _degrees(node.args[-1])))
    return Node("deg", (node,))


def _with_unit(node: Node, phrase_: str) -> Node:
    """The unit goes to the value, not to the relation around it."""
    if node.kind == "rel":
        if node.args[-1].kind == "rel" or not set(str(node.value).split()) <= {"=", "<", ">", "<=", ">=", "!="}:
            raise Unreadable("a unit behind a relation")
        return node._replace(args=(*node.args[:-1], _with_unit(node.args[-1], phrase_)))
    if node.kind == "unit":  # $12 per hour
        return node._replace(value=f"{node.value} {phrase_}")
    if node.kind == "approx":
        return node._replace(args=(_with_unit(node.args[0], phrase_), _with_unit(node.args[1], phrase_)))
    if node.kind == "text" or (node.kind == "var" and not unit(phrase_).powers):
        raise Unreadable("words")
    return Node("unit", (node,), phrase_)
