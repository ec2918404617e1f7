"""The shape of a backbone before it learns: what is left out is gone for every reader, and what is even is even."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from r1_reward.reward_models.base import base_model
from r1_reward.reward_models.errors import ModelError
from r1_reward.reward_models.layers import attend_evenly, keep_layers
from r1_reward.reward_models.model import Scorer, layers_of
from r1_reward.reward_models.options import options_of
from r1_reward.reward_models.stored import load, save
from r1_reward.reward_models.tiny import tiny_model

pytestmark = pytest.mark.needs("torch")

IDS = torch.tensor([[5, 6, 7, 8], [9, 8, 7, 6]])


def backbone(folder: Path, family: Any = "bert") -> Path:
    """A folder with a backbone that has no head."""
    scorer = tiny_model(["some words to learn"], family=family, layers=3, hidden=32)
    scorer.model.base_model.save_pretrained(folder)
    scorer.tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("family", ["bert", "llama"])
def test_layers_left_out_are_gone_for_every_reader(family: Any, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    options = options_of("helpful", layers=2)
    scorer = base_model(backbone(tmp_path / "base", family), [], options)
    assert len(layers_of(scorer) or ()) == 2
    save(scorer, tmp_path / "out")
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path / "out").eval()
    assert plain.config.num_hidden_layers == 2
    with torch.no_grad():
        ours = scorer.read(IDS, torch.ones_like(IDS))
        theirs = plain(input_ids=IDS, attention_mask=torch.ones_like(IDS)).logits[:, 0]
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_a_backbone_with_no_more_layers_stays_whole() -> None:
    scorer = tiny_model(["words"], family="bert", layers=2)
    keep_layers(scorer, 4)
    assert scorer.plain.config.num_hidden_layers == len(layers_of(scorer) or ()) == 2


def test_an_even_layer_looks_at_all_tokens_alike(tmp_path: Path) -> None:
    scorer = load(backbone(tmp_path), attention="eager")
    attend_evenly(scorer)
    with torch.no_grad():
        looked = scorer.plain(input_ids=IDS, attention_mask=torch.ones_like(IDS), output_attentions=True).attentions
    assert torch.allclose(looked[-1], torch.full_like(looked[-1], 0.25))
    assert not torch.allclose(looked[0], torch.full_like(looked[0], 0.25))


def test_layers_that_cannot_be_told_apart_are_refused() -> None:
    scorer = tiny_model(["words"], family="gpt2")  # queries, keys and values are one matrix there
    with pytest.raises(ModelError, match="even"):
        attend_evenly(scorer)


def test_a_base_that_has_learned_to_score_keeps_layers_and_head(tmp_path: Path) -> None:
    learned = tiny_model(["some words"], family="bert", layers=3)
    save(learned, tmp_path)
    options = options_of("helpful", layers=1, even=True, zero_head=True)
    again: Scorer = base_model(tmp_path, [], options)
    with torch.no_grad():
        mask = torch.ones_like(IDS)
        assert torch.equal(again.read(IDS, mask), learned.read(IDS, mask))


def test_a_zero_head_gives_every_text_the_same(tmp_path: Path) -> None:
    scorer = base_model(backbone(tmp_path), [], options_of("helpful", zero_head=True))
    with torch.no_grad():
        assert scorer.read(IDS, torch.ones_like(IDS)).tolist() == [0.0, 0.0]
