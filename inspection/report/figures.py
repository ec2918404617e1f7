"""Numbers of a summary as the page's template draws them: cards, bars, intervals and lines, already measured out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...scoring.measure import Estimate
from ...scoring.stats import Clustered, interval_text
from ...scoring.summary import Summary
from ...scoring.thinking import FIGURES, KINDS
from .metrics import Chart, Run
from .survey import Bar

TONES: Mapping[str, str] = {
    "correct": "good",
    "measured": "info",
    "partial": "warn",
    "undecided": "warn",
    "no_words": "warn",
    "not_applicable": "",
    **dict.fromkeys(("wrong", "no_answer", "bad_format", "timeout", "memory_limit", "output_limit"), "bad"),
    **dict.fromkeys(("runtime_error", "compile_error"), "bad"),
}
"""How a reason is coloured; errors of the instrument, which are not listed, are `warn`."""

MOST_OF_THEM = 0.9
"""Share of the problems that must have k responses before pass@k stands on top of the page."""

TemplateData = dict[str, Any]  # any: what the template reads


def cards(summary: Summary) -> list[TemplateData]:
    """The figures on top."""
    problems = summary.problems
    result = [
        {
            "name": "Responses",
            "value": f"{summary.responses:,}",
            "note": many(problems.problems, "problem") if problems.problems else many(summary.rows, "row"),
        },
        {
            "name": "Mean reward",
            "value": number(problems.reward.mean),
            "note": interval_text(problems.reward.bounded_interval),
        },
    ]
    if problems.accuracy.n:
        result.append(_share("Accuracy", problems.accuracy))
    # pass@16 of the few problems that have 16 responses says nothing of the others.
    common = [k for k, mean in problems.pass_at.items() if k > 1 and mean.n >= MOST_OF_THEM * problems.problems]
    if common:
        result.append(_share(f"pass@{max(common)}", problems.pass_at[max(common)]))
    if problems.consensus:
        result.append(_share(f"cons@{problems.consensus[0]}", problems.consensus[1]))
    reasons = {**summary.row_errors, **summary.verdict_errors}
    worst = ", ".join(f"{word.replace('_', ' ')} {count:,}" for word, count in list(reasons.items())[:2])
    result.append(
        {
            "name": "Not judged",
            "value": f"{summary.unjudged:,}",
            "note": worst or "no errors",
            "tone": "warn" if summary.unjudged else "",
        }
    )
    return result


def agreement(summary: Summary) -> TemplateData | None:
    """How far the verdicts agree with a column of labels; None where there is none."""
    counts = summary.agreement
    if counts is None:
        return None
    notes = [] if counts.accuracy is None else [f"{100 * counts.accuracy:.1f} % of {counts.decided:,} agree"]
    notes += [] if counts.kappa is None else [f"kappa {counts.kappa:.3f}"]
    rows = [
        {"name": "labelled right", "right": f"{counts.both:,}", "wrong": f"{counts.label_only:,}"},
        {"name": "labelled wrong", "right": f"{counts.verdict_only:,}", "wrong": f"{counts.neither:,}"},
    ]
    notes += [f"{counts.undecided:,} with a label were not decided"] if counts.undecided else []
    notes += [f"they differ at {', '.join(counts.differing[:3])}"] if counts.differing else []
    return {"rows": rows, "note": "; ".join(notes)}


def verifiers(summary: Summary) -> list[TemplateData]:
    """Each verifier's mean and reasons."""
    rows = []
    for name, statistics in summary.verifiers.items():
        total = sum(statistics.reasons.values())
        rows.append(
            {
                "name": name,
                "mean": number(statistics.scores.mean),
                "interval": interval_text(statistics.scores.bounded_interval),
                "reasons": [
                    {
                        "name": reason,
                        "count": f"{count:,}",
                        "share": f"{100 * count / total:.1f} %",
                        "width": round(100 * count / total, 2),
                        "tone": TONES.get(reason, "warn"),
                    }
                    for reason, count in statistics.reasons.items()
                ],
            }
        )
    return rows


