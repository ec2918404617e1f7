"""A scoring run: rows in, fanned out over workers, rows out in the same order."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from .._version import __version__, commit
from ..rows.files import Input, RawRow, may_run_program
from ..rows.join import Joined
from ..rows.reader import RowReader
from ..rows.settled import settle
from ..sandbox.limits import processors
from ..verifiers.errors import RunError, WriteError
from ..verifiers.reward import Judge
from ..verifiers.spec import slots_of, verifiers_of
from .batch_size import AdaptiveBatchSize
from .first import FIRST, absent_fields, check_first, explained
from .judging import WAVES, CeilingError, GroupGuard, before_ceiling, judge_note, needs_groups, rows_at_once
from .lenient import SAMPLED, has_no_answer, lenient_note
from .modules import modules_note
from .options import ScoreOptions
from .output import Output
from .pool import WorkerPool
from .prompt_language import SAMPLED as SAMPLED_PROMPTS
from .prompt_language import language_note
from .summary import Summary, Tally
from .undecided import undecided_notes
from .work import Done, Mismatch, RowScorer

if TYPE_CHECKING:
    from .ray_pool import RayPool

CHUNK_SECONDS = 0.25
"""Chunks are sized to take about this long."""
CHUNK_ROWS = 512
CHUNK_BYTES = 4 << 20
"""Bounds of a chunk, so that memory stays flat."""
BYTES_UNDER_WAY = 64 << 20
"""Bound on the input of all chunks under way, or two full chunks a worker where there are many workers; one long line
may exceed it alone."""


class Progress(NamedTuple):
    """How far a run is."""

    rows: int
    """Rows finished."""
    bytes_read: int
    """Of the input files."""
    bytes: int | None
    """Their size; None where it is not known."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C; the output holds the finished rows and can be resumed.

    Args:
        rows: How many rows are finished.
    """

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows


class Source(Protocol):
    """Where rows come from: `Input`, or rows in memory. Iterated once."""

    @property
    def files(self) -> Sequence[str]:
        """Names of the files."""
        ...

    @property
    def sha256(self) -> Sequence[str]:
        """Their hashes, once all is read."""
        ...

    @property
    def bytes_read(self) -> int:
        """How far the reading is."""
        ...

    @property
    def bytes(self) -> int | None:
        """How far it will get, where that is known."""
        ...

    def __iter__(self) -> Iterator[RawRow]:
        """The rows, in order."""
        ...


class Sink(Protocol):
    """Where finished rows go: `Output`, or a list."""

    def begin(self) -> None:
        """The last thing before rows are written."""
        ...

    @property
    def resumed(self) -> bool:
        """Whether an earlier run left rows to take over."""
        ...

    def rows(self) -> int | None:
        """How many rows it holds; None where they cannot be counted."""
        ...

    def finish(self) -> None:
        """Close it, with every row there."""
        ...

    def earlier(self) -> Iterator[bytes]:
        """Rows that an earlier run finished."""
        ...

    def write(self, lines: Sequence[bytes]) -> None:
        """Take finished rows. Raises OSError."""
        ...

    def close(self) -> None:
        """Nothing more comes."""
        ...


class _Chunk(NamedTuple):
    rows: list[RawRow]
    outputs: list[bytes] | None
    """What an earlier run wrote for them; None for rows to judge."""
    weight: int
    """Bytes of it all."""


def score(options: ScoreOptions, progress: Callable[[Progress], None] | None = None) -> Summary:
    """Score files as `options` say. The output has one line per input row, in order, whatever the number of workers.

    Args:
        options: Files, rewards and output, as of `r1-reward score`.
        progress: Called with the rows that are done, after each batch.

    Returns:
        The summary: means, pass@k and cons@k by problem, errors by reason.

    Raises:
        ConfigError: The options cannot be carried out.
        RunError: A file cannot be read, written or resumed.
        WriteError: Writing failed during the run.
        BrokenPipeError: The reader of standard output has gone.
        Interrupted: Ctrl-C; the finished rows are written.

    >>> from r1_reward.scoring import ScoreOptions
    >>> summary = score(ScoreOptions(files=("rollouts.jsonl",), output="scored.jsonl"))  # doctest: +SKIP
    >>> summary.problems.accuracy.mean  # doctest: +SKIP
    0.89
    """
    began = time.monotonic()
    # What a user's module prints must not end among the rows.
    with contextlib.redirect_stdout(sys.stderr):
        judge = options.spec.build()
    longest = int(options.max_line_mb * (1 << 20))
    source: Source = Input(options.files, longest)
    if options.join is not None:
        source = Joined(source, options.join, options.on, longest)
    return score_from(source, Output(options), judge, options, began, progress)


def score_from(
    source: Source,
    output: Sink,
    judge: Judge,
    options: ScoreOptions,
    began: float,
    progress: Callable[[Progress], None] | None = None,
) -> Summary:
    """Score what `source` has into `output` by `judge`, which `options.spec` builds; raises as `score` does. `began` is
    when the run began, on the monotonic clock."""
    spec = options.spec
    tally = Tally(verifiers_of(judge), by=options.by, prefix=options.prefix)
    reader = options.reader
    held: list[tuple[RawRow, Done]] = []
    began_writing = output.resumed
    unanswered: list[RawRow] = []
    first_rows: list[RawRow] = []
    notes: list[str] = []

    def write(done: Sequence[Done]) -> None:
        try:
            output.write([row.output for row in done])
        except BrokenPipeError:
            raise
        except OSError as error:
            raise WriteError(f"writing {options.output} failed: {error.strerror or error}") from error

    def begin() -> None:
        nonlocal began_writing
        if not began_writing:
            began_writing = True
            notes.extend(absent_fields([raw for raw, _ in held[:FIRST]], reader))
            notes.extend(explained([raw for raw, _ in held[:FIRST]], [one for _, one in held[:FIRST]], reader))
            output.begin()
            write([done for _, done in held])
            held.clear()

    def finish(chunk: _Chunk, done: list[Done] | Mismatch) -> None:
        if isinstance(done, Mismatch):
            raise RunError(
                f"{options.output} cannot be resumed: its row for line {done.line} was not made from that line; "
                "start anew without --resume"
            )
        paid = before_ceiling(done)
        rest, done = done[len(paid) :], list(paid)
        tally.add(done)
        if "language" in tally.by_verifier and len(first_rows) < SAMPLED_PROMPTS:
            first_rows.extend(chunk.rows[: SAMPLED_PROMPTS - len(first_rows)])
        if len(unanswered) < SAMPLED:
            pairs = zip(chunk.rows, done, strict=False)
            unanswered.extend(raw for raw, one in pairs if any(map(has_no_answer, one.responses)))
        if began_writing and chunk.outputs is None:
            write(done)
        elif not began_writing:
            held.extend(zip(chunk.rows, done, strict=False))
            if len(held) >= FIRST:
                if not options.keep_going:
                    check_first([raw for raw, _ in held[:FIRST]], [one for _, one in held[:FIRST]], reader)
                begin()
        if rest:
            begin()
            raise CeilingError(
                f"the ceiling of cost is reached after {tally.rows:,} rows (max_cost): what was judged is kept; raise "
                "it and run again with --resume"
            )
        if progress is not None:
            progress(Progress(tally.rows, source.bytes_read, source.bytes))

    try:
        reader, reasons, rows = settle(source, reader, words=options.is_open)
        notes.extend(reasons)
        with _pool(options, judge, reader) as (pool, workers, slots):
            pool.start()
            if began_writing:
                output.begin()
            programs = slots if spec.may_run_programs else None
            guard = GroupGuard(RowScorer(judge, reader, options.group_by).group) if needs_groups(judge) else None
            chunks = _Chunks(rows, output.earlier(), programs, least=_rows(judge, workers), guard=guard)
            _fan_out(chunks, pool, workers, finish)
            pool.finish()
        begin()
        output.finish()
        noted = (
            lenient_note(options, reader, tally, unanswered),
            modules_note(tally),
            language_note(options, tally, first_rows),
            judge_note(tally),
        )
        notes.extend(filter(None, noted))
        notes.extend(undecided_notes(tally))
        inputs = zip(source.files, source.sha256, strict=True)
        return tally.summary(
            version=__version__,
            commit=commit(),
            options=options.to_dict(),
            fingerprint=options.fingerprint,
            inputs=[{"path": path, "sha256": digest} for path, digest in inputs],
            seconds=time.monotonic() - began,
            notes=notes,
        )
    except KeyboardInterrupt:
        begin()
        there = output.rows()
        raise Interrupted(tally.rows if there is None else there) from None
    finally:
        output.close()
        tally.close()


@contextlib.contextmanager
def _pool(options: ScoreOptions, judge: Judge, reader: RowReader) -> Iterator[tuple[WorkerPool | RayPool, int, int]]:
    """The workers that judge, on this machine or on a Ray cluster, how many, and how many programs each runs at once;
    ended with the block."""
    with contextlib.ExitStack() as opened:
        made: type[WorkerPool] | type[RayPool] = WorkerPool
        workers = options.workers or processors()
        if options.ray is not None:
            from .ray_pool import RayPool, cluster_size, connected

            opened.enter_context(connected(options.ray, workers))
            made, workers = RayPool, options.workers or cluster_size()
        # An actor is given one processor of its node.
        slots = slots_of(workers) if options.ray is None else 1
        spec = options.spec.with_slots(slots).shared_by(workers)
        pool = made(
            spec,
            judge,
            reader,
            options.group_by,
            workers=workers,
            row_timeout=options.row_timeout * (WAVES if rows_at_once(judge) else 1),
            prefix=options.prefix,
            by=options.by,
        )
        opened.callback(pool.close)
        yield pool, workers, slots


class _Chunks:
    """Cuts the input into chunks whose size follows the speed of judging.

    Rows that run programs, `slots` of them at once, have chunks of their own with no more than that; None where no row
    runs any.
    """

    def __init__(
        self,
        source: Iterable[RawRow],
        earlier: Iterator[bytes],
        slots: int | None,
        *,
        least: int = 1,
        guard: GroupGuard | None = None,
    ) -> None:
        """`least` rows are a chunk however long they take; `guard` says where one may end."""
        self._source = iter(source)
        self._slots = slots
        self._earlier = earlier
        self._guard = guard
        self.batch_size = AdaptiveBatchSize(CHUNK_SECONDS, CHUNK_ROWS, least)

    def __iter__(self) -> Iterator[_Chunk]:
        held: list[RawRow] = []
        outputs: list[bytes] = []
        weight, taken = 0, False
        for output in self._earlier:
            row = next(self._source, None)
            if row is None:
                raise RunError("the output to resume has more rows than the input; start anew without --resume")
            if self._guard is not None:
                self._guard.may_end_before(row)
            taken = True
            held.append(row)
            outputs.append(output)
            weight += len(row.data) + len(output)
            if len(held) >= CHUNK_ROWS or weight >= CHUNK_BYTES:
                yield _Chunk(held, outputs, weight)
                held, outputs, weight = [], [], 0
        if held:
            yield _Chunk(held, outputs, weight)
        held, weight = [], 0
        slow = full = False
        for row in self._source:
            before, slow = slow, self._slots is not None and may_run_program(row)
            may_end = self._guard is None or self._guard.may_end_before(row)
            if taken and not may_end:
                raise RunError("the output to resume ends within a group of responses; start anew without --resume")
            taken = False
            if held and (full or slow != before) and may_end:
                yield _Chunk(held, None, weight)
                held, weight = [], 0
            held.append(row)
            weight += len(row.data)
            full = len(held) >= (self._slots or 1 if slow else self.batch_size.rows) or weight >= CHUNK_BYTES
            if full and self._guard is None:
                yield _Chunk(held, None, weight)
                held, weight = [], 0
        if held:
            yield _Chunk(held, None, weight)


def _rows(judge: Judge, workers: int) -> int:
    """The least rows of a chunk: those that a process judges at once, so that none waits for a slow one alone."""
    at_once = rows_at_once(judge)
    return -(-WAVES * at_once // workers) if at_once else 1


def _fan_out(
    chunks: _Chunks, pool: WorkerPool | RayPool, workers: int, finish: Callable[[_Chunk, list[Done] | Mismatch], None]
) -> None:
    """Run chunks on the pool and finish them in order, with a bounded number under way."""
    under_way: deque[tuple[_Chunk, Future[tuple[Any, float]]]] = deque()

    def run(chunk: _Chunk) -> tuple[list[Done] | Mismatch, float]:
        start = time.perf_counter()
        return pool.run(chunk.rows, chunk.outputs), time.perf_counter() - start

    def settle() -> None:
        chunk, future = under_way.popleft()
        done, seconds = future.result()
        chunks.batch_size.update(len(chunk.rows), seconds)
        finish(chunk, done)

    most = max(BYTES_UNDER_WAY, 2 * workers * CHUNK_BYTES)
    with ThreadPoolExecutor(workers, thread_name_prefix="score") as threads:
        try:
            for chunk in chunks:
                under_way.append((chunk, threads.submit(run, chunk)))
                while len(under_way) > 2 * workers + 2 or (
                    len(under_way) > 1 and sum(chunk.weight for chunk, _ in under_way) > most
                ):
                    settle()
            while under_way:
                settle()
        except BaseException:
            for _, future in under_way:
                future.cancel()
            pool.close()
            raise
