"""One GRPO step of ours and of TRL's GRPOTrainer: CPU-seconds, peak memory, and how far ours is from the matmuls alone.

    python benchmarks/grpo_step.py [--part seconds|memory|shared|vocabulary] [--setting small|long] [--rows 8]
        [--repeats 3] [--out FILE.json]

Each part, setting and size of TRL's micro-batch can be run by itself (some minutes at most); --out gathers them. Both
arms train the same model object on the same prompts in one process, on one thread, a step of theirs and a step of ours
in turns; both generate the same number of tokens and log the same kind of metrics, entropy included. TRL's best
micro-batch is the one quoted. Memory is measured in a process for each arm, above what it had before the first step,
at equal rows of a micro-batch. The caveat: on a CPU TRL's path is its plain PyTorch one; its Triton and vLLM paths need
a GPU, which this does not measure.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers
import trl
from datasets import Dataset
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast, PrinterCallback, Qwen2Config, Qwen2ForCausalLM, TrainerCallback

from r1_reward.grpo_min.config import (
    CheckpointConfig,
    DataConfig,
    MemoryConfig,
    OptimizerConfig,
    RolloutConfig,
    TrainConfig,
)
from r1_reward.grpo_min.engine import HFEngine
from r1_reward.grpo_min.logprobs import Policy, head_logprobs, make_batch
from r1_reward.grpo_min.loop import Trainer
from r1_reward.grpo_min.loss import LossConfig
from r1_reward.verifiers import Reason, Sample, Verdict

VOCAB, WIDTH, LAYERS = 32_000, 256, 4
SETTINGS = {"small": (4, 8, 64, 128), "long": (2, 8, 512, 64)}
"""Prompts, samples of each, tokens of a prompt, tokens of a completion."""


class Lengths:
    """A reward that costs nothing and differs between samples."""

    name = "lengths"

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        return [Verdict.scored(len(sample.response) % 7 / 7, Reason.MEASURED) for sample in samples]


def make_model() -> Qwen2ForCausalLM:
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=VOCAB, hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=LAYERS,
        num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=1024, tie_word_embeddings=True,
        bos_token_id=None, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    return Qwen2ForCausalLM(config)


def make_tokenizer() -> PreTrainedTokenizerFast:
    words = {"<end>": 0, **{f"w{number}": number for number in range(1, VOCAB)}}
    inner = Tokenizer(WordLevel(words, unk_token="<end>"))
    inner.pre_tokenizer = Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>", pad_token="<end>")


def prompts(setting: str) -> list[str]:
    count, _, length, _ = SETTINGS[setting]
    draw = random.Random(0)
    return [" ".join(f"w{draw.randrange(1, VOCAB)}" for _ in range(length)) for _ in range(count)]


def our_steps(model: Qwen2ForCausalLM, tokenizer: Any, setting: str, rows: int | None, folder: str) -> Iterator[Any]:
    """Our steps without end; with `rows`, in micro-batches of that many rows."""
    count, samples, length, limit = SETTINGS[setting]
    budget = 16384 if rows is None else length * max(1, rows // samples) + rows * limit
    config = TrainConfig(
        output=folder,
        steps=1_000,
        data=DataConfig(template="plain"),
        rollout=RolloutConfig(questions=count, samples=samples, minibatches=1, max_tokens=((0, limit),)),
        loss=LossConfig(kl="none", beta=0.0, aggregate="token_mean"),
        optimizer=OptimizerConfig(lr=1e-6),
        memory=MemoryConfig(tokens=budget),
        checkpoint=CheckpointConfig(every=1_000_000),
    )
    questions = [Sample(response="", prompt=text) for text in prompts(setting)]
    engine = HFEngine(model, stop_tokens=[])
    for line in Trainer(config, model, tokenizer, questions, Lengths(), engine=engine).steps():
        assert line["tokens"] == count * samples * limit
        yield line


def their_trainer(
    model: Qwen2ForCausalLM, tokenizer: Any, setting: str, rows: int, steps: int, folder: str, watch: TrainerCallback
) -> trl.GRPOTrainer:
    """TRL at a micro-batch of so many rows."""
    count, samples, _, limit = SETTINGS[setting]
    config = trl.GRPOConfig(
        output_dir=folder, max_steps=steps, per_device_train_batch_size=rows,
        gradient_accumulation_steps=count * samples // rows, num_generations=samples, max_completion_length=limit,
        beta=0.0, learning_rate=1e-6, lr_scheduler_type="constant", logging_steps=1, save_strategy="no",
        report_to=[], use_cpu=True, bf16=False, gradient_checkpointing=False, disable_tqdm=True, temperature=1.0,
    )  # fmt: skip
    trainer = trl.GRPOTrainer(
        model=model,
        args=config,
        processing_class=tokenizer,
        train_dataset=Dataset.from_dict({"prompt": prompts(setting) * 2 * steps}),
        reward_funcs=lambda completions, **_: [len(text) % 7 / 7 for text in completions],
        callbacks=[watch],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


class InTurns(TrainerCallback):
    """CPU-seconds of each of TRL's steps, and of one of ours after each."""

    def __init__(self, ours: Iterator[Any]) -> None:
        self.ours = ours
        self.seconds: dict[str, list[float]] = {"ours": [], "TRL": []}

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self._start = time.process_time()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        middle = time.process_time()
        next(self.ours)
        self.seconds["TRL"].append(middle - self._start)
        self.seconds["ours"].append(time.process_time() - middle)


