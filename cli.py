"""The command line: one thin function per command. Data on standard output, everything else on standard error."""

from __future__ import annotations

import sys
from typing import Any

import click

from . import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="r1-reward")
def main() -> None:
    """Rewards that a reinforcement-learning run can trust."""


def _pairs(_: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """`a=b` as often as given, or `a=b,c=d`."""
    pairs = {}
    for value in values:
        for part in value.split(",") if option.name == "names" else [value]:
            key, equals, target = part.partition("=")
            if not (key and equals):
                raise click.BadParameter(f"{part!r} is not of the form name=value")
            pairs[key.strip()] = target.strip()
    return pairs


def _options(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, dict[str, object]]:
    """`verifier.option=value` as often as given."""
    from .verifiers.scoring.options import parse_value

    options: dict[str, dict[str, object]] = {}
    for key, value in _pairs(context, option, values).items():
        verifier, dot, name = key.rpartition(".")
        if not dot:
            raise click.BadParameter(f"{key!r} is not of the form verifier.option")
        options.setdefault(verifier, {})[name] = parse_value(value)
    return options


def _names(_: click.Context, __: click.Parameter, value: str | None) -> list[str] | None:
    return None if value is None else [name.strip() for name in value.split(",")]


def _share(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    from .verifiers.errors import ConfigError
    from .verifiers.scoring.options import parse_share

    try:
        return None if value is None else parse_share(value)
    except ConfigError as error:
        raise click.BadParameter(str(error)) from None


@main.command()
@click.argument("files", nargs=-1, metavar="[FILES|-]")
@click.option("-o", "--output", metavar="OUT", help="JSONL file to write; standard output if left out.")
@click.option(
    "--reward", "rewards", callback=_names, metavar="NAMES", help="Verifiers to sum: math,format,... (default: auto)."
)
@click.option("--preset", metavar="NAME", help="A reward of the paper, in place of --reward: r1_zero, rl1.")
@click.option(
    "--set",
    "set_",
    multiple=True,
    callback=_options,
    metavar="V.OPT=VALUE",
    help="An option of a verifier; repeatable.",
)
@click.option(
    "--map", "names", multiple=True, callback=_pairs, metavar="FIELD=NAME", help="Read FIELD from NAME; repeatable."
)
@click.option("--group-by", metavar="NAME", help="Field that groups responses (default: problem, prompt, id).")
@click.option("--max-errors", callback=_share, metavar="SHARE", help="Exit 1 above this share unjudged (default: 1%).")
@click.option("--workers", type=int, metavar="N", help="Processes that judge (default: one per processor).")
@click.option("--row-timeout", type=float, metavar="S", help="Give a row up after this many seconds (default: 600).")
@click.option("--max-line-mb", type=float, metavar="MB", help="Longest line that is read (default: 64).")
@click.option("--resume", is_flag=True, default=None, help="Go on with OUT where an interrupted run left it.")
@click.option("--summary", metavar="FILE", help="Write the summary there as JSON.")
@click.option("--config", metavar="FILE.toml", help="Read options from there; flags win.")
def score(files: tuple[str, ...], config: str | None, set_: dict[str, dict[str, object]], **flags: Any) -> None:
    """Score responses: one JSONL row in, the same row with its reward out.

    FILES are JSONL (also .gz, .zst) or Parquet; - or none is standard input.

    Exit status: 0 fine, 1 too many rows could not be judged, 2 usage, 130 interrupted with a usable OUT, 141 when
    the reader of standard output has gone.
    """
    from .verifiers.errors import RewardError
    from .verifiers.scoring.command import run_score

    given = {"files": files, "set": set_, **flags}
    try:
        sys.exit(run_score(config, {name: value for name, value in given.items() if value not in (None, (), {})}))
    except RewardError as error:
        raise click.UsageError(str(error)) from None


@main.command()
@click.option("--response", required=True, metavar="TEXT", help="What the model wrote; - is standard input.")
@click.option(
    "--reference",
    "references",
    required=True,
    multiple=True,
    metavar="TEXT",
    help="The right answer; repeatable where any of several will do.",
)
@click.option("--prompt", default="", metavar="TEXT", help="What the model was asked; tells of a <think> it gave.")
@click.option(
    "--set",
    "set_",
    multiple=True,
    callback=_options,
    metavar="math.OPT=VALUE",
    help="An option of the verifier; repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object with steps and verdict.")
def explain(
    response: str, references: tuple[str, ...], prompt: str, set_: dict[str, dict[str, object]], as_json: bool
) -> None:
    """Show step by step how the mathematics verifier judges a response.

    Exit status: 0 whatever the verdict, 2 usage.
    """
    from .verifiers.errors import RewardError
    from .verifiers.explain import run_explain

    try:
        run_explain(response, references, prompt, set_, as_json=as_json)
    except RewardError as error:
        raise click.UsageError(str(error)) from None


@main.command()
@click.argument("recipe", metavar="RECIPE.toml")
def train(recipe: str) -> None:
    """Train a model with GRPO as a recipe says; go on where an earlier run of it left off.

    Exit status: 0 trained to the end, 1 the run cannot go on, 2 usage, 130 or 143 ended by a signal, saved.
    """
    from .verifiers.errors import ConfigError

    try:
        from .grpo_min.command import run_train
    except ModuleNotFoundError as error:
        raise click.UsageError(f"training needs {error.name}: pip install 'r1-reward[train]'") from None
    try:
        sys.exit(run_train(recipe))
    except ConfigError as error:
        raise click.UsageError(str(error)) from None
