"""The command line: one thin function per command. Data on standard output, everything else on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Literal

import click

from ._version import version_string


def _print_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        click.echo(f"r1-reward {version_string()}")
        context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show version and exit."
)
def main() -> None:
    """Rewards that a reinforcement-learning run can trust."""


def _pairs(_: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """`a=b` as often as given, or `a=b,c=d`."""
    pairs = {}
    for value in values:
        for part in value.split(",") if option.name == "names" else [value]:
            key, equals, target = part.partition("=")
            if not (key and equals) or (not target and option.name != "names"):
                raise click.BadParameter(f"{part!r} is not of the form name=value")
            pairs[key.strip()] = target.strip()
    return pairs


def _options(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, dict[str, object]]:
    """`verifier.option=value` as often as given."""
    from .scoring.options import parse_value

    options: dict[str, dict[str, object]] = {}
    for key, value in _pairs(context, option, values).items():
        verifier, dot, name = key.rpartition(".")
        if not dot:
            raise click.BadParameter(f"{key!r} is not of the form verifier.option")
        options.setdefault(verifier, {})[name] = parse_value(value)
    return options


def _settings(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, object]:
    """`option=value` as often as given."""
    from .scoring.options import parse_settings
    from .verifiers.errors import ConfigError

    try:
        return parse_settings(values)
    except ConfigError as error:
        raise click.BadParameter(str(error)) from None


def _names(_: click.Context, __: click.Parameter, value: str | None) -> list[str] | None:
    return None if value is None else [name.strip() for name in value.split(",")]


def _share(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    from .scoring.options import parse_share
    from .verifiers.errors import ConfigError

    try:
        return None if value is None else parse_share(value)
    except ConfigError as error:
        raise click.BadParameter(str(error)) from None


def _reward_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which reward judges, and where a row holds what."""
    for option in (
        click.option(
            "--map",
            "names",
            multiple=True,
            callback=_pairs,
            metavar="FIELD=PATH",
            help="Read FIELD from PATH, such as completion[-1].content; repeatable.",
        ),
        click.option(
            "--set",
            "set_",
            multiple=True,
            callback=_options,
            metavar="V.OPT=VALUE",
            help="An option of a verifier; repeatable.",
        ),
        click.option("--preset", metavar="NAME", help="A reward of the paper, not with --reward: r1_zero, rl1, rl2."),
        click.option(
            "--reward",
            "rewards",
            callback=_names,
            metavar="NAMES",
            help="Verifiers to sum: math,format:0.1,... (default: auto).",
        ),
        click.option("--step", type=int, metavar="N", help="The reward at this training step: NAME:WEIGHT@FROM+RAMP."),
    ):
        command = option(command)
    return command


