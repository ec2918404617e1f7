"""A rollout of verifiers against a model that always says the same, rewarded by configuration alone."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

verifiers = pytest.importorskip("verifiers.v1")

RIGHT = r"<think>2 + 2</think><answer>\boxed{4}</answer>"


class Model(BaseHTTPRequestHandler):
    """An OpenAI-compatible server that gives one answer."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        choice = {"index": 0, "message": {"role": "assistant", "content": RIGHT}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        by_name = {"id": "x", "object": "chat.completion", "created": 1, "model": body["model"], "usage": usage}
        answer = json.dumps({**by_name, "choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def model() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def rollout(vf: Any, address: str, answer: str) -> Any:  # any: verifiers.v1, and a Trace
    import httpx
    from verifiers.v1.runtimes import ProgramResult

    class Direct(vf.Harness):  # type: ignore[misc]  # verifiers may not be there for mypy
        """Asks once, from this process; verifiers' own harnesses install a program first."""

        EXECUTES_CODE = NEEDS_CONTAINER = False

        async def launch(self, ctx: Any, trace: Any, runtime: Any, endpoint: str, secret: str, *rest: Any) -> Any:
            body = {"model": ctx.model, "messages": [{"role": "user", "content": rest[1].prompt}]}
            async with httpx.AsyncClient() as client:
                headers = {"authorization": f"Bearer {secret}"}
                (await client.post(f"{endpoint}/chat/completions", headers=headers, json=body)).raise_for_status()
            return ProgramResult(0, "", "")

    class Data(vf.TaskData):  # type: ignore[misc]
        answer: str
        kind: str = "math"

    class Task(vf.Task[Data]):  # type: ignore[misc]
        pass

    async def run() -> Any:
        client = {"type": "eval", "base_url": address, "api_key_var": "THE_KEY"}
        seat = vf.AgentConfig(model="m", client=client, runtime={"type": "subprocess"}, harness={"id": "null"})
        agent = vf.Agent(seat)
        agent.harness = Direct(agent.config.harness)
        plugged = {"fn": "r1_reward.adapters.verifiers_hub:math_format", "weight": 0.5}
        task = Task(Data(prompt="2 + 2?", answer=answer), vf.TaskConfig(rewards={"correct": plugged}))
        async with agent:
            return await agent.run(task)

    return asyncio.run(run())


def test_a_rollout_is_rewarded_by_configuration_and_marked_where_it_cannot_be(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_KEY", "x")
    right, wrong, unjudged = (rollout(verifiers, model, gold) for gold in ("4", "5", "proof"))
    assert [(trace.ok, trace.reward) for trace in (right, wrong)] == [(True, 1.0), (True, 0.5)]
    assert not unjudged.ok  # by which training leaves it out
    assert [error.type for error in unjudged.errors] == ["TaskError"]
    assert "reference_unusable" in unjudged.errors[0].message
