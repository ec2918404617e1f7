"""Checkers in C++ that are written for testlib.h: our own header stands in its place."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*[\"<](?:[\w./]*/)?testlib\.h[\">].*$", re.MULTILINE)


def uses_testlib(source: str) -> bool:
    """Whether a program includes testlib.h.

    >>> uses_testlib('#include "testlib.h"'), uses_testlib("import testlib")
    (True, False)
    """
    return _INCLUDE.search(source) is not None


def with_testlib(source: str) -> str:
    """The program with our header in place of its include of testlib.h, if it has one."""
    first, *rest = _INCLUDE.split(source)
    return f"{first}{_header()}\n#line 2\n{''.join(rest)}" if rest else source


@cache
def _header() -> str:
    return Path(__file__).with_name("testlib.h").read_text(encoding="utf-8")
