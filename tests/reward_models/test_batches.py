"""Batches: the same scores whether prompts are shared, padded or alone; budgets kept; nothing lost or doubled."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from r1_reward.reward_models.batches import Unit, can_share, collate, cut, longest, scores_of, units_of
from r1_reward.reward_models.layout import Encoded
from r1_reward.reward_models.tiny import tiny_model

pytestmark = pytest.mark.needs("torch")

TEXTS = ["the quick brown fox jumps over the lazy dog"]


def groups(count: int, seed: int, most: int = 30) -> list[list[Encoded]]:
    draw = torch.Generator().manual_seed(seed)

    def some(least: int) -> tuple[int, ...]:
        length = int(torch.randint(least, most, (1,), generator=draw))
        return tuple(torch.randint(4, 250, (length,), generator=draw).tolist())

    made = []
    for _ in range(count):
        prefix = some(0)
        made.append([Encoded(prefix, some(1), False), Encoded(prefix, some(1), False)])
    return made


def all_scores(scorer: Any, made: list[list[Encoded]], budget: int, *, share: bool) -> torch.Tensor:
    result = torch.full((sum(map(len, made)),), float("nan"))
    with torch.no_grad():
        for units in cut(units_of(made, share=share), budget):
            batch = collate(units, scorer.tokenizer.pad_token_id)
            result[batch.owners] = scores_of(scorer, batch)
    return result


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_shared_prompts_give_the_scores_of_two_copies(family: Any, attention: str) -> None:
    torch.set_num_threads(1)
    scorer = tiny_model(TEXTS, family=family, seed=1)
    scorer.model.set_attn_implementation(attention)
    assert can_share(scorer)
    made = groups(12, seed=2)
    alone = all_scores(scorer, made, 1, share=False)
    assert alone.std() > 0.05
    for share, budget in ((True, 10_000), (True, 200), (True, 1), (False, 10_000)):
        torch.testing.assert_close(all_scores(scorer, made, budget, share=share), alone, atol=1e-5, rtol=0)


def test_more_than_two_responses_share_a_prompt_too() -> None:
    scorer = tiny_model(TEXTS, seed=1)
    prefix = tuple(range(10, 30))
    made = [[Encoded(prefix, tuple(range(40, 41 + n)), False) for n in range(7)]]
    assert [len(unit) for unit in units_of(made, share=True)] == [1]
    assert longest(units_of(made, share=True, most=30)[0]) <= 30
    shared, alone = (all_scores(scorer, made, 1, share=share) for share in (True, False))
    torch.testing.assert_close(shared, alone, atol=1e-5, rtol=0)


def test_gradients_are_those_of_two_copies() -> None:
    scorer = tiny_model(TEXTS, seed=1)
    made = groups(4, seed=3)
    results = []
    for share in (True, False):
        scorer.model.zero_grad()
        batch = collate(units_of(made, share=share), scorer.tokenizer.pad_token_id)
        scores = scores_of(scorer, batch)
        scores.tanh().sum().backward()
        results.append([weight.grad.clone() for weight in scorer.model.parameters() if weight.grad is not None])
    for shared, apart in zip(*results, strict=True):
        torch.testing.assert_close(shared, apart, atol=1e-5, rtol=1e-4)


def test_encoders_do_not_share() -> None:
    assert not can_share(tiny_model(TEXTS, family="bert"))


def test_a_model_with_a_sliding_window_is_found_out() -> None:
    from transformers import AutoModelForSequenceClassification, MistralConfig

    from r1_reward.reward_models.model import prepare
    from r1_reward.reward_models.tiny import tiny_tokenizer

    tokenizer = tiny_tokenizer(TEXTS)
    config = MistralConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        sliding_window=4,
        pad_token_id=0,
    )
    config.num_labels = 1
    torch.manual_seed(0)
    scorer = prepare(AutoModelForSequenceClassification.from_config(config), tokenizer)
    assert not can_share(scorer)


@settings(max_examples=30)
@given(st.integers(1, 40), st.integers(0, 5), st.integers(1, 300), st.booleans())
def test_batches_keep_to_the_budget_and_lose_nothing(count: int, seed: int, budget: int, share: bool) -> None:
    made = groups(count, seed)
    units: list[Unit] = units_of(made, share=share)
    batches = cut(units, budget)
    for batch in batches:
        rows = sum(map(len, batch))
        assert len(batch) == 1 or rows * max(map(longest, batch)) <= budget
    owners = [owner for batch in batches for unit in batch for row in unit for owner in row.owners]
    assert sorted(owners) == list(range(2 * count))
    # chosen and rejected of one pair are never parted
    assert all({owner // 2 for row in unit for owner in row.owners} == {unit[0].owners[0] // 2} for unit in units)
