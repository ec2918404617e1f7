"""`train-rm`, `eval-rm` and `score --reward helpful,safety` as people type them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from r1_reward.cli import main
from r1_reward.rows.files import RawRow
from r1_reward.rows.reader import RowReader
from r1_reward.scoring import ScoreOptions
from r1_reward.scoring.work import RowScorer

pytestmark = pytest.mark.needs("torch")

QUICK = ["--preset", "tiny", "--set", "epochs=1", "--set", "batch=8", "--set", "lr=3e-3"]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)  # two would wait for each other on a busy machine


def run(*args: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(arg) for arg in args])
    assert result.exit_code == code, result.stderr + str(result.exception)
    assert "Traceback" not in result.stderr
    return result


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [
        {
            "id": str(n),
            "prompt": f"Question {n} about {n % 7}",
            "chosen": f"please look at {n % 5}, kindly",
            "rejected": f"no {n % 3}",
            "source": "made" if n % 2 else "up",
        }
        for n in range(120)
    ]
    return write(tmp_path_factory.mktemp("data") / "pairs.jsonl", rows)


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [
        {"prompt": f"Question {n}", "response": "all is well" if n % 2 else "beware of it", "safe": n % 2}
        for n in range(120)
    ]
    return write(tmp_path_factory.mktemp("data") / "rated.jsonl", rows)


@pytest.fixture(scope="module")
def helpful(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rm") / "helpful"
    result = run("train-rm", "--kind", "helpful", "--data", pairs, "--base", "tiny", "-o", folder, *QUICK)
    assert "steps on" in result.stderr
    return folder


@pytest.fixture(scope="module")
def safety(rated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rm") / "safety"
    run("train-rm", "--kind", "safety", "--data", rated, "--base", "tiny", "-o", folder, *QUICK)
    return folder


def test_data_as_it_is_held_is_read_and_what_cannot_be_is_counted_and_shown(
    helpful: Path, safety: Path, tmp_path: Path
) -> None:
    two = {"response_0": "please look", "response_1": "no"}
    rows = [{"prompt": f"Q {n}", **two, "better_response_id": n % 2} for n in range(6)]
    data = write(
        tmp_path / "pku.jsonl", [*rows, {"prompt": "Q", **two}, {"prompt": "Q", **two, "better_response_id": 7}]
    )
    result = run("eval-rm", "--model", helpful, "--data", data, "--from", "pku-saferlhf")
    assert "2 rows could not be read and were left out:" in result.stderr
    assert "row 7: column 'better_response_id' is missing" in result.stderr
    report = json.loads(result.stdout)
    assert (report["pairs"], report["left_out"]) == (6, {"unreadable": 2})
    own = write(tmp_path / "own.jsonl", [{"asked": "Q", "x": {"good": "please look", "bad": "no"}}])
    mapped = run("eval-rm", "--model", helpful, "--data", own, "--map", "prompt=asked,chosen=x.good,rejected=x.bad")
    assert json.loads(mapped.stdout)["pairs"] == 1
    wrong = run("eval-rm", "--model", helpful, "--data", own, code=2)
    assert "the first has asked: 'Q', x: {good, bad}" in " ".join(wrong.stderr.split())
    run("train-rm", "--kind", "helpful", "--data", data, "--base", "tiny", "-o", tmp_path / "rm", *QUICK,
        "--map", "preferred=better_response_id,response_a=response_0,response_b=response_1")  # fmt: skip
    toxic = write(tmp_path / "toxic.jsonl", [{"user_input": "Q", "model_output": "all is well", "toxicity": 0}] * 2)
    assert json.loads(run("eval-rm", "--model", safety, "--data", toxic).stdout)["safe"] == 2
    refused = run("eval-rm", "--model", safety, "--data", toxic, "--from", "shp", code=2)
    assert "--from shp is a form of pairs" in refused.stderr


def test_model_is_trained_and_evaluated(helpful: Path, pairs: Path, tmp_path: Path) -> None:
    scores = tmp_path / "scores.jsonl"
    result = run("eval-rm", "--model", helpful, "--data", pairs, "--scores", scores)
    report = json.loads(result.stdout)
    assert report["pairs"] == 120
    assert report["accuracy"] > 0.9
    assert set(report["by_source"]) == {"made", "up"}
    assert "whose chosen response is shorter" in result.stderr
    rows = [json.loads(line) for line in scores.read_text().splitlines()]
    assert [row["id"] for row in rows] == [str(n) for n in range(120)]
    assert sum(row["results"] for row in rows) / 120 == pytest.approx(report["accuracy"])
    card = json.loads((helpful / "reward_model.json").read_text())
    assert card["kind"] == "helpful"
    assert card["std"] > 0
    assert len(card["layout"]) == 16


def test_safety_model_is_trained_and_evaluated(safety: Path, rated: Path, tmp_path: Path) -> None:
    run("eval-rm", "--model", safety, "--data", rated, "-o", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["auc"] > 0.95
    assert report["safe"] == 60


def test_measures_that_cannot_be_written_are_told(helpful: Path, pairs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for flag in ("-o", "--scores"):
        result = run("eval-rm", "--model", helpful, "--data", pairs, flag, tmp_path / "file" / "inside", code=1)
        assert "cannot write" in result.stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--base", "./nowhere"], "no such model"),
        (["--base", "tiny", "--preset", "huge"], "preset is 'huge'"),
        (["--base", "tiny", "--set", "speed=1"], "unknown key 'speed'"),
        (["--base", "tiny", "--set", "speed"], "not of the form"),
        (["--base", "tiny", "--set", "batch=0"], "batch is 0"),
        (["--base", "tiny", "--resume"], "no checkpoint"),
    ],
)
def test_what_cannot_be_done_is_said(args: list[str], message: str, pairs: Path, tmp_path: Path) -> None:
    code = 1 if "--resume" in args else 2
    result = run("train-rm", "--kind", "helpful", "--data", pairs, "-o", tmp_path / "out", *args, code=code)
    assert message in result.stderr


def test_missing_column_names_row_and_column(rated: Path, tmp_path: Path) -> None:
    result = run("train-rm", "--kind", "helpful", "--data", rated, "--base", "tiny", "-o", tmp_path / "out", code=2)
    assert "rated.jsonl, row 1: column 'chosen' is missing" in " ".join(result.stderr.split())


def test_a_model_is_not_written_over(helpful: Path, pairs: Path) -> None:
    result = run("train-rm", "--kind", "helpful", "--data", pairs, "--base", "tiny", "-o", helpful, *QUICK, code=2)
    assert "already holds a reward model" in " ".join(result.stderr.split())


def test_terminated_run_saves_and_can_be_resumed(pairs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "rm"
    command = [sys.executable, "-c", "from r1_reward.cli import main; main()", "train-rm", "--kind", "helpful"]
    command += ["--data", str(pairs), "--base", "tiny", "-o", str(folder), *QUICK, "--set", "epochs=12"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        metrics = folder / "metrics.jsonl"
        deadline = time.monotonic() + 300
        while process.poll() is None and time.monotonic() < deadline:
            if metrics.exists() and metrics.read_bytes().count(b"\n") > 3:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, result = process.communicate(timeout=300)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 143, result.decode()
    assert b"run with --resume" in result
    assert (folder / "checkpoint.pt").exists()
    assert not (folder / "reward_model.json").exists()
    again = run(*command[3:], "--resume")
    assert "steps on" in again.stderr
    steps = [json.loads(line)["step"] for line in metrics.read_text().splitlines() if "lr" in line]
    assert steps == list(range(1, len(steps) + 1))


def rollouts(path: Path) -> Path:
    return write(
        path,
        [
            {"id": "g", "kind": "general", "prompt": "Hi", "response": "<think>hm, no 1</think>please look, kindly"},
            {"id": "open", "kind": "general", "prompt": "Hi", "response": "<think>please look, kindly"},
            {"id": "s", "kind": "safety", "prompt": "Hi", "response": "all is well"},
            {"id": "m", "kind": "math", "prompt": "1+1", "response": "2", "reference": "2"},
            {"id": "n", "prompt": "Hi", "response": "beware of it"},
        ],
    )


def judged_here(path: Path, options: ScoreOptions) -> dict[str, dict[str, Any]]:
    """The rows as a worker of `score` with these options makes them, in this process, which has loaded torch."""
    scorer = RowScorer(options.spec.build(), RowReader(), None)
    rows = [RawRow(0, number, line) for number, line in enumerate(path.read_bytes().splitlines(), 1)]
    return {row["id"]: row for row in (json.loads(done.output) for done in scorer.judge(rows))}


def test_score_asks_each_kinds_own_model(helpful: Path, safety: Path, tmp_path: Path) -> None:
    source = rollouts(tmp_path / "in.jsonl")
    flags = ("--reward", "helpful,safety", "--set", f"helpful.model={helpful}", "--set", f"safety.model={safety}")
    run("score", source, "-o", tmp_path / "one.jsonl", "--workers", 1, *flags)
    rows = {row["id"]: row for row in map(json.loads, (tmp_path / "one.jsonl").read_text().splitlines())}
    assert list(rows) == ["g", "open", "s", "m", "n"]
    scored = {name: {k for k, v in row["verdicts"].items() if v["status"] == "scored"} for name, row in rows.items()}
    assert scored == {"g": {"helpful"}, "open": {"helpful"}, "s": {"safety"}, "m": set(), "n": {"helpful", "safety"}}
    assert rows["g"]["verdicts"]["helpful"]["answer"] == "please look, kindly"
    assert rows["open"]["verdicts"]["helpful"]["reason"] == "no_answer"
    assert rows["open"]["reward"] < rows["g"]["reward"]
    assert rows["m"]["reward"] is None
    evidence = rows["s"]["verdicts"]["safety"]["evidence"]
    assert rows["s"]["reward"] == evidence["normalised"]
    models = {"helpful": {"model": str(helpful)}, "safety": {"model": str(safety), "output": "probability"}}
    two = judged_here(source, ScoreOptions(rewards=["helpful", "safety"], set=models))
    assert two["s"]["reward"] == pytest.approx(evidence["probability"])
    assert two["g"]["reward"] == pytest.approx(rows["g"]["reward"], abs=1e-5)


def test_score_by_the_second_stages_preset(helpful: Path, safety: Path, tmp_path: Path) -> None:
    models = {"helpful": {"model": str(helpful)}, "safety": {"model": str(safety)}}
    rows = judged_here(rollouts(tmp_path / "in.jsonl"), ScoreOptions(preset="rl2", set=models))
    assert "helpful" in rows["g"]["verdicts"]
    assert "safety" in rows["s"]["verdicts"]
    assert "math" in rows["m"]["verdicts"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--reward", "helpful"], "helpful.model is ''"),
        (["--reward", "helpful", "--set", "helpful.model=nowhere"], "nowhere is no reward model"),
        (["--reward", "helpful", "--set", "helpful.size=3"], "no option 'size'"),
    ],
)
def test_score_says_what_a_model_reward_lacks(args: list[str], message: str, tmp_path: Path) -> None:
    result = run("score", rollouts(tmp_path / "in.jsonl"), *args, code=2)
    assert message in " ".join(result.stderr.split())


def test_a_killed_run_is_not_overwritten(pairs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "rm"
    flags = ["train-rm", "--kind", "helpful", "--data", pairs, "--base", "tiny", "-o", folder, *QUICK]
    run(*flags)
    for left, what in (("reward_model.json", "the checkpoint"), ("checkpoint.pt", "the metrics")):
        (folder / left).unlink()
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        result = run(*flags, code=2)
        assert f"already holds {what} of an earlier run; --resume goes on" in " ".join(result.stderr.split())
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    (folder / "best.pt").write_bytes(b"of another run")
    run(*flags, "--overwrite")
    assert (folder / "reward_model.json").exists()
    assert not (folder / "best.pt").exists()
    steps = [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines() if "lr" in line]
    assert steps == list(range(1, len(steps) + 1))
    assert "give one of them" in run(*flags, "--overwrite", "--resume", code=2).stderr


@pytest.mark.needs("peft")
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks transformers for it
def test_adapters_given_as_a_base_are_merged_with_a_sentence(
    pairs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

    from r1_reward.reward_models import base_model, options_of
    from r1_reward.reward_models.tiny import tiny_tokenizer

    base, adapters = tmp_path / "base", tmp_path / "adapters"
    tokenizer = tiny_tokenizer(["some words"])
    config = LlamaConfig(vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1,
                         num_attention_heads=2, num_key_value_heads=2, pad_token_id=tokenizer.pad_token_id)  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(base)
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(base), LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM")
    )
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    model.save_pretrained(str(adapters))
    for folder in (base, adapters):
        tokenizer.save_pretrained(folder)
    merged: Any = model.merge_and_unload()  # any: peft's
    expected = merged.model.layers[0].self_attn.q_proj.weight
    scorer = base_model(adapters, [], options_of("helpful", "tiny"))
    torch.testing.assert_close(scorer.model.model.layers[0].self_attn.q_proj.weight, expected)
    assert all(weight.requires_grad for weight in scorer.model.parameters())
    assert "merged into the weights" in caplog.text
