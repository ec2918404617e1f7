"""The local backend for a user without rights: the same programs, in a process that has given its rights up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import r1_reward

HERE = Path(__file__).parent
NOBODY = 65534


@pytest.mark.needs("plain-user")
def test_traps_as_a_plain_user() -> None:
    # The checkout and the test's own temporary folder may be closed to others, so a copy goes where they can read.
    with tempfile.TemporaryDirectory(prefix="r1-plain-") as folder:
        copied = Path(folder) / "r1_reward"
        shutil.copytree(Path(r1_reward.__file__).parent / "sandbox", copied / "sandbox")
        (copied / "__init__.py").touch()
        for name in ("as_plain_user.py", "traps.py"):
            shutil.copy(HERE / name, folder)
        subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
        as_root = os.geteuid() == 0
        python = "/usr/bin/python3" if as_root else sys.executable
        run = subprocess.run(
            [python, "-I", f"{folder}/as_plain_user.py", folder, f"{folder}/traps.py"],
            capture_output=True,
            text=True,
            timeout=240,
            user=NOBODY if as_root else None,
            group=NOBODY if as_root else None,
            extra_groups=[] if as_root else None,
            cwd="/",
            check=False,
        )
        assert (run.stdout.startswith("tried "), run.returncode) == (True, 0), run.stdout + run.stderr
