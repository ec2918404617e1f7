"""What Prometheus may know of a server, in its text format, version 0.0.4.

Numbers and words of fixed lists only: never a prompt, a response, a reference, an id or a token.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Histogram:
    """Counts of observations at or below each bound.

    >>> histogram = Histogram((1, 2)); histogram.observe(1); histogram.observe(5)
    >>> histogram.lines("rows", {})
    ['rows_bucket{le="1"} 1', 'rows_bucket{le="2"} 1', 'rows_bucket{le="+Inf"} 2', 'rows_sum 6', 'rows_count 2']
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count one observation."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self, name: str, labels: Mapping[str, str]) -> list[str]:
        """Its samples as lines of text."""
        total = 0
        lines = []
        for bound, count in zip((*map(_number, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            lines.append(f"{name}_bucket{_labels({**labels, 'le': bound})} {total}")
        return [*lines, f"{name}_sum{_labels(labels)} {_number(self._sum)}", f"{name}_count{_labels(labels)} {total}"]


class Metrics:
    """Everything that a server counts. One thread, the event loop's, writes it."""

    def __init__(self, version: str, reward: str) -> None:
        self._info = {"version": version, "reward": reward}
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self.requests: Counter[tuple[str, int]] = Counter()
        """By path and status."""
        self.seconds: dict[str, Histogram] = {}
        """How long requests took, by path."""
        self.verdicts: Counter[tuple[str, str, str]] = Counter()
        """By verifier, status and reason."""
        self.unreadable: Counter[str] = Counter()
        """Rows that are no samples, by reason."""
        self.batches = Histogram(ROWS)
        """Rows handed to a worker at once."""
        self.judging = Histogram(SECONDS)
        """How long a worker took over them."""
        self.deaths: Mapping[str, int] = Counter()
        """Workers that ended over their rows: `crash` or `timeout`."""

    def gauge(self, name: str, about: str, value: Callable[[], float]) -> None:
        """Tell a value that is asked for when the metrics are."""
        self._gauges[name] = (about, value)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self.requests[path, status] += 1
        histogram = self.seconds.get(path)
        if histogram is None:
            histogram = self.seconds[path] = Histogram(SECONDS)
        histogram.observe(seconds)

    def text(self) -> str:
        """All of it, as Prometheus reads it."""
        lines = [*_head("info", "gauge", "What is served."), f"r1_reward_info{_labels(self._info)} 1"]
        lines += _head("requests_total", "counter", "Requests by path and status.")
        lines += [
            f"r1_reward_requests_total{_labels({'path': path, 'status': str(status)})} {count}"
            for (path, status), count in sorted(self.requests.items())
        ]
        lines += _head("request_seconds", "histogram", "Seconds from a request's head to its answer.")
        for path, histogram in sorted(self.seconds.items()):
            lines += histogram.lines("r1_reward_request_seconds", {"path": path})
        lines += _head("verdicts_total", "counter", "Verdicts by verifier, status and reason.")
        lines += [
            f"r1_reward_verdicts_total{_labels({'verifier': verifier, 'status': status, 'reason': reason})} {count}"
            for (verifier, status, reason), count in sorted(self.verdicts.items())
        ]
        lines += _head("unreadable_rows_total", "counter", "Rows that are no samples, by reason.")
        lines += [
            f"r1_reward_unreadable_rows_total{_labels({'reason': reason})} {count}"
            for reason, count in sorted(self.unreadable.items())
        ]
        lines += _head("batch_rows", "histogram", "Rows handed to a worker at once.")
        lines += self.batches.lines("r1_reward_batch_rows", {})
        lines += _head("batch_seconds", "histogram", "Seconds that a worker took over them.")
        lines += self.judging.lines("r1_reward_batch_seconds", {})
        lines += _head("worker_deaths_total", "counter", "Workers that ended, or were ended, while they judged.")
        lines += [
            f"r1_reward_worker_deaths_total{_labels({'cause': cause})} {self.deaths[cause]}"
            for cause in ("crash", "timeout")
        ]
        for name, (about, value) in self._gauges.items():
            lines += [*_head(name, "gauge", about), f"r1_reward_{name} {_number(value())}"]
        return "\n".join(lines) + "\n"


def _head(name: str, kind: str, about: str) -> list[str]:
    return [f"# HELP r1_reward_{name} {about}", f"# TYPE r1_reward_{name} {kind}"]


def _labels(labels: Mapping[str, str]) -> str:
    told = ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items())
    return f"{{{told}}}" if told else ""


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return f"{value:g}" if value != int(value) else str(int(value))
