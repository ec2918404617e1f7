"""Calls of tools against those that a row asks for: names, arguments, types and values; nothing is ever called.

The rules are BFCL's (AST): as many calls as asked for, each met by one; every required argument, no other than the
tool's; values as given, of the schema's types, 1 for 1.0 but not 1.0 for 1 where the schema says integer. A call of a
tool that there is not, or an argument that it does not have, is named in the evidence. A reference without calls (`[]`)
asks for none.

What it does not do: run a tool, so that two calls with the same effect are not the same call.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..answer import AnswerVerifier
from ..format.verifier import clean
from ..reasoning import Prefilled, scan
from ..sample import Sample
from ..settings import check
from ..verdict import Reason, Verdict
from ..verifier import judge_each
from .calls import Call, CallError, read_calls, rest_of
from .golds import Gold, GoldError, Tool, chosen, converted, example, fault_of, golds_of, optional, same_value, tools_of

_LONGEST = 100_000
"""Characters that are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolsVerifier:
    """1 if the response makes the calls that are asked for and no other, else 0; or the share of them.

    Evidence: `calls` (name and arguments), and where there are any `unknown_tools` and `unknown_arguments`.

    >>> said = ['[area(base=10, height=5)]', '[area(base=10, height="5")]', '[volume(base=10)]']
    >>> gold = '[{"area": {"base": [10], "height": [5], "unit": ["units", ""]}}]'
    >>> [float(verdict) for verdict in ToolsVerifier()([Sample(response=one, reference=gold) for one in said])]
    [1.0, 0.0, 0.0]
    """

    name = "tools"
    """The key of its verdicts."""
    order: Literal["any", "given"] = "any"
    """given: the calls must come in the order of the reference; a row's own `order` goes before."""
    strings: Literal["auto", "exact", "folded"] = "auto"
    """How texts are compared: `folded` as BFCL does, without case, spaces and `,./-_*^`; `auto`: so for its golds."""
    score: Literal["all", "fraction"] = "all"
    """fraction: the calls that are right over the larger of the numbers made and asked for."""
    prefilled: Prefilled = "auto"
    """Whether the prompt gave the opening `<think>`."""

    def __post_init__(self) -> None:
        check(self, self.name)

    def response_to(self, reference: str) -> str:
        """A response that makes the calls of a reference; the reference itself where it cannot be read."""
        try:
            golds = golds_of(Sample(response="", reference=reference))[0]
        except (GoldError, IndexError):
            return reference
        calls = [{"name": gold.name, "arguments": example(gold)} for gold in golds]
        return "\n".join(f"<tool_call>{json.dumps(call)}</tool_call>" for call in calls) or "No tool is needed."

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample."""
        return judge_each(self._judge, samples, accuracy=True)

    def _judge(self, sample: Sample) -> Verdict:
        try:
            tools, golds = tools_of(sample), golds_of(sample)
        except GoldError as error:
            return Verdict.error(Reason.REFERENCE_UNPARSEABLE, str(error))
        if not golds:
            return Verdict.error(Reason.REFERENCE_MISSING, "the sample has no reference calls; [] asks for none")
        order = sample.meta.get("order", self.order)
        reasoning = scan(clean(sample.response), sample.prompt, prefilled=self.prefilled)
        text = reasoning.answer.strip()
        if not text:
            return Verdict.scored(0.0, Reason.NO_ANSWER, "there is neither a call nor an answer")
        if len(text) > _LONGEST:
            return Verdict.scored(0.0, Reason.UNDECIDED, f"{len(text)} characters; {_LONGEST} are read")
        try:
            names = {*(tools or ()), *(gold.name for some in golds for gold in some)}
            calls = [_fitted(call, tools) for call in read_calls(text, names)]
        except CallError as error:
            return Verdict.scored(0.0, Reason.BAD_FORMAT, str(error), answer=text[:400])
        best = max(
            (self._compare(calls, gold, tools, ordered=order == "given") for gold in golds),
            key=lambda verdict: verdict.score or 0.0,
        )
        final = sample.meta.get("final_answer")
        if final is None or not best.score:
            return best
        answered = AnswerVerifier()(
            [replace(sample, response=rest_of(text), reference=str(final), kind="answer", meta={})]
        )[0]
        return best if answered.score == 1.0 else replace(answered, evidence=best.evidence)

    def _compare(
        self, calls: Sequence[Call], golds: Sequence[Gold], tools: Mapping[str, Tool] | None, *, ordered: bool
    ) -> Verdict:
        shown = ", ".join(call.name for call in calls)[:200] or "no call"
        evidence: dict[str, Any] = {"calls": [{"name": c.name, "arguments": dict(c.arguments)} for c in calls[:20]]}
        faults = [_fault(call, tools, golds, evidence) for call in calls]
        left, right = list(range(len(calls))), 0
        for at, gold in enumerate(golds):
            candidates = [p for p in ([at] if ordered else left) if p < len(calls) and not faults[p]]
            place = next((p for p in candidates if self._matches(calls[p], gold, tools)), None)
            if place is not None:
                left.remove(place)
                right += 1
        if right == len(golds) == len(calls):
            detail = "the calls are those asked for" if golds else "no call, as asked for"
            return Verdict.scored(1.0, Reason.CORRECT, detail, answer=shown, evidence=evidence)
        score = right / max(len(golds), len(calls)) if self.score == "fraction" else 0.0
        first = next((fault for fault in faults if fault), "")
        asked = ", ".join(gold.name for gold in golds)[:200] or "none"
        detail = first or (
            f"{len(calls)} calls ({shown}), asked for: {asked}"
            if len(calls) != len(golds)
            else f"{right} of {len(golds)} calls are right: {shown}, asked for: {asked}"
        )
        reason = Reason.PARTIAL if score else Reason.NO_ANSWER if golds and not calls else Reason.WRONG
        return Verdict.scored(score, reason, detail, answer=shown, evidence=evidence)

    def _matches(self, call: Call, gold: Gold, tools: Mapping[str, Tool] | None) -> bool:
        """Whether a call is the one asked for; an argument that has its tool's default may be left out or not."""
        if _plain_name(call.name) != _plain_name(gold.name):
            return False
        arguments = {**{f"#{at}": value for at, value in enumerate(call.positional)}, **call.arguments}
        fold = self.strings == "folded" or (self.strings == "auto" and gold.choices)
        if gold.choices:
            return not set(arguments) - set(gold.arguments) and all(
                chosen(arguments[name], choices, fold=fold) if name in arguments else optional(choices)
                for name, choices in gold.arguments.items()
            )
        both = {**gold.arguments, **arguments}
        tool = _tool(call, tools) if arguments.keys() != gold.arguments.keys() else None
        return all(
            same_value(value, gold.arguments[name], fold=fold)
            if name in arguments and name in gold.arguments
            else tool is not None and _is_default(tool.properties.get(name), value)
            for name, value in both.items()
        )


