"""A model that judges behind our server: its address and key are the operator's, and nobody else names one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.verifiers.judge.scripted import Asked, ScriptedServer, Told, verdict

from r1_reward.cli import main

QUICK = ("--set=judge.timeout=5", "--set=judge.patience=10")


def test_no_request_names_a_judge_and_many_are_judged_at_once(serve: Callable[..., Any], tmp_path: Path) -> None:
    def script(asked: Asked) -> Told:
        judged = verdict(asked, verdict="correct" if asked.shown("response") == "4" else "incorrect")
        return Told(judged.text, after=0.2)

    stranger: list[Asked] = []
    with ScriptedServer(script) as judge, ScriptedServer(lambda asked: stranger.append(asked) or Told("")) as other:  # type: ignore[func-returns-value]
        options = (f"--set=judge.url={judge.url}", "--set=judge.model=m", "--set=judge.key_env=THE_KEY", *QUICK)
        environment = {**os.environ, "THE_KEY": "sk-hush"}
        server = serve("--reward", "judge", "--workers", "1", *options, environment=environment)
        foreign = {"url": other.url, "model": "x", "ask": "os:system", "key_env": "THE_KEY", "record": f"{tmp_path}/x"}
        row = {"prompt": "2+2?", "reference": "4", "judge": foreign, "options": {"judge": foreign}, **foreign}
        rows = [{**row, "response": one, "prompt": f"{n}?"} for n, one in enumerate(["4", "5"] * 8)]
        answer = server.ask("/score", rows)
        assert [one["reward"] for one in answer.json] == [1.0, 0.0] * 8
        assert judge.counted()["most"] > 8
        assert {asked.headers["authorization"] for asked in judge.asked} == {"Bearer sk-hush"}
        assert "sk-hush" not in answer.body.decode() + json.dumps(answer.headers)
        judge.script = lambda _: Told(status=401, raw=b"sk-hush is no key")
        refused = server.ask("/score", {**row, "response": "6"})
        assert (refused.status, refused.reason) == (503, "judge_unavailable")
        assert "sk-hush" not in refused.body.decode()
    assert not stranger
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--set=judge.mode=pairwise", *QUICK), "cannot compare the responses of a group"),
        ((), "a row must be given up before its worker is"),
    ],
)
def test_what_a_server_cannot_keep_is_refused_at_the_start(options: tuple[str, ...], said: str) -> None:
    judge = ("--set=judge.url=http://127.0.0.1:9/v1", "--set=judge.model=m")
    result = CliRunner().invoke(main, ["serve", "--port", "0", "--reward", "judge", *judge, *options])
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
