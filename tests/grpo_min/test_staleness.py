"""Rollouts ahead of the learner: bounded in age, corrected, and none lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from r1_reward.grpo_min.config import CheckpointConfig, OptimizerConfig, RolloutConfig
from r1_reward.grpo_min.loss import LossConfig
from r1_reward.verifiers.errors import RunError

from .test_loop import Broken, _config, _trainer


def _rollout(staleness: int) -> RolloutConfig:
    return RolloutConfig(questions=4, samples=8, minibatches=2, max_tokens=((0, 8),), staleness=staleness)


@pytest.mark.parametrize("staleness", [1, 2])
def test_what_is_learned_from_is_at_most_so_many_rollouts_old(tmp_path: Path, staleness: int) -> None:
    changes: dict[str, Any] = {"steps": 16, "optimizer": OptimizerConfig(lr=1e-2), "loss": LossConfig(beta=0.0)}
    trainer = _trainer(_config(tmp_path, rollout=_rollout(staleness), **changes))
    lines = list(trainer.steps())
    trainer.close()
    assert [line["step"] for line in lines] == list(range(1, 17))
    ages = [line["staleness"] for line in lines]
    # A rollout has two steps: its first minibatch is as old as its weights, its second a step older.
    assert max(ages) <= 2 * staleness + 1
    assert max(ages[4:]) >= 2
    assert trainer.cursor == 16 * 4
    # Off-policy, and said so: the engine's log-probabilities are those of an earlier policy.
    assert lines[0]["engine/gap"] == pytest.approx(0, abs=1e-5)
    assert max(line["engine/gap"] for line in lines[4:]) > 1e-3
    assert lines[4]["ratio"] == pytest.approx(1, abs=1e-4)  # against the policy as it was when learning began
    assert sum(line["reward"] for line in lines[-4:]) > sum(line["reward"] for line in lines[:4])
    assert all("seconds/wait" in line for line in lines[::2])


def test_a_resumed_run_draws_again_what_was_not_learned_from(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"rollout": _rollout(1), "checkpoint": CheckpointConfig(every=1)}
    cut = _trainer(_config(tmp_path, steps=5, **changes))
    list(cut.steps())
    cut.close()
    assert cut.cursor == 24  # three rollouts begun; the third has a step left
    again = _trainer(_config(tmp_path, steps=8, **changes))
    assert (again.step, again.cursor, len(again.rollout)) == (5, 24, 1)
    assert [line["step"] for line in again.steps()] == [6, 7, 8]
    again.close()
    assert again.cursor == 32


def test_a_reward_that_breaks_ends_a_run_that_draws_ahead(tmp_path: Path) -> None:
    trainer = _trainer(_config(tmp_path, rollout=_rollout(2)), Broken("raises"))
    with pytest.raises(RunError, match="100% of a rollout could not be judged"):
        list(trainer.steps())
    trainer.close()
