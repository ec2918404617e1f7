"""How many rows to hand over at once: as many as take about as long as one wants to wait for them."""

from __future__ import annotations


class AdaptiveBatchSize:
    """Learns from what was handed over how long a row takes, and at most doubles from one time to the next.

    >>> size = AdaptiveBatchSize(seconds=0.25, most=512)
    >>> size.rows
    16
    >>> size.update(16, 0.01); size.rows
    32
    >>> size.update(1, 60.0); size.rows
    1
    """

    def __init__(self, seconds: float, most: int, least: int = 1) -> None:
        """`seconds` is what one hand-over should take, `most` bounds its rows; `least` are handed over however long
        they take."""
        self._seconds = seconds
        self._least, self._most = least, max(least, most)
        self.rows = max(least, min(16, most))
        """Rows to hand over next."""

    def update(self, rows: int, seconds: float) -> None:
        """Learn from rows that are done."""
        rows_in_time = int(rows * self._seconds / max(seconds, 1e-6))
        self.rows = max(self._least, min(self._most, rows_in_time, 2 * self.rows))
