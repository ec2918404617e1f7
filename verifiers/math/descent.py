"""What the parts of the parser share: how they call it, and the tokens that join or end terms."""

from __future__ import annotations

from typing import Protocol

from .tree import Node

RELATIONS = frozenset(
    {
        "=",
        "<",
        ">",
        "<=",
        ">=",
        "!=",
        "~",
        "\\in",
        "\\equiv",
        "\\to",
        "\\sim",
        "\\subset",
        "\\subseteq",
        "\\supset",
        "\\supseteq",
        "\\ni",
        "\\iff",
        "\\perp",
        "\\parallel",
        "\\cong",
        "\\notin",
    }
)
_STOPS = frozenset({")", "]", "}", "\\}", ",", ";", "&", "\\\\", ":", "\\rfloor", "\\rceil", "\\mid", "", "+", "-"})
ENDS_PRODUCT = (
    _STOPS
    | RELATIONS
    | frozenset(r"\pm \mp \cup \cap \setminus \pmod ^ _ ! \% % \over \choose \atop \times \cross".split())
)


class Descent(Protocol):
    """What brackets, commands and marks need of the parser that calls them."""

    tokens: list[str]
    at: int
    depth: int
    after_fraction: int
    bars: int
    called: frozenset[str]
    differentials: bool

    @property
    def head(self) -> str: ...
    def take(self, head: str) -> bool: ...
    def need(self, head: str) -> None: ...
    def deeper(self) -> None: ...
    def relation(self) -> Node: ...
    def sum(self) -> Node: ...
    def product(self) -> Node: ...
    def power(self) -> Node: ...
    def signed_power(self) -> Node: ...
    def exponent(self, base: Node) -> Node: ...
    def union(self) -> Node: ...
    def primary(self) -> Node: ...
    def argument(self) -> Node: ...
    def listed(self, close: str) -> Node: ...
    def raw_index(self) -> list[str]: ...
    def begins_factor(self, head: str) -> bool: ...
