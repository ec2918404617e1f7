"""The format reward: does the response keep the form asked for, eq. (4)?

The form of the default profile is that of R1-Zero's template (Table 1 of the paper's appendix): exactly one
`<think>…</think>`, then exactly one `<answer>…</answer>`, both with something in them, and nothing else but white
space. The form of R1 itself, in chat, is one think block and then the summary that the user reads.

Before anything is looked at, end-of-turn tokens are taken off the end and `\\r\\n` becomes `\\n`. A response that the
sampler cut off (`finish_reason` of `length` among the sample's other fields) is `truncated`, whatever it looks like.

What it does not do: look at content. A think block of one dot is a think block.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from .. import settings
from ..errors import ConfigError
from ..json_answer import JsonError, SchemaFaultError, Schemas, json_text, read_json
from ..reasoning import Prefilled, Reasoning, Span, scan
from ..sample import Sample
from ..verdict import Reason, Verdict
from ..verifier import judge_each
from .layout import CARDINALITIES, Cardinality, Layout, LayoutCheck, blank, check
from .spans import violation_spans, with_returns
from .violation import Violation

Profile = Literal["r1_zero", "r1_chat", "think_only", "boxed", "json", "custom"]
PROFILES: tuple[Profile, ...] = ("r1_zero", "r1_chat", "think_only", "boxed", "json", "custom")

_LAYOUTS: Mapping[str, Layout] = {
    "r1_zero": Layout(tags={"think": "1", "answer": "1"}),
    "r1_chat": Layout(tags={"think": "1"}, tail="some"),
    "think_only": Layout(tags={"think": "1"}, tail="any"),
}
_PLACE = {violation: place for place, violation in enumerate(Violation)}
_GOOD: Mapping[str, str] = {
    "r1_zero": "one think block, then one answer block",
    "r1_chat": "one think block, then a summary",
    "think_only": "one think block",
    "boxed": "one box",
    "json": "JSON as asked for",
    "custom": "the blocks asked for",
}
END_TOKENS = (
    *("<|im_end|>", "<|endoftext|>", "<｜end▁of▁sentence｜>", "</s>", "<|eot_id|>", "<|end_of_text|>", "<|eom_id|>"),
    *("<end_of_turn>", "<eos>", "<|end|>", "<|return|>", "<|END_OF_TURN_TOKEN|>", "<|endofturn|>", "<pad>", "[EOS]"),
    *("[PAD]", "<|pad|>", "<|padding|>", "<|finetune_right_pad_id|>", "<|PAD_TOKEN|>", "<turn|>"),
    *("<|eot|>", "<|eom|>", "<|observation|>", "<|user|>"),  # Llama 4; GLM
)
"""Tokens that end a turn or pad it, in the usual templates."""
_CUT = frozenset({"length", "max_tokens", "max_length", "truncated"})
_MANY_TAGS = 10_000
_TAG_NAME = re.compile(r"[A-Za-z][\w.:-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatVerifier:
    """1 if the response keeps the form of a profile, else 0; with `mode="graded"` and any violation k / (n + 1), where
    k of the n things asked for are there.

    Evidence: `violations`, each word once, in the order of `Violation`, and `places`, `[start, end, violation]` each,
    for those that stand somewhere in the response. Graded, `parts` holds what is asked for and
    whether it is there (1 or 0). A part counts only where there is something to have it right, and each counts once:
    repeating tags earns nothing.

    >>> verdict, = FormatVerifier()([Sample(response="<think>2 + 2 is 4</think><answer>4</answer> Done.")])
    >>> verdict.score, verdict.evidence["violations"]
    (0.0, ['text_outside'])
    >>> chat = FormatVerifier(profile="r1_chat")
    >>> float(chat([Sample(response="2 + 2 is 4</think>It is 4.", prompt="2 + 2?<think>\\n")])[0])
    1.0
    >>> steps = FormatVerifier(profile="custom", tags=["plan", "step"], cardinality={"step": "+"})
    >>> float(steps([Sample(response="<plan>add</plan><step>1 + 1</step><step>2</step>")])[0])
    1.0
    """

    name = "format"
    """The key of its verdicts."""
    profile: Profile = "r1_zero"
    """Which form."""
    mode: Literal["strict", "graded"] = "strict"
    """All or nothing, or credit for what is there."""
    prefilled: Prefilled = "auto"
    """Whether the prompt gave the opening `<think>`; it is then required of the prompt, not optional."""
    tags: Sequence[str] = ()
    """custom: the names of the tags, in order."""
    order: Literal["given", "any"] = "given"
    """custom: whether blocks must come in the order of `tags`."""
    cardinality: Mapping[str, Cardinality] = field(default_factory=dict)
    """custom: how often a tag comes, `1` (the default), `?`, `*` or `+`."""
    outside: bool = False
    """custom: whether text outside the blocks is fine."""
    schema: Mapping[str, Any] | None = None  # any: a JSON Schema
    """json: a JSON Schema that the JSON must meet."""

    def __post_init__(self) -> None:
        settings.check(self, self.name)
        if self.profile == "custom":
            self._check_custom()
        elif self.tags or self.cardinality or self.outside or self.order != "given":
            raise ConfigError(f"format.tags and its like are for the profile 'custom', not for {self.profile!r}")
        if self.schema is not None:
            if self.profile != "json":
                raise ConfigError(f"format.schema is for the profile 'json', not for {self.profile!r}")
            try:
                Schemas.check(self.schema)
            except SchemaFaultError as fault:
                raise ConfigError(f"format.schema: {fault}") from fault

    def _check_custom(self) -> None:
        if isinstance(self.tags, str) or not self.tags or len(set(self.tags)) < len(self.tags):
            raise ConfigError(f"format.tags is {self.tags!r}; the profile 'custom' needs names, each once")
        for name in self.tags:
            if not isinstance(name, str) or not _TAG_NAME.fullmatch(name):
                raise ConfigError(f"format.tags holds {name!r}; a name is made of letters, digits and . : _ -")
        for name, cardinality in self.cardinality.items():
            if name not in self.tags:
                raise ConfigError(f"format.cardinality names {name!r}, which is not among format.tags")
            settings.check_option(f"format.cardinality[{name!r}]", cardinality, CARDINALITIES)

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample."""
        return judge_each(self._judge, samples)

    def _judge(self, sample: Sample) -> Verdict:
        text = clean(sample.response)
        layout = self._layout()
        cut = _first_tags(text, tuple(layout.tags)) if layout else text
        scanned = scan(cut, sample.prompt, prefilled=self.prefilled)
        checked = self._check(scanned, layout)
        kinds = set(checked.violations)
        if len(cut) < len(text):
            kinds.add(Violation.DUPLICATE_TAG)
        finish = sample.meta.get("finish_reason")
        if isinstance(finish, str) and finish in _CUT:
            kinds.add(Violation.TRUNCATED)
        violations = [violation.value for violation in sorted(kinds, key=_PLACE.__getitem__)]
        graded = self.mode == "graded"
        parts = {name: float(kept) for name, kept in checked.requirements.items()} if graded else {}
        if not violations:
            return Verdict.scored(1.0, Reason.CORRECT, _GOOD[self.profile], parts=parts)
        score = 0.0
        if graded:
            # One more than there are parts: what breaks the form otherwise must cost something too.
            score = sum(parts.values()) / (len(parts) + 1)
        return Verdict.scored(
            score,
            Reason.PARTIAL if score else Reason.BAD_FORMAT,
            "the form is broken: " + ", ".join(violations).replace("_", " "),
            parts=parts,
            evidence={"violations": violations, "places": _spans(scanned, layout, kinds, sample.response)},
        )

    def _layout(self) -> Layout | None:
        """The blocks asked for; None for a profile that is not made of tags."""
        if self.profile != "custom":
            return _LAYOUTS.get(self.profile)
        tags: dict[str, Cardinality] = {name: self.cardinality.get(name, "1") for name in self.tags}
        tail: Literal["none", "any"] = "any" if self.outside else "none"
        return Layout(tags=tags, ordered=self.order == "given", tail=tail, outside=self.outside)

    def _check(self, scanned: Reasoning, layout: Layout | None) -> LayoutCheck:
        if layout is not None:
            return check(scanned, layout)
        return _check_boxed(scanned) if self.profile == "boxed" else _check_json(scanned, self.schema)


