"""The backend that needs no engine: Linux namespaces, made by our own code, as root or as a plain user.

An agent lives in user, pid, network, IPC, UTS and mount namespaces of its own, on a private root that shows the
system's programs and libraries read-only and nothing else (see namespaces.py). As root each program runs under a user
id that nothing else has; as a plain user each has a pid namespace and a mount namespace. Nothing is set-user-id.
"""

from __future__ import annotations

import itertools
import os
import secrets
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from ..boot import BOOT, MAGIC_BYTES, pack
from ..errors import SandboxError, SandboxUnavailableError
from ..images.tree import current
from ..session import AgentSettings, Channel
from .process_channel import ProcessChannel

_WAY_OUT = (
    "run as root, allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces, "
    "kernel.apparmor_restrict_unprivileged_userns=0; in a container --security-opt seccomp=unconfined), "
    "or use the docker backend"
)
_MODULES = ("linux", "landlock", "meters", "namespaces")
_UIDS = 4096
_FIRST_UID = 1 << 30
_BLOCKS = 200_000
_PREFIX = "r1-reward-"
_CGROUPS = Path("/sys/fs/cgroup")
_CONTROLLERS = ("memory", "pids")
_START_S = 20.0
_END_S = 5.0


class LocalBackend:
    """Isolation by namespaces, for Linux machines without a container engine."""

    name: ClassVar[str] = "local"
    promises: ClassVar[Sequence[str]] = (
        "No network: an empty network namespace.",
        "No files of the host but the system's programs and libraries, read-only; no /home, /root, /var, /run or /sys.",
        "No environment of the caller, no descriptors, no sight of other processes.",
        "As root: every program runs under a user id of its own, in a range that is not used otherwise.",
        "As a plain user: every program has a pid namespace and a mount namespace of its own.",
        "No capabilities, no_new_privs, a filter of system calls and, where the kernel has it, Landlock.",
        "Nothing survives a run: processes are killed until there are none, folders are emptied.",
        "Time, output, processes, resident memory, and the disk in bytes and in files are bounded.",
        "When the client dies, however it dies, everything ends.",
    )
    caveats: ClassVar[Sequence[str]] = (
        "The kernel is shared: an error in a system call that remains is a way out. gVisor is stronger.",
        "Memory is bounded by looking every 20 ms, behind which a resource limit is wide: a program can overshoot.",
        "What lies in pipes and sockets is counted only where cgroups can be made.",
        "Processor time is bounded only through wall time: one run can use all cores.",
        "What is installed under /usr can be read and run.",
    )

    def __init__(
        self,
        *,
        folders: Sequence[str] = (),
        scratch_mb: int = 512,
        memory_mb: int = 4096,
        processes: int = 1024,
        inodes: int = 32768,
        idle_s: float = 3600,
    ) -> None:
        """Nothing is started yet.

        `folders` are shown read-only besides the system's; the bounds are those of a whole agent, behind the limits of
        each program, and those of memory and processes hold where cgroups can be made.
        """
        if sys.platform != "linux":
            raise SandboxUnavailableError(f"the local backend needs Linux, not {sys.platform}; use the docker backend")
        for folder in folders:
            if not Path(folder).is_absolute() or not Path(folder).exists():
                raise ValueError(f"folders: {folder!r} is no absolute path of something that is there")
        python = Path(sys.executable).resolve()
        prefix = Path(sys.base_prefix).resolve()
        self._python = str(python)
        self._tree = current()
        own = [] if str(prefix).startswith("/usr") or self._tree else [str(prefix)]
        self._folders = [*own, *folders]
        self._as_root = os.geteuid() == 0
        self._scratch_mb, self._memory_mb, self._processes, self._inodes = scratch_mb, memory_mb, processes, inodes
        self._idle_s = idle_s
        self._count = itertools.count()
        self._lock = threading.Lock()
        system = "/usr/local/bin:/usr/bin:/bin"
        self._path = system if self._tree else f"{prefix}/bin:{system}"

    @property
    def settings(self) -> AgentSettings:
        """How an agent behind it is to be run."""
        return AgentSettings(
            mode="uid" if self._as_root else "pidns",
            path=self._path,
            first_uid=1,
            uids=_UIDS - 1,
            idle_s=self._idle_s,
        )

    def open(self, image: str) -> Channel:  # noqa: ARG002 - the machine's own programs are the only image
        """A fresh interpreter in namespaces of its own. Raises SandboxUnavailableError, saying the way out."""
        with self._lock:
            number = next(self._count)
        channel = ProcessChannel([self._python, "-I", "-S", "-c", BOOT], {"LC_ALL": "C.UTF-8"}, patience=_END_S)
        config = {
            "client": os.getpid(),
            "first_uid": _FIRST_UID + _UIDS * secrets.randbelow(_BLOCKS) if self._as_root else None,
            "uids": _UIDS,
            "root": self._root(),
            "tree": str(self._tree.path) if self._tree else "",
            "boot": BOOT,
            "folders": self._folders,
            "scratch_mb": self._scratch_mb,
            "inodes": self._inodes,
            "memory_mb": self._memory_mb,
            "processes": self._processes,
            "cgroups": _cgroups(),
            "group": f"{_PREFIX}{os.getpid()}-{_started(os.getpid())}-{number}",
        }
        try:
            deadline = time.monotonic() + _START_S
            channel.send(pack(_MODULES, config, channel.receive(MAGIC_BYTES, deadline)), deadline)
            size = int.from_bytes(channel.receive(4, deadline), "big")
            failed = channel.receive(size, deadline).decode(errors="replace")
        except SandboxError as error:
            failed = str(error)
        if failed:
            channel.kill()
            raise SandboxUnavailableError(f"namespaces are not available here: {failed}. Way out: {_WAY_OUT}")
        return channel

    def _root(self) -> str:
        """A folder to build the private root on, that does not hide what is to be shown there."""
        for place in ("/mnt", "/media", "/srv", "/opt", "/tmp"):  # noqa: S108 - hidden in our own mount namespace only
            if Path(place).is_dir() and not any(folder.startswith(place) for folder in self._folders):
                return place
        raise SandboxUnavailableError("none of /mnt, /media, /srv, /opt, /tmp is there to build a private root on")

    def sweep(self) -> int:
        """Remove the cgroups of clients that are gone; how many."""
        removed = 0
        for tree in {Path(*Path(parent).parts[:5]) for parent, _ in _cgroups()}:
            for folder in [folder for folder in tree.rglob(f"{_PREFIX}*") if folder.is_dir()]:
                pid, started, _ = folder.name.removeprefix(_PREFIX).split("-")
                if _started(int(pid)) != started:
                    try:
                        folder.rmdir()
                    except OSError:  # something in there is still ending
                        continue
                    removed += 1
        return removed

    def close(self) -> None:
        """Nothing is held but by the channels."""


