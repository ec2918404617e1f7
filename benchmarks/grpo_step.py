"""One GRPO step of ours and of TRL's GRPOTrainer: CPU-seconds, peak memory, and how far ours is from the matmuls alone.

    python benchmarks/grpo_step.py [--setting small|long] [--repeats 3] [--out FILE.json]

Both arms train the same model object on the same prompts in one process, in turns, on one thread; each repeat is a
fresh trainer whose second step is measured. Both generate the same number of tokens and log the same kind of metrics,
entropy included. TRL runs at each of the micro-batch sizes given, and its best one is quoted. The caveat: on a CPU
TRL's path is its plain PyTorch one; its Triton and vLLM paths need a GPU, which this does not measure. "Start", for
memory, is before the first step.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import transformers
import trl
from datasets import Dataset
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM, TrainerCallback

from r1_reward.grpo_min.config import DataConfig, MemoryConfig, OptimizerConfig, RolloutConfig, TrainConfig
from r1_reward.grpo_min.engine import HFEngine
from r1_reward.grpo_min.logprobs import Policy, make_batch
from r1_reward.grpo_min.loop import Trainer
from r1_reward.grpo_min.loss import LossConfig
from r1_reward.verifiers import Reason, Sample, Verdict

VOCAB, WIDTH, LAYERS = 32_000, 256, 4
SETTINGS = {"small": (4, 8, 64, 128), "long": (2, 8, 512, 64)}
"""Prompts, samples of each, tokens of a prompt, tokens of a completion."""


class Lengths:
    """A reward that costs nothing and differs between samples."""

    name = "lengths"

    def __call__(self, samples: list[Sample]) -> list[Verdict]:
        return [Verdict.scored(len(sample.response) % 7 / 7, Reason.MEASURED) for sample in samples]


class Watch(TrainerCallback):
    """CPU-seconds of the last step."""

    seconds = 0.0

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        _reset_peak()
        self._start = time.process_time()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.seconds = time.process_time() - self._start


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


def ours(model: Qwen2ForCausalLM, tokenizer: Any, setting: str, rows: int | None = None) -> tuple[float, float]:
    """CPU-seconds and peak memory above the start of a step; with `rows`, of micro-batches of that many rows."""
    count, samples, length, limit = SETTINGS[setting]
    budget = 16384 if rows is None else length * max(1, rows // samples) + rows * limit
    questions = [Sample(response="", prompt=text) for text in prompts(setting)]
    with tempfile.TemporaryDirectory() as folder:
        config = TrainConfig(
            output=folder,
            steps=2,
            data=DataConfig(template="plain"),
            rollout=RolloutConfig(questions=count, samples=samples, minibatches=1, max_tokens=((0, limit),)),
            loss=LossConfig(kl="none", beta=0.0, aggregate="token_mean"),
            optimizer=OptimizerConfig(lr=1e-6),
            memory=MemoryConfig(tokens=budget),
        )
        engine = HFEngine(model, stop_tokens=[])
        steps = Trainer(config, model, tokenizer, questions, Lengths(), engine=engine).steps()
        start_memory = _resident()
        next(steps)
        _reset_peak()
        start = time.process_time()
        line = next(steps)
        seconds = time.process_time() - start
        peak = _peak() - start_memory
    assert line["tokens"] == count * samples * limit
    return seconds, peak


def theirs(model: Qwen2ForCausalLM, tokenizer: Any, setting: str, rows: int) -> tuple[float, float]:
    """The same of TRL at a micro-batch of so many rows."""
    count, samples, _, limit = SETTINGS[setting]
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        config = trl.GRPOConfig(
            output_dir=folder, max_steps=2, per_device_train_batch_size=rows,
            gradient_accumulation_steps=count * samples // rows, num_generations=samples, max_completion_length=limit,
            beta=0.0, learning_rate=1e-6, lr_scheduler_type="constant", logging_steps=1, save_strategy="no",
            report_to=[], use_cpu=True, bf16=False, gradient_checkpointing=False, disable_tqdm=True, temperature=1.0,
        )  # fmt: skip
        trainer = trl.GRPOTrainer(
            model=model,
            args=config,
            processing_class=tokenizer,
            train_dataset=Dataset.from_dict({"prompt": prompts(setting) * 4}),
            reward_funcs=lambda completions, **_: [len(text) % 7 / 7 for text in completions],
            callbacks=[watch],
        )
        start_memory = _resident()
        trainer.train()
    return watch.seconds, _peak() - start_memory


def shared_against_unshared(model: Qwen2ForCausalLM) -> dict[str, float]:
    """CPU-seconds of forward and backward, 512 + 64 tokens, 2 prompts of 8 samples."""
    texts = [[1 + (7 * place + prompt) % (VOCAB - 1) for place in range(512)] for prompt in range(2)]
    rows = [[1 + (13 * place + row) % (VOCAB - 1) for place in range(64)] for row in range(16)]
    batch = make_batch(texts, rows, [row // 8 for row in range(16)])
    found: dict[str, list[float]] = {"shared": [], "unshared": []}
    for _ in range(3):
        for name in found:
            policy = Policy(model, share_prompts=name == "shared")
            start = time.process_time()
            policy(batch, 1.0, lambda logp, *_: torch.ones_like(logp)).logp_N.sum().backward()
            found[name].append(time.process_time() - start)
            model.zero_grad()
    return {name: statistics.median(seconds) for name, seconds in found.items()}


def floor_seconds(setting: str) -> float:
    """What the matrix products of a step would take at the rate of a large one: generation, forward and backward."""
    count, samples, length, limit = SETTINGS[setting]
    layer = 4 * WIDTH * WIDTH + 3 * WIDTH * 4 * WIDTH
    body, head = LAYERS * layer, VOCAB * WIDTH
    completions = count * samples * limit
    flops = 2 * (completions + count * length) * body + 2 * completions * head
    flops += 6 * (completions + count * length) * body + 6 * completions * head
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


def _peak() -> float:
    return _status("VmHWM")


def _resident() -> float:
    return _status("VmRSS")


def _reset_peak() -> float:
    """Forget the peak so far; gives what is resident, in MB."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    return _resident()


