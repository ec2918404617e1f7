"""Which files of the package one thing passes through, in the order in which it first enters each.

    python benchmarks/walks.py [pair rollout response program]

A pair through `train-rm`, a rollout through a step of `grpo_min`, a response through `score`, a program through the
sandbox. Counted are files in which a function is called; what importing runs is not, since each walk is made once
before it is counted. docs/explanation/walks.md says what each file does there. What runs in another process (the
sandbox's agent) is not seen; a worker of `score` is, since its work is done here as well.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[1]
SKIPPED = ("<module>", "<genexpr>", "<listcomp>", "<dictcomp>", "<setcomp>", "<lambda>")


def main() -> None:
    """Print the walks that are asked for."""
    walks = {walk.__name__: walk for walk in (pair, rollout, response, program)}
    for name in sys.argv[1:] or walks:
        files = traced(walks[name]())
        print(f"{name}: {len(files)} files")
        for file in files:
            print(f"  {file}")


def traced(walk: Callable[[], object]) -> list[str]:
    """The files that a second walk passes through."""
    seen: dict[str, None] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        inside = code.co_name not in SKIPPED and not code.co_filename.startswith("<")
        if event == "call" and inside and code.co_flags & inspect.CO_OPTIMIZED:
            path = Path(code.co_filename).resolve()
            if path.is_relative_to(ROOT) and path.parts[len(ROOT.parts)] not in ("benchmarks", ".venv"):
                seen.setdefault(str(path.relative_to(ROOT)))

    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        walk()
        threading.setprofile(note)
        sys.setprofile(note)
        try:
            walk()
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
    return list(seen)


def pair() -> Callable[[], object]:
    """Forty pairs, a reward model from scratch, one epoch."""
    from r1_reward.reward_models.train_rm_command import run_train

    folder = Path(tempfile.mkdtemp())
    rows = [{"prompt": f"question {n}", "chosen": f"answer {n} please", "rejected": f"no {n}"} for n in range(40)]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return lambda: run_train(
        "helpful", [str(folder / "pairs.jsonl")], "tiny", str(folder / "model"), preset="tiny",
        set_={"epochs": 1}, overwrite=True,
    )  # fmt: skip


def rollout() -> Callable[[], object]:
    """A step of the loop on the toy, with a verifier that has no files of its own."""
    from r1_reward.grpo_min.config import AdvantageConfig, DataConfig, RolloutConfig, TrainConfig
    from r1_reward.grpo_min.loop import Trainer
    from r1_reward.grpo_min.toy.arithmetic import sums, toy_model, toy_tokenizer
    from r1_reward.verifiers import Reason, Sample, Verdict

    class Longer:
        name = "longer"

        def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
            return [Verdict.scored(float(len(sample.response)), Reason.MEASURED) for sample in samples]

    tokenizer = toy_tokenizer()
    config = TrainConfig(
        output=tempfile.mkdtemp(),
        steps=3,
        data=DataConfig(template="plain"),
        rollout=RolloutConfig(questions=2, samples=4, minibatches=1, max_tokens=((0, 8.0),)),
        advantage=AdvantageConfig(zero_variance="keep"),
    )
    steps = Trainer(config, toy_model(tokenizer, width=16, layers=1), tokenizer, sums(8, 0), Longer()).steps()
    return lambda: next(steps)


def response() -> Callable[[], object]:
    """A response judged by a verifier of one file."""
    from r1_reward.rows.files import Input
    from r1_reward.scoring import ScoreOptions, score
    from r1_reward.scoring.work import RowScorer

    folder = Path(tempfile.mkdtemp())
    (folder / "in.jsonl").write_text('{"response": "one two", "prompt": "say"}\n', encoding="utf-8")
    options = ScoreOptions(
        files=(str(folder / "in.jsonl"),), output=str(folder / "out.jsonl"), rewards=("length",), workers=1,
        overwrite=True,
    )  # fmt: skip

    def walk() -> None:
        score(options)
        RowScorer(options.spec.build(), options.reader, None).judge(list(Input(options.files, 1 << 20)))

    return walk


def program() -> Callable[[], object]:
    """A program in the sandbox of this machine, with one test."""
    from r1_reward.sandbox import Pool, StdinTest, Submission, checkers

    pool = Pool(backend="local", size=1)
    submission = Submission(
        language="python", source="print(input())", tests=[StdinTest(input="1", output="1", checker=checkers.tokens)]
    )
    return lambda: pool.run(submission)


if __name__ == "__main__":
    main()
