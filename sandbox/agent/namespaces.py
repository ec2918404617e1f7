"""Builds the isolation of the `local` backend around itself, then lets the agent in.

Runs as a process of its own, started by local.py, in two halves. The outer half stays outside: it waits for the inner
half or for the death of the client, whichever comes first, and then ends everything and removes the cgroups. The inner
half is process 1 of the namespaces: private root, mounts, user ids, Landlock, fewer capabilities, then `boot` again.

As root the mounts are made before the user namespace is entered, which therefore has no power over them, and a range of
user ids of the host is mapped, none of them 0. As a plain user the user namespace comes first, and one id is mapped.
"""

from __future__ import annotations

import os
import select
import sys
import time

from . import landlock, linux, meters
from .linux import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    Json = dict[str, Any]  # what JSON holds

_DEVICES = ("null", "zero", "full", "random", "urandom")
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "r1-reward-environment.json")
_USERS = "root:x:0:0::/:/bin/false\nsandbox:x:1000:1000::/box/run:/bin/false\n"
_KEPT = 1 << 1 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 7  # what agent.CAPABILITIES names
_SYS_PTRACE, _SYS_ADMIN = 1 << 19, 1 << 21  # the first to see what memory its children share
_SPACES = linux.CLONE_NEWNET | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS | linux.CLONE_NEWPID


def main(config: Json, boot: Callable[[], None]) -> NoReturn:
    """Build it and serve; a failure is reported as the first frame of an agent would be."""
    try:
        _outer(config, boot)
    except Exception as error:  # noqa: BLE001 - reported to the other side, whatever it is
        _report(f"{type(error).__name__}: {error}")
    os._exit(1)


def _report(why: str) -> None:
    """One length and so many bytes to local.py: why it failed, or nothing."""
    text = why.encode()
    os.write(1, len(text).to_bytes(4, "big") + text)


def _outer(config: Json, boot: Callable[[], None]) -> None:
    as_root: bool = config["first_uid"] is not None
    uid, gid = os.geteuid(), os.getegid()
    client = os.pidfd_open(config["client"])
    linux.unshare(_SPACES | (0 if as_root else linux.CLONE_NEWUSER))
    if not as_root:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"1000 {uid} 1")
        _write("/proc/self/gid_map", f"1000 {gid} 1")
    signal.signal(signal.SIGTERM, _asked_to_end)
    ready, tell_ready = os.pipe()
    go, tell_go = os.pipe()
    groups: list[str] = []
    tasks = _make_cgroups(config, groups)
    pid = os.fork()
    if not pid:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.close(client)
            os.close(ready)
            os.close(tell_go)
            _inner(config, boot, as_root, tell_ready, go)
        except Exception as error:  # noqa: BLE001 - reported to the other side, whatever it is
            _report(f"{type(error).__name__}: {error}")
        finally:
            os._exit(1)
    for number in (0, tell_ready, go):
        os.close(number)
    try:
        for group in tasks:
            _write(group, str(pid))
        if os.read(ready, 1) and as_root:
            ids = f"0 {config['first_uid']} {config['uids']}"
            _write(f"/proc/{pid}/uid_map", ids)
            _write(f"/proc/{pid}/gid_map", ids)
        os.write(tell_go, b"g")
        child = os.pidfd_open(pid)
        poll = select.poll()
        poll.register(client, select.POLLIN)
        poll.register(child, select.POLLIN)
        poll.poll()
    except InterruptedError:
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.kill(pid, signal.SIGKILL)  # not waited for yet, so the number is still its own
        os.waitpid(pid, 0)  # the kernel ends the rest of the namespace first
        for group in groups:
            _remove(group)
    os._exit(0)


def _asked_to_end(*_: object) -> NoReturn:
    raise InterruptedError


def _remove(group: str) -> None:
    """Remove a cgroup whose processes have ended, which the kernel may notice a moment later."""
    for pause in (0.001, 0.01, 0.1, 0.5):
        try:
            return os.rmdir(group)
        except OSError:
            time.sleep(pause)
    return None


def _inner(config: Json, boot: Callable[[], None], as_root: bool, tell_ready: int, go: int) -> None:
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    owner = config["first_uid"] if as_root else 1000
    linux.unshare(linux.CLONE_NEWNS)  # not the outer half, which still has to find its cgroups
    _build_root(config, owner)
    if as_root:
        linux.unshare(linux.CLONE_NEWUSER)
    os.write(tell_ready, b"r")
    if not os.read(go, 1):
        os._exit(1)
    os.close(tell_ready)
    os.close(go)
    if as_root:
        os.setresgid(0, 0, 0)
        os.setgroups([])
        os.setresuid(0, 0, 0)
        landlock.restrict(["/box", "/tmp", "/dev/shm"], [f"/dev/{name}" for name in _DEVICES])
    linux.keep_capabilities(_SYS_PTRACE | (_KEPT if as_root else _SYS_ADMIN))
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)  # a change of user resets it
    os.environ.clear()
    sys.argv[:] = ["agent"]
    _report("")
    if config["tree"]:  # the agent is to be the Python that programs get
        if not as_root:
            linux.keep_over_exec(_SYS_PTRACE | _SYS_ADMIN)
        command = ["/usr/bin/python3", "-I", "-S", "-c", config["boot"]]
        os.execve(command[0], command, {"LC_ALL": "C.UTF-8"})  # noqa: S606 - no shell is wanted
    boot()


