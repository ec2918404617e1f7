"""The GRPO objective, eqs. (1) and (2) of the paper with the knobs that its successors added, as one function.

Each knob is a field of LossConfig; docs/explanation/objectives.md has the equation of each and which of them make up
GSPO, CISPO, DAPO, Dr. GRPO, RLOO and REINFORCE++.

One frozen LossInputs in, one LossOutputs out. Tokens are packed: one long row of completion tokens without padding. A
token's share of the loss (`weight_N`) is computed beforehand from counts over the whole minibatch, so the sum of the
losses of any micro-batches, on any number of ranks, is the loss of the minibatch.

Where this departs from the equations: a log-ratio above 20 (a ratio of 4.9e8) is held there and has no gradient, since
its exponential would overflow and the gradient of a cut ratio become 0 times infinity.

Shapes: N packed completion tokens, B sequences.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import torch
from torch import Tensor

from ..verifiers.settings import Amount, Share

Ratio = Literal["token", "sequence", "sequence_mean"]
Surrogate = Literal["clip", "cispo"]
Correction = Literal["none", "token_truncate", "token_mask", "sequence_truncate", "sequence_mask"]
Kl = Literal["none", "k1", "k2", "k3", "k3_corrected"]
Aggregate = Literal["seq_mean", "token_mean", "const", "seq_sum"]

_LARGEST_LOG_RATIO = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LossConfig:
    """The knobs of the objective; the defaults are R1-Zero's as far as the paper states them (PPO's clip, else)."""

    ratio: Ratio = "token"
    """`sequence` is eq. (1) as printed: the ratio of whole-output probabilities. `sequence_mean` is its geometric mean
    over tokens (GSPO, arXiv 2507.18071)."""
    surrogate: Surrogate = "clip"
    """`clip` is PPO's minimum of eq. (1). `cispo` is the likelihood weighted by the cut ratio, which has no gradient
    itself (arXiv 2506.13585), so that no token loses its gradient."""
    clip_low: Amount = 0.2
    """The ratio is cut below 1 - clip_low."""
    clip_high: Amount = 0.2
    """The ratio is cut above 1 + clip_high. The first RL stage of the paper has 10 for both."""
    kl: Kl = "k3"
    """Estimator of KL(policy || reference): k3 is eq. (2); `k3_corrected` is k3 times the ratio of the token, whose
    gradient is that of the KL itself."""
    beta: Amount = 0.001
    """What the KL is multiplied by."""
    kl_in: Literal["loss", "reward"] = "loss"
    """`reward`: the sum over a sample's tokens of log p_old - log p_reference, times `beta`, is taken off its reward
    before advantages are made of it (RLOO, REINFORCE++), whatever `kl` is; nothing is then in the loss."""
    entropy_bonus: Amount = 0.0
    """What the entropy of each token's distribution is multiplied by and taken off the loss."""
    clip_cov: Share = 0.0
    """Share of a minibatch's tokens whose policy gradient is left out, drawn among those whose log-probability and
    advantage vary together most (Clip-Cov, arXiv 2505.22617; there 2e-4)."""
    clip_cov_low: Amount = 1.0
    """Least covariance of those tokens."""
    clip_cov_high: Amount = 5.0
    """Largest covariance of those tokens."""
    aggregate: Aggregate = "seq_mean"
    """How tokens are summed; see `token_weights`."""
    engine_correction: Correction = "token_truncate"
    """How the loss is weighted by p_old / p_engine where another engine, or an earlier policy, sampled: `token_*` by
    each token's ratio, `sequence_*` by the product over its sequence; `*_truncate` cuts the ratio to the bounds below
    (TIS), `*_mask` takes 0 for one outside (MIS)."""
    engine_ratio_cap: Amount = 2.0
    """Upper bound of that ratio."""
    engine_ratio_floor: Amount = 0.0
    """Lower bound of that ratio."""

    @property
    def needs_reference(self) -> bool:
        """Whether there is a KL from a reference at all."""
        return self.beta > 0 and (self.kl != "none" or self.kl_in == "reward")

    @property
    def is_token_wise(self) -> bool:
        """Whether the derivative by a token's log-probability depends on that token alone."""
        return self.ratio == "token" and not self.engine_correction.startswith("sequence") and not self.entropy_bonus


