"""Functions of one's own with data that nobody trusts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from r1_reward.sandbox import Limits, Outcome, Pool, Result, Submission, TestOutcome
from r1_reward.sandbox.errors import SandboxUnavailableError
from r1_reward.sandbox.functions import call_function
from r1_reward.sandbox.pool import ENDED
from r1_reward.verifiers import ProceduralVerifier, Reason, Sample, SqlVerifier, Verifier


class EndedPool:
    """Stands in for a pool in which the argument `bad` ends every sandbox."""

    def run_all(self, submissions: Sequence[Submission]) -> list[Result]:
        return [self._run(submission) for submission in submissions]

    def _run(self, submission: Submission) -> Result:
        if any("bad" in cast(Any, test).args for test in submission.tests):
            ended = TestOutcome(outcome=Outcome.RE, detail=f"{ENDED} 4 times")
            return Result(outcome=Outcome.RE, tests=[ended] * len(submission.tests), detail=ended.detail)
        for test in submission.tests:
            cast(Any, test).checker(None, 1)
        return Result(outcome=Outcome.AC, tests=[TestOutcome(outcome=Outcome.AC)] * len(submission.tests))


def test_a_call_that_ends_every_sandbox_pays_alone() -> None:
    asked = [(f"good {at}",) for at in range(300)] + [("bad",)] + [(f"good {at}",) for at in range(9)]
    replies = call_function(cast(Pool, EndedPool()), "", "f", asked, limits=Limits(time_s=1))
    assert [at for at, reply in enumerate(replies) if reply.outcome is not Outcome.AC] == [300]


def test_without_a_sandbox_no_call_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise SandboxUnavailableError("no engine answers")

    monkeypatch.setattr("r1_reward.sandbox.pool.start", gone)
    rows = [
        Sample(
            response="2", kind="procedural", meta={"question": "1 + 1", "answer": "2", "scorer": "reasoning-gym/gcd"}
        ),
        Sample(
            response="SELECT a FROM t", reference="SELECT a FROM t", meta={"schema": "CREATE TABLE t (a)", "data": ""}
        ),
    ]
    verifiers: list[Verifier] = [ProceduralVerifier(slots=7), SqlVerifier(slots=7)]
    for verifier, row in zip(verifiers, rows, strict=True):
        (verdict,) = verifier([row])
        assert (verdict.score, verdict.reason) == (None, Reason.SANDBOX_UNAVAILABLE)


@pytest.mark.needs("userns")
def test_values_cross_as_plain_data() -> None:
    source = "def f(x):\n    return {'got': [x, x is None, 1.5, {1, 2}]}\n"
    with Pool(backend="local", size=1) as pool:
        replies = call_function(pool, source, "f", [("a",), (None,)], limits=Limits(time_s=2))
        large = call_function(pool, "def f(n):\n    return 'x' * n\n", "f", [(3 << 20,)], limits=Limits(time_s=2))
        larger = call_function(
            pool, "def f(n):\n    return 'x' * n\n", "f", [(3 << 20,)], limits=Limits(time_s=2), reply_mb=8
        )
    assert [reply.value for reply in replies] == [
        {"got": ["a", False, 1.5, {1, 2}]},
        {"got": [None, True, 1.5, {1, 2}]},
    ]
    assert large[0].value is None
    assert len(cast(str, larger[0].value)) == 3 << 20
