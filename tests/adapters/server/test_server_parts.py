"""The server's parts by themselves: forms on any input, gathering into batches, metrics as Prometheus reads them."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r1_reward.adapters.server.batching import LARGE, Batcher, BusyError
from r1_reward.adapters.server.forms import FORMS, Refusal, Served
from r1_reward.adapters.server.metrics import Metrics
from r1_reward.rows.files import RawRow
from r1_reward.rows.reader import RowReader
from r1_reward.scoring.pool import WorkerDeathError
from r1_reward.scoring.work import Done, RowScorer
from r1_reward.verifiers import RunError
from r1_reward.verifiers.reward import auto

SCORER = RowScorer(auto(), RowReader(), None, echo=False)
KEYS = "response prompt label query prompts labels responses_create_params output input verifier_metadata".split()
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([r"\boxed{4}", "4"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("path", FORMS)
@settings(max_examples=40, deadline=None)
@given(
    body=st.binary(max_size=40) | st.dictionaries(st.sampled_from(KEYS), VALUES).map(lambda v: json.dumps(v).encode())
)
def test_any_body_is_answered_or_refused(path: str, body: bytes) -> None:
    refused: Refusal | None
    try:
        question = FORMS[path](body, Served("math", ["math"], {}))
        answer = json.loads(question.answer(SCORER.judge(question.rows)))
    except Refusal as refusal:
        refused = refusal
    else:
        refused = None
    if refused is not None:
        assert refused.status in (400, 422, 503)
        assert refused.detail
        return
    if path == "/slime":
        assert isinstance(answer, float)
    if path == "/get_reward":
        assert all(isinstance(reward, float) for reward in answer["rewards"])
        assert len(answer["rewards"]) == len(json.loads(body)["query"])


class _Workers:
    """Stands in for a pool: takes its time, dies over rows that say so, and notes what it was handed."""

    def __init__(self, seconds: float = 0.02) -> None:
        self.seconds = seconds
        self.handed: list[list[bytes]] = []
        self.alone: list[bytes] = []
        self.broken = False
        self._lock = threading.Lock()

    def judge_together(self, rows: Sequence[RawRow]) -> list[Done]:
        with self._lock:
            self.handed.append([row.data for row in rows])
        time.sleep(self.seconds)
        if any(row.data == b"die" for row in rows):
            raise WorkerDeathError("it died", timed_out=False)
        return [Done(row.data, (), None, 0.0, "") for row in rows]

    def run(self, rows: Sequence[RawRow]) -> list[Done]:
        if self.broken:
            raise RunError("a worker could not start")
        with self._lock:
            self.alone += [row.data for row in rows]
        time.sleep(self.seconds)
        return [Done(row.data, (), None, 0.0, "") for row in rows]


def _unwatched(rows: int, seconds: float) -> None:
    """Nobody looks."""


def _batcher(workers: _Workers, count: int = 1, max_queue: int = 1000, deadline: float = 30.0) -> Batcher:
    return Batcher(workers, workers=count, max_queue=max_queue, deadline=deadline, programs=True, watch=_unwatched)


def _rows(*data: bytes) -> list[RawRow]:
    return [RawRow(0, line, row) for line, row in enumerate(data, 1)]


def test_rows_of_many_requests_are_gathered_and_sorted_back() -> None:
    workers = _Workers()

    async def ask() -> list[list[Done]]:
        batcher = _batcher(workers)
        asked = [batcher.judge(_rows(*(b"%d/%d" % (n, m) for m in range(n % 3 + 1)))) for n in range(40)]
        result = await asyncio.gather(*asked)
        assert (batcher.rows, batcher.busy) == (0, 0)
        batcher.close()
        return list(result)

    for n, one in enumerate(asyncio.run(ask())):
        assert [done.output for done in one] == [b"%d/%d" % (n, m) for m in range(n % 3 + 1)]
    assert len(workers.handed) + len(workers.alone) < 40


def test_rows_that_were_judged_beside_one_that_kills_are_judged_again_alone() -> None:
    workers = _Workers()

    async def ask() -> None:
        batcher = _batcher(workers)
        rows = [b"a", b"b", b"die", b"c"]
        result = await asyncio.gather(*(batcher.judge(_rows(row)) for row in rows))
        assert [done.output for (done,) in result] == rows
        batcher.close()

    asyncio.run(ask())
    assert workers.alone == [b"a", b"b", b"die", b"c"]


def test_what_is_given_up_is_not_judged_and_the_queue_has_an_end() -> None:
    workers = _Workers(0.2)

    async def ask() -> None:
        batcher = _batcher(workers, max_queue=5)
        first = batcher.judge(_rows(b"first"))
        await asyncio.sleep(0.05)
        dropped = batcher.judge(_rows(b"dropped"))
        with pytest.raises(BusyError, match="the limit is 5"):
            batcher.judge(_rows(*[b"x"] * 4))
        dropped.cancel()
        await first
        assert [done.output for done in await batcher.judge(_rows(b"next"))] == [b"next"]
        assert batcher.rows == 0
        batcher.close()

    asyncio.run(ask())
    assert workers.alone == [b"first", b"next"]


def test_the_deadline_and_a_pool_that_cannot_start_reach_who_asked() -> None:
    workers = _Workers(0.5)

    async def ask() -> None:
        batcher = _batcher(workers, deadline=0.1)
        with pytest.raises(TimeoutError):
            await batcher.judge(_rows(b"slow"))
        await asyncio.sleep(0.6)
        workers.broken = True
        workers.seconds = 0.0
        batcher = _batcher(workers)
        with pytest.raises(RunError, match="could not start"):
            await batcher.judge(_rows(b"any"))
        assert batcher.rows == 0
        batcher.close()

    asyncio.run(ask())


PROGRAM = b'{"tests": [], "n": %d}'


@pytest.mark.parametrize("slow", [b"x" * (LARGE + 1), PROGRAM % 1], ids=["large", "program"])
def test_slow_rows_never_hold_every_worker_while_quick_ones_come(slow: bytes) -> None:
    workers = _Workers(0.3)

    async def ask() -> int:
        batcher = _batcher(workers, count=2)
        await batcher.judge(_rows(b"quick"))
        held = [batcher.judge(_rows(slow)) for _ in range(6)]
        await asyncio.sleep(0.05)
        await batcher.judge(_rows(b"small"))
        begun = workers.alone.count(slow)
        for asked in held:
            asked.cancel()
        batcher.close()
        return begun

    assert asyncio.run(ask()) <= 2  # of six, had it waited behind them


def test_slow_rows_alone_have_every_worker() -> None:
    workers = _Workers(0.3)

    async def ask() -> int:
        batcher = _batcher(workers, count=2)
        held = [batcher.judge(_rows(PROGRAM % n)) for n in range(2)]
        await asyncio.sleep(0.05)
        busy = batcher.busy
        await asyncio.gather(*held)
        batcher.close()
        return busy

    assert asyncio.run(ask()) == 2


def test_labels_are_escaped() -> None:
    metrics = Metrics("1", 'a"b\\c\nd')
    metrics.answered("/score", 200, 0.003)
    text = metrics.text().decode()
    assert r'reward="a\"b\\c\nd"' in text
    assert 'r1_reward_request_seconds_bucket{le="0.0025",path="/score"} 0.0' in text
    assert 'r1_reward_request_seconds_bucket{le="0.005",path="/score"} 1.0' in text
    assert 'r1_reward_request_seconds_bucket{le="+Inf",path="/score"} 1.0' in text
