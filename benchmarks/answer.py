"""The `answer` and `tools` verifiers: rows per CPU-second, and the slowest of hostile responses.

    python benchmarks/answer.py [-o OUT.json]

No peer: the scripts of SQuAD and DROP compare texts alone. `benchmarks/tools.py` has BFCL's checker.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path
from typing import Any

from r1_reward.verifiers import AnswerVerifier, Sample, ToolsVerifier, Verifier

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
    options = parser.parse_args()
    rng = random.Random(0)

    def short(response: str, reference: str = "Paris") -> Sample:
        return Sample(response=response, reference=reference, kind="answer")

    def call(response: str) -> Sample:
        reference = '[{"name": "area", "arguments": {"base": 10, "unit": "m"}}]'
        return Sample(response=response, reference=reference, kind="tools", meta={"tools": [TOOL]})

    said = [rng.choice(SAID) for _ in range(6_000)]
    answers = [short(rng.choice(FRAMES).format(text, text), rng.choice(GOLDS)) for text in said]
    calls = [call(CALL.replace("10", str(rng.randrange(9, 12)))) for _ in range(6_000)]
    figures: dict[str, Any] = {}
    for name, verifier, rows, make in (
        ("answer", AnswerVerifier(), answers, short),
        ("answer, f1", AnswerVerifier(score="f1"), answers, short),
        ("tools", ToolsVerifier(), calls, call),
    ):
        figures[name] = {"rows_per_cpu_s": rate(verifier, rows), "worst": slowest(verifier, make)}
    print(json.dumps(figures, indent=1))
    if options.output:
        options.output.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
