"""Signs of a reward that cannot work: one warning each, with the setting that mends it.

They are looked for in the first samples of a process, and each is said once:

- every response closes a `<think>` that nothing opened: the chat template opens it, and format is 0 forever;
- nearly no response holds an answer that the extraction finds;
- a column of the data set is called as one of ours and means something else.

What it does not do: change a reward. A warning is a line in the log, and the run goes on.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Sequence

from ..verifiers.reasoning import ends_in_think
from ..verifiers.registry import is_accuracy
from ..verifiers.reward import Judged
from ..verifiers.sample import Sample
from ..verifiers.verdict import Reason

_log = logging.getLogger(__name__)

LOOKED_AT = 256
"""Samples of a process that are looked at."""
_LEAST, _SHARE = 32, 0.95
"""From how many judged answers on, and above which share, a reward that finds none is reported."""
_ALONE = 8
"""How many calls in a row, with one sample each, count as a batch."""


class Signs:
    """Looks at the first samples of one reward. Safe to use from many threads."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: int = 0
        self._unopened = 0
        self._answers: Counter[str] = Counter()
        self._missing: Counter[str] = Counter()
        self._said: set[str] = set()
        self._lock = threading.Lock()

    def look(self, samples: Sequence[object], judged_each: Sequence[Judged], *, lists: bool) -> None:
        """Look at the samples of a call with what was found about them, and warn.

        `lists` says that a call has a whole batch, of which all may be so; else several calls in a row must be.
        """
        if self.seen >= LOOKED_AT:
            return
        with self._lock:
            here = seen = 0
            for sample, judged in zip(samples, judged_each, strict=True):
                if not isinstance(sample, Sample):
                    continue
                seen += 1
                unopened = _closes_unopened(sample, judged)
                here += unopened
                self._unopened = self._unopened + 1 if unopened else 0
                for name, verdict in judged.verdicts.items():
                    if verdict.score is not None and is_accuracy(name):
                        self._answers[name] += 1
                        self._missing[name] += verdict.reason is Reason.NO_ANSWER
            self.seen += seen
            all_unopened = self._unopened >= _ALONE or (lists and 0 < seen == here)
            blind = [
                name for name, seen in self._answers.items() if seen >= _LEAST and self._missing[name] > _SHARE * seen
            ]
        if all_unopened:
            self.warn(
                "prefilled",
                f"all of the last {max(here, self._unopened)} responses close a <think> that none opens, and get no "
                "reward for their format: if the chat template opens it, say prefilled=True",
            )
        for name in blind:
            self.warn(
                f"no_answer:{name}",
                f"{self._missing[name]} of the first {self._answers[name]} responses hold no answer that {name} finds: "
                f'say in the prompt how answers are marked, or options={{"{name}": {{"extraction": "lenient"}}}}',
            )

    def foreign(self, columns: Sequence[str]) -> None:
        """Warn of columns that are called as ours are and hold something else."""
        for column in columns:
            self.warn(
                column,
                f"the column {column!r} holds something else than a Sample's {column} and was left alone: "
                f"columns={{{column!r}: None}} says so, and columns={{{column!r}: NAME}} names the right one",
            )

    def warn(self, sign: str, sentence: str) -> None:
        """Log a sentence, once for each sign."""
        with self._lock:
            if sign in self._said:
                return
            self._said.add(sign)
        _log.warning("%s: %s", self.name, sentence)


def _closes_unopened(sample: Sample, judged: Judged) -> bool:
    """Whether a response has an end of thinking without its beginning, and was judged as having none."""
    verdict = judged.verdicts.get("format")
    if verdict is None or verdict.score is None or verdict.score >= 1 or "</think>" not in sample.response:
        return False
    return "<think>" not in sample.response.partition("</think>")[0] and not ends_in_think(sample.prompt)
