"""What `r1-reward check --against` does once its flags are read."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from ...scoring.show import figures_table
from ...verifiers.errors import ConfigError
from ...verifiers.escape import escape_unprintable
from .files import Contamination, check_against, dropped_path
from .held_out import OverlapOptions
from .texts import read_held_out


def run_against(
    files: Sequence[str],
    against: Sequence[str],
    names: Mapping[str, str] | None = None,
    *,
    output: str | None = None,
    overwrite: bool = False,
    ngram: int = 10,
    near: float = 0.8,
    common: float = 0.05,
    as_json: bool = False,
    rows: int = 20,
) -> int:
    """Hold files against tests, print what they share, and return the exit status: 1 where a row is contaminated and
    no clean file was asked for, or where a row could not be read. Raises ConfigError for what the user can mend."""
    if not files:
        raise ConfigError("name the files to check before --against; - is standard input")
    options = OverlapOptions(ngram=ngram, near=near, common=common)
    mapped: dict[str, str | None] = dict(names or {})
    with _progress() as said:
        held = read_held_out(against, mapped, options, progress=said("tests"))
        result = check_against(files, held, mapped, output=output, overwrite=overwrite, progress=said("rows"))
    if as_json:
        sys.stdout.write(json.dumps(result.to_dict(), allow_nan=False) + "\n")
    else:
        _print(result, rows, output)
    contaminated = sum(result.counts.values()) > result.counts["unreadable"]
    return 1 if result.counts["unreadable"] or not result.rows or (contaminated and output is None) else 0


@contextmanager
def _progress() -> Iterator[Callable[[str], Callable[[int], None] | None]]:
    """What counts rows or tests in a line on standard error; nothing where no one sits at a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("reading") as status:
        yield lambda what: lambda done: status.update(f"checking: {done:,} {what}")


_MEANING = {
    "same": "the question of a test, but for spelling",
    "ngram": "a passage of a test's question or solution",
    "contained": "a short test's question inside",
    "near": "nearly a test's question",
    "unreadable": "cannot be read, or holds no text",
}


def _print(result: Contamination, rows: int, output: str | None) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(f"{result.rows:,} rows against {result.tests:,} tests"))
    if result.wrapping:
        first = escape_unprintable(min(result.wrapping, key=len))
        note = (
            f"{len(result.wrapping):,} n-grams are in many tests of one file and count as no evidence, such as: {first}"
        )
        console.print(Text(note, "yellow"))
    if result.counts:
        table = figures_table("dropped", "rows", "because")
        for reason, count in result.counts.most_common():
            table.add_row(Text(reason, "red"), f"{count:,}", _MEANING[reason])
        console.print(table)
        if result.by_file:
            console.print(
                Text(
                    "by tests: "
                    + ", ".join(f"{escape_unprintable(n)} {c:,}" for n, c in result.by_file.most_common(10))
                )
            )
        often = [(passage, count) for passage, count in result.passages.most_common(3) if count > 1]
        for passage, count in often:
            console.print(Text(f"in {count:,} rows: {escape_unprintable(passage)}"))
        if rows:
            table = figures_table("row", "line", "dropped", "detail")
            for one in result.dropped[:rows]:
                name = one.id if one.id is not None else f"line {one.line}"
                table.add_row(
                    Text(escape_unprintable(name)), f"{one.line:,}", one.reason, Text(escape_unprintable(one.detail))
                )
            console.print(table)
            total = sum(result.counts.values())
            if total > rows:
                console.print(Text(f"{total - rows:,} more; --rows N shows more, --json up to 10,000", "dim"))
    if output is not None:
        console.print(Text(f"{result.kept:,} rows in {output}, the others in {dropped_path(output)}"))
    elif result.rows == 0:
        console.print(Text("failed: there is no row", "red"))
    elif result.counts:
        console.print(Text(f"failed: {sum(result.counts.values()):,} of {result.rows:,} rows", "red"))
    else:
        console.print(Text("no row shares anything with a test", "green"))
