"""Starts one process that is not trusted, and sees to it that nothing of it remains; runs inside the isolation.

Three ways, by what the agent may do there:

    uid     every process gets a user id of its own; what it left is found and killed by that id. Needs CAP_SETUID,
            CAP_SETGID, CAP_KILL, CAP_DAC_OVERRIDE, CAP_FOWNER over a range of ids, and nothing else.
    pidns   one user id is all there is: every process gets a pid namespace and a mount namespace of its own, whose end
            takes all of it along. Needs CAP_SYS_ADMIN in the agent's own user namespace.
    plain   neither: a session of its own, and the children of children are found by walking. No isolation.
"""

from __future__ import annotations

import _socket
import os
import resource
import stat
import sys
import time

from . import linux, meters
from .child import Start, execute
from .linux import signal
from .zygote import Zygote, ZygoteError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATIENCE = 2.0
"""Seconds that the dead get to be gone."""
_ZYGOTES = 4
"""How often one is started, where something ends them."""
_SPACES = linux.CLONE_NEWPID | linux.CLONE_NEWNS
_GROUP_SLACK = 8 << 20
"""Bytes that the kernel may count for a control group besides what its processes hold."""


class Process:
    """A started process: its id, its user, where its end is reported, and the folders that only it sees, if shared."""

    __slots__ = ("folders", "pid", "report", "shares", "uid")

    def __init__(self, pid: int, uid: int, report: int, shares: bool = False) -> None:
        self.pid, self.uid, self.report, self.shares = pid, uid, report, shares
        self.folders: list[int] = []

    def close(self) -> None:
        """Give up its descriptors."""
        for descriptor in (self.report, *self.folders):
            if descriptor >= 0:
                os.close(descriptor)
        self.report, self.folders, self.shares = -1, [], False


class Usage:
    """What the processes of one run have used, as far as they have been waited for."""

    __slots__ = ("cpu_seconds", "memory", "own", "stray")

    def __init__(self) -> None:
        self.cpu_seconds, self.memory, self.own, self.stray = 0.0, 0, 0, 0

    def add(self, used: resource.struct_rusage) -> None:
        self.cpu_seconds += used.ru_utime + used.ru_stime
        self.note(used.ru_maxrss * 1024)

    def note(self, memory: int) -> None:
        """The kernel's greatest memory of a process: where it is not more than the agent's own, it may be the agent's,
        from before the program was started."""
        if memory > self.own:
            self.memory = max(self.memory, memory)


