"""Commands that look at rewards and at rows: `report`, `view`, `compare`, `diff`, `check`, `judge-check`, `explain`."""

from __future__ import annotations

import sys
from typing import Any

import click

from .options import SCORE_MAP, SCORE_SET, Command, read_names, read_options


@click.command(cls=Command)
@click.argument("sources", nargs=-1, required=True, metavar="FILES|RUN_DIR")
@click.option("-o", "--output", metavar="HTML", help="File to write (default: report.html).")
@click.option("--title", metavar="TEXT", help="Heading of the page (default: the name of the source).")
@SCORE_MAP
@click.option("--group-by", metavar="NAME", help="Field that groups responses (default: problem, prompt, id).")
@click.option(
    "--by", callback=read_names, metavar="FIELDS", help="Tables of the figures by the values of these fields."
)
@click.option("--max-rows", type=int, metavar="N", help="Responses in the table; of more a sample (default: 100000).")
@click.option("--max-mb", type=float, metavar="MB", help="Size of the rows on the page (default: 150).")
@click.option("--seed", type=int, metavar="N", help="Of the sample (default: 0).")
@click.option("--images", metavar="DIR", help="Write the figures of a run of stages there as PNG, too.")
def report(**flags: Any) -> None:
    """Write one HTML page about scored rows, or about the folder of a training run or of a run of stages.

    It opens from disk, needs no network, and runs nothing of what a model wrote.

    Exit status: 0 fine, 2 usage.
    """
    from ..grpo_min.r1.page import StagesPage
    from ..inspection.report.report_command import run_report

    run_report([StagesPage()], **flags)


@click.command(cls=Command)
@click.argument("folder", metavar="DIR")
@click.option("--port", type=click.IntRange(0, 65_535), default=8001, metavar="N", help="0 takes a free one (8001).")
@click.option("--write", metavar="OUT", help="Write static pages into this folder instead.")
@click.option("--index", metavar="DIR", help="Where indexes are kept (default: the user's cache folder).")
def view(folder: str, **flags: Any) -> None:
    """Show every scored file and training run of a folder in the browser, live while they are written.

    Listens on 127.0.0.1 alone and changes nothing in the folder.

    Exit status: 0 pages written, or ended by SIGTERM; 2 usage, 130 ended by Ctrl-C.
    """
    from ..inspection.view.view_command import run_view

    sys.exit(run_view(folder, **flags))


@click.command(cls=Command)
@click.argument("files", nargs=-1, required=True, metavar="SCORED...")
@click.option("--by", metavar="FIELD", help="Field that separates systems, or `verifier` (default: the file).")
@click.option("--on", metavar="FIELD", help="Field by which problems are matched (default: problem, else the prompt).")
@click.option("--metric", default="accuracy", metavar="NAME", help="accuracy, reward or a verifier (accuracy).")
@SCORE_MAP
@click.option("--rows", type=int, default=20, metavar="N", help="Problems that differ to list (20).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--report", "page", metavar="HTML", help="Also write a page with the responses side by side.")
def compare(files: tuple[str, ...], **flags: Any) -> None:
    """Compare models, steps or verifiers on the same problems, paired by problem.

    Exit status: 0 fine, 2 usage.
    """
    from ..inspection.compare.compare_command import run_compare

    run_compare(files, **flags)


@click.command(cls=Command)
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="AFTER")
@SCORE_MAP
@click.option("--tolerance", type=float, default=1e-6, metavar="T", help="Scores no further apart are the same (1e-6).")
@click.option("--rows", type=int, default=20, metavar="N", help="Flipped rows to list (20).")
@click.option("--fail-on-flip", is_flag=True, help="Exit 1 if a verdict flipped, or could not be compared.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--report", "page", metavar="HTML", help="Also write a page of the responses that flipped.")
def diff(before: str, after: str, **flags: Any) -> None:
    """Compare two scorings of the same responses: which verdicts flipped, and whether more than by chance.

    Exit status: 0 fine, 1 with --fail-on-flip where a verdict flipped or has no partner, 2 usage.
    """
    from ..inspection.diff.diff_command import run_diff

    sys.exit(run_diff(before, after, **flags))


class _Against(Command):
    """A command whose `--against` takes all that follows, as a shell leaves `tests/*.jsonl`, up to the next option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments, with `--against` before each of its values."""
        parsed: list[str] = []
        takes = False
        for arg in args:
            if arg.startswith("-") and arg != "-":
                takes = arg == "--against"
                parsed += [] if takes else [arg]
            else:
                parsed += ["--against", arg] if takes else [arg]
        if args and args[-1] == "--against":
            parsed.append("--against")  # which click refuses for want of a value
        return super().parse_args(ctx, parsed)


