"""Probes for what a program can reach: network, files, environment, privileges, the agent, a neighbour."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import tempfile
from pathlib import Path

from .probe import Bench, Probe, ending_of, first

_NETWORK = """
import socket
others = [name for _, name in socket.if_nameindex() if name != "lo"]
# Some kernels have tunnel devices in every namespace; what counts is whether anything goes through
for family, address in ((socket.AF_INET, ("192.0.2.1", 9)), (socket.AF_INET6, ("2001:db8::1", 9))):
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        try:
            with socket.socket(family, kind) as s:
                s.settimeout(2)
                s.connect(address)
                s.send(b"x")
            print("a route leads to", address[0])
        except TimeoutError:
            print("a route leads to", address[0])
        except OSError:
            pass
try:
    print("a name was looked up:", socket.getaddrinfo("localhost.localdomain.example.com", 80)[0][4])
except OSError:
    pass
for family, protocol in (("AF_PACKET", 0), ("AF_INET", 1)):
    try:
        socket.socket(getattr(socket, family), socket.SOCK_RAW, protocol).close()
        print("raw packets can be sent by", others)
    except (OSError, AttributeError):
        pass
print("tried")
"""

_LISTENERS = """
import socket, sys
port, name = sys.stdin.read().split()
for family, address in ((socket.AF_INET, ("127.0.0.1", int(port))), (socket.AF_UNIX, "\\0" + name)):
    try:
        with socket.socket(family) as s:
            s.settimeout(2)
            s.connect(address)
        print("a listener of the host answers at", repr(address))
    except OSError:
        pass
print("tried")
"""


def _listeners(bench: Bench) -> str | None:
    """The host listens on its own loopback and on an abstract address: neither may be reached."""
    name = f"r1-reward-{secrets.token_hex(8)}"
    with socket.socket() as inet, socket.socket(socket.AF_UNIX) as unix:
        inet.bind(("127.0.0.1", 0))
        unix.bind("\0" + name)
        inet.listen()
        unix.listen()
        return bench.holes(_LISTENERS, stdin=f"{inet.getsockname()[1]} {name}".encode())


_FILES = """
import os, sys
for secret in sys.stdin.read().splitlines():
    for place in (secret, "/proc/1/root" + secret, "/proc/1/cwd" + secret):
        try:
            with open(place, "rb") as file:
                file.read(1)
            print("a file of the host could be read:", place)
        except OSError:
            pass
for place in ("/etc/shadow", "/proc/kcore", "/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/nvme0n1",
              "/proc/1/mem", "/var/run/docker.sock", "/proc/keys", "/proc/timer_list"):
    try:
        with open(place, "rb") as file:
            if file.read(64).strip():
                print("could be read:", place)
    except OSError:
        pass
for place in ("/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches", "/proc/sysrq-trigger",
              "/sys/kernel/uevent_helper", "/sys/fs/cgroup/release_agent", "/proc/self/oom_adj"):
    try:
        os.close(os.open(place, os.O_WRONLY))
        if place != "/proc/self/oom_adj":
            print("could be opened for writing:", place)
    except OSError:
        pass
for place in ("/", "/usr", "/usr/bin", "/usr/lib/python3", "/etc", "/lib", "/opt", "/home", "/var", "/run", "/srv",
              "/dev", "/mnt"):
    name = os.path.join(place, "r1-probe")
    try:
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT, 0o600))
        print("could be written to:", place)
        os.unlink(name)
    except OSError:
        pass
print("tried")
"""


def _files(bench: Bench) -> str | None:
    """Neither a file that every user of the host may read may be there, nor those in our own home."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        ours: list[Path] = []
        secret = Path(folder) / "secret"
        secret.write_text(secrets.token_hex(8), encoding="ascii")
        secret.chmod(0o644)
        with contextlib.suppress(OSError, RuntimeError):
            ours = sorted(path for path in Path.home().iterdir() if path.is_file())[:50]
        return bench.holes(_FILES, stdin="\n".join(map(str, [secret, *ours])).encode())


_ENVIRONMENT = """
import os
for name in os.listdir("/proc"):
    if name.isdigit():
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                print(file.read().replace(b"\\0", b"\\n").decode("latin-1"))
        except OSError:
            pass
print(*(f"{name}={value}" for name, value in os.environ.items()), sep="\\n")
print("tried")
"""
_EVERYWHERE = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "PWD", "TMPDIR", "SHLVL", "TERM", "_"}
    | {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"}
)


