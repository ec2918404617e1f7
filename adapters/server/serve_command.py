"""What `r1-reward serve` does once its flags are read: start workers, listen, answer, and on a signal finish."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Coroutine, Iterator, Mapping
from ssl import PROTOCOL_TLS_SERVER, SSLContext, SSLError
from typing import Any

from ..._version import __version__
from ...scoring.judging import needs_groups, rows_at_once
from ...scoring.options import merge_options
from ...scoring.pool import WorkerPool
from ...verifiers.errors import ConfigError, RunError, missing_extra
from ...verifiers.reward import Judge
from ...verifiers.spec import slots_of, verifiers_of
from ...verifiers.verdict import Status
from ..breaker import Breaker
from ..plan import terms_of
from .batching import Batcher, BusyError
from .clients import Clients
from .forms import row_of
from .options import ServeOptions
from .traces import Traces

_SWITCH = 0.0005
"""Seconds after which a thread that waits for the interpreter's lock gets it. By Python's default, ten times as long,
those that hand rows over and take findings back would wait milliseconds at each step while the event loop is busy."""
_BREAKER, _WINDOW = 0.5, 256
"""With `on_error="zero"`: the largest share of errors, and among how many of the last rows."""
FINE, INTERRUPTED = 0, 130
"""Exit statuses: ended by SIGTERM, every request answered; by Ctrl-C."""


def run_serve(config: str | None, flags: Mapping[str, Any]) -> int:  # any: fields of ServeOptions
    """Serve with the options of a TOML file and of flags, where flags win, until a signal; return the exit status.

    Raises ConfigError and RunError for what the user can mend.
    """
    options = ServeOptions(**merge_options(ServeOptions, config, flags))
    try:
        import httptools  # noqa: F401 - its absence is better reported here than by a traceback
        import prometheus_client  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise RunError(missing_extra("the server", error.name, "serve")) from None
    clients = Clients(options.read_clients(), options.max_per_client)
    traces = None if options.traces is None else Traces(options.traces, __version__)
    _check_tls(options)
    with contextlib.redirect_stdout(sys.stderr):
        judge = options.spec.build()
    _check_judges(options, judge)
    listener = _listen(options)
    spec = options.spec.with_slots(slots_of(options.workers)).shared_by(options.workers)
    pool = WorkerPool(
        spec,
        judge,
        options.reader,
        workers=options.workers,
        row_timeout=options.row_timeout,
        echo=False,
    )
    try:
        pool.start(options.workers)
        stopped_by = _run(_serve(options, pool, judge, clients, listener, traces))
    except KeyboardInterrupt:
        stopped_by = signal.SIGINT
    finally:
        pool.close()
        listener.close()
        if traces is not None:
            traces.close()
    return INTERRUPTED if stopped_by == signal.SIGINT else FINE


def _check_judges(options: ServeOptions, judge: Judge) -> None:
    """Raise ConfigError for a model that cannot judge in a server: by groups, or for longer than a row may take."""
    if needs_groups(judge):
        raise ConfigError(
            "a server cannot compare the responses of a group, which come to it in pieces; use a baseline"
        )
    patience = max((getattr(verifier, "patience", 0.0) for verifier in verifiers_of(judge)), default=0.0)
    if patience >= options.row_timeout:
        raise ConfigError(
            f"judge.patience is {patience:g} s and row_timeout {options.row_timeout:g} s; a row must be given up "
            "before its worker is: lower patience and timeout of the judge, or raise row_timeout and deadline"
        )


def _check_tls(options: ServeOptions) -> None:
    if options.tls_cert is None:
        return
    try:
        SSLContext(PROTOCOL_TLS_SERVER).load_cert_chain(options.tls_cert, options.tls_key)
    except (OSError, SSLError) as error:
        raise RunError(f"cannot use the certificate {options.tls_cert} with {options.tls_key}: {error}") from error


def _run(serving: Coroutine[Any, Any, int]) -> int:  # any: what nobody sends or yields
    try:
        from uvloop import new_event_loop
    except ImportError:  # Windows has none
        return asyncio.run(serving)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(serving)


def _listen(options: ServeOptions) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(4096)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise RunError(f"cannot listen on {options.host}:{options.port}: {error.strerror}") from error
    return listener


async def _serve(
    options: ServeOptions,
    pool: WorkerPool,
    judge: Judge,
    clients: Clients,
    listener: socket.socket,
    traces: Traces | None,
) -> int:
    import prometheus_client
    import uvicorn

    from .app import ServerLimits, make_app
    from .connections import ConnectionLimiter
    from .forms import Served
    from .metrics import Metrics
    from .record import log_to_stderr

    # Or there would be a second line for each counter. Its own types leave it out.
    prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
    metrics = Metrics(__version__, judge.name, pool.deaths)

    def watch(rows: int, seconds: float) -> None:
        metrics.batches.observe(rows)
        metrics.judging.observe(seconds)

    batcher = Batcher(
        pool,
        workers=options.workers,
        max_queue=options.max_queue,
        deadline=options.deadline,
        programs=options.spec.may_run_programs,
        least=-(-rows_at_once(judge) // options.workers) or 1,
        watch=watch,
    )
    limits = ServerLimits(
        max_body=int(options.max_body_mb * (1 << 20)),
        max_held=int(options.max_memory_mb * (1 << 20)),
        max_rows=options.max_rows,
        read_timeout=options.read_timeout,
    )
    door = ConnectionLimiter(
        max_connections=min(options.max_connections, max(16, _descriptors() - 64 - 8 * options.workers)),
        max_body=limits.max_body,
        read_timeout=options.read_timeout,
    )
    metrics.gauge("queue_rows", "Rows waiting or being judged.", lambda: batcher.rows)
    metrics.gauge("busy_workers", "Workers that are judging.", lambda: batcher.busy)
    metrics.gauge("connections", "Open connections.", lambda: door.connections)
    metrics.gauge("closed_connections", "Connections closed for what their client left undone.", lambda: door.closed)
    metrics.gauge("held_bytes", "Bytes of bodies held.", lambda: limits.held)
    served = Served(judge.name, terms_of(judge), options.names, zero=options.on_error == "zero")
    breaker = Breaker(judge.name, share=_BREAKER, window=_WINDOW) if served.zero else None
    server: uvicorn.Server | None = None
    app = make_app(
        batcher,
        metrics,
        limits,
        served=served,
        version=__version__,
        clients=clients,
        stopping=lambda: server is not None and server.should_exit,
        breaker=breaker,
        **({} if traces is None else {"around": traces.around}),
    )
    config = uvicorn.Config(
        app,
        http=door.protocol,  # type: ignore[arg-type]  # any maker of protocols will do
        ws="none",
        lifespan="off",
        log_level="error",  # it warns of every malformed request, of which there can be many
        access_log=False,
        ssl_certfile=options.tls_cert,
        ssl_keyfile=options.tls_key,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,  # longer than clients keep theirs, so that they never write into a closing one
        timeout_graceful_shutdown=int(options.deadline) + 5,
    )

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Not uvicorn's own handling, which ends the process by the signal after all was answered."""
            yield

    server = Server(config)
    sys.setswitchinterval(_SWITCH)
    gc.collect()
    gc.freeze()  # what was imported is there to stay, and need not be looked through again
    end_log = log_to_stderr(options.log_level)
    with _signals(server) as caught:
        watching = asyncio.create_task(door.watch())
        _announce(options, listener, judge.name, clients)
        trying = asyncio.create_task(_try_programs(options, batcher)) if options.spec.may_run_programs else None
        try:
            await server.serve([listener])
        finally:
            watching.cancel()
            if trying is not None:
                trying.cancel()
            batcher.close()
            end_log()
    return caught[0] if caught else signal.SIGTERM


