"""AlpacaEval 2's length-controlled win rate (Dubois et al., 2024, arXiv:2404.04475).

How would the verdicts be if both answers always had the same length? Fitted is, over the instructions x of one model,

    P(the model's answer is preferred) = sigmoid(theta + phi tanh(d / s) + psi gamma[x])

where d is the answer's length in characters less that of the baseline's, s the standard deviation of d over the model's
answers, and gamma[x] the difficulty of the instruction (more means that the baseline is beaten more often). The rate is
the mean over x of sigmoid(theta + psi gamma[x]), which leaves the length out. Difficulties are given, such as those
that AlpacaEval publishes, or come from several models' verdicts (`estimate_difficulties`); without them the third term
is left out, as in AlpacaEval's `length_controlled_minimal`.

What differs from the `alpaca_eval` package: it fits with an L1 penalty whose strength it takes from five-fold
cross-validation, this one with a fixed and small penalty of squares; joint difficulties have a normal prior here,
whose variance is estimated, and the same L1 penalty there. `benchmarks/length_control.py` measures what that makes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...scoring.stats import sigmoid
from ...verifiers.errors import RunError

ROUNDS, JOINT_ROUNDS = 100, 500
"""Steps of Newton's method at most, for one model and for several at once."""
PENALTY = 0.01
"""Of the squared coefficients, in units of a verdict, so that verdicts that a term separates have a fit."""
VARIANTS_WEIGHT = 0.2
"""What the verdicts on all variants of the baseline weigh together, where those of the model weigh 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineVerdict:
    """A verdict on a model's answer and the baseline's to one instruction."""

    preference: float
    """For the model's answer, from 0 to 1; 0.5: a tie."""
    length: int
    """Of the model's answer, in characters."""
    baseline_length: int
    """Of the baseline's."""
    instruction: str = ""
    """Which instruction: the key of its difficulty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WinRate:
    """How often a model's answers were preferred to the baseline's."""

    raw: float
    """As judged."""
    length_controlled: float
    """As it would be if both answers always had the same length."""
    standard_error: float
    """Of the length-controlled rate, clustered by instruction."""
    length_coefficient: float
    """phi: how far length decides, in log odds; above 0 the judge prefers longer answers."""
    difficulty_coefficient: float | None
    """psi: how far the instruction's difficulty does; None where it is not in the fit."""
    n: int
    """Answers with a verdict."""
    unjudged: int
    """Answers without."""


def win_rate(
    comparisons: Sequence[BaselineVerdict],
    difficulties: Mapping[str, float] | None = None,
    variants: Iterable[Sequence[BaselineVerdict]] = (),
    *,
    unjudged: int = 0,
) -> WinRate:
    """The win rate of one model, as judged and with length controlled.

    Args:
        comparisons: The verdicts on its answers.
        difficulties: gamma of each instruction; None leaves the term out.
        variants: Verdicts on answers of the baseline itself that was asked to be short, or long. They draw the length
            coefficient to the judge's taste for length alone, so that a model gains little by cutting its bad answers.
        unjudged: Answers without a verdict, for the record.

    Returns:
        The rate as judged and at the baseline's length, each from 0 to 1, with its standard error.

    Raises:
        RunError: There is no verdict, or an instruction has no difficulty.

    >>> rows = [BaselineVerdict(preference=n % 4 / 3, length=100 + n % 3, baseline_length=100) for n in range(24)]
    >>> rate = win_rate(rows)
    >>> round(rate.raw, 3), round(rate.length_controlled, 3), rate.difficulty_coefficient
    (0.5, 0.5, None)
    """
    if not comparisons:
        raise RunError("there is no verdict to make a win rate of")
    gamma = [_difficulty(one, difficulties) for one in comparisons]
    lengths = _length_terms(comparisons)
    terms = 2 if difficulties is None else 3
    x = [(1.0, length, hard)[:terms] for length, hard in zip(lengths, gamma, strict=True)]
    y, weights = [one.preference for one in comparisons], [1.0] * len(comparisons)
    others = list(variants)
    for variant in others:
        for one, length in zip(variant, _length_terms(variant), strict=True):
            # The baseline against itself: no term for the model, as in AlpacaEval.
            x.append((0.0, length, _difficulty(one, difficulties))[:terms])
            y.append(one.preference)
            weights.append(VARIANTS_WEIGHT / len(others))
    beta, hessian = _logistic(x, y, weights)
    at_zero = [(1.0, 0.0, hard)[:terms] for hard in gamma]
    rates = [sigmoid(_dot(beta, row)) for row in at_zero]
    rate = sum(rates) / len(rates)
    slope = [
        sum(p * (1 - p) * row[k] for p, row in zip(rates, at_zero, strict=True)) / len(rates) for k in range(terms)
    ]
    lever = _solve(hessian, slope)
    influence: dict[object, float] = {}
    for place, (row, said, weight) in enumerate(zip(x, y, weights, strict=True)):
        name: object = place
        own = weight * (said - sigmoid(_dot(beta, row))) * _dot(lever, row)
        if place < len(rates):
            name = comparisons[place].instruction or place
            own += (rates[place] - rate) / len(rates)
        influence[name] = influence.get(name, 0.0) + own
    return WinRate(
        raw=sum(one.preference for one in comparisons) / len(comparisons),
        length_controlled=rate,
        standard_error=math.sqrt(sum(one * one for one in influence.values())),
        length_coefficient=beta[1],
        difficulty_coefficient=beta[2] if terms == 3 else None,
        n=len(comparisons),
        unjudged=unjudged,
    )


