"""A model that judges as a trainer's reward: many at once, a failed call is no number, the breaker rings."""

from __future__ import annotations

import pytest
from tests.verifiers.judge.scripted import Asked, ScriptedServer, Told, verdict

from r1_reward.adapters.trl import reward as trl_reward
from r1_reward.adapters.verl import compute_score
from r1_reward.verifiers import InstrumentDown


def script(asked: Asked) -> Told:
    if asked.shown("response") == "lost":
        return Told("I cannot say.")
    right = asked.shown("response") == asked.shown("reference")
    return Told(verdict(asked, verdict="correct" if right else "incorrect").text, after=0.1)


def test_trl_has_none_for_what_could_not_be_judged_and_asks_all_at_once() -> None:
    with ScriptedServer(script) as server:
        options = {"judge": {"url": server.url, "model": "m", "retries": 0}}
        function = trl_reward("judge", options=options)
        prompts = [f"{n}?" for n in range(9)]
        result = function(prompts=prompts, completions=["4", "5", "lost"] * 3, reference=["4"] * 9)
        assert result == [1.0, 0.0, None] * 3
        assert server.counted()["most"] >= 6
        server.script = lambda _: Told(status=503)
        with pytest.raises(InstrumentDown, match="judge_unavailable"):
            trl_reward("judge", options=options, window=8)(prompts=prompts, completions=["6"] * 9, reference=["4"] * 9)


def test_verl_marks_what_could_not_be_judged() -> None:
    with ScriptedServer(script) as server:
        options = {"judge": {"url": server.url, "model": "m", "retries": 0}}
        right, lost = (compute_score("any", said, "4", rewards="judge", options=options) for said in ("4", "lost"))
    assert (right["score"], right["valid"]) == (1.0, 1.0)
    assert lost["error"] == 1.0
