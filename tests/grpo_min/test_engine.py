"""The engine: Hugging Face's greedy tokens, the training forward's log-probabilities, draws by the right chances."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import GenerationConfig, PreTrainedModel

from r1_reward.grpo_min.engine import Completion, Engine, HFEngine
from r1_reward.grpo_min.logprobs import Policy, make_batch
from r1_reward.grpo_min.sampling import Sampling, draw, uniforms
from r1_reward.verifiers.errors import ConfigError

TinyModel = Callable[..., PreTrainedModel]
PROMPTS = [(1, 2, 3, 4, 5), (6,), (7, 8, 9)]
SEEDS = [11, 12, 13]


def _greedy(model: PreTrainedModel, prompt: tuple[int, ...], limit: int) -> list[int]:
    config = GenerationConfig(max_new_tokens=limit, do_sample=False, eos_token_id=0, pad_token_id=0)
    ids = torch.tensor([prompt])
    out = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=config)  # type: ignore[operator]  # untyped
    return out[0, len(prompt) :].tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_greedy_is_what_hugging_face_generates(tiny_model: TinyModel, seed: int, attention: str) -> None:
    model = tiny_model(seed=seed, vocab=10, attn_implementation=attention)
    engine = HFEngine(model, stop_tokens=[0])
    completions = engine.generate(PROMPTS, 2, Sampling(max_tokens=150, temperature=0), SEEDS)
    for prompt, (one, other) in zip(PROMPTS, completions, strict=True):
        assert one.tokens == other.tokens
        assert list(one.tokens) == _greedy(model, prompt, 150)


@pytest.mark.parametrize("temperature", [1.0, 0.6])
@pytest.mark.parametrize("options", [{}, {"top_p": 0.8}, {"top_k": 3}])
def test_logprobs_are_those_of_the_training_forward(
    tiny_model: TinyModel, temperature: float, options: dict[str, float]
) -> None:
    model = tiny_model(dtype=torch.float32)
    sampling = Sampling(max_tokens=40, temperature=temperature, **options)  # type: ignore[arg-type]  # top_k is an int
    groups = HFEngine(model, stop_tokens=[0]).generate(PROMPTS, 6, sampling, SEEDS)
    rows = [completion for group in groups for completion in group]
    assert {row.finish for row in rows} == {"stop", "length"}
    assert all((row.tokens[-1] == 0) is (row.finish == "stop") for row in rows)
    batch = make_batch(PROMPTS, [row.tokens for row in rows], [place // 6 for place in range(18)])
    trained = Policy(model)(batch, temperature).logp_N
    sampled = torch.tensor([logp for row in rows for logp in row.logprobs])
    torch.testing.assert_close(sampled, trained.detach(), atol=1e-5, rtol=0)


def test_a_sample_depends_on_its_seed_and_on_nothing_beside_it(tiny_model: TinyModel) -> None:
    engine: Engine = HFEngine(tiny_model(), stop_tokens=[0])
    sampling = Sampling(max_tokens=60)
    together = engine.generate(PROMPTS, 4, sampling, SEEDS)
    assert together == engine.generate(PROMPTS, 4, sampling, SEEDS)
    backwards = engine.generate(PROMPTS[::-1], 4, sampling, SEEDS[::-1])[::-1]
    alone = [engine.generate([prompt], 9, sampling, [seed])[0][:4] for prompt, seed in zip(PROMPTS, SEEDS, strict=True)]
    for other in (backwards, alone):
        assert [[row.tokens for row in group] for group in other] == [[row.tokens for row in g] for g in together]
    assert len({row.tokens for group in together for row in group}) == 12
    assert engine.generate(PROMPTS, 4, sampling, [1, 2, 3]) != together
    assert engine.generate([], 4, sampling, []) == []


CHANCES = torch.tensor([0.03, 0.4, 0.07, 0.2, 0.0, 0.3], dtype=torch.float64)


@pytest.mark.parametrize(
    ("sampling", "kept"),
    [
        (Sampling(), [0, 1, 2, 3, 5]),
        (Sampling(temperature=0.5), [0, 1, 2, 3, 5]),
        (Sampling(top_k=2), [1, 5]),
        (Sampling(top_p=0.75), [1, 3, 5]),
        (Sampling(top_p=0.39), [1]),
        (Sampling(top_p=1e-9), [1]),
        (Sampling(top_p=0.99, top_k=3), [1, 3, 5]),
    ],
)
def test_draws_are_as_often_as_they_are_likely(sampling: Sampling, kept: list[int]) -> None:
    """Chi-square at one in ten thousand; the seed is fixed, so that it is passed or not for good."""
    count = 40_000
    token_R = draw(CHANCES.log().expand(count, -1), uniforms([7], count)[0], sampling).token_R
    expected = torch.zeros_like(CHANCES)
    expected[kept] = CHANCES[kept] ** (1 / sampling.temperature)
    expected = count * expected / expected.sum()
    result = torch.bincount(token_R, minlength=6)
    assert result[expected == 0].sum() == 0
    statistic = ((result - expected).square() / expected)[expected > 0].sum()
    critical = {1: 1e-9, 2: 15.14, 3: 18.42, 5: 23.51}[len(kept)]
    assert float(statistic) <= critical


@given(uniform=st.floats(0, 1, exclude_max=True), seed=st.integers(0, 99), top_p=st.floats(0.01, 1))
def test_no_draw_is_of_a_token_that_cannot_be(uniform: float, seed: int, top_p: float) -> None:
    logits = torch.randn(1, 50, generator=torch.Generator().manual_seed(seed)) * 5
    logits[0, 10:30] = -torch.inf
    logits[0, -1] = -torch.inf
    drawn = draw(logits, torch.tensor([uniform], dtype=torch.float64), Sampling(top_p=top_p))
    assert torch.isfinite(logits[0, drawn.token_R])
    assert torch.isfinite(drawn.logp_R).all()


def test_stop_strings_end_a_completion_and_stay_in_it(tiny_model: TinyModel) -> None:
    engine = HFEngine(tiny_model(), stop_tokens=[0], decode=lambda tokens: "".join(chr(97 + t) for t in tokens))
    free = engine.generate(PROMPTS, 8, Sampling(max_tokens=50), SEEDS)
    held = engine.generate(PROMPTS, 8, Sampling(max_tokens=50, stop=("e", "gh")), SEEDS)
    ends = []
    for one, other in zip(chain(*free), chain(*held), strict=True):
        text = "".join(chr(97 + t) for t in one.tokens)
        at = min([text.find(s) + len(s) for s in ("e", "gh") if s in text], default=len(text))
        assert other.tokens == one.tokens[:at]
        ends.append(other.finish)
    assert set(ends) == {"stop"} or "length" in ends


def test_what_cannot_be_generated_is_refused(tiny_model: TinyModel) -> None:
    engine = HFEngine(tiny_model(), stop_tokens=[0])
    with pytest.raises(ConfigError, match="context of 256"):
        engine.generate([(1,) * 250], 1, Sampling(max_tokens=10), [1])
    with pytest.raises(ConfigError, match="prompts of 0"):
        engine.generate([()], 1, Sampling(max_tokens=10), [1])
    with pytest.raises(ConfigError, match="decode="):
        engine.generate([(1,)], 1, Sampling(max_tokens=10, stop=("x",)), [1])
    with pytest.raises(ConfigError, match="top_p"):
        Sampling(top_p=0.0)


def test_a_replica_follows_the_policy_at_each_sync(tiny_model: TinyModel) -> None:
    model, replica = tiny_model(seed=1), tiny_model(seed=2)
    engine = HFEngine(model, stop_tokens=[0], replica=replica)
    sampling = Sampling(max_tokens=12, temperature=0)

    def tokens(engine: Engine) -> tuple[int, ...]:
        ((result,),) = engine.generate(PROMPTS[:1], 1, sampling, [1])
        assert isinstance(result, Completion)
        return result.tokens

    expected = tokens(HFEngine(model, stop_tokens=[0]))
    assert tokens(engine) != expected
    engine.sync(model)
    assert tokens(engine) == expected
    assert model.training == replica.training
    engine.close()
