"""The loss against a reference written from the formulas, and against enumeration of whole distributions."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from r1_reward.grpo_min.loss import (
    Aggregate,
    Correction,
    Kl,
    LossConfig,
    LossInputs,
    Ratio,
    Surrogate,
    policy_loss,
    token_weights,
)

torch.set_num_threads(1)
MAX_TOKENS = 7


def _inputs(
    lengths: list[int], seed: int, aggregate: Aggregate, spread: float, *, engine: bool, kept: bool = False
) -> LossInputs:
    make = torch.Generator().manual_seed(seed)
    length_B = torch.tensor(lengths)
    count = int(length_B.sum())

    def draw(scale: float) -> Tensor:
        return scale * torch.randn(count, dtype=torch.float64, generator=make)

    row_N = torch.repeat_interleave(torch.arange(len(lengths)), length_B)
    weight_B = token_weights(length_B, aggregate, sequences=len(lengths), tokens=count, max_tokens=MAX_TOKENS)
    advantage_B = torch.randn(len(lengths), dtype=torch.float64, generator=make)
    old_N = draw(1.0) - 3
    return LossInputs(
        logp_N=(old_N + draw(spread)).requires_grad_(),
        old_logp_N=old_N,
        advantage_N=advantage_B[row_N],
        weight_N=weight_B[row_N],
        row_N=row_N,
        reference_logp_N=old_N + draw(spread),
        engine_logp_N=old_N + draw(1.0) if engine else None,
        kept_N=draw(1.0) > -0.5 if kept else None,
        entropy_N=draw(1.0).abs().requires_grad_(),
    )


def _ratios(log_ratios: list[Tensor], level: str) -> list[Tensor]:
    """Each token's own ratio, that of its sequence, or the geometric mean over its sequence."""
    whole = sum(log_ratios, torch.zeros((), dtype=torch.float64))
    if level == "token":
        return [torch.exp(log_ratio) for log_ratio in log_ratios]
    return [torch.exp(whole / (len(log_ratios) if level == "sequence_mean" else 1))] * len(log_ratios)


def _corrections(inputs: LossInputs, tokens: range, config: LossConfig) -> list[float]:
    """How much each token of a sequence counts for another sampler's sake."""
    if inputs.engine_logp_N is None or config.engine_correction == "none":
        return [1.0] * len(tokens)
    level, _, cut = config.engine_correction.partition("_")
    low, high = config.engine_ratio_floor, config.engine_ratio_cap
    gaps = [inputs.old_logp_N[t] - inputs.engine_logp_N[t] for t in tokens]
    ratios = [float(ratio) for ratio in _ratios(gaps, level)]
    if cut == "truncate":
        return [min(max(ratio, low), high) for ratio in ratios]
    return [ratio if low <= ratio <= high else 0.0 for ratio in ratios]


def _reference(inputs: LossInputs, lengths: list[int], config: LossConfig) -> Tensor:
    """The equations of docs/explanation/objectives.md, sequence by sequence and token by token; slow and plain."""
    total = torch.zeros((), dtype=torch.float64)
    everything, start = sum(lengths), 0
    for length in lengths:
        tokens = range(start, start + length)
        start += length
        gained, kl, entropy = [], [], []
        ratios = _ratios([inputs.logp_N[t] - inputs.old_logp_N[t] for t in tokens], config.ratio)
        for t, ratio, correction in zip(tokens, ratios, _corrections(inputs, tokens, config), strict=True):
            advantage = inputs.advantage_N[t]
            low, high = 1 - config.clip_low, 1 + config.clip_high
            held = ratio if low < ratio < high else torch.tensor(low if ratio <= low else high, dtype=torch.float64)
            value = min(ratio * advantage, held * advantage, key=Tensor.item)
            if config.surrogate == "cispo":
                value = held.detach() * advantage * inputs.logp_N[t]
            if inputs.kept_N is not None and not inputs.kept_N[t]:
                value = value.detach()
            gained.append(value * correction)
            assert inputs.reference_logp_N is not None
            assert inputs.entropy_N is not None
            x = torch.exp(inputs.reference_logp_N[t] - inputs.logp_N[t])
            estimators = {"none": x * 0, "k1": -torch.log(x), "k2": torch.log(x) ** 2 / 2, "k3": x - torch.log(x) - 1}
            estimators["k3_corrected"] = estimators["k3"] * torch.exp(inputs.logp_N[t] - inputs.old_logp_N[t])
            kl.append(estimators[config.kl] * (config.kl_in == "loss"))
            entropy.append(inputs.entropy_N[t])
        if not length:
            continue
        policy = torch.stack(gained).sum()
        if config.aggregate == "seq_sum" and config.ratio != "token" and config.surrogate == "clip":
            policy = policy / length
        share = {
            "seq_mean": 1 / (length * len(lengths)),
            "token_mean": 1 / everything,
            "const": 1 / (len(lengths) * MAX_TOKENS),
            "seq_sum": 1 / len(lengths),
        }[config.aggregate]
        bonus = config.entropy_bonus * torch.stack(entropy).sum()
        total = total - share * (policy - config.beta * torch.stack(kl).sum() + bonus)
    return total


