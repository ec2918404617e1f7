"""Reward models behind the server and in every trainer's adapter, by the names that entry points give them."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from click.testing import CliRunner

import r1_reward.reward_models.verifier as models_module
from r1_reward.adapters import areal, nemo, openrlhf, skyrl, slime, swift, trl, verifiers_hub, verl
from r1_reward.cli import main
from r1_reward.reward_models.verifier import HelpfulVerifier, SafetyVerifier
from r1_reward.verifiers import Sample
from r1_reward.verifiers.verifier import Preparing

pytestmark = pytest.mark.needs("torch")

PROMPT = "Question 3"
HELPFUL = ["please look at 2, kindly", "no 1", "<think>no 1</think>please look, kindly"]
SAFE = ["all is well", "beware of it", ""]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A helpful and a safety model, trained here."""
    folder = tmp_path_factory.mktemp("models")
    pairs = [
        {"prompt": f"Question {n}", "chosen": f"please look at {n % 5}, kindly", "rejected": f"no {n % 3}"}
        for n in range(64)
    ]
    rated = [
        {"prompt": f"Question {n}", "response": "all is well" if n % 2 else "beware of it", "safe": n % 2}
        for n in range(64)
    ]
    quick = ["--base", "tiny", "--preset", "tiny", "--set", "epochs=1", "--set", "batch=8", "--set", "lr=3e-3"]
    for kind, rows in (("helpful", pairs), ("safety", rated)):
        data = folder / f"{kind}.jsonl"
        data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        made = CliRunner().invoke(
            main, ["train-rm", "--kind", kind, "--data", str(data), "-o", str(folder / kind), *quick]
        )
        assert made.exit_code == 0, made.stderr
    return {kind: str(folder / kind) for kind in ("helpful", "safety")}


@pytest.fixture(scope="module")
def expected(models: dict[str, str]) -> dict[str, list[float]]:
    """What the verifiers themselves give; what is learned is told apart, so that no constant passes for it."""
    by_name = {
        "helpful": HelpfulVerifier(model=models["helpful"])([Sample(prompt=PROMPT, response=r) for r in HELPFUL]),
        "safety": SafetyVerifier(model=models["safety"])([Sample(prompt=PROMPT, response=r) for r in SAFE]),
    }
    scores = {name: [float(verdict) for verdict in verdicts] for name, verdicts in by_name.items()}
    assert scores["helpful"][0] > scores["helpful"][1]
    assert scores["safety"][0] > scores["safety"][1]
    return scores


