"""What frozen layers give is worked out once, and the steps are those of a run that works it out every time."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch

from r1_reward.reward_models import frozen
from r1_reward.reward_models.batches import collate, scores_of, units_of
from r1_reward.reward_models.data import Pair
from r1_reward.reward_models.frozen import worth_keeping
from r1_reward.reward_models.layers import stack_of
from r1_reward.reward_models.layout import Encoded
from r1_reward.reward_models.model import Scorer, freeze
from r1_reward.reward_models.options import TrainOptions
from r1_reward.reward_models.tiny import tiny_model
from r1_reward.reward_models.train import StoppedError, train_reward_model
from r1_reward.verifiers import Message

pytestmark = pytest.mark.needs("torch")

WORDS = "stone river cloud lamp road".split()


def pairs(count: int) -> list[Pair]:
    draw = random.Random(0)

    def words() -> str:
        return " ".join(draw.choice(WORDS) for _ in range(draw.randint(1, 9)))

    return [
        Pair(prompt=(Message(role="user", content=f"{number} {words()}"),), chosen=words() + " yes", rejected=words())
        for number in range(count)
    ]


def half_frozen(family: Any = "bert") -> Scorer:
    scorer = tiny_model([" ".join(WORDS) + " yes"], family=family, layers=3, hidden=32, vocabulary=400, seed=1)
    freeze(scorer, 2)
    return scorer


def options(**changes: Any) -> TrainOptions:
    small = {"lr": 1e-3, "batch": 8, "epochs": 3, "freeze": 2, "budget": 200, "share": False, "max_length": 64}
    return TrainOptions(**{"kind": "helpful", **small, **changes})


def weights(scorer: Scorer) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in scorer.model.named_parameters()}


@pytest.mark.parametrize("family", ["bert", "llama"])
def test_steps_are_those_of_a_run_that_keeps_nothing(
    family: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses: list[list[float]] = []
    passes: list[int] = []
    for largest in (frozen.LARGEST, 0):
        monkeypatch.setattr(frozen, "LARGEST", largest)
        scorer = half_frozen(family)
        names = [name for name, _ in scorer.model.named_modules()]
        stack = stack_of(scorer)
        assert stack is not None
        count = [0]
        stack[0].register_forward_hook(lambda *_, count=count: count.__setitem__(0, count[0] + 1))
        folder = tmp_path / str(largest)
        train_reward_model(scorer, pairs(60), options(), folder)
        assert [name for name, _ in scorer.model.named_modules()] == names
        results = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        losses.append([line["loss"] for line in results if "loss" in line])
        passes.append(count[0])
    assert passes[0] < passes[1] / 2, "nothing was kept"
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_what_is_kept_equals_what_is_worked_out_with_any_padding() -> None:
    scorer = half_frozen()
    groups = [[Encoded((4, 5, 6), (7,) * n, False), Encoded((4, 5, 6), (8, 9), False)] for n in (1, 7, 20)]
    kept = frozen.Frozen(scorer, 2, groups, budget=64, precision="fp32")
    units = units_of([*groups[:1], *groups[2:]], share=False)
    batch = collate(units, scorer.tokenizer.pad_token_id)
    with torch.no_grad():
        with kept.instead(units):
            recalled = scores_of(scorer, batch)
        assert torch.allclose(recalled, scores_of(scorer, batch), atol=1e-6)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_resumed_run_takes_the_same_steps_bit_for_bit(precision: Any, tmp_path: Path) -> None:
    whole, halved = half_frozen(), half_frozen()
    result = options(precision=precision)
    train_reward_model(whole, pairs(60), result, tmp_path / "whole")
    asked = iter([False] * 9 + [True] * 9)
    with pytest.raises(StoppedError):
        train_reward_model(halved, pairs(60), result, tmp_path / "halved", stop=lambda: next(asked))
    again = half_frozen()
    train_reward_model(again, pairs(60), result, tmp_path / "halved", resume=True)
    for name, weight in weights(whole).items():
        assert torch.equal(weight, weights(again)[name]), name


def test_what_is_too_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer, groups = half_frozen(), [[Encoded((1, 2), (3, 4), False)]]
    assert worth_keeping(scorer, 2, groups, precision="fp32")
    monkeypatch.setattr(frozen, "LARGEST", 4 * 32 * 4 - 1)
    assert not worth_keeping(scorer, 2, groups, precision="fp32")
    assert worth_keeping(scorer, 2, groups, precision="bf16")
