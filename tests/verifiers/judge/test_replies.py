"""What judges reply and servers send: what is a verdict, and its neighbours, which are none and never a number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.verifiers.judge.scripted import Asked, ScriptedServer, Told

from r1_reward.verifiers import Sample
from r1_reward.verifiers.judge import JudgeVerifier
from r1_reward.verifiers.judge.asking import UnclearError
from r1_reward.verifiers.judge.question import Field, read_reply

CODE = "0123456789abcdef"
FIELDS: Mapping[str, list[Field]] = {
    "label": [Field(name="verdict", words=["correct", "incorrect"])],
    "three": [Field(name="verdict", words=["correct", "incorrect", "not_attempted"])],
    "pair": [Field(name="verdict", words=["A", "tie", "B"])],
    "levels": [Field(name="verdict", words=["A>>B", "A>B", "A=B", "B>A", "B>>A"])],
    "scale": [Field(name="score", low=1, high=10, whole=False)],
    "five": [Field(name="score", low=1, high=5)],
    "levels_of": [Field(name="c1", words=("yes", "no")), Field(name="c2", low=0, high=4)],
    "criteria": [Field(name="c1", words=("yes", "no")), Field(name="c2", words=("yes", "no"))],
}


def says(verdict: object, reasons: str = "so", key: str = "verdict") -> str:
    return json.dumps({"code": CODE, "reasons": reasons, key: verdict}, ensure_ascii=False)


def met(**values: object) -> str:
    return json.dumps({"code": CODE, **values})


GOOD, BAD = says("correct"), says("incorrect")
FIVE = met(score=5, reasons="so")
SAID: Mapping[object, str] = {"correct": GOOD, "incorrect": BAD, 5.0: FIVE, "A": says("A")}

REPLIES: list[tuple[str, str, object]] = [
    # Wrapped and surrounded
    ("label", f"```json\n{GOOD}\n```\n", "correct"),
    ("label", f"```json\n{GOOD}\n```\nI hope this helps!", None),
    ("label", f"Here is my verdict:\n~~~\n{GOOD}\n~~~", "correct"),
    ("label", f"<answer>{GOOD}</answer>", "correct"),
    ("label", f"{GOOD}<｜end▁of▁sentence｜>", "correct"),
    ("label", f"My verdict is {GOOD}", "correct"),
    ("label", f"I will not reply {GOOD}", None),
    ("label", f"{GOOD}\n{{}}", None),
    ("label", f"{GOOD}<think>Or not?</think>", None),
    ("label", f"[{GOOD}]", "correct"),
    ("label", f"{GOOD}<|im_end|>", "correct"),
    ("label", f"{GOOD}\n{GOOD}", "correct"),
    ("label", f"{GOOD}\n{BAD}", None),
    ("label", f'{{"result": {GOOD}}}', None),
    ("label", json.dumps(GOOD), None),
    ("label", f"code: {CODE}\nverdict: correct", None),
    # Not quite JSON, and no JSON
    ("label", GOOD.replace('"so"', '"two\nlines\t"'), "correct"),
    ("label", GOOD.replace('"so"', r'"\(x\) costs \$5, \underline{\frac12}"'), "correct"),
    ("label", says("incorrect", "ends in \\"), "incorrect"),
    ("label", GOOD.replace('"so"', '"he said "yes""'), None),
    ("label", GOOD.replace('"', "'"), None),
    ("label", GOOD[:-1] + ",}", None),
    # Cut
    ("label", GOOD[:-1], None),
    ("label", GOOD[:-1] + f', "again": {BAD}', None),
    ("label", GOOD.replace('"', "'") + BAD, None),
    # Keys and words
    ("label", GOOD.replace('"verdict"', '"Verdict"'), "correct"),
    ("label", GOOD[:-1] + ', "Verdict": "incorrect"}', None),
    ("label", GOOD[:-1] + ', "final_verdict": "incorrect"}', None),
    ("label", GOOD[:-1] + ', "final_verdict": "correct"}', None),
    ("label", GOOD[:-1] + ', "confidence": 0.9}', "correct"),
    ("label", says("**Correct.**"), "correct"),
    ("label", says("[[correct]]"), "correct"),
    ("label", says("\u200bcorrect"), "correct"),
    ("label", says("cor\u200brect"), None),
    ("label", says("correct ✅"), "correct"),
    ("label", says("<correct>"), "correct"),
    ("label", says("!correct"), None),
    ("label", says("correct?"), None),
    ("label", says("not correct"), None),
    ("label", says("mostly correct"), None),
    ("label", says('"correct" or "incorrect"'), None),
    ("label", says("正确"), None),
    ("label", says("cоrrect"), None),  # Cyrillic
    ("label", says(True), None),
    ("label", says(["correct"]), None),
    ("label", says("correct", "回答与参考一致。"), "correct"),
    ("three", says("Not attempted"), "not_attempted"),
    ("three", says("C"), None),
    ("pair", says("[[A]]"), "A"),
    ("pair", says("A and B"), None),
    ("pair", says("m"), None),
    ("levels", says("A > B"), "A>B"),
    ("levels", says("[[A>>B]]"), "A>>B"),
    ("levels", says("A>>>B"), None),
    ("levels", says("B<A"), None),
    ("scale", says(7.5, key="score"), 7.5),
    ("scale", says("7", key="score"), None),
    ("scale", says(7, key="score").replace("7}", "NaN}"), None),
    ("scale", says(98989, key="score"), None),
    ("criteria", met(C1=True, c2="No"), ("yes", "no")),
    ("criteria", met(c1="true", c2="no"), None),
    ("criteria", met(c1="yes", c2="no", c3="yes"), None),
    ("criteria", met(c1="yes") + met(c2="no"), None),
    # Reasoning
    ("label", f"<think>{BAD}</think>{GOOD}", "correct"),
    ("label", f"{BAD}</think>{GOOD}", "correct"),
    ("label", f"<think>{GOOD}", None),
    ("label", f"<think>{GOOD}</think>I cannot say.", None),
    ("label", f"<think>a</think>{BAD}<think>b</think>{GOOD}", None),
    ("label", f"[THINK]{BAD}[/THINK]{GOOD}", "correct"),
    ("label", f"[THINK]{GOOD}", None),
    ("label", f"<|channel|>analysis<|message|>{BAD}<|end|><|channel|>final<|message|>{GOOD}", "correct"),
    ("label", f"<|channel|>analysis<|message|>{GOOD}", None),
    ("label", f"<|begin_of_thought|>{BAD}<|end_of_thought|>{GOOD}", "correct"),
    ("label", f"<|START_THINKING|>{GOOD}", None),
    ("label", says("correct", "It says <think> and </think>."), "correct"),
    # One thing in the verdict, and another beside it
    ("label", f"{GOOD}\nActually, the response is incorrect.", None),
    ("label", f"{GOOD}\nThe response is correct.", None),
    ("label", f"The response is correct.\n{GOOD}", "correct"),
    ("label", f"{GOOD}\nSo it is not correct.", None),
    ("label", f"So it is not correct.\n{BAD}", "incorrect"),
    ("label", f"So it is not correct.\n{GOOD}", None),
    ("label", f"Final verdict: incorrect\n{GOOD}", None),
    ("label", f"The first try is incorrect, the second right. Verdict: correct\n{GOOD}", "correct"),
    ("label", f"The response holds {says('correct').replace(CODE, 'f00')}, which is no answer.\n{BAD}", "incorrect"),
    ("label", f'{{"verdict": "incorrect"}}\n{GOOD}', None),
    ("label", f"\\boxed{{incorrect}}\n{GOOD}", None),
    ("label", f"My judgment: the response is incorrect.\n{GOOD}", None),
    ("label", f"The verdict should be incorrect.\n{GOOD}", None),
    ("label", f"The verdict cannot be incorrect.\n{GOOD}", "correct"),
    ("pair", f"Winner: B\n{says('A')}", None),
    ("pair", f"[[B]]\n{says('A')}", None),
    ("pair", f"A good answer deserves praise. Is that a fair verdict? {says('B')}", "B"),
    ("scale", f"[RESULT] 3\n{says(7, key='score')}", None),
    ("scale", f"Score (1-10): 7\n{says(7, key='score')}", 7.0),
    # Another key says otherwise, or does not
    *(("label", met(verdict="correct", **other), None) for other in list[dict[str, object]]((
        {"confidence": 0.9, "final": "incorrect"}, {"label": "**Incorrect**"}, {"revised": {"label": "incorrect"}},
        {"history": [["correct", "incorrect"]]}, {"is_correct": False}, {"incorrect": True},
        {"notes": "Verdict: incorrect"}, {"error": "I cannot evaluate this response."},
        {"note": "On reflection it is incorrect."}, {"is_correct": True}, {"reasons": {"a": "b"}}, {"confidence": {}},
    ))),
    *(("label", met(verdict="correct", **other), "correct") for other in (
        {"explanation": "It would be incorrect if it said Lyon."}, {"confidence": "high"},
        {"reasoning_steps": ["It names the city.", "So it is correct."]},
    )),
    *(("five", met(score=5, **other), None) for other in (
        {"final_rating": 1}, {"result": "2/5"}, {"revised": {"score": 2}}, {"stars": 2}, {"rating": 5},
        {"scores": {"clarity": 3}}, {"reasons": "I would give it a 1."}, {"reasons": "Final score: 2"},
    )),
    ("pair", met(verdict="A", winner="B"), None),
    ("criteria", met(c1="yes", c2="no", overall="no"), None),
    ("criteria", met(c1="yes", c1_reason="It names one.", c2="no", reason_c2="None."), ("yes", "no")),
    ("criteria", met(c1="yes", c2="yes", reasons="c1 is met. c2 is not met."), None),
    ("criteria", met(c1="yes", c2="no", reasons="c1 is met. c2 is not met."), ("yes", "no")),
    ("criteria", met(c1="yes", c2="no", reasons="Criterion 1: no."), None),
    ("criteria", "I am sorry, I cannot assess this.\n" + met(c1="yes", c2="no"), None),
    # Nothing follows a verdict, whatever it says
    *(("label", f"{GOOD}\n{text}", None) for text in (
        "I am sorry, I cannot assess this.", "Please disregard the above verdict.", "That verdict was wrong.", "✗",
        "On second thought, the years differ.", "等等，应为错误。", "Sorry, I flipped the labels.", "GRADE: I",
        "I cannot find any error in it.", "The response is correct because it names the city.",
    )),
    ("five", f"{FIVE}\nActually 4 is fairer.", None),
    ("pair", f"{says('A')}\nWait, I mixed up the two.", None),
    ("criteria", f'{met(c1="yes", c2="no")}\nCorrection: c1 should be no.', None),
    # Refused, before or in the reasons
    *((mode, text, None) for refusal in (
        "I am sorry, I cannot assess this.", "I'm sorry, but I can't assist with that.", "As an AI, I have no view.",
        "I don't feel comfortable giving a verdict.", "There is not enough information to judge it.",
        "Verdict: unable to determine", "抱歉，我无法评价这个回答。", "Lo siento, no puedo evaluar esta respuesta.",
        "Je ne peux pas évaluer cette réponse.", "Ich kann diese Antwort nicht bewerten.",
        "Извините, я не могу оценить этот ответ.", "評価できません。",
    ) for mode, text in (("label", f"{refusal}\n{GOOD}"), ("three", says("not_attempted", refusal)))),
    # Text before, and reasons, that conclude as the verdict does, or conclude nothing
    *((mode, text, verdict) for mode, verdict, texts in (
        ("label", "correct", (
            "I cannot find any error in it.", "I'm sorry if this is brief.", "Actually, both spellings are accepted.",
            "It says “I cannot assess this” of another city.", "因此，该回答是正确的。",
            "The answer states that there is not enough information to decide.", "So the response is not incorrect.",
            "The response ignores the previous instruction.", "Had it said 5, it would have been wrong.",
            "At first the answer is wrong, it seems. But Lutetia was Paris, so it is correct.",
            "The claim that the response is wrong rests on a typo.", "It is not the case that the answer is wrong.",
            "One might say the response is incorrect, but it names the city.",
        )),
        ("label", "incorrect", (
            "The correct answer is Paris.", "The response is correct about the country, not about the city.",
            "The reference answer is correct.", "The method is right. The answer is wrong.", "该回答错误。",
            "The response is correct, but Lyon is no capital.", "正确答案是巴黎。", "It says its answer is correct.",
        )),
        ("five", 5.0, (
            "I would give it a 5.", "It follows all 3 instructions.", "It gives 3 as its result, which is right.",
            "I would have given it a 4 if a step were missing.", "Score 4 would mean a missing step.", "Rating: 5/5",
            "I did not give it a 4 because the tone is right.", "I cannot rate it higher.", "我给5分。",
            "Steps 1 and 2 are right.", "Clarity score: 4, depth score: 5.",
        )),
        ("pair", "A", (
            "B is better in style, A is right.", "I asked whether B is better; it is not.", "B is better organised.",
            "B's code is longer. Assistant A's answer is slightly better because it runs.", "A wins.",
            "Both are equally good, but A is shorter.", "Although Response B is better, as some say, A is right.",
        )),
    ) for one in texts for text in ((f"{one}\n{SAID[verdict]}", SAID[verdict].replace('"so"', json.dumps(one))))),
    # ... and that conclude otherwise
    *((mode, text, None) for mode, verdict, texts in (
        ("label", "correct", (
            "Therefore, the model's answer is incorrect.", "So it is wrong.", "The answer (“Lyon”) is incorrect.",
            "The response is correct in part. Overall, it is not correct.", "因此该回答是错误的。", "该回答不正确。",
            "Die Antwort ist falsch.", "La réponse est donc incorrecte.", "La respuesta es incorrecta.",
            "Ответ неверный.", "回答は間違いです。", "On reflection, the response is wrong.", "[[incorrect]]",
        )),
        ("label", "incorrect", ("The response is correct.", "It names Paris, so it is correct.", "该回答是正确的。")),
        ("five", 5.0, (
            "I'd rate it 3 out of 5.", "4/5", "This deserves a 2.", "更正：我给2分。", "I rate it 3.", "Final score: 2",
        )),
        ("pair", "A", (
            "Overall, Assistant B is the winner.", "Response B is clearly better: it runs.", "I'd go with B.", "[[B]]",
            "Both are right, so this is a tie.", "Therefore, Assistant B's response is superior.",
        )),
    ) for one in texts for text in ((f"{one}\n{SAID[verdict]}", SAID[verdict].replace('"so"', json.dumps(one))))),
    ("three", says("correct", "It says that it does not know, so it is not attempted."), None),
    ("levels", says("A>B", "Response B is better."), None),
    ("levels", says("A>>B", "Response A is better."), "A>>B"),
    # Of a side of the matter, of what was only considered, and of half a sentence
    *((mode, met(reasons=text, **said), tuple(said.values()) if len(said) > 1 else value)
      for mode, said, value, text in list[tuple[str, dict[str, object], object, str]]([
        ("pair", {"verdict": "B"}, "B", "Response A's explanation is better."),
        ("pair", {"verdict": "B"}, "B", "A is better than B in tone, but A is wrong and B is right."),
        ("pair", {"verdict": "A"}, "A", "A names it.\n- **Style**: B is better.\n"),
        ("pair", {"verdict": "A"}, None, "A names it.\n- **Overall**: B is better.\n"),
        ("pair", {"verdict": "A"}, None, "A is good, but B is better."),
        ("pair", {"verdict": "A"}, None, "Thus, **B** is better."),
        ("scale", {"score": 7}, 7.0, "I'd give it a 6 for style and an 8 for accuracy, so 7 overall."),
        ("scale", {"score": 7}, 7.0, "I considered a score of 5, but 7 is fair."),
        ("scale", {"score": 7}, None, "I'd give it a 6 for style alone."),
        ("scale", {"score": 7}, None, "My reasons.\n\\boxed{2}"),
        ("scale", {"score": 7}, 7.0, r"The response says \boxed{2}, which is right."),
        ("label", {"verdict": "incorrect"}, "incorrect", "It is wrong to say that the response is correct."),
        ("label", {"verdict": "incorrect"}, None, "I say that the response is correct."),
      ])),
    *(("levels_of", met(c1="yes", c2=3, reasons=text), value) for text, value in [
        ("c1: yes. c2: 3/4.", ("yes", 3.0)), ("c2: 2 of 3 facts, so 3.", ("yes", 3.0)),
        ("c1: yes. c2: 1", None), ("**c2:** 1/4", None),
    ]),
    # Marks before and after
    *(("label", text, value) for text, value in [
        (f"\ufeff{GOOD}", "correct"), (f"- {GOOD}", "correct"), (f"`{GOOD}`", "correct"),
        (f"```json {GOOD}```", "correct"), (f"**Verdict** {GOOD}", "correct"),
        (f"I will not reply `{GOOD}`", None), (f"I will not reply **{GOOD}**", None),
        (f"It wants me to write - {GOOD}", None), (f"I will not reply ```{GOOD}```", None),
    ]),
    # Lines that label a conclusion, and lines that label a side of the matter
    *((mode, f"{line}\n\n{verdict}", None) for mode, verdict, lines in (
        ("pair", says("A"), ("**Winner: Response B**", "Better response: B", "**Final decision:** Response B",
                             "Preferred: B", "**Answer:** B", "Choice - B")),
        ("label", GOOD, ("Final answer: incorrect.", "Assessment: Incorrect", "Label: incorrect")),
        ("scale", says(7, key="score"), ("**Overall: 3/10**", "Total: 3/10", "Final rating - 3")),
    ) for line in lines),
    *(("label", f"{text}\n{GOOD}", None) for text in (
        'The final verdict is therefore "incorrect".', "I would mark this response as incorrect.",
        "I judge the response incorrect.", "I consider it incorrect.", "The response is therefore marked as incorrect.",
    )),
    ("label", f"I would not mark this response as incorrect.\n{GOOD}", "correct"),
    *(("scale", f"{text}\n{says(score, key='score')}", taken) for text in (
        "Le doy un 7 sobre 10.", "Je lui donne 7 sur 10.", "Dou nota 7 de 10.",
        "Ich gebe der Antwort 7 von 10 Punkten.",
        "Endbewertung: 7/10", "最终评分\uff1a7/10", "Note finale : 7/10",
    ) for score, taken in ((7, 7.0), (10, None), (3, None))),
    ("label", f"Endgültiges Urteil: incorrect\n{GOOD}", None),
    ("label", f"Veredicto: correct\n{GOOD}", "correct"),
    ("scale", f"A typical email of this kind deserves a score of 5.\n{says(7, key='score')}", 7.0),
    ("pair", f"Style: B\nDepth: B\nOverall: A\n\n{says('A')}", "A"),
    ("label", f"Final answer: 42\nReference answer: 42\n\n{GOOD}", "correct"),
    ("scale", f"Clarity: 3/10\nOverall: 7/10\n\n{says(7, key='score')}", 7.0),
    ("scale", says(4, "I was going to give it a 6. I give it a 4.", "score"), 4.0),
    ("pair", says("B", "I'm sorry, but I can't compare these responses."), None),
    ("label", says("incorrect", "The response is partially correct."), "incorrect"),
    # Of other judges' forms
    *((mode, text, None) for mode, text in [
        ("pair", "[[A]]"), ("levels", "My final verdict is: [[A>>B]]"), ("pair", "m"), ("scale", "so. [RESULT] 4"),
        ("three", "A"), ("label", "TRUE"), ("scale", "4"), ("criteria", '{"criteria_met": true}'),
        ("label", "GRADE: C"), ("label", "I'm sorry, but I can't assist with that."), ("label", ""), ("label", "{}"),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("mode", "reply", "expected"), REPLIES)
def test_what_a_reply_says(mode: str, reply: str, expected: object) -> None:
    try:
        verdict, _ = read_reply(reply, CODE, FIELDS[mode])
    except UnclearError:
        assert expected is None
        return
    values = tuple(verdict.values())
    assert (values if len(values) > 1 else values[0]) == expected


def test_a_refusal_that_the_judged_text_holds_is_a_quotation() -> None:
    reply = f"The response: I am sorry, I cannot assess this.\n{BAD}"
    said, _ = read_reply(reply, CODE, FIELDS["label"], [("response", "I am sorry, I cannot assess this.")])
    assert said == {"verdict": "incorrect"}


def test_keys_nested_beyond_all_calls_are_read() -> None:
    nested = '{"a": ' * 900 + '{"label": "incorrect"}' + "}" * 900
    with pytest.raises(UnclearError):
        read_reply(GOOD[:-1] + f', "other": {nested}}}', CODE, FIELDS["label"])


@given(st.lists(st.sampled_from([GOOD, BAD, "<think>", "</think>", "{", "}", '"', "\\", "[[", "incorrect", "\n"])))
def test_any_reply_is_a_verdict_or_unclear(parts: list[str]) -> None:
    try:
        verdict, _ = read_reply("".join(parts), CODE, FIELDS["label"])
    except UnclearError:
        return
    assert verdict["verdict"] in ("correct", "incorrect")
    assert (GOOD if verdict["verdict"] == "correct" else BAD) in parts


@given(st.lists(st.sampled_from([GOOD, BAD, "\n", "So: ", "```", "[", "]", ", "])))
def test_two_verdicts_that_differ_are_none(parts: list[str]) -> None:
    if {GOOD, BAD} <= {*parts}:
        with pytest.raises(UnclearError):
            read_reply("".join(parts), CODE, FIELDS["label"])


def body(content: object, finish: object = "stop", **more: object) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, **more}
    return {"choices": [{"message": message, "finish_reason": finish}], "usage": {"prompt_tokens": 9}}


FILTERED = {"error": {"code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}
UNAVAILABLE, UNCLEAR = "judge_unavailable", "judge_unclear"
ENDS: tuple[object, ...] = ("content_filter", "SAFETY", "refusal", "tool_calls", "OTHER", {})
BODIES: list[tuple[int, object, str]] = [
    *((200, body("OK", end), "correct") for end in ("stop", None, "STOP", "eos", "end_turn", "COMPLETE")),
    *((200, body("OK", end), UNCLEAR) for end in ("length", "MAX_TOKENS", "model_length", "incomplete")),
    *((200, body("OK", end), UNCLEAR) for end in ENDS),
    *((200, body("OK", end), UNAVAILABLE) for end in ("error", "network_error", "abort")),
    (200, body([{"type": "thinking", "thinking": [{"type": "text", "text": "BAD"}]}, {"type": "text", "text": "OK"}]),
     "correct"),
    (200, body([{"type": "refusal", "refusal": "no"}]), UNCLEAR),
    (200, body([{"type": "thinking", "thinking": "OK"}]), UNAVAILABLE),
    (200, body("OK", reasoning_content="BAD", tool_calls=[]), "correct"),
    (200, body("OK", refusal="I can't help with that."), UNCLEAR),
    (200, body(None, reasoning_content="OK"), UNAVAILABLE),
    (200, {"choices": [{"message": {"reasoning_content": "OK"}, "finish_reason": "length"}]}, UNCLEAR),
    (200, {**body("OK"), "usage": []}, "correct"),
    (200, {"choices": [{**body("OK")["choices"][0], "error": {"code": 502}}]}, UNAVAILABLE),
    (200, {"choices": [{**body("OK")["choices"][0], "native_finish_reason": "MAX_TOKENS"}]}, UNCLEAR),
    (200, {"choices": [{**body("OK")["choices"][0], "native_finish_reason": "whatever"}]}, "correct"),
    (200, {**body("OK"), "error": {"code": 502, "message": "Provider returned error"}}, UNAVAILABLE),
    (200, {"error": {"code": 429, "message": "Provider returned error"}}, UNAVAILABLE),
    (400, FILTERED, UNCLEAR),
    (403, {"error": {"message": "Your chosen model requires moderation and your input was flagged"}}, UNCLEAR),
    (500, body("OK"), UNAVAILABLE),
]  # fmt: skip


def test_what_a_server_sends() -> None:
    def script(asked: Asked) -> Told:
        status, sent, _ = BODIES[int(asked.shown("prompt"))]
        good, bad = (json.dumps(one.replace(CODE, asked.code)) for one in (GOOD, BAD))
        return Told(raw=json.dumps(sent).replace('"OK"', good).replace('"BAD"', bad).encode(), status=status)

    with ScriptedServer(script) as server:
        judge = JudgeVerifier(url=server.url, model="m", retries=0)
        samples = [Sample(prompt=str(n), response="Paris", reference="Paris") for n in range(len(BODIES))]
        for (status, sent, expected), verdict in zip(BODIES, judge(samples), strict=True):
            assert verdict.reason.value == expected, (status, sent, verdict.detail)
            assert verdict.score == (1.0 if expected == "correct" else None)


def test_one_row_that_a_filter_refuses_does_not_end_the_asking() -> None:
    def script(asked: Asked) -> Told:
        if asked.shown("prompt") == "0":
            return Told(raw=b'{"error": {"message": "requires moderation and your input was flagged"}}', status=403)
        return Told(GOOD.replace(CODE, asked.code))

    with ScriptedServer(script) as server:
        judge = JudgeVerifier(url=server.url, model="m", retries=0, concurrency=1)
        found = judge([Sample(prompt=str(n), response="a", reference="a") for n in range(4)])
    assert [one.score for one in found] == [None, 1.0, 1.0, 1.0]


def test_a_model_that_takes_neither_temperature_nor_max_tokens_is_asked_without() -> None:
    def script(asked: Asked) -> Told:
        for name in ("max_tokens", "temperature"):
            if name in asked.body:
                message = f"Unsupported parameter: '{name}' is not supported with this model."
                return Told(raw=json.dumps({"error": {"message": message}}).encode(), status=400)
        return Told(GOOD.replace(CODE, asked.code))

    with ScriptedServer(script) as server:
        judge = JudgeVerifier(url=server.url, model="m", max_tokens=77, concurrency=1)
        found = judge([Sample(prompt=str(n), response="a", reference="a") for n in range(5)])
        assert [one.score for one in found] == [1.0] * 5
        assert len(server.asked) == 7  # it is told once of each
        assert server.asked[-1].body["max_completion_tokens"] == 77
        assert "response_format" in server.asked[-1].body


@pytest.mark.parametrize(
    ("headers", "text", "seconds"),
    [
        ({"retry-after": "20"}, "", 20), ({"retry-after": "1.5"}, "", 1.5), ({"retry-after": "1m20s"}, "", 80),
        ({"retry-after-ms": "1500", "retry-after": "2"}, "", 1.5), ({"x-ms-retry-after-ms": "700"}, "", 0.7),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, "", 0), ({"retry-after": "-5"}, "", None),
        ({"retry-after": "nan"}, "", None), ({"retry-after": "soon"}, "", None), ({}, "", None),
        ({}, "Rate limit reached. Please try again in 1m2.5s.", 62.5), ({}, '"retryDelay": "34s"', 34),
        ({}, "Please try again in 300ms.", 0.3),
        ({}, "Please retry after 6 seconds.", 6), ({"x-ratelimit-reset-requests": "6m0s"}, "", None),
    ],
)  # fmt: skip
def test_how_long_a_server_asks_to_wait(headers: dict[str, str], text: str, seconds: float | None) -> None:
    from r1_reward.verifiers.judge.client import _retry_after

    assert _retry_after(headers, text) == seconds
