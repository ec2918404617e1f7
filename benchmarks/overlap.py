"""Training rows held against tests: recall by how a test was disguised, false alarms, rows per CPU-second and memory.

    python benchmarks/overlap.py [--rows 100000] [--tests 5000] [--json OUT.json] [--repeat 3]

Questions are drawn from a vocabulary with Zipf's frequencies, 20 to 120 words, some with formulas; 1 % of the training
rows hold a test, disguised in one of the ways of `DISGUISES`. Near duplicates are also found by datasketch's
MinHashLSH (128 permutations, the same three-token sequences), in the same run, each candidate's estimate at 0.8 or
more. Peak memory is of a process of its own each.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import random
import resource
import statistics
import time
from collections import Counter
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from r1_reward.inspection.overlap import HeldOut, Place, near_duplicates
from r1_reward.inspection.overlap.files import check_against
from r1_reward.inspection.overlap.near import NearIndex, shingles
from r1_reward.inspection.overlap.texts import read_held_out
from r1_reward.inspection.overlap.tokens import tokens


def vocabulary(draw: random.Random) -> list[str]:
    return ["".join(draw.choices("etaoinshrdlucmfwypvbgk", k=draw.randint(2, 9))) for _ in range(20_000)]


def question(draw: random.Random, words: list[str], weights: list[float]) -> str:
    said = draw.choices(words, cum_weights=weights, k=draw.randint(20, 120))
    if draw.random() < 0.5:
        said.insert(draw.randrange(len(said)), rf"$\dfrac{{x^{draw.randint(2, 9)}}}{{{draw.randint(10, 99)}}} \le y$")
    return " ".join(said)


def respelled(text: str, _: random.Random) -> str:
    return text.upper().replace(r"\DFRAC", r"\frac").replace(r" \LE ", " ≤ ").replace(" ", "  ").replace("$", "")


def one_word(text: str, draw: random.Random) -> str:
    said = text.split(" ")
    said[draw.randrange(len(said))] = "changedword"
    return " ".join(said)


def every_ninth(text: str, _: random.Random) -> str:
    """No ten words in a row are left, most three are."""
    return " ".join("changedword" if place % 9 == 8 else word for place, word in enumerate(text.split(" ")))


DISGUISES: dict[str, Callable[[str, random.Random], str]] = {
    "as it is": lambda text, _: text,
    "respelled": respelled,
    "inside other text": lambda text, _: f"Here is a puzzle of mine. {text} Think before you speak, and be brief.",
    "half of it": lambda text, _: " ".join(text.split(" ")[: len(text.split(" ")) // 2]),
    "one word changed": one_word,
    "every ninth word changed": every_ninth,
}


def write(folder: Path, rows: int, tests: int) -> dict[int, str]:
    """Files of tests and of training rows; gives the disguise of each training row that holds a test, by line."""
    draw = random.Random(1)
    words = vocabulary(draw)
    total, weights = 0.0, []
    for rank in range(len(words)):
        total += 1 / (rank + 10)
        weights.append(total)
    held = [question(draw, words, weights) for _ in range(tests)]
    with (folder / "tests.jsonl").open("w") as file:
        file.writelines(json.dumps({"question": text, "answer": "4"}) + "\n" for text in held)
    planted = {}
    with (folder / "train.jsonl").open("w") as file:
        for line in range(1, rows + 1):
            text = question(draw, words, weights)
            if line % 100 == 0:
                planted[line] = list(DISGUISES)[line // 100 % len(DISGUISES)]
                text = DISGUISES[planted[line]](draw.choice(held), draw)
            file.write(json.dumps({"id": f"row-{line}", "prompt": text, "reference": "4"}) + "\n")
    return planted


def ours(folder: Path) -> dict[str, Any]:
    began = time.process_time()
    held = read_held_out([str(folder / "tests.jsonl")])
    indexed = time.process_time()
    result = check_against([str(folder / "train.jsonl")], held)
    done = time.process_time()
    matches = {one.line: one.reason for one in result.dropped}
    return {"index": indexed - began, "rows": done - indexed, "found": matches, "tokens": len(held._tokens)}


def texts_of(folder: Path, name: str, column: str) -> list[str]:
    return [json.loads(line)[column] for line in (folder / name).open()]


def near_ours(folder: Path) -> dict[str, Any]:
    """Near duplicates alone."""
    tests, train = texts_of(folder, "tests.jsonl", "question"), texts_of(folder, "train.jsonl", "prompt")
    began = time.process_time()
    index = NearIndex(0.8)
    for text in tests:
        index.add(shingles(tokens(text)))
    matches = {line: "near" for line, text in enumerate(train, 1) if index.nearest(shingles(tokens(text))) is not None}
    return {"rows": time.process_time() - began, "found": matches}


def near_datasketch(folder: Path) -> dict[str, Any]:
    from datasketch import MinHash, MinHashLSH

    def sketch(text: str) -> Any:
        some = tokens(text)
        made = MinHash(num_perm=128)
        made.update_batch([" ".join(one).encode() for one in zip(some, some[1:], some[2:], strict=False)])
        return made

    tests, train = texts_of(folder, "tests.jsonl", "question"), texts_of(folder, "train.jsonl", "prompt")
    began = time.process_time()
    lsh, sketches = MinHashLSH(threshold=0.8, num_perm=128), [sketch(text) for text in tests]
    for number, one in enumerate(sketches):
        lsh.insert(number, one)
    matches = {}
    for line, text in enumerate(train, 1):
        one = sketch(text)
        if any(one.jaccard(sketches[number]) >= 0.8 for number in lsh.query(one)):
            matches[line] = "near"
    return {"rows": time.process_time() - began, "found": matches}


def within(folder: Path) -> dict[str, Any]:
    """Near duplicates within one set, as `prefs` looks for them."""
    texts = texts_of(folder, "train.jsonl", "prompt")[:20_000]
    began = time.process_time()
    copies = near_duplicates(texts)
    return {
        "rows": time.process_time() - began,
        "found": {place: "near" for place, one in enumerate(copies) if one is not None},
    }


def _measured(job: Callable[[Path], dict[str, Any]], folder: Path, pipe: Any) -> None:
    result = job(folder)
    pipe.send({**result, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024})


def measure(job: Callable[[Path], dict[str, Any]], folder: Path) -> dict[str, Any]:
    """A job in a process of its own."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=_measured, args=(job, folder, theirs))
    process.start()
    result: dict[str, Any] = mine.recv()
    process.join()
    return result