def _spans(
    scanned: Reasoning, layout: Layout | None, violations: Collection[Violation], response: str
) -> list[list[int | str]]:
    spans = violation_spans(scanned, layout, violations)
    return list(map(list, with_returns(spans, response) if "\r\n" in response else spans))


def clean(response: str) -> str:
    r"""A response without end-of-turn tokens at its end and with `\n` for `\r\n`.

    >>> clean("4\r\n<|im_end|>\n</s>")
    '4\n'
    """
    return response[: turn_end(response)].replace("\r\n", "\n")


def turn_end(response: str, tokens: Sequence[str] = END_TOKENS) -> int:
    """Where a response ends but for tokens that end or pad a turn.

    >>> turn_end("4<|im_end|></s>")
    1
    """
    end = len(response)
    token: str | None = tokens[0]
    while True:
        stop = end
        while stop and response[stop - 1].isspace():
            stop -= 1
        if token is None or not response.endswith(token, 0, stop):
            token = next((token for token in tokens if response.endswith(token, 0, stop)), None)
        if token is None:
            break
        end = stop - len(token)
    return end


def _first_tags(text: str, names: tuple[str, ...]) -> str:
    """A text up to 10,000 tags: no form has more, and a loop of tags is not read to its end."""
    if text.count(">") > _MANY_TAGS:
        pattern = re.compile(f"</?(?:{'|'.join(map(re.escape, names))})>")
        for tag in islice(pattern.finditer(text), _MANY_TAGS, None):
            return text[: tag.start()]
    return text


