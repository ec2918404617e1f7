"""Weights, schedules and normalisation: set in the same way in adapters, server, files and on the command line."""

from __future__ import annotations

import asyncio
import json
import math
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

import r1_reward
from r1_reward.adapters import areal, nemo, openrlhf, skyrl, slime, swift, trl, verl
from r1_reward.adapters.server.options import ServeOptions
from r1_reward.cli import main
from r1_reward.scoring.options import ScoreOptions
from r1_reward.verifiers import ConfigError
from r1_reward.verifiers.spec import RewardSpec, Summand, parse_summand

RIGHT = r"<think>2 + 2</think><answer>\boxed{4}</answer>"
TEXTS = [RIGHT, r"\boxed{4}", r"\boxed{5}", r"<think>2 + 2</think><answer>\boxed{5}</answer>"]


@pytest.mark.parametrize(
    ("text", "summand"),
    [
        ("math", Summand("math")),
        (" format:0.1 ", Summand("format", 0.1)),
        ("length:-1e-3", Summand("length", -0.001)),
        ("language:.5@400", Summand("language", 0.5, 400)),
        ("helpful@1300+100", Summand("helpful", 1.0, 1300, 100)),
        ("acme.rewards:sql", Summand("acme.rewards:sql")),
        ("acme.rewards:sql:2", Summand("acme.rewards:sql", 2.0)),
    ],
)
def test_a_summand_names_its_weight_and_schedule(text: str, summand: Summand) -> None:
    assert parse_summand(text) == summand
    assert parse_summand(summand.text) == summand


@pytest.mark.parametrize("rewards", [["math", "format:0.1"], ["math,format:0.1"]])
def test_every_adapter_takes_weights(rewards: list[str]) -> None:
    expected = pytest.approx([1.1, 1.0, 0.0, 0.1])
    columns: dict[str, Any] = {"answer": ["4"] * 4}
    assert trl.reward(*rewards)(completions=TEXTS, **columns) == expected
    assert swift.orm(*rewards)()(TEXTS, **columns) == expected
    assert [verl.compute_score("x", text, "4", rewards=rewards)["score"] for text in TEXTS] == expected
    assert [areal.reward(*rewards)("2 + 2?", text, answer="4") for text in TEXTS] == expected
    result = openrlhf.reward(*rewards)(["2?" + text for text in TEXTS], ["2?"] * 4, ["4"] * 4)
    assert list(map(float, result["rewards"])) == expected
    env = skyrl.environment(*rewards)
    for weights in ([1.0, 0.1], {"format": 0.1}):
        values = verl.compute_score("x", RIGHT, "4", rewards=["math", "format"], weights=weights)
        assert values["score"] == 1.1
    with pytest.raises(ConfigError, match="one number for each of math, format"):
        trl.reward("math", "format", weights=[1.0])
    with pytest.raises(ConfigError, match="weights name 'fromat'"):
        trl.reward("math", "format", weights={"fromat": 1.0})
    steps = [env(extras={"reward_spec": {"ground_truth": "4"}}).step(text)["reward"] for text in TEXTS]
    assert steps == expected


def test_files_command_line_and_server_take_the_same_text(tmp_path: Any) -> None:
    rows = [{"response": text, "reference": "4"} for text in TEXTS]
    assert [row["reward"] for row in r1_reward.score(rows, reward="math,format:0.1", workers=1).rows] == pytest.approx(
        [1.1, 1.0, 0.0, 0.1]
    )
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[:1]))
    (tmp_path / "how.toml").write_text('reward = "math,format:0.5@10+10"\nworkers = 1\n')
    for step, reward in ((9, 1.0), (14, 1.25), (40, 1.5)):
        args = ["score", str(tmp_path / "in.jsonl"), "--config", str(tmp_path / "how.toml"), "--step", str(step)]
        done = CliRunner().invoke(main, args)
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["reward"] == reward
    for options in (ScoreOptions, ServeOptions):
        spec = options(rewards=("math", "format:0.1"), begins={"format": 5}, step=4).spec
        assert [term.name for term in spec.build().terms] == ["math"]  # type: ignore[attr-defined]  # a Reward
    with pytest.raises(ConfigError, match="begins names 'fromat'"):
        RewardSpec(rewards=("math", "format"), begins={"fromat": 5}).build()


