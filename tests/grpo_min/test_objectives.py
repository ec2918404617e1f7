"""Objectives by their knobs, through the loop: what is penalised, normalised over the batch, or left out."""

from __future__ import annotations

import re
import statistics
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from r1_reward.grpo_min.config import (
    AdvantageConfig,
    DataConfig,
    OptimizerConfig,
    RewardConfig,
    RolloutConfig,
    TrainConfig,
)
from r1_reward.grpo_min.covariance import kept_tokens
from r1_reward.grpo_min.loop import Trainer
from r1_reward.grpo_min.loss import LossConfig
from r1_reward.grpo_min.rollout import Group, Rollout
from r1_reward.grpo_min.runlog import Clock
from r1_reward.grpo_min.toy.arithmetic import sums, toy_model, toy_tokenizer
from r1_reward.training.distributed import Processes
from r1_reward.verifiers import Reason, Reward, Sample, Term, Verdict
from r1_reward.verifiers.errors import ConfigError
from r1_reward.verifiers.settings import from_table


class Counts:
    """Rewards each of some digits."""

    def __init__(self, digits: str, name: str) -> None:
        self.digits, self.name = digits, name

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        return [Verdict.scored(sum(map(s.response.count, self.digits)) / 10, Reason.MEASURED) for s in samples]


REWARD = Reward(
    name="both", terms=[Term(verifier=Counts("02468", "evens")), Term(verifier=Counts("5", "fives"), weight=0.5)]
)


def _trainer(folder: Path, **changes: Any) -> Trainer:  # any: fields of the configuration
    reward = changes.pop("verifier", REWARD)
    config = TrainConfig(
        output=str(folder), steps=2, data=DataConfig(template="plain"),
        rollout=RolloutConfig(questions=3, samples=4, minibatches=1, max_tokens=((0, 8),)),
        loss=LossConfig(beta=0.0), optimizer=OptimizerConfig(lr=1e-2),
    )  # fmt: skip
    tokenizer = toy_tokenizer()
    return Trainer(replace(config, **changes), toy_model(tokenizer, width=16, layers=1), tokenizer, sums(7, 0), reward)


def _rollout(trainer: Trainer) -> list[Group]:
    """The first frozen rollout; the trainer's second one where it has taken a step."""
    assert trainer._roll_out(Clock())
    return [group for groups in trainer.rollout for group in groups]


def _normalised(rewards: Sequence[float]) -> list[float]:
    mean, spread = statistics.fmean(rewards), statistics.pstdev(rewards)
    return [(reward - mean) / (spread + 1e-4) if spread else 0.0 for reward in rewards]


def _rewards(group: Group) -> list[float]:
    return [cast(float, row.reward) for row in group.rows]


def test_the_overlong_penalty_is_a_term_of_the_reward(tmp_path: Path) -> None:
    plain = _rollout(_trainer(tmp_path / "plain"))
    trainer = _trainer(tmp_path / "soft", reward=RewardConfig(overlong_buffer=4, overlong_weight=0.5))
    for group, other in zip(_rollout(trainer), plain, strict=True):
        penalties = [max(0, len(row.tokens) - 4) / 4 for row in group.rows]
        assert [row.parts["overlong"] for row in group.rows] == [-penalty for penalty in penalties]
        expected = [reward - 0.5 * penalty for reward, penalty in zip(_rewards(other), penalties, strict=True)]
        assert _rewards(group) == pytest.approx(expected)
        assert [row.advantage for row in group.rows] == pytest.approx(_normalised(expected))
    (line, *_) = trainer.steps()
    assert line["reward/overlong"] < 0
    with pytest.raises(ConfigError, match=r"overlong_buffer is 9, more than rollout\.max_tokens, 8"):
        _trainer(tmp_path / "long", reward=RewardConfig(overlong_buffer=9))


def test_terms_are_normalised_by_themselves_and_then_over_the_batch(tmp_path: Path) -> None:
    """GDPO whole."""
    groups = _rollout(_trainer(tmp_path, advantage=AdvantageConfig(per_term=True, whiten=True)))
    summed = []
    for group in groups:
        evens, fives = (_normalised([row.parts[name] for row in group.rows]) for name in ("evens", "fives"))
        summed += [one + 0.5 * other for one, other in zip(evens, fives, strict=True)]
    assert [row.advantage for group in groups for row in group.rows] == pytest.approx(_normalised(summed), abs=1e-6)
    with pytest.raises(ConfigError, match="per_term needs a Reward of terms"):
        _trainer(tmp_path / "one", verifier=Counts("5", "fives"), advantage=AdvantageConfig(per_term=True))


def test_reinforce_plus_plus_takes_the_group_mean_and_the_batch_deviation(tmp_path: Path) -> None:
    groups = _rollout(_trainer(tmp_path, advantage=AdvantageConfig(baseline="mean", whiten=True)))
    apart = [reward - statistics.fmean(_rewards(group)) for group in groups for reward in _rewards(group)]
    results = [row.advantage for group in groups for row in group.rows]
    assert results == pytest.approx(_normalised(apart), abs=1e-6)
    assert statistics.pstdev(results) == pytest.approx(1, abs=1e-2)


