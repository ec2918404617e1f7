"""The backend without isolation: programs run as the user that runs us, and can do all that this user can.

For programs that one has written oneself, and for developing this package where nothing else works. Only taken when it
is named, and it says so every time.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from ..boot import BOOT
from ..session import AgentSettings, Channel
from .process_channel import ProcessChannel


class UnsafeWarning(UserWarning):
    """Programs are about to run without isolation."""


class UnsafeBackend:
    """Plain child processes, with time, output and memory watched and nothing else held."""

    name: ClassVar[str] = "unsafe"
    promises: ClassVar[Sequence[str]] = (
        "Wall time, output and resident memory are bounded; what a program leaves running is killed.",
    )
    caveats: ClassVar[Sequence[str]] = (
        "There is no isolation: a program can do all that the user can, and kill the agent or forge what it reports.",
        "The number of processes and the disk are not bounded.",
    )

    def __init__(self) -> None:
        """Warn, and make a folder for the programs."""
        warnings.warn("programs run WITHOUT isolation: backend 'unsafe' was named", UnsafeWarning, stacklevel=2)
        self._folder = tempfile.mkdtemp(prefix=f"r1-unsafe-{os.getpid()}-")
        self._lock = threading.Lock()
        self._opened = 0
        python = Path(sys.executable).resolve()
        self._python = str(python)
        self._path = os.pathsep.join((str(python.parent), os.environ.get("PATH", os.defpath)))

    @property
    def settings(self) -> AgentSettings:
        """How an agent behind it is to be run; a folder of its own each time."""
        with self._lock:
            self._opened += 1
            work = f"{self._folder}/{self._opened}"
        return AgentSettings(mode="plain", work=work, scratch=(), path=self._path)

    def open(self, image: str) -> Channel:  # noqa: ARG002 - the machine itself is the only image
        """A fresh interpreter."""
        environment = {"PATH": self._path, "LC_ALL": "C.UTF-8"}
        return ProcessChannel([self._python, "-I", "-S", "-c", BOOT], environment)

    def sweep(self) -> int:
        """Nothing is left behind but folders of dead owners, which the system's own cleaning takes."""
        return 0

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)
