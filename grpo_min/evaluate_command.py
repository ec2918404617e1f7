"""What `r1-reward eval` does: a checkpoint asked, its figures as JSON on standard output, a table on standard error."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers.utils.logging import disable_progress_bar

from ..verifiers.reward import PRESETS
from ..verifiers.scoring.rows import Input
from ..verifiers.scoring.samples import MAX_LINE, read_benchmark, write_whole
from ..verifiers.scoring.show import print_evaluation
from .evaluate import default_sampling, evaluate, load


def run_eval(
    model: str,
    files: Sequence[str],
    *,
    names: Mapping[str, str],
    set_: Mapping[str, Mapping[str, object]],
    summary: str | None,
    max_tokens: int | None,
    temperature: float,
    top_p: float,
    stop: Sequence[str],
    bf16: bool,
    **options: Any,  # any: keywords of `evaluate`
) -> int:
    """Evaluate a checkpoint folder on benchmark files; gives the exit status.

    Raises ConfigError for what cannot be read, asked or written.
    """
    disable_progress_bar()  # it would be drawn where there is no terminal, too
    rows = Input(files, MAX_LINE)
    questions = read_benchmark(rows, names)
    policy, tokenizer = load(model, bf16=bf16)
    found = default_sampling(policy, tokenizer, questions, options["template"])
    sampling = replace(
        found, max_tokens=max_tokens or found.max_tokens, temperature=temperature, top_p=top_p, stop=tuple(stop)
    )
    hashes = [{"path": name, "sha256": digest} for name, digest in zip(files, rows.sha256, strict=True)]
    try:
        with _progress(len(questions)) as progress:
            evaluation = evaluate(
                policy,
                questions,
                folder=model,
                tokenizer=tokenizer,
                sampling=sampling,
                reward=PRESETS["rl1"](set_),
                about={"files": hashes},
                progress=progress,
                **options,
            )
    except KeyboardInterrupt:
        return 130
    told = json.dumps(evaluation.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if summary is None:
        print(told, end="")  # noqa: T201 - data, on standard output
    else:
        write_whole(Path(summary), told)
    print_evaluation(evaluation)
    return 0


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("questions", total=total)
        yield lambda done: bar.update(task, completed=done)
