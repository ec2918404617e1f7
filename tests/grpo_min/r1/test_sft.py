"""Fine-tuning: the loss by the book, batches that are a function of the step, and runs that go on where they ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from r1_reward.grpo_min.config import MemoryConfig, OptimizerConfig
from r1_reward.grpo_min.logprobs import make_batch, plain_logprobs
from r1_reward.grpo_min.r1.sft import SFTConfig, SFTExample, fine_tune
from r1_reward.reward_models import StoppedError
from r1_reward.verifiers.errors import ConfigError

LESSONS = [SFTExample((1 + place % 5, 7), (*range(8, 9 + place % 4), 0)) for place in range(12)]


def config(**changes: object) -> SFTConfig:
    default = {"epochs": 2, "batch": 4, "optimizer": OptimizerConfig(lr=1e-2, schedule="cosine"), "checkpoint_every": 2}
    return SFTConfig(**{**default, **changes})  # type: ignore[arg-type]  # by name


def test_the_loss_is_the_mean_over_response_tokens_and_falls(tiny_model, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]  # a fixture
    model = tiny_model()
    batch = make_batch([row.prompt for row in LESSONS], [row.response for row in LESSONS], range(12))
    with torch.no_grad():
        expected = -float(plain_logprobs(model, batch).logp_N.mean())
    fine_tune(model, LESSONS, config(epochs=8, batch=12), tmp_path, seed=0, stage="sft")
    losses = [json.loads(line)["loss"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert losses[0] == pytest.approx(expected, rel=1e-9)
    assert losses[-1] < 0.7 * losses[0]


def test_pieces_do_not_change_a_step(tiny_model, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]  # a fixture
    models = []
    for tokens in (8, 10_000):
        models.append(tiny_model())
        fine_tune(
            models[-1], LESSONS, config(memory=MemoryConfig(tokens=tokens)), tmp_path / str(tokens), seed=0, stage="s"
        )
    for one, other in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-9)


def test_every_epoch_has_each_row_once() -> None:
    from r1_reward.grpo_min.r1.sft import _batch

    for epoch in range(3):
        places = [place for step in range(3) for place in _batch(LESSONS, 5, 3 * epoch + step, seed=1)]
        assert sorted(places) == list(range(12))


def test_stopped_at_any_step_a_run_ends_the_same(tiny_model, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]  # a fixture
    whole = tiny_model()
    fine_tune(whole, LESSONS, config(), tmp_path / "whole", seed=3, stage="sft")
    steps: Iterator[bool] = iter([True, False, True, True, False, False])
    for _ in range(10):
        model = tiny_model()
        try:
            fine_tune(
                model, LESSONS, config(), tmp_path / "cut", seed=3, stage="sft", stopped=lambda: next(steps, False)
            )
        except StoppedError:
            continue
        break
    assert all(torch.equal(*pair) for pair in zip(whole.parameters(), model.parameters(), strict=True))
    lines = (tmp_path / "cut" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4, 5, 6]


def test_rows_that_are_too_long_are_left_out_and_counted(tiny_model, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]  # a fixture
    taught = fine_tune(tiny_model(), LESSONS, config(max_tokens=5), tmp_path, seed=0, stage="sft")
    assert (taught.rows, taught.overlong) == (6, 6)
    with pytest.raises(ConfigError, match="nothing to learn from"):
        fine_tune(tiny_model(), LESSONS, config(max_tokens=2), tmp_path / "none", seed=0, stage="sft")
