"""Where a score is read: parity with transformers' own forward, paddings, padding tokens, saving and loading."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from r1_reward.reward_models.errors import ModelError
from r1_reward.reward_models.model import PAD_TOKEN, freeze, prepare
from r1_reward.reward_models.stored import add_lora, load, save
from r1_reward.reward_models.tiny import tiny_model, tiny_tokenizer

pytestmark = pytest.mark.needs("torch")

TEXTS = ["the quick brown fox jumps over the lazy dog", "pack my box with five dozen liquor jugs"]
FAMILIES = ("llama", "gpt2", "bert")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def rows(count: int, *, left: bool, seed: int = 1, vocabulary: int = 250) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of random length, none of whose tokens is the padding token 0."""
    draw = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, 24, (count,), generator=draw).tolist()
    longest = max(lengths)
    ids, mask = torch.zeros(count, longest, dtype=torch.long), torch.zeros(count, longest, dtype=torch.long)
    for row, length in enumerate(lengths):
        where = slice(longest - length, None) if left else slice(0, length)
        ids[row, where] = torch.randint(4, vocabulary, (length,), generator=draw)
        mask[row, where] = 1
    return ids, mask


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("count", [1, 8])
@pytest.mark.parametrize("left", [False, True])
def test_scores_equal_those_of_transformers(family: Any, count: int, left: bool) -> None:
    scorer = tiny_model(TEXTS, family=family, seed=3)
    ids, mask = rows(count, left=left)
    # transformers places padded tokens too unless it is told where the text begins; BERT reads the first token, so
    # only a row that is padded at the right has its text there.
    if family == "bert" and left:
        ids_theirs, mask_theirs = rows(count, left=False)
        theirs = scorer.model(ids_theirs, attention_mask=mask_theirs).logits[:, 0]
    else:
        places = (mask.cumsum(1) - 1).clamp(min=0)
        theirs = scorer.model(ids, attention_mask=mask, position_ids=places).logits[:, 0]
    ours = scorer.read(ids, mask)
    assert count == 1 or ours.std() > 0.01
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_do_not_depend_on_batch_or_padding(family: Any) -> None:
    scorer = tiny_model(TEXTS, family=family, seed=3)
    ids, mask = rows(8, left=False)
    ids_left, mask_left = rows(8, left=True)
    together = scorer.read(ids, mask)
    torch.testing.assert_close(scorer.read(ids_left, mask_left), together, atol=1e-5, rtol=0)
    alone = torch.cat([scorer.read(ids[row : row + 1], mask[row : row + 1]) for row in range(8)])
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=0)


