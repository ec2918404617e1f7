"""McNemar's test of two verdicts on the same responses.

It asks of those that changed whether as many went one way as the other. Responses are taken as independent of one
another; of several to one problem that is not so, and then p is too small.
"""

from __future__ import annotations

import math

EXACT = 10_000
"""Changed pairs up to which the binomial sum is exact; above, chi-square with Edwards' correction."""


def mcnemar(lost: int, won: int) -> float:
    """Two-sided p for `lost` pairs that went from right to wrong and `won` that went the other way.

    Exact: min(1, 2 P(X <= min(lost, won))) with X binomial of lost + won trials at 1/2; 1 where nothing changed.
    Raises ValueError for a negative count.

    >>> mcnemar(0, 5), mcnemar(3, 3)
    (0.0625, 1.0)
    """
    if lost < 0 or won < 0:
        raise ValueError(f"counts cannot be negative: {lost}, {won}")
    n, few = lost + won, min(lost, won)
    if n == 0:
        return 1.0
    if n <= EXACT:
        term = total = 1
        for i in range(1, few + 1):
            term = term * (n - i + 1) // i
            total += term
        # Whole numbers divided once, so that nothing is lost to rounding.
        return min(1.0, _ratio(2 * total, n))
    statistic = max(0.0, abs(lost - won) - 1) ** 2 / n
    return math.erfc(math.sqrt(statistic / 2))


def _ratio(numerator: int, power: int) -> float:
    """numerator / 2**power, also where neither fits a float."""
    shift = max(0, numerator.bit_length() - 64)
    return math.ldexp(float(numerator >> shift), shift - power)
