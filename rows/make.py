"""Rows of procedural data sets: `r1-reward make reasoning-gym/NAME -n 1000 --seed 0`.

The package makes them inside the sandbox, where its scorers will run, so that it need not be installed beside this one.
Each row says how it was made (`made`), so that it can be made again for its scorer, which JSON alone may not serve.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ..sandbox.functions import CallReply, call_function
from ..sandbox.limits import Limits
from ..sandbox.outcome import Outcome
from ..sandbox.pool import Pool
from ..sandbox.scripts import script
from ..verifiers.errors import ConfigError, RunError

_BATCH = 50
_LIMITS = Limits(time_s=120, memory_mb=2_048, disk_mb=64)
_WAY_OUT = (
    "`r1-reward sandbox build python --packages reasoning-gym` makes a sandbox with it (docs/reference/capabilities.md)"
)


def make_rows(
    source: str, size: int, *, seed: int = 0, settings: Mapping[str, object] | None = None, backend: str = "auto"
) -> Iterator[dict[str, Any]]:  # any: JSON values
    """Rows of a data set of reasoning-gym, ready for `score` once a model has answered their `prompt`.

    Args:
        source: `reasoning-gym/NAME`.
        size: How many.
        seed: The same seed gives the same rows.
        settings: The data set's own, such as `min_terms`.
        backend: The sandbox that makes them.

    Raises:
        ConfigError: No such data set, or it does not take these settings.
        RunError: The sandbox lacks the package, or there is none.
    """
    library, _, name = source.partition("/")
    if library != "reasoning-gym" or not re.fullmatch(r"[a-z0-9_]+", name):
        raise ConfigError(f"{source!r} is none of the sources that are known: reasoning-gym/NAME")
    if size < 1:
        raise ConfigError(f"-n is {size}; it must be at least 1")
    config = json.dumps(dict(settings or {}))
    code = script("scoring", "reasoning_gym")
    with Pool(backend=backend, size=1) as pool:
        for first in range(0, size, _BATCH):
            (reply,) = _call(pool, code, "generate", (name, size, seed, first, _BATCH, config))
            if reply.outcome is not Outcome.AC:
                known = _call(pool, code, "names", ())[0].value
                if isinstance(known, list) and name not in known:
                    raise ConfigError(f"reasoning-gym has no data set {name!r}; it has {', '.join(known)}")
                raise ConfigError(f"{source} cannot be made: {reply.detail}")
            assert isinstance(reply.value, list)
            for text in reply.value:
                yield _row(name, seed, json.loads(text))


def _call(pool: Pool, code: str, entry: str, arguments: tuple[object, ...]) -> list[CallReply]:
    replies = call_function(pool, code, entry, [arguments], limits=_LIMITS, reply_mb=48)
    if replies[0].missing_module:
        raise RunError(f"the sandbox has no module {replies[0].missing_module!r}; {_WAY_OUT}")
    if replies[0].outcome is Outcome.INFRA:
        raise RunError(f"there is no sandbox to make the rows in: {replies[0].detail}")
    return replies


def _row(name: str, seed: int, entry: Mapping[str, Any]) -> dict[str, Any]:  # any: JSON values
    row = {"id": f"{name}-{seed}-{entry['made']['index']}", "kind": "procedural", "prompt": entry["question"]}
    row |= {} if entry["answer"] is None else {"reference": str(entry["answer"])}
    return row | {"metadata": entry["metadata"], "made": entry["made"]}


def run_make(
    source: str,
    size: int,
    output: str | None,
    *,
    seed: int,
    settings: Mapping[str, object],
    backend: str,
    overwrite: bool,
) -> None:
    """Write the rows to a file, or to standard output. Raises ConfigError and RunError."""
    target = None if output in (None, "-") else Path(str(output))
    if target is not None and target.exists() and not overwrite:
        raise ConfigError(f"{target} is there already; --overwrite replaces it")
    rows = make_rows(source, size, seed=seed, settings=settings, backend=backend)
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if target is None:
        import click

        for line in lines:
            click.echo(line, nl=False)
        return
    beside = target.with_name(target.name + ".new")
    with ExitStack() as undo:
        undo.callback(lambda: beside.unlink(missing_ok=True))
        try:
            with beside.open("w", encoding="utf-8") as file:
                file.writelines(lines)
            beside.replace(target)
        except OSError as error:
            raise RunError(f"{target} cannot be written: {error}") from error
