"""Checkpoints that are there whole or not at all.

A checkpoint is a folder `step-00000042` with one file (`verifiers.files.write_whole`), and the folder around it is
flushed, so that a crash at any moment leaves the one before it. A checkpoint that cannot be written (disk full) is
removed again, raises, and leaves the earlier ones as they were.
"""

from __future__ import annotations

import fcntl
import os
import random
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from ..verifiers.errors import ConfigError, RunError, WriteError
from ..verifiers.files import flush_folder, write_whole

State = dict[str, Any]
"""Tensors, numbers, strings, and lists, tuples and dicts of them (any: torch's own states are in it)."""

_FILE = "state.pt"


class CheckpointError(RunError):
    """A checkpoint cannot be written or read; the message names it."""


def claim(folder: Path) -> None:
    """Hold the folder against other processes for as long as this one lives.

    Raises ConfigError where another run holds it, or it cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = os.open(folder / ".lock", os.O_WRONLY | os.O_CREAT, 0o644)
    except OSError as error:
        raise ConfigError(f"the output {folder} cannot be written to: {error}") from error
    try:
        fcntl.lockf(held, fcntl.LOCK_EX | fcntl.LOCK_NB)  # closing the file would give it back
    except OSError as error:
        os.close(held)
        raise ConfigError(f"another run is writing to {folder}: wait for it, or take another output") from error


def save(folder: Path, step: int, state: State, *, keep: int) -> None:
    """Write a step's checkpoint and remove all but the latest `keep`; CheckpointError where it cannot be written."""
    place = folder / f"step-{step:08d}"
    try:
        place.mkdir(parents=True, exist_ok=True)
        write_whole(place / _FILE, lambda file: torch.save(state, file))
        flush_folder(folder)
    except (OSError, WriteError) as error:
        with suppress(OSError):
            place.rmdir()
        raise CheckpointError(f"the checkpoint {place} cannot be written: {error.__cause__ or error}") from error
    for old in {*folder.glob("step-*")}.difference(_all(folder)[-keep:]):
        shutil.rmtree(old)


def latest(folder: Path, device: torch.device | str = "cpu") -> State | None:
    """The latest checkpoint's state, None where there is no checkpoint; CheckpointError for one that is damaged.

    Reading runs no code that a file may hold.
    """
    folders = _all(folder)
    if not folders:
        return None
    try:
        return torch.load(folders[-1] / _FILE, map_location=device, weights_only=True)  # type: ignore[no-any-return]
    except Exception as error:
        raise CheckpointError(
            f"the checkpoint {folders[-1]} cannot be read, remove it to go on without: {error}"
        ) from error


def random_state() -> State:
    """The state of every generator that a model or a reward may draw from."""
    return {"python": random.getstate(), "torch": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all()}


def restore_random_state(state: State) -> None:
    """Put the generators back to where `random_state` found them."""
    random.setstate(state["python"])
    torch.set_rng_state(state["torch"].cpu())
    torch.cuda.set_rng_state_all([each.cpu() for each in state["cuda"]])


def _all(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("step-*") if (path / _FILE).is_file())
