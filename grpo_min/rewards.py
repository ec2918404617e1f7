"""The reward that a recipe names: a preset, or verifiers as `score --reward` takes them."""

from __future__ import annotations

from dataclasses import replace

from ..verifiers import Reward, Term
from ..verifiers.registry import make
from ..verifiers.reward import Auto
from ..verifiers.spec import RewardSpec
from .config import RewardConfig


def build_reward(config: RewardConfig) -> Reward:
    """What `[reward]` describes; ConfigError or UnknownRewardError, naming what is wrong.

    >>> build_reward(RewardConfig(verifiers=("math", "format"))).name
    'math+format'
    """
    spec = RewardSpec(
        rewards=config.verifiers, preset=None if config.verifiers else config.preset, options=config.options
    )
    made = spec.build()
    if isinstance(made, Auto):
        kinds: dict[str, set[str]] = {}
        for kind, verifier in made.verifiers.items():
            kinds.setdefault(verifier.name, set()).add(kind)
        verifiers = {verifier.name: verifier for verifier in made.verifiers.values()}
        terms = [Term(verifier=verifiers[name], kinds=frozenset(of)) for name, of in kinds.items()]
        return Reward(name=made.name, terms=terms)
    assert isinstance(made, Reward)
    return made


def watch_language(reward: Reward, config: RewardConfig) -> Reward:
    """The reward, which also measures the language, at no weight, where it has no term for it."""
    if any(term.name == "language" for term in reward.terms):
        return reward
    language = make("language", config.options.get("language"))
    return replace(reward, terms=[*reward.terms, Term(verifier=language, weight=0.0)])
