"""Metrics are sums that ranks can add, alarms fire where they should, files hold each step once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from r1_reward.grpo_min.config import AlarmConfig
from r1_reward.grpo_min.metrics import RunLog, alarms, summarise, tally_groups, tracker_writer
from r1_reward.grpo_min.rollout import Group, Row


def _group(rewards: list[float | None], lengths: list[int], text: str = "") -> Group:
    rows = tuple(
        Row(
            tokens=(1,) * length, text=text, truncated=length > 3, reward=reward,
            parts={} if reward is None else {"math": reward, "format": 1.0}, reason="", detail="", advantage=0.0,
            trained=True, old=(0.0,) * length,
        )
        for reward, length in zip(rewards, lengths, strict=True)
    )  # fmt: skip
    return Group(prompt=(1, 2), question="q", informative=len(set(rewards)) > 1, rows=rows)


def test_sums_of_parts_are_sums_of_the_whole() -> None:
    groups = [_group([1.0, 0.0, None], [2, 4, 6], "Wait, but that is wrong: awaiting."), _group([1.0, 1.0], [1, 1])]
    whole, parts = tally_groups(groups), [tally_groups([group]) for group in groups]
    assert whole == {name: sum(part.get(name, 0.0) for part in parts) for name in whole}
    line = summarise(whole)
    assert line["reward"] == line["accuracy"] == line["reward/math"] == 0.75
    assert line["reward/format"] == 1
    assert line["unjudged"] == 0.2
    assert line["truncated"] == 0.4
    assert line["zero_variance"] == 0.5
    assert line["reflective"] == pytest.approx(9 / 5)  # wait, but, wrong; not awaiting
    assert line["length_correlation"] == pytest.approx(-0.9428, abs=1e-3)
    assert not {"kl", "reward"} & summarise({}).keys()


def test_accuracy_that_falls_while_reward_rises_is_a_collapse() -> None:
    config = AlarmConfig(window=10)
    falling = [{"reward": step / 10, "accuracy": 0.6 - step / 20} for step in range(10)]
    assert alarms(falling, config) == ["collapse"]
    assert alarms(falling[:9], config) == []
    assert alarms([{**line, "accuracy": 1 - line["accuracy"]} for line in falling], config) == []
    noisy = [{"reward": step / 10, "accuracy": 0.5 + 0.2 * (-1) ** step} for step in range(10)]
    assert alarms(noisy, config) == []
    bad = {"kl": 9.0, "truncated": 0.9, "unjudged": 0.5, "length_correlation": -0.95}
    assert alarms([bad], config) == ["unjudged", "truncated", "kl", "length_correlation"]


def test_a_log_is_cut_back_to_its_checkpoint(tmp_path: Path) -> None:
    told: list[tuple[dict[str, float], int]] = []

    class Tracker:
        def log(self, numbers: dict[str, float], step: int) -> None:
            told.append((numbers, step))

    log = RunLog(tmp_path, writers=[tracker_writer(Tracker())])
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
    assert told == [({"step": 1}, 1), ({"step": 2}, 2)]
