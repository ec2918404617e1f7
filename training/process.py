"""A training run as a process: who trains with it, what asks it to end, and how it shows how far it is."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def init_distributed() -> torch.device:
    """Join the other processes of torchrun, if it started this one; gives this one's device."""
    import torch
    import torch.distributed as dist

    cuda = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else torch.device("cpu")
    if cuda and "RANK" in os.environ:
        torch.cuda.set_device(device)
    if "RANK" in os.environ and not dist.is_initialized():
        dist.init_process_group("nccl" if cuda else "gloo")
    return device


@contextmanager
def catch_signals() -> Iterator[list[int]]:
    """Collects SIGTERM and SIGINT, which ask a run to end, instead of dying of them.

    A second SIGINT ends the process as it always did. A second SIGTERM does not: a launcher that stops all processes of
    a run may send each of them two.
    """
    seen: list[int] = []
    earlier: dict[int, Any] = {}  # any: what signal.signal returns

    def note(number: int, _: object) -> None:
        seen.append(number)
        if number == signal.SIGINT:
            signal.signal(number, earlier[number])

    for asked in (signal.SIGINT, signal.SIGTERM):
        with suppress(ValueError):  # not the main thread: whoever runs us handles signals
            earlier[asked] = signal.signal(asked, note)
    try:
        yield seen
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


@contextmanager
def progress_bar(what: str, total: int | None = None, *, shown: bool = True) -> Iterator[Callable[..., None]]:
    """A bar on a terminal, nothing elsewhere; takes `completed`, and `total` or `description` where they change."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not (shown and console.is_terminal), transient=True) as bar:
        yield partial(bar.update, bar.add_task(what, total=total))
