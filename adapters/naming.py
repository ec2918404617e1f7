"""Names for rewards in a trainer's logs: two rewards of one process that differ have names that differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from ..verifiers.spec import RewardSpec, parse_summand
from .grading import OnError


def reward_name(spec: RewardSpec, settings: Mapping[str, object], on_error: OnError, default_on_error: OnError) -> str:
    """A name made of the rewards, their weights and options; `usual` is the trainer's own `on_error`.

    Trainers merge the figures of functions with equal names.

    >>> reward_name(RewardSpec(rewards=("math", "format:0.1")), {}, "none", "none")
    'math_format_x0.1'
    """
    words = [_summand(text, spec.begins) for text in ([spec.preset] if spec.preset else spec.rewards)]
    words += [f"{name}_from_{step}" for name, step in sorted(spec.begins.items()) if spec.preset]
    named = settings.get("options")
    options = named if isinstance(named, Mapping) else {}
    words += [_word(value, key) for name in sorted(options) for key, value in sorted(options[name].items())]
    columns = settings.get("columns")
    words += [column for _, column in sorted(columns.items()) if column] if isinstance(columns, Mapping) else []
    if settings.get("prefilled", "auto") != "auto":
        words.append("prefilled" if settings["prefilled"] else "unfilled")
    if settings.get("normalize"):
        words.append("normalized")
    if on_error != default_on_error:
        words.append(f"on_error_{on_error}")
    return "_".join(words)


def _summand(text: str, later: Mapping[str, int]) -> str:
    name, weight, begins, _ = parse_summand(text)
    begins = later.get(name, begins)
    last = name.rpartition(":")[2]
    return last + (f"_x{weight:g}" if weight != 1 else "") + (f"_from_{begins}" if begins else "")


def _word(value: object, key: str) -> str:
    if isinstance(value, bool):
        return key if value else f"no_{key}"
    text = str(value)
    if isinstance(value, str) and text.isidentifier():
        return text
    keyed = json.dumps([key, value], default=repr, sort_keys=True)
    digest = hashlib.sha256(keyed.encode()).hexdigest()[:6]
    return f"{key}_{value}" if isinstance(value, int | float) else f"{key}_{digest}"
