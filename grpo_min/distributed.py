"""One process or several that train one policy: what they add up, and how the policy is spread over them."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import FSDPModule

from .logprobs import Policy, causal


class World:
    """The processes of a run; alone where torch.distributed has not been set up."""

    def __init__(self) -> None:
        there = dist.is_available() and dist.is_initialized()
        self.rank: int = dist.get_rank() if there else 0
        self.size: int = dist.get_world_size() if there else 1

    def gather(self, value: Any) -> list[Any]:  # any: whatever can be pickled
        """Every process's value, in the order of ranks; each process must call."""
        if self.size == 1:
            return [value]
        found: list[Any] = [None] * self.size
        dist.all_gather_object(found, value)
        return found


def shard(policy: Policy, *, bf16: bool = False) -> Policy:
    """Spread the policy's weights, gradients and optimizer over all processes (FSDP2); changes it in place.

    A policy that shares prompts runs each layer twice a forward, the second time through its cache, which FSDP's hooks
    around a layer do not see. So its weights are one unit, whole during a step; without sharing they are gathered layer
    by layer.
    """
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    options: dict[str, Any] = {}  # any: keyword arguments
    if bf16:
        options["mp_policy"] = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    body = getattr(causal(policy.model), causal(policy.model).base_model_prefix)
    for layer in () if policy.share_prompts else body.layers:
        fully_shard(layer, **options)
    fully_shard(policy, **options)
    return policy


def spread_again(policy: nn.Module) -> None:
    """Let go of weights that a forward gathered and no backward will; nothing where the policy is not spread."""
    for part in policy.modules() if dist.is_initialized() else ():
        if isinstance(part, FSDPModule):
            part.reshard()


def training_state(policy: nn.Module, optimizer: torch.optim.Optimizer | None, world: World) -> tuple[Any, Any]:
    """Whole states of policy and optimizer, on the CPU; complete on the first rank (any: torch's)."""
    if world.size == 1:
        return policy.state_dict(), optimizer.state_dict() if optimizer else None
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_state_dict

    return get_state_dict(policy, optimizer or (), options=StateDictOptions(full_state_dict=True, cpu_offload=True))


def restore_training_state(
    policy: nn.Module, optimizer: torch.optim.Optimizer | None, world: World, model_state: Any, optimizer_state: Any
) -> None:
    """Put back what `training_state` gave (any: torch's states)."""
    if world.size == 1:
        policy.load_state_dict(model_state)
        if optimizer:
            optimizer.load_state_dict(optimizer_state)
        return
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_state_dict

    options = StateDictOptions(full_state_dict=True)
    set_state_dict(
        policy, optimizer or (), model_state_dict=model_state, optim_state_dict=optimizer_state or {}, options=options
    )


def norm_of_gradient(policy: nn.Module, clip: float) -> float:
    """The gradient's norm over all ranks; clipped to `clip` unless that is 0."""
    norm = nn.utils.clip_grad_norm_(policy.parameters(), clip or float("inf"))
    return float(norm.full_tensor() if hasattr(norm, "full_tensor") else norm)


def autocast(device: torch.device, *, bf16: bool) -> Any:  # any: one of two context managers
    """bfloat16 where wanted and there is a GPU."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if bf16 and device.type == "cuda" else nullcontext()
