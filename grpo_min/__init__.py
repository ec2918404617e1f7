"""The smallest honest GRPO loop: your model, your questions, your reward. torch is loaded with the first name.

    trainer = Trainer(TrainConfig(steps=100), model, tokenizer, samples, reward)
    for metrics in trainer.steps(): ...

The other names are the parts of a `TrainConfig`. docs/how-to/grpo_min.md has them all, and the stages built on this.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .config import (
        AdvantageConfig,
        AlarmConfig,
        CheckpointConfig,
        DataConfig,
        EngineConfig,
        MemoryConfig,
        ModelConfig,
        OptimizerConfig,
        RewardConfig,
        RolloutConfig,
        TrainConfig,
        ValidationConfig,
    )
    from .loop import Trainer
    from .loss import LossConfig

_HOME = {"LossConfig": ".loss", "Trainer": ".loop"}
"""Where those are that are not in `config`."""

__all__ = [
    "AdvantageConfig",
    "AlarmConfig",
    "CheckpointConfig",
    "DataConfig",
    "EngineConfig",
    "LossConfig",
    "MemoryConfig",
    "ModelConfig",
    "OptimizerConfig",
    "RewardConfig",
    "RolloutConfig",
    "TrainConfig",
    "Trainer",
    "ValidationConfig",
]


def __getattr__(name: str) -> Any:  # any: the type is that of the name asked for
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME.get(name, ".config"), __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