@pytest.mark.parametrize("settings", [{"begins": {"format": 2}}, {}])
def test_terms_begin_at_the_step_that_the_trainer_says(settings: Any) -> None:
    reward = trl.reward("math", "format" if settings else "format@2", **settings)
    assert reward.__name__ == "math_format_from_2"
    scores = [
        reward(completions=TEXTS[:1], answer=["4"], trainer_state=SimpleNamespace(global_step=step))
        for step in (0, 1, 2)
    ]
    assert scores == [[1.0], [1.0], [2.0]]
    with pytest.raises(ConfigError, match="at which training step"):
        reward(completions=TEXTS[:1], answer=["4"])
    swifts = swift.orm("math", "format@2")()
    assert swifts(TEXTS[:1], solution=["4"], trainer_state=SimpleNamespace(global_step=1)) == [1.0]
    for make in (verl.compute_float, None):
        with pytest.raises(ConfigError, match="does not say at which step"):
            make("x", RIGHT, "4", rewards="math,format@2") if make else skyrl.environment("math", "format@2")


def test_names_tell_weights_apart() -> None:
    names = [trl.reward(*rewards).__name__ for rewards in (["math", "format"], ["math", "format:0.1"])]
    assert names == ["math_format", "math_format_x0.1"]


def test_a_whole_group_is_given_its_mean_and_normalised_by_term() -> None:
    """GDPO, arXiv 2601.05242: each reward is normalised in its group before the sum."""

    def group(*golds: str | None) -> list[Any]:
        return [
            SimpleNamespace(prompt="2 + 2?", response=text, label=gold, metadata={"kind": "math"}, remove_sample=False)
            for text, gold in zip(TEXTS, golds, strict=True)
        ]

    args = SimpleNamespace(reward_key=None)
    samples = group("4", None, "4", "4")
    result: Any = asyncio.run(slime.reward("math", "format:0.1")(args, samples))
    assert result == pytest.approx([1.1, 0.4, 0.0, 0.1])
    assert [sample.remove_sample for sample in samples] == [False, True, False, False]
    assert asyncio.run(slime.reward("math")(args, group(None, None, None, None))) == [0.0] * 4
    normalized = slime.reward("math", "format:0.1", normalize=True)
    result = asyncio.run(normalized(args, group("4", "4", "4", "4")))
    assert result == pytest.approx([1.1, 0.9, -1.1, -0.9])  # each term is +1 or -1, times its weight
    result = asyncio.run(normalized(args, group("4", "proof", "4", "4")))
    assert math.fsum(result) == pytest.approx(0.0)
    assert result[1] == pytest.approx(0.0)
    with pytest.raises(ConfigError, match="--group-rm"):
        asyncio.run(normalized(args, group("4", "4", "4", "4")[0]))
    with pytest.raises(ConfigError, match="whole groups"):
        trl.reward("math", "format", normalize=True)


def test_a_batch_is_told_apart_by_prompt() -> None:
    rewards: dict[str, Any] = {"rewards": ["math", "format:0.1"], "on_error": "none"}
    golds = ["4", "proof", "4", "4", "proof"]
    extras: list[Any] = [{"index": at, "kind": "math"} for at in (0, 0, 1, 1, 2)]
    result = verl.compute_scores(["x"] * 5, [*TEXTS, RIGHT], golds, extras, **rewards)
    assert [one["score"] for one in result] == pytest.approx([1.1, 1.1, 0.0, 0.1, 0.0])
    assert [one["valid"] for one in result] == [1.0, 0.0, 1.0, 1.0, 0.0]
    with pytest.raises(ConfigError, match="extra_info"):
        verl.compute_scores(["x"], [RIGHT], ["4"], **rewards)
    env = nemo.environment("math", on_error="none")()
    logs = [[{"role": "user", "content": ask}, {"role": "assistant", "content": RIGHT}] for ask in ("2?", "2?", "3?")]
    step = env.step(logs, [{"ground_truth": gold, "kind": "math"} for gold in ("4", "proof", "5")])
    assert [float(reward) for reward in step.rewards] == [1.0, 1.0, 0.0]
