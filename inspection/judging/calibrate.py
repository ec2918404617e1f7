"""How far a judge agrees with people and with itself, and whether it may be used.

| figure | meaning |
| --- | --- |
| accuracy | share of the verdicts that agree with the label; of pairs a tie is half |
| kappa | Cohen's (1960): the same, less what chance would agree on |
| position bias | of pairs: share of games that the response shown first won, less that of the second |
| self-agreement | share of responses with the same verdict when everything is asked a second time |
| refusal rate | share of responses without a verdict, and why |

Intervals are 95 %, clustered by problem: Wilson's for shares, of kappa the lower of a jackknife's and of what Wilson's
lower end of the accuracy would leave. A judge is usable only where the lower end of kappa's interval reaches the bound,
refusals and position bias stay below theirs, and there are labels enough to say so.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...scoring.agreement import Agreement
from ...scoring.judging import CeilingError
from ...scoring.stats import Z95, Clustered, Interval
from ...verifiers.errors import ConfigError
from ...verifiers.judge import Asker, JudgeVerifier, Rubric
from ...verifiers.verdict import Reason, Status, Verdict
from .labelled import Labelled

BATCH = 256
"""Responses that are handed over at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementBounds:
    """What a judge must keep to be called usable."""

    kappa: float = 0.6
    """Least lower end of the interval of kappa."""
    refusals: float = 0.05
    """Largest share without a verdict."""
    position: float = 0.2
    """Largest position bias, either way."""
    labels: int = 50
    """Least labelled responses with a verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeCheck:
    """What was found about a judge."""

    n: int
    """Labelled responses."""
    pairs: bool
    """Whether they are pairs."""
    accuracy: tuple[float, Interval] | None
    """Share of verdicts that are as people's; None without verdicts. This figure and the next ones have a 95 %
    interval, clustered by prompt."""
    kappa: tuple[float, Interval] | None
    """Cohen's kappa with people."""
    position_bias: tuple[float, Interval] | None
    """How much more often the first response of a pair wins than the second, from -1 to 1; None of single ones."""
    self_agreement: tuple[float, Interval] | None
    """Share of questions answered alike when asked twice; None where they were asked once."""
    refusal_rate: tuple[float, Interval | None]
    """Share without a verdict."""
    refusals: Mapping[str, int]
    """Why there is no verdict, with how often."""
    ties: int
    """Pairs that it called equal."""
    agreement: Agreement
    """The counts."""
    tokens: tuple[int, int]
    """Tokens that the judge read and wrote."""
    cost: float
    """By `JudgeVerifier.price`."""
    bounds: AgreementBounds
    """What a usable judge keeps."""
    faults: Sequence[str] = field(default_factory=tuple)
    """Why it is not usable; empty where it is."""

    @property
    def usable(self) -> bool:
        """Whether it keeps to the bounds."""
        return not self.faults

    def to_dict(self) -> dict[str, Any]:  # any: a JSON object
        """The JSON form.

        Returns:
            A JSON object: `usable`, `faults` and the figures.
        """
        names = ("accuracy", "kappa", "position_bias", "self_agreement", "refusal_rate")
        figures = {name: _figure(getattr(self, name)) for name in names}
        counts = self.agreement.to_dict()
        return {
            "usable": self.usable,
            "faults": list(self.faults),
            "n": self.n,
            "pairs": self.pairs,
            **figures,
            "refusals": dict(self.refusals),
            "ties": self.ties,
            "confusion": counts["confusion"],
            "differing": counts["differing"],
            "tokens": list(self.tokens),
            "cost": self.cost,
            "bounds": {name: getattr(self.bounds, name) for name in ("kappa", "refusals", "position", "labels")},
        }


def for_pairs(judge: JudgeVerifier) -> JudgeVerifier:
    """The judge as it compares a response with the other of its pair. Raises ConfigError for one of another mode."""
    rubric = judge.used_rubric
    if judge.mode not in (None, "pairwise") or (judge.rubric and rubric.mode != "pairwise"):
        raise ConfigError(f"the labelled rows are pairs, and the judge's mode is {rubric.mode}; pairwise compares them")
    if rubric.mode != "pairwise":
        return replace(judge, mode=None, rubric=Rubric(mode="pairwise", baseline=True))
    return replace(judge, mode=None, rubric=replace(rubric, baseline=True))