@main.command()
@click.argument("files", nargs=-1, metavar="[FILES|-]")
@click.option("-o", "--output", metavar="OUT", help="JSONL file to write; standard output if left out.")
@_reward_options
@click.option("--from", "tool", metavar="TOOL", help="What wrote the rows: auto (default), trl, verl, lm-eval, ...")
@click.option("--group-by", metavar="NAME", help="Field that groups responses (default: problem, prompt, id).")
@click.option("--by", callback=_names, metavar="FIELDS", help="Break the summary down by these fields.")
@click.option("--join", metavar="FILE", help="Rows that go with those of FILES, such as golds.")
@click.option("--on", metavar="FIELD", help="Field by which --join finds them; LEFT=RIGHT (default: id).")
@click.option("--keep-going", is_flag=True, default=None, help="Write OUT even if the first 20 rows all fail alike.")
@click.option("--max-errors", callback=_share, metavar="SHARE", help="Exit 1 above this share unjudged (default: 1%).")
@click.option("--workers", type=int, metavar="N", help="Processes that judge (default: one per processor).")
@click.option(
    "--ray",
    is_flag=False,
    flag_value="auto",
    metavar="[ADDRESS]",
    help="Judge on a Ray cluster: auto (the one here, else as local), local, host:port.",
)
@click.option("--row-timeout", type=float, metavar="S", help="Give a row up after this many seconds (default: 600).")
@click.option("--max-line-mb", type=float, metavar="MB", help="Longest line that is read (default: 64).")
@click.option("--prefix", metavar="TEXT", help="Put TEXT before the names of the fields that are written.")
@click.option("--resume", is_flag=True, default=None, help="Go on with OUT where an interrupted run left it.")
@click.option(
    "--overwrite",
    is_flag=True,
    default=None,
    help="Replace OUT and the files of --summary and --report.",
)
@click.option("--summary", metavar="FILE", help="Write the summary there as JSON.")
@click.option("--report", metavar="FILE.html", help="Write a page about the rows; needs --output.")
@click.option("--config", metavar="FILE.toml", help="Read options from there; flags win.")
@click.option("--gate", type=float, metavar="P", help="With --reward safety: refuse what is safe with less than P.")
def score(
    files: tuple[str, ...], config: str | None, set_: dict[str, dict[str, object]], gate: float | None, **flags: Any
) -> None:
    """Score responses: write each row with its reward, in the same order.

    FILES are JSONL (also .gz, .zst) or Parquet; - or none is standard input.

    Exit status: 0 fine, 1 too many rows could not be judged, 2 usage, 130 interrupted with a usable OUT, 141 when
    the reader of standard output has gone.
    """
    from .inspection.report.command import ScoringReporter
    from .scoring.score_command import run_score
    from .verifiers.errors import RewardError

    gated = {} if gate is None else {"safety": {**set_.get("safety", {}), "gate": gate}}
    values = {"files": files, "set": {**set_, **gated}, **flags}
    try:
        sys.exit(
            run_score(
                config,
                {name: value for name, value in values.items() if value not in (None, (), {})},
                ScoringReporter(),
            )
        )
    except RewardError as error:
        raise click.UsageError(str(error)) from None


@main.command()
@click.argument("sources", nargs=-1, required=True, metavar="FILES|RUN_DIR")
@click.option("-o", "--output", metavar="HTML", help="File to write (default: report.html).")
@click.option("--title", metavar="TEXT", help="Heading of the page (default: the name of the source).")
@click.option("--map", "names", multiple=True, callback=_pairs, metavar="FIELD=NAME", help="As for score; repeatable.")
@click.option("--group-by", metavar="NAME", help="Field that groups responses (default: problem, prompt, id).")
@click.option("--by", callback=_names, metavar="FIELDS", help="Tables of the figures by the values of these fields.")
@click.option("--max-rows", type=int, metavar="N", help="Responses in the table; of more a sample (default: 100000).")
@click.option("--max-mb", type=float, metavar="MB", help="Size of the rows on the page (default: 150).")
@click.option("--seed", type=int, metavar="N", help="Of the sample (default: 0).")
@click.option("--images", metavar="DIR", help="Write the figures of a run of stages there as PNG, too.")
def report(**flags: Any) -> None:
    """Write one HTML page about scored rows, or about the folder of a training run or of a run of stages.

    It opens from disk, needs no network, and runs nothing of what a model wrote.

    Exit status: 0 fine, 2 usage.
    """
    from .grpo_min.r1.page import StagesPage
    from .inspection.report.command import run_report
    from .verifiers.errors import RewardError

    try:
        run_report([StagesPage()], **flags)
    except RewardError as error:
        raise click.UsageError(str(error)) from None


@main.command()
@click.argument("folder", metavar="DIR")
@click.option("--port", type=click.IntRange(0, 65_535), default=8001, metavar="N", help="0 takes a free one (8001).")
@click.option("--write", metavar="OUT", help="Write static pages into this folder instead.")
@click.option("--index", metavar="DIR", help="Where indexes are kept (default: the user's cache folder).")
def view(folder: str, **flags: Any) -> None:
    """Show every scored file and training run of a folder in the browser, live while they are written.

    Listens on 127.0.0.1 alone and changes nothing in the folder.

    Exit status: 0 pages written, or ended by SIGTERM; 2 usage, 130 ended by Ctrl-C.
    """
    from .inspection.view.command import run_view
    from .verifiers.errors import RewardError

    try:
        sys.exit(run_view(folder, **flags))
    except RewardError as error:
        raise click.UsageError(str(error)) from None


