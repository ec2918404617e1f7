"""Time and robustness of the format verifier."""

from __future__ import annotations

import random
import time

import pytest

from r1_reward.verifiers import FormatVerifier, Sample, Status

PROFILES = [FormatVerifier(profile=profile) for profile in ("r1_zero", "r1_chat", "think_only", "boxed", "json")]
PROFILES.append(FormatVerifier(profile="custom", tags=["plan", "think", "do"], cardinality={"do": "*"}))

LOOPS = [
    "<think>",
    "</think>",
    "<think></think>",
    "<think>a</think>",
    "<answer></answer><think>",
    "<plan><do></plan>",
    "`<think>`",
    "```\n<think>\n",
    "`<think>\n",
    "\\boxed{",
    "\\boxed{}",
    "{",
    "</s>",
    " </s>\n",
    "<|im_end|>",
    "\r\n",
    "[",
    '{"a":',
    "<",
    "<<think>>",
]


@pytest.mark.parametrize("unit", LOOPS)
def test_a_megabyte_of_loops_is_read_in_linear_time(unit: str) -> None:
    sample = Sample(response=unit * (1_000_000 // len(unit)))
    for verifier in PROFILES[:1] if "plan" not in unit else PROFILES[-1:]:
        assert any(_seconds(verifier, sample) < 4 for _ in range(3)), unit  # quadratic time would be minutes


@pytest.mark.parametrize("unit", LOOPS)
@pytest.mark.parametrize("verifier", PROFILES, ids=lambda verifier: verifier.profile)
def test_every_profile_is_linear(verifier: FormatVerifier, unit: str) -> None:
    sample = Sample(response=unit * (200_000 // len(unit)))
    assert _seconds(verifier, sample) < 8


def _seconds(verifier: FormatVerifier, sample: Sample) -> float:
    start = time.process_time()
    verdict = verifier([sample])[0]
    assert verdict.status is Status.SCORED
    return time.process_time() - start


def test_ordinary_text_is_read_at_megabytes_a_second() -> None:
    body = "We add the two numbers, call `f(x)`, and see that $x = 3$ is right.\n" * 14_000
    sample = Sample(response=f"<think>{body}</think><answer>3</answer>")
    assert any(len(sample.response) / 1e6 / _seconds(FormatVerifier(), sample) > 4 for _ in range(3))


def test_fuzz() -> None:
    pieces = [
        "<think>",
        "</think>",
        "<answer>",
        "</answer>",
        "a",
        " ",
        "\n",
        "```",
        "`",
        "\\boxed{",
        "}",
        "{",
        "\r\n",
        "<|im_end|>",
        "\ud800",
        "\x00",
        "\u202e",
        "[1]",
        '"',
        "<plan>",
        "</do>",
    ]
    rng = random.Random(5)
    for _ in range(1_000):
        response = "".join(rng.choices(pieces, k=rng.randrange(25)))
        for verifier in PROFILES:
            verdict = verifier([Sample(response=response, prompt=rng.choice(["", "<think>\n"]))])[0]
            assert verdict.status is Status.SCORED, (response, verdict.detail)
            assert (verdict.score == 1.0) == ("violations" not in verdict.evidence)
