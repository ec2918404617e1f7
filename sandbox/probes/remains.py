"""Probes for what a program leaves behind: the next one must find nothing, and get its answer."""

from __future__ import annotations

from ..session import Command
from .probe import LIMITS, Bench, Probe, ending_of, first, read

_LEAVE = """
import ctypes, os, signal, socket, subprocess, sys
libc = ctypes.CDLL(None)
for folder, inside, _ in os.walk("/"):
    if folder.startswith(("/proc", "/sys")):
        inside.clear()
        continue
    name = folder.rstrip("/") + "/r1-left"
    try:
        os.mkdir(name)
        os.mkdir(name + "/closed")
        open(name + "/closed/file", "w").close()
        os.mkfifo(name + "/fifo")
        os.symlink("/etc/passwd", name + "/link")
        os.chmod(name + "/closed", 0)
    except OSError:
        pass
os.close(os.open("/dev/shm/r1-left-file", os.O_CREAT | os.O_RDWR, 0o4777)) if os.path.isdir("/dev/shm") else None
if sys.platform == "linux":
    libc.shmget(0x7231, 4096, 0o1666)
    libc.msgget(0x7231, 0o1666)
    libc.semget(0x7231, 1, 0o1666)
    libc.mq_open(b"/r1-left", os.O_CREAT | os.O_RDWR, 0o666, None)
if os.fork() == 0:
    os.setsid()
    for number in range(1, 65):
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
    if os.fork() == 0:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("\\0r1-left")
        listener.listen()
        os.write(1, b"left\\n")
        for number in range(3):
            os.close(number)
        while True:
            signal.pause()
    os._exit(0)
sys.stdin.read()
# the daemon has said that it is up before the program ends
import time; time.sleep(0.3)
"""
_FIND = """
import ctypes, os, socket
libc = ctypes.CDLL(None)
for folder, inside, files in os.walk("/"):
    if folder.startswith(("/proc", "/sys")):
        inside.clear()
        continue
    for name in inside + files:
        if name.startswith("r1-left"):
            print("was left:", folder.rstrip("/") + "/" + name)
for name, call in (("shared memory", libc.shmget), ("a message queue", libc.msgget), ("a semaphore", libc.semget)):
    if call(0x7231, 0, 0) >= 0:
        print("was left:", name)
if libc.mq_open(b"/r1-left", os.O_RDONLY) >= 0:
    print("was left: a message queue")
with socket.socket(socket.AF_UNIX) as s:
    try:
        s.connect("\\0r1-left")
        print("was left: a socket that answers")
    except OSError:
        pass
print("tried")
"""


def _leftovers(bench: Bench) -> str | None:
    left = bench.run(_LEAVE)
    if left.ended != "exit" or not left.stdout.startswith(b"left"):
        return f"the probe did not get to its end: {ending_of(left)}"
    if not left.clean:
        return None  # the sandbox says itself that it must not be used again
    return first([bench.holes(_FIND), bench.alive()])


_REWRITE = """
import os, sys
def tampered():
    try:
        with open(__file__, "a") as file:
            file.write("\\nprint('changed by an earlier test')\\n")
    except OSError:
        pass
    folder = os.path.dirname(__file__)
    for name in ("json.py", "sitecustomize.py", "usercustomize.py"):
        try:
            with open(os.path.join(folder, name), "w") as file:
                file.write("print('planted by an earlier test')\\n")
        except OSError:
            pass
    try:
        os.rename(__file__, __file__ + ".old")
    except OSError:
        pass
tampered()
import json
print("tried")
"""


def _program(bench: Bench) -> str | None:
    """The second test of a program must run the program as it was loaded."""
    bench.run(_REWRITE)
    again = bench.session().run(Command(argv=("python3", "{work}/main.py"), limits=LIMITS))
    return read(again)


_KILL_ALL = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(1, b"before")
for number in (signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
    try:
        os.kill(-1, number)
    except OSError:
        pass
    try:
        os.killpg(os.getpgrp() if number != signal.SIGSTOP else 0, signal.SIGCONT)
        os.kill(os.getppid(), number)
    except OSError:
        pass
os._exit(7)
"""


def _kill_all(bench: Bench) -> str | None:
    ran = bench.run(_KILL_ALL)
    return bench.alive() if ran.stdout == b"before" else f"the probe did not begin: {ending_of(ran)}"


_HOLD = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
print("parent", flush=True)
"""


def _held_output(bench: Bench) -> str | None:
    """A grandchild that keeps the output open must not keep the verdict waiting."""
    ran = bench.run(_HOLD)
    if ran.ended != "exit" or ran.stdout != b"parent\n":
        return ending_of(ran)
    return f"took {ran.seconds:.1f} s" if ran.seconds > 8 else bench.alive()


REMAINS = (
    Probe(area="leftovers", name="files, objects, sockets, a daemon", attempt=_leftovers, harmless=False),
    Probe(area="leftovers", name="a program that changes itself for its next test", attempt=_program),
    Probe(area="signals", name="to everybody, to the parent", attempt=_kill_all, harmless=False),
    Probe(area="processes", name="a grandchild that keeps the output open", attempt=_held_output),
)