@settings(max_examples=150)
@given(
    lengths=st.lists(st.integers(0, 5), min_size=1, max_size=4).filter(any),
    seed=st.integers(0, 2**32),
    spread=st.sampled_from([0.0, 0.1, 1.0, 2.5]),
    ratio=st.sampled_from(["token", "sequence", "sequence_mean"]),
    surrogate=st.sampled_from(["clip", "cispo"]),
    kl=st.sampled_from(["none", "k1", "k2", "k3", "k3_corrected"]),
    aggregate=st.sampled_from(["seq_mean", "token_mean", "const", "seq_sum"]),
    clips=st.sampled_from([(0.2, 0.2), (0.2, 0.28), (10.0, 10.0), (3e-4, 4e-4)]),
    beta=st.sampled_from([0.0, 0.001, 0.04, 1.0]),
    engine=st.sampled_from([None, "none", "token_truncate", "token_mask", "sequence_truncate", "sequence_mask"]),
    bonus=st.sampled_from([0.0, 0.01]),
    kept=st.booleans(),
)
def test_loss_and_gradient_equal_the_formulas(
    lengths: list[int],
    seed: int,
    spread: float,
    ratio: Ratio,
    surrogate: Surrogate,
    kl: Kl,
    aggregate: Aggregate,
    clips: tuple[float, float],
    beta: float,
    engine: Correction | None,
    bonus: float,
    kept: bool,
) -> None:
    if spread == 0.0:
        spread = 1e-9  # a ratio of exactly 1 at a clip of 0 aside, equality is where subgradients differ
    config = LossConfig(
        ratio=ratio, surrogate=surrogate, clip_low=clips[0], clip_high=clips[1], kl=kl, aggregate=aggregate, beta=beta,
        engine_correction=engine or "none", engine_ratio_floor=0.2, entropy_bonus=bonus,
    )  # fmt: skip
    inputs = _inputs(lengths, seed, aggregate, spread, engine=engine is not None, kept=kept)
    loss = policy_loss(inputs, config).loss
    expected = _reference(inputs, lengths, config)
    size = max(1.0, abs(expected.item()))
    assert abs(loss.item() - expected.item()) < 1e-12 * size
    assert inputs.entropy_N is not None
    for by in (inputs.logp_N, inputs.entropy_N):
        (gradient,) = torch.autograd.grad(loss, by, retain_graph=True, materialize_grads=True)
        (wanted_gradient,) = torch.autograd.grad(expected, by, retain_graph=True, materialize_grads=True)
        size = max(1.0, float(wanted_gradient.abs().max()))
        assert float((gradient - wanted_gradient).abs().max()) < 1e-12 * size


def test_every_combination_of_the_named_knobs_is_reached() -> None:
    """Hypothesis draws; this walks."""
    for ratio, surrogate, kl, aggregate, engine in itertools.product(
        ("token", "sequence", "sequence_mean"),
        ("clip", "cispo"),
        ("none", "k1", "k2", "k3", "k3_corrected"),
        ("seq_mean", "token_mean", "const", "seq_sum"),
        (False, True),
    ):
        config = LossConfig(ratio=ratio, surrogate=surrogate, kl=kl, aggregate=aggregate, beta=0.04)  # type: ignore[arg-type]  # of product
        inputs = _inputs([3, 0, 2], 5, config.aggregate, 0.3, engine=engine)
        assert policy_loss(inputs, config).loss.item() == pytest.approx(
            _reference(inputs, [3, 0, 2], config).item(), abs=1e-12
        )


