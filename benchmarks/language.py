"""How near the language ratio is to the truth, and how fast: ours, fastText, langdetect, lingua and scripts only.

    python benchmarks/language.py [lang_dev.jsonl] [--json OUT.json] [--repeat 3]

Every detector judges the same texts in the same run, interleaved; times are medians of CPU-seconds, warm. The peers get
what one would write by hand: the text without fences and formulas, cut into sentences, each sentence's words given to
the language that the detector names. They use our mask and our words, so only the detection differs. Slow peers judge
every n-th text for speed and accuracy alike, and the table says so.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from r1_reward.verifiers import LanguageVerifier, Sample
from r1_reward.verifiers.language.auto import pieces
from r1_reward.verifiers.language.backends import COUNTING
from r1_reward.verifiers.language.neutral import mask

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "lang_dev.jsonl"
LATIN = {"en", "fr", "de", "es", "pt", "it"}
SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？\n]*")
COLUMNS = ("all", "cross-script", "same-script", "pure", "word")

Judge = Callable[[str, str], float]
"""A text and its target language in, the ratio out."""


def ours(**options: Any) -> Judge:
    verifier = LanguageVerifier(**options)
    return lambda text, target: float(verifier([Sample(response=text, language=target)])[0])


def lingua() -> Judge:
    from lingua import LanguageDetectorBuilder

    detector = LanguageDetectorBuilder.from_all_languages().build()

    def judge(text: str, target: str) -> float:
        right = total = 0
        for sentence in SENTENCE.findall(mask(text)):
            words = sum(piece.words for piece in pieces(sentence, COUNTING, None, "word"))
            if words:
                result = detector.detect_language_of(" ".join(sentence.split()))
                total += words
                right += words * (result is not None and result.iso_code_639_1.name.lower() == target)
        return right / total if total else 0.0

    return judge


def peers() -> dict[str, tuple[Judge, int]]:
    """Detectors by name, each with how many texts it leaves out between two."""
    by_name: dict[str, tuple[Judge, int]] = {
        "ours": (ours(), 1),
        f"fastText per sentence (fasttext-predict {version('fasttext-predict')})": (ours(backend="fasttext"), 1),
        "script only": (ours(backend="script"), 1),
        f"langdetect {version('langdetect')} per sentence": (ours(backend="langdetect"), 20),
    }
    try:
        by_name[f"lingua {version('lingua-language-detector')} per sentence"] = (lingua(), 5)
    except ImportError:
        print("lingua is not installed: pip install --group bench")
    return by_name


def groups(row: dict[str, Any]) -> list[str]:
    pair = {row["target"], row["other"]}
    same = pair <= LATIN or pair in ({"ru", "uk"}, {"zh", "ja"})
    note = row["note"].partition("+")[0]
    return ["all", "same-script" if same else "cross-script", *([note] if note in COLUMNS else [])]


def run(judge: Judge, rows: list[dict[str, Any]]) -> tuple[float, dict[str, float]]:
    """CPU-seconds, and the mean absolute error of each group."""
    start = time.process_time()
    ratios = [judge(row["text"], row["target"]) for row in rows]
    seconds = time.process_time() - start
    errors: defaultdict[str, list[float]] = defaultdict(list)
    for row, ratio in zip(rows, ratios, strict=True):
        for group in groups(row):
            errors[group].append(abs(ratio - row["ratio"]))
    return seconds, {group: statistics.fmean(values) for group, values in errors.items()}


def megabytes(rows: list[dict[str, Any]]) -> float:
    return sum(len(row["text"].encode()) for row in rows) / 1e6


def measure(rows: list[dict[str, Any]], repeat: int) -> list[dict[str, Any]]:
    judges = {name: (judge, rows[::step], step) for name, (judge, step) in peers().items()}
    limited = [row for row in rows if {row["target"], row["other"]} == {"en", "zh"}]
    judges['ours, languages=["en", "zh"], on en/zh texts'] = (ours(languages=["en", "zh"]), limited, 1)
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    errors: dict[str, dict[str, float]] = {}
    for judge, sample, _ in judges.values():
        run(judge, sample[:200])
    for turn in range(repeat):
        for name, (judge, sample, step) in judges.items():
            if turn and step > 1:
                continue
            spent, errors[name] = run(judge, sample)
            seconds[name].append(spent)
    return [
        {
            "detector": name,
            "texts": len(sample),
            "mae": {group: round(errors[name][group], 4) for group in COLUMNS if group in errors[name]},
            "mb_per_cpu_second": round(megabytes(sample) / statistics.median(seconds[name]), 2),
        }
        for name, (_, sample, _) in judges.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", nargs="?", type=Path, default=DATA)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with options.data.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    results = measure(rows, options.repeat)
    wide = max(len(result["detector"]) for result in results)
    print(
        f"{'mean absolute error of the ratio':{wide}} {'texts':>6}", *(f"{c:>13}" for c in COLUMNS), f"{'MB/CPU-s':>9}"
    )
    for result in results:
        cells = [f"{result['mae'][c]:13.4f}" if c in result["mae"] else f"{'-':>13}" for c in COLUMNS]
        print(f"{result['detector']:{wide}} {result['texts']:6}", *cells, f"{result['mb_per_cpu_second']:9.2f}")
    if options.json:
        about = {"python": platform.python_version(), "machine": platform.machine(), "data": options.data.name}
        options.json.write_text(json.dumps({"about": about, "results": results}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