def test_a_kl_in_the_reward_is_the_sequences_own(tmp_path: Path) -> None:
    """RLOO: log p_old - log p_reference summed over a sample, and nothing of it in the loss."""
    loss = LossConfig(kl_in="reward", kl="none", beta=0.05)
    advantage = AdvantageConfig(baseline="leave_one_out")
    trainer = _trainer(tmp_path, loss=loss, advantage=advantage, optimizer=OptimizerConfig(lr=3e-2))
    next(trainer.steps())
    for group in _rollout(trainer):
        shaped = []
        for row in group.rows:
            assert row.reference is not None
            assert row.reward is not None
            kl = sum(row.old) - sum(row.reference)
            assert kl
            shaped.append(row.reward - 0.05 * kl)
        expected = [one - (sum(shaped) - one) / (len(shaped) - 1) for one in shaped]
        assert [row.advantage for row in group.rows] == pytest.approx(expected, abs=1e-6)
    with pytest.raises(ConfigError, match="a KL in the reward is of no term"):
        _trainer(tmp_path / "both", loss=loss, advantage=AdvantageConfig(per_term=True))


def test_an_entropy_bonus_keeps_entropy_up(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"steps": 8, "optimizer": OptimizerConfig(lr=3e-2)}  # any: fields of the configuration
    plain = list(_trainer(tmp_path / "plain", **changes).steps())
    bonus = list(_trainer(tmp_path / "bonus", loss=LossConfig(beta=0.0, entropy_bonus=1.0), **changes).steps())
    assert plain[0]["entropy"] == bonus[0]["entropy"]
    assert bonus[-1]["entropy"] > plain[-1]["entropy"] + 0.05


@pytest.mark.parametrize("changes", [{"ratio": "sequence_mean"}, {"surrogate": "cispo"}, {"clip_cov": 0.1}])
def test_an_objective_learns(tmp_path: Path, changes: dict[str, Any]) -> None:
    loss = LossConfig(beta=0.0, clip_cov_low=0.2, **changes)
    rollout = RolloutConfig(questions=4, samples=8, minibatches=2, max_tokens=((0, 8),))
    trainer = _trainer(tmp_path, steps=12, loss=loss, rollout=rollout, optimizer=OptimizerConfig(lr=3e-2))
    lines = list(trainer.steps())
    assert sum(line["reward"] for line in lines[-3:]) > 2 * sum(line["reward"] for line in lines[:3])
    if "clip_cov" in changes:
        assert 0 < max(line["clip/cov"] for line in lines) <= 0.2


def _row(old: Sequence[float], advantage: float) -> Rollout:
    return Rollout(
        tokens=(1,) * len(old), text="", truncated=False, verdict={"score": 1.0}, advantage=advantage, trained=True,
        old=tuple(old),
    )  # fmt: skip


class Rank:
    """One of two processes, whose gathers were recorded beside its own."""

    size = 2

    def __init__(self, rank: int, others: Sequence[Any]) -> None:  # any: whatever was gathered
        self.rank, self._others = rank, iter(others)

    def all_gather_object(self, value: Any) -> list[Any]:  # any: as above
        other = next(self._others)
        return [value, other] if self.rank == 0 else [other, value]


def test_tokens_of_large_covariance_lose_their_gradient_on_one_process_as_on_two() -> None:
    rows = [_row([-0.1, -3.0, -0.2], 1.5), _row([-2.0, -0.1, -1.9], -1.0), _row([-0.3, -5.0, -0.1], 0.4)]
    config = LossConfig(clip_cov=0.25, clip_cov_low=0.5, clip_cov_high=3.0)
    whole = kept_tokens(rows, config, 7, 3, Processes())
    assert whole is not None
    logp = [value for row in rows for value in row.old]
    advantage = [row.advantage for row in rows for _ in row.old]
    means = statistics.fmean(logp), statistics.fmean(advantage)
    covariance = [(p - means[0]) * (a - means[1]) for p, a in zip(logp, advantage, strict=True)]
    between = [0.5 < value < 3.0 for value in covariance]
    kept = torch.cat([whole[id(row)] for row in rows]).tolist()
    assert sum(between) > kept.count(False) == int(0.25 * 9)
    assert all(one or other for one, other in zip(kept, between, strict=True))

    def gathers(part: Sequence[Rollout], result: int) -> list[Any]:  # any: as above
        tokens = [value for row in part for value in row.old]
        return [(len(tokens), sum(tokens), sum(row.advantage * len(row.old) for row in part)), result]

    split = sum(between[:3])
    first = kept_tokens(rows[:1], config, 7, 3, cast(Processes, Rank(0, gathers(rows[1:], sum(between) - split))))
    second = kept_tokens(rows[1:], config, 7, 3, cast(Processes, Rank(1, gathers(rows[:1], split))))
    assert first is not None
    assert second is not None
    assert all(torch.equal({**first, **second}[number], tokens) for number, tokens in whole.items())
    assert kept_tokens(rows, LossConfig(), 7, 3, Processes()) is None
    assert kept_tokens([], config, 7, 3, Processes()) == {}


def test_the_published_objectives_of_the_docs_are_recipes() -> None:
    page = (Path(__file__).parents[2] / "docs" / "explanation" / "objectives.md").read_text(encoding="utf-8")
    recipes = [from_table(TrainConfig, tomllib.loads(text)) for text in re.findall(r"```toml\n(.*?)```", page, re.S)]
    assert len(recipes) == 9
    assert {recipe.loss.surrogate for recipe in recipes} == {"clip", "cispo"}
