"""One policy on one process or several: how it is spread over them, and made whole again."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ..training.distributed import Processes
from .logprobs import Policy, causal


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


def training_state(policy: nn.Module, optimizer: torch.optim.Optimizer | None, processes: Processes) -> tuple[Any, Any]:
    """Whole states of policy and optimizer, on the CPU; complete on the first rank (any: torch's)."""
    if processes.size == 1:
        return policy.state_dict(), optimizer.state_dict() if optimizer else None
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_state_dict

    return get_state_dict(policy, optimizer or (), options=StateDictOptions(full_state_dict=True, cpu_offload=True))


def restore_training_state(
    policy: nn.Module, optimizer: torch.optim.Optimizer | None, processes: Processes, states: tuple[Any, Any]
) -> None:
    """Put back what `training_state` gave (any: torch's states)."""
    weights, moments = states
    if processes.size == 1:
        policy.load_state_dict(weights)
        if optimizer:
            optimizer.load_state_dict(moments)
        return
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_state_dict

    optimizers, options = optimizer or (), StateDictOptions(full_state_dict=True)
    set_state_dict(policy, optimizers, model_state_dict=weights, optim_state_dict=moments or {}, options=options)
