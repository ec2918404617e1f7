"""Programs that are out to do harm: what each tries, and how it has to end. Not a test; the tests load it by its path.

`QUIET` programs print a line for everything that they got away with, so they have to print nothing at all.
"""

from __future__ import annotations

TRAPS: dict[str, tuple[str, tuple[str, ...]]] = {
    # name: (source, the ways it may end)
    "loop": ("while True: pass", ("time",)),
    "sleep": (
        """
import time
time.sleep(60)
""",
        ("time",),
    ),
    "stops itself": (
        """
import os, signal
os.kill(0, signal.SIGSTOP)
""",
        ("time",),
    ),
    "is deaf to signals": (
        """
import signal
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
while True: pass
""",
        ("time",),
    ),
    "never lets go of the interpreter": (
        """
import re
re.match('(a+)+$', 'a' * 40 + 'b')
""",
        ("time",),
    ),
    "waits for a child": (
        """
import os
if os.fork(): os.wait()
while True: pass
""",
        ("time",),
    ),
    "closes its output and stays": (
        """
import os
os.closerange(0, 3)
while True: pass
""",
        ("time",),
    ),
    "touches much memory": (
        """
x = bytearray(1 << 30)
for i in range(0, 1 << 30, 4096): x[i] = 1
""",
        ("memory",),
    ),
    "shares much memory": (
        """
import mmap
m = mmap.mmap(-1, 4 << 30)
for i in range(0, 4 << 30, 4096): m[i] = 1
""",
        ("memory", "exit", "signal"),
    ),
    "has children with much memory": (
        """
import os, time
for _ in range(8):
    if not os.fork():
        x = b'x' * (40 << 20)
        time.sleep(60)
time.sleep(60)
""",
        ("memory",),
    ),
    "floods its output": (
        """
import os
while True: os.write(1, b'6' * 4096)
""",
        ("output",),
    ),
    "floods its errors": (
        """
import os
while True: os.write(2, b'6' * 4096)
""",
        ("output",),
    ),
    "floods from a child": (
        """
import os
os.fork()
while True: os.write(1, b'6' * 4096)
""",
        ("output",),
    ),
    "fills a file": (
        """
f = open('big', 'wb')
while True: f.write(b'x' * (1 << 20))
""",
        ("exit", "disk"),
    ),
    "fills many files": (
        """
import itertools
for i in itertools.count():
    with open(f'/tmp/big{i}', 'wb') as f:
        for _ in range(8): f.write(b'x' * (1 << 20))
""",
        ("disk", "exit"),
    ),
    "fills shared memory": (
        """
import itertools
for i in itertools.count():
    with open(f'/dev/shm/big{i}', 'wb') as f:
        for _ in range(8): f.write(b'x' * (1 << 20))
""",
        ("disk", "exit"),
    ),
    "makes files without end": (
        """
import itertools
for i in itertools.count(): open(f'/tmp/f{i}', 'w').close()
""",
        ("exit", "time"),
    ),
    "kills its group": (
        """
import os, signal
os.killpg(0, signal.SIGKILL)
""",
        ("signal",),
    ),
    "kills all it can": (
        """
import os, signal
try: os.kill(-1, signal.SIGKILL)
except OSError: pass
print('here')
""",
        ("signal", "exit"),
    ),
    "ends by a fault": (
        """
import ctypes
ctypes.string_at(0)
""",
        ("signal",),
    ),
    "aborts": (
        """
import os
os.abort()
""",
        ("signal",),
    ),
    "exits": (
        """
import os
os._exit(7)
""",
        ("exit",),
    ),
    "forks without end": (
        """
import os
while True:
    try: os.fork()
    except OSError: pass
""",
        ("time", "memory"),  # whichever bound its copies reach first
    ),
    "leaves daemons": (
        """
import os, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork(): os._exit(0)
        time.sleep(0.5)
        os.write(1, b'late')
        time.sleep(60)
""",
        ("exit",),
    ),
}

_CALL = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def tried(name, number, *arguments):
    if libc.syscall(number, *arguments) >= 0: print("GOT AWAY WITH", name)
"""

QUIET: dict[str, str] = {
    "network": """
import socket
for kind, address in ((socket.AF_INET, ("127.0.0.1", 22)), (socket.AF_INET, ("192.0.2.1", 443))):
    try:
        socket.create_connection(address, timeout=0.3); print("CONNECTED", address)
    except OSError: pass
print(*[name for _, name in socket.if_nameindex() if name != "lo"], end="")
""",
    "files of the host": """