def _environment(bench: Bench) -> str | None:
    """No variable of this process may be seen, neither in the program's own environment nor in another's."""
    ran = bench.run(_ENVIRONMENT)
    lines = set(ran.stdout.decode("latin-1").splitlines())
    if "tried" not in lines:
        return f"the probe did not get to its end: {ending_of(ran)}"
    ours = (name for name, value in os.environ.items() if name not in _EVERYWHERE and f"{name}={value}" in lines)
    seen = sorted(ours)
    return f"variables of the host were seen: {', '.join(seen[:5])}" if seen else None


_PRIVILEGES = """
import ctypes, os, platform
libc = ctypes.CDLL(None, use_errno=True)
if 0 in os.getresuid() or 0 in os.getresgid() or 0 in os.getgroups():
    print("runs as root or in its group")
with open("/proc/self/status") as file:
    status = {name: value.strip() for name, _, value in (line.partition(":") for line in file)}
for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
    if int(status.get(name, "0"), 16):
        print("has capabilities:", name, status[name])
if libc.prctl(39, 0, 0, 0, 0) != 1:
    print("could get privileges by executing: no_new_privs is not set")
if status.get("Seccomp", "2") != "2":
    print("no filter of system calls")
for name in ("setuid", "setgid"):
    try:
        getattr(os, name)(0)
        print(name, "to root worked")
    except OSError:
        pass
# NEWUSER, NEWNS, NEWNET, NEWPID
for flag in (0x10000000, 0x00020000, 0x40000000, 0x20000000):
    if libc.unshare(flag) == 0:
        print(f"unshare({flag:#x}) worked")
if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0:
    print("mount worked")
try:
    os.chroot("/tmp")
    print("chroot worked")
except OSError:
    pass
if platform.machine() == "x86_64":
    buffer = ctypes.create_string_buffer(128)
    for name, number, arguments in (("ptrace", 101, (16, os.getppid(), 0, 0)), ("bpf", 321, (0, buffer, 0)),
            ("perf_event_open", 298, (buffer, 0, -1, -1, 0)), ("keyctl", 250, (0, -3, 1)), ("userfaultfd", 323, (0,)),
            ("io_uring_setup", 425, (1, buffer)), ("mq_open", 240, (b"r1", 0o102, 0o600, None)),
            ("shmget", 29, (0, 4096, 0o1600)), ("open_by_handle_at", 304, (-1, buffer, 0))):
        if libc.syscall(number, *arguments) >= 0:
            print("system call", name, "worked")
print("tried")
"""

_AGENT = """
import ctypes, os, resource, signal
libc = ctypes.CDLL(None, use_errno=True)
me, null = os.getpid(), os.stat("/dev/null").st_rdev
for name in os.listdir("/proc"):
    if not name.isdigit() or int(name) == me:
        continue
    pid, place = int(name), f"/proc/{name}/"
    # not environ and maps: gVisor shows them to all, and nothing of the host is in them (another probe looks)
    for file in ("syscall", "stack"):
        try:
            with open(place + file, "rb") as opened:
                opened.read(1)
            print(f"{file} of process {pid} could be read")
        except OSError:
            pass
    try:
        os.close(os.open(place + "mem", os.O_RDWR))
        print(f"memory of process {pid} could be opened")
    except OSError:
        pass
    for number in range(64):
        try:
            opened = os.open(f"{place}fd/{number}", os.O_WRONLY | os.O_NONBLOCK)
            if os.fstat(opened).st_rdev != null:
                print(f"descriptor {number} of process {pid} could be opened")
            os.close(opened)
        except OSError:
            pass
    try:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, 0))
        print(f"limits of process {pid} could be set")
    except OSError:
        pass
    for number in (signal.SIGSTOP, signal.SIGKILL, 0):
        try:
            os.kill(pid, number)
            print(f"process {pid} could be sent signal {number}")
        except OSError:
            pass
extra = []
for number in range(3, 256):
    try:
        os.fstat(number)
        extra.append(number)
        os.write(number, b"\\0\\0\\0\\2{}")
    except OSError:
        pass
# one is the folder that is being listed or the program's own file, which Python opens by itself
if len(extra) > 1:
    print("descriptors were left open:", extra)
print("tried")
"""