def _is_default(schema: Any, value: Any) -> bool:  # any: a JSON Schema and a JSON value
    return isinstance(schema, Mapping) and "default" in schema and same_value(value, schema["default"], fold=False)


def _plain_name(name: str) -> str:
    """OpenAI and Mistral allow no dots in names, so models write `math_factorial`."""
    return name.removeprefix("functions.").replace(".", "_")


def _fitted(call: Call, tools: Mapping[str, Tool] | None) -> Call:
    """A call with its arguments named, and texts turned into what the tool's schema says."""
    tool = _tool(call, tools)
    if tool is None:
        return call
    arguments = dict(call.arguments)
    free = [name for name in tool.properties if name not in arguments]
    if 0 < len(call.positional) <= len(free):
        arguments = {**dict(zip(free, call.positional, strict=False)), **arguments}
        call = call._replace(positional=())
    if call.texts:
        arguments = {name: converted(str(text), tool.properties.get(name)) for name, text in arguments.items()}
    return call._replace(arguments=arguments)


def _tool(call: Call, tools: Mapping[str, Tool] | None) -> Tool | None:
    for name, tool in (tools or {}).items():
        if _plain_name(name) == _plain_name(call.name):
            return tool
    return None


def _fault(
    call: Call, tools: Mapping[str, Tool] | None, golds: Sequence[Gold], evidence: dict[str, Any]
) -> str:  # any: JSON values
    """How a call breaks its tool's schema, in a sentence; empty where it does not, or where there are no tools."""
    if tools is None:
        return ""
    tool = _tool(call, tools)
    if tool is None:
        evidence.setdefault("unknown_tools", []).append(call.name)
        return f"there is no tool {call.name!r}"
    strange = [name for name in call.arguments if name not in tool.properties] if tool.closed else []
    if strange:
        evidence.setdefault("unknown_arguments", []).extend(f"{tool.name}.{name}" for name in strange)
        return f"{tool.name} has no argument {strange[0]!r}"
    missing = [name for name in tool.required if name not in call.arguments]
    if missing:
        return f"{tool.name} is called without {missing[0]!r}"
    for name, value in call.arguments.items():
        fault = fault_of(tool.properties.get(name), value)
        if fault and not (value != "" and _is_variable(call.name, name, value, golds)):
            return f"{name} of {tool.name}: {fault}"
    return ""


def _is_variable(tool: str, name: str, value: object, golds: Sequence[Gold]) -> bool:
    """Whether a gold itself has such a value there, of another type than the schema: BFCL has names of variables."""
    options = [
        gold.arguments.get(name) for gold in golds if gold.choices and _plain_name(gold.name) == _plain_name(tool)
    ]
    return any(type(one) is type(value) and chosen(value, [one], fold=True) for some in options for one in some or ())