import os
for path in ("/etc/shadow", "/etc/hostname", "/home", "/var", "/run", "/sys", "/root/.ssh", "/work", "/proc/1/environ",
             "/proc/1/mem", "/proc/1/fd/0", "/proc/kcore", "/var/run/docker.sock", "/mnt", "/opt"):
    try:
        if os.path.isdir(path): assert not os.listdir(path), path
        else: open(path).read(1)
        print("READ" if not os.path.isdir(path) else "", path) if not os.path.isdir(path) else None
    except (OSError, AssertionError) as error:
        if isinstance(error, AssertionError): print("LISTED", path)
""",
    "changing what is not its own": """
import os
for path in (__file__, os.path.dirname(__file__) + "/new.py", "/usr/x", "/etc/x", "/x", "/box/x", "/box/harness.pyc",
             "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/1/oom_score_adj", "/dev/x", "/proc/1/mem",
             "/proc/1/fd/1", "/proc/1/fd/4"):
    try: open(path, "ab").write(b"x"); print("WROTE", path)
    except OSError: pass
acts = [lambda: os.unlink(__file__), lambda: os.rename(__file__, "/tmp/x"), lambda: os.utime(__file__)]
for place in ("/tmp", ".", "/dev/shm"):
    if os.stat(place).st_uid != os.getuid():  # else the folder is made for this run alone
        acts.append(lambda: os.chmod(place, 0o777))
        acts.append(lambda: os.setxattr(place, "user.note", b"x"))
for number, act in enumerate(acts):
    try: act(); print("CHANGED", number)
    except OSError: pass
""",
    "rights": """
import os
told = dict(line.split(":", 1) for line in open("/proc/self/status"))
for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
    if int(told[name], 16): print(name, told[name])
if told["NoNewPrivs"].strip() != "1": print("privileges can be gained")
if told["Seccomp"].strip() != "2": print("no filter")
if 0 in os.getresuid() + os.getresgid() or 0 in os.getgroups(): print("root", os.getresuid(), os.getgroups())
for act in (lambda: os.setuid(0), lambda: os.setgroups([0]), lambda: os.chroot("/"), lambda: os.nice(-1),
            lambda: os.mknod("/tmp/d", 0o60600, 0), lambda: os.kill(1, 9)):
    try:
        act()
        if act.__code__.co_names[1] != "kill": print("MAY", act.__code__.co_names)
    except OSError: pass
import resource
try: resource.setrlimit(resource.RLIMIT_NPROC, (1 << 20, 1 << 20)); print("MAY raise limits")
except (OSError, ValueError): pass
""",
    "system calls": _CALL
    + """
tried("ptrace", 101, 0, 0, 0, 0)
tried("unshare user", 272, 0x10000000)
tried("unshare mount", 272, 0x20000)
tried("mount", 165, b"none", b"/tmp", b"tmpfs", 0, 0)
tried("keyctl", 250, 0, -3, 0)
tried("add_key", 248, b"user", b"x", b"y", 1, -3)
tried("bpf", 321, 0, 0, 0)
tried("perf", 298, 0, 0, -1, -1, 0)
tried("userfaultfd", 323, 0)
tried("io_uring", 425, 1, ctypes.create_string_buffer(256))
tried("shmget", 29, 0, 4096, 0o1777)
tried("msgget", 68, 0, 0o1777)
tried("semget", 64, 0, 1, 0o1777)
tried("mq_open", 240, b"x", 0o102, 0o777, 0)
tried("memfd", 319, b"x", 0)
tried("personality", 135, 0x0040000)
tried("process_vm_readv", 310, os.getpid(), 0, 0, 0, 0, 0)
if libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0) == 0: print("GOT AWAY WITH clone into a user namespace")
""",
    "descriptors": """
import os
for name in os.listdir("/proc/self/fd"):
    try: target = os.readlink("/proc/self/fd/" + name)
    except OSError: continue
    if int(name) > 2 and not target.startswith("/proc/"): print(name, target)
    if int(name) < 3 and not target.startswith("pipe:"): print(name, target)
""",
    "environment": """
import os
for name, value in os.environ.items():
    if name not in ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"): print(name)
if "CANARY" in str(os.environ) or "CANARY" in open("/proc/self/environ").read(): print("canary")
""",
    "other processes": """
import os
pids = [int(n) for n in os.listdir("/proc") if n.isdigit() and int(n) != os.getpid()]
for pid in pids:
    for part in ("environ", "mem", "maps", "fd", "cwd"):
        try:
            path = f"/proc/{pid}/{part}"
            os.listdir(path) if part == "fd" else os.readlink(path) if part == "cwd" else open(path, "rb").read(1)
            print("SAW", path)
        except OSError: pass
""",
}