@main.command()
@_reward_options
@click.option("--host", metavar="ADDRESS", help="Address to listen on (default: 127.0.0.1).")
@click.option("--port", type=int, metavar="N", help="Port to listen on; 0 takes a free one (default: 8000).")
@click.option("--on-error", type=click.Choice(["refuse", "zero"]), help="For rows without a number (default: refuse).")
@click.option("--token-file", metavar="FILE", help="Ask for its token, of 16 characters or more; or NAME TOKEN [MOST].")
@click.option("--token-env", metavar="NAME", help="Ask for the token in this environment variable.")
@click.option("--workers", type=int, metavar="N", help="Processes that judge (default: one per processor).")
@click.option("--row-timeout", type=float, metavar="S", help="Give a row up after this many seconds (default: 40).")
@click.option("--deadline", type=float, metavar="S", help="Answer 503 after this many seconds (default: 100).")
@click.option("--read-timeout", type=float, metavar="S", help="Seconds for a head, and for a body (default: 20).")
@click.option("--max-body-mb", type=float, metavar="MB", help="Largest body (default: 8).")
@click.option("--max-rows", type=int, metavar="N", help="Most rows in a request (default: 1024).")
@click.option("--max-queue", type=int, metavar="N", help="Most rows waiting; then 429 (default: 10000).")
@click.option("--max-memory-mb", type=float, metavar="MB", help="Most bodies held at once; then 429 (default: 512).")
@click.option("--max-connections", type=int, metavar="N", help="Most connections (default: 16000).")
@click.option("--max-per-client", type=int, metavar="N", help="Most requests a named client may have under way.")
@click.option("--tls-cert", metavar="FILE", help="Certificate chain (PEM), for HTTPS; with --tls-key.")
@click.option("--tls-key", metavar="FILE", help="Its private key (PEM).")
@click.option(
    "--log-level",
    type=click.Choice(["error", "warning", "info"]),
    help="What is logged, as JSON on standard error; info has a line for each request (default: warning).",
)
@click.option("--traces", metavar="URL", help="OpenTelemetry collector that gets a span a request (extra `otel`).")
@click.option("--config", metavar="FILE.toml", help="Read options from there; flags win.")
def serve(config: str | None, set_: dict[str, dict[str, object]], **flags: Any) -> None:
    """Serve rewards over HTTP to OpenRLHF, slime, NeMo-Gym and anything that speaks JSON.

    Exit status: 0 ended by SIGTERM with every request answered, 2 usage, 130 ended by Ctrl-C.
    """
    from .adapters.server.command import run_serve
    from .verifiers.errors import RewardError

    values = {"set": set_, **flags}
    try:
        sys.exit(run_serve(config, {name: value for name, value in values.items() if value not in (None, (), {})}))
    except RewardError as error:
        raise click.UsageError(str(error)) from None


@main.command()
@click.argument("files", nargs=-1, required=True, metavar="SCORED...")
@click.option("--by", metavar="FIELD", help="Field that separates systems, or `verifier` (default: the file).")
@click.option("--on", metavar="FIELD", help="Field by which problems are matched (default: problem, else the prompt).")
@click.option("--metric", default="accuracy", metavar="NAME", help="accuracy, reward or a verifier (accuracy).")
@click.option("--map", "names", multiple=True, callback=_pairs, metavar="FIELD=NAME", help="As for score; repeatable.")
@click.option("--rows", type=int, default=20, metavar="N", help="Problems that differ to list (20).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--report", "page", metavar="HTML", help="Also write a page with the responses side by side.")
def compare(files: tuple[str, ...], **flags: Any) -> None:
    """Compare models, steps or verifiers on the same problems, paired by problem.

    Exit status: 0 fine, 2 usage.
    """
    from .inspection.compare.command import run_compare
    from .verifiers.errors import RewardError

    try:
        run_compare(files, **flags)
    except RewardError as error:
        raise click.UsageError(str(error)) from None


