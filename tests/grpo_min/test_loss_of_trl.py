"""The same loss and gradient as TRL 1.16's `_compute_loss`, given the same log-probabilities (the `bench` group)."""

from __future__ import annotations

import importlib
import warnings
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from r1_reward.grpo_min.loss import Aggregate, LossConfig, LossInputs, policy_loss, token_weights

ROWS, LONGEST = 5, 7


def _theirs(kind: str, beta: float, logp: torch.Tensor, given: dict[str, Any], tokens: int) -> torch.Tensor:
    """TRL's loss, its model's forward replaced by the log-probabilities given (any: tensors by name)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer_class = importlib.import_module("trl").GRPOTrainer

    trainer = SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *_, **__: (logp, torch.zeros_like(logp), None),
        aux_loss_enabled=False, top_entropy_quantile=1.0, off_policy_mask_threshold=None, beta=beta, loss_type=kind,
        importance_sampling_level="token", epsilon_low=0.2, epsilon_high=0.28, use_vllm=False,
        args=SimpleNamespace(use_bias_correction_kl=False, delta=None, steps_per_generation=1, report_to=[]),
        model=SimpleNamespace(training=True), current_gradient_accumulation_steps=1, max_completion_length=LONGEST,
        _entropy_bonus_enabled=False, use_adaptive_entropy=False, aux_loss_coef=0.0,
        accelerator=SimpleNamespace(num_processes=1, gather=lambda value: value, reduce=lambda value, **_: value),
        _metrics={"train": defaultdict(list)},
    )  # fmt: skip
    inputs = {**given, "num_items_in_batch": torch.tensor(tokens)}
    return trainer_class._compute_loss(trainer, None, inputs)  # type: ignore[no-any-return]  # trl has no types


@pytest.mark.needs("trl")
@pytest.mark.parametrize("beta", [0.0, 0.04])
@pytest.mark.parametrize(
    ("kind", "aggregate"),
    [("grpo", "seq_mean"), ("bnpo", "token_mean"), ("dr_grpo", "const"), ("dapo", "token_mean")],
)
def test_equal_to_trl(kind: str, aggregate: Aggregate, beta: float) -> None:
    torch.manual_seed(3)
    shape = (ROWS, LONGEST)
    length = torch.tensor([7, 3, 1, 5, 2])
    mask = torch.arange(LONGEST) < length[:, None]
    old = torch.randn(shape) - 3
    logp = (old + 0.4 * torch.randn(shape)).requires_grad_()
    reference, advantage = old + 0.3 * torch.randn(shape), torch.randn(ROWS)
    tokens = int(mask.sum())
    given = {
        "prompt_ids": torch.zeros(ROWS, 2, dtype=torch.long), "prompt_mask": torch.ones(ROWS, 2, dtype=torch.long),
        "completion_ids": torch.zeros(shape, dtype=torch.long), "completion_mask": mask.long(),
        "advantages": advantage, "old_per_token_logps": old, "ref_per_token_logps": reference,
    }  # fmt: skip
    theirs = _theirs(kind, beta, logp, given, tokens)
    (wanted,) = torch.autograd.grad(theirs, logp)
    row_N = mask.nonzero()[:, 0]
    weight_B = token_weights(length, aggregate, sequences=ROWS, tokens=tokens, max_tokens=LONGEST)
    inputs = LossInputs(
        logp_N=logp[mask],
        old_logp_N=old[mask],
        advantage_N=advantage[row_N],
        weight_N=weight_B[row_N].float(),
        row_N=row_N,
        reference_logp_N=reference[mask],
    )
    config = LossConfig(clip_low=0.2, clip_high=0.28, beta=beta, aggregate=aggregate)
    ours = policy_loss(inputs, config).loss
    (found,) = torch.autograd.grad(ours, logp)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)
