"""Two processes with gloo against one: the same loss and gradients, the same run, and nobody waits for ever."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

_RUN = """
import sys, json
from dataclasses import replace
from pathlib import Path
import torch, torch.distributed as dist
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[3])
from test_loop import Evens, _config
from r1_reward.grpo_min.config import CheckpointConfig, MemoryConfig, OptimizerConfig, RolloutConfig
from r1_reward.grpo_min.loop import Trainer
from r1_reward.grpo_min.toy.arithmetic import toy_model, sums, toy_tokenizer

folder, kind = Path(sys.argv[1]), sys.argv[2]
several = kind != "one"
if several:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet-{kind}", rank=int(sys.argv[4]), world_size=2)
tokenizer = toy_tokenizer()
model = toy_model(tokenizer, width=16, layers=2).double()
config = _config(
    folder / ("cut" if kind == "again" else kind), steps=4, memory=MemoryConfig(tokens=40),
    rollout=RolloutConfig(questions=3, samples=3, minibatches=2, max_tokens=((0, 8),)),
    optimizer=OptimizerConfig(lr=1e-3, clip=0.5), checkpoint=CheckpointConfig(every=3, keep=9),
)
seen = []
trainer = Trainer(
    config, model, tokenizer, sums(7, 0), Evens(), stopped=lambda: kind == "cut" and len(seen) >= 3,
)
gradients = []
def look(*_):
    for weight in trainer.learner.policy.parameters():
        whole = weight.grad.full_tensor() if hasattr(weight.grad, "full_tensor") else weight.grad
        gradients.append(whole.flatten().clone())
trainer.learner.optimizer.register_step_pre_hook(look)
for line in trainer.steps():
    seen.append(line)
whole = {
    name: weight.full_tensor() if hasattr(weight, "full_tensor") else weight
    for name, weight in trainer.learner.policy.state_dict().items()
}
if trainer.processes.rank == 0:
    torch.save({"lines": seen, "gradients": gradients, "weights": whole}, folder / f"{kind}.pt")
if several:
    dist.destroy_process_group()
"""


def _run(folder: Path, kind: str, processes: int) -> dict[str, Any]:  # any: what the script saved
    command = [sys.executable, "-c", _RUN, str(folder), kind, str(Path(__file__).parent)]
    runs = [subprocess.Popen([*command, str(rank)], stderr=subprocess.PIPE, text=True) for rank in range(processes)]
    results = [run.communicate(timeout=300)[1] for run in runs]
    assert [run.returncode for run in runs] == [0] * processes, results
    return torch.load(folder / f"{kind}.pt")  # type: ignore[no-any-return]


@pytest.mark.slow
def test_two_processes_are_as_one_and_resume_bit_equal(tmp_path: Path) -> None:
    """Three questions over two ranks: one has twice the work of the other, in micro-batches of its own number."""
    one, two = _run(tmp_path, "one", 1), _run(tmp_path, "two", 2)
    assert len(one["lines"]) == len(two["lines"]) == 4
    for line, other in zip(one["lines"], two["lines"], strict=True):
        for name in ("loss", "reward", "tokens", "kl", "entropy", "samples", "grad_norm"):
            assert other[name] == pytest.approx(line[name], abs=1e-9), name
    first = len(one["gradients"]) // 4
    for gradient, other in zip(one["gradients"][:first], two["gradients"][:first], strict=True):
        torch.testing.assert_close(other, gradient, atol=1e-10, rtol=0)

    _run(tmp_path, "cut", 2)
    again = _run(tmp_path, "again", 2)
    assert [line["step"] for line in again["lines"]] == [4]
    assert all(torch.equal(again["weights"][name], weight) for name, weight in two["weights"].items())
    steps = [json.loads(line)["step"] for line in (tmp_path / "cut" / "metrics.jsonl").read_text("utf-8").splitlines()]
    assert steps == [1, 2, 3, 4]
