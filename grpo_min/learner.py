"""The policy with its reference and its optimizer: what freezes a rollout's log-probabilities, and takes a step on it.

Gradients are sums over micro-batches of losses whose weights were divided by counts over all of a minibatch, so neither
the cut into micro-batches nor the number of processes changes a step beyond rounding.
"""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ..reward_models.stored import seeded
from ..training.distributed import Processes, full_tensor, reshard
from ..verifiers.errors import ConfigError
from . import distributed
from .config import ModelConfig, OptimizerConfig, TrainConfig, at
from .covariance import kept_tokens
from .engine import weights_of
from .logprobs import Batch, Policy, causal, enable_checkpointing, make_batch
from .loss import LossConfig, LossInputs, policy_loss, token_weights
from .metrics import Tally, merged, tally_tokens
from .rollout import Group, Rollout

Item = tuple[Group, Rollout]


class Counts(NamedTuple):
    """What a minibatch is divided by, over all ranks."""

    sequences: int
    """Rows in the loss."""
    tokens: int
    """Their tokens."""


def prepared(model: PreTrainedModel, config: ModelConfig, seed: int) -> PreTrainedModel:
    """The model with what the configuration adds to it: adapters, drawn by the seed, and activations computed again.

    Raises ConfigError for a model that has adapters already, since new ones would take their place.
    """
    if getattr(model, "peft_config", None):
        raise ConfigError(f"{type(model).__name__} has adapters already; merge them first (peft's merge_and_unload)")
    if config.lora_rank:
        from peft import LoraConfig, get_peft_model

        rank = config.lora_rank
        adapters = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
        with seeded(seed):
            model = get_peft_model(model, adapters)  # type: ignore[assignment]  # peft wraps what it was given
    if config.gradient_checkpointing:
        enable_checkpointing(model)
    return model


def make_optimizer(policy: nn.Module, config: OptimizerConfig) -> torch.optim.AdamW:
    """AdamW over what is trained."""
    weights = [weight for weight in policy.parameters() if weight.requires_grad]
    return torch.optim.AdamW(
        weights, lr=config.lr, betas=config.betas, eps=config.eps, weight_decay=config.weight_decay
    )


def optimizer_step(policy: nn.Module, optimizer: torch.optim.Optimizer, config: OptimizerConfig, lr: float) -> float:
    """One step, after which there is no gradient; none where the gradient is not finite.

    Gives the gradient's norm, over all processes, before it was clipped.
    """
    norm = float(full_tensor(nn.utils.clip_grad_norm_(policy.parameters(), config.clip or math.inf)))
    for group in optimizer.param_groups:
        group["lr"] = lr
    if math.isfinite(norm):
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return norm


