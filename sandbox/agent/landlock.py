"""Landlock: a second lock behind the mounts, which a process can put on itself and never take off.

What is locked: changing files anywhere but in the folders named, TCP, and (Linux 6.12) signals and abstract sockets to
the outside. Reading is left to the mounts. Rights that the kernel does not know are left out: an old one locks less.
"""

from __future__ import annotations

import os
import struct

from .linux import LANDLOCK, PR_SET_NO_NEW_PRIVS, pointer, prctl, system_call

_WRITE_FILE, _TRUNCATE, _REFER, _IOCTL_DEVICE = 1 << 1, 1 << 14, 1 << 13, 1 << 15
_MAKE_AND_REMOVE = sum(1 << bit for bit in range(4, 13))


def version() -> int:
    """The kernel's version of the interface; 0 where it has none."""
    try:
        return system_call(LANDLOCK, None, 0, 1)
    except OSError:
        return 0


def restrict(folders: list[str], files: list[str]) -> int:
    """Let this process and its children change only what is in `folders`, and write only to `files`; the version used.

    Raises OSError where Landlock is there and refuses.
    """
    known = version()
    if not known:
        return 0
    change = _WRITE_FILE | _MAKE_AND_REMOVE
    write = _WRITE_FILE
    if known >= 2:
        change |= _REFER
    if known >= 3:
        change |= _TRUNCATE
        write |= _TRUNCATE
    handled = change | (_IOCTL_DEVICE if known >= 5 else 0)
    rules = struct.pack("QQQ", handled, 3 if known >= 4 else 0, 3 if known >= 6 else 0)
    size = 24 if known >= 6 else 16 if known >= 4 else 8
    ruleset = system_call(LANDLOCK, pointer(rules), size, 0)
    try:
        for paths, rights in ((folders, change), (files, write)):
            for place in paths:
                descriptor = os.open(place, os.O_PATH | os.O_CLOEXEC)
                try:
                    system_call(LANDLOCK + 1, ruleset, 1, pointer(struct.pack("=Qi", rights, descriptor)), 0)
                finally:
                    os.close(descriptor)
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        system_call(LANDLOCK + 2, ruleset, 0)
    finally:
        os.close(ruleset)
    return known
