"""Rewards by import path, for trainers that take one in place of a file of your own.

    trl grpo --reward_funcs r1_reward.adapters.trl.math_format

Every adapter has ready names: a preset (`r1_zero`, `rl1`), `auto`, or verifiers joined by underscores (`math`,
`code_format`, `math_format_language`); and `configured`, which is what the TOML file in the environment variable
R1_REWARD_CONFIG says. Its keys are those of `r1-reward score --config` that name a reward (`reward`, `preset`, `set`,
`map`) and the adapters' options; without `reward` and `preset` they hold for the other ready names, too:

    reward = "math,format:0.1"
    on_error = "zero"
    set.math.extraction = "lenient"

A ready name is one object in a process, and so can be pickled by its name.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, Protocol, Unpack, cast

from ..verifiers.errors import ConfigError
from ..verifiers.registry import names
from ..verifiers.reward import PRESET_MODELS, PRESETS
from ..verifiers.settings import read_table
from .plan import Settings

VARIABLE = "R1_REWARD_CONFIG"
"""The environment variable that names a TOML file with options."""
CONFIGURED = "configured"
"""The ready name of what that file says."""
_RENAMED = {"set": "options", "map": "columns", "rewards": "reward"}
"""Keys of `r1-reward score --config` as the adapters call them."""


class Maker(Protocol):
    """An adapter's function that makes rewards, such as `trl.reward`."""

    def __call__(self, *rewards: str, **settings: Unpack[Settings]) -> Any:  # any: what the trainer takes
        """Make one, by names and options."""
        ...


_made: dict[tuple[str, str], Any] = {}  # any: what trainers take
_lock = threading.RLock()


def find(module: str, name: str, make: Maker) -> Any:  # any: what the trainer takes
    """What an adapter has under a ready name; for its `__getattr__`.

    Raises AttributeError for a name that is none, and ConfigError for options that cannot be carried out.
    """
    with _lock:
        made = _made.get((module, name))
        if made is None:
            rewards, settings = read_name(module, name)
            made = _made[module, name] = make(*rewards, **settings)
            if isinstance(made, type | FunctionType):
                made.__qualname__ = name  # by which it is pickled
        return made


def keep(module: str, name: str, made: Any, same: Callable[[Any], bool]) -> Any:  # any: what the trainer takes
    """Let something that was made be found by its name, so that it can be pickled; an equal one takes its place."""
    with _lock:
        kept = _made.get((module, name))
        if kept is not None and same(kept):
            return kept
        _made[module, name] = made
        return made


def read_name(module: str, name: str) -> tuple[tuple[str, ...], Settings]:
    """The rewards and options that a ready name stands for.

    >>> read_name("r1_reward.adapters.trl", "math_format")
    (('math', 'format'), {})
    """
    if name.startswith("_"):  # Python's own, such as __path__
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    settings_read = _file()
    reward, preset = settings_read.pop("reward", None), settings_read.pop("preset", None)
    if name == CONFIGURED:
        listed = [reward] if isinstance(reward, str) else list(reward or ())
        settings = {**settings_read, "preset": preset} if preset is not None else settings_read
        return tuple(map(str, listed)), cast(Settings, settings)
    if name in PRESETS and name not in PRESET_MODELS:
        return (), cast(Settings, {**settings_read, "preset": name})
    parts = tuple(name.split("_"))
    if not set(parts) <= {"auto", *names()} or ("auto" in parts and len(parts) > 1):
        known = ", ".join(["auto", *names()])
        raise AttributeError(
            f"module {module!r} has no attribute {name!r}; a ready reward is named by verifiers joined by underscores "
            f"({known}), by a preset, or {CONFIGURED}"
        )
    return parts, cast(Settings, settings_read)


def _file() -> dict[str, Any]:  # any: TOML values
    path = os.environ.get(VARIABLE)
    if not path:
        return {}
    try:
        table: Mapping[str, Any] = read_table(path)
    except ConfigError as error:
        raise ConfigError(f"{VARIABLE}: {error}") from None
    return {_RENAMED.get(key, key): value for key, value in table.items()}
