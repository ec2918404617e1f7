"""The same loss and gradient as TRL 1.16's `_compute_loss`, given the same log-probabilities (the `bench` group)."""

from __future__ import annotations

import importlib
import warnings
from collections import defaultdict
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from r1_reward.grpo_min.loss import Correction, LossConfig, LossInputs, policy_loss, token_weights
from r1_reward.grpo_min.rollout import overlong_penalty

ROWS, LONGEST = 5, 7


def _theirs(
    kind: str, beta: float, logp: torch.Tensor, text: dict[str, Any], tokens: int, **attributes: Any
) -> torch.Tensor:
    """TRL's loss, its model's forward replaced by the log-probabilities given (any: tensors, and knobs, by name)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer_class = importlib.import_module("trl").GRPOTrainer

    entropies = attributes.pop("entropies", torch.zeros_like(logp))
    trainer = SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *_, **__: (logp, entropies, None),
        aux_loss_enabled=False, top_entropy_quantile=1.0, off_policy_mask_threshold=None, beta=beta, loss_type=kind,
        importance_sampling_level="token", epsilon_low=0.2, epsilon_high=0.28, use_vllm=False,
        args=SimpleNamespace(use_bias_correction_kl=False, delta=None, steps_per_generation=1, report_to=[]),
        model=SimpleNamespace(training=True), current_gradient_accumulation_steps=1, max_completion_length=LONGEST,
        _entropy_bonus_enabled=False, use_adaptive_entropy=False, aux_loss_coef=0.0,
        accelerator=SimpleNamespace(
            num_processes=1, sync_gradients=True, gather=lambda value: value, reduce=lambda value, **_: value
        ),
        _metrics={"train": defaultdict(list)}, vllm_importance_sampling_correction=True, entropy_coef=0.0,
    )  # fmt: skip
    vars(trainer).update(attributes)
    inputs = {**text, "num_items_in_batch": torch.tensor(tokens)}
    return trainer_class._compute_loss(trainer, None, inputs)  # type: ignore[no-any-return]  # trl has no types


GRPO = LossConfig(clip_low=0.2, clip_high=0.28)
SETTINGS: dict[str, tuple[str, LossConfig, dict[str, Any]]] = {
    "GRPO": ("grpo", GRPO, {}),
    "GRPO with a KL": ("grpo", replace(GRPO, beta=0.04), {}),
    "BNPO": ("bnpo", replace(GRPO, aggregate="token_mean"), {}),
    "BNPO with a KL": ("bnpo", replace(GRPO, aggregate="token_mean", beta=0.04), {}),
    "Dr. GRPO": ("dr_grpo", replace(GRPO, aggregate="const"), {}),
    "Dr. GRPO with a KL": ("dr_grpo", replace(GRPO, aggregate="const", beta=0.04), {}),
    "DAPO": ("dapo", replace(GRPO, aggregate="token_mean"), {}),
    "DAPO with a KL": ("dapo", replace(GRPO, aggregate="token_mean", beta=0.04), {}),
    "GSPO": ("grpo", replace(GRPO, ratio="sequence_mean"), {"importance_sampling_level": "sequence"}),
    "GSPO, 3e-4": (
        "grpo", replace(GRPO, ratio="sequence_mean", clip_low=3e-4, clip_high=4e-4),
        {"importance_sampling_level": "sequence", "epsilon_low": 3e-4, "epsilon_high": 4e-4},
    ),
    "CISPO": (
        "cispo", replace(GRPO, surrogate="cispo", aggregate="token_mean", clip_low=1.0), {"epsilon_high": 1.28}
    ),
    "an entropy bonus": (
        "bnpo", replace(GRPO, aggregate="token_mean", entropy_bonus=0.02),
        {"_entropy_bonus_enabled": True, "entropy_coef": 0.02},
    ),
}  # fmt: skip
"""Ours, and TRL's loss type and attributes."""
CORRECTIONS = ("token_truncate", "token_mask", "sequence_truncate", "sequence_mask")


@pytest.mark.needs("trl")
@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("correction", ["none", *CORRECTIONS])
def test_equal_to_trl(name: str, correction: Correction) -> None:
    kind, config, attributes = SETTINGS[name]
    config = replace(config, engine_correction=correction, engine_ratio_floor=0.5)
    torch.manual_seed(3)
    shape = (ROWS, LONGEST)
    length = torch.tensor([7, 3, 1, 5, 2])
    mask = torch.arange(LONGEST) < length[:, None]
    old = torch.randn(shape) - 3
    logp = (old + 0.4 * torch.randn(shape)).requires_grad_()
    entropies = torch.rand(shape).requires_grad_()
    reference, advantage, engine = old + 0.3 * torch.randn(shape), torch.randn(ROWS), old + 0.25 * torch.randn(shape)
    tokens = int(mask.sum())
    value = {
        "prompt_ids": torch.zeros(ROWS, 2, dtype=torch.long), "prompt_mask": torch.ones(ROWS, 2, dtype=torch.long),
        "completion_ids": torch.zeros(shape, dtype=torch.long), "completion_mask": mask.long(),
        "advantages": advantage, "old_per_token_logps": old, "ref_per_token_logps": reference,
        "importance_sampling_ratio": _their_weights(correction, (old - engine) * mask, 0.5, 2.0),
    }  # fmt: skip
    attributes = {**attributes, "use_vllm": correction != "none", "entropies": entropies}
    theirs = _theirs(kind, config.beta if name.endswith("KL") else 0.0, logp, value, tokens, **attributes)
    config = replace(config, beta=config.beta if name.endswith("KL") else 0.0)
    expected = torch.autograd.grad(theirs, (logp, entropies), materialize_grads=True)
    row_N = mask.nonzero()[:, 0]
    weight_B = token_weights(length, config.aggregate, sequences=ROWS, tokens=tokens, max_tokens=LONGEST)
    inputs = LossInputs(
        logp_N=logp[mask],
        old_logp_N=old[mask],
        advantage_N=advantage[row_N],
        weight_N=weight_B[row_N].float(),
        row_N=row_N,
        reference_logp_N=reference[mask],
        engine_logp_N=engine[mask],
        entropy_N=entropies[mask],
    )
    ours = policy_loss(inputs, config).loss
    result = torch.autograd.grad(ours, (logp, entropies), materialize_grads=True)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
    torch.testing.assert_close(result, expected, atol=1e-6, rtol=0)
    assert float(expected[0].abs().max()) > 1e-3


def _their_weights(correction: str, gap: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """What TRL makes of its engine's log-probabilities before `_compute_loss`, by its configuration's words."""
    level, _, cut = correction.partition("_")
    ratio = torch.exp(gap.sum(-1, keepdim=True) if level == "sequence" else gap)
    return ratio.clamp(low, high) if cut == "truncate" else ratio.masked_fill((ratio < low) | (ratio > high), 0.0)


@pytest.mark.needs("trl")
@pytest.mark.parametrize(("longest", "buffer"), [(100, 20), (16, 16), (50, 1)])
def test_the_soft_overlong_penalty_is_trls(longest: int, buffer: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = importlib.import_module("trl.rewards").get_soft_overlong_punishment(longest, buffer)
    lengths = range(1, longest + 1)
    assert [overlong_penalty(length, longest, buffer) for length in lengths] == pytest.approx(
        theirs(completion_ids=[[1] * length for length in lengths])
    )