def estimate_difficulties(models: Sequence[Sequence[BaselineVerdict]]) -> dict[str, float]:
    """The difficulty of each instruction, from the verdicts on several models against one baseline.

    Fitted together is sigmoid(theta[m] + phi[m] tanh(d / s[m]) + gamma[x]), with a normal prior on gamma whose variance
    is estimated along with it (Laplace's approximation).

    Args:
        models: The verdicts on each model's answers; the more models, the better.

    Returns:
        By instruction gamma; the higher, the easier it is to win.

    Raises:
        RunError: There are fewer than two models, or an answer has no `instruction`.

    >>> easy, hard = (dict(length=9, baseline_length=9, instruction=name) for name in ("easy", "hard"))
    >>> one = [BaselineVerdict(preference=1, **easy), BaselineVerdict(preference=0, **hard)]
    >>> gamma = estimate_difficulties([one, one, one])
    >>> gamma["easy"] > 0 > gamma["hard"]
    True
    """
    if len(models) < 2:
        raise RunError("difficulties are estimated from the verdicts on two models or more")
    rows: dict[str, list[tuple[int, tuple[float, float], float]]] = {}
    for number, comparisons in enumerate(models):
        for one, length in zip(comparisons, _length_terms(comparisons), strict=True):
            if not one.instruction:
                raise RunError("a verdict names no instruction, and has no difficulty therefore")
            rows.setdefault(one.instruction, []).append((number, (1.0, length), one.preference))
    beta = [(0.0, 0.0) for _ in models]
    gamma, variance = dict.fromkeys(rows, 0.0), 1.0
    for _ in range(JOINT_ROUNDS):
        moved, spread = 0.0, 0.0
        gradients, hessians = [[0.0, 0.0] for _ in models], [[[PENALTY, 0.0], [0.0, PENALTY]] for _ in models]
        for name, verdicts in rows.items():
            fits = [sigmoid(_dot(beta[number], x) + gamma[name]) for number, x, _ in verdicts]
            pull = sum(said - p for (_, _, said), p in zip(verdicts, fits, strict=True)) - gamma[name] / variance
            curve = sum(p * (1 - p) for p in fits) + 1 / variance
            step = max(-1.0, min(1.0, pull / curve))
            gamma[name] += step
            moved = max(moved, abs(step))
            spread += gamma[name] ** 2 + 1 / curve
        for name, verdicts in rows.items():
            for number, x, said in verdicts:
                p = sigmoid(_dot(beta[number], x) + gamma[name])
                _add(gradients[number], hessians[number], x, said - p, p * (1 - p))
        for number, (old, gradient, hessian) in enumerate(zip(beta, gradients, hessians, strict=True)):
            step_2 = _bounded(_solve(hessian, [g - PENALTY * b for g, b in zip(gradient, old, strict=True)]))
            beta[number] = old[0] + step_2[0], old[1] + step_2[1]
            moved = max(moved, *map(abs, step_2))
        before, variance = variance, max(1e-3, spread / len(rows))
        if moved < 1e-5 and abs(variance - before) < 1e-5 * before:
            break
    return gamma


def _difficulty(one: BaselineVerdict, difficulties: Mapping[str, float] | None) -> float:
    if difficulties is None:
        return 0.0
    difficulty = difficulties.get(one.instruction)
    if difficulty is None or not math.isfinite(difficulty):
        raise RunError(f"there is no difficulty of the instruction {one.instruction[:60]!r}")
    return difficulty


def _length_terms(comparisons: Sequence[BaselineVerdict]) -> list[float]:
    """tanh(d / s) of each."""
    differences = [one.length - one.baseline_length for one in comparisons]
    mean = sum(differences) / (len(differences) or 1)
    spread = math.sqrt(sum((one - mean) ** 2 for one in differences) / max(1, len(differences) - 1)) or 1.0
    return [math.tanh(one / spread) for one in differences]


def _logistic(
    x: Sequence[Sequence[float]], y: Sequence[float], weights: Sequence[float]
) -> tuple[list[float], list[list[float]]]:
    """The coefficients of a logistic regression, drawn to 0 a little, by Newton's method; and the Hessian there."""
    k = len(x[0])
    beta, hessian = [0.0] * k, list[list[float]]()
    for _ in range(ROUNDS):
        gradient = [-PENALTY * one for one in beta]
        hessian = [[PENALTY * (i == j) for j in range(k)] for i in range(k)]
        for row, said, weight in zip(x, y, weights, strict=True):
            p = sigmoid(_dot(beta, row))
            _add(gradient, hessian, row, weight * (said - p), weight * p * (1 - p))
        step = _bounded(_solve(hessian, gradient))
        beta = [one + more for one, more in zip(beta, step, strict=True)]
        if max(map(abs, step)) < 1e-10:
            break
    return beta, hessian


def _add(gradient: list[float], hessian: list[list[float]], row: Sequence[float], slope: float, curve: float) -> None:
    for i, one in enumerate(row):
        gradient[i] += slope * one
        for j, other in enumerate(row):
            hessian[i][j] += curve * one * other


def _bounded(step: list[float]) -> list[float]:
    """A step no longer than 1, so that Newton's method cannot leave a flat place by a leap."""
    longest = max(1.0, *map(abs, step))
    return [one / longest for one in step]


def _solve(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """The solution of a few linear equations, whose matrix is positive definite."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i, pivot in enumerate(rows):
        for row in rows[i + 1 :]:
            factor = row[i] / pivot[i]
            row[i:] = [one - factor * other for one, other in zip(row[i:], pivot[i:], strict=True)]
    solution = [0.0] * len(rows)
    for i in reversed(range(len(rows))):
        known = sum(rows[i][j] * solution[j] for j in range(i + 1, len(rows)))
        solution[i] = (rows[i][-1] - known) / rows[i][i]
    return solution


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(one * other for one, other in zip(a, b, strict=True))
