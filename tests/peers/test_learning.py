"""TRL learns with our rewards: over bad golds, from a checkpoint, on two ranks, and beside programs that attack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from r1_reward.adapters.trl import reward

trl = pytest.importorskip("trl")
datasets = pytest.importorskip("datasets")

WORDS = tuple(r"\boxed{4} \boxed{5} four five two What is 2 + ? the sum of and we".split())
PROMPT = "What is 2 + 2 ?"
STEPS = 30


def config(folder: Path, **more: Any) -> Any:  # any: TRL's
    return trl.GRPOConfig(
        **{
            "output_dir": str(folder),
            "per_device_train_batch_size": 32,
            "num_generations": 8,
            "max_steps": STEPS,
            "max_completion_length": 2,
            "learning_rate": 1e-2,
            "lr_scheduler_type": "constant",
            "logging_steps": 1,
            "save_strategy": "no",
            "report_to": [],
            "use_cpu": True,
            "bf16": False,
            "disable_tqdm": True,
            "beta": 0.0,
            "seed": 1,
            **more,
        }
    )


def rows(bad: int = 0) -> Any:  # any: a Dataset
    golds = ["4"] * (64 - bad) + ["proof"] * bad
    return datasets.Dataset.from_dict({"prompt": [PROMPT] * 64, "answer": golds, "kind": ["math"] * 64})


def rewards_of(trainer: Any, name: str = "math") -> list[float]:
    """The mean rewards by step."""
    return [log[f"rewards/{name}/mean"] for log in trainer.state.log_history if f"rewards/{name}/mean" in log]


def learned(result: list[float]) -> bool:
    return fmean(result[-5:]) > fmean(result[:3]) + 0.4


def trainer_of(rewards: Any, data: Any, model: Any, words: Any, how: Any) -> Any:
    return trl.GRPOTrainer(model=model, args=how, train_dataset=data, processing_class=words, reward_funcs=rewards)


@pytest.mark.parametrize("bad", [0, 3], ids=["good golds", "5 % bad golds"])
def test_grpo_learns(bad: int, model: Callable[..., Any], make_tokenizer: Callable[..., Any], tmp_path: Path) -> None:
    words = make_tokenizer(WORDS)
    trainer = trainer_of(reward("math", "format:0.1", name="math"), rows(bad), model(words), words, config(tmp_path))
    trainer.train()
    result = rewards_of(trainer)
    assert len(result) == STEPS
    assert learned(result), result
    errors = [log["math/error"] for log in trainer.state.log_history if "math/error" in log]
    assert (max(errors) > 0) == (bad > 0)
    assert fmean(errors) < 0.15


@pytest.mark.parametrize("functions", [["math,format"], ["math", "format"]], ids=["one sum", "two functions"])
def test_no_weight_moves_by_rows_that_could_not_be_judged(
    functions: list[str], model: Callable[..., Any], make_tokenizer: Callable[..., Any], tmp_path: Path
) -> None:
    words = make_tokenizer(WORDS)
    policy = model(words)
    before = [one.detach().clone() for one in policy.parameters()]
    made = [reward(name, breaker=None) for name in functions]
    trainer = trainer_of(made, rows(bad=64), policy, words, config(tmp_path, max_steps=3))
    trainer.train()
    assert all((one == other).all() for one, other in zip(before, trainer.model.parameters(), strict=True))
    trainer = trainer_of(made, rows(), policy, words, config(tmp_path, max_steps=3))
    trainer.train()  # or the comparison above would compare a model that nothing moves
    assert not all((one == other).all() for one, other in zip(before, trainer.model.parameters(), strict=True))


def test_grpo_goes_on_from_a_checkpoint(
    model: Callable[..., Any], make_tokenizer: Callable[..., Any], tmp_path: Path
) -> None:
    words = make_tokenizer(WORDS)
    how = {"save_strategy": "steps", "save_steps": 10, "save_total_limit": 1}
    first = trainer_of(reward("math"), rows(), model(words), words, config(tmp_path, max_steps=10, **how))
    first.train()
    again = trainer_of(
        reward("math", "language@12"), rows(), model(words), words, config(tmp_path, max_steps=20, **how)
    )
    again.train(resume_from_checkpoint=True)
    assert again.state.global_step == 20
    logs = [log for log in again.state.log_history if "math_language_from_12/valid" in log]
    assert len(logs) == 10  # the first ten were the first run's
    assert [log["math_language_from_12/error"] for log in logs] == [0.0] * 10
    assert fmean(rewards_of(again, "math_language_from_12")[-3:]) > fmean(rewards_of(first)[:3])


RANKS = """
import json, sys, torch
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from conftest import make_model, tokenizer_of
from test_learning import PROMPT, WORDS, config, rewards_of, rows, trainer_of
from r1_reward.adapters.trl import reward

words = tokenizer_of(WORDS)
how = config(Path(sys.argv[1]), per_device_train_batch_size=16, ddp_backend="gloo")
trainer = trainer_of([reward("math"), reward("format")], rows(3), make_model(words), words, how)
trainer.train()
weights = sum(float(one.abs().sum()) for one in trainer.accelerator.unwrap_model(trainer.model).parameters())
told = {"rewards": rewards_of(trainer), "weights": weights, "logs": sorted(trainer.state.log_history[0])}
Path(sys.argv[1], f"rank{trainer.accelerator.process_index}.json").write_text(json.dumps(told))
"""


def test_two_ranks_learn_the_same(tmp_path: Path) -> None:
    script = tmp_path / "ranks.py"
    script.write_text(RANKS)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "29713"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    subprocess.run(
        [*command, str(script), str(tmp_path), str(Path(__file__).parent)], check=True, env=environment, timeout=600
    )
    ranks = [json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in (0, 1)]
    assert ranks[0]["weights"] == pytest.approx(ranks[1]["weights"], rel=1e-6)
    assert {"math/error", "math/valid", "format/valid"} <= set(ranks[0]["logs"])
    assert learned(ranks[0]["rewards"]), ranks[0]["rewards"]


PROGRAMS = (
    *("print(4)", "print(5)", "import os; [os.fork() for _ in iter(int, 1)]", "x = ' ' * 10**11", "while True: pass"),
    *("import os; os.kill(os.getppid(), 9)", "open('/proc/1/mem', 'wb')", "print(2+2)", "four"),
)


@pytest.mark.needs("userns")
def test_programs_that_attack_cost_themselves_alone(
    model: Callable[..., Any], make_tokenizer: Callable[..., Any], tmp_path: Path
) -> None:
    words = make_tokenizer(PROGRAMS)
    tests = [{"type": "stdin", "input": "", "output": "4"}]
    data = datasets.Dataset.from_dict({"prompt": [PROMPT] * 16, "tests": [tests] * 16})
    options = {"code": {"backend": "local", "time_s": 0.3, "memory_mb": 128.0, "processes": 8}}
    how = config(tmp_path, max_steps=12, max_completion_length=1, per_device_train_batch_size=16, learning_rate=3e-2)
    trainer = trainer_of(reward("code", name="code", options=options), data, model(words), words, how)
    trainer.train()
    logs = [log for log in trainer.state.log_history if "code/error" in log]
    assert [log["code/error"] for log in logs] == [0.0] * 12
    result = rewards_of(trainer, "code")
    assert fmean(result[-3:]) > fmean(result[:3]) + 0.3, result
