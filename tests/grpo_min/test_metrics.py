"""Metrics are sums that ranks can add, alarms fire where they should, files hold each step once."""

from __future__ import annotations

import importlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from r1_reward.grpo_min.config import AlarmConfig
from r1_reward.grpo_min.metrics import alarms, merged, sample_line, summarise, tally_groups
from r1_reward.grpo_min.rollout import Group, Rollout
from r1_reward.grpo_min.runlog import RunLog, StepMetrics, make_writer
from r1_reward.inspection.report.metrics import TITLES
from r1_reward.scoring.measure import REFLECTIVE
from r1_reward.verifiers import Reason, Verdict
from r1_reward.verifiers.errors import ConfigError, WriteError


def _verdict(reward: float | None) -> Verdict:
    if reward is None:
        return Verdict.error(Reason.GRADER_CRASHED, "broken")
    parts = {"math": reward, "format": 1.0, "language": 0.5}
    return Verdict.scored(reward, Reason.CORRECT if reward else Reason.WRONG, parts=parts)


def _group(rewards: list[float | None], lengths: list[int], text: str = "") -> Group:
    rows = tuple(
        Rollout(
            tokens=(1,) * length, text=text, truncated=length > 3, verdict=_verdict(reward).to_dict(), advantage=0.0,
            trained=True, old=(0.0,) * length,
        )
        for reward, length in zip(rewards, lengths, strict=True)
    )  # fmt: skip
    return Group(prompt=(1, 2), sample={"prompt": "q"}, informative=len(set(rewards)) > 1, rows=rows)


def test_tallies_of_parts_are_the_tally_of_the_whole() -> None:
    groups = [_group([1.0, 0.0, None], [2, 4, 6], "Wait, but that is wrong: awaiting."), _group([1.0, 1.0], [1, 1])]
    whole = tally_groups(groups)
    assert whole == merged([tally_groups([group]) for group in groups])
    line = summarise(whole)
    assert line["reward"] == line["accuracy"] == line["reward/math"] == 0.75
    assert line["reward/std"] == pytest.approx(0.75**0.5 / 2)
    assert line["reward/format"] == line["format"] == 1
    assert line["language"] == 0.5
    assert line["unjudged"] == 0.2
    assert line["truncated"] == 0.4
    assert line["zero_variance"] == 0.5
    assert line["length"] == 14 / 5
    assert line["length/max"] == 6
    assert line["length/right"] == 4 / 3
    assert line["length/wrong"] == 4
    assert line["samples"] == 5
    assert line["reflective"] == pytest.approx(9 / 5)  # wait, but, wrong; not awaiting
    assert line["reflective"] == pytest.approx(sum(line[f"reflective/{word}"] for word in REFLECTIVE))
    assert line["reward_length"] == pytest.approx(-0.9428, abs=1e-3)
    assert summarise({}) == {}
    assert {"reward", "accuracy"}.isdisjoint(summarise(tally_groups([_group([None], [1])])))


def test_every_number_has_a_chart_in_the_report() -> None:
    line = summarise(tally_groups([_group([1.0, 0.0], [2, 4])]))
    assert {name.split("/")[0] for name in line} - set(TITLES) == {"samples", "prompt_tokens", "reward_length"}


def test_accuracy_that_falls_while_reward_rises_is_a_collapse() -> None:
    config = AlarmConfig(window=10)
    falling = [{"reward": step / 10, "accuracy": 0.6 - step / 20} for step in range(10)]
    (alarm,) = alarms(falling, config)
    assert alarm == {
        "name": "collapse_to_format", "detail": "over 10 steps accuracy changed by -0.250, reward by +0.500"
    }  # fmt: skip
    assert alarms(falling[:9], config) == []
    assert alarms([{**line, "accuracy": 1 - line["accuracy"]} for line in falling], config) == []
    noisy = [{"reward": step / 10, "accuracy": 0.5 + 0.2 * (-1) ** step} for step in range(10)]
    assert alarms(noisy, config) == []


