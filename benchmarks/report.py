"""What `r1-reward report` costs: writing a page of many rows, its size, and how it answers in a headless browser.

Rows are the example rollouts, repeated with answers and ids of their own; `--rows` of them (100,000) are written, and
opened in Chromium where it is installed; `--large` (1,000,000) are written as a sample. Prints a table; `--json FILE`
writes it too. The floor for size is one gzip stream of the whole file in base64, for time reading and gzipping it.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "rollouts.jsonl"
COMMAND = (sys.executable, "-c", "from r1_reward.cli import main; main()")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--large", type=int, default=1_000_000, help="0 leaves it out")
    parser.add_argument("--repeats", type=int, default=5, help="of each act in the browser")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    by_name: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        seed = here / "seed.jsonl"
        run("score", EXAMPLE, "-o", seed, "--reward", "math,format,language")
        source = multiply(seed, args.rows, here / "rows.jsonl")
        page = here / "page.html"
        by_name |= writing(source, page, args.rows)
        if shutil.which("chromium") and shutil.which("chromedriver"):
            by_name |= browsing(page, args.rows, args.repeats)
        else:
            print("no chromium here: the page was not opened")
        source.unlink()
        page.unlink()
        if args.large:
            source = multiply(seed, args.large, here / "rows.jsonl")
            cpu, peak, said = run("report", source, "-o", page)
            by_name[f"{args.large:,} rows: CPU-s to write a sample"] = round(cpu, 1)
            by_name[f"{args.large:,} rows: peak resident MB"] = round(peak)
            by_name[f"{args.large:,} rows: size of the page, MB"] = round(page.stat().st_size / 1e6, 1)
            by_name[f"{args.large:,} rows: said"] = said.strip().splitlines()[0]
    for name, value in by_name.items():
        print(f"{name:52} {value}")
    if args.json:
        args.json.write_text(json.dumps(by_name, indent=2) + "\n", encoding="utf-8")


def multiply(seed: Path, count: int, path: Path) -> Path:
    """A scored file of that many rows, eight to a problem, no two the same."""
    rows = [json.loads(line) for line in seed.read_text(encoding="utf-8").splitlines()]
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            row = dict(rows[number % len(rows)])
            row["id"], row["problem"] = f"r{number}", f"p{number // 8}"
            row["response"] = f"Attempt {number * 2654435761 % 2**32:x}.\n{row['response']}"
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


def run(*args: object) -> tuple[float, float, str]:
    """Run the command: CPU-seconds, peak resident MB, what it said."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([*COMMAND, *map(str, args)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        after.ru_maxrss / 1024,
        done.stderr,
    )


def writing(source: Path, page: Path, count: int) -> dict[str, Any]:
    """CPU of writing, and the page against the same rows gzipped whole and in base64."""
    cpu, peak, _ = run("report", source, "-o", page)
    start = time.process_time()
    packed = len(base64.b64encode(gzip.compress(source.read_bytes(), 6)))
    floor = time.process_time() - start
    size = page.stat().st_size
    return {
        f"{count:,} rows: CPU-s to write": round(cpu, 1),
        "CPU over gzipping the same file alone": round(cpu / floor, 1),
        f"{count:,} rows: peak resident MB": round(peak),
        "size of the rows, MB": round(source.stat().st_size / 1e6, 1),
        "size of the page, MB": round(size / 1e6, 1),
        "page over the rows gzipped, in base64": round(size / packed, 2),
    }


def browsing(page: Path, count: int, repeats: int) -> dict[str, Any]:
    """Wall times in the browser: until rows are painted, and of a filter, a search and a sort, medians."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in ("headless=new", "disable-gpu", "disable-dev-shm-usage", "window-size=1440,900"):
        options.add_argument(f"--{flag}")
    if os.getuid() == 0:
        options.add_argument("--no-sandbox")
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    by_name: dict[str, Any] = {}
    try:
        opened = []
        for _ in range(repeats):
            driver.get("about:blank")
            driver.get(page.as_uri())
            end = time.monotonic() + 120
            while not (ready := driver.execute_script("return document.documentElement.dataset.ready")):
                if time.monotonic() > end:
                    raise SystemExit("the page never showed its rows")
                time.sleep(0.01)
            opened.append(float(ready))
        by_name["rows in the table after, ms"] = round(median(opened))
        first = driver.execute_script(
            "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
        )
        by_name["first contentful paint, ms"] = None if first is None else round(first)
        acts = {
            "filter by outcome": "document.getElementById('outcome').value = %r; "
            "document.getElementById('bar').requestSubmit()",
            "search": "document.getElementById('search').value = %r; document.getElementById('bar').requestSubmit()",
        }
        for name, act in acts.items():
            values = ("wrong", "") if "outcome" in act else ("die", "")
            times = [measure(driver, act % value) for _ in range(repeats) for value in values if value]
            measure(driver, act % "")
            by_name[f"{name}, ms"] = round(median(times))
        sorting = [
            measure(driver, "document.querySelector('#head th:last-child button').click()") for _ in range(repeats)
        ]
        by_name["sort by length, ms"] = round(median(sorting))
        measure(driver, "document.getElementById('scroll').scrollTop = 1e9")
        by_name["entries shown at the end"] = driver.execute_script(
            "return document.getElementById('count').textContent"
        )
        assert f"{count:,}" in by_name["entries shown at the end"]
    finally:
        driver.quit()
    return by_name


def measure(driver: Any, act: str) -> float:  # any: a webdriver
    """Milliseconds of an act with the layout that follows it."""
    script = f"const start = performance.now(); {act}; document.body.offsetHeight; return performance.now() - start"
    return float(driver.execute_script(script))


if __name__ == "__main__":
    main()