def check_judge(
    judge: JudgeVerifier,
    labelled: Sequence[Labelled],
    *,
    bounds: AgreementBounds | None = None,
    threshold: float = 0.5,
    again: bool = True,
    progress: Callable[[int, Asker], None] | None = None,
) -> JudgeCheck:
    """Ask a judge about labelled responses and measure it.

    Args:
        judge: As it is to be used.
        labelled: What people say; pairs are compared, by the instructions of a judge of mode `pairwise`.
        bounds: What it must keep; None takes the usual ones.
        threshold: Score from which on a response counts as right, of a judge that gives grades.
        again: Whether everything is asked a second time, for self-agreement.
        progress: Gets how many were judged, and who asks, before and after each batch.

    Returns:
        Accuracy, kappa, biases and refusals with 95 % intervals clustered by prompt, and whether the bounds are kept.

    Raises:
        ConfigError: The judge's mode does not fit.
        CeilingError: The ceiling of cost is reached.
    """
    pairs = labelled[0].pair
    if not pairs and judge.used_rubric.mode == "pairwise":
        raise ConfigError("a judge of mode pairwise is checked on pairs: rows with prompt, chosen and rejected")
    judge = for_pairs(judge) if pairs else judge
    first = _ask(judge, labelled, 0, progress)
    second = _ask(replace(judge, draw=judge.draw + 1), labelled, len(labelled), progress) if again else None
    decisions = [_decision(one, pairs=pairs, threshold=threshold) for one in first]
    counts, clusters = Agreement(), defaultdict[object, Agreement](Agreement)
    right, refused, same, place = (defaultdict[object, float](float) for _ in range(4))
    sizes, scored, both, games = (defaultdict[object, int](int) for _ in range(4))
    for number, (one, verdict, decision) in enumerate(zip(labelled, first, decisions, strict=True)):
        group = one.sample.group
        sizes[group] += 1
        counts.add(one.name, one.label, decision)
        clusters[group].add(one.name, one.label, decision)
        if verdict.status is not Status.SCORED:
            refused[group] += 1
            continue
        scored[group] += 1
        right[group] += 0.5 if decision is None else decision == one.label
        for order, result in enumerate(verdict.evidence.get("games", ()) if pairs else ()):
            as_first = result if order < len(verdict.evidence["games"]) / 2 else -result
            games[group] += result != 0
            place[group] += (as_first > 0) - (as_first < 0)
        if second is not None and second[number].status is Status.SCORED:
            both[group] += 1
            same[group] += decision is _decision(second[number], pairs=pairs, threshold=threshold)
    accuracy, refusal = _share(right, scored), _share(refused, sizes)
    bias, agreed = _mean(place, games), _share(same, both)
    kappa = _kappa(counts, list(clusters.values()), accuracy)
    check = JudgeCheck(
        n=len(labelled),
        pairs=pairs,
        accuracy=accuracy,
        kappa=kappa,
        position_bias=bias,
        self_agreement=agreed,
        refusal_rate=refusal or (sum(refused.values()) / len(labelled), None),
        refusals=dict(Counter(v.reason.value for v in first if v.status is not Status.SCORED).most_common()),
        ties=sum(d is None for v, d in zip(first, decisions, strict=True) if v.status is Status.SCORED),
        agreement=counts,
        tokens=_tokens([*first, *(second or ())]),
        cost=sum(verdict.evidence.get("cost", 0.0) for verdict in [*first, *(second or ())]),
        bounds=bounds or AgreementBounds(),
    )
    return replace(check, faults=tuple(_faults(check)))


