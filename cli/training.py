"""Commands of a policy: `train`, `eval`."""

from __future__ import annotations

import sys
from typing import Any

import click

from .options import SCORE_MAP, Command, read_names, read_options, read_settings


@click.command()
@click.argument("recipe", metavar="RECIPE.toml")
@click.option(
    "--set", "set_", multiple=True, callback=read_settings, metavar="KEY=VALUE", help="As if RECIPE had it; repeatable."
)
@click.option("--dry-run", is_flag=True, help="Say what each stage would take; needs neither weights nor data.")
@click.option(
    "--assume", multiple=True, callback=read_settings, metavar="NAME=VALUE", help="For --dry-run; repeatable."
)
def train(recipe: str, set_: dict[str, object], assume: dict[str, object], *, dry_run: bool) -> None:
    """Train a model with GRPO by a recipe; continue an interrupted run.

    KEY is a key of the recipe with dots between tables, as rollout.samples, and VALUE is read as TOML.

    Exit status: 0 trained to the end, 1 the run cannot go on, 2 usage, 130 or 143 ended by a signal, saved.
    """
    from ..verifiers.errors import ConfigError, missing_extra

    try:
        from ..grpo_min.r1.plan import run_plan
        from ..grpo_min.train import run_train
    except ModuleNotFoundError as error:
        raise click.UsageError(missing_extra("training", error.name, "train")) from None
    try:
        sys.exit(run_plan(recipe, assume, set_) if dry_run else run_train(recipe, set_))
    except ConfigError as error:
        raise click.UsageError(str(error)) from None


@click.command("eval", cls=Command)
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
@SCORE_MAP
@click.option(
    "--set", "set_", multiple=True, callback=read_options, metavar="V.OPT=VALUE", help="As for score; repeatable."
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
    "--request", multiple=True, callback=read_settings, metavar="KEY=VALUE", help="In each request's body; repeatable."
)
@click.option("--resume", is_flag=True, help="Go on with OUT where an interrupted run left it.")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it is there.")
@click.option("--table", is_flag=True, help="Print the paper's table of records, or folders of them: [NAME=]RUN ...")
@click.option(
    "--paper", callback=read_names, metavar="STAGE,...", help="With --table: the paper's own columns, as R1-Zero."
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
    from ..inspection.evaluation.evaluate import run_eval

    sys.exit(run_eval(arguments, _folder_eval, **flags))


def _folder_eval(*arguments: Any, **options: Any) -> int:
    """What `grpo_min` does, which needs the extra `train`."""
    from ..verifiers.errors import missing_extra

    try:
        from ..grpo_min.train import run_eval
    except ModuleNotFoundError as error:
        raise click.UsageError(missing_extra("evaluation of a folder", error.name, "train")) from None
    return run_eval(*arguments, **options)
