"""An extension of griffe, with which mkdocstrings reads docstrings: fences their doctests, so that they show as code.

Docstrings of this project give an example after the sentence, without a section's title; Markdown would take `>>>` for
three quotations and `[0.0, 1.0]` for a link.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_DOCTEST = re.compile(r"^( *)>>> .*(?:\n\1(?! *$).*)*", re.M)


class FencedDoctests(griffe.Extension):
    """Fences the doctests of every docstring."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called by griffe for each object that it read."""
        if obj.docstring:
            obj.docstring.value = _DOCTEST.sub(r"\1```pycon\n\g<0>\n\1```", obj.docstring.value)
