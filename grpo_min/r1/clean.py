"""Training data of the stages without what the run is tested with: the rules of `r1-reward check --against` (D.1).

Held out are the files of `[decontamination]` and the recipe's own probe. What was dropped is in the stage's report and
log, and row by row in `dropped_NAME.jsonl` of its folder.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...inspection.overlap import HeldOut, OverlapOptions, read_held_out
from ...inspection.overlap.texts import MAX_LINE
from ...rows.files import Input
from ...training.distributed import processes
from ...verifiers import Sample
from ...verifiers.errors import ConfigError, RunError
from ...verifiers.files import write_rows
from ...verifiers.settings import Share

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecontaminationConfig:
    """What training data must not hold."""

    against: tuple[str, ...] = ()
    """Files, folders or patterns of tests."""
    probe: bool = True
    """Whether the questions of `source.probe`, by which checkpoints are measured, count too."""
    ngram: int = 10
    """Words that a row may not share with a test (D.1)."""
    near: float = 0.8
    """Similarity of questions; above 1 any may be."""
    common: Share = 0.05
    """Share of a file's texts above which a sequence wraps its questions, and is no evidence."""

    def __post_init__(self) -> None:
        self.options()

    def options(self) -> OverlapOptions:
        """What counts as overlap. Raises ConfigError."""
        return OverlapOptions(ngram=self.ngram, near=self.near, common=self.common)

    def files(self, probe: str) -> tuple[str, ...]:
        """The files of tests, patterns expanded, `probe` the recipe's own. Raises ConfigError for one not there."""
        named = (*self.against, *((probe,) if self.probe and probe else ()))
        try:
            return tuple(Input(named, MAX_LINE).files) if named else ()
        except RunError as error:
            raise ConfigError(f"decontamination: {error}") from error


@lru_cache(maxsize=1)
def _held_out(files: tuple[str, ...], options: OverlapOptions) -> HeldOut:
    return read_held_out(files, options=options)


class Cleaner:
    """Drops what is held out from a stage's data, set by set."""

    def __init__(self, config: DecontaminationConfig, probe: str, folder: Path, stage: str) -> None:
        files = config.files(probe)
        self._held = _held_out(files, config.options()) if files else None
        self._folder, self._stage = folder, stage
        self.report: dict[str, Any] = {}  # any: JSON values
        """`decontaminated`, with what was dropped from each set; empty where nothing is held out."""

    def __call__(self, name: str, samples: Sequence[Sample]) -> list[Sample]:
        """The samples that may be learned from, prompts and responses.

        Raises:
            RunError: None may.
        """
        if self._held is None:
            return list(samples)
        kept, dropped, reasons, by_file = [], list[dict[str, Any]](), Counter[str](), Counter[str]()
        for place, sample in enumerate(samples):
            overlap = self._held.match(sample.prompt_text, [("response", sample.response)] if sample.response else [])
            if overlap is None:
                kept.append(sample)
                continue
            reasons[overlap.kind] += 1
            by_file[overlap.test.file] += 1
            dropped.append({"place": place, "id": sample.id, "overlap": overlap.to_dict(), "detail": str(overlap)})
        counts = {"rows": len(samples), "dropped": len(dropped), "reasons": dict(reasons), "by_file": dict(by_file)}
        self.report.setdefault("decontaminated", {})[name] = counts
        if processes().rank == 0:
            write_rows(self._folder / f"dropped_{name}.jsonl", dropped)
            if dropped:
                first = f"{len(dropped)} of {len(samples)} rows of {name} hold tests and were left out"
                _log.warning("%s: %s, such as %s: %s", self._stage, first, dropped[0]["id"], dropped[0]["detail"])
        if samples and not kept:
            raise RunError(
                f"{self._stage}: all {len(samples)} rows of {name} hold tests, the first {dropped[0]['detail']}; "
                "decontamination.probe = false trains on what is measured"
            )
        return kept