def breakdowns(summary: Summary) -> list[TemplateData]:
    """The figures of each value of the fields that a run is broken down by."""
    tables = []
    for path, values in summary.by.items():
        rows = [
            {
                "value": value,
                "responses": f"{part.responses:,}",
                "accuracy": number(part.problems.accuracy.mean) if part.problems.accuracy.n else "-",
                "interval": interval_text(part.problems.accuracy.share_interval) if part.problems.accuracy.n else "",
                "reward": number(part.problems.reward.mean),
                "unjudged": f"{part.unjudged:,}",
            }
            for value, part in values.items()
        ]
        tables.append({"path": path, "rows": rows})
    return tables


def thinking(bands: Mapping[str, Mapping[str, Estimate]]) -> TemplateData | None:
    """Tokens and second thoughts by difficulty; None where no row says how many tokens it has."""
    if not bands:
        return None
    columns = {**FIGURES, **{f"reflection/{kind}": kind for kind in KINDS}}
    rows = []
    for band, metrics in bands.items():
        cells = []
        for name in columns:
            one = metrics.get(name)
            interval = "" if one is None or one.ci95 is None else f"{plain(one.ci95[0])} to {plain(one.ci95[1])}"
            cells.append({"value": "-" if one is None else plain(one.value), "interval": interval})
        rows.append({"band": band or "all", "n": f"{metrics['length'].n:,}", "cells": cells})
    gap = bands.get("", {}).get("length/wrong_minus_right")
    note = ""
    if gap is not None:
        interval = "" if gap.ci95 is None else f" ({plain(gap.ci95[0])} to {plain(gap.ci95[1])})"
        longer = f"wrong responses are {plain(gap.value)}{interval} tokens longer"
        note = f"On the {many(gap.n, 'problem')} with both, {longer}."
    return {"columns": list(columns.values()), "rows": rows, "note": note}


def ladder(summary: Summary) -> list[TemplateData]:
    """pass@k and cons@k with their intervals."""
    problems = summary.problems
    rungs = [(f"pass@{k}", mean) for k, mean in problems.pass_at.items()]
    if problems.consensus:
        rungs.append((f"cons@{problems.consensus[0]}", problems.consensus[1]))
    steps = []
    for name, mean in rungs:
        interval = mean.share_interval
        steps.append(
            {
                "name": name,
                "value": number(mean.mean),
                "interval": interval_text(interval),
                "n": f"{mean.n:,}",
                "at": round(100 * (mean.mean or 0.0), 2),
                "low": None if interval is None else round(100 * interval[0], 2),
                "high": None if interval is None else round(100 * interval[1], 2),
            }
        )
    return steps


def spread(title: str, bars: Sequence[Bar], unit: str) -> TemplateData | None:
    """A distribution as stacked bars; None where there is nothing to draw."""
    if not bars:
        return None
    pitch = 100.0
    highest = max(sum(bar.counts) for bar in bars)
    drawn = []
    for place, bar in enumerate(bars):
        parts, top = [], 100.0
        for tone, count in zip(("right", "wrong", "open"), bar.counts, strict=True):
            if count:
                # The least of a bar must still be seen.
                height = max(0.8, 96 * count / highest)
                top -= height
                parts.append({"tone": tone, "y": round(top, 2), "height": round(height, 2)})
        said = [
            f"{count:,} {tone}" for tone, count in zip(("right", "wrong", "neither"), bar.counts, strict=True) if count
        ]
        what = _range(bar) + (f" {unit}" if unit else "")
        gap = 0.08 if len(bars) > 8 else 0.15
        drawn.append(
            {
                "x": round(pitch * (place + gap), 1),
                "width": round(pitch * (1 - 2 * gap), 1),
                "hit": pitch * place,
                "pitch": pitch,
                "parts": parts,
                "title": f"{what}: {', '.join(said) or 'none'}",
            }
        )
    single = all(bar.low == bar.high for bar in bars)
    ticks = [plain(bar.low) for bar in bars] if single else [plain(bars[0].low), unit, _last(bars[-1])]
    most = max(bars, key=lambda bar: sum(bar.counts))
    label = f"{title}: {len(bars)} bars from {plain(bars[0].low)} to {_last(bars[-1])}; most at {_range(most)}"
    return {"title": title, "bars": drawn, "width": pitch * len(bars), "ticks": ticks, "each": single, "label": label}