def test_score_is_read_at_the_end_of_text_where_padding_was_the_same_token() -> None:
    tokenizer = tiny_tokenizer(TEXTS)
    model = tiny_model(tokenizer=tokenizer).model
    tokenizer.pad_token = tokenizer.eos_token
    with pytest.raises(ModelError, match="end of text"):
        prepare(copy.deepcopy(model), copy.deepcopy(tokenizer), pad="refuse")
    end = tokenizer.eos_token_id
    ids = torch.tensor([[10, 11, 12, end], [20, 21, end, end]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    fresh = tiny_tokenizer(TEXTS)
    fresh.pad_token = fresh.eos_token
    repaired = prepare(model, fresh, pad="repair", new_head=False)
    assert fresh.pad_token == PAD_TOKEN
    assert fresh.pad_token_id != fresh.eos_token_id
    ours = repaired.read(ids, mask)
    # The same text with the new padding token: transformers now reads at the end of text, as we do.
    padded = ids.masked_fill(mask == 0, fresh.pad_token_id)
    theirs = repaired.model(padded, attention_mask=mask).logits[:, 0]
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    # With the old one it reads one token before it: the sentinel of why this is repaired.
    repaired.model.config.pad_token_id = end
    assert (repaired.model(ids, attention_mask=mask).logits[:, 0] - ours).abs().max() > 1e-4


def test_a_row_without_tokens_is_refused() -> None:
    scorer = tiny_model(TEXTS)
    with pytest.raises(ModelError, match="without a token"):
        scorer.read(torch.tensor([[5, 6], [0, 0]]), torch.tensor([[1, 1], [0, 0]]))


def test_head_is_drawn_by_seed_and_of_the_stated_size() -> None:
    scorers = [tiny_model(TEXTS, hidden=256, seed=seed) for seed in (1, 1, 2)]
    weights = [scorer.head.weight for scorer in scorers]
    assert torch.equal(weights[0], weights[1])  # type: ignore[arg-type]  # a Linear's weight
    assert not torch.equal(weights[0], weights[2])  # type: ignore[arg-type]  # as above
    assert abs(float(weights[0].detach().std()) * 257**0.5 - 1) < 0.2  # type: ignore[operator]  # as above


@pytest.mark.parametrize("family", FAMILIES)
def test_saved_model_gives_the_same_scores_and_loads_with_transformers(family: Any, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    scorer = tiny_model(TEXTS, family=family, seed=5)
    ids, mask = rows(4, left=False)
    before = scorer.read(ids, mask)
    save(scorer, tmp_path / "rm")
    torch.testing.assert_close(load(tmp_path / "rm", seed=99).read(ids, mask), before, atol=0, rtol=0)
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path / "rm").eval()
    theirs = plain(ids, attention_mask=mask).logits[:, 0]
    torch.testing.assert_close(theirs, before, atol=1e-5, rtol=0)


def test_folder_without_weights_is_a_configuration(tmp_path: Path) -> None:
    scorer = tiny_model(TEXTS)
    scorer.model.config.save_pretrained(tmp_path)
    scorer.tokenizer.save_pretrained(tmp_path)
    ids, mask = rows(2, left=False)
    one, same, other = (load(tmp_path, seed=seed).read(ids, mask) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_folder_that_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is no model"):
        load(tmp_path)


@pytest.mark.needs("peft")
@pytest.mark.parametrize("merge", [True, False])
@pytest.mark.parametrize("family", ["llama", "bert"])
def test_lora_keeps_its_head_when_saved(family: Any, merge: bool, tmp_path: Path) -> None:
    save(tiny_model(TEXTS, family=family, seed=5), tmp_path / "base")
    scorer = add_lora(load(tmp_path / "base"), rank=4)
    learning = {name for name, weight in scorer.model.named_parameters() if weight.requires_grad}
    assert any("lora_" in name for name in learning)
    with torch.no_grad():
        for name, weight in scorer.model.named_parameters():
            if name in learning:
                weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(len(name))) * 0.1)
    scorer.model.eval()
    ids, mask = rows(4, left=False)
    before = scorer.read(ids, mask)
    assert (before - load(tmp_path / "base").read(ids, mask)).abs().min() > 1e-3
    save(scorer, tmp_path / "rm", merge=merge)
    torch.testing.assert_close(load(tmp_path / "rm", seed=77).read(ids, mask), before, atol=1e-5, rtol=0)
    torch.testing.assert_close(scorer.read(ids, mask), before, atol=0, rtol=0)


def test_frozen_layers_get_no_gradient() -> None:
    scorer = tiny_model(TEXTS, family="bert", layers=3)
    freeze(scorer, 2)
    ids, mask = rows(2, left=False)
    scorer.read(ids, mask).sum().backward()
    layers = scorer.model.bert.encoder.layer
    assert all(weight.grad is None for layer in layers[:2] for weight in layer.parameters())
    assert all(weight.grad is None for weight in scorer.model.bert.embeddings.parameters())
    assert any(weight.grad is not None for weight in layers[2].parameters())
    with pytest.raises(ModelError, match="cannot freeze"):
        freeze(scorer, 4)


@pytest.mark.parametrize("family", ["llama", "bert"])
def test_scores_keep_their_digits_in_bf16(family: Any) -> None:
    scorer = tiny_model(["some words"], family=family, vocabulary=300)
    ids = torch.arange(5, 45).reshape(4, 10)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        scores = scorer.read(ids, torch.ones_like(ids))
    assert scores.dtype is torch.float32
    assert not torch.equal(scores, scores.bfloat16().float())


@pytest.mark.parametrize("learned", [False, True])
def test_a_pooler_that_never_learned_passes_the_first_token_on(learned: bool, tmp_path: Path) -> None:
    scorer = tiny_model(TEXTS, family="bert", seed=3)
    with torch.no_grad():
        scorer.model.bert.pooler.dense.weight.normal_(std=0.01)
        scorer.model.bert.pooler.dense.bias.fill_(0.1 if learned else 0.0)
    drawn = scorer.model.bert.pooler.dense.weight.clone()
    scorer.model.bert.save_pretrained(tmp_path / "backbone")
    scorer.tokenizer.save_pretrained(tmp_path / "backbone")
    fresh = load(tmp_path / "backbone")
    result = fresh.model.bert.pooler.dense.weight
    torch.testing.assert_close(result, drawn if learned else torch.eye(len(drawn)))
    # A model that has a head is left as it is, whatever its pooler is like.
    save(scorer, tmp_path / "whole")
    torch.testing.assert_close(load(tmp_path / "whole").model.bert.pooler.dense.weight, drawn)