def _started(pid: int) -> str:
    """When a process started, in ticks; a number can come again, with its time it cannot."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except OSError:
        return "gone"


def delegated(root: Path, path: str) -> tuple[Path, list[str]]:
    """The nearest control group of the second version that hands its controllers on and is ours to change, from that of
    this process upwards: one that holds processes hands on none, so it is mostly the one above, as under systemd."""
    place = root / path
    for group in (place, *place.parents):
        try:
            enabled = (group / "cgroup.subtree_control").read_text(encoding="utf-8").split()
        except OSError:
            break
        ours = [name for name in enabled if name in _CONTROLLERS]
        if ours and os.access(group, os.W_OK) and os.access(group / "cgroup.procs", os.W_OK):
            return group, ours
    return place, []


def bounds_memory() -> str:
    """What bounds the memory of programs here: control groups of either version where some can be made, else we."""
    for parent, controllers in _cgroups():
        folder = Path(parent) / f"{_PREFIX}{os.getpid()}-{_started(os.getpid())}-probe"
        try:
            folder.mkdir()
            version = 2 if (folder / "cgroup.controllers").exists() else 1
            folder.rmdir()
        except OSError:
            continue
        if "memory" in controllers:
            return f"a control group (version {version}) for each sandbox, and a look every 20 ms for each program"
    return "a look every 20 ms for each program; no control group can be made here"


def _cgroups() -> list[tuple[str, list[str]]]:
    """Our own cgroups that bound memory and processes, where we may make some below them."""
    cgroups = []
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        ours = [name for name in controllers.split(",") if name in _CONTROLLERS]
        if ours:  # the first version, a tree for each
            place = _CGROUPS / controllers / path.lstrip("/")
        elif not controllers:  # the second, one tree
            place, ours = delegated(_CGROUPS, path.lstrip("/"))
        else:
            continue
        if ours and os.access(place, os.W_OK):
            cgroups.append((str(place), ours))
    return cgroups
