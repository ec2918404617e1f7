"""Towers of powers: nothing is allocated before its size is known, and powers modulo n are computed as such."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.verifiers import MathVerifier, Reason, Sample, Verdict
from r1_reward.verifiers.math.exact import residue
from r1_reward.verifiers.math.tree import Node, num

TOWER = "3^{3^{3^{3}}}"


def judge(answer: str, gold: str) -> Verdict:
    return MathVerifier()([Sample(response=rf"\boxed{{{answer}}}", reference=gold)])[0]


@pytest.mark.parametrize(
    ("answer", "gold", "score"),
    [
        (rf"{TOWER} \bmod 7", "6", 1.0),
        (rf"{TOWER} \bmod 7", "5", 0.0),
        (rf"({TOWER} + 1) \bmod 7", "0", 1.0),
        (r"10^{10^{10}} \bmod 7", "4", 1.0),
        (r"7^{7^{7^7}} \bmod 10", "3", 1.0),
        (r"6^{6^{6^6}} \bmod 12", "0", 1.0),
        (r"7^{100000} \bmod 13", str(pow(7, 100_000, 13)), 1.0),
        (r"2^{3^{4^5}} \bmod 12", str(pow(2, 3**4**5, 12)), 1.0),
        (r"3^{-1} \bmod 7", "5", 1.0),
        (r"100! \bmod 101", "100", 1.0),
        (r"17 \bmod 5", "2", 1.0),
        (r"2.5 \bmod 2", "0.5", 1.0),
    ],
)
def test_powers_modulo_a_number(answer: str, gold: str, score: float) -> None:
    assert judge(answer, gold).score == score
    assert judge(gold, answer).score == score


@given(base=st.integers(0, 40), first=st.integers(1, 6), second=st.integers(0, 7), modulus=st.integers(1, 400))
def test_residue_agrees_with_the_number_itself(base: int, first: int, second: int, modulus: int) -> None:
    tower = Node("pow", (num(base), Node("pow", (num(first), num(second)))))
    assert residue(tower, modulus) == base ** (first**second) % modulus


@given(base=st.integers(0, 60), second=st.integers(17, 19), modulus=st.integers(1, 5_000))
def test_residue_of_what_is_too_large_to_write_out(base: int, second: int, modulus: int) -> None:
    exponent = Node("pow", (num(2), Node("pow", (num(2), num(second)))))  # of 2 ** 17 bits and more
    assert residue(Node("pow", (num(base), exponent)), modulus) == pow(base, 1 << (1 << second), modulus)


HOSTILE = [
    rf"{TOWER} \bmod 3.5",
    rf"{TOWER} \bmod \pi",
    rf"{TOWER}.5 \bmod 7",
    r"3.5^{10^{13}} \bmod 7",
    rf"\lfloor {TOWER} / 7 \rfloor",
    rf"\lceil \sqrt{{2}} \cdot {TOWER} \rceil",
    rf"\gcd({TOWER}, 6)",
    rf"\binom{{{TOWER}}}{{2}}",
    rf"({TOWER})!",
    rf"\sin({TOWER})",
    r"\sum_{k=1}^{9} k^{k^{k^k}} \bmod 7",
    r"2^{2^{2^{2^{2^{2}}}}} \bmod 999999937^2",
    rf"{TOWER} \bmod ({TOWER} + 1)",
    r"2^{1^{3^{3^{3^3}}}} \bmod 12",
    "1e999999999",
]


def test_no_tower_allocates_what_it_stands_for() -> None:
    """Each in a gigabyte of address space and some seconds: a number, a decision that is open, but no crash."""
    program = (
        "import resource, sys, json; from r1_reward.verifiers import MathVerifier, Sample\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (60, 60))\n"
        "for text in json.loads(sys.argv[1]):\n"
        "    for answer, gold in ((text, '2'), ('2', text)):\n"
        "        verdict, = MathVerifier()([Sample(response=rf'\\boxed{{{answer}}}', reference=gold)])\n"
        "        print(verdict.reason, text)\n"
    )
    import json

    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(HOSTILE)], capture_output=True, text=True, timeout=120, check=True
    )
    found = done.stdout.splitlines()
    assert len(found) == 2 * len(HOSTILE)
    assert not [line for line in found if line.startswith((Reason.GRADER_CRASHED, Reason.CORRECT))]
