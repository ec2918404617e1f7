"""A training run's state on disk: one file, of which there is always a whole one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import torch

from ..verifiers import files
from ..verifiers.errors import WriteError
from .errors import TrainingError

STATE = "checkpoint.pt"


def write_whole(path: Path, content: bytes | Callable[[IO[bytes]], object]) -> None:
    """Write a file of a run as `files.write_whole` does. Raises TrainingError where it cannot be written."""
    try:
        files.write_whole(path, content)
    except WriteError as error:
        raise TrainingError(f"{error}; the last whole one is kept, free the way and run with --resume") from error


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