@pytest.mark.parametrize(
    ("ratio", "advantage", "cut"),
    [(12.0, 1.0, True), (12.0, -1.0, False), (0.001, 1.0, False), (0.001, -1.0, False), (10.9, 1.0, False)],
)
def test_the_clip_of_ten(ratio: float, advantage: float, cut: bool) -> None:
    logp = torch.tensor([math.log(ratio)], dtype=torch.float64, requires_grad=True)
    one = torch.ones(1, dtype=torch.float64)
    inputs = LossInputs(
        logp_N=logp,
        old_logp_N=one * 0,
        advantage_N=one * advantage,
        weight_N=one,
        row_N=torch.zeros(1, dtype=torch.long),
    )
    result = policy_loss(inputs, LossConfig(clip_low=10, clip_high=10))
    result.loss.backward()
    assert logp.grad is not None
    assert result.clipped_N.tolist() == [cut]
    assert (float(logp.grad) == 0) is cut


@pytest.mark.parametrize("ratio", ["token", "sequence", "sequence_mean"])
@pytest.mark.parametrize("advantage", [1.0, -1.0])
def test_far_apart_policies_give_finite_gradients(ratio: Ratio, advantage: float) -> None:
    logp = torch.tensor([0.0, -900.0, -2.0], requires_grad=True)
    old = torch.tensor([-800.0, -1.0, -2.0])
    ones = torch.ones(3)
    inputs = LossInputs(
        logp_N=logp,
        old_logp_N=old,
        advantage_N=ones * advantage,
        weight_N=ones,
        row_N=torch.tensor([0, 1, 1]),
        reference_logp_N=torch.tensor([-500.0, 0.0, -2.0]),
    )
    for kl in ("k1", "k2", "k3", "k3_corrected"):
        loss = policy_loss(inputs, LossConfig(ratio=ratio, kl=kl)).loss
        (gradient,) = torch.autograd.grad(loss, logp)
        assert torch.isfinite(loss)
        assert torch.isfinite(gradient).all()


def test_nothing_at_all_is_no_loss() -> None:
    empty = torch.zeros(0, requires_grad=True)
    for ratio in ("token", "sequence", "sequence_mean"):
        inputs = LossInputs(
            logp_N=empty, old_logp_N=empty.detach(), advantage_N=empty.detach(), weight_N=empty.detach(),
            row_N=torch.zeros(0, dtype=torch.long), reference_logp_N=empty.detach(),
        )  # fmt: skip
        assert policy_loss(inputs, LossConfig(ratio=ratio)).loss.item() == 0


def _categorical(seed: int, size: int = 5) -> tuple[Tensor, Tensor, Tensor]:
    make = torch.Generator().manual_seed(seed)
    logits = torch.randn(size, dtype=torch.float64, generator=make).requires_grad_()
    reference = torch.randn(size, dtype=torch.float64, generator=make).log_softmax(0)
    old = torch.randn(size, dtype=torch.float64, generator=make).log_softmax(0)
    return logits, reference, old


def _kl_loss(logits: Tensor, reference: Tensor, old: Tensor, kl: Kl, weight: Tensor) -> Tensor:
    """The KL term alone, over all tokens of a vocabulary, each weighted by its probability of being sampled."""
    logp = logits.log_softmax(0)
    inputs = LossInputs(
        logp_N=logp,
        old_logp_N=old,
        advantage_N=torch.zeros_like(old),
        weight_N=weight,
        row_N=torch.arange(len(old)),
        reference_logp_N=reference,
    )
    return policy_loss(inputs, LossConfig(kl=kl, beta=1.0, clip_low=1e9, clip_high=1e9)).loss


@pytest.mark.parametrize("seed", range(5))
def test_estimators_by_enumeration(seed: int) -> None:
    logits, reference, old = _categorical(seed)
    logp = logits.log_softmax(0)
    exact = (logp.exp() * (logp - reference)).sum()
    (exact_gradient,) = torch.autograd.grad(exact, logits, retain_graph=True)
    on_policy = logp.exp().detach()
    # E[k1] = E[k3] = KL(policy || reference) when sampled from the policy
    for kl in ("k1", "k3"):
        assert _kl_loss(logits, reference, logp.detach(), kl, on_policy).item() == pytest.approx(
            exact.item(), abs=1e-12
        )
    # the gradient of E[k3] as sampled is that of KL(reference || policy), and k1's is nothing at all
    other_way = (reference.exp() * (reference - logits.log_softmax(0))).sum()
    (other_gradient,) = torch.autograd.grad(other_way, logits)
    (k3_gradient,) = torch.autograd.grad(_kl_loss(logits, reference, logp.detach(), "k3", on_policy), logits)
    torch.testing.assert_close(k3_gradient, other_gradient, atol=1e-12, rtol=0)
    (k1_gradient,) = torch.autograd.grad(_kl_loss(logits, reference, logp.detach(), "k1", on_policy), logits)
    torch.testing.assert_close(k1_gradient, torch.zeros_like(k1_gradient), atol=1e-12, rtol=0)
    # corrected, and sampled from whatever old policy: value and gradient of KL(policy || reference)
    corrected = _kl_loss(logits, reference, old, "k3_corrected", old.exp())
    assert corrected.item() == pytest.approx(exact.item(), abs=1e-12)
    (corrected_gradient,) = torch.autograd.grad(corrected, logits)
    torch.testing.assert_close(corrected_gradient, exact_gradient, atol=1e-12, rtol=0)


