r"""Tokens to one expression tree by recursive descent: arithmetic, relations, set operations.

Brackets and commands are read by `brackets` and `commands`, which call back into this parser (`descent`).

Precedence, loosest first: relations, set operations, sums, products (juxtaposition binds like a written product),
signs, powers and other postfix marks. `\sin 2x` takes the factors that follow; `\sin(2x) y` only the bracket.
A whole number right before a proper fraction of whole numbers is a mixed number: `2\frac12` is 5/2.
Every recursion counts against a depth cap, so no input can exhaust the stack.
"""

from __future__ import annotations

import re
from fractions import Fraction

from .brackets import braced_set, bracket, call, is_call
from .calls import CALLED, called_letters, differentials, has_order, is_vector, matrices_kept
from .commands import command
from .descent import ENDS_PRODUCT, RELATIONS
from .literals import index_in_order, number_node
from .marks import degrees, prime
from .tree import (
    IMAGINARY,
    INF,
    MINUS_ONE,
    PI,
    E,
    Kind,
    Node,
    TooBig,
    Unreadable,
    add,
    div,
    inverse,
    mul,
    neg,
    num,
)

MAX_DEPTH = 36
"""Deepest nesting of brackets, commands and exponents."""

_SETS: frozenset[Kind] = frozenset({"set", "builder", "interval", "union"})
_NO_FACTOR: frozenset[Kind] = frozenset({"rel", "list", "tuple", "set", "interval", "union", "text"})
_BASES = {name: str(2 + at) for at, name in enumerate("two three four five six seven eight nine ten".split())}
_NAME_PART = re.compile(r"\d*[A-Za-z](?:[+-]\d+)?|\d+")
_CONSTANTS = {"e": E, "i": IMAGINARY, "\\pi": PI, "\\infty": INF, "\\imath": IMAGINARY}


