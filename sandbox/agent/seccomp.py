"""A filter of system calls, written by hand: what no program that is put to a test needs, and an escape might.

It is a list of refusals, not of permissions: compilers and language runtimes differ too much for the latter. Refused
are debugging and reading other processes, namespaces and mounts, keys, BPF, perf, io_uring, System V and message-queue
objects (which would outlive a test), memory that no limit counts (memfd), modules, clocks, sockets of other families
than UNIX, INET, INET6 and NETLINK. A call under another
architecture's numbers ends the process. Not covered: bugs in the calls that remain.
"""

from __future__ import annotations

import ctypes
import errno

from .linux import MACHINE, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, prctl

_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_NAMESPACES = 0x7E020080  # CLONE_NEW* of clone(2), the time namespace among them
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _ATLEAST, _ANYBIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06

# name: (x86_64, aarch64); None where the architecture has no such call
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "memfd_secret": (447, 447),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "iopl": (172, None),
    "ioperm": (173, None),
    "uselib": (134, None),
    "modify_ldt": (154, None),
    "lookup_dcookie": (212, 18),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
}
_ABSENT = {"clone3": (435, 435), "memfd_create": (319, 279)}
"""Answered as if the kernel had no such call, for which libraries have another way: clone3 hides its flags from a
filter, and what is written to a memfd is counted nowhere."""
_CLONE, _PERSONALITY, _SOCKET = (56, 220), (135, 92), (41, 198)
_FAMILIES = (1, 2, 10, 16)
"""Sockets that can be made: UNIX, INET, INET6, NETLINK; the last three reach nothing in an empty network namespace."""
_NOT_THE_FIRST = {
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434),
    "prlimit64": (302, 261),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
}
"""Refused where they are about process 1, which a plain user's program shares its user with."""
_NOT_THE_FIRST_SECOND = {"setpriority": (141, 140), "ioprio_set": (251, 30)}
"""The same, for calls whose second argument says whom they are about."""


def program(machine: str) -> list[tuple[int, int, int, int]]:
    """The filter for an architecture: operation, jump if true, jump if false, operand.

    >>> len(program("x86_64")) < 256 > len(program("aarch64"))
    True
    """
    column = ("x86_64", "aarch64").index(machine)

    def numbers(calls: dict[str, tuple[int | None, int | None]]) -> list[int]:
        return [number for pair in calls.values() if (number := pair[column]) is not None]

    body: list[tuple[int, str, str, int]] = [(_LOAD, "", "", 4), (_EQUAL, "", "kill", _ARCHITECTURE[machine])]
    body.append((_LOAD, "", "", 0))
    if machine == "x86_64":
        body.append((_ATLEAST, "kill", "", 0x40000000))  # the x32 numbers
    body += [(_EQUAL, "refuse", "", number) for number in numbers(_REFUSED)]
    body += [(_EQUAL, "absent", "", number) for number in numbers(dict(_ABSENT))]
    body += [(_EQUAL, "first", "", number) for number in numbers(dict(_NOT_THE_FIRST))]
    body += [(_EQUAL, "first by second", "", number) for number in numbers(dict(_NOT_THE_FIRST_SECOND))]
    body.append((_EQUAL, "clone", "", _CLONE[column]))
    body.append((_EQUAL, "socket", "", _SOCKET[column]))
    body.append((_EQUAL, "personality", "allow", _PERSONALITY[column]))
    labels = {"personality": len(body)}
    body += [(_LOAD, "", "", 16), (_EQUAL, "allow", "refuse", 0xFFFFFFFF)]  # asking is free
    labels["socket"] = len(body)
    body.append((_LOAD, "", "", 16))
    body += [(_EQUAL, "allow", "", family) for family in _FAMILIES]
    body.append((_RETURN, "", "", _ERRNO | errno.EAFNOSUPPORT))
    labels["clone"] = len(body)
    body += [(_LOAD, "", "", 16), (_ANYBIT, "refuse", "allow", _NAMESPACES)]
    labels["first"] = len(body)
    body += [(_LOAD, "", "", 16), (_EQUAL, "refuse", "allow", 1)]
    labels["first by second"] = len(body)
    body += [(_LOAD, "", "", 24), (_EQUAL, "refuse", "allow", 1)]
    ends = {"allow": _ALLOW, "refuse": _ERRNO | errno.EPERM, "absent": _ERRNO | errno.ENOSYS, "kill": _KILL}
    for name, value in ends.items():
        labels[name] = len(body)
        body.append((_RETURN, "", "", value))

    def jump(index: int, name: str) -> int:
        return labels[name] - index - 1 if name else 0

    return [(code, jump(i, true), jump(i, false), value) for i, (code, true, false, value) in enumerate(body)]


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("filter", ctypes.POINTER(_Instruction)))


if MACHINE in _ARCHITECTURE:
    # Made once: a child that is about to start a program has no time for it.
    _lines = program(MACHINE)
    _array = (_Instruction * len(_lines))(*(_Instruction(*line) for line in _lines))
    _ready = _Program(len(_lines), _array)


def install() -> None:
    """Put this process and all that it starts under the filter, for good. Raises OSError where the kernel has none."""
    if MACHINE not in _ARCHITECTURE:
        raise OSError(errno.ENOSYS, f"no system call filter is written for {MACHINE}")
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_SECCOMP, 2, ctypes.addressof(_ready))
