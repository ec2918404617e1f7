"""A saved model read by others: transformers, as TRL, OpenRLHF and vLLM call it, gives our scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from r1_reward.reward_models.batches import Asked
from r1_reward.reward_models.card import Card, load_reward_model, save_reward_model
from r1_reward.reward_models.errors import OverlongError
from r1_reward.reward_models.layout import ChatLayout, TokenLimits
from r1_reward.reward_models.template import portable, reads_alike
from r1_reward.reward_models.tiny import tiny_model
from r1_reward.reward_models.windows import score_whole
from r1_reward.verifiers import Message

pytestmark = pytest.mark.needs("torch")

TEXTS = ["What is it? It is a cat, and 2 more.", "the quick brown fox jumps over the lazy dog"]
CHATML = (
    "{%- for message in messages -%}{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + "
    "'<|im_end|>' + '\\n' -}}{%- endfor -%}{%- if add_generation_prompt -%}"
    "{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)
THINKS = CHATML.replace("assistant\\n' -}}{%- endif", "assistant\\n<think>\\n' -}}{%- endif")
# An empty think block before an answer that has none, white space taken off, reasoning dropped: as families do.
CHANGES = (
    "{{- bos_token -}}{%- for message in messages -%}{%- set said = message['content'] -%}"
    "{%- if message['role'] == 'assistant' -%}{%- set said = '<think>\\n\\n</think>\\n\\n' + "
    "said.split('</think>')[-1] | trim -%}{%- endif -%}{{- '[' + message['role'] + ']' + said + '[end]\\n' -}}"
    "{%- endfor -%}{%- if add_generation_prompt -%}{{- '[assistant]' -}}{%- endif -%}"
)
DIALOGUE = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What is it?"},
    {"role": "assistant", "content": "A cat."},
    {"role": "user", "content": "And now?"},
]
RESPONSES = ["It is a cat, and 2 more.", "no", "<think>Is it a cat?</think>It is."]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("template", [None, CHATML, THINKS, CHANGES], ids=["none", "chatml", "thinks", "changes"])
def test_transformers_gives_our_scores_on_its_own_tokens(template: str | None, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    scorer = tiny_model(TEXTS, seed=3)
    scorer.tokenizer.chat_template = template
    save_reward_model(scorer, Card(kind="helpful", layout=ChatLayout(scorer, TokenLimits()).fingerprint), tmp_path)
    assert scorer.tokenizer.chat_template == template
    loaded, card = load_reward_model(tmp_path)
    assert reads_alike(loaded)
    prompt = [Message(**turn) for turn in DIALOGUE]
    (result,) = score_whole(
        loaded, ChatLayout(loaded, card.limits), [Asked(prompt, RESPONSES)], least=False, share=False
    )
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    tokenizer: Any = AutoTokenizer.from_pretrained(tmp_path)
    for response, ours in zip(RESPONSES, result, strict=True):
        assert not isinstance(ours, OverlongError)
        results = [*DIALOGUE, {"role": "assistant", "content": response}]
        with torch.no_grad():
            row = tokenizer.apply_chat_template(results, return_tensors="pt", return_dict=True)
            assert abs(float(model(**row).logits) - ours.score) < 1e-5
            # TRL's GRPO: text first, then tokens, padded at the right in a batch.
            text = tokenizer.apply_chat_template(results, tokenize=False)
            batch = tokenizer([text, text + text], return_tensors="pt", padding=True, add_special_tokens=False)
            assert abs(float(model(**batch).logits[0, 0]) - ours.score) < 1e-5
            # OpenRLHF: no newline at the end, the end of text there, read at the last token of the mask.
            stripped = text.rstrip("\n")
            assert stripped.endswith(tokenizer.eos_token)
            ids = tokenizer(stripped, add_special_tokens=False, return_tensors="pt")["input_ids"]
            ids[0, -1] = tokenizer.eos_token_id
            hidden = model.base_model(ids).last_hidden_state
            assert abs(float(model.score(hidden)[0, -1, 0]) - ours.score) < 1e-5
    # A policy's own use of the template is as it was.
    scorer.tokenizer.chat_template = template or scorer.tokenizer.chat_template
    if template is not None:
        for asked in (DIALOGUE, DIALOGUE[:1]):
            for generate in (True, False):
                both = [
                    one.apply_chat_template(asked, tokenize=False, add_generation_prompt=generate)
                    for one in (scorer.tokenizer, tokenizer)
                ]
                assert both[0] == both[1]


def test_a_template_that_was_saved_once_is_saved_as_it_is(tmp_path: Path) -> None:
    for template in (None, CHATML):
        scorer = tiny_model(TEXTS)
        scorer.tokenizer.chat_template = template
        fingerprint = ChatLayout(scorer, TokenLimits()).fingerprint
        save_reward_model(scorer, Card(kind="helpful", layout=fingerprint), tmp_path / "one")
        loaded, card = load_reward_model(tmp_path / "one")
        save_reward_model(loaded, card, tmp_path / "two")
        assert load_reward_model(tmp_path / "two")[1].layout == card.layout
        assert portable(loaded) == loaded.tokenizer.chat_template


def test_a_special_token_in_a_prompt_stays_text_where_there_was_no_template(tmp_path: Path) -> None:
    scorer = tiny_model(TEXTS)
    before = ChatLayout(scorer, TokenLimits()).encode("</s> and more", ["a"])
    save_reward_model(scorer, Card(kind="helpful"), tmp_path)
    assert ChatLayout(load_reward_model(tmp_path)[0], TokenLimits()).encode("</s> and more", ["a"]) == before
