"""What `r1-reward diff` does once its flags are read."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...verifiers.visible import visible
from .compare import TOLERANCE, Difference, compare

SHOWN = 20


def run_diff(
    before: str,
    after: str,
    names: Mapping[str, str] | None = None,
    *,
    as_json: bool = False,
    fail_on_flip: bool = False,
    rows: int = SHOWN,
    tolerance: float = TOLERANCE,
) -> int:
    """Compare, print on standard output, return the exit status. Raises RunError."""
    found = compare(before, after, names, tolerance=tolerance)
    if as_json:
        sys.stdout.write(json.dumps(found.to_dict(), allow_nan=False) + "\n")
    else:
        _print(found, rows)
    return 1 if fail_on_flip and not found.same else 0


def _print(found: Difference, rows: int) -> None:
    console = Console(highlight=False, soft_wrap=True)
    share = f" ({found.flipped_pairs / found.pairs:.2%})" if found.pairs else ""
    console.print(
        Text(
            f"{found.pairs:,} responses in both, matched by {found.matched_by}; {found.flips:,} verdicts flipped, "
            f"in {found.flipped_pairs:,} responses{share}"
        )
    )
    if found.groups:
        table = _table("verifier", "before", "after", "flips")
        for (name, old, new), count in found.groups.most_common():
            table.add_row(Text(visible(name)), old, new, f"{count:,}")
        console.print(table)
    if found.tables:
        table = _table("verifier", "right both", "right to wrong", "wrong to right", "wrong both", "McNemar p")
        for name, told in sorted(found.tables.items()):
            counts = (told.right, told.lost, told.won, told.wrong)
            table.add_row(Text(visible(name)), *(f"{count:,}" for count in counts), f"{told.p:.4g}")
        console.print(table)
        console.print(Text("p takes responses as independent; of several to one problem it is too small", "dim"))
    if found.one_sided:
        one = ", ".join(f"{name} {count:,} {side}" for (name, side), count in found.one_sided.most_common(8))
        console.print(Text(visible(f"verdicts of one scoring only: {one}"), "yellow"))
    if found.renamed:
        told_so = ", ".join(f"{n} {a} to {b} {c:,}" for (n, a, b), c in found.renamed.most_common(5))
        console.print(Text(visible(f"same score, another reason: {told_so}")))
    if found.rows and rows:
        table = _table("row", "verifier", "before", "after", "scores")
        for flip in found.rows[:rows]:
            scores = " to ".join("none" if score is None else f"{score:.4g}" for score in flip.scores)
            table.add_row(Text(visible(flip.row)), Text(visible(flip.verifier)), flip.before, flip.after, scores)
        console.print(table)
        if found.flips > rows:
            console.print(Text(f"{found.flips - rows:,} more flips; --rows N shows more, --json up to 1,000", "dim"))
    if found.unmatched:
        console.print(Text(f"not compared: {_unmatched(found)}", "yellow"))


def _unmatched(found: Difference) -> str:
    told = (
        (found.only[0], "only in the first file"),
        (found.only[1], "only in the second"),
        (found.other_response, "with another response"),
        (found.twice[0], "with an id seen before in the first"),
        (found.twice[1], "with an id seen before in the second"),
        (found.errors[0], "rows in error in the first"),
        (found.errors[1], "rows in error in the second"),
    )
    return ", ".join(f"{count:,} {what}" for count, what in told if count)


def _table(*heads: str) -> Table:
    return Table(*heads, box=None, pad_edge=False, padding=(0, 2, 0, 0))
