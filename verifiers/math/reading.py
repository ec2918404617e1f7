r"""The text of an answer to an expression tree: what is around the mathematics is taken off, and lists are split.

Separators outside of brackets make a list: a comma, "and", "or", a semicolon, a line break. Each element may carry
a label (`x =`, `Maximum:`), a unit, or a condition ("for all x", "where k is an integer"), which is dropped.
Text that is no mathematics is kept as words. Some texts have a second reading: `1,22` may be a number, `100,200` too.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import NamedTuple

from .boxes import joined_boxes
from .elements import added, date, element, is_condition, without_fillers
from .grammar import Parser
from .logic import SURE, truth_table
from .normal import forget as forget_forms
from .normal import kept_form
from .notation import notation
from .spelling import numbered_parts, numeric_date
from .tokens import MAX_TEXT, tokenize
from .tree import Kind, Node, TooBig, Unreadable, num
from .unit_table import is_symbol

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
            return kept_form(self.node)[:MAX_SHOWN]
        except (TooBig, RecursionError):
            return self.text[:MAX_SHOWN]


class Answer(NamedTuple):
    """An answer as read."""

    tree: _Tree
    others: tuple[Node, ...] = ()
    """Second readings."""
    by_kind: tuple[Node, ...] = ()
    """Readings that only hold where the other side is plainly of that kind: 1,5 as a decimal, 500 m as metres."""

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
_DELIMITED = re.compile(r"(?<!\\)(\$\$?|\\\(|\\\[)(.{0,4000}?)(?<!\\)(\$\$?|\\\)|\\\])", re.DOTALL)
_SPOKEN = re.compile(r"[^\W\d_]{2,}")
_MONEY = re.compile(r"^-?\$\s*-?[\d.]")
_DOUBLED = re.compile(r"\\\\(?=[A-Za-z])")
# Not one digit, nor a last zero: -3,0 and 1,10 are lists, unless the reference is a decimal.
_NUMBERS_IN_TEXT = re.compile(r"\\(?:text|mathrm)\s*\{([\d/.:-]+(?: ?[AaPp]\.?[Mm]\.?)?)\}")
_HYPHENS = re.compile(r"\d{1,9}(?:-\d{1,9}){2,20}")
"""3-4-5, 1-800-555: hyphens that join numbers. Differences are written with signs between spaces or in another way."""
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+[1-9]|\d{1,3},\d{3}")
_COMMA_UNIT = re.compile(r"(-?\d+),(\d+)(?=\s*(?:$|\\?%|\\[,; ]|\\(?:text|mathrm)\b|[a-zA-Z°€£¥₹₽$]))")
_POINT_GROUPS = re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d{3})+,\d+(?![\d,])")
_SPACE_GROUPS = re.compile(
    r"^[-+]?\d{1,3}(?:[ \u00a0\u202f\u2009]\d{3})+(?=[.,]?\d*(?:\s*(?:\\?%|\\text|\\mathrm|[a-zA-Z€£¥₹₽$]|$)))"
)
_BARE_UNIT = re.compile(r"(-?\d+(?:\.\d+)?)\s*([a-zA-Z]{1,3})")
_STARS = re.compile(r"^\*\*(.*)\*\*$", re.DOTALL)
_DEPTH = {"(": 1, "[": 1, "{": 1, "\\{": 1, ")": -1, "]": -1, "}": -1, "\\}": -1}
_OR = ('"or', ";")
_AND = (",", '"and', "\\\\")


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
        if (wrapped := _NUMBERS_IN_TEXT.fullmatch(text)) is not None:
            text = wrapped[1]
        if "-" in text and _HYPHENS.fullmatch(text) and numeric_date(text) is None:
            return Answer(_Tree(text, Node("text", (), text)))
        if text.startswith(("(", "\\text{(", "\\textbf{(")) and (numbered := numbered_parts(text)):
            read_parts = [read(part) for part in numbered]
            tree = _Tree(
                "; ".join(f"({at}) {part.text}" for at, part in enumerate(read_parts, 1)), _together(read_parts)
            )
            return Answer(tree)
        noted, sure = notation(text)
        if noted is not None and sure:
            return Answer(_Tree(" ".join(text.split()), noted))
        if 7 < len(text) < 11 and text[:1].isdigit() and (day := numeric_date(text)):
            return Answer(_Tree(text, Node("text", (), day)))
        tokens = tokenize(text)
    except (TooBig, Unreadable) as error:
        kind = "big" if isinstance(error, TooBig) else "bad"
        return Answer(_Tree(raw.strip(), Node("bad", (), kind), str(error)))
    make = _tree_kept if len(tokens) <= KEPT_TOKENS else _tree
    others = _second_readings(text) if "," in text else ()
    tree = make(tuple(tokens))
    if noted is not None and tree.trouble:
        return Answer(_Tree(tree.text, noted))
    return Answer(tree, others, (noted,) if noted is not None else _readings_by_kind(text))


def _together(parts: list[Answer]) -> Node:
    """The answers to the parts of a question, in their order."""
    trouble = next((part.node for part in parts if part.trouble), None)
    return trouble or Node("tuple", tuple(part.node for part in parts))


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
        return _Tree(text, Node("bad", (), "bad"), str(error))


_read_kept = lru_cache(maxsize=4096)(_read)
_tree_kept = lru_cache(maxsize=4096)(_tree)


def forget() -> None:
    """Drop every answer that is kept, for measurements from a cold start."""
    _read_kept.cache_clear()
    _tree_kept.cache_clear()
    forget_forms()


def strip_delimiters(raw: str) -> str:
    r"""The answer without `$…$`, `\(…\)`, boxes, stars and full stop.

    >>> strip_delimiters(r"So it is $\\boxed{35 cm}$.")
    '35 cm'
    """
    if len(raw) > MAX_TEXT:
        raise TooBig(f"the answer is longer than {MAX_TEXT:,} characters")
    text = raw.strip().removeprefix("\\displaystyle").lstrip()
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
        text = _DELIMITER.sub(" ", _with_prose_marked(text))
    if "&" in text and ";" in text:
        text = html.unescape(text)
    text = text.strip().rstrip("\\ ,;。")
    text = text if text.endswith("..") else text.removesuffix(".").strip()
    if "," in text and "." in text:
        text = _POINT_GROUPS.sub(lambda match: match[0].replace(".", "").replace(",", "."), text)
    grouped = _SPACE_GROUPS.match(text)
    if grouped is None:
        return text
    rest = text[grouped.end() :]
    return re.sub(r"\s", "", grouped[0]) + (f".{rest[1:]}" if rest[:1] == "," else rest)


def _with_prose_marked(text: str) -> str:
    r"""What stands outside of `$…$` as \\text, where it holds words: letters beside formulas are no variables."""
    pieces: list[str] = []
    at = 0
    for match in _DELIMITED.finditer(text):
        pieces += [_prose(text[at : match.start()]), f" {match[2]} "]
        at = match.end()
    if not pieces:
        return text
    return "".join((*pieces, _prose(text[at:])))


def _prose(text: str) -> str:
    if "\\" in text or not _SPOKEN.search(text) or text.count("{") != text.count("}"):
        return text
    return f"\\text{{{text}}}"


def _second_readings(text: str) -> tuple[Node, ...]:
    if _DECIMAL_COMMA.fullmatch(text):
        whole, after = text.split(",")
        readings = [Parser([f"{whole.lstrip('-')}.{after}"]).relation()]
        if len(after) == 3:  # the first reading took it for thousands
            readings = [Node("list", (num(int(whole)), num(int(after))))]
        elif text[0] == "-":
            readings = [Parser(["-", f"{whole[1:]}.{after}"]).relation()]
        return tuple(readings)
    text = text.replace("\\,", " ")
    parts = text.split(",")
    if len(parts) > 2 and all(part.isdigit() and part.isascii() and len(part) < 4 for part in parts):
        return (Node("list", tuple(num(int(part)) for part in parts)),)
    if text.count(",") == 1:
        comma = _COMMA_UNIT.match(text)
        if comma is not None and comma.end() < len(text) and len(comma[2]) != 3:  # 12,5 cm
            tree = _tree(tuple(tokenize(f"{comma[1]}.{comma[2]}{text[comma.end() :]}")))
            return () if tree.trouble else (tree.node,)
    return ()


def _readings_by_kind(text: str) -> tuple[Node, ...]:
    if len(text) > 24:
        return ()
    if text.count(",") == 1:
        comma = _COMMA_UNIT.fullmatch(text)
        if comma is not None and len(comma[2]) != 3:
            return (Parser(list(filter(None, tokenize(f"{comma[1]}.{comma[2]}")))).relation(),)
    bare = _BARE_UNIT.fullmatch(text)
    if bare is not None and is_symbol(bare[2]):
        tree = _tree(tuple(tokenize(f"{bare[1]}\\mathrm{{{bare[2]}}}")))
        return () if tree.trouble else (tree.node,)
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
    tokens = without_fillers(tokens) or tokens
    if 2 < len(tokens) < 7 and (echo := tokens[0].lower()) in _ECHOES:
        said = [sign.lower() for sign in tokens[1:] if sign not in (",", ".")]
        if len(said) == len(_ECHOES[echo]) and all(
            word in known for word, known in zip(said, _ECHOES[echo], strict=True)
        ):
            tokens = tokens[:1]  # Yes, it is
    while len(tokens) > 2 and tokens[0] == "{" and tokens[-1] == "}" and len(split(tokens[1:-1], _OR + _AND)) > 1:
        tokens = tokens[1:-1]
    if not tokens:
        raise Unreadable("there is nothing in it")
    if tokens[0] == "\\mathbb{L}" and tokens[1:2] == ["="]:
        tokens = ["L", *tokens[1:]]
    if len(tokens) > 2 and not _LOGIC.isdisjoint(tokens) and (table := truth_table(tokens)) is not None:
        return table
    whole = _choice(tokens) or (date(tokens) if len(tokens) < 8 else None)
    if whole is not None:
        return whole
    if "]" in tokens or "[" in tokens:
        tokens = _turned_brackets(tokens)
    if tokens[-1] == ")":
        tokens = _with_domain_apart(tokens)
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
        items = [item for item in map(element, _without_conditions(group)) if item is not None]
        if len(groups) > 1 and len(items) > 1 and all(_is_assignment(item) for item in items):
            parts.append(Node("tuple", tuple(item.args[-1] for item in items)))
        else:
            parts.extend(items)
    if not parts:
        raise Unreadable("there is nothing in it")
    if (
        len(parts) > 1
        and '"then' in tokens[1:]
        and all(part.kind in _PLACED for part in parts)
        and any(group and group[0] == '"then' for items in groups for group in items[1:])
    ):
        return Node("tuple", tuple(parts))  # one after the other
    if len(parts) == 2 and signs == "and" and (total := added(*parts)) is not None:
        return total
    return parts[0] if len(parts) == 1 else Node("list", tuple(parts), signs or None)


_ECHOED = frozenset({'"it', '"they', '"he', '"she', '"we', '"you', '"there', '"this'})
_AUXILIARIES = frozenset({'"is', '"are', '"was', '"were', '"does', '"do', '"can', '"will', '"has', '"have'})
_ECHOES = {'"yes': (_ECHOED, _AUXILIARIES), '"no': (_ECHOED, _AUXILIARIES, frozenset({'"not'}))}
"""What may be said after yes and no without saying more: Yes, it is. No, they are not."""


def _is_assignment(node: Node) -> bool:
    return node.kind == "rel" and node.value == "=" and node.args[0].kind == "var"


def _without_conditions(items: list[list[str]]) -> list[list[str]]:
    """The items without `k \\in \\mathbb{Z}` and "where C is a constant", unless nothing else is there."""
    kept: list[list[str]] = []
    for item in items:
        if kept and is_condition(item):
            break
        if kept and _is_membership(item):
            continue
        kept.append(item)
    return kept


def _is_membership(tokens: list[str]) -> bool:
    if "\\in" not in tokens:
        return False
    at = tokens.index("\\in")
    return at <= 2 and len(tokens) == at + 2 and tokens[at + 1].startswith("\\mathbb")


def _turned_brackets(tokens: list[str]) -> list[str]:
    """Intervals in the manner of Bourbaki, ]1, 2[ and [1, 2[, with the usual brackets; all else as it is."""
    signs = [(at, token) for at, token in enumerate(tokens) if token in ("[", "]")]
    if len(signs) % 2 or all(token == "[]"[index % 2] for index, (_, token) in enumerate(signs)):
        return tokens
    turned = list(tokens)
    for (at, opening), (end, closing) in zip(signs[::2], signs[1::2], strict=True):
        inner = tokens[at + 1 : end]
        if not any(sign in (",", ";") for sign in inner) or (at and tokens[at - 1] not in _BEFORE_INTERVAL):
            return tokens
        turned[at] = "[" if opening == "[" else "("
        turned[end] = "]" if closing == "]" else ")"
    return turned


def _with_domain_apart(tokens: list[str]) -> list[str]:
    """y = 2x + 1 (x > 0) as y = 2x + 1, x > 0: an inequality is no factor, nor is membership."""
    at, depth = len(tokens) - 1, 1
    while depth and at:
        at -= 1
        depth += (tokens[at] == ")") - (tokens[at] == "(")
    inside = tokens[at + 1 : -1]
    before = tokens[at - 1]
    if not at or before in _BEFORE_DOMAIN or before[0] == '"':
        return tokens
    if "," in tokens and (before.isupper() or not _is_membership(inside)):
        return tokens
    return [*tokens[:at], ",", *inside] if any(sign in _ORDERS for sign in inside) or _is_membership(inside) else tokens


_LOGIC = SURE | {"\\to"}
_PLACED: frozenset[Kind] = frozenset({"text", "var", "num", "dec"})
_ORDERS = frozenset({"<", ">", "<=", ">=", "!="})
_BEFORE_DOMAIN = frozenset("+ - * / = < > <= >= ^ _ ( [ { ; : | \\times \\cup \\cap \\in".split())
_BEFORE_INTERVAL = frozenset({"\\cup", "\\cap", "\\in", "=", ",", ";", "\\setminus"})


def _choice(tokens: list[str]) -> Node | None:
    """A letter of a multiple choice with what it stands for, as in `(C) 12`, `C. 12`, `C: x = 5`; or C alone."""
    if len(tokens) > 1 and tokens[0].lower() in _OPTION:
        tokens = tokens[1:]
    plain = [sign.lstrip('"') for sign in tokens[:4]]
    if len(plain) > 2 and plain[0] == "(" and plain[2] == ")" and _is_capital(plain[1]):
        letter, rest = plain[1], tokens[3:]
    elif len(plain) > 1 and plain[1] in (")", ".", ":") and _is_capital(plain[0]):
        letter, rest = plain[0], tokens[2:]
    elif len(tokens) == 1 and _is_capital(plain[0]):
        letter, rest = plain[0], []
    else:
        return None
    if not rest:
        return Node("var", (), letter)
    if rest[0] in _NO_CONTENT or any(
        sign in ('"or', '"and', ";", '"not') or _is_capital(sign.lstrip('"')) for sign in rest
    ):
        return None
    try:
        return Node("choice", (_answer(rest),), letter)
    except Unreadable:
        return None


_OPTION = frozenset({'"option', '"choice', '"选项', '"選項'})
_NO_CONTENT = frozenset({"+", "*", "/", "=", "^", "_", "\\cup", "\\cap", ",", "(", "!", ">", "<", "<=", ">=", "\\to"})


def _is_capital(text: str) -> bool:
    return len(text) == 1 and "A" <= text <= "Z"
