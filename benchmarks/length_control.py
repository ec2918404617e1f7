"""Our length-controlled win rates beside those of the `alpaca_eval` package, on the same verdicts.

Verdicts of several models against one baseline are drawn from the published formula with known coefficients: a judge
that likes long answers, instructions that differ in difficulty. Both fit the rate of each model, with the difficulties
known and with the baseline's verbose and concise variants (AlpacaEval's `length_controlled_v1`), and without either
(`length_controlled_minimal`); then with our joint difficulties and with those of AlpacaEval's joint formula, fitted by
its own function. Prints percentage points; `--json FILE` writes them. Needs `alpaca-eval==0.6.6`; its data file is
replaced by the drawn one, so that nothing is downloaded.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd
from alpaca_eval.metrics import glm_winrate
from patsy import dmatrix

from r1_reward.inspection.judging import BaselineVerdict, estimate_difficulties, win_rate


def draw(rng: random.Random, skill: float, taste: float, longer: float, hard: Sequence[float]) -> list[BaselineVerdict]:
    """One model's verdicts: its skill and how much longer it writes, and the judge's taste for length."""
    lengths = [(max(1, round(rng.gauss(1500 + longer, 500))), round(rng.uniform(800, 2200))) for _ in hard]
    spread = statistics.stdev(a - b for a, b in lengths)
    verdicts = []
    for index, ((a, b), gamma) in enumerate(zip(lengths, hard, strict=True)):
        p = 1 / (1 + math.exp(-(skill + taste * math.tanh((a - b) / spread) + gamma)))
        said = float(rng.random() < p) if rng.random() < 0.8 else 0.5 * (round(2 * p))
        verdicts.append(BaselineVerdict(preference=said, length=a, baseline_length=b, instruction=str(index)))
    return verdicts


def frame(comparisons: Sequence[BaselineVerdict]) -> pd.DataFrame:
    """Verdicts as AlpacaEval has them: `output_1` is the baseline's."""
    return pd.DataFrame(
        {
            "index": [int(one.instruction) for one in comparisons],
            "preference": [1 + one.preference for one in comparisons],
            "output_1": ["x" * one.baseline_length for one in comparisons],
            "output_2": ["x" * one.length for one in comparisons],
            "generator_1": "baseline",
            "generator_2": "model",
            "annotator": "judge",
        }
    )


def theirs(comparisons: Sequence[BaselineVerdict], name: str, gamed: Path) -> float:
    """The rate of the package, in percent."""
    with mock.patch.object(glm_winrate, "hf_hub_download", return_value=str(gamed)):
        rates = glm_winrate.get_length_controlled_winrate(frame(comparisons), name, save_weights_dir=None)
    return float(rates["length_controlled_winrate"])


def gamed_file(path: Path, variants: Sequence[Sequence[BaselineVerdict]], gamma: dict[str, float]) -> Path:
    """AlpacaEval's data file: the variants of the baseline, and the difficulties."""
    parts = []
    for number, variant in enumerate(variants):
        difference = pd.Series([one.baseline_length - one.length for one in variant])
        parts.append(
            pd.DataFrame(
                {
                    "model": number,
                    "preference": [one.preference for one in variant],
                    "index": [int(one.instruction) for one in variant],
                    "std_delta_len": difference / difference.std(),
                    "instruction_difficulty": [gamma[one.instruction] for one in variant],
                    "not_gamed_baseline": False,
                }
            )
        )
    pd.concat(parts).to_csv(path, index=False)
    return path


