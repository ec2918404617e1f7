"""Supervised fine-tuning: the likelihood of given responses, as in cold start, after rejection sampling, to distil.

The loss is the mean over all response tokens of a batch; prompts and padding carry none. A batch is drawn at random and
goes through the model in pieces of rows of like length. A run that was cut off goes on from its latest checkpoint, bit
by bit as if it had not been (one device, one thread).

What the paper states (B.4): cosine 5e-5 to 5e-6, batches of 128, 2 to 3 epochs, 32,768 tokens; for distillation batches
of 64 and a learning rate by model (Table 6). Optimizer (AdamW), warm-up and clipping are ours.

Under torchrun each process learns from its part of a batch (FSDP2), and the first writes. What it does not do: put
several responses into one row.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import PreTrainedModel

from ...reward_models import StoppedError
from ...training.distributed import Processes, processes
from ...verifiers.errors import ConfigError, RunError
from ...verifiers.settings import Count, Whole
from .. import checkpoint, distributed
from ..config import MemoryConfig, ModelConfig, OptimizerConfig
from ..learner import make_optimizer, optimizer_step, prepared
from ..logprobs import Policy, make_batch
from ..metrics import nonfinite_streak
from ..runlog import RunLog
from ..sampling import shuffled


@dataclass(frozen=True, slots=True, kw_only=True)
class SFTConfig:
    """The defaults are the paper's for cold start and for the second fine-tuning."""

    epochs: Count = 2
    """Times over the data; the paper: 2 to 3."""
    batch: Count = 128
    """Responses of a step."""
    max_tokens: Count = 32_768
    """Longer rows, prompt and response, are left out and counted."""
    optimizer: OptimizerConfig = field(default_factory=lambda: OptimizerConfig(lr=5e-5, schedule="cosine"))
    """Cosine to a tenth."""
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    """What fits at once."""
    gradient_checkpointing: bool = False
    """Compute activations again in the backward pass rather than keep them."""
    lora_rank: Whole = 0
    """Train adapters of this rank (needs peft), which are merged at the end; 0 trains everything."""
    checkpoint_every: Count = 200
    """Steps between checkpoints."""


class SFTExample(NamedTuple):
    """One response to learn."""

    prompt: tuple[int, ...]
    """The prompt's tokens."""
    response: tuple[int, ...]
    """The response's, its end of text among them."""


class SFTResult(NamedTuple):
    """What came of a run."""

    steps: int
    """Steps taken in all."""
    rows: int
    """Responses that were learned from."""
    overlong: int
    """Rows left out."""
    loss: float
    """Of the last step."""


