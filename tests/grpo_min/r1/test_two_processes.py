"""Stages under torchrun: two ranks of gloo learn what one does, share the sampling, and write once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .test_stages import write_recipe


def _run(folder: Path, ranks: int) -> dict[str, list[dict[str, Any]]]:  # any: JSON values
    recipe = write_recipe(folder)
    recipe.write_text(recipe.read_text().replace('"no_language", "hacking", "small_zero"', ""), encoding="utf-8")
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(ranks), "--standalone"] if ranks > 1 else []
    command = [sys.executable, *launcher, "-m", "r1_reward.grpo_min.train", str(recipe)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert run.returncode == 0, run.stderr[-4000:]
    assert run.stderr.count("zero: done") == 1
    return {
        path.parent.name: [json.loads(line) for line in path.read_text().splitlines()]
        for path in (folder / "out").glob("*/metrics.jsonl")
    }


@pytest.mark.slow
def test_two_ranks_run_all_stages_as_one_does(tmp_path: Path) -> None:
    one, two = _run(tmp_path / "one", 1), _run(tmp_path / "two", 2)
    assert one.keys() == two.keys() >= {"base", "zero", "cold_start", "rl1", "sft2", "rl2", "small", "distill"}
    for name, lines in one.items():
        assert [line["step"] for line in lines] == [line["step"] for line in two[name]], name
    # The same batches from the same weights: to rounding at first, and near it as long as nothing is sampled.
    assert two["base"][0]["loss"] == pytest.approx(one["base"][0]["loss"], abs=1e-6)
    assert two["base"][0]["grad_norm"] == pytest.approx(one["base"][0]["grad_norm"], rel=1e-4)
    assert two["base"][-1]["loss"] == pytest.approx(one["base"][-1]["loss"], abs=0.05)
    for ranks in ("one", "two"):
        for stage in ("base", "zero", "cold_start", "rl1", "sft2", "rl2", "distill"):
            report = json.loads((tmp_path / ranks / "out" / stage / "report.json").read_text())
            assert report["evaluation"]["metrics"]["pass_at_1"]["n"] == 4
        candidates = (tmp_path / ranks / "out" / "cold_start" / "candidates.jsonl").read_text().splitlines()
        assert len(candidates) == 16
