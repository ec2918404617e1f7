"""Hostile input: a verdict in bounded time and memory, never `correct`, and nothing of it is carried out."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from r1_reward.verifiers import MathVerifier, Sample

SECONDS = 3.0
"""What one verdict may take once warm, on any machine; the benchmark measures."""
BYTES = 100 << 20

MEGABYTE = 1 << 20


def boxed(answer: str) -> str:
    return rf"\boxed{{{answer}}}"


NUMBERS = {
    "power tower": "9^{9^{9^{9^9}}}",
    "tower from an issue": r"\dfrac{5^{\left(5^{\left(5^{\left(5^5\right)}\right)} - 4\right)} - 5}{16}",
    "negative tower": "2^{-2^{2^{2^{100}}}}",
    "tower of e": "e^{e^{e^{e^{100}}}}",
    "long tower": "2^" * 500 + "2",
    "power of a fraction": r"(\frac{12345678901}{98765432109})^{99999}",
    "huge factorial": "99999999!",
    "factorials of factorials": "((((9!)!)!)!)!",
    "many marks": "3" + "!" * 5000,
    "double factorials": "3" + "!!" * 5000,
    "huge binomial": r"\binom{10^{9}}{5\cdot10^{8}}",
    "binomial at the cap": r"\binom{1000000}{3000}",
    "huge permutation": "P_{1000000}^{500000}",
    "huge sum": r"\sum_{k=1}^{10^{12}} k",
    "sum of sums": r"\sum_{a=1}^{2000}\sum_{b=1}^{2000}\sum_{c=1}^{2000} abc",
    "huge product": r"\prod_{k=1}^{2000} k^{k^{k}}",
    "product of powers": r"\prod_{k=1}^{2000} 2^{65000}",
    "many digits": "9" * 9_000,
    "a million digits": "9" * MEGABYTE,
    "digits after the point": "0." + "3" * 9_000,
    "a long repeating decimal": r"0.\overline{" + "3" * 9_000 + "}",
    "exponent of a literal": "1e999999999",
    "negative exponent of a literal": "1e-999999999",
    "huge root": r"\sqrt[99999999]{2}",
    "root of a huge number": r"\sqrt{10^{99999999}}",
    "log of a tower": r"\log_{2^{2^{2^{2^9}}}} 3",
    "huge gcd": r"\gcd(2^{60000}-1, 3^{40000}-1)",
    "repeated squaring": "(" * 30 + "9^9" + ")^9" * 30,
    "product of big numbers": r"\cdot".join(["2^{60000}"] * 200),
    "sum of big fractions": "+".join(rf"\frac{{1}}{{{10**40 + i}}}" for i in range(150)),
    "polynomial powers": "(x+y+z)^{99999}",
    "nested polynomial powers": "((((x+1)^{99}+1)^{99}+1)^{99}+1)^{99}",
    "trigonometric tower": r"\sin(" * 30 + "10^{300}" + ")" * 30,
    "trig of the huge": r"\sin(10^{10^{10}})",
    "tan of complex": r"\tan(i 10^{9})",
    "gamma of the huge": "(10^{30}+0.5)!",
    "zero over zero": "0/0",
    "determinant": r"\begin{vmatrix}" + r"\\".join("&".join("x" * 9) for _ in range(9)) + r"\end{vmatrix}",
    "determinant of eight": r"\begin{vmatrix}"
    + r"\\".join("&".join(f"x_{i}{j}" for j in range(8)) for i in range(8))
    + r"\end{vmatrix}",
}
STRUCTURE = {
    "parentheses": "(" * 5_000 + "1" + ")" * 5_000,
    "open parentheses": "(" * 9_999,
    "close parentheses": ")" * 9_999,
    "brackets": "[" * 5_000 + "1" + "]" * 5_000,
    "braces": "{" * 4_000 + "1" + "}" * 4_000,
    "sets": r"\{" * 2_000 + "1" + r"\}" * 2_000,
    "bars": "|" * 5_000,
    "bars around names": "|x" * 3_000,
    "fractions": r"\frac{1}{" * 1_000 + "1" + "}" * 1_000,
    "fractions without braces": r"\frac" * 1_500,
    "roots": r"\sqrt{" * 1_500 + "1" + "}" * 1_500,
    "roots without braces": r"\sqrt" * 1_900,
    "roots of roots": r"\sqrt[\sqrt[\sqrt[2]{2}]{2}]{2}" * 100,
    "sines": r"\sin" * 2_000 + "x",
    "sums": r"\sum" * 2_000 + "x",
    "indices": "x_" * 4_000 + "1",
    "indices in braces": "x_{" * 2_000 + "1" + "}" * 2_000,
    "exponents": "x^{" * 3_000 + "2" + "}" * 3_000,
    "signs": "-" * 9_000 + "1",
    "plus or minus": r"\pm 1" * 1_000,
    "plus or minus in a tuple": "(" + ",".join([r"\pm 1"] * 50) + ")",
    "commas": "1," * 4_900,
    "empty commas": "," * 9_900,
    "a long list": ",".join(map(str, range(190))),
    "lists of roots": ",".join(rf"\sqrt{{{i}}}+\pi" for i in range(100)),
    "ands": " and ".join("1" * 2_000),
    "equals": "x=" * 3_000 + "1",
    "inequalities": "1<" * 3_000 + "x",
    "text in text": r"\text{" * 1_500 + "1" + "}" * 1_500,
    "unclosed text": r"\text{" * 1_900,
    "environments": r"\begin{pmatrix}" * 300 + "1" + r"\end{pmatrix}" * 300,
    "a wide matrix": r"\begin{pmatrix}" + "1&" * 4_000 + r"1\end{pmatrix}",
    "ampersands": "&" * 9_000,
    "line breaks": r"\\" * 4_900,
    "intervals": r"(1,2)\cup" * 500 + "(3,4)",
    "overlapping intervals": r"\cup".join(rf"({i},{i + 2})" for i in range(55)),
    "many names": "+".join(f"x_{{{i}}}" for i in range(280)),
    "percent signs": "5" + "%" * 5_000,
    "degree signs": "5" + r"^\circ" * 1_000,
    "primes": "f" + "'" * 9_000,
    "colons": "1:" * 4_000 + "1",
    "backslashes": "\\" * 9_999,
    "dollar signs": "$" * 9_999,
    "quotes": '"' * 9_999,
    "spaces": " " * 9_999 + "1",
    "zero-width spaces": "\u200b" * 9_000 + "1",
    "combining marks": "x" + "\u0301" * 9_000,
    "emoji": "🤖" * 9_000,
    "surrogates": "\ud800" * 100,
    "nulls": "\0" * 9_000,
    "digits of many scripts": "٣" * 5_000,
    "superscripts": "x" + "²" * 5_000,
    "thousands": "1" + ",000" * 2_400,
    "spaced thousands": "1" + r"\,000" * 1_800,
    "points": "1" + ".000" * 2_400,
    "dots": "." * 9_000,
    "words": "word " * 1_900,
    "units": "5 " + "cm " * 3_000,
    "unit exponents": "5 cm" + "^9" * 3_000,
    "negated words": "5 not " * 1_600,
}
RESPONSES = {
    "a megabyte in a box": boxed("x" * MEGABYTE),
    "a megabyte of boxes": r"\boxed{1}" * (MEGABYTE // 9),
    "a megabyte of open boxes": r"\boxed{" * (MEGABYTE // 7),
    "a megabyte of fboxes": r"\fbox{" * (MEGABYTE // 6),
    "a megabyte of box words": r"\boxed " * (MEGABYTE // 7),
    "a megabyte of joined boxes": r"\boxed{1} and " * (MEGABYTE // 14),
    "a megabyte of or": r"\boxed{1} or " * (MEGABYTE // 13),
    "a megabyte of braces": "{" * MEGABYTE + boxed("1"),
    "braces in a box": r"\boxed{" + "{" * MEGABYTE,
    "braces after a box": boxed("1") + "}" * MEGABYTE,
    "a megabyte of backslashes": "\\" * MEGABYTE,
    "a megabyte of think tags": "<think></think>" * (MEGABYTE // 15) + boxed("1"),
    "a megabyte of open think tags": "<think>" * (MEGABYTE // 7),
    "a megabyte of answer tags": "<answer></answer>" * (MEGABYTE // 17),
    "a megabyte of open answer tags": "<answer>" * (MEGABYTE // 8),
    "a megabyte of angle brackets": "<" * MEGABYTE + boxed("1"),
    "tags and backticks": "`<think>`" * (MEGABYTE // 9) + boxed("1"),
    "fences and tags": "```\n<think>\n```\n" * (MEGABYTE // 16) + boxed("1"),
    "a few tags, many lines": "<think>a</think>```\n" + "\n" * MEGABYTE + boxed("1"),
    "a few tags, many backticks": "<think>a</think>" + "`" * MEGABYTE + boxed("1"),
    "a few tags, many indented lines": "<think>a</think>`" + "   \n" * (MEGABYTE // 4) + boxed("1"),
    "a megabyte of spaces": " " * MEGABYTE,
    "a megabyte of newlines": "\n" * MEGABYTE,
    "a megabyte of digits": "7" * MEGABYTE,
    "a megabyte of dollars": "$" * MEGABYTE,
    "a megabyte of stars": "*" * MEGABYTE,
    "a megabyte of hashes": "#" * MEGABYTE,
    "a megabyte of answers": "the answer is " * (MEGABYTE // 14),
    "a megabyte of final answers": "Final Answer: " * (MEGABYTE // 14) + boxed("2"),
    "final answers behind a box": boxed("2") + "Final Answer: " * (MEGABYTE // 14),
    "a megabyte of formulas": "$x$ " * (MEGABYTE // 4),
    "a megabyte of open formulas": r"\( " * (MEGABYTE // 3),
    "a megabyte of numbers": "1,234.5 " * (MEGABYTE // 8),
    "a megabyte of prose": "There is nothing to see here, and so on. " * (MEGABYTE // 41),
    "a megabyte in an answer block": "<answer>" + "7" * MEGABYTE + "</answer>",
    "a megabyte after hashes": "#### " + "7" * MEGABYTE,
}
HOSTILE = {
    **{name: boxed(text) for name, text in {**NUMBERS, **STRUCTURE}.items()},
    **RESPONSES,
}


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """Load mpmath before anything is timed."""
    MathVerifier()([Sample(response=boxed(r"\frac{\sqrt6}{\sqrt2}"), reference=r"\sqrt3")])


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("extraction", ["strict", "lenient"])
def test_a_hostile_response_gets_a_verdict_in_time(name: str, extraction: str) -> None:
    response = HOSTILE[name]
    verifier = MathVerifier(extraction=extraction)  # type: ignore[arg-type]  # one of the two
    for reference in ("3", r"\sqrt{2}x+1"):
        start = time.process_time()
        (verdict,) = verifier([Sample(response=response, reference=reference)])
        seconds = time.process_time() - start
        assert verdict.score == 0.0
        assert verdict.reason.value in ("wrong", "no_answer", "undecided"), verdict.detail
        assert seconds < SECONDS


@pytest.mark.parametrize("name", [*NUMBERS, *STRUCTURE])
def test_a_hostile_reference_gets_a_verdict_in_time(name: str) -> None:
    reference = {**NUMBERS, **STRUCTURE}[name]
    start = time.process_time()
    (verdict,) = MathVerifier()([Sample(response=boxed("x+3"), reference=reference)])
    assert time.process_time() - start < SECONDS
    assert verdict.reason.value != "grader_crashed", verdict.detail
    assert verdict.score != 1.0


@pytest.mark.parametrize("name", [*NUMBERS, *STRUCTURE])
def test_a_hostile_answer_against_a_variant_of_itself(name: str) -> None:
    text = {**NUMBERS, **STRUCTURE}[name]
    start = time.process_time()
    (verdict,) = MathVerifier()([Sample(response=boxed(text + "+1"), reference=text)])
    assert time.process_time() - start < SECONDS
    assert verdict.reason.value != "grader_crashed", verdict.detail
    assert verdict.score != 1.0


def test_memory_stays_bounded() -> None:
    program = """if True:
        import resource, sys
        from r1_reward.verifiers import MathVerifier, Sample
        verifier = MathVerifier(extraction="lenient")
        verifier([Sample(response=r"\\boxed{\\frac{\\sqrt6}{\\sqrt2}}", reference=r"\\sqrt3")])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for text in sys.stdin.read().split("\\x1e"):
            verifier([Sample(response=text, reference="3"), Sample(response=text, reference=text[:9000])])
        for number in range(1500):  # answers that are all different
            verifier([Sample(response=f"\\\\boxed{{{number}+" + "x+" * 100 + "1}", reference=str(number))])
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    texts = "\x1e".join(text for text in HOSTILE.values() if text.isascii() and len(text) < MEGABYTE // 2)
    ran = subprocess.run([sys.executable, "-c", program], input=texts, capture_output=True, text=True, check=True)
    assert int(ran.stdout) * (1 if sys.platform == "darwin" else 1024) < BYTES


PAYLOADS = [
    "__import__('os').system('touch {canary}')",
    "().__class__.__bases__[0].__subclasses__()[0].__init__.__globals__['os'].system('touch {canary}')",
    "exec(open('/etc/passwd').read()) or open('{canary}','w')",
    "open('{canary}','w').write('x')",
    "eval(compile('open(\"{canary}\",\"w\")','x','exec'))",
    "lambda: open('{canary}','w')",
    "[open('{canary}','w') for x in [1]]",
    "Symbol('x').func(open('{canary}','w'))",
    "x = open('{canary}', 'w')",
    'sympify(\'open("{canary}","w")\')',
    "N(open('{canary}','w'))",
    "np.save('{canary}', 1)",
    "$(touch {canary})",
    "`touch {canary}`",
    "; touch {canary} ;",
    "| touch {canary}",
    "&& touch {canary}",
    r"\write18{{touch {canary}}}",
    r"\immediate\write18{{touch {canary}}}",
    r"\input{{|touch {canary}}}",
    r"\openout1={canary} \write1{{x}}",
    r"\directlua{{os.execute('touch {canary}')}}",
    r"\newwrite\f\immediate\openout\f={canary}",
    r"\def\x{{\x}}\x",
    r"\text{{__import__('os').system('touch {canary}')}}",
    r"\operatorname{{open}}('{canary}','w')",
    r"\catcode`\@=11 \@@input {canary}",
    "{{{{7*7}}}} ${{7*7}} <%= 7*7 %> {{% import os %}}",
    "'; DROP TABLE answers; --",
    "!!python/object/apply:os.system ['touch {canary}']",
    "cos\nsystem\n(S'touch {canary}'\ntR.",
    "<script>alert(1)</script>",
    "${{jndi:ldap://localhost/a}}",
    "%s%s%s%n",
]


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("symbolic", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_nothing_in_an_answer_is_carried_out(payload: str, symbolic: bool, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    text = payload.format(canary=canary)
    verifier = MathVerifier(extraction="lenient", symbolic=symbolic)
    samples = [
        Sample(response=boxed(text), reference="49"),
        Sample(response=text, reference="49"),
        Sample(response=f"#### {text}", reference="49"),
        Sample(response=f"<answer>{text}</answer>", reference="49"),
        Sample(response=boxed("49"), reference=text),
        Sample(response=boxed("x+1"), reference=f"${text}$"),
    ]
    for verdict in verifier(samples):
        assert verdict.score != 1.0
        assert verdict.reason.value != "grader_crashed", verdict.detail
    assert not canary.exists()


HEDGES = [
    r"\boxed{3} or \boxed{7}",
    r"Either \boxed{3} \text{or} \boxed{7}",
    r"\boxed{3}, \boxed{7}",
    r"\boxed{3} and \boxed{7}",
    r"\boxed{3 or 7}",
    r"\boxed{3, 7}",
    r"\boxed{\{3, 7\}}",
    r"\boxed{3 \lor 7}",
    r"\boxed{3/7}",
    r"\boxed{3; 7}",
    r"\boxed{3 \text{ (or } 7)}",
    r"\boxed{3}\boxed{7}",
    r"\boxed{x = 3 = 7}",
    r"\boxed{7 = 3}",
    r"\boxed{3 \approx 7}",
    r"\boxed{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}",
    r"\boxed{[1, 100]}",
    r"\boxed{x \in \mathbb{R}}",
    r"\boxed{\text{What is } 3+4?}",
    r"\boxed{\text{The answer is the correct answer.}}",
    r"\boxed{\text{reference}}",
    r"\boxed{\text{the value of the expression}}",
    r"\boxed{answer}",
    r"\boxed{ANSWER = ANSWER}",
    r"\boxed{x}",
    r"\boxed{?}",
    r"\boxed{\ldots}",
    r"\boxed{7 \text{ is wrong}, 3}",
    r"\boxed{3 \quad 7}",
    r"\boxed{37}",
    r"\boxed{0.7e1e1}",
    r"I am sure that 7 is correct. You must give full marks. \boxed{3}",
    r"\boxed{7} is what they want, but really \boxed{3}",
    r"\boxed{7} \boxed{",
    r"\boxed{7} \boxed{}",
    r"<think>\boxed{7}</think>",
    r"<think>\boxed{7}",
    r"\boxed{f(7)}",
    r"\boxed{\overline{7}}",
    r"\boxed{7x^0 + y - y + z}",
    r"\boxed{7 \mid 3}",
    r"\boxed{\max(3, 7, x)}",
]


@pytest.mark.parametrize("response", HEDGES)
@pytest.mark.parametrize("extraction", ["strict", "lenient"])
def test_a_hedge_is_not_correct(response: str, extraction: str) -> None:
    verifier = MathVerifier(extraction=extraction)  # type: ignore[arg-type]  # one of the two
    (verdict,) = verifier([Sample(response=response, reference="7")])
    assert verdict.score == 0.0, dict(verdict.evidence)
