"""Nothing stays behind: containers are labelled with their owner, and removed when it is gone.

Three nets, one below the other. A container ends at its end of input, so a killed owner takes it along. A watcher, a
process of its own, outlives the owner by a few seconds and removes what that leaves: a container that was made but not
started, or whose start was under way. A sweep when a pool starts removes what is left when even the watcher was killed.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from ..errors import SandboxError
from .docker_engine import engine
from .owner import Owner

if TYPE_CHECKING:
    from docker import APIClient

LABEL = "r1-reward.owner"
"""On every container that we make; its value is the owner."""
REMOVE_SECONDS = 10.0
_QUIET_SECONDS = 2.0
"""How long a watcher sees nothing before it believes that nothing is under way any more."""
_WATCH_SECONDS = 60.0
_log = logging.getLogger(__name__)

# Waits until the owner ends (or says that it is done) before it loads anything: a watcher costs a sleeping process.
# The owner's children may hold the other end of the pipe for longer than the owner lives; a pidfd is not inherited.
_BOOT = """
import json, os, select, sys
sys.path[:] = json.loads(sys.argv[1])
ends = [0]
if hasattr(os, "pidfd_open") and os.getppid() == int(sys.argv[2]):
    try:
        ends.append(os.pidfd_open(os.getppid()))
    except OSError:
        pass
ready = select.select(ends, [], [])[0]
if 0 not in ready or os.read(0, 1) != b".":
    from r1_reward.sandbox.backends.leaks import remove_all_of
    remove_all_of(sys.argv[3])
"""


class Watcher:
    """Removes the containers of this process after its end, however it ends."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start it, unless one watches over this very process already. Raises SandboxError."""
        with self._lock:
            self._start()

    def _start(self) -> None:
        if self._process is not None and self._pid == os.getpid() and self._process.poll() is None:
            return
        self._pid = os.getpid()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter on our own text
                [sys.executable, "-P", "-c", _BOOT, json.dumps(sys.path), str(self._pid), str(Owner.me())],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,  # what ends the owner from a terminal, or with its group, does not end it
            )
        except OSError as error:
            raise SandboxError(f"the watcher could not be started: {error}") from error

    def stop(self) -> None:
        """The owner has cleaned up itself."""
        process, self._process = self._process, None
        if process is None or self._pid != os.getpid():
            return
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.write(b".")
            process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def label() -> dict[str, str]:
    """The label of a container that this process makes."""
    return {LABEL: str(Owner.me())}


def sweep() -> int:
    """Remove the containers whose owner is gone; how many that were. Raises SandboxError where no engine answers."""
    with engine() as client:
        return sweep_with(client)


def sweep_with(client: APIClient) -> int:
    """The same, over a connection that is there."""
    orphans = [name for name, owner in _containers(client) if owner.gone()]
    for name in orphans:
        remove_with(client, name)
    return len(orphans)


def remove(name: str) -> None:
    """Remove a container and wait until it is gone; logs where that fails, for the sweep to try again."""
    try:
        with engine(seconds=REMOVE_SECONDS) as client:
            remove_with(client, name)
    except SandboxError as error:
        _log.warning("container %.12s could not be removed: %s", name, error)


def remove_with(client: APIClient, name: str) -> None:
    """Remove a container that may be going by itself at the same time, and wait until it is gone."""
    from docker.errors import APIError, NotFound

    until = time.monotonic() + REMOVE_SECONDS
    while True:
        try:
            client.remove_container(name, force=True, v=True)
            return
        except NotFound:
            return
        except APIError as error:
            # 409: it is being removed already; anything else may pass as well, such as a process that takes long to end
            if time.monotonic() > until:
                raise SandboxError(f"container {name[:12]} does not end: {error.explanation}") from error
        time.sleep(0.02)


def remove_all_of(owner: str) -> None:
    """What a watcher does: remove all that a process left, until nothing has come up for a while."""
    end = time.monotonic() + _WATCH_SECONDS
    quiet = time.monotonic() + _QUIET_SECONDS
    while time.monotonic() < min(end, quiet):
        try:
            with engine() as client:
                for name, whose in _containers(client):
                    if str(whose) == owner:
                        remove_with(client, name)
                        quiet = time.monotonic() + _QUIET_SECONDS
        except SandboxError:
            quiet = time.monotonic() + _QUIET_SECONDS  # the engine is away: try for as long as a watcher may
        time.sleep(0.2)


def _containers(client: APIClient) -> list[tuple[str, Owner]]:
    containers = client.containers(all=True, filters={"label": LABEL})
    owners = ((each["Id"], Owner.read((each.get("Labels") or {}).get(LABEL, ""))) for each in containers)
    return [(name, owner) for name, owner in owners if owner is not None]