@dataclass(frozen=True, slots=True, kw_only=True)
class LossInputs:
    """Packed tokens of whole sequences."""

    logp_N: Tensor
    """Log-probability of each token under the policy; carries the gradient."""
    old_logp_N: Tensor
    """The same when the tokens were sampled."""
    advantage_N: Tensor
    """Each token's advantage: that of its sequence."""
    weight_N: Tensor
    """Each token's share, from `token_weights`."""
    row_N: Tensor
    """Which sequence a token belongs to, numbered from 0."""
    reference_logp_N: Tensor | None = None
    """The same under the reference; None where there is no KL."""
    engine_logp_N: Tensor | None = None
    """The same as a foreign engine reported it; None where the sampler was this model."""
    kept_N: Tensor | None = None
    """Where the policy gradient stays (see `clip_cov`); None is everywhere."""
    entropy_N: Tensor | None = None
    """Entropy of each token's distribution, with gradient; only `entropy_bonus` needs it."""

    def span(self, logp_N: Tensor, start: int, stop: int) -> LossInputs:
        """The tokens from `start` to `stop`, with other log-probabilities. Right where the
        loss is `is_token_wise`."""
        tensors = {field.name: getattr(self, field.name) for field in fields(self)}
        cut = {name: tensor[start:stop] for name, tensor in tensors.items() if tensor is not None}
        return LossInputs(**{**cut, "logp_N": logp_N})


@dataclass(frozen=True, slots=True, kw_only=True)
class LossOutputs:
    """The loss, and what metrics are made of (without gradient)."""

    loss: Tensor
    """This part of the minibatch's loss; a sum over tokens."""
    ratio_N: Tensor
    """Ratio of policy to old policy, of the token or of its sequence."""
    clipped_N: Tensor
    """Whether the clip took the token's gradient (`clip`), or cut its weight (`cispo`)."""
    kl_N: Tensor
    """k3 of the token, whatever estimator is in the loss; 0 without a reference."""
    engine_cut_N: Tensor | None = None
    """Where the engine's importance weight was truncated or masked; None without one."""


def token_weights(length_B: Tensor, aggregate: Aggregate, *, sequences: int, tokens: int, max_tokens: int) -> Tensor:
    """Each sequence's weight per token, from counts over the whole minibatch on all ranks.

    `seq_mean`: mean over tokens, then over sequences. `token_mean`: mean over all tokens. `const`: sum over tokens
    by sequences times the longest allowed (Dr. GRPO). `seq_sum`: sum over tokens, mean over sequences, eq. (1).

    >>> token_weights(torch.tensor([1, 4]), "seq_mean", sequences=2, tokens=5, max_tokens=8).tolist()
    [0.5, 0.125]
    """
    if aggregate == "seq_mean":
        return 1.0 / (length_B.clamp(min=1).double() * max(sequences, 1))
    if aggregate == "token_mean":
        share = 1.0 / max(tokens, 1)
    elif aggregate == "const":
        share = 1.0 / (max(sequences, 1) * max_tokens)
    else:
        share = 1.0 / max(sequences, 1)
    return torch.full(length_B.shape, share, dtype=torch.float64, device=length_B.device)


