"""Pairs per CPU-second and peak memory: our training steps and those of TRL's RewardTrainer, on the same model.

    python benchmarks/reward_models_trl.py PAIRS.jsonl OUT.json

Both train the same randomly drawn Llama on the same pairs of the human-labelled set (several turns, as hh-rlhf has
them), by optimizer steps of 32 pairs, without checkpointing, float32, one thread. Each measurement is a
process of its own: runs are interleaved, CPU-seconds are those between the first and the last step, memory is the peak
above that before training. TRL runs with its defaults otherwise: per-device batch 8, here 4 accumulated.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PAIRS, BATCH, RUNS, LONGEST = 128, 32, 3, 1024
MODEL: dict[str, Any] = {"hidden": 256, "layers": 4, "heads": 4, "vocabulary": 4096, "seed": 0}


def main() -> None:
    """Measure both by turns, or one of them when called by itself with a name."""
    if len(sys.argv) == 4:
        print(json.dumps({"ours": ours, "trl": theirs}[sys.argv[3]](Path(sys.argv[1]))))
        return
    by_name: dict[str, list[dict[str, float]]] = {"ours": [], "trl": []}
    for _ in range(RUNS):
        for name, one in by_name.items():
            run = subprocess.run(
                [sys.executable, __file__, *sys.argv[1:3], name], capture_output=True, text=True, check=False
            )
            if run.returncode:
                raise SystemExit(run.stderr[-3000:])
            one.append(json.loads(run.stdout.strip().splitlines()[-1]))
    cpu = {name: statistics.median(run["cpu"] for run in runs) for name, runs in by_name.items()}
    memory = {name: statistics.median(run["memory_mb"] for run in runs) for name, runs in by_name.items()}
    Path(sys.argv[2]).write_text(
        json.dumps(
            {
                "pairs per CPU-second, ours / TRL": f"{PAIRS / cpu['ours']:.2f} / {PAIRS / cpu['trl']:.2f}",
                "ratio": round(cpu["trl"] / cpu["ours"], 2),
                "ratio in each round": [
                    round(t["cpu"] / o["cpu"], 2) for o, t in zip(by_name["ours"], by_name["trl"], strict=True)
                ],
                "peak memory above the start, MB, ours / TRL": f"{memory['ours']:.0f} / {memory['trl']:.0f}",
                "memory ratio": round(memory["ours"] / memory["trl"], 2),
                "loss, ours / TRL": f"{by_name['ours'][0]['loss']:.4f} / {by_name['trl'][0]['loss']:.4f}",
            }
        )
    )


def rows(path: Path) -> list[dict[str, Any]]:
    """The first pairs of several turns."""
    results = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row for row in results if row["source"].startswith("hh-rlhf")][:PAIRS]


def model(path: Path) -> Any:
    """The same for both."""
    import torch

    from r1_reward.reward_models.tiny import tiny_model

    torch.set_num_threads(1)
    texts = [
        text for row in rows(path) for text in (row["chosen"], row["rejected"], *(t["content"] for t in row["prompt"]))
    ]
    return tiny_model(texts, **MODEL)


def measured(work: Any) -> dict[str, float]:
    """CPU-seconds and memory above the start of some work."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu": cpu, "memory_mb": (after.ru_maxrss - before.ru_maxrss) / 1e3}


def ours(path: Path) -> dict[str, float]:
    """Our steps."""
    from r1_reward.reward_models.data import pair_of
    from r1_reward.reward_models.options import TrainOptions
    from r1_reward.reward_models.train import _Run
    from r1_reward.training.distributed import Processes

    scorer = model(path)
    pairs: Any = [pair_of(row) for row in rows(path)]
    options = TrainOptions(
        kind="helpful", batch=BATCH, lr=1e-4, max_length=LONGEST, budget=2048, dev_share=0, checkpoint_every=10**6
    )
    with tempfile.TemporaryDirectory() as folder:
        run = _Run(scorer, pairs, options, Path(folder), None, lambda: False, Processes())
        run.start(resume=False)

        def steps() -> None:
            while run.step < run.total:
                run._take_step()

        result = measured(steps)
        losses = [json.loads(line)["loss"] for line in (Path(folder) / "metrics.jsonl").read_text().splitlines()]
    return {**result, "loss": statistics.mean(losses)}


def theirs(path: Path) -> dict[str, float]:
    """TRL's."""
    import datasets
    import trl

    from r1_reward.reward_models.data import pair_of
    from r1_reward.reward_models.layout import ChatLayout, TokenLimits

    scorer = model(path)
    layout = ChatLayout(scorer, TokenLimits(length=LONGEST))
    tokens: dict[str, list[list[int]]] = {"chosen_ids": [], "rejected_ids": []}
    for row in rows(path):
        pair: Any = pair_of(row)
        for name, encoded in zip(tokens, layout.encode(pair.prompt, [pair.chosen, pair.rejected]), strict=True):
            tokens[name].append([*encoded.prefix, *encoded.rest])
    with tempfile.TemporaryDirectory() as folder:
        config = trl.RewardConfig(
            output_dir=folder,
            per_device_train_batch_size=8,
            gradient_accumulation_steps=BATCH // 8,
            learning_rate=1e-4,
            num_train_epochs=1,
            max_length=LONGEST,
            gradient_checkpointing=False,
            bf16=False,
            use_cpu=True,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            logging_steps=1,
        )
        trainer = trl.RewardTrainer(
            model=scorer.model,
            args=config,
            train_dataset=datasets.Dataset.from_dict(tokens),
            processing_class=scorer.tokenizer,
        )
        result = measured(trainer.train)
        losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    return {**result, "loss": statistics.mean(losses)}


if __name__ == "__main__":
    main()
