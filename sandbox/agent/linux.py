"""The few system calls that Python has no name for; standard library only, since it also runs inside an isolation.

Nothing here knows what it is used for. Every function raises OSError with the kernel's own reason.
"""

from __future__ import annotations

import ctypes
import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signal
else:
    # The same without a name for every number, which takes longer to make than all else here.
    import _signal as signal  # noqa: F401 - for the others

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
PR_SET_CHILD_SUBREAPER, PR_SET_SECCOMP, PR_CAP_AMBIENT, _PR_GET_TID_ADDRESS = 36, 22, 47, 40
CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
CLONE_PARENT, _CLONE_CHILD_TIDS = 0x8000, 0x01200000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
_MOUNT_SETATTR = 442

MACHINE = os.uname().machine
# (pivot_root, clone, capset, close_range, landlock_create_ruleset); the two landlock calls that follow count up from it
_NUMBERS = {"x86_64": (155, 56, 126, 436, 444), "aarch64": (41, 220, 91, 436, 444)}
SUPPORTED = MACHINE in _NUMBERS
_PIVOT_ROOT, _CLONE, _CAPSET, _CLOSE_RANGE, LANDLOCK = _NUMBERS.get(MACHINE, (-1, -1, -1, -1, -1))

_libc = ctypes.CDLL(None, use_errno=True)
_prctl = _libc.prctl
_prctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong]
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, first: int = 0, second: int = 0) -> None:
    """One of the many switches of a process."""
    _check(_prctl(option, first, second, 0, 0), f"prctl {option}")


def system_call(number: int, *arguments: object) -> int:
    """A system call by its number."""
    words = [ctypes.c_ulong(word) if isinstance(word, int) else word for word in arguments]
    return _check(int(_syscall(ctypes.c_long(number), *words)), f"system call {number}")


def pointer(data: bytes) -> ctypes.c_char_p:
    """The address of some bytes, to hand to a system call."""
    return ctypes.c_char_p(data)


def unshare(flags: int) -> None:
    """Leave the namespaces named by `flags` for new ones."""
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def fork_into(flags: int) -> int:
    """os.fork() whose child lives in new namespaces, or is our parent's; only for a process of one thread."""
    place = ctypes.c_ulong(0)
    if not _prctl(_PR_GET_TID_ADDRESS, ctypes.addressof(place), 0, 0, 0) and place.value:
        flags |= _CLONE_CHILD_TIDS  # where the C library keeps the id of its thread, which is another in the child
    words = (place.value, 0) if MACHINE == "x86_64" else (0, place.value)
    return system_call(_CLONE, flags | 17, 0, 0, *words)


def mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """mount(2)."""
    arguments = source.encode(), target.encode(), kind.encode() if kind else None
    result = _libc.mount(*arguments, ctypes.c_ulong(flags), data.encode() or None)
    _check(result, f"mount {source} on {target}")


def unmount(target: str) -> None:
    """Take a mount out of sight, at once."""
    _check(_libc.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def make_read_only(target: str, *, devices: bool = False) -> None:
    """Take writing, set-user-id programs and (unless wanted) devices from a mount and all the mounts below it."""
    attributes = (ctypes.c_uint64 * 4)(1 | 2 | (0 if devices else 4), 0, 0, 0)
    try:
        system_call(_MOUNT_SETATTR, -100, target.encode(), 0x8000, attributes, ctypes.sizeof(attributes))
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        # Before Linux 5.12: this mount alone, which keeps the flags it has.
        flags = os.statvfs(target).f_flag & (MS_NODEV | MS_NOEXEC)
        mount(target, target, None, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | flags)


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root of this mount namespace."""
    system_call(_PIVOT_ROOT, new.encode(), old.encode())


def close_from(first: int) -> None:
    """Close every descriptor from `first` on."""
    try:
        system_call(_CLOSE_RANGE, first, 0xFFFFFFFF, 0)
    except OSError:  # a kernel before 5.9, or a container's own filter
        os.closerange(first, 65536)


def capabilities() -> int:
    """The effective capabilities of this process, one bit each."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as lines:
        for line in lines:
            if line.startswith("CapEff:"):
                return int(line.split()[1], 16)
    return 0


def keep_over_exec(kept: int) -> None:
    """Let the capabilities of `kept`, which this process has, outlast the start of another program."""
    low, high = kept & 0xFFFFFFFF, kept >> 32
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    system_call(_CAPSET, header, (ctypes.c_uint32 * 6)(low, low, low, high, high, high))
    for number in range(64):
        if kept >> number & 1:
            prctl(PR_CAP_AMBIENT, 2, number)


def keep_capabilities(kept: int) -> None:
    """Give up every capability but those of `kept`, for good: what is executed later cannot get them back."""
    for number in range(64):
        if not kept >> number & 1:
            try:
                prctl(PR_CAPBSET_DROP, number)
            except OSError:  # the kernel knows no more, or we may not drop: then no_new_privs has to do
                break
    low, high = kept & 0xFFFFFFFF, kept >> 32
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    # effective, permitted, inheritable of the low half, then of the high half
    system_call(_CAPSET, header, (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0))