def plots(run: Run) -> list[TemplateData]:
    """The charts of a run as paths in a box of 1000 by 300."""
    return [_plot(chart, run) for chart in run.charts]


def _plot(chart: Chart, run: Run) -> TemplateData:
    steps = [step for line in chart.lines for step, _ in line.points]
    values = [value for line in chart.lines for _, value in line.points if value is not None]
    first = min(run.stages[0].first, min(steps))
    last = max(run.stages[-1].last, max(steps))
    low, high = min(values), max(values)
    if chart.share and low >= 0 and high <= 1:
        low, high = 0.0, (1.0 if high > 0.25 else high * 1.15 or 1.0)
    elif low >= 0 and low < 0.5 * high:
        low = 0.0
    size = max(abs(low), abs(high))
    if high - low <= 1e-12 * size or size < 1e-300:
        around = size / 2 if size >= 1e-300 else 0.5
        # What never moves and is not below zero stands above it, zero itself on the ground.
        low, high = (low - around, high + around) if low < 0 else (0.0, 3 * around if low else 1.0)
    width = max(1, last - first)

    def x(step: float) -> float:
        return round(1000 * (step - first) / width, 1)

    def y(value: float) -> float:
        return round(292 - 284 * (value - low) / (high - low), 1)

    lines = []
    for line in chart.lines:
        path, drawing = "", False
        for number, (step, value) in enumerate(line.points):
            if value is None:
                drawing = False
                continue
            alone = not drawing and (number + 1 == len(line.points) or line.points[number + 1][1] is None)
            path += f"{'L' if drawing else 'M'}{x(step)} {y(value)}" + ("h0" if alone else "")
            drawing = True
        known = [value for _, value in line.points if value is not None]
        lines.append({"key": line.key, "label": line.label, "path": path, "latest": plain(known[-1])})
    bands = [
        {"x": x(stage.first), "width": max(1.0, round(x(stage.last + 1) - x(stage.first), 1)), "number": place}
        for place, stage in enumerate(run.stages)
    ]
    said = "; ".join(f"{line['label']} ends at {line['latest']}" for line in lines)
    return {
        "title": chart.title,
        "unit": chart.unit,
        "lines": lines,
        "bands": bands if len(bands) > 1 else [],
        "top": plain(high),
        "bottom": plain(low),
        "first": first,
        "last": last,
        "label": f"{chart.title} over steps {first} to {last}: {said}",
    }


def many(count: int, what: str) -> str:
    """A count with its noun.

    >>> many(1, "problem"), many(1200, "row")
    ('1 problem', '1,200 rows')
    """
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def number(mean: float | None) -> str:
    """A mean for a card.

    >>> number(0.88), number(None)
    ('0.880', '–')
    """
    return "–" if mean is None else f"{mean:.3f}"


def plain(value: float) -> str:
    """A figure in few characters.

    >>> plain(12000), plain(0.25), plain(3.2e-05)
    ('12,000', '0.25', '3.2e-05')
    """
    if value == int(value) and abs(value) < 1e9:
        return f"{int(value):,}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _share(name: str, mean: Clustered) -> TemplateData:
    return {
        "name": name,
        "value": "–" if mean.mean is None else f"{100 * mean.mean:.1f} %",
        "note": interval_text(mean.share_interval),
    }


def _range(bar: Bar) -> str:
    if bar.low == bar.high:
        return plain(bar.low)
    return f"{plain(bar.low)} or more" if bar.more else f"{plain(bar.low)} to {plain(bar.high)}"


def _last(bar: Bar) -> str:
    return f"{plain(bar.low)} or more" if bar.more else plain(bar.high)
