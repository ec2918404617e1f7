"""`serve --on-error zero`: a number where OpenRLHF and slime can do nothing else, until the breaker ends it."""

from __future__ import annotations

import json
from typing import Any

RIGHT = r"\boxed{4}"
BODY: dict[str, Any] = {
    "query": ["p" + RIGHT, "p" + RIGHT, "p" + RIGHT, "other"],
    "prompts": ["p"] * 4,
    "labels": ["4", None, "proof", "4"],
}


def test_rows_that_could_not_be_judged_are_zero_and_say_so(serve: Any) -> None:
    server = serve("--reward", "math", "--on-error", "zero")
    answer = server.ask("/get_reward", BODY)
    assert answer.status == 200
    assert answer.json["rewards"] == [1.0, 0.0, 0.0, 0.0]
    assert answer.json["extra_logs"] == {
        "valid": [1.0, 0.0, 0.0, 0.0],
        "error": [0.0, 1.0, 1.0, 1.0],
        "math_reward": [1.0, 0.0, 0.0, 0.0],
    }
    assert server.ask("/slime", {"response": RIGHT, "label": None}).json == 0.0
    by_name = {"output": [{"type": "message", "role": "assistant", "content": RIGHT}]}
    asked = {"responses_create_params": {"input": []}, "response": by_name}
    masked = server.ask("/verify", {**asked, "expected_answer": "N/A", "instance_config": {"seed": 1}}).json
    assert (masked["reward"], masked["instance_config"]) == (0.0, {"seed": 1, "mask_sample": True})
    assert "instance_config" not in server.ask("/verify", {**asked, "expected_answer": "4"}).json
    assert server.ask("/score", {"response": RIGHT, "kind": "math"}).status == 422  # it has a word for it
    # three good ones and five errors until here: 128 more are too many of 256
    many = {key: values[1:2] * 128 for key, values in BODY.items()}
    down = server.ask("/get_reward", many)
    assert (down.status, down.reason) == (503, "instrument_down")
    assert "reference_missing" in json.loads(down.body)["error"]["detail"]
    assert server.ask("/get_reward", {key: values[:1] for key, values in BODY.items()}).json["rewards"] == [1.0]