def chinese_false_alarms() -> None:
    """A common opening of ten characters is no passage; sixteen characters are."""
    held = HeldOut()
    held.add(Place("t", 1, None), "在直角三角形ABC中，已知角C等于九十度，求斜边的长度是多少", [])
    held.finish_file()
    assert held.match("在直角三角形ABC中，已知两条边的比，问面积") is None
    assert held.match("题目：直角三角形ABC中，已知角C等于九十度，求斜边上的高") is not None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--tests", type=int, default=5_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json")
    args = parser.parse_args()
    chinese_false_alarms()
    jobs = {"check --against": ours, "near alone": near_ours, "datasketch": near_datasketch, "within 20,000": within}
    table: dict[str, Any] = {}
    with TemporaryDirectory() as name:
        folder = Path(name)
        planted = write(folder, args.rows, args.tests)
        runs: dict[str, list[dict[str, Any]]] = {job: [] for job in jobs}
        for _ in range(args.repeat):
            for job, work in jobs.items():
                runs[job].append(measure(work, folder))
        for job, results in runs.items():
            seconds = statistics.median(result["rows"] for result in results)
            table[job] = {"cpu_s": seconds, "peak_mb": statistics.median(one["peak_mb"] for one in results)}
            matches = results[0]["found"]
            if job != "within 20,000":
                hits, all_ = Counter(planted[line] for line in matches if line in planted), Counter(planted.values())
                table[job] |= {
                    "rows_per_cpu_s": args.rows / seconds,
                    "recall": {one: hits[one] / all_[one] for one in DISGUISES},
                    "false_alarms": sum(line not in planted for line in matches),
                }
            if job == "check --against":
                table[job] |= {
                    "index_cpu_s": statistics.median(one["index"] for one in results),
                    "test_tokens": results[0]["tokens"],
                }
            print(job, json.dumps(table[job]))
    machine = f"{platform.machine()}, Python {platform.python_version()}, datasketch {version('datasketch')}"
    print(machine)
    if args.json:
        payload = {
            "benchmark": "benchmarks/overlap.py",
            "date": f"{date.today():%Y-%m-%d}",
            "machine": machine,
            "recorded": f"{args.repeat} interleaved runs",
            "figures": {"rows": args.rows, "tests": args.tests, **table},
        }
        Path(args.json).write_text(json.dumps(payload, indent=1))


if __name__ == "__main__":
    main()
