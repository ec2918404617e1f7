"""How a policy goes down its gradient: AdamW, clipped, at the rate of the step."""

from __future__ import annotations

import math

import torch
from torch import nn

from .config import OptimizerConfig


def make_optimizer(policy: nn.Module, config: OptimizerConfig) -> torch.optim.AdamW:
    """AdamW over what is trained."""
    weights = [weight for weight in policy.parameters() if weight.requires_grad]
    return torch.optim.AdamW(
        weights, lr=config.lr, betas=config.betas, eps=config.eps, weight_decay=config.weight_decay
    )


def descend(policy: nn.Module, optimizer: torch.optim.Optimizer, config: OptimizerConfig, lr: float) -> float:
    """One step, after which there is no gradient; none where the gradient is not finite.

    Gives the gradient's norm, over all processes, before it was clipped.
    """
    found = nn.utils.clip_grad_norm_(policy.parameters(), config.clip or math.inf)
    norm = float(found.full_tensor() if hasattr(found, "full_tensor") else found)
    for group in optimizer.param_groups:
        group["lr"] = lr
    if math.isfinite(norm):
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return norm
