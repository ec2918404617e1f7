"""Long responses read whole, in windows no longer than a model reads at once.

What a model was trained on, or has positions for, bounds a window and not a response. Windows overlap by half, so that
what stands on an edge of one is in the midst of another.

Safety: the least safe window counts. A prompt that is longer than a model reads is read in windows too, each with the
beginning of the response; its end stands before every window of the response. For the gate windows of a half and of a
quarter of the length are read as well, since a harmful sentence between harmless ones would be outvoted in a window
that holds both; a reward does without them, as they tell safe from unsafe less well where nobody pads.

Helpfulness: windows of the full length, averaged; of a prompt the end, as in training.

What it does not promise: that a harm which takes more than a window to see is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from .batches import Asked, ResponseScore, score_encoded
from .errors import OverlongError
from .layout import ChatLayout, Encoded, Parts
from .model import Scorer

if TYPE_CHECKING:
    from ..training.distributed import Processes
    from .sharded import ShardedScorer

MOST = 262_144
"""Tokens that may be read for one response, over all its windows; as many characters may be made into tokens."""
_SCALES = (1, 2, 4)
"""By what the length of windows is divided where a response is read closely."""
_SHORTEST = 8
"""Tokens of a window below which it says nothing."""


def score_whole(
    scorer: Scorer,
    layout: ChatLayout,
    asked: Sequence[Asked],
    *,
    least: bool,
    closely: bool = False,
    share: bool,
    most: int = MOST,
    budget: int = 16_384,
    precision: str = "fp32",
    spread: ShardedScorer | None = None,
    processes: Processes | None = None,
) -> list[list[ResponseScore | OverlongError]]:
    """Scores of whole responses, for each prompt as many as were given; an error for one above `most`.

    `least` takes the least of a response's windows, as safety does; else their mean is taken. `closely` reads shorter
    windows as well, as the gate does.
    """
    windows = [[_windows(layout, one, response, (least, closely), most) for response in one.responses] for one in asked]
    flat = [[window for held in group if not isinstance(held, OverlongError) for window in held] for group in windows]
    scores = score_encoded(
        scorer, flat, share=share, budget=budget, precision=precision, spread=spread, processes=processes
    )
    return [
        [held if isinstance(held, OverlongError) else _joined([next(results) for _ in held], least) for held in group]
        for group, results in zip(windows, map(iter, scores), strict=True)
    ]


def _joined(parts: Sequence[ResponseScore], least: bool) -> ResponseScore:
    scores = [one.score for one in parts]
    score = min(scores) if least else fmean(scores)
    return ResponseScore(score, sum(one.tokens for one in parts), any(one.cut for one in parts), len(parts))


def _windows(
    layout: ChatLayout, asked: Asked, response: str, how: tuple[bool, bool], most: int
) -> list[Encoded] | OverlongError:
    """The rows in which a response is read."""
    prompt = asked.prompt if isinstance(asked.prompt, str) else "".join(turn.content for turn in asked.prompt)
    if len(prompt) + len(response) > most:
        # Making text into tokens costs time, too.
        return OverlongError(
            f"prompt and response have {len(prompt) + len(response):,} characters; {most:,} are read at most"
        )
    parts = layout.parts(asked.prompt, response)
    rows = _rows(parts, *how)
    work = sum(len(parts.start) + end - begin + high - low + parts.around for (begin, end), (low, high) in rows)
    if work > most:
        return OverlongError(
            f"to read a response of {len(parts.said):,} tokens whole takes {work:,}, in {len(rows):,} windows; "
            f"{most:,} are read at most"
        )
    cut = not how[0] and len(parts.asked) > parts.prompt
    return [layout.join(parts, asked_at, said_at, cut=cut) for asked_at, said_at in rows]


Span = tuple[int, int]


def _rows(parts: Parts, least: bool, closely: bool = False) -> list[tuple[Span, Span]]:
    """Which piece of the prompt goes with which of the response."""
    scales = _SCALES if closely else (1,)
    sizes = [parts.response // scale for scale in scales if parts.response // scale >= _SHORTEST or scale == 1]
    said = list(dict.fromkeys(span for size in sizes for span in spans(len(parts.said), size)))
    *before, end = spans(len(parts.asked), parts.prompt)
    return [*((end, span) for span in said), *((span, said[0]) for span in before if least)]


def spans(length: int, size: int) -> list[Span]:
    """Pieces of `size` that overlap by half and cover all of a length; the last one ends where it ends.

    >>> spans(10, 4), spans(3, 4), spans(0, 4), spans(7, 0)
    ([(0, 4), (2, 6), (4, 8), (6, 10)], [(0, 3)], [(0, 0)], [(7, 7)])
    """
    if size < 1:
        return [(length, length)]
    last = max(0, length - size)
    return [(begin, min(length, begin + size)) for begin in (*range(0, last, max(1, size // 2)), last)]
