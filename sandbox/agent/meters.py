"""What processes use, as the kernel reports it: processor time, waiting for it, memory; runs inside the isolation.

Where a control group of our own can be read, memory is also what the kernel counts there, less cached files: that holds
what no process has in its own memory, such as the buffers of sockets and shared maps of processes that have ended.
"""

from __future__ import annotations

import os

GROUP = 100
"""The first of two descriptors that the `local` backend leaves open: usage and statistics of a group's memory."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
_GROUPS = (
    ("/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"),
    ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "/sys/fs/cgroup/memory/memory.stat"),
)
_FILE_LRU = (b"active_file", b"inactive_file", b"total_active_file", b"total_inactive_file")


class Group:
    """The memory of our control group, where it can be read; `ready` says so."""

    def __init__(self) -> None:
        self._usage = self._stat = -1
        try:
            os.fstat(GROUP)
            os.fstat(GROUP + 1)
        except OSError:
            for usage, stat in _GROUPS:
                try:
                    self._usage, self._stat = os.open(usage, os.O_RDONLY), os.open(stat, os.O_RDONLY)
                    break
                except OSError:
                    continue
        else:
            self._usage, self._stat = GROUP, GROUP + 1
            os.set_inheritable(GROUP, False)
            os.set_inheritable(GROUP + 1, False)
        self.ready = self.usage() > 0

    def usage(self) -> int:
        """Bytes, cached files among them; 0 where it cannot be read."""
        try:
            return int(os.pread(self._usage, 100, 0))
        except (OSError, ValueError):
            return 0

    def held(self) -> int:
        """Bytes less cached files, which the kernel lets go where it needs room."""
        cached: dict[bytes, int] = {}
        try:
            for line in os.pread(self._stat, 1 << 16, 0).splitlines():
                name, _, number = line.partition(b" ")
                if name in _FILE_LRU:
                    cached[name] = int(number)
        except (OSError, ValueError):
            return 0
        whole = [cached[name] for name in cached if name.startswith(b"total_")]
        return max(0, self.usage() - sum(whole or cached.values()))


def cpu_seconds(pids: list[int], *, own: bool = True) -> float:
    """Processor time of processes that run, and of those of their children that they have waited for, or of those
    children alone."""
    ticks = 0
    for pid in pids:
        fields = _stat(pid)
        if fields:
            ticks += sum(map(int, fields[11 if own else 13 : 15]))
    return ticks / _TICKS


def waits(pids: list[int]) -> tuple[float, bool]:
    """The longest time that one of their tasks has waited for a processor, and whether one runs or waits for a disk."""
    longest, busy = 0, False
    for pid in pids:
        try:
            tasks = os.listdir(f"/proc/{pid}/task")
        except OSError:
            continue
        for task in tasks[:64]:
            try:
                with open(f"/proc/{pid}/task/{task}/schedstat", "rb", buffering=0) as file:
                    longest = max(longest, int(file.read(200).split()[1]))
            except (OSError, IndexError, ValueError):
                pass
            fields = _stat(pid, task)
            busy = busy or (bool(fields) and fields[0] in (b"R", b"D"))
    return longest / 1e9, busy


def _stat(pid: int, task: str = "") -> list[bytes]:
    try:
        with open(f"/proc/{pid}/task/{task}/stat" if task else f"/proc/{pid}/stat", "rb", buffering=0) as file:
            return file.read(1000).rpartition(b")")[2].split()
    except OSError:
        return []


def descendants(root: int) -> list[int]:
    """Processes that come from one, however far."""
    pids: list[int] = []
    todo = [root]
    while todo:
        pid = todo.pop()
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                    todo += [int(word) for word in file.read().split()]
        except OSError:
            continue
        if pid != root:
            pids.append(pid)
    return pids


def resident(pid: int) -> int:
    """Bytes of a process in memory, shared ones among them."""
    try:
        with open(f"/proc/{pid}/statm", "rb", buffering=0) as file:
            return int(file.read(200).split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def share(pid: int) -> int | None:
    """Bytes in memory, what is shared counted by its share; None where we may not know."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except ProcessLookupError:
        return 0
    except OSError:
        return 0 if not os.path.exists(f"/proc/{pid}") else None
    return 0
