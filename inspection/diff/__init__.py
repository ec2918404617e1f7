"""Two scorings of the same responses compared: what flipped, how often, and whether that is more than chance.

>>> from r1_reward.inspection.diff import compare
>>> compare("before.jsonl", "after.jsonl").flips  # doctest: +SKIP
3
"""

from .compare import Difference, compare
from .mcnemar import mcnemar

__all__ = ["Difference", "compare", "mcnemar"]