_PRIORITY = """
import os
for name in os.listdir("/proc"):
    if name.isdigit() and int(name) != os.getpid():
        pid = int(name)
        for what, call in (("processors", lambda: os.sched_setaffinity(pid, {0})),
                           ("priority", lambda: os.setpriority(os.PRIO_PROCESS, pid, 19))):
            try:
                call()
                print(f"{what} of process {pid} could be set")
            except OSError:
                pass
print("tried")
"""


def _agent(bench: Bench) -> str | None:
    return first([bench.holes(_AGENT), bench.alive()])


_FORGED = """
import os, json
header = json.dumps({"ended": "exit", "status": 0, "value": True, "blobs": [2, 0, 0]}).encode()
frame = len(header).to_bytes(4, "big") + header + b"AC"
for number in range(64):
    try:
        os.write(number, frame)
    except OSError:
        pass
for name in os.listdir("/proc"):
    if name.isdigit():
        for number in range(16):
            try:
                with open(f"/proc/{name}/fd/{number}", "wb", 0) as opened:
                    if int(name) != os.getpid():
                        opened.write(frame)
            except OSError:
                pass
os.write(2, b"tried")
os._exit(3)
"""


def _forged(bench: Bench) -> str | None:
    """What looks like the agent's report must arrive as output, and the true report beside it."""
    ran = bench.run(_FORGED)
    if not ran.stderr.endswith(b"tried"):
        return f"the probe did not get to its end: {ending_of(ran)}"
    if (ran.ended, ran.status, ran.value) != ("exit", 3, None):
        return f"a forged report was taken for a true one: {ending_of(ran)}"
    return bench.alive()


_HIDE = """
import os, socket, sys, time
secret = sys.stdin.read()
for place in ("/tmp", "/dev/shm", os.getcwd()):
    try:
        with open(place + "/secret-of-a-neighbour", "w") as file:
            file.write(secret)
        os.chmod(place + "/secret-of-a-neighbour", 0o644)
    except OSError:
        pass
listener = socket.socket(socket.AF_UNIX)
listener.bind("\\0r1-neighbour")
listener.listen()
print("hidden", flush=True)
time.sleep(2)
"""
_SEEK = """
import os, socket, time
time.sleep(0.5)
for place in ("/tmp", "/dev/shm", os.getcwd()):
    if os.path.exists(place + "/secret-of-a-neighbour"):
        print("a neighbour's file is there:", place)
with socket.socket(socket.AF_UNIX) as s:
    try:
        s.connect("\\0r1-neighbour")
        print("a neighbour's socket answers")
    except OSError:
        pass
print("tried")
"""


def _neighbour(bench: Bench) -> str | None:
    """Two programs at once, in two sandboxes of the same backend."""
    from concurrent.futures import ThreadPoolExecutor

    for name in ("one", "two"):
        bench.session(name)
    with ThreadPoolExecutor(1) as threads:
        hidden = threads.submit(bench.run, _HIDE, stdin=b"secret", where="two")
        leaked = bench.holes(_SEEK)
        ran = hidden.result()
    return leaked if ran.stdout == b"hidden\n" else f"the neighbour was disturbed: {ending_of(ran)}"


REACH = (
    Probe(area="network", name="routes, names, raw packets", attempt=lambda bench: bench.holes(_NETWORK)),
    Probe(area="network", name="listeners of the host", attempt=_listeners),
    Probe(area="files", name="the host's files and devices, system folders", attempt=_files),
    Probe(area="environment", name="variables of the host", attempt=_environment),
    Probe(area="privileges", name="root, capabilities, system calls", attempt=lambda bench: bench.holes(_PRIVILEGES)),
    Probe(area="agent", name="its memory, descriptors, limits, signals", attempt=_agent, harmless=False),
    Probe(
        area="agent", name="its priority and processors", attempt=lambda bench: bench.holes(_PRIORITY), harmless=False
    ),
    Probe(area="agent", name="forged reports", attempt=_forged),
    Probe(area="neighbours", name="files and sockets of one at the same time", attempt=_neighbour),
)
