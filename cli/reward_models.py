"""Commands of reward models: `train-rm`, `eval-rm`, `prefs`, `safety-report`."""

from __future__ import annotations

import sys
from typing import Any

import click

from .options import FORM_OPTION, MAP_OPTION, PAIRING_OPTION, Command, read_pairs, read_settings


@click.command("train-rm", cls=Command)
@click.option("--kind", required=True, type=click.Choice(["helpful", "safety"]), help="What it is to judge.")
@click.option("--data", required=True, multiple=True, metavar="FILE", help="JSONL or Parquet; repeatable.")
@click.option("--base", required=True, metavar="DIR|NAME|tiny", help="Backbone, its configuration, or a tiny one.")
@click.option("-o", "--output", required=True, metavar="DIR", help="Folder to write the reward model to.")
@click.option("--preset", default="paper", metavar="NAME", help="paper (default), small or tiny.")
@click.option(
    "--set", "set_", multiple=True, callback=read_settings, metavar="OPT=VALUE", help="A setting; repeatable."
)
@MAP_OPTION
@FORM_OPTION
@PAIRING_OPTION
@click.option("--resume", is_flag=True, help="Go on with DIR where an interrupted run left it.")
@click.option("--overwrite", is_flag=True, help="Begin anew in DIR, whatever an earlier run left there.")
def train_rm(kind: str, data: tuple[str, ...], base: str, output: str, **flags: Any) -> None:
    """Train a reward model from preference data.

    Exit status: 0 fine, 1 the run could not go on, 2 usage, 130 or 143 interrupted or ended, after saving.
    """
    from ..reward_models.train_rm_command import run_train

    sys.exit(run_train(kind, data, base, output, **flags))


@click.command("eval-rm", cls=Command)
@click.option("--model", required=True, metavar="DIR", help="A reward model: of train-rm, or anyone's.")
@click.option("--kind", type=click.Choice(["helpful", "safety"]), help="What it judges, where it has no card.")
@click.option(
    "--set",
    "set_",
    multiple=True,
    callback=read_settings,
    metavar="OPT=VALUE",
    help="An option of its verifier; repeatable.",
)
@click.option("--calibrate", metavar="FILE", help="Write the scale of its scores on this data there, as a card.")
@click.option("--data", required=True, multiple=True, metavar="FILE", help="JSONL or Parquet; repeatable.")
@MAP_OPTION
@FORM_OPTION
@PAIRING_OPTION
@click.option("-o", "--output", metavar="FILE", help="JSON file for the measures; standard output if left out.")
@click.option("--scores", metavar="FILE", help="Write each row's scores there, in RewardBench's shape.")
@click.option("--precision", default="fp32", type=click.Choice(["fp32", "bf16"]), help="Of the multiplications.")
def eval_rm(model: str, data: tuple[str, ...], **flags: Any) -> None:
    """Measure a reward model on labelled data.

    Exit status: 0 whatever the measures, 1 they could not be written, 2 usage.
    """
    from ..reward_models.train_rm_command import run_eval

    sys.exit(run_eval(model, data, **flags))


@click.command(cls=Command)
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
@MAP_OPTION
@FORM_OPTION
@click.option("--against", multiple=True, metavar="FILE", help="Data whose prompts must not be in; repeatable.")
@click.option(
    "--set", "set_", multiple=True, callback=read_settings, metavar="OPT=VALUE", help="A setting; repeatable."
)
def prefs(files: tuple[str, ...], output: str, judge: str, **flags: Any) -> None:
    """Build preference pairs: rows with a prompt and responses, or a prompt alone, judged two by two in both orders.

    Run again to go on where an interrupted run left DIR. Exit status: 0 fine, 1 no pair could be
    judged or the ceiling of cost is reached, 2 usage, 130 interrupted.
    """
    from ..reward_models.prefs_command import run_prefs

    sys.exit(run_prefs(files, output, judge, **flags))


@click.command("safety-report", cls=Command)
@click.argument("files", nargs=-1, required=True, metavar="FILES")
@click.option("--gate", metavar="DIR", help="Safety model or guard that gates; without one nothing is gated.")
@click.option(
    "--threshold", default=0.5, metavar="P", help="Probability of being safe with which it lets through (0.5)."
)
@click.option("--patterns", metavar="FILE", help="Words, one a line, and re:PATTERN lines that stop, before the model.")
@click.option("--judge", metavar="DIR", help="Safety model or guard that says what is unsafe; without it labels do.")
@click.option("--by", multiple=True, metavar="FIELD", help="Group by it, too; repeatable.")
@click.option(
    "--map",
    "names",
    multiple=True,
    callback=read_pairs,
    metavar="FIELD=NAME",
    help="Where a row holds FIELD; repeatable.",
)
@click.option("-o", "--output", metavar="FILE", help="JSON file for the figures; standard output if left out.")
def safety_report(files: tuple[str, ...], **flags: Any) -> None:
    """Report how many responses are unsafe, by benchmark, language and jailbreak template, with and without a gate.

    Rows have a prompt and a response; what is unsafe is known by their labels or by --judge.

    Exit status: 0 whatever the figures, 1 they could not be written, 2 usage.
    """
    from ..reward_models.safety_command import run_safety_report

    sys.exit(run_safety_report(files, **flags))