def fine_tune(
    model: PreTrainedModel,
    examples: Sequence[SFTExample],
    config: SFTConfig,
    folder: Path,
    *,
    seed: int,
    stage: str,
    stopped: Callable[[], bool] = lambda: False,
) -> SFTResult:
    """Train the model on the examples, in place.

    Args:
        model: A causal language model of transformers.
        examples: Prompts and responses; those that are longer than `config.max_tokens` are left out.
        config: Epochs, batch, optimizer, memory.
        folder: Where checkpoints and `metrics.jsonl` go; a run continues from the latest checkpoint in it.
        seed: Of the order of examples, and of adapters.
        stage: Name for metrics and messages.
        stopped: Asked after each step.

    Returns:
        Steps, the loss of the last one, and how many rows were learned from and left out.

    Raises:
        ConfigError: There is nothing to learn.
        StoppedError: `stopped` returned True; the checkpoint is saved.
    """
    kept = [example for example in examples if len(example.prompt) + len(example.response) <= config.max_tokens]
    if not kept:
        raise ConfigError(f"{stage} has nothing to learn from: {len(examples)} responses, none of which may be used")
    adapted = prepared(
        model, ModelConfig(lora_rank=config.lora_rank, gradient_checkpointing=config.gradient_checkpointing), seed
    )
    together = processes()
    if together.size > 1 and config.lora_rank:
        raise ConfigError(f"{stage}: adapters are merged on one process; set lora_rank = 0 under torchrun")
    policy = Policy(adapted, share_prompts=False, chunk=config.memory.chunk).train()
    if together.size > 1:
        distributed.shard(policy)
    optimizer = make_optimizer(policy, config.optimizer)
    steps = config.epochs * math.ceil(len(kept) / config.batch)
    step, loss, sizes = 0, math.nan, [0, 0]
    if (state := checkpoint.latest(folder, next(model.parameters()).device)) is not None:
        distributed.restore_training_state(policy, optimizer, together, (state["model"], state["optimizer"]))
        step, loss, sizes = state["step"], state["loss"], state["sizes"]
    log = RunLog(folder if together.rank == 0 else None, sizes)
    while step < steps:
        began = time.perf_counter()
        lr = config.optimizer.rate(step, steps)
        batch = [kept[place] for place in _batch(kept, config.batch, step, seed)]
        loss = _backward(policy, batch, config.memory.tokens, together)
        norm = optimizer_step(policy, optimizer, config.optimizer, lr)
        step += 1
        measured = {"loss": loss, "grad_norm": norm, "lr": lr, "seconds": round(time.perf_counter() - began, 4)}
        measured = {name: value for name, value in measured.items() if math.isfinite(value)}
        log.write({"step": step, "stage": stage, **measured, "nonfinite": float(not math.isfinite(norm))})
        if (streak := max(together.all_gather_object(nonfinite_streak(log.history)))) >= config.optimizer.stop_after:
            raise RunError(f"{stage}: the gradients of {streak} steps in a row were not finite (optimizer.stop_after)")
        ends = any(together.all_gather_object(stopped()))
        if ends or step % config.checkpoint_every == 0 or step == steps:
            weights, moments = distributed.training_state(policy, optimizer, together)
            state = {"model": weights, "optimizer": moments, "step": step, "loss": loss, "sizes": log.sizes()}
            if together.rank == 0:
                checkpoint.save(folder, step, state, keep=1)
            together.all_gather_object(None)  # no process goes on before the checkpoint is there
        if ends and step < steps:
            raise StoppedError(f"{stage} stopped after step {step}")
    if config.lora_rank:
        merged: Any = adapted  # any: peft's wrapper
        merged.merge_and_unload()  # in place: the model that was given has the weights
        model.requires_grad_(True)
    model.eval()
    return SFTResult(steps, len(kept), len(examples) - len(kept), loss)


def _batch(examples: Sequence[SFTExample], size: int, step: int, seed: int) -> list[int]:
    """The places of a step's rows: a function of the step alone."""
    per_epoch = math.ceil(len(examples) / size)
    epoch, number = divmod(step, per_epoch)
    return shuffled(len(examples), "lessons", seed, epoch)[number * size : (number + 1) * size]


def _backward(policy: Policy, batch: Sequence[SFTExample], budget: int, together: Processes) -> float:
    """The gradient of a batch, each process's part of it; gives the loss of all of it."""
    device = next(policy.parameters()).device
    # FSDP takes the mean over processes, and this is a sum.
    total, weight = 0.0, -float(together.size) / sum(len(example.response) for example in batch)
    mine = batch[together.rank :: together.size]
    parts = _pieces(mine, budget) if mine else []
    for part in parts + [[]] * (max(together.all_gather_object(len(parts))) - len(parts)):
        if not part:  # another process has more to do, and waits for this one's part
            (policy(make_batch([[0, 0]], [[0]], [0], device)).logp_N.sum() * 0.0).backward()
            continue
        rows = make_batch([row.prompt for row in part], [row.response for row in part], range(len(part)), device)
        loss = policy(rows, 1.0, lambda logp_C, *_: torch.full_like(logp_C, weight)).logp_N.sum() * weight
        loss.backward()
        total += float(loss.detach()) / together.size
    return float(sum(together.all_gather_object(total)))


def _pieces(batch: Sequence[SFTExample], budget: int) -> list[list[SFTExample]]:
    """The rows by length, a list for each piece of at most `budget` padded tokens."""
    pieces: list[list[SFTExample]] = [[]]
    for example in sorted(batch, key=_length):
        if pieces[-1] and (len(pieces[-1]) + 1) * _length(example) > budget:
            pieces.append([])
        pieces[-1].append(example)
    return pieces


def _length(example: SFTExample) -> int:
    return len(example.prompt) + len(example.response)


def make_examples(
    tokenizer: Any, texts: Sequence[tuple[Sequence[int], str]]
) -> list[SFTExample]:  # any: Hugging Face's
    """Examples for `fine_tune`.

    Args:
        tokenizer: That of the model.
        texts: Prompts as tokens, with responses as text.

    Returns:
        An example each, whose response ends with the tokenizer's EOS token.
    """
    end = tokenizer.eos_token_id
    return [
        SFTExample(tuple(prompt), (*tokenizer.encode(response, add_special_tokens=False), end))
        for prompt, response in texts
    ]