@main.command()
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="AFTER")
@click.option("--map", "names", multiple=True, callback=_pairs, metavar="FIELD=NAME", help="As for score; repeatable.")
@click.option("--tolerance", type=float, default=1e-6, metavar="T", help="Scores no further apart are the same (1e-6).")
@click.option("--rows", type=int, default=20, metavar="N", help="Flipped rows to list (20).")
@click.option("--fail-on-flip", is_flag=True, help="Exit 1 if a verdict flipped, or could not be compared.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--report", "page", metavar="HTML", help="Also write a page of the responses that flipped.")
def diff(before: str, after: str, **flags: Any) -> None:
    """Compare two scorings of the same responses: which verdicts flipped, and whether more than by chance.

    Exit status: 0 fine, 1 with --fail-on-flip where a verdict flipped or has no partner, 2 usage.
    """
    from .inspection.diff.command import run_diff
    from .verifiers.errors import RewardError

    try:
        sys.exit(run_diff(before, after, **flags))
    except RewardError as error:
        raise click.UsageError(str(error)) from None


class _Against(click.Command):
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


@main.command(cls=_Against)
@click.argument("files", nargs=-1, metavar="[FILES|-]")
@click.option("--map", "names", multiple=True, callback=_pairs, metavar="FIELD=NAME", help="As for score; repeatable.")
@click.option("--set", "options", multiple=True, callback=_options, metavar="V.OPT=VALUE", help="As for score.")
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
    from .inspection.check.command import run_check
    from .inspection.overlap.command import run_against
    from .verifiers.errors import RewardError

    try:
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
    except RewardError as error:
        raise click.UsageError(str(error)) from None


@main.command("judge-check")
@click.argument("files", nargs=-1, required=True, metavar="FILES")
@click.option("--map", "names", multiple=True, callback=_pairs, metavar="FIELD=NAME", help="As for score; repeatable.")
@click.option("--set", "options", multiple=True, callback=_options, metavar="V.OPT=VALUE", help="As for score.")
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
    from .inspection.judging.command import run_judge_check
    from .verifiers.errors import RewardError

    bounds = {"kappa": kappa, "refusals": refusals, "position": position, "labels": labels}
    try:
        sys.exit(run_judge_check(files, bounds=bounds, **flags))
    except RewardError as error:
        raise click.UsageError(str(error)) from None


@main.command()
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
@click.option("--map", "names", multiple=True, callback=_pairs, metavar="FIELD=NAME", help="As for score; repeatable.")
@click.option("--verifier", metavar="NAME", help="Who judges (default: who judges the sample's kind, else math).")
@click.option(
    "--set",
    "options",
    multiple=True,
    callback=_options,
    metavar="V.OPT=VALUE",
    help="An option of the verifier; repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object with steps and verdict.")
def explain(**flags: Any) -> None:
    """Show step by step how a verifier judges one response.

    Exit status: 0 whatever the verdict, 2 usage.
    """
    from .inspection.explain import run_explain
    from .verifiers.errors import RewardError

    try:
        run_explain(**flags)
    except RewardError as error:
        raise click.UsageError(str(error)) from None


@main.command()
@click.argument("name", required=False, metavar="[NAME]")
def schema(name: str | None) -> None:
    """Print the JSON Schema of what is written: row, verdict, summary, run, and the server's answers.

    Exit status: 0 fine, 2 usage.
    """
    import json

    from .scoring.schemas import schema as schema_of
    from .verifiers.errors import ConfigError

    try:
        click.echo(json.dumps(schema_of(name), indent=2))
    except ConfigError as error:
        raise click.UsageError(str(error)) from None


@main.command()
@click.argument("source", metavar="reasoning-gym/NAME")
@click.option("-n", "--rows", "size", type=int, default=1000, metavar="N", help="How many rows (1000).")
@click.option("--seed", type=int, default=0, metavar="N", help="The same seed gives the same rows (0).")
@click.option("-o", "--output", metavar="OUT", help="JSONL file to write; standard output if left out.")
@click.option("--set", "settings", multiple=True, callback=_settings, metavar="KEY=VALUE", help="Of the data set.")
@click.option("--backend", default="auto", metavar="NAME", help="The sandbox that makes them (auto).")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it is there.")
def make(source: str, size: int, output: str | None, **flags: Any) -> None:
    """Make rows of a procedural data set.

    Exit status: 0 fine, 1 they could not be made, 2 usage.
    """
    from .rows.make import run_make
    from .verifiers.errors import RewardError, RunError

    try:
        run_make(source, size, output, **flags)
    except RunError as error:
        raise click.ClickException(str(error)) from None
    except RewardError as error:
        raise click.UsageError(str(error)) from None


