"""What a row that could not be used holds, what was looked for in it, and the options that would fit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .aliases import ALIASES, GOLDS, TOOLS
from .messages import is_conversation
from .paths import get
from .reader import RowReader

_GOLDEN = re.compile(r"gold|answer|solution|truth|target|label|correct|expected|reference|\bgts?\b|key", re.IGNORECASE)
_SPOKEN = re.compile(r"response|completion|output|generat|predict|reply|text|content|message|model", re.IGNORECASE)
_BESIDE = re.compile(r"start|offset|index|\bids?\b|_ids?$|context|passage|tokens?$|logits?|logprobs?", re.IGNORECASE)
"""What stands beside golds and responses and is none: where a span begins, the passage that it is from."""
_MOST = 40


def fields_of(row: Mapping[str, Any]) -> str:
    """A row's fields, each with the beginning of what it holds.

    >>> fields_of({"id": 7, "text": "It is 4.", "meta": {"a": 1}})
    "id: 7, text: 'It is 4.', meta: {a}"
    """
    shown = [f"{name}: {_shown(value)}" for name, value in list(row.items())[:_MOST]]
    return ", ".join(shown) + (f", and {len(row) - _MOST} more" if len(row) > _MOST else "")


def suggestion(reader: RowReader, row: Mapping[str, Any], lacking: Sequence[str]) -> str | None:
    """The flags that may read what a row is lacking (`response`, `reference`); None where nothing looks like it."""
    for tool in TOOLS:
        present = {name for name, paths in tool.fields.items() if any(get(row, path) is not None for path in paths)}
        whole = bool(present & {"response", "responses"}) and "reference" in present and tool.name != reader.tool
        if whole and any(all(get(row, path) is not None for path in need) for need in tool.needs):
            return f"--from {tool.name}"
    leaves = [leaf for leaf in _leaves(row, "", 0) if leaf[0] not in reader.columns.values()]
    leaves = [leaf for leaf in leaves if not _BESIDE.search(re.sub(r"\[\d+\]$", "", leaf[0]).rpartition(".")[2])]
    parts = []
    if "response" in lacking:
        texts = [(path, value) for path, value in leaves if isinstance(value, str) or is_conversation(value)]
        named = [leaf for leaf in texts if _SPOKEN.search(leaf[0]) and not _GOLDEN.search(leaf[0])]
        best = max(named or texts, key=lambda leaf: len(leaf[1]), default=None)
        parts += [f"response={best[0]}"] if best is not None else []
    if "reference" in lacking:
        golds = [
            path for path, value in leaves if _GOLDEN.search(path.rpartition(".")[2]) and not is_conversation(value)
        ]
        parts += [f"reference={golds[0]}"] if golds else []
    if not parts:
        return None
    # Without a box mathematics would find no answer in any of them.
    held = {part: get(row, part.partition("=")[2]) for part in parts}
    said, gold = (next((held[part] for part in parts if part.startswith(name)), None) for name in ("resp", "ref"))
    bare = isinstance(said, str) and "boxed" not in said and re.fullmatch(r"-?\d[\d,.]*", str(gold)) is not None
    return "--map " + ",".join(parts) + (" --set math.extraction=lenient" if bare else "")


def joined_by(row: Mapping[str, Any]) -> str | None:
    """The column by which a row's gold may be looked up in another file; None where it has a gold, or no such column.

    >>> joined_by({"custom_id": "7", "text": "4"}), joined_by({"custom_id": "7", "answer": "4"})
    ('custom_id', None)
    """
    if any(get(row, path) not in (None, "", []) for path in GOLDS):
        return None
    names = ("custom_id", *ALIASES["id"], *ALIASES["prompt"])
    return next((name for name in names if isinstance(row.get(name), str | int)), None)


def _leaves(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:  # any: JSON values
    if isinstance(value, Mapping) and depth < 4:
        for name, item in list(value.items())[:_MOST]:
            if re.fullmatch(r"[^.\[\],=]+", str(name)):
                yield from _leaves(item, f"{path}.{name}" if path else str(name), depth + 1)
    elif isinstance(value, list) and value and not is_conversation(value) and depth < 4:
        yield from _leaves(value[0], f"{path}[0]", depth + 1)
    elif value is not None and path:
        yield path, value


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(map(str, list(value)[:6])) + (", …}" if len(value) > 6 else "}")
    if isinstance(value, list):
        return f"[{_shown(value[0])}{', …' if len(value) > 1 else ''}]" if value else "[]"
    text = repr(value)
    return text if len(text) <= 42 else text[:41] + "…"