def _build_root(config: Json, owner: int) -> None:
    """Make a private root and go there; nothing of the old one stays in sight but what is bound."""
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    root: str = config["root"]
    # A link of the system that points out of what is bound (Debian's alternatives do not) would dangle in there.
    linux.mount("root", root, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=755,size=1m,nr_inodes=2048")
    tree: str = config["tree"]
    for place in _SYSTEM:
        _bind(root, place, tree)
    for place in config["folders"]:
        _bind(root, place)
    os.makedirs(f"{root}/etc", exist_ok=True)
    for name in sorted(os.listdir(f"{tree}/etc")):
        if name in _ETC or name.startswith("java"):
            _bind(root, f"/etc/{name}", tree)
    _write(f"{root}/etc/passwd", _USERS)
    _write(f"{root}/etc/group", "root:x:0:\nsandbox:x:1000:\n")
    os.makedirs(f"{root}/dev")
    for name in _DEVICES:
        _write(f"{root}/dev/{name}", "")
        linux.mount(f"/dev/{name}", f"{root}/dev/{name}", None, linux.MS_BIND)
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{target}", f"{root}/dev/{name}")
    _scratch(root, config, owner)
    os.mkdir(f"{root}/proc")
    hidden = f"hidepid=2,gid={owner}" if config["first_uid"] is not None else ""
    flags = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
    linux.mount("proc", f"{root}/proc", "proc", flags, hidden)
    os.chdir(root)
    linux.pivot_root(".", ".")
    linux.unmount(".")
    os.chdir("/")
    linux.mount(
        "none", "/", None, linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV
    )


def _scratch(root: str, config: Json, owner: int) -> None:
    """One bounded file system for all that a program may write, seen in three places."""
    box = f"{root}/box"
    size = f"mode=755,size={config['scratch_mb']}m,nr_inodes={config['inodes']}"
    for place in (box, f"{root}/tmp", f"{root}/dev/shm"):
        os.mkdir(place)
    linux.mount("scratch", box, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, size)
    for name, place in (("tmp", f"{root}/tmp"), ("shm", f"{root}/dev/shm")):
        os.mkdir(f"{box}/{name}")
        os.chmod(f"{box}/{name}", 0o1777)
        linux.mount(f"{box}/{name}", place, None, linux.MS_BIND)
    if config["first_uid"] is not None:
        for place in (box, f"{box}/tmp", f"{box}/shm"):
            os.chown(place, owner, owner)


def _bind(root: str, place: str, tree: str = "") -> None:
    """Show a file or folder of the system, or of a tree that stands for it, read-only; a link as the link it is."""
    target, place = root + place, tree + place
    if os.path.islink(place):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.symlink(os.readlink(place), target)
    elif os.path.isdir(place):
        os.makedirs(target, exist_ok=True)
    elif os.path.exists(place):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        _write(target, "")
    else:
        return
    if not os.path.islink(place):
        linux.mount(place, target, None, linux.MS_BIND | linux.MS_REC)
        linux.make_read_only(target)


def _make_cgroups(config: Json, made: list[str]) -> list[str]:
    """Cgroups for the inner half, as far as we may make some, and the files by which it enters them.

    The folders go into `made`. What the kernel counts of memory there stays open for the agent (meters.py), which will
    not see these files.
    """
    bounds = {
        "memory": (("memory.limit_in_bytes", "memory.max"), config["memory_mb"] << 20),
        "pids": (("pids.max",), config["processes"]),
    }
    tasks = []
    for parent, controllers in config["cgroups"]:
        folder = f"{parent}/{config['group']}"
        try:
            os.mkdir(folder)
        except OSError:  # not ours to make; the caveats of the backend say so
            continue
        made.append(folder)
        try:
            for controller in controllers:
                names, bound = bounds[controller]
                name = next(name for name in names if os.path.exists(f"{folder}/{name}"))
                _write(f"{folder}/{name}", str(bound))
            tasks.append(f"{folder}/cgroup.procs")
            if "memory" in controllers:
                for place, files in enumerate((("memory.current", "memory.usage_in_bytes"), ("memory.stat",))):
                    name = next(name for name in files if os.path.exists(f"{folder}/{name}"))
                    opened = os.open(f"{folder}/{name}", os.O_RDONLY)
                    os.dup2(opened, meters.GROUP + place)
                    os.close(opened)
        except (StopIteration, OSError) as error:
            if isinstance(error, InterruptedError):
                raise
    return tasks


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
