"""Two processes with gloo against one: the same losses and weights, and a run that is resumed takes the same steps."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.needs("torch")

_RUN = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import torch, torch.distributed as dist
torch.set_num_threads(1)
from test_train import model, options, pairs, rated
from r1_reward.reward_models import NotFiniteError, StoppedError, train_reward_model
from r1_reward.reward_models.stored import add_lora

folder, kind, rank, size = Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
if size > 1:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=size)

def run(name, scorer, rows, chosen, **more):
    return train_reward_model(scorer, rows, chosen, folder / name, spread=size > 1, **more)

if kind == "plain":
    chosen = options(epochs=1, budget=200, checkpoint_every=3, patience=3, eval_every=3)
    run("whole", model(), pairs(80), chosen)
    asked = iter([False] * 2 + [rank == size - 1] + [False] * 9)
    try:
        run("parts", model(), pairs(80), chosen, stop=lambda: next(asked))
        raise SystemExit("was not stopped")
    except StoppedError:
        torch.manual_seed(9)
    run("parts", model(), pairs(80), chosen, resume=True)
elif kind == "others":
    scorer = add_lora(model(), rank=4)  # without dropout, which each process draws for itself
    run("lora", scorer, rated(40), options("safety", epochs=1))
    scorer = model()
    with torch.no_grad():
        scorer.head.weight.fill_(float("nan"))
    try:
        run("nan", scorer, pairs(40), options(epochs=1))
        raise SystemExit("did not notice")
    except NotFiniteError:
        pass
if size > 1:
    dist.destroy_process_group()
"""


def _run(folder: Path, kind: str, size: int) -> Path:
    folder.mkdir()
    command = [sys.executable, "-c", _RUN, str(Path(__file__).parent), str(folder), kind]
    runs = [
        subprocess.Popen([*command, str(rank), str(size)], stderr=subprocess.PIPE, text=True) for rank in range(size)
    ]
    results = [run.communicate(timeout=600)[1] for run in runs]
    assert [run.returncode for run in runs] == [0] * size, results
    return folder


def _lines(folder: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


@pytest.mark.slow
def test_two_processes_train_as_one_and_resume_bit_for_bit(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    one, two = _run(tmp_path / "one", "plain", 1), _run(tmp_path / "two", "plain", 2)
    for line, other in zip(_lines(one / "whole"), _lines(two / "whole"), strict=True):
        assert other == pytest.approx(line, rel=1e-3, abs=1e-5)
    weights, others = (load_file(folder / "whole" / "model.safetensors") for folder in (one, two))
    assert weights.keys() == others.keys()
    for name, weight in weights.items():
        torch.testing.assert_close(others[name], weight, atol=2e-3, rtol=2e-3)
    assert _lines(two / "parts") == _lines(two / "whole")
    cards = [json.loads((two / name / "reward_model.json").read_text()) for name in ("parts", "whole")]
    assert cards[0] == cards[1]
    again = load_file(two / "parts" / "model.safetensors")
    assert all(torch.equal(again[name], weight) for name, weight in others.items())


@pytest.mark.slow
def test_adapters_are_merged_and_a_loss_that_is_no_number_stops_all(tmp_path: Path) -> None:
    from r1_reward.reward_models import SafetyVerifier
    from r1_reward.verifiers import Sample

    one, two = _run(tmp_path / "one", "others", 1), _run(tmp_path / "two", "others", 2)
    sample = [Sample(prompt="7 stone", response="please road")]
    scores = [float(SafetyVerifier(model=str(folder / "lora"), output="raw")(sample)[0]) for folder in (one, two)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)
    held = [json.loads((folder / "nan" / "nan_batch.json").read_text()) for folder in (one, two)]
    assert held[0] == held[1]


@pytest.mark.slow
def test_torchrun_trains_one_model_with_the_command(tmp_path: Path) -> None:
    rows = [{"prompt": f"Q {n}", "chosen": f"please {n % 5}", "rejected": f"no {n % 3}"} for n in range(60)]
    data = tmp_path / "pairs.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]
    flags = ["--kind", "helpful", "--data", str(data), "--base", "tiny", "-o", str(tmp_path / "rm"), "--preset", "tiny"]
    result = subprocess.run(
        [
            sys.executable,
            *command,
            str(Path(sys.executable).with_name("r1-reward")),
            "train-rm",
            *flags,
            "--set",
            "epochs=1",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("steps on") == 1
    assert json.loads((tmp_path / "rm" / "reward_model.json").read_text())["kind"] == "helpful"
