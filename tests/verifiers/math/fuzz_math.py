"""A fuzz target for the reader and the comparison: whatever the bytes, no crash, no `correct` for a marked answer.

With atheris: `python tests/verifiers/math/fuzz_math.py`. Without it, `test_math_fuzz.py` runs the same target over
mutations of the seeds.
"""

from __future__ import annotations

import random
import sys
from importlib import import_module

from r1_reward.verifiers import MathVerifier, Sample

SEEDS = [
    r"\frac{1}{2}",
    r"2\frac12",
    r"(-\infty,2]\cup\{3\}",
    r"x=\frac{-1\pm\sqrt{13}}{4}",
    r"\begin{pmatrix}1&2\\3&4\end{pmatrix}",
    r"\{x\mid x<\frac32\}",
    "1,000,000",
    "12:30",
    r"5\text{ cm}^2",
    r"y=c_1e^{2x}+c_2e^{-2x}",
    r"\sum_{k=1}^{5}(3k+5)",
    r"f(x)=x^2 \text{ for all } x",
    "7 apples and 4 pears",
    r"\sqrt[3]{x^2-2}^2",
    r"\log_{10}250",
    "204_5",
    r"28\%",
    r"179^\circ 59^\prime 56^{\prime\prime}",
    r"\lfloor n/2\rfloor",
    r"|x-|y||",
    r"\binom{2n}{n}",
    r"a\le-2\text{ or }a=1",
    r"\frac{d^2 v}{dt^2}+v=0",
    r"0.\overline{3}",
    "√2 ≤ x² < ∞",
    "Paolo: 18, Qing: 14",
    r"\begin{cases}x&x>0\\-x&x\le0\end{cases}",
]
_VERIFIERS = (MathVerifier(), MathVerifier(extraction="lenient"))


def target(data: bytes) -> None:
    """Judge what the bytes say in every place where text may stand."""
    text = data.decode("utf-8", "surrogateescape")
    gold, _, answer = text.partition("\x1f")
    samples = [
        Sample(response=f"\\boxed{{{answer}}}", reference=gold),
        Sample(response=text, reference=gold),
        Sample(response=f"\\boxed{{{answer}}}", reference="987654321.123456789"),
    ]
    for verifier in _VERIFIERS:
        for sample, verdict in zip(samples, verifier(samples), strict=True):
            assert verdict.reason.value != "grader_crashed", (sample, verdict.detail)
            assert verdict.seconds < 5, sample
        verifier.classes([gold, answer])


def mutated(random_: random.Random) -> bytes:
    """Two seeds, cut, doubled, swapped and sprinkled."""
    pieces = [random_.choice(SEEDS), random_.choice(SEEDS)]
    for _ in range(random_.randrange(1, 6)):
        index = random_.randrange(2)
        piece = pieces[index]
        start, end = sorted(random_.randrange(len(piece) + 1) for _ in range(2))
        pieces[index] = random_.choice(
            [
                piece[:start] + piece[end:],
                piece[:end] + piece[start:],
                piece[:start] + random_.choice(SEEDS) + piece[start:],
                piece[:start] + random_.choice("{}()[]|\\^_,;:=<>+-*/!%$&'\"~ 0123456789xeiπ") + piece[end:],
            ]
        )[:400]
    return "\x1f".join(pieces).encode()


if __name__ == "__main__":
    atheris = import_module("atheris")  # only where it is installed
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
