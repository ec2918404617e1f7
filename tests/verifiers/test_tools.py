"""Calls of tools: every form that models write, what they get wrong, and rows as data sets hold them."""

# ruff: noqa: E501 - a form of a call, one a line

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest

from r1_reward.verifiers import Reason, Sample, Status, ToolsVerifier, Verdict

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "required": ["city"],
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
                "exact": {"type": "boolean"},
            },
        },
    },
}
TIME = {"name": "clock.now", "parameters": {"type": "dict", "properties": {"zone": {"type": "string"}}, "required": []}}
TOOLS = [WEATHER, TIME]
GOLD = [{"name": "get_weather", "arguments": {"city": "Paris", "days": 2}}]
CALL = json.dumps(GOLD[0])


def judge(response: str, reference: Any = None, how: dict[str, Any] | None = None, **meta: Any) -> Verdict:
    text = json.dumps(GOLD if reference is None else reference)
    sample = Sample(response=response, reference=text, kind="tools", meta={"tools": TOOLS, **meta})
    return ToolsVerifier(**how or {})([sample])[0]


FORMS = {
    "llama 4, pythonic": '[get_weather(city="Paris", days=2)]<|eot|>',
    "llama 4, with its header": f"<|header_start|>assistant<|header_end|>\n\n{CALL}<|eot|>",
    "llama 4, marked": f"<|python_start|>{CALL}<|eom|>",
    "glm 4": f"{CALL}<|observation|>",
    "glm 4, its user next": f"<tool_call>{CALL}</tool_call><|user|>",
    "glm 4 9b": 'get_weather\n{"city": "Paris", "days": 2}<|observation|>',
    "gemma 3": '```tool_code\nprint(get_weather(city="Paris", days=2))\n```',
    "anthropic": json.dumps(
        [
            {"type": "text", "text": "Let me look."},
            {"type": "tool_use", "name": "get_weather", "input": {"city": "Paris", "days": 2}},
        ]
    ),
    "langchain": json.dumps({"tool_calls": [{"name": "get_weather", "args": {"city": "Paris", "days": 2}, "id": "1"}]}),
    "hermes": f"<tool_call>\n{CALL}\n</tool_call>",
    "hermes after thinking": f"<think>the weather</think>\n<tool_call>{CALL}</tool_call><|im_end|>",
    "hermes with prose": f"Let me look.\n<tool_call>{CALL}</tool_call>",
    "hermes, as python prints it": f"<tool_call>\n{GOLD[0]}\n</tool_call><|im_end|>",
    "hermes, arguments first": "<tool_call>{'arguments': {'city': 'Paris', 'days': 2}, 'name': 'get_weather'}</tool_call>",
    "hermes, a list as python prints it": f"<tool_call>{GOLD}</tool_call>",
    "hermes, both quotes": """<tool_call>{'name': 'get_weather', 'arguments': {"city": "Paris", 'days': 2}}</tool_call>""",
    "nemotron, as python prints it": f"<TOOLCALL>{GOLD}</TOOLCALL>",
    "hermes left open": f"<tool_call>{CALL}",
    "qwen-coder": "<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n<parameter=days>\n2\n</parameter>\n</function>\n</tool_call>",
    "llama 3.1": '<function=get_weather>{"city": "Paris", "days": 2}</function>',
    "llama 3": '<|python_tag|>{"name": "get_weather", "parameters": {"city": "Paris", "days": 2}}<|eom_id|>',
    "mistral": f"[TOOL_CALLS][{CALL}]</s>",
    "mistral, new": '[TOOL_CALLS]get_weather[ARGS]{"city": "Paris", "days": 2}',
    "deepseek": '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{"city": "Paris", "days": 2}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    "deepseek 3.1": '<｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{"city": "Paris", "days": 2}<｜tool▁call▁end｜>',
    "kimi": '<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": "Paris", "days": 2}<|tool_call_end|>',
    "glm": "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n</tool_call>",
    "xml": '<function_calls><invoke name="get_weather"><parameter name="city">Paris</parameter><parameter name="days">2</parameter></invoke></function_calls>',
    "openai": json.dumps(
        {
            "tool_calls": [
                {"type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris", "days": 2}'}}
            ]
        }
    ),
    "a list": f"[{CALL}]",
    "an object": CALL,
    "a fence": f"```json\n{CALL}\n```",
    "by name": '{"get_weather": {"city": "Paris", "days": 2}}',
    "pythonic": "[get_weather(city='Paris', days=2)]",
    "pythonic, a line": "get_weather(days=2, city='Paris')",
    "pythonic, by place": "[get_weather('Paris', 2)]",
    "harmony": '<|channel|>analysis<|message|>to=functions.get_weather {"city": "Oslo"}<|end|><|start|>assistant<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Paris", "days": 2}<|call|>',
    "harmony, in the role": '<|start|>assistant to=functions.get_weather<|channel|>commentary json<|message|>{"city": "Paris", "days": 2}<|call|>',
    "harmony, without its marks": 'analysisI ask.assistantcommentary to=functions.get_weather json{"city": "Paris", "days": 2}',
    "minimax 1": f"<tool_calls>\n{CALL}\n</tool_calls>",
    "minimax 2": '<minimax:tool_call><invoke name="get_weather"><parameter name="city">Paris</parameter><parameter name="days">2</parameter></invoke></minimax:tool_call>',
    "command r": 'Plan: ask.\nAction: ```json\n[{"tool_name": "get_weather", "parameters": {"city": "Paris", "days": 2}}]\n```',
    "command a": '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "get_weather", "parameters": {"city": "Paris", "days": 2}}]<|END_ACTION|>',
    "mistral, without [ARGS]": '[TOOL_CALLS]get_weather{"city": "Paris", "days": 2}',
    "deepseek 3.2": '<｜DSML｜function_calls><｜DSML｜invoke name="get_weather"><｜DSML｜parameter name="city" string="true">Paris</｜DSML｜parameter><｜DSML｜parameter name="days" string="false">2</｜DSML｜parameter></｜DSML｜invoke></｜DSML｜function_calls>',
    "hunyuan": '<tool_calls><tool_call>get_weather\n```json\n{"city": "Paris", "days": 2}\n```</tool_call></tool_calls>',
    "granite": f"<|tool_call|>[{CALL}]",
    "phi": f"functools[{CALL}]",
    "lfm": "<|tool_call_start|>[get_weather(city='Paris', days=2)]<|tool_call_end|>",
    "olmo": "<function_calls>\nget_weather(city='Paris', days=2)\n</function_calls>",
    "llama 4": "<|python_start|>[get_weather(city='Paris', days=2)]<|python_end|>",
    "internlm": f"<|action_start|><|plugin|>{CALL}<|action_end|>",
    "apertus": '<|tools_prefix|>[{"get_weather": {"city": "Paris", "days": 2}}]<|tools_suffix|>',
    "glaive": '<functioncall> {"name": "get_weather", "arguments": \'{"city": "Paris", "days": 2}\'} <|endoftext|>',
    "functiongemma": "<start_function_call>call:get_weather{city:<escape>Paris<escape>,days:2}<end_function_call>",
    "qwen 2": '✿FUNCTION✿: get_weather\n✿ARGS✿: {"city": "Paris", "days": 2}',
    "react": 'Thought: I ask.\nAction: get_weather\nAction Input: {"city": "Paris", "days": 2}',
    "json after prose": f"I ask for it:\n{CALL}",
    "prefixed": CALL.replace("get_weather", "functions.get_weather"),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_forms_that_models_write(form: str) -> None:
    verdict = judge(FORMS[form])
    assert verdict.score == 1.0, verdict
    changed = FORMS[form].replace("Paris", "Rome")
    assert judge(changed).score == 0.0


@pytest.mark.parametrize("between", ["\n", "; ", "", ", ", "\n\n", "\n```\n```json\n"])
def test_several_json_objects_one_after_the_other(between: str) -> None:
    second = CALL.replace("Paris", "Rome")
    gold = [*GOLD, {"name": "get_weather", "arguments": {"city": "Rome", "days": 2}}]
    text = f"{CALL}{between}{second}"
    text = f"```json\n{text}\n```" if "`" in between else text
    assert judge(text, gold).score == 1.0
    assert judge(text.replace("Rome", "Oslo"), gold).score == 0.0
    assert judge(text, GOLD).score == 0.0


WRONG: list[tuple[str, Reason, str]] = [
    (CALL.replace("2", "3"), Reason.WRONG, "another value"),
    (CALL.replace("2", '"2"'), Reason.WRONG, "a text for a number"),
    (CALL.replace("2", "2.0"), Reason.WRONG, "a float for an integer"),
    (CALL.replace("2", "true"), Reason.WRONG, "true for a number"),
    (CALL.replace('"Paris"', '"paris"'), Reason.WRONG, "another case, where the gold is exact"),
    (CALL.replace(', "days": 2', ""), Reason.WRONG, "an argument less"),
    (CALL.replace('"days": 2', '"days": 2, "unit": "celsius"'), Reason.WRONG, "an argument more"),
    (CALL.replace('"days": 2', '"days": 2, "hours": 2'), Reason.WRONG, "an argument that there is not"),
    (CALL.replace("get_weather", "get_forecast"), Reason.WRONG, "a tool that there is not"),
    (f"[{CALL}, {CALL}]", Reason.WRONG, "a call more"),
    ("[clock.now(zone='CET')]", Reason.WRONG, "another tool"),
    ("It is sunny in Paris.", Reason.NO_ANSWER, "no call"),
    ("<think>" + CALL + "</think>It is sunny.", Reason.NO_ANSWER, "thought of and not made"),
    ("<tool_call>{'name': 'get_weather'</tool_call>", Reason.BAD_FORMAT, "no JSON"),
    (
        "<tool_call>{'name': 'get_weather', 'arguments': {'city': 'Rome', 'city': 'Paris', 'days': 2}}</tool_call>",
        Reason.BAD_FORMAT,
        "a key twice in python",
    ),
    (
        "<tool_call>{'name': 'get_weather', 'arguments': {'city': str('Paris'), 'days': 2}}</tool_call>",
        Reason.BAD_FORMAT,
        "a call in python",
    ),
    (
        "<tool_call>{'name': 'get_weather', 'arguments': {'city': 'Paris', 'days': 1 + 1}}</tool_call>",
        Reason.BAD_FORMAT,
        "a sum in python",
    ),
    (
        "<tool_call>{'name': 'get_weather', 'arguments': {'city': 'Paris', 'days': 2, 3: 4}}</tool_call>",
        Reason.BAD_FORMAT,
        "a number as a key",
    ),
    (
        "<tool_call>{'name': 'get_weather', 'arguments': {'city': b'Paris', 'days': 2}}</tool_call>",
        Reason.BAD_FORMAT,
        "bytes",
    ),
    (
        "<tool_call>{'name': 'get_weather', 'arguments': {'city': {'Paris'}, 'days': 2}}</tool_call>",
        Reason.BAD_FORMAT,
        "a set",
    ),
    (
        "<tool_call>{'name': 'get_weather', 'arguments': {'city': 'Paris', **{'days': 2}}}</tool_call>",
        Reason.BAD_FORMAT,
        "unpacked",
    ),
    (
        "<tool_call>{'name': 'get_weather', 'arguments': {'city': 'Paris', 'days': '2'}}</tool_call>",
        Reason.WRONG,
        "a text",
    ),
    (
        "<tool_call>{'name': 'get_weather', 'arguments': {'city': 'Paris', 'days': True}}</tool_call>",
        Reason.WRONG,
        "True",
    ),
    (
        '<tool_call>{"name": "get_weather", "arguments": {"city": "\'", "days": 2},}</tool_call>',
        Reason.BAD_FORMAT,
        "a comma",
    ),
    (
        '<tool_call>{"name": "get_weather", "arguments": {"city": "Paris", "city": "Rome"}}</tool_call>',
        Reason.BAD_FORMAT,
        "a key twice",
    ),
    (
        '{"name": "get_weather", "arguments": {"city": "Rome", "city": "Paris", "days": 2}}; ' + CALL,
        Reason.BAD_FORMAT,
        "a key twice in one of several",
    ),
    (
        '<tool_call>{"name": "f", "name": "g", "arguments": {"a": "</tool_call>"}}</tool_call>',
        Reason.BAD_FORMAT,
        "a key twice beside a quoted tag",
    ),
    (
        "<|channel|>analysis<|message|>to=functions.get_weather "
        + json.dumps(GOLD[0]["arguments"])
        + "<|end|><|start|>assistant<|channel|>final<|message|>It is sunny.",
        Reason.NO_ANSWER,
        "thought of in the analysis channel",
    ),
    ("[get_weather(city=__import__('os').system('touch /tmp/r1_tool'), days=2)]", Reason.NO_ANSWER, "no literal"),
    ("[get_weather(city=open('/etc/passwd').read(), days=2)]", Reason.NO_ANSWER, "no literal either"),
    ("", Reason.NO_ANSWER, "nothing"),
]


@pytest.mark.parametrize(("response", "reason", "why"), WRONG, ids=[case[2] for case in WRONG])
def test_what_models_get_wrong(response: str, reason: Reason, why: str) -> None:
    verdict = judge(response)
    assert (verdict.score, verdict.reason) == (0.0, reason), verdict


def test_what_there_is_not_is_named() -> None:
    assert judge(CALL.replace("get_weather", "get_forecast")).evidence["unknown_tools"] == ["get_forecast"]
    assert judge(CALL.replace("days", "hours")).evidence["unknown_arguments"] == ["get_weather.hours"]
    assert "none of" in judge('{"name": "get_weather", "arguments": {"city": "Paris", "unit": "kelvin"}}').detail


def test_a_tag_quoted_in_an_argument_ends_no_call() -> None:
    gold = [{"name": "clock.now", "arguments": {"zone": "a </tool_call> b"}}]
    call = json.dumps(gold[0])
    assert judge(f"<tool_call>{call}</tool_call>", gold).score == 1.0
    assert judge(f"<tool_call>{call}</tool_call><tool_call>{CALL}</tool_call>", gold + GOLD).score == 1.0
    assert judge("<tool_call>" + call.replace("b", "c") + "</tool_call>", gold).score == 0.0


def test_a_mark_inside_the_text_of_an_argument_is_no_call() -> None:
    written = {"name": "get_weather", "arguments": {"city": "<function=clock.now></function>"}}
    response = f"<tool_call>{json.dumps(written)}</tool_call>"
    assert judge(response, [{"name": "clock.now", "arguments": {}}]).correct is False
    assert judge(response, [written]).correct


@pytest.mark.parametrize(
    ("made", "asked", "right"),
    [({"n": 5}, {}, True), ({}, {"n": 5}, True), ({"n": 6}, {}, False), ({}, {"n": 6}, False), ({"n": "5"}, {}, False)],
)
def test_an_argument_with_its_default_may_be_left_out(made: Any, asked: Any, right: bool) -> None:
    tool = {"name": "f", "parameters": {"type": "object", "properties": {"n": {"type": "integer", "default": 5}}}}
    response = json.dumps({"name": "f", "arguments": made})
    assert judge(response, [{"name": "f", "arguments": asked}], tools=[tool]).correct is right


def test_parallel_calls_in_any_order_or_as_asked() -> None:
    gold = [*GOLD, {"name": "clock.now", "arguments": {"zone": "CET"}}]
    swapped = "[clock_now(zone='CET'), get_weather(city='Paris', days=2)]"
    assert judge(swapped, gold).score == 1.0
    assert judge(swapped, gold, order="given").score == 0.0
    assert judge(swapped, gold[::-1], {"order": "given"}).score == 1.0
    assert judge("[clock_now(zone='CET')]", gold, {"score": "fraction"}).score == 0.5
    assert judge("[clock_now(zone='CET')]" * 2, gold, {"score": "fraction"}).score in (0.0, 0.5)


def test_several_golds_and_none() -> None:
    either = [GOLD, [{"name": "clock.now", "arguments": {}}]]
    assert judge("[clock.now()]", either).score == judge(CALL, either).score == 1.0
    assert judge("I cannot do that.", []).score == 1.0
    assert judge(CALL, []).score == 0.0
    assert ToolsVerifier()([Sample(response=CALL, kind="tools")])[0].reason is Reason.REFERENCE_MISSING


def test_an_empty_list_of_references_asks_for_no_call() -> None:
    said = [f"<tool_call>{CALL}</tool_call>", "No tool is needed.", 'Answer\n{"city": "Paris"}']
    verdicts = ToolsVerifier()(
        [Sample(response=one, reference=[], kind="tools", meta={"tools": TOOLS}) for one in said]
    )
    assert [verdict.score for verdict in verdicts] == [0.0, 1.0, 1.0]
    assert ToolsVerifier()([Sample(response="no", kind="tools")])[0].reason is Reason.REFERENCE_MISSING


def test_the_choices_of_bfcl() -> None:
    gold = [{"get_weather": {"city": ["Paris", "Paris, France"], "days": [2, ""], "unit": ["", "celsius"]}}]
    for right in ("city='paris'", "city='Paris,France', days=2", "city='Paris', unit='celsius'"):
        assert judge(f"[get_weather({right})]", gold).score == 1.0, right
    for wrong in ("days=2", "city='Lyon'", "city='Paris', days=3", "city='Paris', unit='fahrenheit'"):
        assert judge(f"[get_weather({wrong})]", gold).score == 0.0, wrong
    assert judge("[f(x='1.5')]", [{"f": {"x": ["15"]}}], tools=None).score == 0.0
    assert judge("[f(a={'x': 1, 'y': [True]})]", [{"f": {"a": [{"x": [1], "y": [[True]]}]}}], tools=None).score == 1.0


def test_every_gold_is_met_by_the_response_to_it() -> None:
    golds: list[Any] = [
        GOLD,
        [],
        [{"get_weather": {"city": ["Paris"], "days": ["", 2], "unit": ["celsius"]}}],
        [{"f": {"a": [{"x": [1], "y": ["", 2]}], "b": [[{"z": ["q"]}]]}}],
        ["get_weather(city='Paris')", "clock.now()"],
    ]
    for gold in golds:
        response = ToolsVerifier().response_to(json.dumps(gold))
        assert judge(response, gold, tools=TOOLS if "f" not in str(gold)[:5] else None).score == 1.0, (gold, response)


def test_a_trajectory_with_its_final_answer() -> None:
    text = f"<tool_call>{CALL}</tool_call>\nThe answer is 21 degrees."
    assert judge(text, final_answer="21 degrees").score == 1.0
    assert judge(text, final_answer="22 degrees").score == 0.0
    turns = [["get_weather(city='Paris', days=2)"], ["clock.now(zone='CET')"]]
    assert judge(f"<tool_call>{CALL}</tool_call><tool_call>clock.now(zone='CET')</tool_call>", turns).score == 1.0


ROWS: list[dict[str, Any]] = [
    {"reference": json.dumps(GOLD), "tools": json.dumps(TOOLS)},
    {"reference": CALL, "functions": [WEATHER["function"]]},
    {
        "reference": json.dumps(
            [{"type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris", "days": 2}'}}]
        )
    },
    {"reference": "[get_weather(city='Paris', days=2)]"},
    {
        "reference": json.dumps(GOLD),
        "tools": json.dumps(
            [
                {
                    "name": "get_weather",
                    "parameters": {"city": {"type": "str"}, "days": {"type": "int, optional", "default": 1}},
                }
            ]
        ),
    },
]


@pytest.mark.parametrize("row", ROWS, ids=range(len(ROWS)))
def test_the_forms_of_rows(row: dict[str, Any]) -> None:
    for response, score in ((CALL, 1.0), (CALL.replace("2", "3"), 0.0)):
        sample = Sample.from_dict({"response": response, "kind": "tools", **row})
        assert ToolsVerifier()([sample])[0].score == score


def test_rows_that_cannot_be_read_are_errors() -> None:
    for meta, reference in (({"tools": [{"no": "name"}]}, CALL), ({}, '{"a": 1, "b": 2}'), ({}, '"text"')):
        verdict = ToolsVerifier()([Sample(response=CALL, reference=reference, kind="tools", meta=meta)])[0]
        assert (verdict.status, verdict.reason) == (Status.ERROR, Reason.REFERENCE_UNPARSEABLE), verdict


def test_never_raises_and_stays_quick() -> None:
    rng = random.Random(11)
    pieces = [
        "<tool_call>",
        "</tool_call>",
        "<function=f>",
        "</function>",
        "[TOOL_CALLS]",
        "<|python_tag|>",
        CALL,
        "{",
        "}",
        "[",
        "]",
        "f(",
        "a=1",
        ")",
        ",",
        '"',
        ";",
        "\n",
        "<parameter=a>",
        "<arg_key>",
        "```",
        "<tool_calls>",
        "to=functions.f ",
        "<escape>",
        "Action: f\nAction Input: ",
        "<|channel|>analysis<|message|>",
        "\ud800",
    ]
    for _ in range(600):
        text = "".join(rng.choices(pieces, k=rng.randrange(14)))
        assert judge(text).status is Status.SCORED, text
    for unit in (
        "<tool_call>",
        "<parameter=a>",
        "[TOOL_CALLS]",
        "<tool_calls>",
        "Action: f\n",
        "to=functions.f {",
        "\n{",
        "✿FUNCTION✿: f ",
        "f(",
        "[",
        '{"a":',
        "-",
        "<arg_key>",
        "<｜tool▁call▁begin｜>f ",
        ";",
    ):
        start = time.process_time()
        judge(("<tool_call>" if unit != "f(" else "[") + unit * (100_000 // len(unit)))
        assert time.process_time() - start < 2, unit
