"""Rewards by import path: what trainers import by a name, and what they pickle by it."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import inspect
import pickle
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from r1_reward.adapters import areal, openrlhf, ready, rllm, slime, swift, trl, verifiers_hub
from r1_reward.adapters.plugins import swift_file
from r1_reward.verifiers import ConfigError

RIGHT = r"<think>2 + 2</think><answer>\boxed{4}</answer>"


@pytest.fixture(autouse=True)
def nothing_made() -> None:
    ready._made.clear()


def imported(path: str) -> Any:  # any: what the trainer takes
    """As TRL's `grpo` script, AReaL's `import_from_string` and slime's `load_function` do."""
    module, _, name = path.replace(":", ".").rpartition(".")
    return getattr(importlib.import_module(module), name)


def test_ready_names_are_rewards() -> None:
    ours = "r1_reward.adapters"
    assert imported(f"{ours}.trl.math_format")(completions=[RIGHT], answer=["4"]) == [2.0]
    assert imported(f"{ours}.trl.r1_zero")(completions=[RIGHT], answer=["4"]) == [2.0]
    assert imported(f"{ours}.areal.math_format")("2 + 2?", RIGHT, answer="4") == 2.0
    assert imported(f"{ours}.openrlhf.math")(["?" + RIGHT], ["?"], ["4"])["rewards"][0] == 1.0
    sample = SimpleNamespace(prompt="2 + 2?", response=RIGHT, label="4", metadata=None)
    assert asyncio.run(imported(f"{ours}.slime.math_format")(SimpleNamespace(), sample)) == 2.0
    assert imported(f"{ours}.swift.math_format")(args=None)([RIGHT], solution=["4"]) == [2.0]
    episode = SimpleNamespace(artifacts={}, trajectories=[SimpleNamespace(output=RIGHT, steps=[])])
    assert imported(f"{ours}.rllm:math").evaluate({"ground_truth": "4"}, episode).is_correct
    trace = SimpleNamespace(assistant_messages=[], last_reply=RIGHT)
    plugged = imported(f"{ours}.verifiers_hub:math_format")
    assert asyncio.run(plugged(task={"answer": "4"}, trace=trace)) == 2.0
    assert trl.math_format is trl.math_format
    assert len(inspect.signature(trl.math_format).parameters) >= 2  # what axolotl asks


@pytest.mark.parametrize("name", ["mathe", "math_", "auto_math", "rl2", "__path__", "_private"])
def test_other_names_are_none(name: str) -> None:
    assert not hasattr(trl, name)


def test_a_file_that_the_environment_names_says_what_is_summed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "rewards.toml"
    file.write_text('reward = "math,format:0.1"\nbreaker = 0.2\nset.math.extraction = "lenient"\n')
    monkeypatch.setenv(ready.VARIABLE, str(file))
    configured = trl.configured
    assert configured(completions=[RIGHT, "The answer is 4."], answer=["4", "4"]) == pytest.approx([1.1, 1.0])
    assert configured.plan.grading.breaker == 0.2
    assert trl.math(completions=["The answer is 4."], answer=["4"]) == [1.0]  # the options hold for other names, too
    ready._made.clear()
    file.write_text("brakes = 0.2\n")
    with pytest.raises(ConfigError, match="no option 'brakes'"):
        _ = trl.configured
    monkeypatch.setenv(ready.VARIABLE, str(tmp_path / "none.toml"))
    with pytest.raises(ConfigError, match="R1_REWARD_CONFIG: cannot read"):
        _ = openrlhf.configured


@pytest.mark.parametrize(
    "made",
    [
        lambda: trl.reward("math", name="own"),
        lambda: slime.reward("math"),
        lambda: slime.reward("math", "format:0.1", options={"math": {"extraction": "lenient"}}),
        lambda: slime.math_format,
        lambda: swift.orm("math"),
        lambda: swift.orm("math", options={"math": {"extraction": "lenient"}}),
        lambda: swift.math_format,
        lambda: swift.orm("math")(args=None),
        lambda: areal.reward("math"),
        lambda: rllm.math,
        lambda: verifiers_hub.math_format,
    ],
)
def test_rewards_can_be_pickled(made: Any) -> None:
    reward = made()
    again = pickle.loads(pickle.dumps(reward))
    if hasattr(reward, "plan"):
        assert again.plan == reward.plan


def test_a_ready_class_is_unpickled_in_another_process() -> None:
    result = pickle.dumps([swift.orm("math"), swift.math_format, verifiers_hub.math])
    program = f"import pickle; print([one.__name__ for one in pickle.loads({result!r})])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.strip() == "['math', 'math_format', 'math']"


def test_positional_golds_are_taken() -> None:
    assert trl.reward("math")([RIGHT, RIGHT], ["4", "5"]) == [1.0, 0.0]
    assert swift.orm("math")()([RIGHT, RIGHT], ["4", "5"]) == [1.0, 0.0]


def test_plugin_files_are_found_and_loaded() -> None:
    said = {}
    for trainer in ("openrlhf", "swift"):
        command = [sys.executable, "-m", "r1_reward.adapters.plugins", trainer]
        said[trainer] = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout.strip()
    spec = importlib.util.spec_from_file_location("reward_module", said["openrlhf"])  # as OpenRLHF does
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.reward_func(["?" + RIGHT], ["?"], ["4"])["rewards"][0] == 1.0
    orms: dict[str, Any] = {}
    swift_file.register(orms)
    assert orms["r1_math_format"](args=None)([RIGHT], solution=["4"]) == [2.0]
    assert Path(said["swift"]).name == "swift_file.py"
    assert (
        subprocess.run([sys.executable, "-m", "r1_reward.adapters.plugins", "x"], capture_output=True).returncode == 2
    )
