"""Installs the wheel of a folder alone into an empty environment, away from the checkout, and uses it there.

    python .ci/try_wheel.py dist locks

The demo's command must score and write its page, and `doctor` must say what this machine can isolate.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(dist: str, locks: str) -> int:
    """Try the one wheel in `dist` with the versions in `locks`; raises where a command fails."""
    (wheel,) = Path(dist).resolve().glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("licenses/LICENSE", "licenses/NOTICES.md", "page/vendor/NOTICE.txt"):
        assert any(held.endswith(name) for held in names), f"the wheel lacks {name}"
    constraints = Path(locks).resolve()
    with tempfile.TemporaryDirectory(prefix="r1 wheel ") as name:
        folder = Path(name)
        venv.create(folder / "env", with_pip=True)
        pip = [folder / "env/bin/python", "-m", "pip", "--disable-pip-version-check", "install", "-q"]
        subprocess.run([*pip, "-c", constraints / "constraints-build.txt", "pip"], check=True)
        subprocess.run([*pip, "-c", constraints / "constraints-test.txt", f"{wheel}[report]"], check=True)
        shutil.copy(ROOT / "examples" / "rollouts.jsonl", folder)
        command = [folder / "env/bin/r1-reward"]
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}

        def run(*args: str, statuses: tuple[int, ...] = (0,)) -> None:
            ran = subprocess.run([*command, *args], cwd=folder, env=environment, check=False)
            assert ran.returncode in statuses, f"r1-reward {' '.join(args)}: exit status {ran.returncode}"

        run("--version")
        output = ("-o", "out/scored.jsonl", "--summary", "out/summary.json", "--report", "out/report.html")
        run("score", "rollouts.jsonl", *output, "--max-errors", "10%")
        summary = json.loads((folder / "out/summary.json").read_text())
        assert summary["rows"] == 220
        assert summary["commit"] is None  # a checkout was not what ran
        assert (folder / "out/report.html").stat().st_size > 50_000
        run("doctor", statuses=(0, 1))  # 1: a machine on which something is not isolated
    print(f"wheel: {wheel.name} scores, reports and examines the machine")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