def policy_loss(inputs: LossInputs, config: LossConfig) -> LossOutputs:
    """The negated objective of packed tokens.

    With a ratio of sequences the clipped term is one number a sequence. `seq_mean` and `seq_sum` count it once a
    sequence, the others once a token; KL and entropy are of tokens in any case.
    """
    log_ratio_N = (inputs.logp_N - inputs.old_logp_N).clamp(max=_LARGEST_LOG_RATIO)
    weight_N = inputs.weight_N
    if config.ratio != "token":
        log_ratio_N, length_N = _over_sequences(inputs.logp_N - inputs.old_logp_N, inputs.row_N)
        log_ratio_N = log_ratio_N / length_N if config.ratio == "sequence_mean" else log_ratio_N
        log_ratio_N = log_ratio_N.clamp(max=_LARGEST_LOG_RATIO)
        if config.aggregate == "seq_sum" and config.surrogate == "clip":
            weight_N = weight_N / length_N
    ratio_N = log_ratio_N.exp()
    held_N = ratio_N.clamp(1 - config.clip_low, 1 + config.clip_high)
    free_N, cut_N = ratio_N * inputs.advantage_N, held_N * inputs.advantage_N
    if config.surrogate == "cispo":
        gain_N, clipped_N = cut_N.detach() * inputs.logp_N, held_N != ratio_N
    else:
        gain_N, clipped_N = torch.minimum(free_N, cut_N), cut_N < free_N
    if inputs.kept_N is not None:
        gain_N = torch.where(inputs.kept_N, gain_N, gain_N.detach())
    if (correction := engine_weights(inputs, config)) is not None:
        gain_N = gain_N * correction[0]
    loss = -(weight_N * gain_N).sum()
    if config.entropy_bonus and inputs.entropy_N is not None:
        loss = loss - config.entropy_bonus * (inputs.weight_N * inputs.entropy_N).sum()
    kl_N = torch.zeros_like(inputs.old_logp_N)
    if inputs.reference_logp_N is not None:
        kl_N = _kl(inputs.logp_N, inputs.reference_logp_N, "k3")
        if config.kl_in == "loss" and config.kl != "none" and config.beta:
            term_N = kl_N if config.kl == "k3" else _kl(inputs.logp_N, inputs.reference_logp_N, config.kl)
            if config.kl == "k3_corrected":
                term_N = term_N * (inputs.logp_N - inputs.old_logp_N).clamp(max=_LARGEST_LOG_RATIO).exp()
            loss = loss + config.beta * (inputs.weight_N * term_N).sum()
    return LossOutputs(
        loss=loss, ratio_N=ratio_N.detach(), clipped_N=clipped_N.detach(), kl_N=kl_N.detach(),
        engine_cut_N=correction[1] if correction else None,
    )  # fmt: skip


def engine_weights(inputs: LossInputs, config: LossConfig) -> tuple[Tensor, Tensor] | None:
    """Importance weight p_old / p_engine of each token or its sequence, truncated or masked, and where it was; None
    where nothing is to be corrected."""
    if inputs.engine_logp_N is None or config.engine_correction == "none":
        return None
    log_weight_N = inputs.old_logp_N - inputs.engine_logp_N
    if config.engine_correction.startswith("sequence"):
        log_weight_N, _ = _over_sequences(log_weight_N, inputs.row_N)
    weight_N = log_weight_N.exp()
    outside_N = (weight_N < config.engine_ratio_floor) | (weight_N > config.engine_ratio_cap)
    if config.engine_correction.endswith("truncate"):
        return weight_N.clamp(config.engine_ratio_floor, config.engine_ratio_cap), outside_N
    return weight_N.masked_fill(outside_N, 0.0), outside_N


def _kl(logp_N: Tensor, reference_N: Tensor, kind: Kl) -> Tensor:
    """Schulman's estimators, per token; `k3_corrected` is k3 here, its factor is the caller's."""
    away_N = (reference_N - logp_N).clamp(max=_LARGEST_LOG_RATIO)
    if kind == "k1":
        return -away_N
    if kind == "k2":
        return away_N.square() / 2
    return torch.expm1(away_N) - away_N


def _over_sequences(value_N: Tensor, row_N: Tensor) -> tuple[Tensor, Tensor]:
    """At each token, the sum of the values of its sequence, and how many they are."""
    rows = int(row_N.max()) + 1 if len(row_N) else 0
    sum_B = value_N.new_zeros(rows).index_add(0, row_N, value_N)
    count_B = value_N.new_zeros(rows).index_add(0, row_N, torch.ones_like(value_N))
    return sum_B[row_N], count_B[row_N]
