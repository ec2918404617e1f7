r"""The text of an answer to an expression tree: what is around the mathematics is taken off, and lists are split.

Separators outside of brackets make a list: a comma, "and", "or", a semicolon, a line break. Each element may carry
a label (`x =`, `Maximum:`), a unit, or a condition ("for all x", "where k is an integer"), which is dropped.
Text that is no mathematics is kept as words. Some texts have a second reading: `1,22` may be a number, `100,200` too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import NamedTuple

from .boxes import joined_boxes
from .grammar import RELATIONS, Parser
from .normal import normal_form
from .tokens import MAX_TEXT, tokenize
from .tree import Node, TooBig, Unreadable, mul, num
from .words import words_of

MAX_ITEMS = 200
"""Longest list that is read."""
KEPT_TEXT = 300
KEPT_TOKENS = 120
"""Longest text, and most tokens, of an answer that is kept: a reference is read once, and memory stays bounded."""
MAX_SHOWN = 300
"""Longest normal form that is kept for evidence, in characters."""


@dataclass(frozen=True, eq=False)
class _Tree:
    """What a run of tokens was read as; shared by all texts with these tokens."""

    text: str
    node: Node
    trouble: str = ""

    @cached_property
    def form(self) -> str:
        if self.node.kind == "bad":
            return self.text[:MAX_SHOWN]
        try:
            return normal_form(self.node)[:MAX_SHOWN]
        except (TooBig, RecursionError):
            return self.text[:MAX_SHOWN]


class Answer(NamedTuple):
    """An answer as read."""

    tree: _Tree
    others: tuple[Node, ...] = ()
    """Second readings."""

    @property
    def text(self) -> str:
        """Its tokens side by side: equal for texts that differ in spacing and sizing only."""
        return self.tree.text

    @property
    def node(self) -> Node:
        """Its tree; of kind `text` or `bad` where it is no mathematics that we can read."""
        return self.tree.node

    @property
    def trouble(self) -> str:
        """Why there is no tree, for a person."""
        return self.tree.trouble

    @property
    def form(self) -> str:
        """The normal form, cut where it is very long; the tokens where there is none."""
        return self.tree.form


_PLAIN = re.compile(r"-?\d{1,300}(?:\.\d{1,300})?")
_DELIMITER = re.compile(r"(?<!\\)(?:\\\\)*(\$+|\\[()\[\]])")
_MONEY = re.compile(r"^-?\$\s*-?[\d.]")
_DOUBLED = re.compile(r"\\\\(?=[A-Za-z])")
# Not one digit, nor a last nought: -3,0 and 1,10 are lists.
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+[1-9]|\d{1,3},\d{3}")
_STARS = re.compile(r"^\*\*(.*)\*\*$", re.DOTALL)
_DEPTH = {"(": 1, "[": 1, "{": 1, "\\{": 1, ")": -1, "]": -1, "}": -1, "\\}": -1}
_OR = ('"or', ";")
_AND = (",", '"and', "\\\\")
_LEADING = frozenset(
    '"about "approximately "approx "roughly "the "answer "final "is "are "so "thus "therefore "equals "equal "to'
    ' "exactly "around "be "of "only "solution "solutions "value "values "either "both "then'.split()
)
_REASONS = frozenset({'"where', '"since', '"because'})
_RANGES = frozenset({'"for', '"with', '"over', '"on'})
_WHOLE_RANGE = frozenset(
    '\\in "all "any "every "each "integer "integers "real "reals "arbitrary "constant "constants'.split()
)
_DOUBTS = frozenset(
    '"not "no "never "isn "wrong "false "incorrect "impossible "but "except "maybe "perhaps "or "either "unlike'
    ' "squared "cubed "halves "thirds "instead "nor "neither "without "any'
    ' "other "than "more "less "most "least "minus "plus "times "half "if'.split()
)
_UNIT_LETTERS = frozenset("mshgLlNJWVAKCFT")
_MULTIPLES = {
    "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12,
}  # fmt: skip
_UNIT_SIGNS = frozenset({"/", "^", "*", "-", "{", "}", "(", ")", "\\circ", "."})
_PERCENT_WORDS = frozenset({"percent", "pct", "percentage", "percents"})
_DEGREE_WORDS = frozenset({"degrees", "degree", "deg"})


def read(raw: str) -> Answer:
    r"""Read an answer.

    >>> read(r"$x = \\frac12$").text
    'x = \\frac 12'
    >>> read("7 apples and 4 pears").node.kind
    'list'
    """
    return _read_kept(raw) if len(raw) <= KEPT_TEXT else _read(raw)


def _read(raw: str) -> Answer:
    if _PLAIN.fullmatch(raw):
        whole, _, after = raw.partition(".")
        value = Fraction(int(whole + after), 10 ** len(after)) if after else int(raw)
        return Answer(_Tree(raw, Node("dec", (), value, len(after)) if after else Node("num", (), value)))
    try:
        text = strip_delimiters(raw)
        tokens = tokenize(text)
    except (TooBig, Unreadable) as error:
        kind = "big" if isinstance(error, TooBig) else "bad"
        return Answer(_Tree(raw.strip(), Node("bad", (), kind), str(error)))
    make = _tree_kept if len(tokens) <= KEPT_TOKENS else _tree
    others = _second_readings(text) if "," in text else ()
    choice = _choice_with_content(tokens)
    return Answer(make(tuple(tokens)), others if choice is None else (*others, choice))


def _tree(tokens: tuple[str, ...]) -> _Tree:
    """The tree of some tokens."""
    text = " ".join(tokens)
    try:
        return _Tree(text, _answer(list(tokens)))
    except TooBig as error:
        return _Tree(text, Node("bad", (), "big"), str(error))
    except RecursionError:
        return _Tree(text, Node("bad", (), "big"), "the answer is nested too deep")
    except (Unreadable, ValueError, IndexError, ZeroDivisionError) as error:
        words = words_of(tokens)
        return _Tree(text, Node("text", (), words)) if words else _Tree(text, Node("bad", (), "bad"), str(error))


_read_kept = lru_cache(maxsize=4096)(_read)
_tree_kept = lru_cache(maxsize=4096)(_tree)


def forget() -> None:
    """Drop every answer that is kept, for measurements from a cold start."""
    _read_kept.cache_clear()
    _tree_kept.cache_clear()


def strip_delimiters(raw: str) -> str:
    r"""The answer without `$…$`, `\(…\)`, boxes, stars and full stop.

    >>> strip_delimiters(r"So it is $\\boxed{35 cm}$.")
    '35 cm'
    """
    if len(raw) > MAX_TEXT:
        raise TooBig(f"the answer is longer than {MAX_TEXT:,} characters")
    text = raw.strip()
    if "\\boxed" in text or "\\fbox" in text:
        text = joined_boxes(text) or text
    starred = _STARS.match(text)
    if starred is not None:
        text = starred[1].strip()
    if "\\begin" not in text:
        text = _DOUBLED.sub(r"\\", text)
    if _MONEY.match(text) and text.count("$") % 2:
        text = text.replace("$", "\\$", 1)
    if "$" in text or "\\(" in text or "\\[" in text:
        text = _DELIMITER.sub(" ", text)
    text = text.strip().rstrip("\\ ,;")
    return text if text.endswith("..") else text.removesuffix(".").strip()


def _second_readings(text: str) -> tuple[Node, ...]:
    if _DECIMAL_COMMA.fullmatch(text):
        whole, after = text.split(",")
        readings = [Parser([f"{whole.lstrip('-')}.{after}"]).relation()]
        if len(after) == 3:  # the first reading took it for thousands
            readings = [Node("list", (num(int(whole)), num(int(after))))]
        elif text[0] == "-":
            readings = [Parser(["-", f"{whole[1:]}.{after}"]).relation()]
        return tuple(readings)
    parts = text.split(",")
    if len(parts) > 2 and all(part.isdigit() and part.isascii() and len(part) < 4 for part in parts):
        return (Node("list", tuple(num(int(part)) for part in parts)),)
    return ()


def split(tokens: Sequence[str], separators: Sequence[str]) -> list[list[str]]:
    """Tokens split at separators that stand outside of brackets; empty pieces are left out."""
    if not any(separator in tokens for separator in separators):
        return [list(tokens)] if tokens else []
    pieces: list[list[str]] = [[]]
    depth = 0
    for sign in tokens:
        if sign in _DEPTH:
            depth += _DEPTH[sign]
        elif sign[0] == "\\" and sign.startswith(("\\begin{", "\\end{")):
            depth += 1 if sign[1] == "b" else -1
        elif not depth and sign in separators:
            pieces.append([])
            continue
        pieces[-1].append(sign)
    return [piece for piece in pieces if piece]


def _answer(tokens: list[str]) -> Node:
    tokens = _without_fillers(tokens)
    while len(tokens) > 2 and tokens[0] == "{" and tokens[-1] == "}" and len(split(tokens[1:-1], _OR + _AND)) > 1:
        tokens = tokens[1:-1]
    if not tokens:
        raise Unreadable("there is nothing in it")
    if "\\cup" in tokens:
        pieces = split(tokens, ("\\cup",))
        if all(any(sign in ("<", ">", "<=", ">=") for sign in piece) for piece in pieces):
            tokens = [sign for piece in pieces for sign in ('"or', *piece)][1:]
    groups = [split(group, _AND) for group in split(tokens, _OR)]
    if sum(map(len, groups)) > MAX_ITEMS:
        raise TooBig(f"a list of more than {MAX_ITEMS}")
    parts: list[Node] = []
    signs = "or" if '"or' in tokens else "and" if '"and' in tokens else ""
    for group in groups:
        items = [item for item in map(_element, _without_conditions(group)) if item is not None]
        if len(groups) > 1 and len(items) > 1 and all(_is_assignment(item) for item in items):
            parts.append(Node("tuple", tuple(item.args[-1] for item in items)))
        else:
            parts.extend(items)
    if not parts:
        raise Unreadable("there is nothing in it")
    return parts[0] if len(parts) == 1 else Node("list", tuple(parts), signs or None)


def _is_assignment(node: Node) -> bool:
    return node.kind == "rel" and node.value == "=" and node.args[0].kind == "var"


def _without_fillers(tokens: list[str]) -> list[str]:
    while tokens and (tokens[0] in ("=", "~", ":") or tokens[0].lower() in _LEADING):
        tokens = tokens[1:]
    if len(tokens) > 2 and tokens[0] == "\\forall":
        raise Unreadable("a quantifier")
    return tokens


def _without_conditions(items: list[list[str]]) -> list[list[str]]:
    """The items without `k \\in \\mathbb{Z}` and "where …", unless nothing else is there."""
    kept: list[list[str]] = []
    for item in items:
        if kept and _is_condition(item):
            break
        if kept and _is_membership(item):
            continue
        kept.append(item)
    return kept


def _is_condition(tokens: list[str]) -> bool:
    """Whether words only say what the names are. "if x > 0" and "for n even" say that it holds in part, and count."""
    first = tokens[0].lower()
    return first in _REASONS or (first in _RANGES and any(sign.lower() in _WHOLE_RANGE for sign in tokens))


def _is_membership(tokens: list[str]) -> bool:
    if "\\in" not in tokens:
        return False
    at = tokens.index("\\in")
    return at <= 2 and len(tokens) > at + 1 and tokens[at + 1].startswith("\\mathbb")


def _element(tokens: list[str]) -> Node | None:
    tokens = _without_fillers(tokens)
    if not tokens:
        return None
    label, tokens = _label(tokens)
    choice = _choice(tokens)
    if choice is not None:
        return choice
    parser = Parser(tokens)
    node = _approximate(parser)
    if parser.head == ":":
        parts = [node]
        while parser.take(":"):
            parts.append(_approximate(parser))
        plain = all(part.kind != "rel" and part.kind not in ("interval", "tuple", "brackets") for part in parts)
        node = Node("ratio" if plain else "tuple", tuple(parts), ":".join(tokens) if plain else None)
        node = node._replace(value=None)
    rest = parser.tokens[parser.at : -1]
    if rest:
        node = _with_rest(node, rest)
    return Node("named", (node,), label) if label else node


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
        return "", tokens
    for at, sign in enumerate(tokens[:12]):
        if sign in ("=", ":"):
            if any(word.lower() in _DOUBTS for word in tokens[:at]):
                raise Unreadable("words that take the number back")
            return " ".join(word.lstrip('"').lower() for word in tokens[:at]), tokens[at + 1 :] or tokens
        if sign[0] != '"' and not sign.isalpha():
            break
    words = 0
    while words < len(tokens) and tokens[words][0] == '"':
        words += 1
    if tokens[words - 1] in ('"is', '"are', '"equals') and words < len(tokens):
        return " ".join(word.lstrip('"').lower() for word in tokens[: words - 1]), tokens[words:]
    return "", tokens


def _choice(tokens: list[str]) -> Node | None:
    """A letter of a multiple choice: C, (C), or C) with what it stands for."""
    plain = [token.lstrip('"') for token in tokens]
    if len(plain) == 3 and plain[0] == "(" and plain[2] == ")" and _is_capital(plain[1]):
        return Node("var", (), plain[1])
    if len(plain) == 1 and _is_capital(plain[0]):
        return Node("var", (), plain[0])
    if len(plain) == 2 and plain[1] in (".", ")", ":") and _is_capital(plain[0]):
        return Node("var", (), plain[0])
    return None


def _choice_with_content(tokens: list[str]) -> Node | None:
    """The letter of `(C) 12`, `C. 12`, `C: x = 5`, where no other choice is named."""
    plain = [sign.lstrip('"') for sign in tokens[:4]]
    if len(plain) > 3 and plain[0] == "(" and plain[2] == ")" and _is_capital(plain[1]):
        letter, rest = plain[1], tokens[3:]
    elif len(plain) > 2 and plain[1] in (")", ".", ":") and _is_capital(plain[0]):
        letter, rest = plain[0], tokens[2:]
    else:
        return None
    if any(sign in ('"or', '"and', ",", ";", "(", '"not') or _is_capital(sign.lstrip('"')) for sign in rest):
        return None
    return Node("var", (), letter)


def _is_capital(text: str) -> bool:
    return len(text) == 1 and "A" <= text <= "Z"


def _with_rest(node: Node, rest: list[str]) -> Node:
    """A node with what follows it: a unit, a percent or degree word, or a condition that is dropped."""
    first = rest[0].lstrip('"').lower()
    if _is_condition(rest):
        return node
    if rest[0].lower() in _RANGES:
        raise Unreadable("it holds in part")
    if first in _MULTIPLES and rest[0][0] == '"':
        multiple = _times(node, _MULTIPLES[first])
        return _with_rest(multiple, rest[1:]) if len(rest) > 1 else multiple
    if first in _PERCENT_WORDS and len(rest) == 1:
        return Node("pct", (node,))
    if first in _DEGREE_WORDS and not (len(rest) > 1 and rest[1].lower() in ('"celsius', '"fahrenheit', '"c', '"f')):
        return _with_rest(_degrees(node), rest[1:]) if len(rest) > 1 else _degrees(node)
    if rest[0] == "(" and rest[-1] == ")" and any(sign[0] == '"' or sign == "\\in" for sign in rest):
        return node  # a remark in brackets
    if rest[0] == "\\pm" or rest[0] in RELATIONS:
        raise Unreadable("it stops in the middle")
    if any(sign.lower() in _DOUBTS for sign in rest):
        raise Unreadable("words that take the number back")
    words = 0
    for at, sign in enumerate(rest):
        if sign[0] == '"' or sign in _UNIT_LETTERS:
            if at and words and _is_condition(rest[at:]):
                rest = rest[:at]
                break
            words += 1
        elif sign not in _UNIT_SIGNS and not (sign.isdigit() and at and rest[at - 1] in ("^", "{", "-")):
            raise Unreadable(f"{sign!r} makes no sense there")
    if not words:
        raise Unreadable("it stops in the middle")
    phrase = " ".join(sign.lstrip('"') for sign in rest if sign not in "{}()")
    return _with_unit(node, phrase)


def _times(node: Node, multiple: int) -> Node:
    if node.kind == "rel":
        return node._replace(args=(*node.args[:-1], _times(node.args[-1], multiple)))
    if node.kind == "unit":
        return node._replace(args=(_times(node.args[0], multiple),))
    return mul(node, num(multiple))


def _degrees(node: Node) -> Node:
    if node.kind == "rel":
        return node._replace(args=(*node.args[:-1], _degrees(node.args[-1])))
    return Node("deg", (node,))


def _with_unit(node: Node, phrase: str) -> Node:
    """The unit goes to the value, not to the relation around it."""
    if node.kind == "rel":
        return node._replace(args=(*node.args[:-1], _with_unit(node.args[-1], phrase)))
    if node.kind == "approx":
        return node._replace(args=(_with_unit(node.args[0], phrase), _with_unit(node.args[1], phrase)))
    if node.kind == "text":
        raise Unreadable("words")
    return Node("unit", (node,), phrase)
