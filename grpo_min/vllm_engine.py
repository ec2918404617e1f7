"""vLLM behind the engine protocol, in this process or in the one that it starts for itself.

Its log-probabilities come from other kernels than the training forward's, so it is not `exact`: the loop computes the
old ones itself and weighs each token by the ratio of the two (`loss.engine_correction`). Weights are handed over as a
file of safetensors, through vLLM's public `collective_rpc` and `worker_extension_cls` (`vllm_worker.py`), which work in
both of its modes (`VLLM_ENABLE_V1_MULTIPROCESSING`); then the prefix cache is dropped. An engine process that died is
started again.

What it needs: `logprobs_mode="processed_logprobs"`, so that they are of the sampling temperature (`vllm_engine` asks
for it); top-p = 1 and top-k = 0, since vLLM would give them over the tokens left. What it does not do: adapters
unmerged, weights from GPU to GPU (vLLM's NCCL and IPC transfer), sleep while the learner works.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from ..verifiers.errors import ConfigError, RunError
from .engine import Completion, Tokens, checked, save_weights
from .sampling import Sampling, seed_of

_log = logging.getLogger(__name__)

EXTENSION = "r1_reward.grpo_min.vllm_worker.WeightLoader"
"""What vLLM's workers need for taking weights."""


class VllmEngine:
    """Generates with a `vllm.LLM`."""

    exact = False

    def __init__(
        self,
        make: Callable[[], Any],  # any: vLLM is optional
        sampling_params: Any,  # any: as above
        *,
        stop_tokens: Sequence[int] = (),
        folder: str | Path | None = None,
        restarts: int = 3,
    ) -> None:
        """`make` gives a `vllm.LLM`, `sampling_params` is the class `vllm.SamplingParams`. Weights go through `folder`,
        which is made in memory where it is left out; an engine that died is made again up to `restarts` times."""
        self._make, self._params, self._ends, self._restarts = make, sampling_params, list(stop_tokens), restarts
        self._scratch = None if folder else tempfile.TemporaryDirectory(prefix="weights-", dir=memory_folder())
        self._folder = Path(folder or self._scratch.name)  # type: ignore[union-attr]  # one of the two
        self._llm: Any = make()

    def generate(
        self, prompts: Sequence[Tokens], n: int, sampling: Sampling, seeds: Sequence[int]
    ) -> list[list[Completion]]:
        """See Engine. Each sample is a request of its own, so that it has a seed of its own."""
        checked(sampling)
        requests = [{"prompt_token_ids": list(prompt)} for prompt in prompts for _ in range(n)]
        params = [
            self._params(
                max_tokens=sampling.max_tokens,
                temperature=sampling.temperature,
                stop=list(sampling.stop) or None,
                stop_token_ids=self._ends or None,
                include_stop_str_in_output=True,
                seed=seed_of(seed, sample) % 2**31,
                logprobs=0,
                skip_special_tokens=False,
            )
            for seed in seeds
            for sample in range(n)
        ]
        outputs = self._alive(lambda llm: llm.generate(requests, params, use_tqdm=False))
        completions = [_completion(request.outputs[0]) for request in outputs]
        return [completions[start : start + n] for start in range(0, len(completions), n)]

    def sync(self, model: PreTrainedModel) -> None:
        """Hand the weights over, each whole and with its adapters merged."""
        save_weights(model, self._folder)
        self._alive(self._load)

    def close(self) -> None:
        """Let go of the engine; may be called twice."""
        self._llm = None
        if self._scratch:
            self._scratch.cleanup()

    def _load(self, llm: Any) -> None:  # any: as above
        llm.collective_rpc("load_handed_over", args=(str(self._folder),))
        llm.reset_prefix_cache()

    def _alive(self, ask: Callable[[Any], Any]) -> Any:  # any: as above, and what it answers
        """What the engine answers; one that died meanwhile is made again, with the weights it had."""
        while True:
            try:
                return ask(self._llm)
            except Exception as error:
                if type(error).__name__ != "EngineDeadError":  # vLLM's own, which only it can import
                    raise
                if not self._restarts:
                    raise RunError(f"vLLM's engine died too often; the last time: {error}") from error
                _log.warning("vLLM's engine died and is started again: %s", error)
                self._restarts -= 1
                self._llm = None
                self._llm = self._make()
                if any(self._folder.glob("*.safetensors")):
                    self._load(self._llm)


def memory_folder() -> str | None:
    """Where files are in memory; None where there is no such place."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a name of its own is made in it


def vllm_engine(path: str, stop_tokens: Sequence[int], **options: Any) -> VllmEngine:  # any: keywords of vllm.LLM
    """An engine on the model at `path`; ConfigError where vLLM is not installed or does not take it."""
    try:
        vllm: Any = import_module("vllm")  # any: it has an environment of its own
        LLM, SamplingParams = vllm.LLM, vllm.SamplingParams
    except ImportError as error:
        raise ConfigError(f"engine.kind 'vllm' needs vLLM ({error}); see docs/how-to/grpo_min.md") from error
    options = {"logprobs_mode": "processed_logprobs", "worker_extension_cls": EXTENSION, **options}
    try:
        return VllmEngine(lambda: LLM(path, **options), SamplingParams, stop_tokens=stop_tokens)
    except (TypeError, ValueError, RuntimeError, NotImplementedError) as error:
        raise ConfigError(f"vLLM cannot run {path!r} with engine.options {options}: {error}") from error


def _completion(output: Any) -> Completion:  # any: vLLM's CompletionOutput
    logprobs = tuple(
        float(candidates[token].logprob) for token, candidates in zip(output.token_ids, output.logprobs, strict=True)
    )
    finish = "stop" if output.finish_reason == "stop" else "length"
    return Completion(tokens=tuple(output.token_ids), logprobs=logprobs, finish=finish)  # type: ignore[arg-type]  # of two
