"""What Prometheus may know of a server.

Numbers and words of fixed lists only: never a prompt, a response, a reference, an id or a token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache

from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)

__all__ = ["CONTENT_TYPE", "Metrics"]


class Metrics:
    """Everything that a server counts."""

    def __init__(self, version: str, reward: str, deaths: Mapping[str, int] | None = None) -> None:
        """`deaths` are workers that ended over their rows, by cause: `crash` or `timeout`."""
        self._registry = registry = CollectorRegistry()
        Info("r1_reward", "What is served.", registry=registry).info({"version": version, "reward": reward})
        requests = Counter("r1_reward_requests", "Requests by path and status.", ["path", "status"], registry=registry)
        seconds = Histogram(
            "r1_reward_request_seconds", "Seconds from a request's head to its answer.", ["path"],
            buckets=SECONDS, registry=registry,
        )  # fmt: skip
        verdicts = Counter(
            "r1_reward_verdicts", "Verdicts by verifier, status and reason.", ["verifier", "status", "reason"],
            registry=registry,
        )  # fmt: skip
        unreadable = Counter(
            "r1_reward_unreadable_rows", "Rows that are no samples, by reason.", ["reason"], registry=registry
        )
        # Labels are looked up for every row; the library's own look-up takes more time than counting.
        self._requests, self._seconds = cache(requests.labels), cache(seconds.labels)
        self.verdicts, self.unreadable = cache(verdicts.labels), cache(unreadable.labels)
        self.batches = Histogram(
            "r1_reward_batch_rows", "Rows handed to a worker at once.", buckets=ROWS, registry=registry
        )
        self.judging = Histogram(
            "r1_reward_batch_seconds", "Seconds that a worker took over them.", buckets=SECONDS, registry=registry
        )
        registry.register(_Deaths({} if deaths is None else deaths))

    def gauge(self, name: str, about: str, value: Callable[[], float]) -> None:
        """Report a value that is asked for when the metrics are."""
        Gauge(f"r1_reward_{name}", about, registry=self._registry).set_function(value)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._requests(path, str(status)).inc()
        self._seconds(path).observe(seconds)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)


class _Deaths(Collector):
    """The workers that ended, which the pool counts."""

    def __init__(self, deaths: Mapping[str, int]) -> None:
        self._deaths = deaths

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily(
            "r1_reward_worker_deaths", "Workers that ended, or were ended, while they judged.", labels=["cause"]
        )
        for cause in ("crash", "timeout"):
            family.add_metric([cause], self._deaths.get(cause, 0))
        yield family
