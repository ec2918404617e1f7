"""Whether a model's code keeps to what the loop takes for granted: tried on a few real rows before a run begins.

Two things are compared with the plain forward of whole rows: the policy's log-probabilities (shared prompts, packed
tokens, fused head), and those that HFEngine decodes with. Models whose attention takes its places from elsewhere than
`position_ids`, as ALiBi does, are off by some hundredths there; other models' caches or masks have another form.

What it does not prove: that the plain forward is right, that gradients are equal, or that long rows are (positions
that change with the length of a row, as some scaled rotary ones do).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, islice

import torch
from transformers import PreTrainedModel

from ..verifiers.errors import ConfigError
from .engine import Engine, HFEngine
from .logprobs import Policy, context_of, make_batch, plain_logprobs
from .sampling import Sampling

Tokens = tuple[int, ...]

EXACT, ROUNDED = 1e-3, 2e-2
"""Largest difference of a log-probability in float32, and the mean one in half of that precision."""
_PROMPT, _COMPLETION = 48, 12
"""Tokens that are tried, at most."""


def check_equal(model: PreTrainedModel, prompts: Sequence[Tokens], engine: Engine, *, share_prompts: bool) -> None:
    """Raise ConfigError where a model's log-probabilities are not those of its plain forward; it is left as it was."""
    policy = Policy(model, share_prompts=share_prompts)
    rows, completions = _rows(prompts, context_of(model))
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            batch = make_batch(rows, completions, [0, 0, 1, 1], next(model.parameters()).device)
            plain_N = plain_logprobs(model, batch).logp_N
            _compare(model, policy(batch).logp_N, plain_N, "shared prompts", share_prompts)
            alike = make_batch(rows, completions, [0, 0, 1, 1], next(model.parameters()).device, fewest=1)
            if share_prompts and alike.prefix:
                _compare(model, policy(alike).logp_N, plain_N, "a shared prefix", share_prompts)
            if isinstance(engine, HFEngine) and engine.exact:
                check_engine(model, rows, engine)
    except ConfigError:
        raise
    except (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{type(model).__name__} cannot be run with a cache, a mask and positions of our own: "
            f"{type(error).__name__}: {str(error)[:200]}"
        ) from error
    finally:
        model.train(training)


def check_engine(model: PreTrainedModel, prompts: Sequence[Tokens], engine: HFEngine) -> None:
    """Raise ConfigError where the engine's log-probabilities are not those of the model's plain forward."""
    engine.sync(model)
    sampling = Sampling(max_tokens=_tokens(prompts, context_of(model)), temperature=1.0)
    drawn = [one for group in engine.generate(prompts, 2, sampling, [1, 2]) for one in group]
    batch = make_batch(prompts, [one.tokens for one in drawn], [0, 0, 1, 1], next(model.parameters()).device)
    sampled_N = torch.tensor([logp for one in drawn for logp in one.logprobs], dtype=torch.float64)
    _compare(model, sampled_N, plain_logprobs(model, batch).logp_N, "decoding", share_prompts=False)


def _rows(prompts: Sequence[Tokens], context: int) -> tuple[list[Tokens], list[Tokens]]:
    """Two prompts, of another length if any has more than one token, and two completions of each, all cut out of the
    prompts given."""
    room = max(1, min(_PROMPT, context - _COMPLETION))
    longest = max(prompts, key=len)[:room]
    other = next((prompt for prompt in prompts if prompt[:room] != longest), longest)[:room]
    other = other if len(other) < len(longest) else other[: max(1, len(longest) // 2)]
    said = tuple(islice(cycle(longest[::-1]), _tokens([longest], context)))
    return [longest, other], [said, said[: len(said) // 2], said[1:], said]


def _tokens(prompts: Sequence[Tokens], context: int) -> int:
    return max(1, min(_COMPLETION, context - max(map(len, prompts))))


def _compare(
    model: PreTrainedModel, compared_N: torch.Tensor, plain_N: torch.Tensor, what: str, share_prompts: bool
) -> None:
    apart_N = (compared_N.double().cpu() - plain_N.double().cpu()).abs()
    exact = next(model.parameters()).dtype in (torch.float32, torch.float64)
    apart, most = float(apart_N.max() if exact else apart_N.mean()), EXACT if exact else ROUNDED
    if apart <= most:
        return
    hint = "; memory.share_prompts = false may do" if share_prompts else ""
    raise ConfigError(
        f"{type(model).__name__} does not give the same log-probabilities with {what} as in its plain forward: "
        f"they are {apart:.2g} apart, {most:g} is rounding; its attention or positions are of a kind that this loop "
        f"does not run{hint}"
    )
