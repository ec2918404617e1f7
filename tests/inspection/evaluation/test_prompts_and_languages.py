"""What records say beside right and wrong: how far prompts are apart, which responses left their language."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from r1_reward.cli import main
from r1_reward.inspection.evaluation.cards import ready_card
from r1_reward.inspection.evaluation.mixing import language_mixing
from r1_reward.inspection.evaluation.sensitivity import read_spreads
from r1_reward.scoring.scored import ScoredFiles
from r1_reward.verifiers.errors import ConfigError

RIGHT = {"status": "scored", "score": 1.0, "reason": "correct", "detail": ""}
WRONG = {**RIGHT, "score": 0.0, "reason": "wrong"}


def record(path: Path, rights: Sequence[bool], model: str = "m", sha256: str = "0", **fields: Any) -> str:
    """A record of AIME with one sample a question."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {"problem": f"q{n}", "prompt": f"q{n}", "reference": "1", "response": "1", "kind": "math",
         "reward": float(right), "verdicts": {"math": RIGHT if right else WRONG}, "tokens": 1, **fields}
        for n, right in enumerate(rights)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    options = {"model": model, "card": ready_card("aime_2024").to_dict(), "k": 1, "files": [{"sha256": sha256}]}
    Path(f"{path}.run.json").write_text(json.dumps({"schema_version": 1, "options": options}), encoding="utf-8")
    return str(path)


def test_the_spread_over_prompts_is_paired_by_question(tmp_path: Path) -> None:
    zero = record(tmp_path / "zero.jsonl", [True, True, True, False])
    few = record(tmp_path / "few.jsonl", [True, False, False, False])
    (one,) = read_spreads([zero, f"two examples={few}"])
    assert (one.model, list(one.results), one.spread) == ("m", ["zero", "two examples"], 0.5)
    pair = one.pairs()["two examples"]
    assert (pair.problems, pair.mean, pair.better, pair.worse) == (4, -0.5, 0, 2)
    run = CliRunner().invoke(main, ["eval", "--prompts", zero, few])
    assert run.exit_code == 0, run.output
    assert "AIME 2024, m: 2 prompts, spread 50.0" in run.stdout
    payload = json.loads(CliRunner().invoke(main, ["eval", "--prompts", "--json", zero, few]).stdout)
    assert payload["spreads"][0]["pairs"]["few"]["mean"] == -0.5


def test_records_that_have_no_spread_are_refused(tmp_path: Path) -> None:
    one = record(tmp_path / "one.jsonl", [True])
    for other, word in [
        (record(tmp_path / "b" / "two.jsonl", [True], model="other"), "one prompt alone"),
        (record(tmp_path / "c" / "two.jsonl", [True], sha256="1"), "different files"),
        (record(tmp_path / "d" / "one.jsonl", [True]), "both called one"),
    ]:
        with pytest.raises(ConfigError, match=word):
            read_spreads([one, other])


FRENCH, ENGLISH = (
    "La somme de trois et quatre est sept, donc la réponse est sept.",
    "The sum of three and four is seven.",
)


def test_responses_out_of_their_prompts_language_are_counted_by_it(tmp_path: Path) -> None:
    said = [
        ("fr", "Quelle est la somme ?", FRENCH), ("fr", "Quelle est la somme ?", ENGLISH), ("fr", "Autre", "42"),
        ("en", "What is the sum?", ENGLISH), (None, "三加四等于多少？请说明理由。", "三加四等于七，所以答案是七。"),
        (None, "3 + 4", ENGLISH),
    ]  # fmt: skip
    rows = [
        {
            "prompt": prompt,
            "problem": prompt,
            "language": code,
            "response": text,
            "reward": 1.0,
            "verdicts": {"x": RIGHT},
        }
        for code, prompt, text in said
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    languages = {one.language: one for one in language_mixing(ScoredFiles([str(path)]))}
    assert list(languages) == ["fr", "en", "zh", "unknown"]
    assert {code: (one.responses, one.no_words) for code, one in languages.items()} == {
        "fr": (3, 1), "en": (1, 0), "zh": (1, 0), "unknown": (1, 1),
    }  # fmt: skip
    means = {code: {name: mean.mean for name, mean in one.figures().items()} for code, one in languages.items()}
    assert (means["fr"]["out"], means["en"]["out"], means["zh"]["out"]) == (0.5, 0.0, 0.0)
    assert means["unknown"]["out"] is None
    run = CliRunner().invoke(main, ["eval", "--languages", str(path)])
    assert run.exit_code == 0, run.output
    assert any(line.startswith("fr") and "50.0 %" in line for line in run.stdout.splitlines())
    payload = json.loads(CliRunner().invoke(main, ["eval", "--languages", "--json", str(path)]).stdout)
    assert payload["languages"][0]["out"]["value"] == 0.5