@pytest.mark.parametrize("chance", [0.1, 0.5, 0.9])
def test_expected_gradient_of_groups_by_enumeration(chance: float) -> None:
    """Two tokens, reward 1 for the first: over all groups of 3, mean-only GRPO has 2/3 of the policy gradient."""
    logit = torch.tensor(math.log(chance / (1 - chance)), dtype=torch.float64, requires_grad=True)
    logp = torch.stack([torch.nn.functional.logsigmoid(logit), torch.nn.functional.logsigmoid(-logit)])
    expected = torch.zeros((), dtype=torch.float64)
    for group in itertools.product((0, 1), repeat=3):
        tokens = torch.tensor(group)
        reward = (tokens == 0).double()
        inputs = LossInputs(
            logp_N=logp[tokens],
            old_logp_N=logp[tokens].detach(),
            advantage_N=reward - reward.mean(),
            weight_N=torch.full((3,), 1 / 3, dtype=torch.float64),
            row_N=torch.arange(3),
        )
        expected = expected + logp[tokens].detach().sum().exp() * policy_loss(inputs, LossConfig()).loss
    (gradient,) = torch.autograd.grad(expected, logit)
    assert float(gradient) == pytest.approx(-(2 / 3) * chance * (1 - chance), abs=1e-12)


@pytest.mark.parametrize("aggregate", ["seq_mean", "token_mean", "const", "seq_sum"])
@pytest.mark.parametrize("ratio", ["token", "sequence", "sequence_mean"])
def test_parts_of_a_minibatch_add_up_to_it(aggregate: Aggregate, ratio: Ratio) -> None:
    inputs = _inputs([2, 5, 1, 3], 3, aggregate, 0.5, engine=True)
    config = LossConfig(ratio=ratio, aggregate=aggregate, beta=0.1)
    parts = [
        policy_loss(inputs.span(inputs.logp_N[start:stop], start, stop), config).loss
        for start, stop in ((0, 2), (2, 8), (8, 11))
    ]
    assert sum(parts, torch.zeros(())).item() == pytest.approx(policy_loss(inputs, config).loss.item(), abs=1e-14)


@pytest.mark.parametrize("surrogate", ["clip", "cispo"])
@pytest.mark.parametrize("correction", ["token_truncate", "token_mask"])
def test_a_token_wise_loss_can_be_cut_anywhere(surrogate: Surrogate, correction: Correction) -> None:
    inputs = _inputs([2, 5, 1, 3], 3, "token_mean", 0.5, engine=True, kept=True)
    config = LossConfig(surrogate=surrogate, engine_correction=correction)
    assert config.is_token_wise
    parts = [policy_loss(inputs.span(inputs.logp_N[a:b], a, b), config).loss for a, b in ((0, 4), (4, 5), (5, 11))]
    assert sum(parts, torch.zeros(())).item() == pytest.approx(policy_loss(inputs, config).loss.item(), abs=1e-14)
    for other in (
        LossConfig(ratio="sequence_mean"), LossConfig(engine_correction="sequence_mask"), LossConfig(entropy_bonus=0.1)
    ):  # fmt: skip
        assert not other.is_token_wise


def test_cispo_keeps_the_gradient_where_the_clip_takes_it() -> None:
    """A ratio of e at advantage 1: PPO's clip gives 0, CISPO 1.2 times the gradient of the log-probability."""
    by_name = {}
    for surrogate in ("clip", "cispo"):
        one = torch.ones(1, dtype=torch.float64)
        logp = torch.zeros(1, dtype=torch.float64, requires_grad=True)
        inputs = LossInputs(
            logp_N=logp, old_logp_N=one * -1, advantage_N=one, weight_N=one, row_N=torch.zeros(1, dtype=torch.long)
        )
        out = policy_loss(inputs, LossConfig(surrogate=surrogate))
        assert out.clipped_N.tolist() == [True]
        by_name[surrogate] = torch.autograd.grad(out.loss, logp)[0].item()
    assert by_name == {"clip": 0.0, "cispo": pytest.approx(-1.2)}
