"""What `r1-reward check` does once its flags are read."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from ...scoring.show import figures_table
from ...verifiers.escape import escape_unprintable
from ...verifiers.registry import Options
from .data import FAILURES, Checked, check

SHOWN = 20

_FIX: Mapping[str, str] = {
    "unreadable_row": "mend or remove the row",
    "gold_not_verified": "respell the gold, or remove the row: no answer can be right",
    "gold_unreadable": "respell the gold, or remove the row: it cannot be judged",
    "gold_missing": "add a gold, or remove the row",
    "gold_not_needed": "nothing: the scorer of these rows needs no gold",
    "empty_program_passes": "add tests that a program must do something to pass",
    "duplicate_prompt": "keep one of the rows",
    "conflicting_golds": "find out which gold is right, or remove both",
    "leaked_answer": "take the answer out of the prompt",
    "empty_prompt": "add the prompt",
    "gold_in_prompt": "look whether the prompt gives it away",
    "not_judged": "no fault of the data: see why, and r1-reward doctor for sandboxes",
    "unknown_kind": "respell the kind, or install the package whose verifier judges it",
    "not_checked": "these golds were not verified; see why",
    "very_long_prompt": "more than 20 times the median",
}


def run_check(
    files: Sequence[str],
    names: Mapping[str, str] | None = None,
    options: Mapping[str, Options] | None = None,
    *,
    as_json: bool = False,
    rows: int = SHOWN,
    languages: bool = True,
) -> int:
    """Check, print on standard output, return the exit status: 1 where something is to be fixed."""
    with _progress() as progress:
        checked = check(files or ["-"], names, options, languages=languages, progress=progress)
    if as_json:
        sys.stdout.write(json.dumps(checked.to_dict(), allow_nan=False) + "\n")
    else:
        _print(checked, rows)
    return 1 if checked.failures else 0


@contextmanager
def _progress() -> Iterator[Callable[[int], None] | None]:
    """A line on standard error that counts rows; None where no one sits at a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with console.status("checking") as status:
        yield lambda rows: status.update(f"checking: {rows:,} rows done")


def _print(checked: Checked, rows: int) -> None:
    console = Console(highlight=False, soft_wrap=True)
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in checked.kinds.most_common())
    console.print(Text(f"{checked.rows:,} rows: {kinds or 'none that can be read'}"))
    if checked.lengths:
        listed_counts = ", ".join(f"{name} {length:,}" for name, length in checked.lengths.items())
        console.print(Text(f"characters of a prompt: {listed_counts}"))
    if checked.languages:
        listed_counts = ", ".join(f"{escape_unprintable(code)} {count}" for code, count in checked.languages.items())
        console.print(Text(f"language of {sum(checked.languages.values())} prompts: {listed_counts}"))
    if checked.counts:
        table = figures_table("finding", "rows", "what to do")
        for what, count in sorted(checked.counts.items(), key=lambda item: (item[0] not in FAILURES, -item[1])):
            style = "red" if what in FAILURES else "yellow"
            table.add_row(Text(what.replace("_", " "), style), f"{count:,}", _FIX.get(what, ""))
        console.print(table)
    listed = [finding for finding in checked.findings if finding.fails] or checked.findings
    if listed and rows:
        table = figures_table("row", "line", "finding", "detail")
        for finding in listed[:rows]:
            name, detail = Text(escape_unprintable(finding.row)), Text(escape_unprintable(finding.detail))
            table.add_row(name, f"{finding.line:,}", finding.what.replace("_", " "), detail)
        console.print(table)
        if len(listed) > rows:
            console.print(Text(f"{len(listed) - rows:,} more; --rows N shows more, --json all", "dim"))
    if checked.rows == 0:
        console.print(Text("failed: there is no row", "red"))
    elif checked.failures:
        console.print(Text(f"failed: {checked.failures:,} to fix", "red"))
    else:
        looks = sum(checked.counts.values())
        more = f"; {looks:,} to look at" if looks else ""
        console.print(Text(f"nothing to fix{more}", "yellow" if looks else "green"))
