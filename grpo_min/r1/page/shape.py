"""The shape of the paper's results against a run's: what rises, what falls, and where the run departs.

A difference between two checkpoints counts where their 95 % intervals do not overlap; where they do, it is `within
noise`. Intervals are over questions; how much another seed of training would change is not in them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import mean, variance
from typing import Literal, NamedTuple

from .read import Estimate, Pipeline, Points, Stage

FindingStatus = Literal["holds", "weaker", "within noise", "departs", "not measured"]
CONSISTENT = 0.97
"""Language consistency from which on a checkpoint is taken to keep to one language; the bound is ours."""


class PaperFinding(NamedTuple):
    """One statement of the paper beside the run's."""

    what: str
    paper: str
    here: str
    verdict: FindingStatus


def ends(points: Points) -> tuple[float, float] | None:
    """Means of the first and of the last tenth of a line; None for fewer than two points.

    >>> ends([(step, float(step)) for step in range(20)])
    (0.5, 18.5)
    """
    if len(points) < 2:
        return None
    tenth = max(1, len(points) // 10)
    values = [value for _, value in points]
    return sum(values[:tenth]) / tenth, sum(values[-tenth:]) / tenth


def findings(run: Pipeline) -> list[PaperFinding]:
    """Every statement that can be held against the paper, in the order of training."""
    return [*_accuracy(run), *_language(run), *_length(run), *_hacking(run), *_distilled(run)]


def _accuracy(run: Pipeline) -> Iterator[PaperFinding]:
    at = {name: stage.metrics.get("pass_at_1") for name, stage in run.stages.items()}
    yield _rise("R1-Zero learns from rewards alone", "15.6 to 77.9 % on AIME", at.get("base"), at.get("zero"))
    zero = run.stages["zero"].metrics if "zero" in run.stages else {}
    vote = next((one for name, one in zero.items() if name.startswith("cons_at_")), None)
    yield _rise("a vote is better than one sample of R1-Zero", "77.9 to 86.7 %", zero.get("pass_at_1"), vote)
    yield _rise("cold start costs accuracy", "R1-Zero 77.9, Dev1 59.0 %", at.get("cold_start"), at.get("zero"))
    yield _rise("the first RL wins it back", "Dev1 59.0, Dev2 74.0 %", at.get("cold_start"), at.get("rl1"))
    yield _rise("rejection sampling adds", "Dev2 74.0, Dev3 78.1 %", at.get("rl1"), at.get("sft2"))
    yield _rise("R1 is at least R1-Zero", "R1-Zero 77.9, R1 79.8 %", at.get("zero"), at.get("rl2"))


def _language(run: Pipeline) -> Iterator[PaperFinding]:
    at = {name: stage.metrics.get("language") for name, stage in run.stages.items()}
    yield _rise("R1-Zero mixes languages", "named as its fault", at.get("zero"), at.get("base"))
    kept = {name: one for name in ("cold_start", "rl1", "sft2", "rl2") if (one := at.get(name))}
    least = min((one.value for one in kept.values()), default=None)
    if least is None:
        yield PaperFinding("from cold start on one language is kept", "stated", "", "not measured")
    else:
        values = ", ".join(f"{name} {one.value:.3f}" for name, one in kept.items())
        verdict: FindingStatus = "holds" if least >= CONSISTENT else "departs"
        yield PaperFinding(
            f"from cold start on one language is kept (at least {CONSISTENT})", "stated", values, verdict
        )
    paper = "with it consistency stays, without it decays (B.6)"
    later = _later(run, "no_language"), _later(run, "rl1")
    yield _apart("the language reward keeps it in training", paper, *later, form="{:.3f} without, {:.3f} with")
    yield _rise("and in the checkpoints", paper, at.get("no_language"), at.get("rl1"))


def _length(run: Pipeline) -> Iterator[PaperFinding]:
    yield _growth("responses grow in R1-Zero", "throughout (Fig. 1b)", _zero(run, "length"), 1.0)
    yield _growth("reflective words grow", "5 to 7 times", _around_zero(run, "reflective"), 5.0)
    yield _growth("so does 'wait'", "from nearly none", _around_zero(run, "reflective/wait"), 1.0)


def _around_zero(run: Pipeline, key: str) -> Points:
    """A metric of the checkpoints before and after R1-Zero, whose evaluation counts the words that the recipe names; of
    its steps where they were not evaluated."""
    estimates = [run.stages[name].metrics.get(key) for name in ("base", "zero") if name in run.stages]
    points = [(place, one.value) for place, one in enumerate(estimates) if one is not None]
    return points if len(points) == 2 else _zero(run, key)


def _zero(run: Pipeline, key: str) -> Points:
    return run.stages["zero"].lines.get(key, []) if "zero" in run.stages else []


def _hacking(run: Pipeline) -> Iterator[PaperFinding]:
    paper = "reward rises while Codeforces falls (B.5)"
    hacked, kept = run.stages.get("hacking"), run.stages.get("rl2")
    if hacked is None:
        yield PaperFinding("preference from the first step on, without rules, is hacked", paper, "", "not measured")
    else:
        what = "preference from the first step on, without rules, is hacked"
        yield _opposed(what, paper, hacked.lines.get("reward/helpful", []), hacked.lines.get("accuracy", []))
        yield _alarm("the monitor's alarm reports it", hacked.report.get("alarms"), expected=True)
        yield _alarm("so does the loop's", _loop_alarms(hacked), expected=True)
    if kept is not None:
        yield _alarm(
            "with preference in the last steps only the monitor's does not", kept.report.get("alarms"), expected=False
        )
        yield _alarm("nor does the loop's", _loop_alarms(kept), expected=False)
        before = run.stages["sft2"].metrics.get("pass_at_1") if "sft2" in run.stages else None
        after = kept.metrics.get("pass_at_1")
        values = _pair(before, after)
        if before is None or after is None:
            yield PaperFinding("and accuracy is not lost", "78.1 to 79.8 %", values, "not measured")
        else:
            lost = after.high < before.low
            yield PaperFinding("and accuracy is not lost", "78.1 to 79.8 %", values, "departs" if lost else "holds")
        for kind, paper in (("helpful", "AlpacaEval 62.1 to 87.6"), ("safety", "stated")):
            yield _drift(f"the {kind} reward rises in RL2", paper, kept.lines.get(f"reward/{kind}", []))


def _drift(what: str, paper: str, points: Points) -> PaperFinding:
    """Whether the later half of a line is above the earlier."""
    values = [value for _, value in points]
    return _apart(what, paper, values[: len(values) // 2], values[len(values) // 2 :])


def _later(run: Pipeline, name: str) -> list[float]:
    """Language consistency in the later half of a stage's steps."""
    points = run.stages[name].lines.get("language", []) if name in run.stages else []
    return [value for _, value in points[len(points) // 2 :]]


def _apart(
    what: str, paper: str, lower: Sequence[float], higher: Sequence[float], *, form: str = "{:.3f} to {:.3f}"
) -> PaperFinding:
    """Whether the mean of some steps is above that of others by more than twice its standard error.

    Each step asks other prompts, and scores differ more between prompts than a few steps of training change them.
    """
    if min(len(lower), len(higher)) < 2:
        return PaperFinding(what, paper, "", "not measured")
    before, after = mean(lower), mean(higher)
    error = math.sqrt(variance(lower) / len(lower) + variance(higher) / len(higher))
    verdict: FindingStatus = "within noise"
    if abs(after - before) > 2 * error:
        verdict = "holds" if after > before else "departs"
    return PaperFinding(what, paper, f"{form.format(before, after)}, give or take {error:.3f}", verdict)


def _distilled(run: Pipeline) -> Iterator[PaperFinding]:
    at = {name: stage.metrics.get("pass_at_1") for name, stage in run.stages.items()}
    what, paper = "distillation beats RL on a small model", "AIME: 72.6 against 47.0 % (Qwen-32B)"
    if at.get("distill"):
        yield _rise(what, paper, at.get("small_zero"), at.get("distill"))


def _rise(what: str, paper: str, lower: Estimate | None, higher: Estimate | None) -> PaperFinding:
    """A statement that one figure is above another."""
    values = _pair(lower, higher)
    if lower is None or higher is None:
        return PaperFinding(what, paper, values, "not measured")
    apart = higher.low > lower.high or lower.low > higher.high
    verdict: FindingStatus = "within noise"
    if apart:
        verdict = "holds" if higher.value > lower.value else "departs"
    return PaperFinding(what, paper, values, verdict)


def _growth(what: str, paper: str, points: Points, enough: float) -> PaperFinding:
    first_and_last = ends(points)
    if first_and_last is None:
        return PaperFinding(what, paper, "", "not measured")
    first, last = first_and_last
    if first <= 0:
        return PaperFinding(what, paper, f"0 to {last:.3g}", "holds" if last > 0 else "departs")
    times = last / first
    verdict: FindingStatus = "holds" if times > 1 and times >= enough else "weaker" if times > 1 else "departs"
    return PaperFinding(what, paper, f"{first:.3g} to {last:.3g}, {times:.2f} times", verdict)


def _opposed(what: str, paper: str, reward: Points, accuracy: Points) -> PaperFinding:
    """Whether a reward rises over its steps while accuracy falls."""
    up, down = _drift(what, paper, reward), _drift(what, paper, accuracy)
    both = (up.verdict, down.verdict)
    verdict: FindingStatus = "holds" if both == ("holds", "departs") else "departs"
    if "not measured" in both:
        verdict = "not measured"
    elif "within noise" in both:
        verdict = "within noise"
    return PaperFinding(what, paper, f"reward {up.here}, accuracy {down.here}", verdict)


def _loop_alarms(stage: Stage) -> list[str] | None:
    """What the loop reported of accuracy that falls while reward rises; None where it reported no step."""
    return [text for _, text in stage.alarms if text.startswith("collapse")] if stage.lines else None


def _alarm(what: str, alarms: object, *, expected: bool) -> PaperFinding:
    if not isinstance(alarms, list):
        return PaperFinding(what, "our own", "", "not measured")
    count = f"{len(alarms)} alarms" if alarms else "no alarm"
    return PaperFinding(what, "our own", count, "holds" if bool(alarms) is expected else "departs")


def _pair(one: Estimate | None, other: Estimate | None) -> str:
    return f"{_said(one)} against {_said(other)}"


def _said(one: Estimate | None) -> str:
    return "none" if one is None else f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"
