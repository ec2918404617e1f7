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


def _model_rewards() -> dict[str, Any]:  # any: makers of verifiers
    """The verifiers that need a model, which the catalog cannot know since it lies below them."""
    from .reward_models.verifier import HelpfulVerifier, SafetyVerifier

    return {"helpful": HelpfulVerifier, "safety": SafetyVerifier}


@main.command()
@click.argument("files", nargs=-1, metavar="[FILES|-]")
@click.option("-o", "--output", metavar="OUT", help="JSONL file to write; standard output if left out.")
@click.option(
    "--reward", "rewards", callback=_names, metavar="NAMES", help="Verifiers to sum: math,format,... (default: auto)."
)
@click.option("--preset", metavar="NAME", help="A reward of the paper, in place of --reward: r1_zero, rl1, rl2.")
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

    given = {"files": files, "set": set_, "factories": _model_rewards(), **flags}
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


def _settings(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, object]:
    """`option=value` as often as given."""
    from .verifiers.scoring.options import parse_value

    settings: dict[str, object] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{value!r} is not of the form option=value")
        settings[name.strip().replace("-", "_")] = parse_value(text.strip())
    return settings


@main.command("train-rm")
@click.option("--kind", required=True, type=click.Choice(["helpful", "safety"]), help="What it is to judge.")
@click.option("--data", required=True, multiple=True, metavar="FILE", help="JSONL or Parquet; repeatable.")
@click.option("--base", required=True, metavar="DIR|NAME|tiny", help="Backbone, its configuration, or a tiny one.")
@click.option("-o", "--output", required=True, metavar="DIR", help="Folder to write the reward model to.")
@click.option("--preset", default="paper", metavar="NAME", help="paper (default), small or tiny.")
@click.option("--set", "set_", multiple=True, callback=_settings, metavar="OPT=VALUE", help="A setting; repeatable.")
@click.option("--resume", is_flag=True, help="Go on with DIR where an interrupted run left it.")
def train_rm(kind: str, data: tuple[str, ...], base: str, output: str, **flags: Any) -> None:
    """Train a reward model from preference data.

    Exit status: 0 fine, 1 the run could not go on, 2 usage, 130 or 143 interrupted or ended, after saving.
    """
    from .reward_models.command import run_train
    from .verifiers.errors import RewardError

    try:
        sys.exit(run_train(kind, data, base, output, **flags))
    except RewardError as error:
        raise click.UsageError(str(error)) from None


@main.command("eval-rm")
@click.option("--model", required=True, metavar="DIR", help="A reward model that train-rm wrote.")
@click.option("--data", required=True, multiple=True, metavar="FILE", help="JSONL or Parquet; repeatable.")
@click.option("-o", "--output", metavar="FILE", help="JSON file for the measures; standard output if left out.")
@click.option("--scores", metavar="FILE", help="Write each row's scores there, in RewardBench's shape.")
@click.option("--precision", default="fp32", type=click.Choice(["fp32", "bf16"]), help="Of the multiplications.")
def eval_rm(model: str, data: tuple[str, ...], **flags: Any) -> None:
    """Measure a reward model on labelled data.

    Exit status: 0 whatever the measures, 2 usage.
    """
    from .reward_models.command import run_eval
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
@click.option("--timeout", default=120.0, metavar="S", help="Seconds that a question to URL may take (default: 120).")
@click.option("--workers", default=4, metavar="N", help="Questions under way at once (default: 4).")
@click.option("--record", metavar="FILE", help="Keep the judge's replies there, to judge again without it.")
@click.option("--against", multiple=True, metavar="FILE", help="Data whose prompts must not be in; repeatable.")
@click.option("--set", "set_", multiple=True, callback=_settings, metavar="OPT=VALUE", help="A setting; repeatable.")
def prefs(files: tuple[str, ...], output: str, judge: str, **flags: Any) -> None:
    """Build preference pairs: rows with a prompt and responses, judged two by two in both orders.

    Run again to go on where an interrupted run left DIR. Exit status: 0 fine, 2 usage, 130 interrupted.
    """
    from .reward_models.prefs_command import run_prefs
    from .verifiers.errors import RewardError

    try:
        sys.exit(run_prefs(files, output, judge, **flags))
    except RewardError as error:
        raise click.UsageError(str(error)) from None
