"""Makes the pictures of docs/ anew: `make screenshots`. Needs Chromium with its driver."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.inspection.browser import Page, chromium  # noqa: E402 - the line above says where it lies

COMMAND = (sys.executable, "-c", "from r1_reward.cli import main; main()")
DOCS = ROOT / "docs" / "how-to"
EXAMPLE = ROOT / "examples" / "rollouts.jsonl"


def main() -> None:
    """Score the example rows, and take pictures of the pages about them."""
    with tempfile.TemporaryDirectory() as name, chromium(Path(name) / "profile") as page:
        runs = Path(name) / "runs"
        runs.mkdir()
        for output, rewards in (("rollouts.jsonl", "math,code,format"), ("language.jsonl", "math,format,language")):
            run("score", EXAMPLE, "-o", runs / output, "--reward", rewards)
        run("report", runs / "rollouts.jsonl", "-o", Path(name) / "rollouts.html")
        page.open(Path(name) / "rollouts.html", width=1200, height=750)
        page.wait("document.querySelectorAll('#body tr').length > 5")
        page.driver.save_screenshot(str(DOCS / "report.png"))
        viewing(page, runs, Path(name) / "index")


def viewing(page: Page, runs: Path, index: Path) -> None:
    """A row that is open in `r1-reward view`."""
    command = [*COMMAND, "view", str(runs), "--port", "0", "--index", str(index)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as viewer:
        try:
            assert viewer.stderr is not None
            address = re.search(r"http://\S+", viewer.stderr.readline())
            assert address
            page.visit(f"{address[0]}#name=language.jsonl&outcome=wrong", width=1200, height=750)
            page.wait("document.getElementById('progress').innerText.startsWith('220 rows;')")
            page.click("#body tr:nth-child(7) button")
            page.panel()
            page.driver.save_screenshot(str(DOCS / "view.png"))
        finally:
            viewer.terminate()


def run(*args: object) -> None:
    """One command of ours."""
    subprocess.run([*COMMAND, *map(str, args)], check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
