"""The command line: one thin function per command. Data on standard output, everything else on standard error.

It composes what two rooms would otherwise know of each other, and loads a room where a command needs it.
"""

from __future__ import annotations

import click

from .._version import version_string
from .inspection import check, compare, diff, explain, judge_check, report, view
from .reward_models import eval_rm, prefs, safety_report, train_rm
from .sandbox import doctor, sandbox
from .scoring import make, schema, score, serve
from .training import evaluate, train

__all__ = ["main"]


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


for _command in (
    make,
    schema,
    score,
    serve,
    check,
    compare,
    diff,
    explain,
    judge_check,
    report,
    view,
    doctor,
    sandbox,
    evaluate,
    train,
    eval_rm,
    prefs,
    safety_report,
    train_rm,
):
    main.add_command(_command)
