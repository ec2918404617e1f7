"""A training run's state on disk: one file, written beside, moved into place, so that there is always a whole one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import torch

from .errors import TrainingError

STATE = "checkpoint.pt"


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file that is either the old or the new one, whatever happens. Raises TrainingError where it cannot."""
    beside = path.with_name(path.name + ".new")
    try:
        with beside.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        flush(path.parent)
    except (OSError, RuntimeError) as error:
        beside.unlink(missing_ok=True)
        # torch reports a full disk as a RuntimeError of its own writer.
        reason = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        raise TrainingError(
            f"{path} cannot be written: {reason}; the last whole one is kept, free the way and run with --resume"
        ) from error


def flush(folder: Path) -> None:
    """See to it that what was renamed in a folder is so on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def save_state(folder: Path, state: dict[str, Any]) -> None:  # any: tensors and plain values
    """Write the checkpoint of a run. Raises TrainingError."""
    write_whole(folder / STATE, lambda file: torch.save(state, file))


def load_state(folder: Path) -> dict[str, Any]:  # any: as above
    """Read it back. Raises TrainingError where there is none, or it is damaged."""
    path = folder / STATE
    if not path.exists():
        raise TrainingError(f"{folder} has no {STATE} to resume; start anew without --resume, with --overwrite")
    try:
        # Tensors and plain values only: a checkpoint cannot run code.
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise TrainingError(f"{path} is damaged: {str(error)[:200]}; start anew with --overwrite") from error
    return state
