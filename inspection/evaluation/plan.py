"""What `r1-reward eval` does once its flags are read, but for models in a folder, which `grpo_min` runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ...rows.files import Input
from ...scoring.measure import Estimate, Evaluation
from ...scoring.samples import MAX_LINE, read_benchmark
from ...scoring.scored import ScoredRow
from ...scoring.show import print_evaluation
from ...verifiers.errors import ConfigError, RunError
from ...verifiers.files import write_json
from ...verifiers.registry import Options
from ...verifiers.sample import Sample
from ...verifiers.spec import RewardSpec
from .benchmarks import figures
from .cards import TaskCard, ready_card, with_settings
from .client import ModelClient
from .codeforces import CONTESTS, Contest, read_contest
from .prompts import PromptForm
from .questions import read_questions
from .served import Serving, evaluate_served

FINE, FAILED, INTERRUPTED = 0, 1, 130
_K, _TEMPERATURE, _TOP_P, _MAX_TOKENS = 16, 0.6, 0.95, 32_768
"""The paper's, where no card says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationPlan:
    """What is asked and how it is judged: a card and its files, or files alone."""

    questions: Sequence[Sample]
    reward: RewardSpec
    k: int
    temperature: float
    top_p: float
    max_tokens: int
    level: str
    about: Mapping[str, Any]  # any: JSON values
    """Files with their hashes and the card, for the record."""
    card: TaskCard | None = None
    contests: Sequence[Contest] = ()
    """Of Codeforces."""

    @property
    def benchmark(self) -> str | None:
        """The card's name."""
        return None if self.card is None else self.card.name

    @property
    def summarise(self) -> Callable[[Iterable[ScoredRow]], Mapping[str, Estimate]] | None:
        """Makes the benchmark's own figures."""
        return None if self.card is None else partial(_estimates, self.card, self.contests)


def _estimates(card: TaskCard, contests: Sequence[Contest], rows: Iterable[ScoredRow]) -> Mapping[str, Estimate]:
    try:
        return figures(card, rows, contests).estimates
    except RunError as error:  # a record without a verdict has none; `unjudged` says so
        Console(stderr=True).print(str(error), style="yellow")
        return {}


def make_plan(
    files: Sequence[str],
    *,
    card: str | None = None,
    names: Mapping[str, str] | None = None,
    set_: Mapping[str, Options] | None = None,
    join: str | None = None,
    partial_rows: bool = False,
    limit: int | None = None,
    seed: int = 0,
    k: int | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    max_tokens: int | None = None,
    level: str | None = None,
) -> EvaluationPlan:
    """Read the questions, by a card or without one. Raises ConfigError for what cannot be asked."""
    if card is None:
        if join is not None or partial_rows:
            raise ConfigError("--join and --partial go with a card; --card NAME names one")
        rows = Input(files, MAX_LINE)
        questions = read_benchmark(rows, names)[:limit]
        hashes = [{"path": path, "sha256": digest} for path, digest in zip(rows.files, rows.sha256, strict=True)]
        return EvaluationPlan(
            questions=questions, reward=RewardSpec(preset="rl1", options=set_ or {}), k=k or _K,
            temperature=_TEMPERATURE if temperature is None else temperature, top_p=top_p or _TOP_P,
            max_tokens=max_tokens or _MAX_TOKENS, level=level or "level", about={"files": hashes},
        )  # fmt: skip
    chosen = with_settings(
        ready_card(card), k=k, temperature=temperature, top_p=top_p, max_tokens=max_tokens, level=level
    )
    if chosen.judged_by_model and not {"url", "ask", "replay"} & {*(set_ or {}).get("judge", {})}:
        raise ConfigError(f"{chosen.title} is judged by a model: --set judge.url=http://... --set judge.model=NAME")
    benchmark = read_questions(chosen, files, names, join=join, seed=seed, limit=limit, partial=partial_rows)
    contests = [read_contest(name, row) for name, row in benchmark.joined.items()] if chosen.metric == "rating" else []
    about = {"files": benchmark.files, "card": chosen.to_dict()}
    return EvaluationPlan(
        questions=benchmark.questions, reward=chosen.reward(set_), k=chosen.k, temperature=chosen.temperature,
        top_p=chosen.top_p, max_tokens=chosen.max_tokens, level=chosen.level, about=about, card=chosen,
        contests=contests,
    )  # fmt: skip


def run_served(
    plan: EvaluationPlan,
    *,
    url: str,
    model: str,
    key_env: str | None = None,
    template: PromptForm = "chat",
    timeout: float = 1_800.0,
    stop: Sequence[str] = (),
    request: Mapping[str, object] | None = None,
    serving: Mapping[str, Any] | None = None,  # any: fields of Serving
    seed: int = 0,
    output: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    summary: str | None = None,
) -> int:
    """Evaluate a served model and write its figures; gives the exit status.

    Raises ConfigError for what cannot be asked.
    """
    client = ModelClient(
        url=url, model=model, key_env=key_env, timeout=timeout, temperature=plan.temperature, top_p=plan.top_p,
        max_tokens=plan.max_tokens, stop=tuple(stop), extra=request or {},
        served="chat" if template == "chat" else "completions",
    )  # fmt: skip
    settings = Serving(**{"patience": max(300.0, 2 * timeout), **(serving or {})})
    try:
        with _bar(len(plan.questions)) as show:
            evaluation = evaluate_served(
                client, plan.questions, plan.reward, k=plan.k, seed=seed, template=template, serving=settings,
                level=plan.level, benchmark=plan.benchmark, output=output, resume=resume, overwrite=overwrite,
                summarise=plan.summarise, about=plan.about, progress=show,
            )  # fmt: skip
    except KeyboardInterrupt:
        Console(stderr=True).print("interrupted" + ("" if output is None else "; --resume goes on"))
        return INTERRUPTED
    except (RunError, OSError) as error:  # an OSError of a full disk; OUT holds whole questions
        Console(stderr=True).print(str(error), style="red", markup=False)
        return FAILED
    write_figures(evaluation, plan, summary, output)
    if evaluation.metrics["unjudged"].value:
        Console(stderr=True).print(
            "some samples are missing or could not be judged; --resume asks again for those that are missing"
        )
    return FINE


def write_figures(evaluation: Evaluation, plan: EvaluationPlan, summary: str | None, output: str | None) -> None:
    """Write the figures as JSON, to standard output where no file is named, and show them."""
    write_json(summary, evaluation.to_dict())
    if plan.contests and output is not None:  # a table made from the record needs them
        write_json(f"{output}{CONTESTS}", {one.name: {"standings": one.standings} for one in plan.contests})
    print_evaluation(evaluation)
    if plan.card is not None and not plan.card.source.sha256:
        listed = "\n".join(f"  {file['sha256']}  {file['path']}" for file in plan.about["files"])
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            f"the card {plan.card.name} lists no SHA-256 of its files; those of yours are\n{listed}", markup=False
        )
    if plan.card is not None and (figure := evaluation.metrics.get(plan.card.metric)) is not None:
        scale = 1.0 if plan.card.metric == "rating" else 100.0
        paper = f"; R1 in the paper: {plan.card.paper.values['R1']:g}" if plan.card.paper else ""
        Console(stderr=True, highlight=False).print(
            f"{plan.card.title}: {scale * figure.value:.1f}{paper}", markup=False
        )


@contextmanager
def _bar(questions: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, where that is a terminal."""
    columns = (TextColumn("questions"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("questions", total=questions)
        yield lambda done: bar.update(task, completed=done)
