"""What `r1-reward view` costs: the index of a large scored file, and how soon its rows are on screen.

Rows are those of `benchmarks/report.py`: `--rows` of them (1,000,000), or the file `--source`; with `--short` rows of
some 0.35 kB with a one-line answer, of which ten million are 3.6 GB, and their index 2 GB more. One browser opens the
file while nothing of it is indexed yet, and again when all is. Prints a table, with the load of the machine beside it;
`--json FILE` writes it too, with what is measured so far after each part.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from report import COMMAND, EXAMPLE, multiply, run

from r1_reward.inspection.view import query
from r1_reward.inspection.view.index import database_of, open_index

ROOT = Path(__file__).resolve().parents[1]
QUESTIONS = {
    "the first page": query.Question(),
    "wrong ones": query.Question(outcome="wrong"),
    "from the largest reward": query.Question(sort="-reward"),
    "a word in prompts and answers": query.Question(text="dice"),
    "a field is, sorted by length": query.Question(where=[("label", "=", "true")], sort="chars"),
    "from half of the rows on": query.Question(first=1_000_000_000),
}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--short", action="store_true", help="short rows, for a file of many millions")
    parser.add_argument("--source", type=Path, help="a scored file, instead of making one")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    measured: dict[str, Any] = {"load average at the beginning": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory(dir=args.source.parent if args.source else None) as folder:
        here = Path(folder)
        (here / "runs").mkdir()
        source = here / "runs" / "rows.jsonl"
        if args.source:
            source.hardlink_to(args.source)
        elif args.short:
            short_rows(args.rows, source)
        else:
            seed = here / "seed.jsonl"
            run("score", EXAMPLE, "-o", seed, "--reward", "math,format,language")
            multiply(seed, args.rows, source)
        parts: list[Callable[[], dict[str, Any]]] = [
            lambda: indexing(source, here / "index"), lambda: questions(source, here / "index"),
        ]  # fmt: skip
        if shutil.which("chromium") and shutil.which("chromedriver"):
            parts.insert(0, lambda: first_screen(source.parent, here / "cold", "nothing indexed yet"))
            parts.append(lambda: first_screen(source.parent, here / "index", "all indexed"))
        for part in parts:
            measured |= part()
            if args.json:  # ten million rows take long: what is measured is not lost by what comes after
                args.json.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    measured["load average at the end"] = os.getloadavg()[0]
    for name, value in measured.items():
        print(f"{name:52} {value}")
    if args.json:
        args.json.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")


def short_rows(count: int, path: Path) -> None:
    """A scored file of that many rows, eight to a problem, one right in three."""
    right, wrong = (
        json.dumps(
            {
                "reward": reward,
                "verdicts": {
                    "math": {"status": "scored", "reason": reason, "score": reward, "answer": "7"},
                    "format": {"status": "scored", "reason": "correct", "score": 1.0},
                },
            }
        )[1:]
        for reward, reason in ((1.0, "correct"), (0.0, "wrong"))
    )
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            problem = number // 8
            response = f"So it is \\\\boxed{{{problem + 1 + number % 3}}}."
            file.write(
                f'{{"id": "r{number}", "problem": "p{problem}", "level": {number % 5}, '
                f'"label": {"false" if number % 3 else "true"}, '
                f'"prompt": "What is {problem} + 1?", "reference": "{problem + 1}", "response": "{response}", '
                f"{wrong if number % 3 else right}\n"
            )


def indexing(source: Path, folder: Path) -> dict[str, Any]:
    """CPU and memory of the whole index, made by a process of its own, with memory after half of it beside it."""
    program = (
        "import sys, time, resource\n"
        "from r1_reward.inspection.view import Index\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "with Index(sys.argv[1], sys.argv[2]) as index:\n"
        "    size, half = index.path.stat().st_size, None\n"
        "    while not index.catch_up(0):\n"
        "        if half is None and index.bytes_read > size / 2: half = peak()\n"
        "print(half, peak(), time.process_time())\n"
    )
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program, source, folder], capture_output=True, text=True, check=True)
    half, peak, cpu = done.stdout.split()
    with open_index(database_of(source, folder)) as database:
        count = query.figures(database)["entries"]
    size = database_of(source, folder).stat().st_size
    return {
        "rows": f"{count:,}",
        "size of the file, MB": round(source.stat().st_size / 1e6),
        "size of the index, MB": round(size / 1e6),
        "CPU-s to index": round(float(cpu), 1),
        "  microseconds a row": round(float(cpu) / count * 1e6),
        "  wall seconds": round(time.monotonic() - begun, 1),
        "peak resident MB after half, and at the end": f"{half[:5]}, {peak[:5]}",
    }


def questions(source: Path, folder: Path) -> dict[str, Any]:
    """Milliseconds of each question to the whole index, medians of five, or what is said of one that takes too long."""
    measured: dict[str, Any] = {}
    with open_index(database_of(source, folder)) as database:
        half = query.figures(database)["entries"] // 2
        for name, question in QUESTIONS.items():
            asked = question._replace(first=min(question.first, half))
            times = []
            try:
                for _ in range(5):
                    begun = time.perf_counter()
                    query.rows(database, asked)
                    times.append(time.perf_counter() - begun)
                measured[f"  ms: {name}"] = round(median(times) * 1e3, 1)
            except query.SlowQueryError as error:
                measured[f"  ms: {name}"] = f"the page says: {error}"
    return measured


def first_screen(folder: Path, index: Path, what: str) -> dict[str, Any]:
    """Milliseconds from opening a file's address until its rows are drawn, medians of five; the first is named too."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in ("headless=new", "disable-gpu", "disable-dev-shm-usage", "window-size=1440,900"):
        options.add_argument(f"--{flag}")
    if os.getuid() == 0:
        options.add_argument("--no-sandbox")
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    command = [*COMMAND, "view", str(folder), "--port", "0", "--index", str(index)]
    viewer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert viewer.stderr is not None
        address = re.search(r"http://\S+", viewer.stderr.readline())
        assert address
        driver.get(address[0])
        while not driver.execute_script("return document.querySelectorAll('#runs tr').length"):
            time.sleep(0.01)
        times = []
        for _ in range(5):
            driver.get("about:blank")
            driver.get(f"{address[0]}#name=rows.jsonl")
            while not (ready := driver.execute_script("return document.documentElement.dataset.ready")):
                time.sleep(0.005)
            assert driver.execute_script("return document.querySelectorAll('#body tr').length") == 100
            times.append(float(ready))
        said = driver.execute_script("return document.getElementById('progress').innerText")
    finally:
        driver.quit()
        viewer.terminate()
        viewer.communicate()
    return {f"first screen, ms: {what}: first, median": f"{times[0]:.0f}, {median(times):.0f}", "  it said": said}


if __name__ == "__main__":
    main()
