"""Commands that score rows, serve scores, and say what is written: `score`, `serve`, `make`, `schema`."""

from __future__ import annotations

import sys
from typing import Any

import click

from .options import Command, read_names, read_settings, read_share, reward_options


@click.command(cls=Command)
@click.argument("files", nargs=-1, metavar="[FILES|-]")
@click.option("-o", "--output", metavar="OUT", help="JSONL file to write; standard output if left out.")
@reward_options
@click.option("--from", "tool", metavar="TOOL", help="What wrote the rows: auto (default), trl, verl, lm-eval, ...")
@click.option("--group-by", metavar="NAME", help="Field that groups responses (default: problem, prompt, id).")
@click.option("--by", callback=read_names, metavar="FIELDS", help="Break the summary down by these fields.")
@click.option("--join", metavar="FILE", help="Rows that go with those of FILES, such as golds.")
@click.option("--on", metavar="FIELD", help="Field by which --join finds them; LEFT=RIGHT (default: id).")
@click.option("--keep-going", is_flag=True, default=None, help="Write OUT even if the first 20 rows all fail alike.")
@click.option(
    "--max-errors", callback=read_share, metavar="SHARE", help="Exit 1 above this share unjudged (default: 1%)."
)
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
    from ..inspection.report.report_command import ScoringReporter
    from ..scoring.score_command import run_score

    gated = {} if gate is None else {"safety": {**set_.get("safety", {}), "gate": gate}}
    values = {"files": files, "set": {**set_, **gated}, **flags}
    sys.exit(
        run_score(
            config,
            {name: value for name, value in values.items() if value not in (None, (), {})},
            ScoringReporter(),
        )
    )


@click.command(cls=Command)
@reward_options
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
    from ..adapters.server.serve_command import run_serve

    values = {"set": set_, **flags}
    sys.exit(run_serve(config, {name: value for name, value in values.items() if value not in (None, (), {})}))


@click.command()
@click.argument("name", required=False, metavar="[NAME]")
def schema(name: str | None) -> None:
    """Print the JSON Schema of what is written: row, verdict, summary, run, and the server's answers.

    Exit status: 0 fine, 2 usage.
    """
    import json

    from ..scoring.schemas import schema as schema_of
    from ..verifiers.errors import ConfigError

    try:
        click.echo(json.dumps(schema_of(name), indent=2))
    except ConfigError as error:
        raise click.UsageError(str(error)) from None


@click.command()
@click.argument("source", metavar="reasoning-gym/NAME")
@click.option("-n", "--rows", "size", type=int, default=1000, metavar="N", help="How many rows (1000).")
@click.option("--seed", type=int, default=0, metavar="N", help="The same seed gives the same rows (0).")
@click.option("-o", "--output", metavar="OUT", help="JSONL file to write; standard output if left out.")
@click.option("--set", "settings", multiple=True, callback=read_settings, metavar="KEY=VALUE", help="Of the data set.")
@click.option("--backend", default="auto", metavar="NAME", help="The sandbox that makes them (auto).")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it is there.")
def make(source: str, size: int, output: str | None, **flags: Any) -> None:
    """Make rows of a procedural data set.

    Exit status: 0 fine, 1 they could not be made, 2 usage.
    """
    from ..rows.make import run_make
    from ..verifiers.errors import RewardError, RunError

    try:
        run_make(source, size, output, **flags)
    except RunError as error:
        raise click.ClickException(str(error)) from None
    except RewardError as error:
        raise click.UsageError(str(error)) from None
