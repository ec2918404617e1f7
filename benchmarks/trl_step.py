"""Which share of a GRPO step in TRL goes into our rewards. Run in the environment of `make test-peers`.

TRL's own GRPOTrainer trains a random model on the CPU, with `math`, `format` and `language` as reward functions. TRL's
own `accuracy_reward` (math-verify) and `think_format_reward` judge the same completions in the same steps, at no
weight. Words come from the example rollouts, so that completions hold prose and LaTeX, though in random order. The
first step is left out: it loads profiles and warms caches, which is told beside. The smaller the model, the larger the
share: a model that anyone would train makes it vanish.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "rollouts.jsonl"
SIZES = {"tiny": (64, 2), "small": (384, 6)}
"""Hidden size and layers."""


class Clock:
    """A reward function that counts the CPU-seconds of another, by step."""

    def __init__(self, function: Any, name: str) -> None:
        self.function = function
        self.__name__ = name
        self.seconds: list[float] = []

    def __call__(self, **value: Any) -> list[float | None]:
        start = time.process_time()
        result: list[float | None] = self.function(**value)
        self.seconds.append(time.process_time() - start)
        return result


def main() -> None:
    """Measure the sizes asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--length", type=int, default=256, help="tokens of a completion")
    parser.add_argument("--completions", type=int, default=32, help="completions of a step")
    parser.add_argument("--sizes", nargs="+", default=["tiny"], choices=list(SIZES))
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    by_name: dict[str, Any] = {
        "trl": version("trl"),
        "math-verify": version("math-verify"),
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
        "completions": args.completions,
        "length": args.length,
    }
    for size in args.sizes:
        by_name[size] = measure(size, args.steps, args.length, args.completions)
    print(json.dumps(by_name, indent=2))
    if args.json:
        args.json.write_text(json.dumps(by_name, indent=2) + "\n")


def measure(size: str, steps: int, length: int, completions: int) -> dict[str, Any]:
    """Train for some steps, and tell the medians of CPU-seconds by step."""
    import torch
    from datasets import Dataset
    from transformers import LlamaConfig, LlamaForCausalLM, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer
    from trl.rewards import accuracy_reward, think_format_reward

    from r1_reward.adapters.trl import reward

    torch.manual_seed(0)
    torch.set_num_threads(1)
    with EXAMPLES.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    tokenizer = make_tokenizer([row["response"] for row in rows])
    hidden, layers = SIZES[size]
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=hidden * 3,
        num_hidden_layers=layers,
        num_attention_heads=4,
        max_position_embeddings=2048,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
    )
    model = LlamaForCausalLM(config)
    ours = [Clock(reward(name), name) for name in ("math", "format", "language")]
    theirs = [Clock(accuracy_reward, "trl_accuracy"), Clock(think_format_reward, "trl_think_format")]
    turns = [[{"role": "user", "content": row["prompt"]}] for row in rows]
    golds = [row["reference"] for row in rows]
    data = Dataset.from_dict({"prompt": turns, "answer": golds, "solution": [f"${gold}$" for gold in golds]})

    class Steps(TrainerCallback):
        """The CPU-seconds of each step."""

        def __init__(self) -> None:
            self.seconds: list[float] = []

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.start = time.process_time()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.seconds.append(time.process_time() - self.start)

    clock = Steps()
    with tempfile.TemporaryDirectory() as folder:
        options = GRPOConfig(
            output_dir=folder,
            per_device_train_batch_size=completions,
            num_generations=8,
            max_completion_length=length,
            max_steps=steps + 1,
            reward_weights=[1.0, 1.0, 1.0, 0.0, 0.0],
            report_to=[],
            save_strategy="no",
            logging_steps=1000,
            use_cpu=True,
            bf16=False,
            beta=0.0,
            disable_tqdm=True,
            mask_truncated_completions=False,
        )
        GRPOTrainer(
            model=model,
            args=options,
            train_dataset=data,
            processing_class=tokenizer,
            reward_funcs=[*ours, *theirs],
            callbacks=[clock],
        ).train()
    spent: dict[str, list[float]] = defaultdict(list)
    for one in [*ours, *theirs]:
        spent[one.__name__] = one.seconds[1:]
    step = [whole - sum(spent[other.__name__][at] for other in theirs) for at, whole in enumerate(clock.seconds[1:])]
    mine = [sum(spent[one.__name__][at] for one in ours) for at in range(len(step))]
    shares = [a / b for a, b in zip(mine, step, strict=True)]
    return {
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "step_cpu_s": round(statistics.median(step), 3),
        "share": round(statistics.median(shares), 4),
        "share_range": [round(min(shares), 4), round(max(shares), 4)],
        "cpu_ms_by_function": {name: round(1e3 * statistics.median(one), 2) for name, one in spent.items()},
        "first_call_cpu_ms": {one.__name__: round(1e3 * one.seconds[0], 1) for one in [*ours, *theirs]},
    }


def make_tokenizer(texts: list[str]) -> Any:  # any: a transformers tokenizer
    """A tokenizer whose words are those of some texts, and the tags."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = dict.fromkeys(word for text in texts for word in text.split())
    special = ["<pad>", "<eos>", "<unk>", "<think>", "</think>", "<answer>", "</answer>"]
    vocabulary = {word: index for index, word in enumerate(dict.fromkeys([*special, *words]))}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>", padding_side="left"
    )
    wrapped.chat_template = "{% for message in messages %}{{ message.content }} {% endfor %}"
    return wrapped


if __name__ == "__main__":
    main()
