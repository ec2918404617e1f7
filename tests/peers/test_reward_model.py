"""A reward model of ours as TRL reads it: `reward_funcs="DIR"` gives our scores, its template ending in a newline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from r1_reward.reward_models.card import Card, save_reward_model
from r1_reward.reward_models.layout import ChatLayout, TokenLimits
from r1_reward.reward_models.tiny import tiny_model
from r1_reward.reward_models.verifier import HelpfulVerifier
from r1_reward.verifiers import Sample

trl = pytest.importorskip("trl")
datasets = pytest.importorskip("datasets")

CHATML = (
    "{%- for message in messages -%}{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + "
    "'<|im_end|>' + '\\n' -}}{%- endfor -%}{%- if add_generation_prompt -%}"
    "{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)
RESPONSES = ("It is a cat, and 2 more.", "no", "A dog.")


def test_trl_reads_a_saved_reward_model_where_we_do(model: Any, tokenizer: Any, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    scorer = tiny_model(["What is it? It is a cat, and 2 more."], seed=3)
    scorer.tokenizer.chat_template = CHATML
    folder = tmp_path / "rm"
    save_reward_model(scorer, Card(kind="helpful", layout=ChatLayout(scorer, TokenLimits()).fingerprint), folder)
    prompt = [{"role": "user", "content": "What is it?"}]
    trainer = trl.GRPOTrainer(
        model=model(),
        processing_class=tokenizer,
        reward_funcs=str(folder),
        train_dataset=datasets.Dataset.from_list([{"prompt": prompt}] * 4),
        args=trl.GRPOConfig(
            output_dir=str(tmp_path / "out"),
            per_device_train_batch_size=2,
            num_generations=2,
            max_completion_length=4,
            report_to=[],
            use_cpu=True,
            bf16=False,
        ),
    )
    completions = [[{"role": "assistant", "content": text}] for text in RESPONSES]
    count = len(RESPONSES)
    theirs = trainer._calculate_rewards([{"prompt": prompt}] * count, [prompt] * count, completions, [[1]] * count)
    samples = [Sample(prompt="What is it?", response=text, kind="general") for text in RESPONSES]
    ours = [verdict.score for verdict in HelpfulVerifier(model=str(folder), output="raw")(samples)]
    assert [float(one) for one in theirs.flatten()] == pytest.approx(ours, abs=1e-5)
