"""Probes for the limits: each must end the program that exceeds it, in time, and leave the agent fit for the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..limits import Limits
from .probe import LIMITS, Bench, Probe, ending_of

_LATE = 5.0
"""Seconds after a time limit that are put up with here; benchmarks measure how long it really takes."""


def _ends(
    code: str, words: Sequence[str], limits: Limits, *, check: Callable[[Bench], str | None] | None = None
) -> Callable[[Bench], str | None]:
    """The program must end in one of these ways, and the next one get its answer."""

    def attempt(bench: Bench) -> str | None:
        ran = bench.run(code, limits=limits)
        if ran.ended not in words and not (ran.ended == "busy" and "time" in words):
            return f"ended otherwise: {ending_of(ran)}"
        if b"hole" in ran.stdout:
            return ran.stdout.decode("utf-8", "replace")[:200].strip()
        late = ran.seconds - limits.over(LIMITS).wall
        if late > _LATE:
            return f"ended {late:.1f} s after its time"
        # A sandbox that says itself that something is left need not be fit for another program.
        return bench.alive() if ran.clean and check is None else check(bench) if check else None

    return attempt


_TIME = Limits(time_s=0.5, wall_s=2)
_IGNORE = "import signal, time\nfor n in (1, 2, 3, 15): signal.signal(n, signal.SIG_IGN)\nwhile True: time.sleep(9)"
_STOP = "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\nprint('hole: it went on')"
_HOLD_GIL = "import re\nre.match('(a+)+$', 'a' * 64 + 'b')"
_CHILDREN = "import os\nfor _ in range(8):\n    if os.fork() == 0: break\nwhile True: pass"

_MEMORY = Limits(memory_mb=96, time_s=20)
_ALLOCATE = """
blocks = []
try:
    while True:
        blocks.append(bytearray(b"x") * (4 << 20))
        if len(blocks) > 400: print("hole: had", len(blocks) * 4, "MiB"); break
except MemoryError:
    blocks.clear()
"""
_SPREAD = """
import os, time
for _ in range(16):
    if os.fork() == 0:
        block = bytearray(b"x") * (64 << 20)
        time.sleep(15)
        os._exit(0)
time.sleep(10)
print("hole: 16 processes had 64 MiB each")
"""

# Each pair of sockets holds some hundred kilobytes that no process has in its own memory.
_SOCKETS = """
import os, socket, time
kept = []
for _ in range(6):
    if os.fork() == 0:
        for _ in range(110):
            one, other = socket.socketpair()
            one.setblocking(False)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
            try:
                while True: one.send(b"x" * 65536)
            except BlockingIOError:
                kept.append((one, other))
        time.sleep(15)
        os._exit(0)
time.sleep(3)
print("hole: 660 full sockets where 96 MiB were allowed")
"""
_DISK = Limits(disk_mb=8, time_s=20)
_FILL = """
import os, time
for place in ("/dev/shm/fill", "/tmp/fill", "fill"):
    try:
        with open(place, "wb") as file:
            for _ in range(1 << 12):
                file.write(bytes(1 << 20))
                file.flush()
        print("hole: wrote 4 GiB to", place)
    except OSError:
        pass
"""
_INODE = Limits(disk_mb=8, time_s=2, wall_s=4)
_INODES = """
import os
count = 0
for place in ("/dev/shm/", "/tmp/", ""):
    try:
        while count < 2_000_000:
            os.close(os.open(f"{place}n{count}", os.O_CREAT | os.O_WRONLY))
            count += 1
        print("hole: made", count, "files")
    except OSError:
        pass
"""
_SPARSE = """
import os
for place in ("/dev/shm/sparse", "/tmp/sparse", "sparse"):
    try:
        with open(place, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, 8 << 30)
            print("hole: reserved 8 GiB in", place)
    except OSError:
        pass
"""

_PIDS = Limits(processes=16, time_s=2, wall_s=4)
_BOMB = """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
"""
_COUNT = """
import os, time
made = 0
try:
    for made in range(1, 2000):
        if os.fork() == 0:
            time.sleep(15)
            os._exit(0)
except OSError:
    made -= 1
if made > 64:
    print("hole: had", made, "processes at once where 16 were allowed")
"""
_THREADS = """
import threading, time
made = 0
threading.stack_size(65536)
try:
    for made in range(2000):
        threading.Thread(target=time.sleep, args=(15,), daemon=True).start()
except RuntimeError:
    pass
if made > 64:
    print("hole: had", made, "threads at once where 16 were allowed", flush=True)
import os; os._exit(0)
"""

_OUTPUT = Limits(output_bytes=100_000, time_s=20)
_FLOOD = "import os\nwhile True: os.write({}, b'x' * 65536)"


def _flood(bench: Bench) -> str | None:
    for stream in (1, 2):
        ran = bench.run(_FLOOD.format(stream), limits=_OUTPUT)
        kept = len(ran.stdout) + len(ran.stderr)
        if ran.ended != "output" or kept > 100_000 or ran.seconds > 10:
            return f"kept {kept} bytes: {ending_of(ran)}"
    return bench.alive()


def _unread(bench: Bench) -> str | None:
    """A program that does not read its input must end all the same."""
    ran = bench.run("print('no thanks')", stdin=bytes(4 << 20))
    return None if ran.ended == "exit" and ran.stdout == b"no thanks\n" else ending_of(ran)


def _space(bench: Bench) -> str | None:
    """After a disk was filled the next program must have all of its own."""
    ran = bench.run("open('file', 'wb').write(bytes(4 << 20))\nprint('written')", limits=_DISK)
    return None if ran.stdout == b"written\n" else f"no room was left for the next program: {ending_of(ran)}"


def _probe(area: str, name: str, attempt: Callable[[Bench], str | None]) -> Probe:
    return Probe(area=area, name=name, attempt=attempt, harmless=area == "time")


BOUNDS = (
    _probe("time", "an endless loop", _ends("while True: pass", ["time"], _TIME)),
    _probe("time", "deaf to every signal that can be ignored", _ends(_IGNORE, ["time"], _TIME)),
    _probe("time", "stops itself", _ends(_STOP, ["time"], _TIME)),
    _probe("time", "C code that holds the interpreter", _ends(_HOLD_GIL, ["time"], _TIME)),
    _probe("time", "eight busy children", _ends(_CHILDREN, ["time"], _TIME)),
    _probe("memory", "one process", _ends(_ALLOCATE, ["memory", "exit", "signal"], _MEMORY)),
    _probe("memory", "sixteen processes that share the guilt", _ends(_SPREAD, ["memory", "signal"], _MEMORY)),
    _probe("memory", "buffers of sockets", _ends(_SOCKETS, ["memory"], _MEMORY)),
    _probe("processes", "a fork bomb", _ends(_BOMB, ["time", "processes", "signal", "memory"], _PIDS)),
    _probe("processes", "more than are allowed", _ends(_COUNT, ["exit", "processes", "signal"], _PIDS)),
    _probe("processes", "threads", _ends(_THREADS, ["exit", "processes", "signal"], _PIDS)),
    _probe("disk", "large files", _ends(_FILL, ["disk", "signal", "exit", "memory"], _DISK, check=_space)),
    _probe("disk", "a million files", _ends(_INODES, ["disk", "exit", "time", "memory"], _INODE, check=_space)),
    _probe("disk", "space reserved at once", _ends(_SPARSE, ["disk", "exit", "signal"], _DISK, check=_space)),
    _probe("output", "without end, on both streams", _flood),
    _probe("output", "input that is not read", _unread),
)