@main.group()
def sandbox() -> None:
    """Where submitted programs run."""


@sandbox.command()
@click.argument("names", nargs=-1, metavar="[NAMES]")
@click.option(
    "--from-debian", "way", flag_value="debian", help="From Debian's packages; needs mmdebstrap, no registry."
)
@click.option("--from-dockerfile", "way", flag_value="dockerfile", help="From the Dockerfiles; needs a registry.")
@click.option(
    "--packages",
    metavar="NAMES|FILE",
    help="Python packages, comma-separated, or a requirements file; without it numpy, scipy, pandas, sympy, ...",
)
@click.option("--force", is_flag=True, help="Also those that are there and up to date.")
def build(
    names: tuple[str, ...], way: Literal["debian", "dockerfile"] | None, packages: str | None, *, force: bool
) -> None:
    """Make what programs run in, on docker and local: python, cpp (C and C++), javascript, java, go, rust.

    None named: the first four. Those that are up to date are left alone. Without a way, what looks more likely to work
    is tried first.

    Exit status: 0 all are there, 1 not, 2 usage.
    """
    from .sandbox.errors import SandboxError
    from .sandbox.images import TESTED
    from .sandbox.images.build import build as make
    from .sandbox.images.tree import read_requirements

    try:
        requirements = None if packages is None else read_requirements(packages)
        make(
            names or TESTED,
            python_packages=requirements,
            way=way,
            force=force,
            say=lambda line: click.echo(line, err=True),
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except SandboxError as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.option("--backend", "names", multiple=True, metavar="NAME", help="docker, runsc, local or unsafe; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, on standard output.")
def doctor(names: tuple[str, ...], *, as_json: bool) -> None:
    """Try to escape from each sandbox of this machine, and print the results.

    Exit status: 0 nothing failed, 1 something did, or a backend that was named is not available, 2 usage.
    """
    from .sandbox.doctor import run_doctor

    try:
        sys.exit(run_doctor(names, as_json=as_json))
    except ValueError as error:
        raise click.UsageError(str(error)) from None


@main.command()
@click.argument("recipe", metavar="RECIPE.toml")
@click.option(
    "--set", "set_", multiple=True, callback=_settings, metavar="KEY=VALUE", help="As if RECIPE had it; repeatable."
)
@click.option("--dry-run", is_flag=True, help="Say what each stage would take; needs neither weights nor data.")
@click.option("--assume", multiple=True, callback=_settings, metavar="NAME=VALUE", help="For --dry-run; repeatable.")
def train(recipe: str, set_: dict[str, object], assume: dict[str, object], *, dry_run: bool) -> None:
    """Train a model with GRPO by a recipe; continue an interrupted run.

    KEY is a key of the recipe with dots between tables, as rollout.samples, and VALUE is read as TOML.

    Exit status: 0 trained to the end, 1 the run cannot go on, 2 usage, 130 or 143 ended by a signal, saved.
    """
    from .verifiers.errors import ConfigError, missing_extra

    try:
        from .grpo_min.r1.plan import run_plan
        from .grpo_min.train import run_train
    except ModuleNotFoundError as error:
        raise click.UsageError(missing_extra("training", error.name, "train")) from None
    try:
        sys.exit(run_plan(recipe, assume, set_) if dry_run else run_train(recipe, set_))
    except ConfigError as error:
        raise click.UsageError(str(error)) from None


@main.command("eval")
@click.argument("arguments", nargs=-1, required=True, metavar="[MODEL] FILES")
@click.option("--server", "url", metavar="URL", help="An OpenAI-compatible server, in place of MODEL.")
@click.option("--model", metavar="NAME", help="Model to ask for there.")
@click.option("--card", metavar="NAME|PATH", help="Task card: aime_2024, math_500, gpqa_diamond, ...; see docs.")
@click.option("--join", metavar="FILE", help="Rows that go with those of FILES, where the card asks for some.")
@click.option("--partial", "partial_rows", is_flag=True, help="FILES need not have all rows that the card says.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="The first N questions only.")
@click.option("-o", "--output", metavar="OUT", help="JSONL file for the samples, for `report` or `explain`.")
@click.option("--summary", metavar="FILE", help="JSON file for the figures; standard output if left out.")
@click.option("-k", "--samples", "k", type=click.IntRange(1), metavar="K", help="Samples a question (the card's; 16).")
@click.option("--temperature", type=click.FloatRange(0), metavar="T", help="Of sampling (the card's; 0.6).")
@click.option("--top-p", type=click.FloatRange(0, 1, min_open=True), metavar="P", help="See docs (the card's; 0.95).")
@click.option("--max-tokens", type=click.IntRange(1), metavar="N", help="Longest response (32768, or what fits).")
@click.option("--stop", multiple=True, metavar="TEXT", help="Ends a response; repeatable.")
@click.option("--seed", type=int, default=0, metavar="N", help="Of all that is drawn (0).")
@click.option(
    "--template",
    type=click.Choice(["r1_zero", "chat", "plain"]),
    help="How it is asked: Table 1 of the paper (default of MODEL), as a chat (default of --server), or as it is.",
)
@click.option("--level", metavar="FIELD", help="Field that holds a question's difficulty (the card's; level).")
@click.option("--map", "names", multiple=True, callback=_pairs, metavar="FIELD=NAME", help="As for score; repeatable.")
@click.option(
    "--set", "set_", multiple=True, callback=_options, metavar="V.OPT=VALUE", help="As for score; repeatable."
)
@click.option("--at-once", type=click.IntRange(1), default=32, metavar="N", help="Questions decoded together (32).")
@click.option("--bf16", is_flag=True, help="Run the model in bfloat16.")
@click.option("--key-from", "key_env", metavar="VARIABLE", help="Environment variable that holds the server's key.")
@click.option("--concurrency", type=click.IntRange(1), metavar="N", help="Requests under way at once (64).")
@click.option("--per-request", type=click.IntRange(1, 128), metavar="N", help="Samples that a request asks for (1).")
@click.option("--retries", type=click.IntRange(0), metavar="N", help="Further tries of a request (5).")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), default=1800.0, metavar="S", help="Of one (1800).")
@click.option("--price", nargs=2, type=click.FloatRange(0), metavar="IN OUT", help="Of a million tokens of each kind.")
@click.option("--max-cost", type=click.FloatRange(0), metavar="COST", help="Stop there; --resume goes on.")
@click.option(
    "--request", multiple=True, callback=_settings, metavar="KEY=VALUE", help="In each request's body; repeatable."
)
@click.option("--resume", is_flag=True, help="Go on with OUT where an interrupted run left it.")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it is there.")
@click.option("--table", is_flag=True, help="Print the paper's table of records, or folders of them: [NAME=]RUN ...")
@click.option(
    "--paper", callback=_names, metavar="STAGE,...", help="With --table: the paper's own columns, as R1-Zero."
)
@click.option("--prompts", is_flag=True, help="Print how far records of one card under several prompts are apart.")
@click.option("--languages", is_flag=True, help="Print which share of records is out of its prompt's language.")
@click.option("--json", "as_json", is_flag=True, help="With --table, --prompts or --languages: one JSON object.")
def evaluate(arguments: tuple[str, ...], **flags: Any) -> None:
    """Sample K answers of a model to every question of benchmark files, and measure them.

    MODEL is a folder in Hugging Face's form, unless --server names a server; FILES are JSONL (also .gz, .zst), CSV or
    Parquet with `prompt` and `reference`, or as --card says.

    Exit status: 0 whatever the figures, 1 the server gave nothing, 2 usage, 130 interrupted; OUT can be gone on with.
    """
    from .inspection.evaluation.evaluate import run_eval
    from .verifiers.errors import RewardError

    try:
        sys.exit(run_eval(arguments, _folder_eval, **flags))
    except RewardError as error:
        raise click.UsageError(str(error)) from None