@contextlib.contextmanager
def _signals(server: Any) -> Iterator[list[int]]:  # any: uvicorn's server, which is not imported up here
    """The first SIGTERM or Ctrl-C stops the server when all is answered, a second one at once."""
    caught: list[int] = []
    loop = asyncio.get_running_loop()

    def catch(number: int) -> None:
        server.should_exit = True
        server.force_exit = bool(caught)
        caught.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, catch, number)
    try:
        yield caught
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _descriptors() -> int:
    """Files and sockets that this process may hold open, raised as far as the system lets it."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return 1 << 20 if soft == resource.RLIM_INFINITY else soft


async def _try_programs(options: ServeOptions, batcher: Batcher) -> None:
    """Say so where programs cannot be run here, as in a container with neither an engine nor namespaces."""
    import click

    program = {"response": "```python\nprint(1)\n```", "tests": [{"input": "", "output": "1"}], "kind": "code"}
    row = row_of(options.names, 1, **program)
    with contextlib.suppress(TimeoutError, RunError, BusyError):
        (done,) = await batcher.judge([row])
        for response in done.responses:
            for name, status, reason, _ in response.verdicts:
                if status == Status.ERROR:
                    detail = json.loads(done.output)["verdicts"][name]["detail"]
                    click.echo(
                        f"warning: {name} cannot run programs here, which are errors ({reason}): {detail}", err=True
                    )


def _announce(options: ServeOptions, listener: socket.socket, reward: str, clients: Clients) -> None:
    import click

    host, port = listener.getsockname()[:2]
    scheme = "http" if options.tls_cert is None else "https"
    host = f"[{host}]" if ":" in host else host
    click.echo(
        f"serving {reward} on {scheme}://{host}:{port}, {options.workers} workers, process {os.getpid()}", err=True
    )
    if not clients.known and not host.startswith(("127.", "[::1]")):
        click.echo(
            f"warning: anybody who reaches {host}:{port} may ask; --token-file or --token-env keeps them out", err=True
        )
