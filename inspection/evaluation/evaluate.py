"""From the flags of `r1-reward eval` to what it does: a table, a served model, or a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...verifiers.errors import ConfigError
from .mixing import run_mixing
from .plan import make_plan, run_served
from .sensitivity import run_spreads
from .table import run_table

_PLAN = ("card", "names", "set_", "join", "partial_rows", "limit", "seed", "k", "temperature", "top_p", "max_tokens")
_SERVING = ("concurrency", "per_request", "retries", "price", "max_cost")


def run_eval(arguments: Sequence[str], folder: Callable[..., int], **flags: Any) -> int:  # any: the command's options
    """Do what the flags say; gives the exit status. `folder` evaluates a model in a folder by a plan.

    Raises ConfigError for flags that do not go together, and for what cannot be read, asked or written.
    """
    if flags["table"]:
        run_table(arguments, paper=flags["paper"] or (), as_json=flags["as_json"])
        return 0
    if flags["prompts"]:
        run_spreads(arguments, as_json=flags["as_json"])
        return 0
    if flags["languages"]:
        run_mixing(arguments, as_json=flags["as_json"])
        return 0
    served = flags["url"] is not None
    if bool(flags["model"]) != served:
        raise ConfigError("--server URL and --model NAME go together")
    if flags["paper"] or flags["as_json"]:
        raise ConfigError("--paper goes with --table, and --json with --table, --prompts or --languages")
    if flags["max_cost"] is not None and not any(flags["price"] or ()):
        raise ConfigError("--max-cost needs --price, that of a million tokens read and written")
    files = arguments if served else arguments[1:]
    if not files:
        raise ConfigError("name the benchmark's FILES after MODEL, or a server by --server and --model")
    plan = make_plan(files, level=flags["level"], **{name: flags[name] for name in _PLAN})
    same: Mapping[str, Any] = {  # any: as above
        name: flags[name] for name in ("seed", "output", "resume", "overwrite", "summary", "stop")
    }
    if not served:
        return folder(
            arguments[0], plan, max_tokens=flags["max_tokens"], bf16=flags["bf16"], at_once=flags["at_once"],
            template=flags["template"] or "r1_zero", **same,
        )  # fmt: skip
    serving = {name: flags[name] for name in _SERVING if flags[name] not in (None, ())}
    return run_served(
        plan, url=flags["url"], model=flags["model"], key_env=flags["key_env"], timeout=flags["timeout"],
        template=flags["template"] or "chat", request=flags["request"], serving=serving, **same,
    )  # fmt: skip
