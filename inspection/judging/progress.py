"""How far asking a judge is, on a terminal: a line with the calls, tokens read and written, and cost so far."""

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
    '4 calls, 1.2k + 90 tokens, cost 0.25'
    """
    read, written, cost = (sum(getattr(one, name) for one in parts) for name in ("read", "written", "cost"))
    text = f"{sum(one.calls for one in parts):,} calls, {_short(read)} + {_short(written)} tokens"
    return f"{text}, cost {cost:.4g}" if cost else text


def _short(count: int) -> str:
    """A count in few characters, since the line must fit a terminal of 80."""
    return f"{count / 1e6:.1f}M" if count >= 1e6 else f"{count / 1e3:.1f}k" if count >= 1000 else str(count)


@contextmanager
def judging_bar(what: str, total: int) -> Iterator[Callable[[int, Asker], None] | None]:
    """A bar on standard error that takes how many are done and who asks; None where that is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    askers: list[Asker] = []
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), _SpentColumn(askers), BarColumn(bar_width=6))
    with Progress(*columns, TimeRemainingColumn(compact=True), console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)

        def update(done: int, asker: Asker) -> None:
            if asker not in askers:
                askers.append(asker)
            bar.update(task, completed=done)

        yield update