def _course(
    seed: int, steps: int, accuracy: Callable[[int], float], reward: Callable[[int], float]
) -> list[StepMetrics]:
    """Metrics of a run, with the noise of some hundred samples a step."""
    draw = random.Random(seed)
    return [
        {"accuracy": max(0.0, accuracy(step) + draw.gauss(0, 0.03)), "reward": reward(step) + draw.gauss(0, 0.05)}
        for step in range(steps)
    ]


def _fires(course: list[StepMetrics]) -> list[int]:
    """The steps at which the default alarm is raised."""
    named = ([alarm["name"] for alarm in alarms(course[: step + 1], AlarmConfig())] for step in range(len(course)))
    return [step for step, names in enumerate(named) if "collapse_to_format" in names]


@pytest.mark.parametrize(("lasts", "within"), [(6, 12), (10, 12), (60, 60), (400, 300)])
def test_the_default_alarm_sees_a_fast_and_a_slow_collapse(lasts: int, within: int) -> None:
    """After 20 steps accuracy goes from 50 to 10 per cent, and the form makes up for it."""

    def gone(step: int) -> float:
        return min(1.0, max(0.0, (step - 20) / lasts))

    for seed in range(5):
        fires = _fires(
            _course(seed, 30 + lasts, lambda step: 0.5 - 0.4 * gone(step), lambda step: 1 + 0.5 * gone(step))
        )
        assert fires
        assert fires[0] <= 20 + within


def test_the_default_alarm_is_quiet_on_healthy_runs() -> None:
    healthy = {
        "learns": (lambda step: 0.15 + 0.006 * step, lambda step: 1 + 0.01 * step),
        "stays": (lambda _: 0.5, lambda _: 1.4),
        "learns the form first": (lambda _: 0.15, lambda step: 0.8 + 0.5 * min(1.0, step / 30)),
        "falls with its reward": (lambda step: 0.9 - 0.005 * step, lambda step: 1.9 - 0.005 * step),
    }
    for accuracy, reward in healthy.values():
        fired = [bool(_fires(_course(seed, 100, accuracy, reward))) for seed in range(10)]
        assert sum(fired) <= 1


@pytest.mark.parametrize(
    ("key", "value", "limits", "name"),
    [
        ("unjudged", 0.5, AlarmConfig(unjudged=0.4), "unjudged"),
        ("truncated", 0.5, AlarmConfig(truncated=0.4), "truncation"),
        ("kl", 0.5, AlarmConfig(kl=0.4), "kl_budget"),
        ("reward_length", -0.5, AlarmConfig(length_correlation=0.4), "reward_length"),
    ],
)
def test_a_metric_past_its_limit_is_an_alarm(key: str, value: float, limits: AlarmConfig, name: str) -> None:
    assert alarms([{key: value}], limits) == [{"name": name, "detail": f"{key} is {value:.3g}; the limit is 0.4"}]
    assert alarms([{key: value}, {key: value / 2}], limits) == []
    assert alarms([{}], limits) == []


def _names(history: list[StepMetrics], config: AlarmConfig) -> list[str]:
    return [alarm["name"] for alarm in alarms(history, config)]


def test_groups_without_variance_are_an_alarm() -> None:
    config = AlarmConfig(window=3, zero_variance=0.8)
    assert _names([{"zero_variance": 1.0}], config) == ["no_signal"]  # one step without any signal
    assert _names([{"zero_variance": 0.9}] * 2, config) == []
    assert _names([{"zero_variance": 0.9}] * 3, config) == ["no_signal"]
    assert _names([{"zero_variance": 0.9}, {"zero_variance": 0.9}, {"zero_variance": 0.1}], config) == []
    # Groups that were left out are no part of the step's own, and count all the same.
    assert _names([{"left_out": 0.9, "zero_variance": 0.0}] * 3, config) == ["no_signal"]
    assert _names([{"left_out": 1.0}], config) == ["no_signal"]


def test_entropy_that_collapses_is_an_alarm() -> None:
    config = AlarmConfig(window=2, entropy=0.05, entropy_share=0.2)
    low = [{"entropy": value} for value in (1.2, 0.8, 0.3, 0.19)]
    assert [_names(low[: step + 1], config) for step in range(4)] == [[], [], [], ["entropy_collapse"]]
    assert _names([{"entropy": 0.04}], config) == ["entropy_collapse"]  # as after too strong a warm start
    assert _names([{"entropy": 0.06}, {"entropy": 0.055}], config) == []
    assert _names([{"entropy": 1.0}, {}], config) == []


