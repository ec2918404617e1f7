"""A server elsewhere behind the engine protocol: OpenAI's completions, with vLLM's token ids and log-probabilities.

Started as

    VLLM_SERVER_DEV_MODE=1 vllm serve MODEL --logprobs-mode processed_logprobs \\
        --worker-extension-cls r1_reward.grpo_min.vllm_worker.WeightLoader

the first of which opens `/collective_rpc` (to whoever reaches the port: keep it on a network of its own), the second
makes log-probabilities those of the sampling temperature, the third takes weights, from a file in a folder that both
see. A server that is gone is waited for, and gets its weights again.

What it does not promise: the same samples for the same seeds after another load of the server, as batches differ.
"""

from __future__ import annotations

import logging
import math
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from transformers import PreTrainedModel

from ..training.distributed import Processes
from ..verifiers.errors import ConfigError, RunError, missing_extra
from .engine import Completion, Tokens, checked, save_weights
from .sampling import Sampling, seed_of

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_REQUESTS = 64
"""Requests under way at once; the server makes its own batches of them."""


class ServerEngine:
    """Generates with a server; see above."""

    exact = False

    def __init__(
        self,
        url: str,
        *,
        model: str = "",
        stop_tokens: Sequence[int] = (),
        folder: str | Path = "",
        timeout: float = 600.0,
        processes: Processes | None = None,
    ) -> None:
        """`model` is its name there, the only one it has where left out. `folder` is for weights, `timeout` for a
        request and for a server that is gone, in seconds. Raises ConfigError where the server does not answer."""
        try:
            import httpx
        except ImportError as error:
            raise ConfigError(missing_extra("engine.kind = 'server'", "httpx", "client")) from error
        self._failures: tuple[type[Exception], ...] = (httpx.TransportError, httpx.HTTPStatusError)
        limits = httpx.Limits(max_connections=_REQUESTS)
        self._client = httpx.Client(base_url=url.rstrip("/"), timeout=timeout, limits=limits, trust_env=False)
        self._there, self._lock = threading.Event(), threading.Lock()
        self._there.set()
        self._version = ""  # of the weights that were handed over
        self._timeout, self._ends, self._processes = timeout, list(stop_tokens), processes or Processes()
        self._scratch = None if folder else tempfile.TemporaryDirectory(prefix="weights-")
        self._folder = Path(folder or self._scratch.name)  # type: ignore[union-attr]  # one of the two
        served: list[str] = []
        try:
            served = [each["id"] for each in self._client.get("/v1/models").raise_for_status().json()["data"]]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            self.close()
            raise ConfigError(f"engine.url {url!r} does not answer as an OpenAI-compatible server: {error}") from error
        if model not in served if model else len(served) != 1:
            self.close()
            raise ConfigError(f"the server at {url!r} has the models {', '.join(served)}; engine.model is {model!r}")
        self._model = model or served[0]

    def generate(
        self, prompts: Sequence[Tokens], n: int, sampling: Sampling, seeds: Sequence[int]
    ) -> list[list[Completion]]:
        """See Engine; raises RunError where the server refuses, or stays away."""
        checked(sampling)
        self._alive(self._check)
        asked = [(prompt, seed_of(seed, sample)) for prompt, seed in zip(prompts, seeds, strict=True)
                 for sample in range(n)]  # fmt: skip
        with ThreadPoolExecutor(_REQUESTS, thread_name_prefix="engine") as pool:
            completions = list(pool.map(lambda each: self._complete(each[0], each[1], sampling), asked))
        return [completions[start : start + n] for start in range(0, len(completions), n)]

    def sync(self, model: PreTrainedModel) -> None:
        """Hand the weights over, each whole and with its adapters merged; the first process does it for all."""
        save_weights(model, self._folder, write=self._processes.rank == 0)
        self._version = str(self._processes.all_gather_object(uuid.uuid4().hex)[0])
        if self._processes.rank == 0:
            self._alive(self._load)
        self._processes.all_gather_object(None)

    def close(self) -> None:
        """Let go of the connections; may be called twice."""
        self._client.close()
        if self._scratch:
            self._scratch.cleanup()

    def _complete(self, prompt: Tokens, seed: int, sampling: Sampling) -> Completion:
        body = {
            "model": self._model, "prompt": list(prompt), "max_tokens": sampling.max_tokens, "seed": seed % 2**31,
            "temperature": sampling.temperature, "logprobs": 1, "return_token_ids": True, "skip_special_tokens": False,
            "stop": list(sampling.stop) or None, "stop_token_ids": self._ends or None,
            "include_stop_str_in_output": True,
        }  # fmt: skip
        answer = self._alive(lambda: self._post("/v1/completions", body))
        try:
            (choice,) = answer["choices"]
            tokens, logprobs = choice["token_ids"], choice["logprobs"]["token_logprobs"]
            finish = "stop" if choice["finish_reason"] == "stop" else "length"
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(
                f"the server gives no token ids with their log-probabilities ({error!r}), which training needs; "
                "vLLM does, with return_token_ids"
            ) from error
        if len(tokens) != len(logprobs) or not all(isinstance(p, float | int) and math.isfinite(p) for p in logprobs):
            raise RunError(f"the server gave {len(tokens)} tokens and the log-probabilities {logprobs[:9]}")
        return Completion(tokens=tuple(tokens), logprobs=tuple(map(float, logprobs)), finish=finish)  # type: ignore[arg-type]  # of two

    def _load(self) -> None:
        arguments = [str(self._folder.resolve()), self._version]
        self._post("/collective_rpc", {"method": "load_handed_over", "args": arguments})
        self._post("/reset_prefix_cache", {})

    def _check(self) -> None:
        """Give the weights again to a server that was started anew meanwhile, and so has its own."""
        if self._version:
            answer = self._post("/collective_rpc", {"method": "handed_over_version"})
            if set(answer["results"]) != {self._version}:
                _log.warning("the server was started anew, and gets the weights again")
                self._load()

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:  # any: JSON values
        response = self._client.post(path, json=body)
        if response.status_code == 404:
            raise RunError(f"the server has no {path}: start vLLM with VLLM_SERVER_DEV_MODE=1")
        if response.status_code in (502, 503, 504):
            response.raise_for_status()
        if response.is_error:
            raise RunError(f"the server refused {path}: {response.status_code} {response.text[:300]}")
        return response.json() if response.content else None

    def _alive(self, ask: Callable[[], _T]) -> _T:
        """What the server answers; one that is gone is waited for, and gets its weights again."""
        while True:
            self._there.wait()
            try:
                return ask()
            except self._failures as error:
                self._there.clear()
                with self._lock:
                    if not self._there.is_set():
                        _log.warning("the server is away: %s", error)
                        try:
                            self._wait(error)
                        finally:
                            self._there.set()  # so that others ask, and find out for themselves

    def _wait(self, why: Exception) -> None:
        """Until the server answers again, and has the weights that it was given."""
        deadline, pause = time.monotonic() + self._timeout, 0.2
        while time.monotonic() < deadline:
            time.sleep(pause)
            pause = min(2 * pause, 10.0)
            with suppress(*self._failures, RunError):
                if self._client.get("/v1/models").is_success:
                    if self._version:
                        self._load()
                    return
        raise RunError(f"the server has been away for {self._timeout:g} s: {why}") from why
