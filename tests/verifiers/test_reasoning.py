"""The scanner: what counts as a tag, a block, a box; exact spans; linear time."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.verifiers import Message, scan
from r1_reward.verifiers.reasoning import ends_in_think

PIECES = [
    "<think>", "</think>", "<answer>", "</answer>", "`", "``", "```", "```python\n", "\n```\n", "~~~\n", "\n", "\r\n",
    "\\boxed{", "\\fbox {", "{", "}", "\\{", "\\}", "\\", "\\\\", "x", "<", "</", "think>", " ", "4", "\x00", "\ud800",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text()


@given(texts, st.sampled_from(["auto", True, False]))
def test_never_raises_and_spans_slice_back(text: str, prefilled: object) -> None:
    scanned = scan(text, prefilled=prefilled)  # type: ignore[arg-type]  # the three allowed values
    for tag in scanned.tags:
        assert text[tag.start : tag.end] == f"<{'/' * tag.closing}{tag.name}>"
    for block in scanned.blocks:
        whole, body = block.span.of(text), block.body.of(text)
        assert whole.endswith(f"{body}</{block.name}>" if block.closed else body)
        assert whole.startswith(f"<{block.name}>") or (prefilled is True and block.span.start == 0)
    for box in scanned.boxes:
        assert box.span.of(text).lstrip("\\").startswith(("boxed", "fbox"))
        assert box.span.of(text).endswith(box.body.of(text) + "}" * box.closed)
    for fence in scanned.fences:
        assert fence.body.of(text) in fence.span.of(text)
        assert fence.span.of(text).lstrip(" ")[:3] in ("```", "~~~")
    for code in scanned.inline_code:
        assert code.of(text).startswith("`")
        assert "\n" not in code.of(text)
    assert [tag.start for tag in scanned.tags] == sorted(tag.start for tag in scanned.tags)
    assert scanned.final is None or scanned.final.end == len(text)


@given(texts)
def test_boxes_do_not_overlap(text: str) -> None:
    closed = [box for box in scan(text).boxes if box.closed]
    assert all(a.span.end <= b.span.start for a, b in pairwise(closed))


@pytest.mark.parametrize(
    ("text", "final", "why"),
    [
        ("4", "4", "no tags: everything"),
        ("<think>a</think>b", "b", "after the think"),
        ("a</think>b", "b", "a template that gave the opening tag away and a log that lost it"),
        ("<think>a</think>b</think>c", "c", "after the last closing tag"),
        ("<think>a", None, "cut off inside the think"),
        ("<think>a</think>b<think>c", None, "opened again and never closed"),
        ("<think>a</think>b<think>c</think>d", "d", "opened again and closed"),
        ("<think>say `</think>` and</think>4", "4", "a tag in inline code is text"),
        ("<think>\n```\n</think>\n```\n</think>4", "4", "a tag in a closed fence is text"),
        ("<think>\n```\nx</think>4", "4", "a fence left open hides nothing"),
        (
            "<think>\n```\nx</think>\n```python\ny\n```\n",
            "\n```python\ny\n```\n",
            "cut short by a fence with a language",
        ),
        ("<think>a ` b</think>4 ` 5", None, "two backticks close together on one line are inline code"),
        ("<think>a ` b\n</think>\n4 ` 5", "\n4 ` 5", "backticks on different lines do not pair"),
        ("<Think>a</Think>4", "<Think>a</Think>4", "spelled otherwise: no tag"),
    ],
)
def test_final_text(text: str, final: str | None, why: str) -> None:
    scanned = scan(text)
    assert (None if scanned.final is None else scanned.final.of(text)) == final, why


def test_stray_backticks_far_apart_do_not_hide_a_tag() -> None:
    text = "<think>a ` b" + " c" * 200 + "</think> 4 ` 5"
    assert scan(text).final is not None


@pytest.mark.parametrize(
    ("text", "boxes", "why"),
    [
        (r"\boxed{4}", ["4"], "plain"),
        (r"\fbox{4}", ["4"], "the other command"),
        (r"\boxed {4}", ["4"], "a space before the brace"),
        (r"\boxed{\frac{1}{2}}", [r"\frac{1}{2}"], "balanced braces"),
        (r"\boxed{\{1, 2\}}", [r"\{1, 2\}"], "escaped braces are text"),
        (r"\boxed{\text{\boxed{4}}}", [r"\text{\boxed{4}}"], "nested: the outermost"),
        (r"\boxed{4} or \boxed{5}", ["4", "5"], "two"),
        (r"\boxed{}", [""], "empty"),
        (r"put it in \boxed", [], "no brace: a mention"),
        (r"\\boxed{4}", ["4"], "escaped once too often by a log"),
        (r"{ \boxed{4}", ["4"], "a stray brace before"),
        ("`\\boxed{4}`", ["4"], "in code too: models do write that"),
    ],
)
def test_closed_boxes(text: str, boxes: list[str], why: str) -> None:
    scanned = scan(text)
    assert [box.body.of(text) for box in scanned.boxes if box.closed] == boxes, why
    assert all(box.closed for box in scanned.boxes), why


@pytest.mark.parametrize(
    ("text", "last", "why"),
    [
        (r"\boxed{4} so \boxed{5", "5", "cut off"),
        (r"\boxed{\frac{1}{2}", r"\frac{1}{2}", "one brace short"),
        (r"<think>\boxed{4</think>} then", "4", "a brace does not close across a tag"),
    ],
)
def test_box_left_open(text: str, last: str, why: str) -> None:
    box = scan(text).boxes[-1]
    assert not box.closed, why
    assert box.body.of(text) == last, why


def test_closed_box_after_one_left_open_counts() -> None:
    text = r"\boxed{4 and so \boxed{5} is it"
    assert [box.body.of(text) for box in scan(text).boxes if box.closed] == ["5"]


@pytest.mark.parametrize(
    ("prompt", "given_"),
    [
        ("<|User|>2 + 2?<|Assistant|><think>\n", True),
        ("<|im_start|>assistant\n<think>\n", True),
        ("<|im_start|>assistant\n<think>\n\n", True),
        ("What does <think> mean?", False),
        ("Is it `<think>`", False),
        ("", False),
        ([Message(role="user", content="x"), Message(role="assistant", content="<think>\n")], True),
        ([Message(role="user", content="say <think>")], False),
        ([], False),
    ],
)
def test_prefilled_is_read_off_the_prompt(prompt: str | list[Message], given_: bool) -> None:
    assert ends_in_think(prompt) is given_
    assert scan("a</think>b", prompt).prefilled is given_
    assert scan("a</think>b", prompt, prefilled=True).prefilled is True
    assert scan("a</think>b", prompt, prefilled=False).prefilled is False


def test_prefilled_response_that_never_closes_has_no_final_text() -> None:
    assert scan(r"\boxed{4}", "<think>\n").final is None


def test_chain_of_thought() -> None:
    def thought(text: str, prompt: str = "") -> str | None:
        scanned = scan(text, prompt)
        return scanned.chain_of_thought.of(text) if scanned.chain_of_thought else None

    assert thought("<think>a</think>b") == "a"
    assert thought("a</think>b", "<think>") == "a"
    assert thought("a</think>b") == "a"
    assert thought("<think>a") == "a"
    assert thought("a", "<think>") == "a"
    assert thought("a") is None


def test_fences_and_their_languages() -> None:
    text = "a\n```Python x\nb\n```\n~~~\nc\n~~~\n````\n```\nd\n```\n````\n"
    scanned = scan(text)
    assert [(fence.language, fence.body.of(text)) for fence in scanned.fences] == [
        ("python", "b\n"),
        ("", "c\n"),
        ("", "```\nd\n```\n"),
    ]


MEGABYTE = 1_000_000
ADVERSARIAL = {
    "opens": "<think>",
    "closes": "</think>",
    "all": "<think></think><answer></answer>",
    "quoted": "`<think>`",
    "almost": "</think",
    "angles": "<",
    "backticks": "<think>`a",
    "growing backticks": "".join("`" * n + "a" for n in range(1400)),
    "fences": "<think>\n```\n",
    "fences with languages": "<think>\n```a\n",
    "shrinking fences": "".join("`" * n + "\n" for n in range(1400, 3, -1)),
    "boxes": "\\boxed{",
    "spaced boxes": "\\boxed" + " " * 100,
    "braces": "\\boxed{" + "{a}" * 100,
    "backslashes": "\\boxed{" + "\\" * 1000,
    "tagged boxes": "\\boxed{<answer>",
}


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_a_hostile_megabyte_is_scanned_in_linear_time(name: str) -> None:
    unit = ADVERSARIAL[name]

    def seconds(size: int) -> float:
        text = unit * (size // len(unit) + 1)
        start = time.process_time()
        scanned = scan(text)
        assert scanned.tags is not None
        assert scanned.final is None or scanned.final.end == len(text)
        assert scanned.boxes is not None
        return time.process_time() - start

    # Quadratic time would be minutes; a busy machine can take several times what a quiet one does.
    assert any(seconds(MEGABYTE) < 5 for _ in range(2))
