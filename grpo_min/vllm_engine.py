"""vLLM behind the engine protocol. Optional, and not run by this project's tests, which give it a stand-in for vLLM.

Its log-probabilities come from other kernels than the training forward's, so it is not `exact`: the loop computes the
old ones itself and weighs each token by the truncated ratio of the two (`loss.engine_ratio_cap`). It needs vLLM with
`logprobs_mode="processed_logprobs"`, so that they are told at the sampling temperature, and top-p = 1, top-k = 0, since
vLLM would tell them over the tokens left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import PreTrainedModel

from ..verifiers.errors import ConfigError
from .engine import Completion, Tokens, weights_of
from .sampling import Sampling, seed_of


class VllmEngine:
    """Generates with a `vllm.LLM` in this process."""

    exact = False

    def __init__(self, llm: Any, sampling_params: Any) -> None:  # any: vLLM is optional
        """`llm` is a `vllm.LLM`, `sampling_params` the class `vllm.SamplingParams`."""
        self._llm: Any = llm
        self._params = sampling_params

    def generate(
        self, prompts: Sequence[Tokens], n: int, sampling: Sampling, seeds: Sequence[int]
    ) -> list[list[Completion]]:
        """See Engine. Each sample is a request of its own, so that it has a seed of its own."""
        if sampling.top_p < 1 or sampling.top_k:
            raise ConfigError("vLLM's log-probabilities are only right for training with top_p = 1 and top_k = 0")
        requests = [{"prompt_token_ids": list(prompt)} for prompt in prompts for _ in range(n)]
        params = [
            self._params(
                max_tokens=sampling.max_tokens,
                temperature=sampling.temperature,
                stop=list(sampling.stop) or None,
                include_stop_str_in_output=True,
                seed=seed_of(seed, sample) % 2**31,
                logprobs=0,
                skip_special_tokens=False,
            )
            for seed in seeds
            for sample in range(n)
        ]
        outputs = [request.outputs[0] for request in self._llm.generate(requests, params, use_tqdm=False)]
        found = [_completion(output) for output in outputs]
        return [found[start : start + n] for start in range(0, len(found), n)]

    def sync(self, model: PreTrainedModel) -> None:
        """Hand the weights over, each whole and with its adapters merged."""
        inner = self._llm.llm_engine.model_executor.driver_worker.model_runner.model
        with torch.no_grad():
            inner.load_weights(weights_of(model))
        self._llm.reset_prefix_cache()

    def close(self) -> None:
        """Let go of the engine; may be called twice."""
        self._llm = None


def _completion(output: Any) -> Completion:  # any: vLLM's CompletionOutput
    logprobs = tuple(float(told[token].logprob) for token, told in zip(output.token_ids, output.logprobs, strict=True))
    finish = "stop" if output.finish_reason == "stop" else "length"
    return Completion(tokens=tuple(output.token_ids), logprobs=logprobs, finish=finish)  # type: ignore[arg-type]  # of two
