"""The page: one HTML document with its style and scripts inside, and a policy that lets nothing else run."""

from __future__ import annotations

import base64
import hashlib
import html
from functools import cache
from pathlib import Path

from ..._version import __version__
from ..report.write import RENDERER, page_source, part

_PAGE = Path(__file__).with_name("page")
_LEFT_OUT = ("4_table.js", "5_fields.js", "5_filter.js", "7_marks.js", "8_main.js")
"""Scripts of a report that hold all of its rows in the browser; the view has its own in their place."""

_META = '<meta http-equiv="Content-Security-Policy" content="{}">'
"""Of a page from disk; what the server sends carries it as a header."""


@cache
def page(data: str = "") -> bytes:
    """The document; `data` is what a page that asks no server shows, as packed JSON."""
    style, script = _style(), _script()
    text = (
        page_source("view.html", _PAGE)
        .replace("{{ policy }}", _META.format(html.escape(_policy("'none'"), quote=True)) if data else "")
        .replace("{{ version }}", __version__)
        .replace("{{ data }}", data)
    )
    before, rest = text.split("{{ style }}")
    middle, rest = rest.split("{{ renderer }}")
    between, after = rest.split("{{ script }}")
    return "".join((before, style, middle, page_source(RENDERER), between, script, after)).encode()


def policy() -> str:
    """The policy that the server's answers carry."""
    return _policy("'self'") + "; frame-ancestors 'none'"


@cache
def _policy(connect: str) -> str:
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in (_style(), page_source(RENDERER), _script())
    ]
    return (
        f"default-src 'none'; script-src {' '.join(hashes[1:])}; style-src {hashes[0]}; connect-src {connect}; "
        "img-src data:; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


@cache
def _style() -> str:
    return f"{part('css')}\n{page_source('view.css', _PAGE)}"


@cache
def _script() -> str:
    shared = part("js", leave_out=_LEFT_OUT)
    end = "})();\n"
    assert shared.endswith(end)
    return shared[: -len(end)] + page_source("view.js", _PAGE) + end