def test_a_log_is_cut_back_to_its_checkpoint(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    log.write({"step": 1, "alarms": []}, [{"response": "é"}])
    sizes = log.sizes()
    log.write({"step": 2})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"torn')
    again = RunLog(tmp_path, sizes)
    assert [line["step"] for line in again.history] == [1]
    again.write({"step": 2})
    lines = (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2]
    (tmp_path / "metrics.jsonl").unlink()
    assert RunLog(tmp_path, sizes).history == []


def test_a_log_on_a_full_disk_says_so(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    (tmp_path / "metrics.jsonl").unlink()
    (tmp_path / "metrics.jsonl").symlink_to("/dev/full")
    with pytest.raises(WriteError, match="goes on from its checkpoint"):
        log.write({"step": 1})


def test_trackio_gets_the_numbers_of_the_first_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results: list[tuple[dict[str, float], int]] = []
    events: list[object] = []

    def init(**options: str) -> SimpleNamespace:
        events.append(options)
        finish = lambda: events.append("finished")  # noqa: E731 - a word
        return SimpleNamespace(log=lambda numbers, step: results.append((numbers, step)), finish=finish)

    monkeypatch.setitem(sys.modules, "trackio", SimpleNamespace(init=init))
    writer = make_writer("trackio", tmp_path / "run")
    log = RunLog(tmp_path, writers=[writer])
    log.write({"step": 1, "reward": 0.5, "alarms": [], "version": "1"})
    RunLog(None, writers=[writer]).write({"step": 1, "reward": 0.7})
    log.close()
    log.close()
    assert events == [{"project": "r1-reward", "name": "run"}, "finished"]
    assert results == [({"step": 1, "reward": 0.5}, 1)]


@pytest.mark.needs("wandb")
def test_wandb_keeps_the_numbers_offline(tmp_path: Path) -> None:
    """In a process of its own, since wandb starts threads and a service; the run's own file is read back."""
    script = (
        "import sys\nfrom r1_reward.grpo_min.runlog import RunLog, make_writer\n"
        "log = RunLog(None)\nwriter = make_writer('wandb', sys.argv[1])\n"
        "[writer.write({'reward': step / 4}, step) for step in (1, 2)]\nwriter.close()\n"
    )
    environment = {**os.environ, "WANDB_MODE": "offline", "WANDB_DIR": str(tmp_path), "WANDB_SILENT": "true"}
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "a-run")], env=environment, check=True, timeout=120)
    (file,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    written = file.read_bytes()
    assert all(word in written for word in (b"a-run", b"reward", b"0.25", b"0.5"))


def test_a_writer_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("wandb", "tensorboard"):
        monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
        with pytest.raises(ConfigError, match=f"pip install {name}"):
            make_writer(name, tmp_path)


@pytest.mark.needs("tensorboard")
def test_tensorboard_gets_the_numbers(tmp_path: Path) -> None:
    log = RunLog(tmp_path, writers=[make_writer("tensorboard", tmp_path)])
    for step in (1, 2):
        log.write({"step": step, "reward": step / 4, "reward/math": 0.5, "alarms": [], "version": "1"})
    log.close()
    module = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")  # it ships no types
    read = module.EventAccumulator(str(tmp_path))
    read.Reload()
    assert sorted(read.Tags()["scalars"]) == ["reward", "reward/math", "step"]
    assert [(event.step, event.value) for event in read.Scalars("reward")] == [(1, 0.25), (2, 0.5)]


def test_a_sample_is_a_row_as_score_writes_it() -> None:
    line = sample_line(_group([1.0], [4], "4"), 7)
    assert line["response"] == "4"
    assert line["verdicts"]["reward"]["status"] == "scored"
    assert {"step": 7, "tokens": 4, "finish_reason": "length", "prompt": "q", "reward": 1.0}.items() <= line.items()