@pytest.fixture(scope="module")
def address(models: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with both models, which must end well."""
    command = [sys.executable, "-c", "from r1_reward.cli import main; main()", "serve", "--port", "0", "--workers", "1"]
    command += ["--reward", "helpful,safety"]
    for name, folder in models.items():
        command += ["--set", f"{name}.model={folder}"]
    here, alone = tmp_path_factory.mktemp("here"), {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=here, env=alone) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        match = re.search(r"(http://127\.0\.0\.1:\d+)", said)
        try:
            assert match, said + process.stderr.read()
            yield match[1]
        finally:
            process.terminate()
            _, rest = process.communicate(timeout=120)
    assert (process.returncode, "Traceback" in rest) == (0, False), rest


def ask(url: str, body: object) -> Any:
    head = {"content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), head), timeout=60) as answer:
        return json.load(answer)


def test_server_gives_the_scores_of_the_models(address: str, expected: dict[str, list[float]]) -> None:
    rows = [{"prompt": PROMPT, "response": said, "kind": "general"} for said in HELPFUL]
    rows += [{"prompt": PROMPT, "response": said, "kind": "safety"} for said in SAFE]
    reply = ask(f"{address}/score", rows)
    assert [row["reward"] for row in reply] == pytest.approx(expected["helpful"] + expected["safety"], abs=1e-5)
    assert [set(row["verdicts"]) for row in reply] == [{"helpful", "safety"}] * 6
    assert reply[0]["verdicts"]["safety"]["status"] == "skipped"


@pytest.mark.parametrize("label", ["", None, '{"reference": null, "kind": "general"}'])
def test_openrlhf_asks_the_models_over_http(address: str, expected: dict[str, list[float]], label: str | None) -> None:
    """OpenRLHF's data set gives the label `""` where it was told of no column (datasets/prompts_dataset.py, 0.11.2)."""
    query = [f"{PROMPT}{said}</s>" for said in HELPFUL]
    reply = ask(f"{address}/get_reward", {"query": query, "prompts": [PROMPT] * 3, "labels": [label] * 3})
    assert reply["extra_logs"]["helpful_reward"] == pytest.approx(expected["helpful"], abs=1e-5)
    if label:
        assert reply["rewards"] == reply["scores"] == pytest.approx(expected["helpful"], abs=1e-5)
        assert reply["extra_logs"]["safety_reward"] == [0.0] * 3
    else:  # nothing says which set the prompt is of, so both judge
        assert reply["extra_logs"]["safety_reward"] != [0.0] * 3
    assert reply["extra_logs"]["valid"] == [1.0] * 3


def test_slime_and_nemo_gym_ask_the_models_over_http(address: str, expected: dict[str, list[float]]) -> None:
    for said, score in zip(SAFE, expected["safety"], strict=True):
        body: dict[str, Any] = {"prompt": PROMPT, "response": said, "label": "", "kind": "safety"}
        assert ask(f"{address}/slime", body) == pytest.approx(score, abs=1e-5)
        output = [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": said}]}]
        body = {"responses_create_params": {"input": PROMPT}, "response": {"output": output}, "kind": "safety"}
        reply = ask(f"{address}/verify", body)
        assert reply["reward"] == reply["reward_components"]["safety"] == pytest.approx(score, abs=1e-5)


def test_a_reference_says_that_a_row_is_not_the_models(address: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(f"{address}/slime", {"prompt": PROMPT, "response": "4", "label": "4"})
    assert refused.value.code == 422
    assert json.load(refused.value)["error"]["reason"] == "not_applicable"


def by_trl(name: str, settings: Any, said: str) -> float:
    made = pickle.loads(pickle.dumps(trl.reward(name, **settings)))
    return float(made(prompts=[PROMPT], completions=[said])[0] or 0.0)


def by_trl_async(name: str, settings: Any, said: str) -> float:
    return float(asyncio.run(trl.async_reward(name, **settings)(prompts=[PROMPT], completions=[said]))[0] or 0.0)


def by_verl(name: str, settings: Any, said: str) -> float:
    result = verl.compute_score(
        data_source="x", solution_str=said, ground_truth=None, extra_info={"prompt": PROMPT}, rewards=[name], **settings
    )
    assert result[f"{name}_reward"] == result["score"]
    return float(result["score"])


def by_openrlhf(name: str, settings: Any, said: str) -> float:
    result = openrlhf.reward(name, **settings)([PROMPT + said], [PROMPT], [""])
    assert float(result["extra_logs"]["valid"][0]) == 1.0
    assert float(result["scores"][0]) == float(result["rewards"][0])
    return float(result["rewards"][0])


def by_slime(name: str, settings: Any, said: str) -> float:
    sample = SimpleNamespace(prompt=PROMPT, response=said, label="", metadata={})
    return float(asyncio.run(slime.reward(name, **settings)(SimpleNamespace(reward_key=None), sample)))  # type: ignore[arg-type]  # one sample, one number


def by_swift(name: str, settings: Any, said: str) -> float:
    return float(swift.orm(name, **settings)(args=None)([said], prompt=[PROMPT])[0] or 0.0)


def by_skyrl(name: str, settings: Any, said: str) -> float:
    env = skyrl.environment(name, **settings)({}, {"reward_spec": {"ground_truth": None}})
    env.init([{"role": "user", "content": PROMPT}])
    return float(env.step(said)["reward"])


def by_areal(name: str, settings: Any, said: str) -> float:
    return float(areal.reward(name, **settings)(PROMPT, said, [1], [2]))


def by_nemo_rl(name: str, settings: Any, said: str) -> float:
    log = [{"role": "user", "content": PROMPT}, {"role": "assistant", "content": said}]
    return float(nemo.environment(name, **settings)({}).step([log], [{}]).rewards[0])


def by_nemo_gym(name: str, settings: Any, said: str) -> float:
    output = [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": said}]}]
    body = {"responses_create_params": {"input": PROMPT}, "response": {"output": output}}
    return float(nemo.gym_verify(name, **settings)(body)["reward"])


def by_verifiers(name: str, settings: Any, said: str) -> float:
    by_name = {"role": "assistant", "content": said}
    message = SimpleNamespace(model_dump=lambda: by_name)
    data = SimpleNamespace(model_dump=lambda: {"prompt": PROMPT})
    trace = SimpleNamespace(assistant_messages=[message], last_reply=said, rewards={}, metrics={})
    result: Any = asyncio.run(verifiers_hub.reward(name, **settings)(SimpleNamespace(data=data), trace))
    return float(result)


WAYS = [value for name, value in sorted(globals().items()) if name.startswith("by_")]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", ["helpful", "safety"])
def test_every_adapter_gives_the_scores_of_the_models(
    name: str, way: Any, models: dict[str, str], expected: dict[str, list[float]]
) -> None:
    settings = {"options": {name: {"model": models[name]}}}
    said = HELPFUL if name == "helpful" else SAFE
    results = [way(name, settings, text) for text in said]
    assert results == pytest.approx(expected[name], abs=1e-5)


def test_a_model_is_loaded_before_the_first_row(models: dict[str, str]) -> None:
    for judge in (HelpfulVerifier(model=models["helpful"]), SafetyVerifier(model=models["safety"])):
        assert isinstance(judge, Preparing)
        models_module._models.clear()
        judge.prepare()
        assert [Path(key[1]).name for key in models_module._models] == [judge.name]
    SafetyVerifier(model=models["helpful"]).prepare()  # not of its kind, which its verdicts will say
