"""Data checked before a run spends on it: golds that do not verify, duplicates, leaked answers, what it looks like.

>>> from r1_reward.inspection.check import check
>>> check(["train.jsonl"]).failures  # doctest: +SKIP
0
"""

from .data import Checked, Finding, check

__all__ = ["Checked", "Finding", "check"]
