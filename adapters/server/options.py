"""What `r1-reward serve` is asked to do, from flags or from a TOML file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ...rows.reader import RowReader
from ...sandbox.limits import processors
from ...verifiers.errors import ConfigError
from ...verifiers.settings import check_option
from ...verifiers.spec import RewardSpec
from .clients import TokenClient, read_clients


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """The options of `r1-reward serve`.

    >>> ServeOptions(rewards=("math", "format")).host
    '127.0.0.1'
    """

    rewards: Sequence[str] = ("auto",)
    """Names of verifiers to sum, each with its weight and schedule: `format:0.1`, `helpful:0.5@1300+100`."""
    preset: str | None = None
    """A preset, in place of `rewards`."""
    set: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Options of verifiers by name."""
    begins: Mapping[str, int] = field(default_factory=dict)
    """The training step from which a term counts, by its name."""
    step: int | None = None
    """The training step whose reward is meant: what begins later does not count. None: everything counts in full."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Which field of a row holds which field of a Sample."""
    on_error: Literal["refuse", "zero"] = "refuse"
    """What a row without a number is answered with where the form has room for a number only: a refusal, or 0.0."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 8000
    """Port to listen on; 0 takes a free one, which is printed on standard error."""
    token_file: str | None = None
    """File of the token that every request must carry, or of lines `NAME TOKEN [MOST]`, one a client."""
    token_env: str | None = None
    """Environment variable in place of a file."""
    workers: int = field(default_factory=processors)
    """Processes that judge."""
    row_timeout: float = 40.0
    """Seconds after which a row's judging is given up and its worker killed."""
    deadline: float = 100.0
    """Seconds after which a request is answered 503; clients wait 120 s (slime) or 180 s (OpenRLHF)."""
    max_body_mb: float = 8.0
    """Largest body, MiB."""
    max_rows: int = 1024
    """Most rows in one request."""
    max_queue: int = 10_000
    """Most rows waiting or being judged; beyond them requests are answered 429."""
    max_memory_mb: float = 512.0
    """Most bytes of bodies held at once, MiB; beyond them requests are answered 429."""
    max_connections: int = 16_000
    """Most connections; beyond them the one that has been silent longest is closed."""
    max_per_client: int | None = None
    """Most requests that a named client may have under way; then 429. Its own line in the token file counts first."""
    tls_cert: str | None = None
    """Certificate chain (PEM), for HTTPS."""
    tls_key: str | None = None
    """Its private key."""
    log_level: Literal["error", "warning", "info"] = "warning"
    """What is logged, one JSON object a line on standard error: `info` has a line for each request."""
    traces: str | None = None
    """Address of an OpenTelemetry collector that gets a span for each request (OTLP over HTTP)."""
    read_timeout: float = 20.0
    """Seconds that a client may take to send a request's head, and again for its body."""

    def __post_init__(self) -> None:
        for name, value, most in (
            ("row_timeout", self.row_timeout, 1e6),
            ("deadline", self.deadline, 1e6),
            ("max_body_mb", self.max_body_mb, 2**20),
            ("max_memory_mb", self.max_memory_mb, 2**20),
            ("read_timeout", self.read_timeout, 1e6),
        ):
            if not 0 < value <= most:
                raise ConfigError(f"{name} is {value}; it must be more than 0 and at most {most:g}")
        for name, count in (
            ("workers", self.workers),
            ("max_rows", self.max_rows),
            ("max_queue", self.max_queue),
            ("max_connections", self.max_connections),
        ):
            if count < 1:
                raise ConfigError(f"{name} is {count}; it must be at least 1")
        check_option("on_error", self.on_error, ("refuse", "zero"))
        check_option("log_level", self.log_level, ("error", "warning", "info"))
        if not 0 <= self.port <= 65_535:
            raise ConfigError(f"port is {self.port}; it must be from 0 to 65535")
        if self.deadline < 2 * self.row_timeout:
            raise ConfigError(
                f"deadline is {self.deadline:g} s and row_timeout {self.row_timeout:g} s; a row may be tried twice, so "
                "the deadline must be at least twice the row_timeout"
            )
        if self.token_file is not None and self.token_env is not None:
            raise ConfigError("token_file and token_env both name the token; give one of them")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ConfigError("HTTPS needs both tls_cert and tls_key")
        if self.max_per_client is not None and self.max_per_client < 1:
            raise ConfigError(f"max_per_client is {self.max_per_client}; it must be at least 1")
        _ = self.reader  # which raises ConfigError for a field that there is not

    @property
    def reader(self) -> RowReader:
        """How rows become samples. Raises ConfigError."""
        return RowReader(columns=dict(self.names))

    @property
    def spec(self) -> RewardSpec:
        """The reward that they ask for."""
        return RewardSpec(
            rewards=tuple(self.rewards), preset=self.preset, options=self.set, begins=self.begins, step=self.step
        )

    def read_clients(self) -> list[TokenClient]:
        """Who may ask; empty where everybody may. Raises ConfigError where a token cannot be read or is unfit."""
        if self.token_file is not None:
            try:
                text = Path(self.token_file).read_text(encoding="utf-8")
            except (OSError, ValueError) as error:
                raise ConfigError(f"cannot read the token in {self.token_file}: {error}") from error
            return read_clients(text, self.token_file)
        if self.token_env is not None:
            return read_clients(os.environ.get(self.token_env, ""), f"the environment variable {self.token_env}")
        return []
