"""Rows in memory scored as files are: by the same worker processes, with the same findings and summary."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..rows.files import Input, RawRow
from ..rows.values import plain
from ..verifiers.sample import Sample
from ..verifiers.verifier import Verifier
from .options import ScoreOptions
from .run import Source, score_from
from .summary import Summary
from .work import dump


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What `r1_reward.score` found."""

    rows: list[dict[str, Any]]  # any: JSON values
    """One for each that came, in order: its own fields, with `reward` and `verdicts` added, or an `error`."""
    summary: Summary
    """Means, shares and pass@k over all of them, and how many could not be judged."""


def score(
    rows: Iterable[Mapping[str, Any] | Sample] | str | Path,
    reward: str | Sequence[str] = "auto",
    *,
    preset: str | None = None,
    options: Mapping[str, Mapping[str, object]] | None = None,
    names: Mapping[str, str] | None = None,
    group_by: str | None = None,
    workers: int | None = None,
    ray: str | None = None,
    row_timeout: float = 600.0,
    prefix: str = "",
) -> Scored:
    r"""Score rows in memory, or of a file, in worker processes that may die or hang without harm to the caller.

    Args:
        rows: Dicts or Samples, or the path of a file that `r1-reward score` reads. What JSON has no word for comes back
            as lists, numbers or text.
        reward: Names of verifiers, summed: `"math,format"`; `auto` is the accuracy verifier of each row's kind.
        preset: A reward of the paper, in place of `reward`: `r1_zero`, `rl1`, `rl2`.
        options: Options of verifiers by name: `{"math": {"extraction": "lenient"}}`.
        names: Which field of a row holds which field of a Sample: `{"response": "completion"}`.
        group_by: Field of the row that groups responses to one problem; None leaves it to `Sample.group`.
        workers: Processes that judge; None is one per processor, of this machine or of the Ray cluster.
        ray: A Ray cluster that judges in place of this machine: `auto`, `local`, `host:port` or `ray://host:port`.
        row_timeout: Seconds after which a row's judging is given up and its worker killed.
        prefix: What is put before the names of the fields that are added.

    Returns:
        The rows with their verdicts, in order, and the summary.
    Raises:
        ConfigError: Options that cannot be carried out.
        RunError: A file cannot be read, or no worker can start.
        TypeError: `rows` is a single row, or holds something else than rows.

    A row that cannot be judged has an `error` or a verdict that says why, and nothing is raised for it. Nothing is
    written to disk; for rows that memory does not hold, `r1_reward.scoring.score` goes from file to file.

    >>> import r1_reward
    >>> rows = [{"response": r"\boxed{4}", "reference": "4"}, {"response": "five", "reference": "4"}]
    >>> scored = r1_reward.score(rows, reward="math", workers=1)
    >>> [row["reward"] for row in scored.rows], scored.summary.problems.accuracy.mean
    ([1.0, 0.0], 0.5)
    """
    began = time.monotonic()
    if isinstance(rows, Mapping | Sample | bytes) or not isinstance(rows, Iterable | Path):
        raise TypeError(f"rows is a {type(rows).__name__}; give a list of rows: score([row]), or the path of a file")
    if isinstance(reward, Verifier):
        raise TypeError(f"reward is a {type(reward).__name__}; name it, or call it: reward(samples) gives its verdicts")
    named = [name.strip() for name in reward.split(",")] if isinstance(reward, str) else list(reward)
    settings = ScoreOptions(
        files=[str(rows)] if isinstance(rows, str | Path) else [],
        rewards=["auto"] if preset is not None else named,
        preset=preset,
        set=options or {},
        names=names or {},
        group_by=group_by,
        workers=workers,
        ray=ray,
        row_timeout=row_timeout,
        prefix=prefix,
        keep_going=True,
    )
    judge = settings.spec.build()
    source: Source = _Rows(() if isinstance(rows, str | Path) else rows)
    if settings.files:
        source = Input(settings.files, int(settings.max_line_mb * (1 << 20)))
    kept = _Kept()
    summary = score_from(source, kept, judge, settings, began)
    return Scored(rows=kept.kept, summary=summary)


class _Rows:
    """Rows in memory, as a file would have them."""

    files: Sequence[str] = ()
    sha256: Sequence[str] = ()
    bytes_read = 0
    bytes: int | None = None

    def __init__(self, rows: Iterable[object]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[RawRow]:
        for line, row in enumerate(self._rows, 1):
            if not isinstance(row, Mapping | Sample):
                raise TypeError(f"rows[{line - 1}] is a {type(row).__name__}; rows are dicts or Samples")
            try:
                yield RawRow(0, line, _as_json(plain(row.to_dict() if isinstance(row, Sample) else row)))
            except (ValueError, TypeError, RecursionError) as error:
                yield RawRow(0, line, b"", "wrong_type", f"the row cannot be read: {str(error)[:200]}")


def _as_json(row: object) -> bytes:
    try:
        return dump(row)
    except TypeError:
        return json.dumps(row, default=_json_for).encode()


def _json_for(value: object) -> object:
    """What stands in a row for a TestCase, a Message and what else JSON has no word for."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: item for name, item in dataclasses.asdict(value).items() if item is not None}
    return str(value)


class _Kept:
    """Finished rows as a list."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []  # any: JSON values

    resumed = False

    def begin(self) -> None:
        """Nothing to do."""

    def finish(self) -> None:
        """Nothing to do."""

    def rows(self) -> int:
        """How many there are."""
        return len(self.kept)

    def earlier(self) -> Iterator[bytes]:
        """None."""
        return iter(())

    def write(self, lines: Sequence[bytes]) -> None:
        """Keep finished rows."""
        self.kept += map(json.loads, lines)

    def close(self) -> None:
        """Nothing to do."""
