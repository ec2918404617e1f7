"""The examples for trainers: each is executed, with a stand-in for what it imports of its trainer, and judges."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from r1_reward.adapters.plan import Settings

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "trainers"
RIGHT = r"<think>2 + 2 is 4</think><answer>\boxed{4}</answer>"
TURNS = [{"role": "user", "content": "2 + 2?"}]


class Base:
    """Whatever a trainer's class is."""

    def __class_getitem__(cls, _: object) -> type:
        return cls


def load(name: str, monkeypatch: pytest.MonkeyPatch, **modules: dict[str, Any]) -> Any:  # any: the example
    for dotted, names in modules.items():
        path = dotted.replace("__", ".")
        for at in range(len(path.split("."))):
            part = ".".join(path.split(".")[: at + 1])
            if part not in sys.modules or at + 1 == len(path.split(".")):
                monkeypatch.setitem(sys.modules, part, ModuleType(part))
        for key, value in names.items():
            setattr(sys.modules[path], key, value)
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_trl(monkeypatch: pytest.MonkeyPatch) -> None:
    example = load("trl_grpo", monkeypatch)
    asked = [{"role": "user", "content": "How much is the sum of two and two?"}]
    value: dict[str, Any] = {"prompts": [asked], "completions": [[{"role": "assistant", "content": RIGHT}]]}
    value |= {"answer": ["Two and two.\n#### 4"], "question": [asked[0]["content"]]}
    assert [function(**value) for function in example.REWARDS] == [[3.0]]


def test_verl(monkeypatch: pytest.MonkeyPatch) -> None:
    example = load("verl_reward", monkeypatch)
    assert example.compute_score("openai/gsm8k", RIGHT, "4", {"index": 0}, rewards=["math", "format"])["score"] == 2.0


def test_openrlhf(monkeypatch: pytest.MonkeyPatch) -> None:
    example = load("openrlhf_reward", monkeypatch)
    assert float(example.reward_func(["2 + 2?" + RIGHT], ["2 + 2?"], ["4"])["rewards"][0]) == 2.0


def test_verifiers(monkeypatch: pytest.MonkeyPatch) -> None:
    def decorator(weight: float) -> Any:
        assert 0 < weight <= 1
        return lambda function: function

    names = {"TaskData": Base, "Task": Base, "reward": decorator}
    task = load("verifiers_task", monkeypatch, verifiers__v1=names).MathTask()
    task.data = {"answer": "4", "prompt": "2 + 2?"}
    trace = SimpleNamespace(assistant_messages=[], last_reply=RIGHT)
    assert asyncio.run(task.correct(trace)) == asyncio.run(task.form(trace)) == 1.0


def test_swift(monkeypatch: pytest.MonkeyPatch) -> None:
    orms: dict[str, Any] = {}
    load("swift_plugin", monkeypatch, swift__rewards={"orms": orms})
    assert orms["r1_math"](args=None)([RIGHT], solution=["4"]) == orms["r1_format"](args=None)([RIGHT]) == [1.0]


def test_skyrl(monkeypatch: pytest.MonkeyPatch) -> None:
    example = load("skyrl_env", monkeypatch, skyrl_gym__envs__base_text_env={"BaseTextEnv": Base})
    env = example.R1Env({}, {"reward_spec": {"ground_truth": "4"}})
    assert Base in type(env).__mro__
    assert env.step(RIGHT)["reward"] == 2.0


def test_slime(monkeypatch: pytest.MonkeyPatch) -> None:
    example = load("slime_rm", monkeypatch)
    sample = SimpleNamespace(prompt=TURNS, response=RIGHT, label="4", metadata={})
    assert asyncio.run(example.custom_rm(SimpleNamespace(reward_key=None), sample)) == 2.0


def test_areal(monkeypatch: pytest.MonkeyPatch) -> None:
    example = load("areal_reward", monkeypatch)
    assert example.reward_fn("2 + 2?", RIGHT, [1], [2], answer="4") == 2.0


def test_nemo_rl(monkeypatch: pytest.MonkeyPatch) -> None:
    modules: dict[str, dict[str, Any]] = {
        "ray": {"remote": lambda cls: cls},
        "nemo_rl__environments__interfaces": {"EnvironmentInterface": Base},
    }
    example = load("nemo_rl_env", monkeypatch, **modules)
    env = example.R1Environment({})
    log = [*TURNS, {"role": "assistant", "content": RIGHT}]
    assert float(env.step([log], [{"ground_truth": "4"}]).rewards[0]) == 2.0


def test_nemo_gym(monkeypatch: pytest.MonkeyPatch) -> None:
    names = dict.fromkeys(("BaseVerifyRequest", "BaseVerifyResponse", "SimpleResourcesServer"), Base)
    modules: dict[str, dict[str, Any]] = {"nemo_gym__base_resources_server": names, "pydantic": {"ConfigDict": dict}}
    example = load("nemo_gym_server", monkeypatch, **modules)
    output = [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": RIGHT}]}]
    body = {"responses_create_params": {"input": TURNS}, "response": {"output": output}, "expected_answer": "4"}
    assert example.VERIFY(body)["reward"] == 2.0


def test_every_example_is_executed_here() -> None:
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    for file in FOLDER.glob("*.py"):
        assert any(file.stem.startswith(name) for name in tested), file


TRAINERS = ("atroposlib", "nemo_rl", "openenv", "roll", "skyrl_gym", "trinity")


def test_what_the_docs_name_is_there() -> None:
    pages = sorted((FOLDER.parents[1] / "docs" / "how-to" / "trainers").glob("*.md"))
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    named = set(re.findall(r"adapters\.(\w+)\.(\w+)", text)) | set(
        re.findall(r"from r1_reward\.adapters\.(\w+) import (\w+)", text)
    )
    assert len(named) >= 11
    for module, name in named:
        try:
            there = hasattr(importlib.import_module(f"r1_reward.adapters.{module}"), name)
        except ModuleNotFoundError as error:  # a ready name whose class inherits from its trainer's
            there = (error.name or "").partition(".")[0] in TRAINERS
        assert there, (module, name)
    for linked in re.findall(r"`(examples/[\w/.]+)`", text):
        assert (FOLDER.parents[1] / linked).exists(), linked
    assert set(re.findall(r"`(\w+)`", text)) >= set(Settings.__annotations__)
