"""One page about scored rows or a training run: a single HTML file that opens from disk and asks for no network.

>>> from r1_reward.inspection.report import ReportOptions, write_report
>>> write_report(ReportOptions(sources=("scored.jsonl",), output="report.html"))  # doctest: +SKIP
"""

from .options import ReportOptions
from .write import Written, write_report

__all__ = ["ReportOptions", "Written", "write_report"]