def _folder_eval(*arguments: Any, **options: Any) -> int:
    """What `grpo_min` does, which needs the extra `train`."""
    from .verifiers.errors import missing_extra

    try:
        from .grpo_min.train import run_eval
    except ModuleNotFoundError as error:
        raise click.UsageError(missing_extra("evaluation of a folder", error.name, "train")) from None
    return run_eval(*arguments, **options)


@main.command("train-rm")
@click.option("--kind", required=True, type=click.Choice(["helpful", "safety"]), help="What it is to judge.")
@click.option("--data", required=True, multiple=True, metavar="FILE", help="JSONL or Parquet; repeatable.")
@click.option("--base", required=True, metavar="DIR|NAME|tiny", help="Backbone, its configuration, or a tiny one.")
@click.option("-o", "--output", required=True, metavar="DIR", help="Folder to write the reward model to.")
@click.option("--preset", default="paper", metavar="NAME", help="paper (default), small or tiny.")
@click.option("--set", "set_", multiple=True, callback=_settings, metavar="OPT=VALUE", help="A setting; repeatable.")
@click.option(
    "--map",
    "names",
    multiple=True,
    callback=_pairs,
    metavar="FIELD=NAME",
    help="Where a row holds FIELD: chosen=a.b[0],rejected=c; repeatable.",
)
@click.option(
    "--from", "form", default="auto", metavar="FORM", help="Form of the rows: auto (default), shp, nectar, ..."
)
@click.option(
    "--pairs",
    "pairing",
    default="extremes",
    type=click.Choice(["extremes", "all"]),
    help="Of rated responses: the best with the worst (default), or all that differ.",
)
@click.option("--resume", is_flag=True, help="Go on with DIR where an interrupted run left it.")
@click.option("--overwrite", is_flag=True, help="Begin anew in DIR, whatever an earlier run left there.")
def train_rm(kind: str, data: tuple[str, ...], base: str, output: str, **flags: Any) -> None:
    """Train a reward model from preference data.

    Exit status: 0 fine, 1 the run could not go on, 2 usage, 130 or 143 interrupted or ended, after saving.
    """
    from .reward_models.train_rm_command import run_train
    from .verifiers.errors import RewardError

    try:
        sys.exit(run_train(kind, data, base, output, **flags))
    except RewardError as error:
        raise click.UsageError(str(error)) from None


