"""`r1-reward train`: recipes read and refused, a run by hand, ended by signals, and the example."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from r1_reward.cli import main
from r1_reward.grpo_min.config import TrainConfig, as_json
from r1_reward.grpo_min.r1.recipe import Recipe, read_recipe
from r1_reward.grpo_min.toy.arithmetic import sums, toy_model, toy_tokenizer
from r1_reward.verifiers.errors import ConfigError
from r1_reward.verifiers.settings import from_table

ROOT = Path(__file__).resolve().parents[2]


def _recipe(folder: Path, steps: int) -> Path:
    tokenizer = toy_tokenizer()
    tokenizer.chat_template = None
    tokenizer.save_pretrained(folder / "start")
    toy_model(tokenizer, width=16, layers=1).save_pretrained(folder / "start")
    rows = [json.dumps(sample.to_dict()) for sample in sums(5, 0)]
    (folder / "sums.jsonl").write_text("\n".join(rows), encoding="utf-8")
    recipe = folder / "recipe.toml"
    recipe.write_text(
        f"""
        output = {str(folder / "out")!r}
        steps = {steps}
        [model]
        path = {str(folder / "start")!r}
        [data]
        path = {str(folder / "sums.jsonl")!r}
        template = "plain"
        [rollout]
        questions = 2
        samples = 2
        minibatches = 2
        max_tokens = [[0, 4], [2, 6]]
        """,
        encoding="utf-8",
    )
    return recipe


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"stepz": 3}, r"unknown key 'stepz'; did you mean 'steps'\?"),
        ({"rollout": {"max_token": 3}}, r"'rollout.max_token'; did you mean 'rollout.max_tokens'\?"),
        ({"loss": {"kl": "k9"}}, "loss.kl is 'k9'; it must be one of 'none', 'k1'"),
        ({"steps": "3"}, "steps is '3'; it must be int"),
        ({"steps": True}, "steps is True; it must be int"),
        ({"steps": 0}, "at least 1"),
        ({"optimizer": {"lr": "x"}}, "must be float"),
        ({"optimizer": {"betas": [0.9]}}, "optimizer.betas"),
        ({"rollout": {"max_tokens": [[5, 100]]}}, "rollout.max_tokens"),
        ({"rollout": {"max_tokens": []}}, "rollout.max_tokens"),
        ({"model": 3}, "model is 3"),
        ({"rollout": {"max_tokens": 0}}, "rollout.max_tokens is 0; it must be at least 1"),
        ({"rollout": {"max_tokens": [[0, 8], [5, 8.5]]}}, "rollout.max_tokens"),
        ({"rollout": {"temperature": 0}}, "rollout.temperature is 0; it must be more than 0"),
        ({"rollout": {"top_p": 0.0}}, "top_p"),
        ({"rollout": {"top_k": -1}}, "top_k"),
        ({"optimizer": {"lr": float("nan")}}, "optimizer.lr is nan"),
        ({"optimizer": {"lr": -1.0}}, "optimizer.lr is -1.0; it must be at least 0"),
        ({"loss": {"beta": float("inf")}}, "loss.beta is inf"),
        ({"loss": {"clip_high": -0.1}}, "loss.clip_high"),
        ({"checkpoint": {"keep": 0}}, "checkpoint.keep"),
        ({"writers": ["wanbd"]}, "writers is 'wanbd'; it must be one of 'tensorboard', 'wandb', 'trackio'"),
    ],
)
def test_a_wrong_recipe_is_refused_with_a_way_out(table: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        from_table(TrainConfig, table)


def test_a_recipe_is_what_it_says(tmp_path: Path) -> None:
    config = read_recipe(_recipe(tmp_path, 3))
    assert isinstance(config, TrainConfig)
    assert config.rollout.max_tokens == ((0, 4), (2, 6))
    assert config.steps == 3
    table = {"optimizer": {"lr": 1}, "reward": {"verifiers": ["math"], "options": {"math": {"extraction": "lenient"}}}}
    made = from_table(TrainConfig, table)
    assert made.optimizer.lr == 1
    assert made.reward.verifiers == ("math",)
    assert as_json(made) == as_json(from_table(TrainConfig, table)) != as_json(config)


def test_usage_errors_are_exit_status_two(tmp_path: Path) -> None:
    missing = CliRunner().invoke(main, ["train", str(tmp_path / "none.toml")])
    assert missing.exit_code == 2
    assert "none.toml" in missing.output
    (tmp_path / "odd.toml").write_text("[data]\npaht = 'x'", encoding="utf-8")
    odd = CliRunner().invoke(main, ["train", str(tmp_path / "odd.toml")])
    assert odd.exit_code == 2
    assert "data.path" in odd.output


def test_trained_by_hand_it_leaves_a_model_behind(tmp_path: Path) -> None:
    recipe = _recipe(tmp_path, 2)
    run = CliRunner().invoke(main, ["train", str(recipe)], catch_exceptions=False)
    assert run.exit_code == 0, run.output
    out = tmp_path / "out"
    assert len((out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()) == 2
    assert (out / "model" / "model.safetensors").is_file()
    assert (out / "model" / "tokenizer.json").is_file()
    page = CliRunner().invoke(main, ["report", str(out), "-o", str(tmp_path / "page.html")])
    assert page.exit_code == 0, page.output
    assert "Response length" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_set_counts_as_if_the_recipe_had_it(tmp_path: Path) -> None:
    recipe = _recipe(tmp_path, 3)
    changes: dict[str, object] = {"steps": 2, "rollout.samples": 4, "optimizer.lr": 0.5, "rollout.max_tokens": 6}
    set_ = read_recipe(recipe, changes)
    text = recipe.read_text(encoding="utf-8")
    for old, new in (
        ("steps = 3", "steps = 2"),
        ("samples = 2", "samples = 4"),
        ("max_tokens = [[0, 4], [2, 6]]", "max_tokens = 6\n[optimizer]\nlr = 0.5"),
    ):
        assert old in text
        text = text.replace(old, new)
    recipe.write_text(text, encoding="utf-8")
    assert set_ == read_recipe(recipe)
    stages = read_recipe(ROOT / "recipes" / "r1_paper.toml", {"rl.rollout.samples": 3, "rl1.rollout.samples": 5})
    assert isinstance(stages, Recipe)
    assert [run.rollout.samples for run in (stages.zero, stages.rl1, stages.rl2)] == [3, 5, 3]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("rollout.sampels=3", "unknown key 'rollout.sampels'; did you mean 'rollout.samples'?"),
        ("rollout.samples=x", "rollout.samples is 'x'; it must be int"),
        ("rollout.samples=0", "rollout.samples is 0; it must be"),
        ("steps.more=3", "'steps.more' cannot be set: 'steps' is 2, which is no table"),
        ("steps", "'steps' is not of the form option=value"),
        ("=3", "'=3' is not of the form option=value"),
    ],
)
def test_set_is_checked_as_the_recipe_is(tmp_path: Path, value: str, said: str) -> None:
    run = CliRunner().invoke(main, ["train", str(_recipe(tmp_path, 2)), "--set", value])
    assert run.exit_code == 2
    assert said in " ".join(run.output.split())


def test_set_is_part_of_what_a_resumed_run_must_have(tmp_path: Path) -> None:
    recipe = _recipe(tmp_path, 2)
    other = str(tmp_path / "other")
    command = ["train", str(recipe), "--set", f"output={other}", "--set", "rollout.samples=3"]
    assert CliRunner().invoke(main, command, catch_exceptions=False).exit_code == 0
    assert not (tmp_path / "out").exists()
    assert '"samples": 6' in (tmp_path / "other" / "metrics.jsonl").read_text(encoding="utf-8")
    without = CliRunner().invoke(main, [*command[:-2], "--set", "steps=3"])
    assert without.exit_code == 2
    assert "holds a run with another rollout" in " ".join(without.output.split())
    assert CliRunner().invoke(main, [*command, "--set", "steps=3"], catch_exceptions=False).exit_code == 0


_HOLD = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    """Another process holds the folder as a run does, and then ends."""
    recipe = _recipe(tmp_path, 2)
    assert CliRunner().invoke(main, ["train", str(recipe)]).exit_code == 0
    lock, metrics = tmp_path / "out" / ".lock", tmp_path / "out" / "metrics.jsonl"
    before = metrics.read_bytes()
    # A lock belongs to a process, so the one that this process holds since its own run is given back by closing.
    lock.open("w").close()
    command = [sys.executable, "-c", _HOLD, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        refused = CliRunner().invoke(main, ["train", str(recipe)])
        assert refused.exit_code == 2
        assert "another run is writing to" in refused.output
        other.kill()
    assert metrics.read_bytes() == before
    assert CliRunner().invoke(main, ["train", str(recipe)]).exit_code == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("steps = 2", "steps = ="), "recipe.toml"),
        (("[rollout]", "[advantage]\neps = 'x'\n[rollout]"), "advantage.eps is 'x'"),
        (('template = "plain"', 'template = "chat"'), "no chat template"),
        (("sums.jsonl", "none.jsonl"), "no such file"),
        (("/start", "/nowhere"), "cannot be loaded"),
        (("[rollout]", "[reward]\npreset = 'r9'\n[rollout]"), "known: r1_zero, rl1, rl2"),
        (("[rollout]", "[reward]\nverifiers = ['mth']\n[rollout]"), "mth"),
        (("path = ", "# path = "), "the recipe has no model.path"),
        (("/out", "/recipe.toml/out"), "cannot be written to"),
    ],
)
def test_rubbish_is_a_usage_error_without_a_traceback(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    recipe = _recipe(tmp_path, 2)
    recipe.write_text(recipe.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    run = CliRunner().invoke(main, ["train", str(recipe)])
    assert run.exit_code == 2, run.output
    assert said in run.output
    assert isinstance(run.exception, SystemExit)


@pytest.mark.parametrize("row", ["[1, 2]", "{", '{"prompt": 3}', "\xff"])
def test_rubbish_in_the_data_names_its_line(tmp_path: Path, row: str) -> None:
    recipe = _recipe(tmp_path, 2)
    data = tmp_path / "sums.jsonl"
    data.write_bytes(data.read_bytes() + b"\n" + row.encode("latin-1"))
    run = CliRunner().invoke(main, ["train", str(recipe)])
    assert run.exit_code == 2
    assert "sums.jsonl" in run.output
    assert isinstance(run.exception, SystemExit)


def test_sigterm_saves_and_exits_143(tmp_path: Path) -> None:
    recipe = _recipe(tmp_path, 100_000)
    code = "import torch; torch.set_num_threads(1); from r1_reward.cli import main; main()"
    run = subprocess.Popen([sys.executable, "-c", code, "train", str(recipe)], stderr=subprocess.PIPE, text=True)
    metrics = tmp_path / "out" / "metrics.jsonl"
    while run.poll() is None and not (metrics.is_file() and metrics.read_text(encoding="utf-8").count("\n") >= 3):
        time.sleep(0.1)
    os.kill(run.pid, signal.SIGTERM)
    _, result = run.communicate(timeout=120)
    assert run.returncode == 143, result
    (saved,) = (tmp_path / "out").glob("step-*")
    last = json.loads(metrics.read_text(encoding="utf-8").splitlines()[-1])
    assert int(saved.name.removeprefix("step-")) == last["step"] >= 3


def test_the_example_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = importlib.util.spec_from_file_location("custom_loop", ROOT / "examples" / "custom_loop.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert len(module.main(steps=2, imitated=2, output=str(tmp_path))) == 2
    assert "step 2: reward" in capsys.readouterr().out