def _final(scanned: Reasoning) -> tuple[Span, set[Violation]]:
    """The part that the user reads, and what is wrong with the thinking before it."""
    final = scanned.final
    if final is None:
        return Span(len(scanned.text), len(scanned.text)), {Violation.UNCLOSED_THINK}
    return final, set()


def _check_boxed(scanned: Reasoning) -> LayoutCheck:
    final, violations = _final(scanned)
    boxes = [box for box in scanned.boxes if final.start <= box.span.start and box.span.end <= final.end]
    if not boxes:
        violations.add(Violation.MISSING_BOX)
    if len(boxes) > 1:
        violations.add(Violation.DUPLICATE_BOX)
    if any(not box.closed for box in boxes):
        violations.add(Violation.UNCLOSED_BOX)
    if any(blank(scanned.text, box.body.start, box.body.end) for box in boxes):
        violations.add(Violation.EMPTY_BOX)
    one = len(boxes) == 1
    requirements = {
        "box": one,
        "box_closed": one and Violation.UNCLOSED_BOX not in violations,
        "box_filled": one and Violation.EMPTY_BOX not in violations,
    }
    return LayoutCheck(violations=frozenset(violations), requirements=requirements)


def _check_json(scanned: Reasoning, schema: Mapping[str, Any] | None) -> LayoutCheck:  # any: a JSON Schema
    _, violations = _final(scanned)
    text = json_text(scanned)
    try:
        value = read_json(text)
    except JsonError:
        return LayoutCheck(
            violations=frozenset({*violations, Violation.NOT_JSON}), requirements=_JSON_NONE[schema is None]
        )
    requirements = {"json": True}
    if schema is not None:
        requirements["schema"] = Schemas.faults(schema, value, len(text)) == ""
        if not requirements["schema"]:
            violations.add(Violation.SCHEMA_MISMATCH)
    return LayoutCheck(violations=frozenset(violations), requirements=requirements)


_JSON_NONE: Mapping[bool, Mapping[str, bool]] = {True: {"json": False}, False: {"json": False, "schema": False}}