@main.command("eval-rm")
@click.option("--model", required=True, metavar="DIR", help="A reward model: of train-rm, or anyone's.")
@click.option("--kind", type=click.Choice(["helpful", "safety"]), help="What it judges, where it has no card.")
@click.option(
    "--set",
    "set_",
    multiple=True,
    callback=_settings,
    metavar="OPT=VALUE",
    help="An option of its verifier; repeatable.",
)
@click.option("--calibrate", metavar="FILE", help="Write the scale of its scores on this data there, as a card.")
@click.option("--data", required=True, multiple=True, metavar="FILE", help="JSONL or Parquet; repeatable.")
@click.option(
    "--map",
    "names",
    multiple=True,
    callback=_pairs,
    metavar="FIELD=NAME",
    help="Where a row holds FIELD: chosen=a.b[0],rejected=c; repeatable.",
)
@click.option(
    "--from", "form", default="auto", metavar="FORM", help="Form of the rows: auto (default), shp, nectar, ..."
)
@click.option(
    "--pairs",
    "pairing",
    default="extremes",
    type=click.Choice(["extremes", "all"]),
    help="Of rated responses: the best with the worst (default), or all that differ.",
)
@click.option("-o", "--output", metavar="FILE", help="JSON file for the measures; standard output if left out.")
@click.option("--scores", metavar="FILE", help="Write each row's scores there, in RewardBench's shape.")
@click.option("--precision", default="fp32", type=click.Choice(["fp32", "bf16"]), help="Of the multiplications.")
def eval_rm(model: str, data: tuple[str, ...], **flags: Any) -> None:
    """Measure a reward model on labelled data.

    Exit status: 0 whatever the measures, 1 they could not be written, 2 usage.
    """
    from .reward_models.train_rm_command import run_eval
    from .verifiers.errors import RewardError

    try:
        sys.exit(run_eval(model, data, **flags))
    except RewardError as error:
        raise click.UsageError(str(error)) from None