class Learner:
    """See above. Spreads what it learns over all processes, if they are several."""

    def __init__(self, config: TrainConfig, model: PreTrainedModel, processes: Processes) -> None:
        """Changes the model: adapters and gradient checkpointing, if the configuration asks for them."""
        self.config: TrainConfig = config
        self.processes: Processes = processes
        self.device: torch.device = next(model.parameters()).device
        self.use_bf16: bool = config.model.bf16 and self.device.type == "cuda"
        model = prepared(model, config.model, config.seed)

        def policy_of(model: PreTrainedModel) -> Policy:
            policy = Policy(model, share_prompts=config.memory.share_prompts, chunk=config.memory.chunk)
            return distributed.shard(policy, bf16=self.use_bf16) if processes.size > 1 else policy

        self.reference: Policy | None = None
        if config.loss.needs_reference:
            self.reference = policy_of(copy.deepcopy(model).requires_grad_(False)).eval()
        self.policy: Policy = policy_of(model).train()
        self.renewed: int = 0
        self.weights: threading.Lock = threading.Lock()  # held while they change
        self.optimizer: torch.optim.Optimizer = make_optimizer(self.policy, config.optimizer)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.use_bf16)

    def renew_reference(self, step: int) -> None:
        """Replace the reference by the policy where it is due."""
        every = self.config.reference_every
        if self.reference is not None and every and step // every > self.renewed:
            self.renewed = step // every
            with torch.no_grad():
                for old, new in zip(self.reference.parameters(), self.policy.parameters(), strict=True):
                    old.copy_(new)

    def freeze(self, groups: list[Group], step: int, *, exact: bool) -> list[Group]:
        """The groups with the log-probabilities that they are trained against; the engine's own stand if `exact`."""
        logps: dict[int, dict[str, tuple[float, ...]]] = {id(row): {} for group in groups for row in group.rows}
        temperature = at(self.config.rollout.temperature, step)
        for name, policy in {"reference": self.reference, "old": None if exact else self.policy}.items():
            if policy is None:
                continue
            for items in self._pieces(groups):
                with torch.no_grad(), self._autocast():
                    logp_N = policy(self._batch(items), temperature).logp_N
                lengths = [len(row.tokens) for _, row in items]
                for (_, row), part in zip(items, logp_N.split(lengths) if items else (), strict=True):
                    logps[id(row)][name] = tuple(part.tolist())
            reshard(policy)

        def frozen(row: Rollout) -> Rollout:
            return replace(row, **logps[id(row)])  # type: ignore[arg-type]  # the two names above

        return [replace(group, rows=tuple(map(frozen, group.rows))) for group in groups]

    def learn(self, groups: list[Group], step: int, *, drawn_at: int) -> Tally:
        """One optimizer step on a minibatch; none where it holds nothing to learn or its gradient is not finite.

        The rollout was drawn at the step `drawn_at`, whose temperature and longest completion hold for all of it.
        """
        config = self.config.optimizer
        trained = [row for group in groups for row in group.rows if row.trained and row.tokens]
        ranks = self.processes.all_gather_object((len(trained), sum(len(row.tokens) for row in trained)))
        counts = Counts(*map(sum, zip(*ranks, strict=True)))
        kept = kept_tokens(trained, self.config.loss, self.config.seed, step, self.processes)
        tally = merged([self._backward(items, counts, drawn_at, kept) for items in self._pieces(groups)])
        lr = config.rate(step, self.config.steps)
        with self.weights:
            norm = optimizer_step(self.policy, self.optimizer, config, lr) if counts.tokens else 0.0
        return tally | {"lr": (lr, 1.0), "grad_norm": (norm, 1.0), "nonfinite": (float(not math.isfinite(norm)), 1.0)}

    def _backward(
        self, items: Sequence[Item], counts: Counts, drawn_at: int, kept: Mapping[int, Tensor] | None
    ) -> Tally:
        """Add a micro-batch's gradient; gives what the metrics need."""
        config, batch = self.config, self._batch(items)
        temperature = at(config.rollout.temperature, drawn_at)
        with self._autocast():
            if not items:  # another rank has more to do, and waits for this one's part
                (self.policy(batch, temperature).logp_N.sum() * 0.0).backward()
                return {}
            dtype = torch.promote_types(next(self.policy.parameters()).dtype, torch.float32)
            longest = int(at(config.rollout.max_tokens, drawn_at))
            inputs = loss_inputs(items, batch, counts, config.loss, longest, dtype)
            if kept is not None:
                inputs = replace(inputs, kept_N=torch.cat([kept[id(row)] for _, row in items]).to(self.device))

            def dloss_dlogp(logp_C: Tensor, start: int, stop: int) -> Tensor:
                with torch.enable_grad():
                    logp_C = logp_C.detach().requires_grad_()
                    part = policy_loss(inputs.span(logp_C, start, stop), config.loss).loss * self.processes.size
                return torch.autograd.grad(part, logp_C)[0]

            # A ratio of sequences needs all of its tokens before the derivative by any of them is known.
            gradient = dloss_dlogp if config.loss.is_token_wise else None
            logp_N, entropy_N = self.policy(batch, temperature, gradient)
            inputs = replace(inputs, logp_N=logp_N, entropy_N=entropy_N if config.loss.entropy_bonus else None)
            out = policy_loss(inputs, config.loss)
        (out.loss * self.processes.size).backward()  # FSDP takes the mean over ranks, and this is a sum
        return tally_tokens(out, inputs, entropy_N.detach())

    def _pieces(self, groups: Sequence[Group]) -> list[list[Item]]:
        """Micro-batches, with empty ones where another rank has more."""
        own = pieces(groups, self.config.memory.tokens)
        return own + [[]] * (max(self.processes.all_gather_object(len(own))) - len(own))

    def _batch(self, items: Sequence[Item]) -> Batch:
        return lay_out(items, self.device) if items else make_batch([[0, 0]], [[0]], [0], self.device)

    def save_model(self, folder: Path, tokenizer: Any) -> None:
        """Write model and tokenizer in Hugging Face's form; gathered first, where it is spread over processes."""
        state, model = None, self.policy.model
        if self.config.model.merge_adapters and self.config.model.lora_rank:
            state, model = {name: value.detach().cpu() for name, value in weights_of(model)}, causal(model)
        elif self.processes.size > 1:
            whole, _ = distributed.training_state(self.policy, None, self.processes)
            state = {name.removeprefix("model."): value for name, value in whole.items()}
        if self.processes.rank == 0:
            model.save_pretrained(folder, state_dict=state)
            tokenizer.save_pretrained(folder)

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs, whole on the first rank (any: torch's states)."""
        model, optimizer = distributed.training_state(self.policy, self.optimizer, self.processes)
        reference = distributed.training_state(self.reference, None, self.processes)[0] if self.reference else None
        return {"model": model, "optimizer": optimizer, "reference": reference, "renewed": self.renewed}

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what `state` gave (any: as above)."""
        distributed.restore_training_state(
            self.policy, self.optimizer, self.processes, (state["model"], state["optimizer"])
        )
        if self.reference is not None:
            distributed.restore_training_state(self.reference, None, self.processes, (state["reference"], None))
        self.renewed = state["renewed"]


def pieces(groups: Sequence[Group], budget: int) -> list[list[Item]]:
    """The rows that are trained, a list for each micro-batch of at most `budget` padded tokens.

    Rows of like length stand together, and a group's rows do, so that little is padding and a prompt runs seldom twice.
    """
    trained = [(group, [row for row in group.rows if row.trained and row.tokens]) for group in groups]
    trained.sort(key=lambda pair: max((len(row.tokens) for row in pair[1]), default=0))
    result: list[list[Item]] = []
    prompts: set[int] = set()
    longest_prompt = longest = 0
    for group, rows in trained:
        for row in sorted(rows, key=lambda row: len(row.tokens)):
            grown = prompts | {id(group)}
            longest_prompt, longest = max(longest_prompt, len(group.prompt)), max(longest, len(row.tokens))
            if not result or len(grown) * longest_prompt + (len(result[-1]) + 1) * longest > budget:
                result.append([])
                grown, longest_prompt, longest = {id(group)}, len(group.prompt), len(row.tokens)
            result[-1].append((group, row))
            prompts = grown
    return result


def lay_out(items: Sequence[Item], device: torch.device | str) -> Batch:
    """The rows as the policy takes them; each group's prompt once."""
    prompts = list({id(group): group for group, _ in items}.values())
    place = {id(group): index for index, group in enumerate(prompts)}
    rows = [row.tokens for _, row in items]
    return make_batch([group.prompt for group in prompts], rows, [place[id(group)] for group, _ in items], device)


def loss_inputs(
    items: Sequence[Item], batch: Batch, counts: Counts, config: LossConfig, max_tokens: int, dtype: torch.dtype
) -> LossInputs:
    """Everything that the loss needs but the policy's log-probabilities, whose place the old ones hold."""
    device = batch.input_RT.device
    rows = [row for _, row in items]
    length_R = torch.tensor([len(row.tokens) for row in rows], device=device)
    weight_R = token_weights(
        length_R, config.aggregate, sequences=counts.sequences, tokens=counts.tokens, max_tokens=max_tokens
    )
    advantage_R = torch.tensor([row.advantage for row in rows], dtype=torch.float64, device=device)

    def packed(values: list[tuple[float, ...]]) -> Tensor:
        return torch.tensor([value for row in values for value in row], dtype=dtype, device=device)

    row_N = batch.row_N
    old_N = packed([row.old for row in rows])
    engine = [row.engine for row in rows if row.engine is not None]
    reference = [row.reference for row in rows if row.reference is not None]
    return LossInputs(
        logp_N=old_N,
        old_logp_N=old_N,
        advantage_N=advantage_R[row_N].to(dtype),
        weight_N=weight_R[row_N].to(dtype),
        row_N=row_N,
        reference_logp_N=packed(reference) if len(reference) == len(rows) else None,
        engine_logp_N=packed(engine) if len(engine) == len(rows) else None,
    )
