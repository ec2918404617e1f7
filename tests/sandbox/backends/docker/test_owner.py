"""An owner is told from any other process, and is called gone only where that is certain."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import pytest

from r1_reward.sandbox.backends.owner import Owner

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")


def test_we_are_not_gone() -> None:
    assert not Owner.me().gone()


def test_text_comes_back() -> None:
    assert Owner.read(str(Owner.me())) == Owner.me()
    for text in ("", "x", "host pid start", "host 12x 3"):
        assert Owner.read(text) is None


def test_an_ended_process_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with process:
        start = Owner.me()
        owner = dataclasses.replace(start, pid=process.pid, start="0")
        assert owner.gone() is sys.platform.startswith("linux"), "a process id that is used again is not the owner"
        process.kill()
    assert dataclasses.replace(owner, start="").gone()


@linux
def test_a_zombie_is_gone() -> None:
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; from r1_reward.sandbox.backends.owner import Owner; print(Owner.me())"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        owner = Owner.read(process.stdout.read().strip())
        assert owner is not None
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert owner.gone(), "ended, though nobody has collected it yet"


def test_another_hosts_process_may_be_alive() -> None:
    assert not dataclasses.replace(Owner.me(), host="elsewhere/1", pid=2**22 + 1).gone()
