"""How near the ratio is to the truth on labelled texts; floors a little below what was measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from r1_reward.verifiers import Sample
from r1_reward.verifiers.language import LanguageVerifier

_LATIN = {"en", "fr", "de", "es", "pt", "it"}


def _same_script(pair: set[str]) -> bool:
    return pair <= _LATIN or pair in ({"ru", "uk"}, {"zh", "ja"})


@pytest.mark.needs("data")
def test_mean_absolute_errors_stay_where_they_are(dev_rows: Callable[[str], list[dict[str, Any]]]) -> None:
    rows = dev_rows("lang_dev.jsonl")
    verdicts = LanguageVerifier()([Sample(response=row["text"], language=row["target"]) for row in rows])
    errors: defaultdict[str, list[float]] = defaultdict(list)
    for row, verdict in zip(rows, verdicts, strict=True):
        error = abs(float(verdict) - row["ratio"])
        note = row["note"].partition("+")[0]
        script = "same" if _same_script({row["target"], row["other"]}) else "cross"
        for key in ("all", note, script, f"{script} {note}"):
            errors[key].append(error)
    means = {key: sum(values) / len(values) for key, values in errors.items()}
    assert means["all"] <= 0.012
    assert means["cross"] <= 0.0025
    assert means["same"] <= 0.022
    assert means["pure"] <= 0.0015
    assert means["word"] <= 0.032
    assert means["same word"] <= 0.058
