"""The paper's figures drawn with matplotlib, as PNG: what a stage's metrics hold, smoothed over the raw line."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, NamedTuple

from ....verifiers.errors import RunError, missing_extra
from .read import Pipeline, Points, Stage

_COLOURS = (
    "#2c53c9",
    "#c2571a",
    "#12653d",
    "#8a2f8f",
    "#7d4b00",
    "#5b97d4",
    "#a8231b",
    "#535b66",
    "#3fa873",
    "#d99a2b",
)
_MOST_WORDS = 6


class Plot(NamedTuple):
    """One figure."""

    name: str
    """Of its file."""
    title: str
    """What it is, and of the paper's which."""
    caption: str
    """What it shows."""
    png: bytes
    """The image."""


class _Panel(NamedTuple):
    title: str
    unit: str
    lines: list[tuple[str, Points]]
    marks: list[int]


def draw(run: Pipeline) -> list[Plot]:
    """All figures that a run has the numbers for. Raises RunError where matplotlib is not installed."""
    plots = [_figure_1(run), _figure_9(run), _hacking(run), _language(run)]
    return [plot for plot in plots if plot is not None]


def smooth(points: Points) -> Points:
    """A moving mean over a twentieth of the line.

    >>> smooth([(0, 0.0), (1, 2.0)])
    [(0, 0.0), (1, 2.0)]
    """
    width = max(1, len(points) // 20)
    averages = []
    for place, (step, _) in enumerate(points):
        some = [value for _, value in points[max(0, place - width + 1) : place + 1]]
        averages.append((step, sum(some) / len(some)))
    return averages


def _figure_1(run: Pipeline) -> Plot | None:
    stage = run.stages.get("zero")
    if stage is None:
        return None
    panels = [
        _panel("Accuracy", "share right", stage, "accuracy"),
        _panel("Response length", "tokens", stage, "length"),
    ]
    return _plot(
        "figure_1", "R1-Zero over its training (the paper's Figure 1)", "Means over each step's samples.", panels
    )


def _figure_9(run: Pipeline) -> Plot | None:
    stage = run.stages.get("zero")
    if stage is None:
        return None
    words = {key.partition("/")[2]: points for key, points in stage.lines.items() if key.startswith("reflective/")}
    most = sorted(words, key=lambda word: -sum(value for _, value in words[word]))[:_MOST_WORDS]
    some = [(word, words[word]) for word in most if any(value for _, value in words[word])]
    panels = [
        _panel("All reflective words", "per response", stage, "reflective"),
        _Panel("By word", "per response", some, []),
    ]
    caption = "Mean count a response of the paper's ten words, which are English; of single words the most frequent."
    return _plot("figure_9", "Reflective words in R1-Zero (the paper's Figure 9)", caption, panels)


def _hacking(run: Pipeline) -> Plot | None:
    panels = []
    for name, title in (("hacking", "preference from the first step"), ("rl2", "preference in the last steps (RL2)")):
        stage = run.stages.get(name)
        if stage is None:
            continue
        lines = [
            (label, stage.lines.get(key, []))
            for label, key in (("RM reward", "reward/helpful"), ("accuracy", "accuracy"))
        ]
        marks = [step for step, text in stage.alarms if text.startswith(("collapse", "hacking"))]
        panels.append(_Panel(title, "mean", lines, marks))
    caption = "The helpful model's reward against accuracy; red lines are steps with an alarm of the training loop."
    return _plot("figure_b5", "Reward hacking (the paper's B.5)", caption, panels)


def _language(run: Pipeline) -> Plot | None:
    arms = [
        (label, run.stages[name]) for name, label in (("rl1", "with"), ("no_language", "without")) if name in run.stages
    ]
    if not arms:
        return None
    consistency = [
        (label, stage.lines.get("language") or stage.lines.get("reward/language", [])) for label, stage in arms
    ]
    panels = [
        _Panel("Language consistency", "share of words", consistency, []),
        _Panel("Accuracy", "share right", [(label, stage.lines.get("accuracy", [])) for label, stage in arms], []),
    ]
    caption = "The first RL stage with and without the language reward of eq. (7), from the same checkpoint."
    return _plot("figure_b6", "The language reward (the paper's B.6)", caption, panels)


def _panel(title: str, unit: str, stage: Stage, key: str) -> _Panel:
    return _Panel(title, unit, [(key, stage.lines.get(key, []))], [])


def _plot(name: str, title: str, caption: str, panels: Sequence[_Panel]) -> Plot | None:
    """The panels side by side; None where none of them has a line."""
    kept = [panel._replace(lines=[line for line in panel.lines if line[1]]) for panel in panels]
    kept = [panel for panel in kept if panel.lines]
    if not kept:
        return None
    foreign = [label for panel in kept for label, _ in panel.lines if not label.isascii()]
    legend = "".join(f" ({number}) is {label}." for number, label in enumerate(foreign, 1))
    return Plot(name, title, caption + legend, _png(kept, foreign))


def _png(panels: Sequence[_Panel], foreign: Sequence[str]) -> bytes:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise RunError(missing_extra("a page about stages", "matplotlib", "train")) from None
    figure = Figure(figsize=(5.2 * len(panels), 3.4), dpi=110, layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for number, (label, points) in enumerate(panel.lines):
            # A plot's font has no letters of other scripts; the caption has.
            shown = label if label.isascii() else f"({foreign.index(label) + 1})"
            _line(axes, points, shown, _COLOURS[number % len(_COLOURS)])
        for step in panel.marks[:50]:
            axes.axvline(step, color="#dd6a60", linewidth=0.6, alpha=0.6)
        axes.set(title=panel.title, xlabel="step", ylabel=panel.unit)
        axes.grid(visible=True, color="#e0e0db", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        if len(panel.lines) > 1:
            axes.legend(frameon=False, fontsize="small")
    held = io.BytesIO()
    figure.savefig(held, format="png", metadata={"Software": None})  # the same bytes for the same numbers
    return held.getvalue()


def _line(axes: Any, points: Points, label: str, colour: str) -> None:  # any: matplotlib's axes have no full types
    steps, values = zip(*points, strict=True)
    axes.plot(steps, values, color=colour, linewidth=0.7, alpha=0.3)
    axes.plot(*zip(*smooth(points), strict=True), color=colour, linewidth=1.8, label=label)