def _ask(
    judge: JudgeVerifier, labelled: Sequence[Labelled], before: int, progress: Callable[[int, Asker], None] | None
) -> list[Verdict]:
    verdicts: list[Verdict] = []
    show = progress or (lambda *_: None)
    asker = judge.asker()
    show(before, asker)
    for start in range(0, len(labelled), BATCH):
        verdicts += judge([one.sample for one in labelled[start : start + BATCH]])
        show(before + len(verdicts), asker)
        if any(verdict.reason is Reason.JUDGE_CEILING for verdict in verdicts):
            raise CeilingError(
                f"the ceiling of cost is reached after {before + start:,} verdicts (judge.max_cost); with judge.record "
                "what was asked is kept: raise it and run again"
            )
    return verdicts


def _decision(verdict: Verdict, *, pairs: bool, threshold: float) -> bool | None:
    """Right or wrong, of a pair whether the response shown is preferred; None without a verdict and for a tie."""
    if verdict.score is None or (pairs and verdict.score == 0.5):
        return None
    if pairs:
        return verdict.score > 0.5
    return verdict.correct if verdict.correct is not None else verdict.score >= threshold


def _tokens(verdicts: Sequence[Verdict]) -> tuple[int, int]:
    tokens = [verdict.evidence.get("tokens", (0, 0)) for verdict in verdicts]
    return sum(one[0] for one in tokens), sum(one[1] for one in tokens)


def _mean(totals: Mapping[object, float], sizes: Mapping[object, int]) -> tuple[float, Interval] | None:
    """A mean from -1 to 1, clustered."""
    mean = Clustered()
    for group, size in sizes.items():
        mean.add(totals.get(group, 0.0), size)
    return None if mean.mean is None or mean.interval is None else (mean.mean, _within(mean.interval))


def _share(totals: Mapping[object, float], sizes: Mapping[object, int]) -> tuple[float, Interval] | None:
    share = Clustered()
    for group, size in sizes.items():
        share.add(totals.get(group, 0.0), size)
    return None if share.mean is None or share.share_interval is None else (share.mean, share.share_interval)


def _kappa(
    counts: Agreement, clusters: Sequence[Agreement], accuracy: tuple[float, Interval] | None
) -> tuple[float, Interval] | None:
    if counts.kappa is None or accuracy is None or len(clusters) < 2:
        return None
    left_out = [kappa for one in clusters if (kappa := _less(counts, one).kappa) is not None]
    if len(left_out) < 2:
        return None
    mean = sum(left_out) / len(left_out)
    error = math.sqrt((len(left_out) - 1) / len(left_out) * sum((one - mean) ** 2 for one in left_out))
    assert counts.accuracy is not None
    chance = 1 - (1 - counts.accuracy) / (1 - counts.kappa) if counts.kappa < 1 else 0.5
    low = min(counts.kappa - Z95 * error, (accuracy[1][0] - chance) / (1 - chance))
    return counts.kappa, _within((low, counts.kappa + Z95 * error))


def _less(all_of_them: Agreement, part: Agreement) -> Agreement:
    names = ("both", "label_only", "verdict_only", "neither")
    return Agreement(**{name: getattr(all_of_them, name) - getattr(part, name) for name in names})


def _within(interval: Interval) -> Interval:
    return max(-1.0, interval[0]), min(1.0, interval[1])


def _faults(check: JudgeCheck) -> list[str]:
    """Why a judge is not usable."""
    bounds, faults = check.bounds, []
    if check.agreement.decided < bounds.labels:
        faults.append(f"{check.agreement.decided} labelled responses have a verdict; {bounds.labels} are needed to say")
    if check.kappa is None:
        faults.append("kappa is not defined: labels or verdicts are all alike")
    elif check.kappa[1][0] < bounds.kappa:
        faults.append(f"the interval of kappa begins at {check.kappa[1][0]:.2f}, below {bounds.kappa:g}")
    if check.refusal_rate[0] > bounds.refusals:
        faults.append(f"{check.refusal_rate[0]:.1%} have no verdict, more than {bounds.refusals:.0%}")
    if check.position_bias is not None and abs(check.position_bias[0]) > bounds.position:
        faults.append(f"the position bias is {check.position_bias[0]:+.2f}, beyond {bounds.position:g}")
    return faults


def _figure(value: tuple[float, Interval | None] | None) -> dict[str, Any]:  # any: a JSON object
    return {"value": None, "ci95": None} if value is None else {"value": value[0], "ci95": value[1] and list(value[1])}
