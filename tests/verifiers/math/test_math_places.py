"""The same verdicts wherever the verifier runs, and what importing it loads."""

from __future__ import annotations

import asyncio
import multiprocessing
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from r1_reward.verifiers import MathVerifier, Sample, Verifier
from r1_reward.verifiers.verdict import Verdict
from r1_reward.verifiers.verifier import Voter

PAIRS = [
    ("1/2", r"\frac12"),
    (r"\sqrt3", r"\frac{\sqrt6}{\sqrt2}"),
    (r"\tan^2 y+1", r"\sec^2 y"),
    ("x", "|x|"),
    ("3", "9^{9^{9^{9}}}"),
    (r"(-\infty,2]\cup\{3\}", r"x\le2\text{ or }x=3"),
    ("x", r"x+\lfloor|x|/10^{15}\rfloor"),
    (r"\frac{1}{", "2"),
    ("5 cm", "5 m"),
]
SAMPLES = [Sample(response=rf"\boxed{{{answer}}}", reference=gold) for gold, answer in PAIRS]


Outcomes = list[tuple[float | None, str, str]]


def plain(verdicts: list[Verdict]) -> Outcomes:
    return [(v.score, v.reason.value, str(v.evidence.get("rule"))) for v in verdicts]


def outcomes(_: object = None) -> Outcomes:
    return plain(MathVerifier()(SAMPLES))


def test_another_thread() -> None:
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(outcomes, range(8))) == [outcomes()] * 8


def test_an_event_loop() -> None:
    async def judge() -> Outcomes:
        return outcomes()

    async def judge_in_threads() -> list[Outcomes]:
        return await asyncio.gather(*(asyncio.to_thread(outcomes) for _ in range(4)))

    assert asyncio.run(judge()) == outcomes()
    assert asyncio.run(judge_in_threads()) == [outcomes()] * 4


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_daemonic_process(method: str) -> None:
    with multiprocessing.get_context(method).Pool(1) as pool:  # a pool's workers are daemonic
        assert plain(pool.apply_async(MathVerifier(), (SAMPLES,)).get(60)) == outcomes()


def test_a_pickled_verifier_is_the_same() -> None:
    verifier = MathVerifier(extraction="lenient", undecided="error", symbolic=True)
    assert pickle.loads(pickle.dumps(verifier)) == verifier


def test_it_is_a_verifier_and_a_voter() -> None:
    assert isinstance(MathVerifier(), Verifier)
    assert isinstance(MathVerifier(), Voter)
    assert MathVerifier().name == "math"


@pytest.mark.parametrize(
    "options", [{"extraction": "loose"}, {"prefilled": "yes"}, {"undecided": "one"}, {"symbolic": 1}]
)
def test_options_are_checked_when_it_is_made(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        MathVerifier(**options)  # type: ignore[arg-type]  # wrong on purpose


def test_importing_and_exact_pairs_load_neither_sympy_nor_mpmath() -> None:
    code = (
        "import sys; from r1_reward.verifiers import MathVerifier, Sample;"
        r"v = MathVerifier()([Sample(response=r'\boxed{\frac12}', reference='0.5')])[0];"
        "print(v.score, *sorted({'sympy', 'mpmath', 'antlr4', 'latex2sympy2_extended'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["1.0"]
