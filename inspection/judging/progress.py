"""How far asking a judge is, on a terminal: a bar with the calls, tokens and cost so far, while they are under way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from ...verifiers.judge import Asker, Spent


class _SpentColumn(ProgressColumn):
    """Read whenever the line is drawn, so that it moves while a batch is under way."""

    def __init__(self, askers: list[Asker]) -> None:
        super().__init__()
        self._askers = askers

    def render(self, task: Task) -> Text:  # noqa: ARG002 - the same for every task
        """The column."""
        return Text(spent_text([asker.spent for asker in self._askers]), "dim")


def spent_text(parts: list[Spent]) -> str:
    """What several askers have spent, in words.

    >>> spent_text([Spent(calls=3, read=1200, written=90, cost=0.25), Spent(calls=1)])
    '4 calls, 1,200 tokens read, 90 written, cost 0.25'
    """
    read, written, cost = (sum(getattr(one, name) for one in parts) for name in ("read", "written", "cost"))
    text = f"{sum(one.calls for one in parts):,} calls, {read:,} tokens read, {written:,} written"
    return f"{text}, cost {cost:.4g}" if cost else text


@contextmanager
def judging_bar(what: str, total: int) -> Iterator[Callable[[int, Asker], None] | None]:
    """A bar on standard error that takes how many are done and who asks; None where that is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    askers: list[Asker] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _SpentColumn(askers))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)

        def update(done: int, asker: Asker) -> None:
            if asker not in askers:
                askers.append(asker)
            bar.update(task, completed=done)

        yield update
