"""What the server answers keeps to the schemas that `r1-reward schema` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from r1_reward.scoring.schemas import SCHEMA_VERSION, schema

if TYPE_CHECKING:
    Server = Any

RIGHT = {"response": r"<think>2 + 2</think><answer>\boxed{4}</answer>", "reference": "4"}
OPENRLHF = {"query": [r"2 + 2?\boxed{4}"], "prompts": ["2 + 2?"], "labels": ["4"]}
ASKED = {"responses_create_params": {"input": "2 + 2?"}, "response": {"output": []}, "expected_answer": "4"}


@pytest.mark.parametrize(
    ("path", "body", "name", "status"),
    [
        ("/score", RIGHT, "row", 200),
        ("/score", RIGHT, "score", 200),
        ("/score", [RIGHT, {"response": "x"}, {"a": 1}, 5, {"responses": ["4", "x"], "reference": "4"}], "score", 200),
        ("/get_reward", OPENRLHF, "get_reward", 200),
        ("/slime", {"prompt": "2 + 2?", "response": r"\boxed{4}", "label": "4"}, "slime", 200),
        ("/verify", ASKED, "verify", 200),
        ("/score", {"response": "x", "reference": "N/A"}, "error", 422),
        ("/score", {"responses": ["x", "y"], "reference": "N/A"}, "error", 422),
        ("/score", b"no JSON", "error", 400),
        ("/get_reward", {**OPENRLHF, "labels": ["N/A"]}, "error", 422),
        ("/slime", {"response": "x"}, "error", 422),
        ("/verify", {}, "error", 422),
        ("/nowhere", {}, "error", 404),
    ],
)
def test_answers_keep_to_their_schema(server: Server, path: str, body: Any, name: str, status: int) -> None:
    answer = server.ask(path, body)
    assert answer.status == status, answer
    jsonschema.Draft202012Validator(schema(name)).validate(answer.json)
    assert answer.headers["r1-reward-schema"] == str(SCHEMA_VERSION)


def test_healthz_says_which_version_is_written(server: Server) -> None:
    answer = server.ask("/healthz", method="GET")
    jsonschema.Draft202012Validator(schema("healthz")).validate(answer.json)
    assert answer.json.keys() == schema("healthz")["properties"].keys()
