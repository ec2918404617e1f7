"""The engine that a recipe names, where it is not the training model itself."""

from __future__ import annotations

from collections.abc import Sequence

from ..training.distributed import Processes
from ..verifiers.errors import ConfigError
from .config import TrainConfig
from .engine import Engine


def make_engine(config: TrainConfig, stop_tokens: Sequence[int], processes: Processes) -> Engine | None:
    """What `[engine]` describes; None for the training model itself.

    Raises ConfigError for what is not installed, not there, or does not go with the rollouts asked for.
    """
    chosen = config.engine
    if chosen.kind == "hf":
        return None
    if config.rollout.top_p < 1 or config.rollout.top_k:
        raise ConfigError(f"engine.kind = {chosen.kind!r} needs rollout.top_p = 1 and rollout.top_k = 0")
    if chosen.kind == "server":
        from .server_engine import ServerEngine

        return ServerEngine(
            chosen.url, model=chosen.model, stop_tokens=stop_tokens, folder=chosen.weights, timeout=chosen.timeout,
            processes=processes,
        )  # fmt: skip
    from .vllm_engine import vllm_engine

    dtype = "bfloat16" if config.model.bf16 else "float32"
    return vllm_engine(config.model.path, stop_tokens, **{"dtype": dtype, "seed": config.seed, **chosen.options})