class Jail:
    """The way of starting and ending processes that this machine allows."""

    def __init__(self, mode: str, work: str, scratch: Sequence[str], uids: tuple[int, int]) -> None:
        self.mode, self.work, self.scratch = mode, work, scratch
        self._first, self._count = uids
        if mode == "uid":
            # To kill all of one user is to become that user in effect, and reaches what is of our real user, too: which
            # therefore nothing else is.
            self._count -= 1
            os.setresuid(self._first + self._count, -1, -1)
        self._next = 0
        self._disks: list[str] = []  # a folder on each file system that a program may write to
        self._home = os.geteuid()
        self._me = os.getpid()
        self._zygote: Zygote | None = None
        self._zygotes_left = _ZYGOTES
        self._group = meters.Group()
        self._held_before = 0

    def have_zygote(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start one where there is none, and where this machine allows one."""
        if self._zygote is None and self._zygotes_left:
            self._zygotes_left -= 1
            try:
                self._zygote = Zygote(argv, environment, spaces=self.mode == "pidns")
            except ZygoteError as error:
                self._zygotes_left = 0
                sys.stderr.write(f"no zygote: {error}\n")

    def start(self, what: Start) -> Process:
        """Start it; it runs as soon as it can."""
        what.work, what.scratch, what.uid, what.report = self.work, self.scratch, -1, -1
        near = -1
        if self.mode == "uid":
            what.uid = self._first + self._next % self._count
            self._next += 1
        elif self.mode == "pidns":
            near, what.report = (end.detach() for end in _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET))
        pid = 0
        try:
            if self._zygote is not None and what.inside is not None:
                try:
                    pid = self._zygote.fork(what)
                except ZygoteError:
                    self._end_zygote()
            if not pid:
                pid = linux.fork_into(_SPACES) if near >= 0 else os.fork()
                if not pid:
                    execute(what)
        except OSError:
            if near >= 0:
                os.close(near)
            raise
        finally:
            if what.report >= 0:
                os.close(what.report)
        return Process(pid, what.uid, near, near >= 0 and what.share)

    def _end_zygote(self) -> None:
        if self._zygote is not None:
            self._zygote.end()
            self._zygote = None

    def ended(self, process: Process, usage: Usage) -> int | None:
        """The wait status of a process that has ended, else None."""
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if not pid:
            return None
        process.pid = 0
        if process.report < 0:
            usage.add(used)
            return status
        self._receive_folders(process)
        fields = os.read(process.report, 200).split()
        process.close()
        if not fields:  # its process 1 was killed, which only we or the kernel can do
            return signal.SIGKILL
        usage.cpu_seconds += float(fields[1])
        usage.note(int(fields[2]) * 1024)
        usage.stray += int(fields[3])
        return int(fields[0])

    def finish(self, processes: Sequence[Process], usage: Usage) -> bool:
        """Kill what is left of them and wait until it is gone; False where something would not go."""
        left = [process for process in processes if process.pid]
        if not left and self._reap(usage, 0):
            return True
        stray_before = not left
        if self.mode == "pidns":  # who is killed with its namespace is waited for by nobody, so is not counted later
            usage.cpu_seconds += meters.cpu_seconds(self.pids(processes))
        if self.mode == "uid":
            for process in processes:
                # With the effective id alone: the processes of that id can still not signal us.
                os.setresuid(-1, process.uid, -1)
                try:
                    os.kill(-1, signal.SIGKILL)
                except (ProcessLookupError, PermissionError):
                    pass
                finally:
                    os.setresuid(-1, self._home, -1)
            linux.prctl(linux.PR_SET_DUMPABLE, 0)  # a change of user resets it
        deadline = time.monotonic() + PATIENCE
        while True:
            for process in left:
                _signal(process.pid)
            if self.mode == "plain":
                for pid in self.pids(processes):
                    _signal(pid)
            counted = usage.stray
            gone = self._reap(usage, 0.05)
            if not stray_before:
                usage.stray = counted
            if gone or time.monotonic() > deadline:
                break
        for process in processes:
            process.close()
        return gone

    def _reap(self, usage: Usage, patience: float) -> bool:
        """Wait for children until there are none but the zygote, or for so long."""
        deadline = time.monotonic() + patience
        pause = 0.0001
        while True:
            try:
                pid, _, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if self._zygote is not None:
                if pid == self._zygote.pid:
                    self._end_zygote()
                    continue
                if not pid and self._zygote.is_only_child():
                    return True
            if pid:
                usage.add(used)
                usage.stray += 1
            elif time.monotonic() > deadline:
                return False
            else:
                time.sleep(pause)
                pause = min(pause * 2, 0.01)

    def pids(self, processes: Sequence[Process]) -> list[int]:
        """All that was started and still runs."""
        zygote = self._zygote.pid if self._zygote is not None else 0
        if self.mode == "plain":
            return [pid for pid in meters.descendants(self._me) if pid != zygote]
        # All that can be seen but process 1, ourselves and the first processes of namespaces is theirs.
        ours = {1, self._me, zygote, *(process.pid for process in processes if self.mode == "pidns")}
        return [pid for name in os.listdir("/proc") if name.isdigit() and (pid := int(name)) not in ours]

    def cpu_seconds(self, processes: Sequence[Process]) -> float:
        """Processor time of all that was started and has not been waited for."""
        firsts = [process.pid for process in processes if process.pid] if self.mode == "pidns" else []
        return meters.cpu_seconds(self.pids(processes)) + meters.cpu_seconds(firsts, own=False)

    def waits(self, processes: Sequence[Process]) -> tuple[float, bool]:
        """How long it waited for a processor, and whether it is at work; see meters.py."""
        # The first process of a namespace, too: until it has made that ready there is no other.
        firsts = [process.pid for process in processes if process.pid] if self.mode == "pidns" else []
        return meters.waits([*self.pids(processes), *firsts])

    def mark(self, usage: Usage) -> None:
        """Remember what memory we and our control group hold before a run."""
        own = [self._me] if self._zygote is None else [self._me, self._zygote.pid]
        usage.own = max(map(meters.resident, own)) * 21 // 20
        self._held_before = self._group.held() if self._group.ready else 0

    def memory(self, processes: Sequence[Process], limit: float, disk: int) -> int:
        """Bytes in memory of all that a run has started; `disk` is what it has written to files there.

        What our control group holds beyond that counts where it is clearly too much: buffers of sockets, shared maps.
        """
        pids = self.pids(processes)
        total = sum(map(meters.resident, pids))
        held = self._group.held() if self._group.ready else 0
        # What a run before this one held may be let go of late.
        self._held_before = min(self._held_before, held)
        if total > limit and len(pids) > 1:
            # Forked processes share pages, which the quick look counts for each; so look closer.
            shares = [meters.share(pid) for pid in pids]
            if None not in shares:
                total = min(total, sum(filter(None, shares)))
            total = min(total, held or total)
        elif held - self._held_before - max(0, disk) > limit * 1.1 + _GROUP_SLACK:
            total = max(total, held - self._held_before - max(0, disk))
        return total

    def can_share(self, process: Process) -> bool:
        """Whether calls may share a start: files that one writes can be taken away here, and loading wrote none."""
        if self.mode != "pidns":
            return not any(map(os.listdir, (f"{self.work}/run", *self.scratch)))
        self._receive_folders(process)
        return bool(process.folders) and not any(map(os.listdir, process.folders))

    def wipe_between(self, process: Process) -> bool:
        """Empty what calls that share a start may write to; False where something would not go."""
        if self.mode != "pidns":
            return self.wipe()
        emptied = [empty(folder) for folder in process.folders if os.listdir(folder)]  # each of them, whatever one gave
        return all(emptied)

    def _receive_folders(self, process: Process) -> None:
        """Take what the first process of a namespace has sent, where it was asked to; waits for that."""
        if process.shares:
            process.shares = False
            socket = _socket.socket(fileno=process.report)
            _, ancillary, _, _ = socket.recvmsg(1, _socket.CMSG_SPACE(64))
            socket.detach()
            data = b"".join(part for _, _, part in ancillary)
            process.folders = [int.from_bytes(data[i : i + 4], sys.byteorder) for i in range(0, len(data), 4)]

    def wipe(self) -> bool:
        """Empty the folders that a program may write to; False where something would not go."""
        clean = True
        for place in (f"{self.work}/run", *(self.scratch if self.mode != "plain" else ())):
            if os.listdir(place):
                clean = empty(place) and clean
        return clean

    def wipe_program(self) -> bool:
        """Empty the folder that a program is in; False where something would not go."""
        return empty(f"{self.work}/prog")

    def used_disk(self) -> int:
        """Bytes on the file systems that a program may write to."""
        if self.mode == "plain":
            return 0
        if not self._disks:
            folders = (f"{self.work}/run", *self.scratch)
            self._disks = list({os.stat(place).st_dev: place for place in folders}.values())
        used = 0
        for place in self._disks:
            numbers = os.statvfs(place)
            used += (numbers.f_blocks - numbers.f_bfree) * numbers.f_frsize
        return used


def _signal(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _opened(place: str | int, folder: int | None = None) -> int:
    """A folder that a program may have closed to us, or may change for a link while we look."""
    if isinstance(place, int):
        inner = os.dup(place)
    else:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        try:
            inner = os.open(place, flags, dir_fd=folder)
        except PermissionError:  # only where programs are the same user as we
            os.chmod(place, 0o700, dir_fd=folder)
            inner = os.open(place, flags, dir_fd=folder)
    if folder is not None:
        os.fchmod(inner, 0o700)
    return inner


def empty(place: str | int) -> bool:
    """Remove everything in a folder, however deep or odd, without recursion; False where something would not go.

    Folders within folders are first moved to the top, so that no path grows long.
    """
    folder = _opened(place)
    if isinstance(place, int):
        os.fchmod(folder, 0o1777)  # a folder of the program's own
    clean, number = True, 0
    try:
        while names := os.listdir(folder):
            gone = 0
            for name in names:
                try:
                    if not stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode):
                        os.unlink(name, dir_fd=folder)
                        gone += 1
                        continue
                    inner = _opened(name, folder)
                    try:
                        for below in os.listdir(inner):
                            if stat.S_ISDIR(os.lstat(below, dir_fd=inner).st_mode):
                                number += 1
                                os.close(_opened(below, inner))  # to move a folder is to write its ".."
                                os.rename(below, f".{os.getpid()}.{number}", src_dir_fd=inner, dst_dir_fd=folder)
                            else:
                                os.unlink(below, dir_fd=inner)
                    finally:
                        os.close(inner)
                    os.rmdir(name, dir_fd=folder)
                    gone += 1
                except OSError as error:
                    sys.stderr.write(f"cannot remove {name!r}: {error}\n")
            if not gone:
                clean = False
                break
    finally:
        os.close(folder)
    return clean
