"""A run that is killed twenty times at random places resumes to the same bytes, whatever kind of file it writes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

KINDS = ("jsonl", "jsonl.gz", "jsonl.zst", "jsonl.bz2", "jsonl.xz", "csv", "tsv", "parquet", "arrow")
KILLS = 20
ROWS = 3_000
# Its verdicts hold no time, so that files can be compared byte by byte.
VERIFIER = """
import time
from r1_reward.verifiers import Reason, Verdict

class Timeless:
    name = "timeless"

    def __call__(self, samples):
        time.sleep(0.0003 * len(samples))
        return [Verdict.scored(float(sample.response.count("a") % 2), Reason.MEASURED) for sample in samples]
"""


def _command(output: str, *args: str) -> list[str]:
    code = "import sys; sys.path.insert(0, '.'); from r1_reward.cli import main; main()"
    reward = ("--reward", "timeless_rewards:Timeless", "--workers", "2")
    return [sys.executable, "-c", code, "score", "in.jsonl", "-o", output, *reward, *args]


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kills a process")
@pytest.mark.parametrize("kind", KINDS)
def test_twenty_kills_of_twenty_resume_to_the_same_bytes(tmp_path: Path, kind: str) -> None:
    draw = random.Random(kind)
    (tmp_path / "timeless_rewards.py").write_text(VERIFIER, encoding="utf-8")
    rows = [{"id": n, "response": f"banana {n} é\n" * (n % 7), "x": [n, None], "level": n / 4} for n in range(ROWS)]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (tmp_path / "in.jsonl").write_text(text, encoding="utf-8")
    whole = _run(tmp_path, f"whole.{kind}")
    total = len(whole) if kind == "jsonl" else len(_run(tmp_path, "plain.jsonl"))
    out = tmp_path / f"out.{kind}"
    held = out if kind == "jsonl" else out.with_name(out.name + ".part.jsonl")
    killed = torn = 0
    while killed < KILLS:
        before = held.stat().st_size if held.exists() else 0
        until = before + draw.uniform(0, 0.4) * total  # beyond the last row: while the file is made of the rows
        with subprocess.Popen(_command(out.name, "--resume"), cwd=tmp_path, stderr=subprocess.DEVNULL) as run:
            while run.poll() is None and not _reached(held, out, until, total):
                time.sleep(0.001)
            ended = run.poll() is not None
            run.kill()
        if ended:
            assert out.read_bytes() == whole
            for path in tmp_path.glob("out.*"):
                path.unlink()
            continue
        killed += 1
        if held.exists() and draw.random() < 0.5:
            torn += 1
            os.truncate(held, max(0, held.stat().st_size - draw.randint(1, 60)))
    assert torn
    assert _run(tmp_path, out.name, "--resume") == whole


def _reached(held: Path, out: Path, size: float, total: int) -> bool:
    """Whether the rows have come as far as `size`, or the file is being made of them."""
    if size >= total:
        return out.with_name(out.name + ".new").exists()
    return held.exists() and held.stat().st_size >= size


def _run(folder: Path, output: str, *args: str) -> bytes:
    run = subprocess.run(_command(output, *args), cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return (folder / output).read_bytes()