def joint(models: Sequence[Sequence[BaselineVerdict]]) -> dict[str, float]:
    """Difficulties by AlpacaEval's joint formula and its function."""
    rows = []
    for number, comparisons in enumerate(models):
        spread = statistics.stdev(one.length - one.baseline_length for one in comparisons)
        for one in comparisons:
            length = math.tanh((one.length - one.baseline_length) / spread)
            rows.append({"m": number, "x": int(one.instruction), "t": length, "preference": one.preference})
    data = pd.DataFrame(rows)
    design = dmatrix("C(m):t + C(m) + C(x) - 1", data, return_type="dataframe")
    columns = list(design.columns)
    design.columns = [f"c{n}" for n in range(len(columns))]
    design["preference"] = data["preference"]
    model = glm_winrate.fit_LogisticRegressionCV(design, "preference", n_splits=5)
    difficulties = {str(index): 0.0 for index in data["x"].unique()}
    for name, value in zip(columns, model.coef_[0], strict=True):
        if name.startswith("C(x)"):
            difficulties[name.split("[T.")[1].rstrip("]")] = float(value)
    return difficulties


def correlation(one: dict[str, float], other: dict[str, float]) -> float:
    """Pearson's."""
    return statistics.correlation([one[key] for key in sorted(one)], [other[key] for key in sorted(one)])


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and its CPU-seconds."""
    begun = time.process_time()
    return work(), time.process_time() - begun


def main() -> None:
    """Draw, fit both ways, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instructions", type=int, default=805)
    parser.add_argument("--models", type=int, default=12)
    parser.add_argument("--no-joint", action="store_true", help="leave AlpacaEval's joint fit out, which takes long")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rng = random.Random(7)
    hard = [rng.gauss(0, 1.2) for _ in range(args.instructions)]
    skills = [-3.5 + 4.5 * n / max(1, args.models - 1) for n in range(args.models)]
    models = [draw(rng, skill, 1.2, rng.uniform(-600, 900), hard) for skill in skills]
    variants = [draw(rng, 0, 1.2, longer, [0.0] * len(hard)) for longer in (-700, 900)]
    gamma = {str(index): value for index, value in enumerate(hard)}
    ours_joint, ours_cpu = timed(lambda: estimate_difficulties(models))
    figures: dict[str, Any] = {"alpaca_eval": version("alpaca-eval"), "instructions": len(hard), "models": len(models)}
    with tempfile.TemporaryDirectory() as folder:
        known = gamed_file(Path(folder) / "known.csv", variants, gamma)
        rates = [
            {
                "raw": 100 * win_rate(one).raw,
                "v1": 100 * win_rate(one, gamma, variants).length_controlled,
                "v1, alpaca_eval": theirs(one, "length_controlled_v1", known),
                "minimal": 100 * win_rate(one).length_controlled,
                "minimal, alpaca_eval": theirs(one, "length_controlled_minimal", known),
                "v1, our joint difficulties": 100 * win_rate(one, ours_joint, variants).length_controlled,
            }
            for one in models
        ]
        figures["joint"] = {"cpu_seconds": ours_cpu, "correlation_with_truth": correlation(ours_joint, gamma)}
        if not args.no_joint:
            their_joint, cpu = timed(lambda: joint(models))
            own = gamed_file(Path(folder) / "own.csv", variants, their_joint)
            for one, rate in zip(models, rates, strict=True):
                rate["v1, alpaca_eval's joint difficulties"] = theirs(one, "length_controlled_v1", own)
            figures["joint"] |= {
                "alpaca_eval_cpu_seconds": cpu,
                "alpaca_eval_correlation_with_truth": correlation(their_joint, gamma),
                "correlation": correlation(ours_joint, their_joint),
            }
    pairs = [("v1", "v1, alpaca_eval"), ("minimal", "minimal, alpaca_eval")]
    if not args.no_joint:
        pairs.append(("v1, our joint difficulties", "v1, alpaca_eval's joint difficulties"))
    figures["most_points_apart"] = {a: max(abs(rate[a] - rate[b]) for rate in rates) for a, b in pairs}
    figures["rates"] = rates
    print("  ".join(rates[0]))
    for rate in rates:
        print("  ".join(f"{value:{len(name)}.2f}" for name, value in rate.items()))
    print(json.dumps({key: value for key, value in figures.items() if key != "rates"}, indent=2))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
