"""Files of samples: read, fan out over processes, resume, summarise.

>>> from r1_reward.scoring import ScoreOptions, score
>>> options = ScoreOptions(files=("rollouts.jsonl",), output="scored.jsonl", rewards=("math", "format"))
>>> summary = score(options)  # doctest: +SKIP
"""

from ..verifiers.spec import RewardSpec
from .memory import Scored
from .options import ScoreOptions
from .run import Interrupted, score
from .summary import Summary

__all__ = ["Interrupted", "RewardSpec", "ScoreOptions", "Scored", "Summary", "score"]