def measure(setting: str, repeats: int, sizes: list[int]) -> dict[str, Any]:
    model, tokenizer = make_model(), make_tokenizer()
    found: dict[str, list[tuple[float, float]]] = {"ours": [], **{f"TRL, {rows} rows": [] for rows in sizes}}
    for _ in range(repeats):
        for name, runs in found.items():
            rows = int(name.split()[1]) if name.startswith("TRL") else None
            runs.append(theirs(model, tokenizer, setting, rows) if rows else ours(model, tokenizer, setting))
            print(f"  {setting}: {name}: {runs[-1][0]:.2f} CPU-s, {runs[-1][1]:.0f} MB", flush=True)
    seconds = {name: statistics.median(run[0] for run in runs) for name, runs in found.items()}
    memory = {name: statistics.median(run[1] for run in runs) for name, runs in found.items()}
    best = min((name for name in seconds if name != "ours"), key=seconds.__getitem__)
    rows = int(best.split()[1])
    equal = ours(model, tokenizer, setting, rows)[1]
    floor = floor_seconds(setting)
    told = {
        "CPU-seconds": seconds,
        "MB above the start": memory,
        "best of TRL": best,
        "times faster than it": seconds[best] / seconds["ours"],
        "memory, equal rows, ours over TRL": equal / memory[best],
        "over the floor of its matrix products": seconds["ours"] / floor,
    }
    if setting == "long":
        told["forward and backward, CPU-seconds"] = both = shared_against_unshared(model)
        told["shared prompt over unshared"] = both["unshared"] / both["shared"]
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setting", choices=[*SETTINGS], action="append")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, action="append", help="TRL's micro-batches (default: 4, 8, 16)")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    transformers.utils.logging.disable_progress_bar()
    versions = {"trl": trl.__version__, "torch": torch.__version__, "transformers": transformers.__version__}
    told: dict[str, Any] = {"versions": versions, "machine": platform.platform(), "threads": 1}
    for setting in given.setting or SETTINGS:
        told[setting] = measure(setting, given.repeats, given.rows or [4, 8, 16])
    print(json.dumps(told, indent=1))
    print("TRL's path on a CPU is its plain PyTorch one; its Triton and vLLM paths need a GPU and were not measured.")
    if given.out:
        given.out.write_text(json.dumps(told, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