@main.command()
@click.argument("files", nargs=-1, required=True, metavar="FILES")
@click.option("-o", "--output", required=True, metavar="DIR", help="Folder for the pairs and what is known of them.")
@click.option("--judge", required=True, metavar="URL|recorded:FILE|MODULE:NAME", help="Who says which is better.")
@click.option("--model", metavar="NAME", help="Model to ask for at URL.")
@click.option("--key-from", metavar="VARIABLE", help="Environment variable that holds the key to URL.")
@click.option("--generate", "generate_from", metavar="URL", help="Server whose model writes the candidates.")
@click.option("--generator", metavar="NAME", help="Model to ask for there.")
@click.option("--generator-key-from", metavar="VARIABLE", help="Environment variable that holds the key to it.")
@click.option("--timeout", default=120.0, metavar="S", help="Seconds that a question to URL may take (default: 120).")
@click.option("--workers", default=32, metavar="N", help="Questions under way at once (default: 32).")
@click.option("--record", metavar="FILE", help="Keep the judge's replies there, and not in DIR.")
@click.option(
    "--map",
    "names",
    multiple=True,
    callback=_pairs,
    metavar="FIELD=NAME",
    help="Where a row holds FIELD: chosen=a.b[0],rejected=c; repeatable.",
)
@click.option(
    "--from", "form", default="auto", metavar="FORM", help="Form of the rows: auto (default), shp, nectar, ..."
)
@click.option("--against", multiple=True, metavar="FILE", help="Data whose prompts must not be in; repeatable.")
@click.option("--set", "set_", multiple=True, callback=_settings, metavar="OPT=VALUE", help="A setting; repeatable.")
def prefs(files: tuple[str, ...], output: str, judge: str, **flags: Any) -> None:
    """Build preference pairs: rows with a prompt and responses, or a prompt alone, judged two by two in both orders.

    Run again to go on where an interrupted run left DIR. Exit status: 0 fine, 1 no pair could be
    judged or the ceiling of cost is reached, 2 usage, 130 interrupted.
    """
    from .reward_models.prefs_command import run_prefs
    from .verifiers.errors import RewardError

    try:
        sys.exit(run_prefs(files, output, judge, **flags))
    except RewardError as error:
        raise click.UsageError(str(error)) from None


@main.command("safety-report")
@click.argument("files", nargs=-1, required=True, metavar="FILES")
@click.option("--gate", metavar="DIR", help="Safety model or guard that gates; without one nothing is gated.")
@click.option(
    "--threshold", default=0.5, metavar="P", help="Probability of being safe with which it lets through (0.5)."
)
@click.option("--patterns", metavar="FILE", help="Words, one a line, and re:PATTERN lines that stop, before the model.")
@click.option("--judge", metavar="DIR", help="Safety model or guard that says what is unsafe; without it labels do.")
@click.option("--by", multiple=True, metavar="FIELD", help="Group by it, too; repeatable.")
@click.option(
    "--map", "names", multiple=True, callback=_pairs, metavar="FIELD=NAME", help="Where a row holds FIELD; repeatable."
)
@click.option("-o", "--output", metavar="FILE", help="JSON file for the figures; standard output if left out.")
def safety_report(files: tuple[str, ...], **flags: Any) -> None:
    """Report how many responses are unsafe, by benchmark, language and jailbreak template, with and without a gate.

    Rows have a prompt and a response; what is unsafe is known by their labels or by --judge.

    Exit status: 0 whatever the figures, 1 they could not be written, 2 usage.
    """
    from .reward_models.safety_command import run_safety_report
    from .verifiers.errors import RewardError

    try:
        sys.exit(run_safety_report(files, **flags))
    except RewardError as error:
        raise click.UsageError(str(error)) from None
