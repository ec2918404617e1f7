"""Models, steps or verifiers compared on the same problems, paired by problem.

>>> from r1_reward.inspection.compare import Comparison, System
>>> base, tuned = System("base"), System("tuned")
>>> for problem, right in ((b"a", 0.0), (b"b", 1.0), (b"c", 0.0)): base.add(problem, "", right)
>>> for problem, right in ((b"a", 1.0), (b"b", 1.0), (b"c", 0.0)): tuned.add(problem, "", right)
>>> Comparison([base, tuned]).pair(0, 1).mean
0.3333333333333333
"""

from .paired import Comparison, System, SystemPair
from .systems import read_systems

__all__ = ["Comparison", "System", "SystemPair", "read_systems"]
