"""The server judges a kind that an installed package brings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def test_a_kind_of_another_package_is_judged(serve: Any, query_package: Path) -> None:
    server = serve("--workers", "1", environment={**os.environ, "PYTHONPATH": str(query_package)})
    row = {"kind": "query", "response": "SELECT 2", "reference": "SELECT 1 + 1"}
    reply = server.ask("/score", [row, {**row, "response": "SELECT 3"}, {**row, "kind": "querry"}])
    assert reply.status == 200
    assert [one["reward"] for one in reply.json] == [1.0, 0.0, None]
    reasons = [[(who, v["reason"]) for who, v in one["verdicts"].items()] for one in reply.json]
    assert reasons == [[("query", "correct")], [("query", "wrong")], [("auto", "unknown_kind")]]
    assert server.end() == 0
