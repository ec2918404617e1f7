"""What `r1-reward diff` does once its flags are read."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from ...scoring.show import figures_table
from ...verifiers.escape import escape_unprintable
from .compare import TOLERANCE, Difference, compare

SHOWN = 20
_HEADS = ("verifier", "flips", "right both", "right to wrong", "wrong to right", "wrong both", "McNemar p")


def run_diff(
    before: str,
    after: str,
    names: Mapping[str, str] | None = None,
    *,
    as_json: bool = False,
    fail_on_flip: bool = False,
    rows: int = SHOWN,
    tolerance: float = TOLERANCE,
    page: str | None = None,
) -> int:
    """Compare, print on standard output, write the page if any; return the exit status. Raises RunError."""
    difference = compare(before, after, names, tolerance=tolerance)
    if page is not None:
        _write_page(difference, before, after, names, page)
    if as_json:
        sys.stdout.write(json.dumps(difference.to_dict(), allow_nan=False) + "\n")
    else:
        _print(difference, rows)
    return 1 if fail_on_flip and not difference.same else 0


def _write_page(difference: Difference, before: str, after: str, names: Mapping[str, str] | None, page: str) -> None:
    from ..report.options import ReportOptions
    from ..report.report_command import print_written
    from ..report.write import ComparisonTable, write_report

    flips: Counter[str] = Counter()
    for (name, _, _), count in difference.groups.items():
        flips[name] += count
    rows = []
    for name in sorted({*flips, *difference.tables}):
        table_of = difference.tables.get(name)
        counts = [""] * 5
        if table_of is not None:
            counts = [f"{n:,}" for n in (table_of.right, table_of.lost, table_of.won, table_of.wrong)] + [
                f"{table_of.p:.4g}"
            ]
        rows.append((name, f"{flips[name]:,}", *counts))
    title = f"{difference.flips:,} verdicts flipped among {difference.pairs:,} responses"
    title += f", matched by {difference.matched_by}"
    if difference.unmatched:
        title += f"; not compared: {_unmatched(difference)}"
    # A page without flips shows no rows, rather than all of them.
    nothing: tuple[dict[str, str], dict[str, str]] = ({"": ""}, {"": ""})
    options = ReportOptions(
        sources=(before, after),
        output=page,
        title=f"{before} and {after}",
        names=names or {},
        systems=("before", "after"),
        flips=difference.flipped if difference.rows else nothing,
    )
    table = ComparisonTable("flip", _HEADS, rows, title)
    print_written(write_report(options, comparison=table, allow_empty=True))


def _print(difference: Difference, rows: int) -> None:
    console = Console(highlight=False, soft_wrap=True)
    share = f" ({difference.flipped_pairs / difference.pairs:.2%})" if difference.pairs else ""
    console.print(
        Text(
            f"{difference.pairs:,} responses in both, matched by {difference.matched_by}; {difference.flips:,} "
            f"verdicts flipped, in {difference.flipped_pairs:,} responses{share}"
        )
    )
    if difference.groups:
        table = figures_table("verifier", "before", "after", "flips")
        for (name, old, new), count in difference.groups.most_common():
            table.add_row(Text(escape_unprintable(name)), old, new, f"{count:,}")
        console.print(table)
    if difference.tables:
        table = figures_table("verifier", "right both", "right to wrong", "wrong to right", "wrong both", "McNemar p")
        for name, table_of in sorted(difference.tables.items()):
            counts = (table_of.right, table_of.lost, table_of.won, table_of.wrong)
            table.add_row(Text(escape_unprintable(name)), *(f"{count:,}" for count in counts), f"{table_of.p:.4g}")
        console.print(table)
        console.print(Text("p takes responses as independent; of several to one problem it is too small", "dim"))
    if difference.one_sided:
        one = ", ".join(f"{name} {count:,} {side}" for (name, side), count in difference.one_sided.most_common(8))
        console.print(Text(escape_unprintable(f"verdicts of one scoring only: {one}"), "yellow"))
    if difference.renamed:
        renamed = ", ".join(f"{n} {a} to {b} {c:,}" for (n, a, b), c in difference.renamed.most_common(5))
        console.print(Text(escape_unprintable(f"same score, another reason: {renamed}")))
    if difference.rows and rows:
        table = figures_table("row", "verifier", "before", "after", "scores")
        for flip in difference.rows[:rows]:
            scores = " to ".join("none" if score is None else f"{score:.4g}" for score in flip.scores)
            table.add_row(
                Text(escape_unprintable(flip.row)),
                Text(escape_unprintable(flip.verifier)),
                flip.before,
                flip.after,
                scores,
            )
        console.print(table)
        if difference.flips > rows:
            console.print(
                Text(f"{difference.flips - rows:,} more flips; --rows N shows more, --json up to 1,000", "dim")
            )
    if difference.unmatched:
        console.print(Text(f"not compared: {_unmatched(difference)}", "yellow"))


def _unmatched(difference: Difference) -> str:
    counts = (
        (difference.only[0], "only in the first file"),
        (difference.only[1], "only in the second"),
        (difference.other_response, "with another response"),
        (difference.twice[0], "with an id seen before in the first"),
        (difference.twice[1], "with an id seen before in the second"),
        (difference.errors[0], "rows in error in the first"),
        (difference.errors[1], "rows in error in the second"),
    )
    return ", ".join(f"{count:,} {what}" for count, what in counts if count)