def seconds(setting: str, rows: int, repeats: int) -> dict[str, float]:
    """Medians of steps taken in turns, the first of each left out."""
    model, tokenizer = make_model(), make_tokenizer()
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        turns = InTurns(our_steps(model, tokenizer, setting, None, one))
        their_trainer(model, tokenizer, setting, rows, repeats + 1, other, turns).train()
    by_name = {name: statistics.median(times[1:]) for name, times in turns.seconds.items()}
    floor = floor_seconds(setting)
    return {
        **by_name,
        "TRL / ours": by_name["TRL"] / by_name["ours"],
        "floor": floor,
        "ours / floor": by_name["ours"] / floor,
    }


def memory_of(arm: str, setting: str, rows: int) -> float:
    """Peak above the start, in MB, of two steps in this process, which has done nothing else."""
    model, tokenizer = make_model(), make_tokenizer()
    with tempfile.TemporaryDirectory() as folder:
        if arm == "ours":
            steps = our_steps(model, tokenizer, setting, rows, folder)
            run: Callable[[], object] = lambda: (next(steps), next(steps))  # noqa: E731 - a pair with the other arm
        else:
            run = their_trainer(model, tokenizer, setting, rows, 2, folder, TrainerCallback()).train
        start = _reset_peak()
        run()
        return _status("VmHWM") - start


def memory(setting: str, rows: int) -> dict[str, float]:
    """Both arms, each in a process of its own."""
    by_name = {}
    for arm in ("ours", "TRL"):
        command = [sys.executable, __file__, "--arm", arm, "--setting", setting, "--rows", str(rows)]
        result = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        by_name[arm] = float(result.split()[-1])
    return {**by_name, "ours / TRL": by_name["ours"] / by_name["TRL"]}


def vocabulary() -> dict[str, float]:
    """What twice the vocabulary adds to the head's memory, forward and backward, for 4,096 tokens of width 64."""
    by_name = {}
    for words in (VOCAB, 2 * VOCAB):
        command = [sys.executable, __file__, "--arm", "head", "--rows", str(words)]
        by_name[words] = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])
    chunk = MemoryConfig().chunk * VOCAB * 4 / 2**20
    weight = VOCAB * 64 * 4 / 2**20
    added = by_name[2 * VOCAB] - by_name[VOCAB]
    return {"MB added": added, "of which the weight's gradient": weight, "chunk x vocabulary": chunk,
            "in chunks x vocabulary": (added - weight) / chunk}  # fmt: skip


def memory_of_head(words: int) -> float:
    hidden, weight = torch.randn(4096, 64, requires_grad=True), torch.randn(words, 64, requires_grad=True)
    target = torch.zeros(4096, dtype=torch.long)
    start = _reset_peak()
    made = head_logprobs(hidden, weight, target, 1.0, MemoryConfig().chunk, lambda logp, *_: torch.ones_like(logp))
    made.logp_N.sum().backward()
    return _status("VmHWM") - start