class Parser:
    """One pass over the tokens of one element; `at` says how far it came."""

    __slots__ = ("after_fraction", "at", "bars", "called", "depth", "differentials", "tokens")

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = [*tokens, ""]
        self.at = 0
        self.depth = 0
        self.bars = 0
        self.after_fraction = 0
        """Where a fraction ended: what follows it is a factor, even a number."""
        self.called = called_letters(tokens) if "(" in tokens else CALLED
        self.differentials = "d" in tokens and differentials(tokens)

    @property
    def head(self) -> str:
        """The next token; an empty string at the end."""
        return self.tokens[self.at]

    def take(self, head: str) -> bool:
        """Whether the next token is this one; if so it is passed."""
        if self.tokens[self.at] == head:
            self.at += 1
            return True
        return False

    def need(self, head: str) -> None:
        """Pass this token or raise Unreadable."""
        if not self.take(head):
            raise Unreadable(f"expected {head!r}, found {self.head!r}")

    def deeper(self) -> None:
        """Count one level of nesting; raises TooBig past the cap."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooBig(f"the answer is nested deeper than {MAX_DEPTH}")

    # relations and sets

    def relation(self) -> Node:
        """A chain `a < b = c`, or just an expression."""
        sides, signs = [self.union()], []
        while self.head in RELATIONS or (self.head == "\\mid" and not self.bars):
            sign = self.tokens[self.at]
            if sign == "~" and self.tokens[self.at + 1] == "":
                break
            self.at += 1
            signs.append(sign)
            sides.append(self.union())
        if self.take("\\pmod"):
            sides.append(self.argument())
            signs.append("mod")
        return Node("rel", tuple(sides), " ".join(signs)) if signs else sides[0]

    def union(self) -> Node:
        """Set operations, left to right."""
        left = self.sum()
        if self.head in ("\\over", "\\choose", "\\atop"):
            choose = self.head != "\\over"
            self.at += 1
            right = self.sum()
            return Node("fn", (left, right), "binom") if choose else div(left, right)
        while self.head in ("\\cup", "\\cap", "\\setminus"):
            sign = self.tokens[self.at]
            self.at += 1
            right = self.sum()
            left = Node("union" if sign == "\\cup" else "inter" if sign == "\\cap" else "minus", (left, right))
        return left

    # arithmetic

    def sum(self) -> Node:
        """Terms joined by + - ± ∓."""
        terms = [self._signed()]
        while self.head in ("+", "-", "\\pm", "\\mp"):
            sign = self.tokens[self.at]
            self.at += 1
            term = self._signed()
            if sign == "+":
                terms.append(term)
            elif sign == "-" and (term.kind in _SETS or terms[-1].kind in _SETS) and len(terms) == 1:
                terms = [Node("minus", (terms[0], term))]
            elif sign == "-":
                terms.append(neg(term))
            else:
                terms.append(Node("pm" if sign == "\\pm" else "mp", (term,)))
        return terms[0] if len(terms) == 1 else add(*map(_grouped, terms))

    def _signed(self) -> Node:
        minus, plusminus = False, ""
        while self.head in ("+", "-", "\\pm", "\\mp"):
            sign = self.tokens[self.at]
            minus ^= sign == "-"
            plusminus = sign if sign in ("\\pm", "\\mp") else plusminus
            self.at += 1
        term = self.product()
        if minus:
            term = neg(term)
        return Node("pm" if plusminus == "\\pm" else "mp", (term,)) if plusminus else term

    def product(self) -> Node:
        """Factors joined by * / or nothing."""
        factors = [self.power()]
        quotient = False
        mixed = factors[0].kind == "num" and not self.after_fraction
        while True:
            head = self.head
            if head in ("*", "\\times", "\\cross"):
                self.at += 1
                factor = self._factor()
                if factors[-1].value == "nabla":  # a divergence or a curl, no gradient
                    factors[-1] = Node("fn", (factor,), "div" if head == "*" else "curl")
                elif head == "\\cross" or (head == "\\times" and has_order(factors[-1])):
                    self._cross(factors, factor, sure=head == "\\cross")
                else:
                    factors.append(factor)
            elif head == "/" and not self._word_follows():
                self.at += 1
                quotient = True
                factors.append(inverse(self._factor()))
                if len(factors) == 2 and factors[0].kind == "num":
                    factors = self._quotient(factors)
            elif head in ("\\bmod", "\\mod") and len(factors) == 1:
                self.at += 1
                return Node("fn", (factors[0], self._factor()), "mod")
            elif self.begins_factor(head):
                factor = self.power()
                if mixed and len(factors) == 1 and _proper_fraction(factor) and isinstance(factors[0].value, int):
                    assert isinstance(factor.value, Fraction)
                    whole = factors[0].value
                    factors[0] = num(whole + factor.value if whole >= 0 else whole - factor.value)
                elif mixed and len(factors) == 1 and factor.kind in ("pct", "deg") and _proper_fraction(factor.args[0]):
                    factors[0] = factor._replace(args=(add(factors[0], factor.args[0]),))  # 33 1/3 %
                elif is_vector(factors[-1]) and is_vector(factor):  # no dot between them: a dyad, or of matrices
                    factors[-1] = _ordered("product", factors[-1], factor)
                else:
                    factors.append(factor)
            else:
                break
            mixed = False
        if len(factors) == 1:
            return factors[0]
        if not quotient and "pow" in [factor.kind for factor in factors]:
            factors = matrices_kept(factors)
        return factors[0] if len(factors) == 1 else mul(*map(_grouped, factors))

    def _cross(self, factors: list[Node], factor: Node, *, sure: bool) -> None:
        """Join the last factor and what follows a times sign in their order, with numbers before them."""
        right = [factor]
        while not has_order(right[-1]) and self.begins_factor(self.head):
            right.append(self.power())
        if sure or has_order(right[-1]):
            left, last, sign = factors[-1], right.pop(), []
            if left.kind == last.kind == "var" and (sure or (is_vector(left) and is_vector(last))) and left > last:
                left, last, sign = last, left, [MINUS_ONE]  # b × a is -(a × b)
            factors[-1:] = [*sign, *right, _ordered("cross", left, last)]
        else:
            factors.extend(right)

    def _quotient(self, factors: list[Node]) -> list[Node]:
        """A quotient of two whole numbers as one number; `1 1/2` as a mixed number."""
        bottom = factors[1].args[0]
        if bottom.kind == "num" and bottom.value:
            return [div(factors[0], bottom)]
        return factors

    def _factor(self) -> Node:
        """A factor after a written sign: it may carry its own minus."""
        minus = False
        while self.head in ("-", "+"):
            minus ^= self.take("-")
            self.take("+")
        factor = self.power()
        return neg(factor) if minus else factor

    def _word_follows(self) -> bool:
        return self.tokens[self.at + 1][:1] == '"'

    def begins_factor(self, head: str) -> bool:
        """Whether a token can begin another factor of a product."""
        if head in ENDS_PRODUCT or head[0] == '"':
            return False
        if head == "|":
            return not self.bars
        if head[0].isdigit() or head[0] == ".":
            # Two numbers side by side are no product, save for a mixed number written in plain text: 1 1/2.
            return self._plain_mixed()
        if head[0] == "\\":
            return head not in ("\\{", "\\|", "\\end", "\\ldots") and not head.startswith("\\end")
        if head == "(" and self.tokens[self.at + 1][:1] == '"':
            return False  # a remark
        return head in "([{" or head.isalpha() or head == "\\{"

    def _plain_mixed(self) -> bool:
        before = self.tokens[self.at - 1]
        if not (before.isdigit() and self.head.isdigit() and self.tokens[self.at + 1] == "/"):
            if before in (")", "}", "!") or self.tokens[self.at - 2] == "^" or self.after_fraction == self.at:
                return True
            return before.isalpha() and self.tokens[self.at + 1] == "^"  # n2^{n-1}; x2 may be x_2
        bottom = self.tokens[self.at + 2]
        if not bottom.isdigit() or len(bottom) > 9 or len(self.head) > 9 or not 0 < int(self.head) < int(bottom):
            return False
        value = Fraction(int(self.head), int(bottom))
        self.tokens[self.at : self.at + 3] = [f"\\mixed{value.numerator}/{value.denominator}"]
        return True

    def power(self) -> Node:
        """A primary with its postfix marks and exponent."""
        self.deeper()
        base = self.primary()
        marks = 0
        while True:
            head = self.head
            if head == "^":
                self.at += 1
                base = self.exponent(_grouped(base))
            elif head == "!":
                if self.tokens[self.at + 1] == "!":
                    self.at += 1
                    base = Node("fn", (base,), "doublefactorial")
                else:
                    base = Node("fact", (base,))
                self.at += 1
            elif head in ("%", "\\%"):
                self.at += 1
                base = Node("pct", (base,))
            elif head == "\\circ" and base.kind in ("num", "dec", "mul", "add"):
                self.at += 1
                base = degrees(self, base)
            elif head[:1] == "'" and base.kind in ("var", "call"):
                self.at += 1
                base = base._replace(value=f"{base.value}{head}")
            elif head == "_" and base.kind in ("num", "var", "const"):
                self.at += 1
                base = self._subscript(base)
            elif head == "_" and base.kind == "pow" and base.args[0].kind == "var":  # x^2_1
                self.at += 1
                base = base._replace(args=(self._subscript(base.args[0]), base.args[1]))
            else:
                break
            marks += 1
            if marks > MAX_DEPTH:
                raise TooBig("too many marks on one term")
        self.depth -= 1
        return base

    def exponent(self, base: Node) -> Node:
        """What follows a `^`: an exponent, a degree mark, a prime."""
        if self.take("\\circ"):
            return degrees(self, base)
        if self.head in ("\\prime", "'", "''"):
            return prime(self, base)
        if self.take("{"):
            if self.head == "\\circ" and self.tokens[self.at + 1] == "}":
                self.at += 2
                return degrees(self, base)
            if self.head in ("\\prime", "'", "''"):
                made = prime(self, base)
                self.need("}")
                return made
            sign = self.at + self.head.isdigit()
            if self.tokens[sign] in ("+", "-", "*") and self.tokens[sign + 1] == "}":  # a one-sided limit, an ion
                raised = "".join(self.tokens[self.at : sign + 1])
                self.at = sign + 2
                return Node("call", (base,), "^" + raised)
            if base.kind == "var" and self.head == "(" and self.tokens[self.at + 2 : self.at + 4] == [")", "}"]:
                self.at += 4  # x^{(n)} is no power
                return base._replace(value=f"{base.value}^({self.tokens[self.at - 3]})")
            if self.head == "\\ldots" or self.head == "":
                raise Unreadable("an exponent that is not there")
            exponent = self.sum()
            self.need("}")
        elif self.take("*"):
            return Node("call", (base,), "^*")
        elif self.head in ("-", "+"):
            if self.tokens[self.at + 1] == "}":  # the bound of a one-sided limit
                self.at += 1
                return Node("call", (base,), "^" + self.tokens[self.at - 1])
            exponent = self.signed_power()
        elif self.head[:1].isdigit() and self.tokens[self.at - 1] == "^":
            exponent = self._literal()
        else:
            exponent = self.power()
        return Node("pow", (base, exponent))

    def signed_power(self) -> Node:
        """A power that may carry its own sign."""
        minus = self.take("-")
        self.take("+")
        exponent = self.power()
        return neg(exponent) if minus else exponent

    def _subscript(self, base: Node) -> Node:
        index = self._index()
        if base.kind == "num":
            index = index.removeprefix("base").strip("()")
            index = _BASES.get(index, index)
            if not index.isdigit():
                raise Unreadable("a number with an index that is no base")
            return Node("based", (), f"{base.value}_{index}")
        name = base.value
        if base.kind == "var" and name in ("C", "P", "A") and self.head == "^" and _NAME_PART.fullmatch(index):
            start = self.at
            chosen = self._choose(str(name), index)
            if chosen is not None:
                return chosen
            self.at = start
        return Node("var", (), f"{name}_{index}")

    def _choose(self, name: str, index: str) -> Node | None:
        """C_n^k: n below and k above; None for the power of a name with an index, such as P_0^2."""
        self.at += 1
        parser = Parser(self.raw_index())
        upper = parser.sum()
        if parser.head:
            raise Unreadable("an exponent that stops in the middle")
        lower = Parser(re.findall(r"\d+|.", index)).sum()
        known = [part.value for part in (lower, upper) if isinstance(part.value, int)]
        if upper.kind not in ("num", "var", "add") or (len(known) == 2 and known[0] < known[1]) or known[:1] == [0]:
            return None
        return Node("fn", (lower, upper), "binom" if name == "C" else "permutations")

    def raw_index(self) -> list[str]:
        """The tokens of a braced group, or the next token."""
        if not self.take("{"):
            self.at += 1
            return [self.tokens[self.at - 1]]
        start, depth = self.at, 1
        while depth:
            if self.head == "":
                raise Unreadable("an index that is never closed")
            depth += (self.head == "{") - (self.head == "}")
            self.at += 1
        return self.tokens[start : self.at - 1]

    def _index(self) -> str:
        raw = self.raw_index()
        index = "".join(head.lstrip('"') for head in raw)
        if not index or len(index) > 40:
            raise Unreadable("an empty or very long index")
        return index_in_order(index)

    def _literal(self) -> Node:
        head = self.head
        self.at += 1
        return number_node(head)

    # primaries

    def primary(self) -> Node:
        """What an expression is made of: a number, a name, a command, something in brackets."""
        head = self.head
        first = head[:1]
        if first.isdigit() or (first == "." and len(head) > 1):
            return self._literal()
        if head in _CONSTANTS:
            self.at += 1
            return _CONSTANTS[head]
        if head == "d" and self.differentials and self.tokens[self.at + 1] != "}":
            self.at += 2
            return Node("var", (), "d" + self.tokens[self.at - 1].lstrip("\\"))
        if head.isalpha():
            self.at += 1
            node = Node("var", (), head)
            return call(self, node) if head in self.called or is_call(self) else node
        if head == "\\{":
            return braced_set(self)
        if first == "\\":
            return command(self, head)
        if head == "{":
            self.at += 1
            node = self.listed("}")
            self.need("}")
            return node
        if head in ("(", "["):
            return bracket(self)
        if head == "|":
            self.at += 1
            self.bars += 1
            node = self.union()
            self.bars -= 1
            self.need("|")
            return Node("abs", (node,))
        raise Unreadable(f"nothing can begin with {head!r}")

    def listed(self, close: str) -> Node:
        """Relations separated by commas up to a closing bracket, which stays."""
        outer, self.bars = self.bars, 0
        parts = [self.relation()]
        while self.head in (",", ";"):
            self.at += 1
            if self.head == close and close == "}":
                break
            parts.append(self.relation())
        self.bars = outer
        return parts[0] if len(parts) == 1 else Node("list", tuple(parts))

    def argument(self) -> Node:
        """A braced group, or one token as TeX takes it: a single digit of a number."""
        self.deeper()
        if self.take("{"):
            node = self.listed("}")
            self.need("}")
        elif self.head[:1].isdigit():
            digits = self.head
            if len(digits) > 1 and digits.isdigit():
                self.tokens[self.at] = digits[1:]
                node = num(int(digits[0]))
            else:
                node = self._literal()
        else:
            node = self.primary()
        self.depth -= 1
        return node


def _grouped(node: Node) -> Node:
    """What stands in [ ] or \\{ \\} beside other factors or terms: the brackets group, as round ones do."""
    if node.kind in ("brackets", "set") and len(node.args) == 1 and node.args[0].kind not in _NO_FACTOR:
        return node.args[0]
    if node.kind == "mul" and len(node.args) == 2 and node.args[0] == MINUS_ONE:
        return mul(MINUS_ONE, _grouped(node.args[1]))
    return node


def _ordered(name: str, left: Node, right: Node) -> Node:
    """A product whose factors cannot be exchanged."""
    return Node("fn", (*(left.args if left.value == name == "product" else (left,)), right), name)


def _proper_fraction(node: Node) -> bool:
    return node.kind == "num" and isinstance(node.value, Fraction) and 0 < node.value < 1
