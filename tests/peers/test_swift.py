"""`swift rlhf` trains on the CPU with a reward that it knows by the name in our plugin file, and learns."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

WORDS = tuple(r"\boxed{4} \boxed{5} four five two What is 2 + ? the sum of and we".split())
FOLDER = os.environ.get("R1_REWARD_SWIFT", "")
"""ms-swift's own environment: it trains with a TRL below 1.0."""


@pytest.mark.skipif(
    not FOLDER, reason="R1_REWARD_SWIFT names no environment with ms-swift; `make test-peers` makes one"
)
def test_swift_rlhf_learns_without_a_file_of_ones_own(
    model: Callable[..., Any], make_tokenizer: Callable[..., Any], tmp_path: Path
) -> None:
    words = make_tokenizer(WORDS)
    model(words).save_pretrained(tmp_path / "model")
    words.save_pretrained(tmp_path / "model")
    asked = [{"role": "user", "content": "What is 2 + 2 ?"}]
    golds = ["4"] * 61 + ["proof"] * 3
    rows = [json.dumps({"messages": asked, "solution": gold, "kind": "math"}) for gold in golds]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))
    (tmp_path / "rewards.toml").write_text('reward = "math,format:0.1"\n')
    python, swift = Path(FOLDER, "bin", "python"), Path(FOLDER, "bin", "swift")
    command = [str(python), "-m", "r1_reward.adapters.plugins", "swift"]
    plugin = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout.strip()
    options = {
        "rlhf_type": "grpo", "model": tmp_path / "model", "model_type": "llama", "template": "dummy",
        "tuner_type": "full", "torch_dtype": "float32", "bf16": "false", "dataset": tmp_path / "rows.jsonl",
        "dataset_num_proc": 1, "load_from_cache_file": "false", "external_plugins": plugin,
        "reward_funcs": "r1_configured", "use_vllm": "false", "max_steps": 30, "per_device_train_batch_size": 16,
        "num_generations": 8, "max_completion_length": 6, "learning_rate": 1e-2, "lr_scheduler_type": "constant",
        "beta": 0, "logging_steps": 1, "save_strategy": "no", "report_to": "none", "output_dir": tmp_path / "out",
    }  # fmt: skip
    done = subprocess.run(
        [str(swift), "rlhf", *(word for key, value in options.items() for word in (f"--{key}", str(value)))],
        capture_output=True,
        text=True,
        timeout=900,
        cwd=tmp_path,
        env={
            **{key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
            "CUDA_VISIBLE_DEVICES": "",
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            "R1_REWARD_CONFIG": str(tmp_path / "rewards.toml"),
        },
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    rewards = [float(number) for number in re.findall(r"'reward': '?([0-9.]+)", done.stdout + done.stderr)]
    assert len(rewards) >= 30
    assert fmean(rewards[-5:]) > fmean(rewards[:3]) + 0.4, rewards