def shared_against_unshared() -> dict[str, float]:
    """CPU-seconds of forward and backward, 512 + 64 tokens, 2 prompts of 8 samples."""
    model = make_model()
    texts = [[1 + (7 * place + prompt) % (VOCAB - 1) for place in range(512)] for prompt in range(2)]
    rows = [[1 + (13 * place + row) % (VOCAB - 1) for place in range(64)] for row in range(16)]
    batch = make_batch(texts, rows, [row // 8 for row in range(16)])
    by_name: dict[str, list[float]] = {"shared": [], "unshared": []}
    for _ in range(3):
        for name in by_name:
            policy = Policy(model, share_prompts=name == "shared")
            start = time.process_time()
            policy(batch, 1.0, lambda logp, *_: torch.ones_like(logp)).logp_N.sum().backward()
            by_name[name].append(time.process_time() - start)
            model.zero_grad()
    fields = {name: statistics.median(seconds) for name, seconds in by_name.items()}
    return {**fields, "unshared / shared": fields["unshared"] / fields["shared"]}


def floor_seconds(setting: str) -> float:
    """What the matrix products of a step would take at the rate of a large one: generation, forward and backward."""
    count, samples, length, limit = SETTINGS[setting]
    layer = 4 * WIDTH * WIDTH + 3 * WIDTH * 4 * WIDTH
    body, head = LAYERS * layer, VOCAB * WIDTH
    completions = count * samples * limit
    flops: float = 2 * (completions + count * length) * body + 2 * completions * head
    flops += 6 * (completions + count * length) * body + 6 * completions * head
    seen = count * length * length / 2 + completions * (length + limit / 2)  # pairs of a token and one it attends to
    flops += (1 + 3) * LAYERS * 4 * WIDTH * seen
    one, other = torch.randn(2048, 1024), torch.randn(1024, 1024)
    rates = []
    for _ in range(12):
        start = time.process_time()
        one @ other
        rates.append(2 * 2048 * 1024 * 1024 / (time.process_time() - start))
    return flops / statistics.median(rates)


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def _reset_peak() -> float:
    """Forget the peak so far; gives what is resident, in MB."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    return _status("VmRSS")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=["seconds", "memory", "shared", "vocabulary"], action="append")
    parser.add_argument("--setting", choices=[*SETTINGS], action="append")
    parser.add_argument("--rows", type=int, action="append", help="TRL's micro-batches (default: 4, 8, 16)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, help="JSON; what is there from earlier parts stays")
    parser.add_argument("--arm", choices=["ours", "TRL", "head"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    transformers.utils.logging.disable_progress_bar()
    sizes = options.rows or [4, 8, 16]
    if options.arm:
        print(
            memory_of_head(sizes[0]) if options.arm == "head" else memory_of(options.arm, options.setting[0], sizes[0])
        )
        return
    there = json.loads(options.out.read_text(encoding="utf-8")) if options.out and options.out.exists() else {}
    versions = {"trl": trl.__version__, "torch": torch.__version__, "transformers": transformers.__version__}
    there |= {"versions": versions, "machine": platform.platform(), "threads": 1}
    for part in options.part or ["seconds", "memory", "shared", "vocabulary"]:
        runs: list[tuple[str, Callable[[], Any]]] = []
        for setting in options.setting or SETTINGS:
            for rows in sizes if part in ("seconds", "memory") else ():
                name = f"{part}, {setting}, {rows} rows"
                runs.append((name, partial(seconds, setting, rows, options.repeats) if part == "seconds"
                             else partial(memory, setting, rows)))  # fmt: skip
        runs += {"shared": [("shared", shared_against_unshared)], "vocabulary": [("vocabulary", vocabulary)]}.get(
            part, []
        )
        for name, run in runs:
            before = os.getloadavg()[0]
            there[name] = {key: round(value, 3) for key, value in run().items()} | {"load": round(before, 1)}
            print(f"{name}: {there[name]}", flush=True)
            if options.out:
                options.out.write_text(json.dumps(there, indent=1), encoding="utf-8")
    for setting in SETTINGS:
        results = [there[name] for name in there if name.startswith(f"seconds, {setting}")]
        if results:
            best = min(results, key=lambda run: run["TRL"])
            print(f"{setting}, against TRL at its best micro-batch: {best['TRL / ours']:.2f} times faster")
    print("TRL's path on a CPU is its plain PyTorch one; its Triton and vLLM paths need a GPU and were not measured.")


if __name__ == "__main__":
    main()
