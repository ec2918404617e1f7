"""What several commands take: how values are read, and options that go together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


class Command(click.Command):
    """A command for which a RewardError is the user's to mend: a usage error."""

    def invoke(self, ctx: click.Context) -> Any:  # any: as click has it
        """Run it."""
        from ..verifiers.errors import RewardError

        try:
            return super().invoke(ctx)
        except RewardError as error:
            raise click.UsageError(str(error), ctx) from None


def read_pairs(_: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """`a=b` as often as given, or `a=b,c=d`."""
    pairs = {}
    for value in values:
        for part in value.split(",") if option.name == "names" else [value]:
            key, equals, target = part.partition("=")
            if not (key and equals) or (not target and option.name != "names"):
                raise click.BadParameter(f"{part!r} is not of the form name=value")
            pairs[key.strip()] = target.strip()
    return pairs


def read_options(
    context: click.Context, option: click.Parameter, values: tuple[str, ...]
) -> dict[str, dict[str, object]]:
    """`verifier.option=value` as often as given."""
    from ..scoring.options import parse_value

    options: dict[str, dict[str, object]] = {}
    for key, value in read_pairs(context, option, values).items():
        verifier, dot, name = key.rpartition(".")
        if not dot:
            raise click.BadParameter(f"{key!r} is not of the form verifier.option")
        options.setdefault(verifier, {})[name] = parse_value(value)
    return options


def read_settings(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, object]:
    """`option=value` as often as given."""
    from ..scoring.options import parse_settings
    from ..verifiers.errors import ConfigError

    try:
        return parse_settings(values)
    except ConfigError as error:
        raise click.BadParameter(str(error)) from None


def read_names(_: click.Context, __: click.Parameter, value: str | None) -> list[str] | None:
    return None if value is None else [name.strip() for name in value.split(",")]


def read_share(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    from ..scoring.options import parse_share
    from ..verifiers.errors import ConfigError

    try:
        return None if value is None else parse_share(value)
    except ConfigError as error:
        raise click.BadParameter(str(error)) from None


def reward_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which reward judges, and where a row holds what."""
    for option in (
        click.option(
            "--map",
            "names",
            multiple=True,
            callback=read_pairs,
            metavar="FIELD=PATH",
            help="Read FIELD from PATH, such as completion[-1].content; repeatable.",
        ),
        click.option(
            "--set",
            "set_",
            multiple=True,
            callback=read_options,
            metavar="V.OPT=VALUE",
            help="An option of a verifier; repeatable.",
        ),
        click.option("--preset", metavar="NAME", help="A reward of the paper, not with --reward: r1_zero, rl1, rl2."),
        click.option(
            "--reward",
            "rewards",
            callback=read_names,
            metavar="NAMES",
            help="Verifiers to sum: math,format:0.1,... (default: auto).",
        ),
        click.option("--step", type=int, metavar="N", help="The reward at this training step: NAME:WEIGHT@FROM+RAMP."),
    ):
        command = option(command)
    return command


SCORE_MAP = click.option(
    "--map", "names", multiple=True, callback=read_pairs, metavar="FIELD=NAME", help="As for score; repeatable."
)
SCORE_SET = click.option(
    "--set", "options", multiple=True, callback=read_options, metavar="V.OPT=VALUE", help="As for score."
)
MAP_OPTION = click.option(
    "--map",
    "names",
    multiple=True,
    callback=read_pairs,
    metavar="FIELD=NAME",
    help="Where a row holds FIELD: chosen=a.b[0],rejected=c; repeatable.",
)
"""Of commands that read preference data."""
FORM_OPTION = click.option(
    "--from", "form", default="auto", metavar="FORM", help="Form of the rows: auto (default), shp, nectar, ..."
)
PAIRING_OPTION = click.option(
    "--pairs",
    "pairing",
    default="extremes",
    type=click.Choice(["extremes", "all"]),
    help="Of rated responses: the best with the worst (default), or all that differ.",
)
