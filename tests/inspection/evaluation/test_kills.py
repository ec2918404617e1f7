"""An evaluation of a server that fails one call in five, killed ten times at random places, ends in the same bytes."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.inspection.evaluation.served_model import Faulty, adder
from tests.verifiers.judge.scripted import Asked, ScriptedServer, Told

KILLS = 10


def _slow(asked: Asked) -> Told:
    answer = adder(asked)
    return Told(raw=answer.raw, after=0.05)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kills a process")
def test_killed_ten_times_it_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    bench = tmp_path / "sums.jsonl"
    rows = [{"prompt": f"{n}+{n + 1}", "reference": str(2 * n + 1), "level": n % 3} for n in range(300)]
    bench.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def command(url: str, name: str, *more: str) -> list[str]:
        code = "import sys; from r1_reward.cli import main; main()"
        asked = ["eval", str(bench), "--server", url, "--model", "m", "-k", "8", "--concurrency", "16"]
        written = ["-o", str(tmp_path / f"{name}.jsonl"), "--summary", str(tmp_path / f"{name}.json")]
        return [sys.executable, "-c", code, *asked, *written, *more]

    with ScriptedServer(_slow) as server:
        subprocess.run(command(server.url, "whole"), check=True, capture_output=True)
    whole = (tmp_path / "whole.jsonl").read_bytes()
    chance = random.Random(0)
    killed, lines = 0, 0
    model = Faulty(_slow)
    with ScriptedServer(model) as server:
        for number in range(KILLS):
            more = ("--resume",) if number else ()
            process = subprocess.Popen(
                command(server.url, "torn", *more), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            # From the moment that it asks, so that every kill falls into the run and not into the imports.
            asked = len(server.asked)
            while process.poll() is None and len(server.asked) == asked:
                time.sleep(0.01)
            time.sleep(chance.uniform(0.0, 0.6))
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
            torn = tmp_path / "torn.jsonl"
            count = torn.read_bytes().count(b"\n") if torn.exists() else 0
            assert count >= lines  # nothing that was recorded is lost
            lines = count
        assert killed == KILLS
        assert 0 < lines < 2_400
        subprocess.run(command(server.url, "torn", "--resume"), check=True, capture_output=True)
        asked_in_all = len(server.asked) - model.faults
    assert (tmp_path / "torn.jsonl").read_bytes() == whole
    assert (tmp_path / "torn.json").read_bytes() == (tmp_path / "whole.json").read_bytes()
    # What had come before a kill is not asked for again: each kill loses at most what was under way.
    assert asked_in_all <= 2_400 + KILLS * 16 * 2
