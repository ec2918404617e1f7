"""Says how many tests ran and which were skipped; fails on a skip that this machine did not call for.

A test may be skipped for what it needs of the machine (`needs docker`), where the machine has not got it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def missing(need: str) -> bool:
    """Whether the machine really lacks it; what the test environment installs is never lacking."""
    if need == "docker":
        return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0
    if need == "chromium":
        return not all(shutil.which(name) for name in ("chromium", "chromedriver"))
    if need == "data":
        return not DATA.is_dir()
    if need in ("gcc", "g++", "javac", "mmdebstrap", "nginx", "node", "openssl"):
        return shutil.which(need) is None
    if need == "tree":
        made = [
            sys.executable,
            "-c",
            "import sys; from r1_reward.sandbox.images.tree import current; sys.exit(not current())",
        ]
        return subprocess.run(made, capture_output=True, check=False).returncode != 0
    if need == "userns":
        return subprocess.run(["unshare", "-Urmpf", "true"], capture_output=True, check=False).returncode != 0
    if need == "plain-user":
        recent = ["/usr/bin/python3", "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
        return shutil.which(recent[0]) is None or subprocess.run(recent, check=False).returncode != 0
    # To be built with `r1-reward sandbox build`, or for others to install.
    return need in ("go", "gpu", "runsc", "sklearn", "tensorboard", "trl", "wandb")


def main(report: str) -> int:
    """Read a JUnit report and return the exit status."""
    cases = list(ElementTree.parse(report).iter("testcase"))
    skips = Counter(skip.get("message", "") for case in cases for skip in case.iter("skipped"))
    print(f"ci: {len(cases) - skips.total()} tests ran, {skips.total()} were skipped")
    status = 0
    for reason, count in skips.items():
        called_for = reason.startswith("needs ") and missing(reason.removeprefix("needs "))
        print(f"ci: skipped {count}: {reason}" + ("" if called_for else " (this machine could have run them)"))
        status = status if called_for else 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