@click.command(cls=_Against)
@click.argument("files", nargs=-1, metavar="[FILES|-]")
@SCORE_MAP
@SCORE_SET
@click.option("--rows", type=int, default=20, metavar="N", help="Findings to list (20).")
@click.option("--languages/--no-languages", default=True, help="Detect the languages of 200 prompts.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--against", multiple=True, metavar="TESTS...", help="Look for these tests in FILES, and nothing else.")
@click.option("-o", "--output", metavar="OUT", help="With --against: write the rows that are clean there.")
@click.option("--overwrite", is_flag=True, help="Replace OUT.")
@click.option("--ngram", type=int, default=10, metavar="N", help="Words that a row may not share with a test (10).")
@click.option("--near", type=float, default=0.8, metavar="S", help="Similarity of questions; 1.01: any may be (0.8).")
@click.option("--common", type=float, default=0.05, metavar="S", help="Share of tests that is mere wrapping (0.05).")
def check(
    files: tuple[str, ...],
    against: tuple[str, ...],
    output: str | None,
    names: dict[str, str],
    rows: int,
    *,
    as_json: bool,
    overwrite: bool,
    ngram: int,
    near: float,
    common: float,
    **flags: Any,
) -> None:
    """Check data before a run: golds that do not verify, duplicate prompts, leaked answers.

    With --against: which rows share a passage with a test, or are nearly one.

    Exit status: 0 fine, 1 something is to be fixed, 2 usage.
    """
    from ..inspection.check.check_command import run_check
    from ..inspection.overlap.against_command import run_against

    if not against:
        if output is not None or overwrite:
            raise click.UsageError("-o and --overwrite go with --against")
        sys.exit(run_check(files, names=names, rows=rows, as_json=as_json, **flags))
    if flags["options"]:
        raise click.UsageError("--set is of verifiers, which do not judge with --against")
    sys.exit(
        run_against(
            files,
            against,
            names,
            output=output,
            overwrite=overwrite,
            ngram=ngram,
            near=near,
            common=common,
            as_json=as_json,
            rows=rows,
        )
    )


@click.command("judge-check", cls=Command)
@click.argument("files", nargs=-1, required=True, metavar="FILES")
@SCORE_MAP
@SCORE_SET
@click.option("--min-kappa", "kappa", type=float, default=0.6, metavar="K", help="Least lower end of kappa (0.6).")
@click.option("--max-refusals", "refusals", type=float, default=0.05, metavar="S", help="Most without verdict (0.05).")
@click.option("--max-bias", "position", type=float, default=0.2, metavar="B", help="Largest position bias (0.2).")
@click.option("--min-labels", "labels", type=int, default=50, metavar="N", help="Least labels with a verdict (50).")
@click.option("--threshold", type=float, default=0.5, metavar="S", help="Score of a grade that is right (0.5).")
@click.option("--once", is_flag=True, help="Ask once: half the cost, and no self-agreement.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def judge_check(
    files: tuple[str, ...], kappa: float, refusals: float, position: float, labels: int, **flags: Any
) -> None:
    """Compare a judge with people: labelled responses, or pairs with `chosen` and `rejected`.

    Exit status: 0 usable, 1 below a bound or out of money, 2 usage, 130 interrupted.
    """
    from ..inspection.judging.judge_check_command import run_judge_check

    bounds = {"kappa": kappa, "refusals": refusals, "position": position, "labels": labels}
    sys.exit(run_judge_check(files, bounds=bounds, **flags))


@click.command(cls=Command)
@click.option("--response", metavar="TEXT", help="What the model wrote; - is standard input.")
@click.option(
    "--reference",
    "references",
    multiple=True,
    metavar="TEXT",
    help="The right answer; repeatable where any of several will do.",
)
@click.option("--prompt", default="", metavar="TEXT", help="What the model was asked; shows a <think> it gave.")
@click.option("--language", metavar="CODE", help="Language that the chain of thought should be in.")
@click.option("--from", "source", metavar="FILE", help="Take the sample from a row of FILE, as for score.")
@click.option("--row", metavar="ID|N", help="Which row: its id or number; ID#2 is the second of its responses (1).")
@SCORE_MAP
@click.option("--verifier", metavar="NAME", help="Who judges (default: who judges the sample's kind, else math).")
@click.option(
    "--set",
    "options",
    multiple=True,
    callback=read_options,
    metavar="V.OPT=VALUE",
    help="An option of the verifier; repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object with steps and verdict.")
def explain(**flags: Any) -> None:
    """Show step by step how a verifier judges one response.

    Exit status: 0 whatever the verdict, 2 usage.
    """
    from ..inspection.explain import run_explain

    run_explain(**flags)
