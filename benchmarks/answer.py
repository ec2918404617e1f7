"""The `answer` and `tools` verifiers: rows per CPU-second, and the slowest of hostile responses.

    python benchmarks/answer.py [-o OUT.json]

No peer: the scripts of SQuAD and DROP compare texts alone; `--peer DIR`, with lm-eval and torchmetrics unpacked in it,
counts how often the scores of those names differ from theirs. `benchmarks/tools.py` has BFCL's checker:

    pip download --no-deps lm-eval==0.4.13 torchmetrics==1.9.0 -d /tmp/w
    for wheel in /tmp/w/*.whl; do unzip -q $wheel -d /tmp/peer; done
    python benchmarks/answer.py --peer /tmp/peer     # where numpy and scipy are installed
"""

from __future__ import annotations

import argparse
import json
import random
import re
import runpy
import string
import time
from collections import Counter
from pathlib import Path
from typing import Any

from r1_reward.verifiers import AnswerVerifier, Sample, ToolsVerifier, Verifier
from r1_reward.verifiers.token_f1 import benchmark_score

GOLDS = ["Paris", "July 4, 1776", "$2.5 billion", "42", "2.5 hours", "Frank Sinatra", "yes", "São Paulo", "50%"]
SAID = [
    "Paris",
    "4 July 1776",
    "2,500,000,000 dollars",
    "42 goals",
    "150 minutes",
    "Sinatra",
    "No, it is not",
    "London",
]
FRAMES = [
    "{}",
    "The answer is {}.",
    r"So it is \boxed{{{}}}.",
    "<think>{} or not</think><answer>{}</answer>",
    "I think so.\n**{}**",
]
WORDS = "the a An Tower Eiffel 5 5.0 -5 1,000 1000 $5 3-yard well-known U.S. it's (x) 4 nan inf 1e3 ½ ’ yes no".split()
WORDS += ["%", "3.5", "x_y", "`q`", ""]
CALL = '<tool_call>\n{"name": "area", "arguments": {"base": 10, "unit": "m"}}\n</tool_call>'
TOOL = {"name": "area", "parameters": {"properties": {"base": {"type": "integer"}, "unit": {"type": "string"}}}}
UNITS = [
    "a ",
    "5,",
    "answer is ",
    r"\boxed{a}",
    "- a\n",
    "$1 ",
    "the ",
    "的",
    "1 h ",
    "and ",
    "<tool_call>",
    "<arg_key>",
]
UNITS += ["<parameter=a>", "[TOOL_CALLS]", "f(", '{"a":', "[", ";", "<function=f>", "</think>", "```json\n"]


def differences(peer: Path, pairs: int = 20_000) -> dict[str, int]:
    """How often our scores of DROP and SQuAD differ from those of the scripts in lm-eval and torchmetrics."""
    drop = runpy.run_path(str(peer / "lm_eval/tasks/drop/utils.py"))
    source = (peer / "torchmetrics/functional/text/squad.py").read_text()
    source = source[source.index("def _normalize_text") : source.index("def _metric_max_over")]  # what needs no torch
    squad: dict[str, Any] = {"re": re, "string": string, "Counter": Counter, "tensor": float}
    exec(f"from __future__ import annotations\n{source}", squad)  # the peer's own functions
    rng, wrong = random.Random(1), {"drop": 0, "squad": 0}

    def text() -> str:
        return " ".join(rng.choices(WORDS, k=rng.randrange(5)))

    for _ in range(pairs):
        gold, said = ([text() for _ in range(rng.choice([1, 1, 2, 3, 5]))] for _ in range(2))
        exact, f1 = drop["get_metrics"](said, gold)
        ours = [benchmark_score(f"drop_{measure}", said, [gold]) for measure in ("em", "f1")]
        wrong["drop"] += ours != [exact, float(f1)]
        theirs = [squad[f"_compute_{name}_score"](said[0], gold[0]) for name in ("exact_match", "f1")]
        ours = [benchmark_score(f"squad_{measure}", said[:1], [gold[:1]]) for measure in ("em", "f1")]
        wrong["squad"] += any(abs(one - float(other)) > 1e-9 for one, other in zip(ours, theirs, strict=True))
    return wrong


def rate(verifier: Verifier, rows: list[Sample]) -> int:
    """Rows per CPU-second, the median of three rounds."""
    verifier(rows[:200])
    rounds = []
    for _ in range(3):
        start = time.process_time()
        verifier(rows)
        rounds.append(time.process_time() - start)
    return round(len(rows) / sorted(rounds)[1])


def slowest(verifier: Verifier, sample: Any) -> dict[str, Any]:
    """The hostile response that takes longest."""
    worst: dict[str, Any] = {"ms": 0.0}
    for unit in UNITS:
        for before in ("", "[", "<tool_call>", "<answer>"):
            row = sample(before + unit * (100_000 // len(unit)))
            start = time.process_time()
            verifier([row])
            seconds = round(1000 * (time.process_time() - start), 1)
            if seconds > worst["ms"]:
                worst = {"ms": seconds, "what": before + unit}
    return worst


def main() -> None:
    """Measure, print, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--peer", type=Path, help="folder with lm-eval and torchmetrics")
    options = parser.parse_args()
    rng = random.Random(0)

    def short(response: str, reference: str = "Paris") -> Sample:
        return Sample(response=response, reference=reference, kind="answer")

    def call(response: str) -> Sample:
        reference = '[{"name": "area", "arguments": {"base": 10, "unit": "m"}}]'
        return Sample(response=response, reference=reference, kind="tools", meta={"tools": [TOOL]})

    # Every row another, so that nothing comes from a cache.
    said = [f"{rng.choice(SAID)} {at}".replace("42 goals", f"{at} goals") for at in range(6_000)]
    answers = [
        short(rng.choice(FRAMES).format(text, text), rng.choice([f"{rng.choice(GOLDS)} {at}", str(at), f"{at} km"]))
        for at, text in enumerate(said)
    ]
    calls = [call(CALL.replace("10", str(rng.randrange(9, 12)))) for _ in range(6_000)]
    figures: dict[str, Any] = {}
    for name, verifier, rows, make in (
        ("answer", AnswerVerifier(), answers, short),
        ("answer, f1", AnswerVerifier(score="f1"), answers, short),
        ("tools", ToolsVerifier(), calls, call),
    ):
        figures[name] = {"rows_per_cpu_s": rate(verifier, rows), "worst": slowest(verifier, make)}
    if options.peer:
        figures["differences in 20,000"] = differences(options.peer)
    print(json.dumps(figures, indent=1))
    if options.output:
        options.output.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
