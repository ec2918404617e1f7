"""Kinds are open: a package that this one does not know names a kind, decides it, and is found everywhere."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import pytest

from r1_reward.verifiers import ConfigError, Reason, Reward, Sample, Status, Term, Verdict, auto, rl1
from r1_reward.verifiers import registry as registry_module
from r1_reward.verifiers.registry import Options, accuracy_of, accuracy_verifiers, is_accuracy, known_kinds, make, names
from r1_reward.verifiers.spec import RewardSpec

SETUP = "CREATE TABLE cats (name, age); INSERT INTO cats VALUES ('Tom', 3), ('Kit', 1)"
GOLD = "SELECT name FROM cats WHERE age = 3"
LOOP = "n(x) AS (SELECT 1 UNION ALL SELECT x FROM n)"
CATS = {"kind": "query", "prompt": "Who is three?", "setup": SETUP, "reference": GOLD}
ROWS: list[dict[str, Any]] = [
    {"id": "right", **CATS, "response": "```sql\nSELECT name FROM cats WHERE age > 2\n```"},
    {"id": "wrong", **CATS, "response": "SELECT name FROM cats"},
    {"id": "denied", **CATS, "response": "DROP TABLE cats"},
    {"id": "endless", **CATS, "response": f"WITH RECURSIVE {LOOP} SELECT max(x) FROM n"},
    {"id": "gold", **CATS, "prompt": "Dogs?", "response": "SELECT 1", "reference": "SELECT name FROM dogs"},
    {"id": "slip", **CATS, "prompt": "Slip?", "response": GOLD, "kind": "querry"},
    {"id": "sum", "prompt": "2 + 2?", "response": r"\boxed{4}", "reference": "4"},
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return tmp_path


def run(folder: Path, package: Path | None, *args: str, code: int = 0) -> str:
    """A command in a process of its own, in which the package is installed."""
    command = [sys.executable, "-c", "from r1_reward.cli import main; main()", *args]
    environment = {**os.environ, "PYTHONPATH": str(package or ""), "COLUMNS": "200"}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def score(folder: Path, package: Path | None, *args: str) -> dict[str, dict[str, Any]]:
    out = folder / "out.jsonl"
    run(folder, package, "score", "in.jsonl", "-o", str(out), "--overwrite", "--max-errors", "100%", *args)
    return {row["id"]: row for row in map(json.loads, out.read_text(encoding="utf-8").splitlines())}


def test_score_takes_the_kind_from_the_installed_package(folder: Path, query_package: Path) -> None:
    rows = score(folder, query_package, "--workers", "2", "--set", "query.time_s=0.2")
    by_name = {
        name: (row["reward"], [(who, v["reason"]) for who, v in row["verdicts"].items()]) for name, row in rows.items()
    }
    assert by_name == {
        "right": (1.0, [("query", "correct")]),
        "wrong": (0.0, [("query", "wrong")]),
        "denied": (0.0, [("query", "runtime_error")]),
        "endless": (0.0, [("query", "runtime_error")]),
        "gold": (None, [("query", "reference_unparseable")]),
        "slip": (None, [("auto", "unknown_kind")]),
        "sum": (1.0, [("math", "correct")]),
    }
    assert "did you mean 'query'?" in rows["slip"]["verdicts"]["auto"]["detail"]


@pytest.mark.parametrize("reward", [("--preset", "r1_zero"), ("--reward", "math,query,format")])
def test_presets_and_rewards_by_name_ask_it_for_its_kind_only(
    folder: Path, query_package: Path, reward: Sequence[str]
) -> None:
    rows = score(folder, query_package, "--workers", "1", *reward)
    assert set(rows["right"]["verdicts"]) == {"query", "format"}
    assert set(rows["sum"]["verdicts"]) == {"math", "format"}
    assert rows["right"]["reward"] == 1.0
    assert rows["slip"]["reward"] is None


@pytest.mark.parametrize("reward", ["auto", "format", "math,format"])
def test_without_the_package_its_kind_is_an_error_whatever_the_reward(folder: Path, reward: str) -> None:
    rows = score(folder, None, "--workers", "1", "--reward", reward)
    for name in ("right", "slip"):
        assert rows[name]["reward"] is None
        verdicts = rows[name]["verdicts"].values()
        assert {v["reason"] for v in verdicts} == {"unknown_kind"}
        assert all("known: math, code" in v["detail"] for v in verdicts)
    assert rows["sum"]["reward"] is not None


def test_check_verifies_its_golds_and_reports_an_unknown_kind(folder: Path, query_package: Path) -> None:
    content = json.loads(run(folder, query_package, "check", "in.jsonl", "--no-languages", "--json", code=1))
    results = [(one["row"], one["what"]) for one in content["findings"] if one["what"] != "duplicate_prompt"]
    assert results == [("gold", "gold_unreadable"), ("slip", "unknown_kind")]
    content = json.loads(run(folder, None, "check", "in.jsonl", "--no-languages", "--json", code=1))
    assert content["counts"]["unknown_kind"] == 6


def test_explain_asks_it(folder: Path, query_package: Path) -> None:
    content = json.loads(run(folder, query_package, "explain", "--from", "in.jsonl", "--row", "wrong", "--json"))
    assert content["verdict"]["reason"] == "wrong"
    assert "did you mean 'query'?" in run(
        folder, query_package, "explain", "--from", "in.jsonl", "--row", "slip", code=2
    )


def test_reports_take_its_word_for_right_and_wrong(folder: Path, query_package: Path) -> None:
    score(folder, query_package, "--preset", "r1_zero", "--workers", "1")
    run(folder, query_package, "report", "out.jsonl", "-o", "report.html")
    page = (folder / "report.html").read_text(encoding="utf-8")
    (packed,) = re.findall(r'id="index">([A-Za-z0-9+/=]*)</script>', page)
    index = json.loads(gzip.decompress(base64.b64decode(packed)))
    assert {"query", "math"} <= set(index["deciders"])
    assert "format" not in index["deciders"]
    assert index["columns"]["correct"] == [1, 0, 0, 0, -1, -1, 1]


ADAPTER = """
from r1_reward.adapters.trl import reward
import json, pickle, sys

rows = [json.loads(line) for line in open("in.jsonl")]
rows = [row for row in rows if row["id"] in ("right", "wrong", "slip", "sum")]
columns = {name: [row.get(name) for row in rows] for name in ("prompt", "response", "reference", "kind", "setup")}
completions, prompts = columns.pop("response"), columns.pop("prompt")
for made in (reward(), reward(preset="r1_zero"), reward(prefilled=False), reward("query")):
    made = pickle.loads(pickle.dumps(made))
    print(json.dumps(made(completions=completions, prompts=prompts, **columns)))
"""


def test_a_trainer_adapter_asks_it(folder: Path, query_package: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(query_package)}
    ran = subprocess.run(
        [sys.executable, "-c", ADAPTER], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    numbers = [json.loads(line) for line in ran.stdout.splitlines()]
    assert numbers == [[1.0, 0.0, None, 1.0], [1.0, 0.0, None, 1.0], [1.0, 0.0, None, 1.0], [1.0, 0.0, None, None]]


class Haiku:
    """Decides a kind; what a package could hold."""

    kinds: ClassVar[Collection[str]] = {"haiku"}
    accuracy: ClassVar = True
    name = "haiku"

    def __init__(self, score: float = 1.0) -> None:
        self.score = score

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        return [Verdict.scored(self.score, Reason.CORRECT if self.score else Reason.WRONG) for _ in samples]


class Poems(Haiku):
    """Another that decides it, and one kind more."""

    kinds: ClassVar = {"haiku", "sonnet"}
    name = "poems"


class Misnamed(Haiku):
    name = "other"


class Wordy(Haiku):
    kinds: ClassVar = {"short answer"}


class Vague(Haiku):
    kinds: ClassVar = ()


class Optional:
    """Its option is called as the attribute is, so it says nothing of kinds."""

    name = "optional"

    @property
    def kinds(self) -> int:
        return 3

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        return [Verdict.scored(1.0, Reason.MEASURED) for _ in samples]


Install = Any


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Makes entry points as if packages were installed."""

    def clear() -> None:
        registry_module._points.cache_clear()
        registry_module._installed.cache_clear()

    def installed(*points: tuple[str, str]) -> None:
        made = [EntryPoint(name, value, registry_module.GROUP) for name, value in points]
        monkeypatch.setattr(registry_module, "entry_points", lambda **_: made)
        clear()

    monkeypatch.setitem(sys.modules, "poetry_rewards", sys.modules[__name__])
    yield installed
    monkeypatch.undo()
    clear()


HAIKU, POEMS = ("haiku", "poetry_rewards:Haiku"), ("poems", "poetry_rewards:Poems")
POEM = Sample(response="Old pond", kind="haiku")


def test_auto_and_presets_take_the_kind_from_the_registry(install: Install) -> None:
    install(HAIKU)
    assert (accuracy_of("haiku"), is_accuracy("haiku"), known_kinds()[-1]) == ("haiku", True, "haiku")
    assert auto()([POEM])[0].score == 1.0
    assert auto({"haiku": {"score": 0.0}})([POEM])[0].score == 0.0
    assert dict(rl1()([POEM])[0].parts)["haiku"] == 1.0


def test_names_are_listed_without_an_import(install: Install) -> None:
    install(("far", "no_such_package:Verifier"), HAIKU)
    assert {"far", "haiku", "math"} <= set(names())


def test_two_that_decide_one_kind_are_named_and_one_is_chosen(install: Install) -> None:
    install(HAIKU, POEMS)
    with pytest.raises(ConfigError, match=r"haiku \(.*Haiku\) and poems \(.*Poems\); choose one by --set auto.haiku="):
        auto()
    with pytest.raises(ConfigError, match="2 verifiers say that they decide the kind 'haiku'"):
        RewardSpec(preset="r1_zero").build()
    chosen: Mapping[str, Options] = {"auto": {"haiku": "poems"}, "poems": {"score": 0.5}}
    made = RewardSpec(options=chosen).build()
    assert made([POEM])[0].score == 0.5
    assert accuracy_verifiers({"haiku": "haiku"})["sonnet"] == "poems"
    assert RewardSpec(options={"auto": {"haiku": "poetry_rewards:Haiku"}}).build()([POEM])[0].score == 1.0


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"haiku": "math"}, "judges math and not haiku"),
        ({"haiku": "format"}, "does not say whether an answer is right"),
        ({"haiku": "nobody"}, "unknown reward 'nobody'"),
        ({"haiku": 3}, "must be the name of a verifier"),
        ({"two words": "poems:x"}, "is no kind"),
    ],
)
def test_a_choice_that_cannot_decide_is_refused(install: Install, chosen: dict[str, object], message: str) -> None:
    install(HAIKU)
    with pytest.raises(ConfigError, match=message):
        auto({"auto": chosen})


def test_a_package_may_claim_a_kind_of_ours_and_must_be_chosen(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Haiku, "kinds", {"math"})
    install(HAIKU)
    with pytest.raises(ConfigError, match=r"math \(r1-reward\) and haiku"):
        auto()
    assert auto({"auto": {"math": "math"}}).verifiers["math"].name == "math"


@pytest.mark.parametrize(
    ("point", "message"),
    [
        (("lost", "no_such_package:Verifier"), "cannot be imported"),
        (("math", "poetry_rewards:Haiku"), "a name of r1-reward itself"),
        (("auto", "poetry_rewards:Haiku"), "a name of r1-reward itself"),
        (("wordy", "poetry_rewards:Wordy"), "it must be a set of words"),
        (("vague", "poetry_rewards:Vague"), "does not say of which kinds"),
    ],
)
def test_a_broken_package_is_left_out_and_the_others_work(
    install: Install, caplog: pytest.LogCaptureFixture, point: tuple[str, str], message: str
) -> None:
    install(HAIKU, point)
    with caplog.at_level(logging.WARNING):
        assert auto()([POEM])[0].score == 1.0
    assert message in caplog.text
    assert make("math").name == "math"


def test_one_name_of_two_packages_is_refused(install: Install) -> None:
    install(HAIKU, ("haiku", "poetry_rewards:Poems"))
    with pytest.raises(ConfigError, match="2 installed packages have a verifier named 'haiku'"):
        make("haiku")
    (verdict,) = auto()([POEM])
    assert (verdict.reason, "not importable" in verdict.detail) == (Reason.UNKNOWN_KIND, True)


def test_who_decides_must_be_found_under_its_name(install: Install) -> None:
    install(("misnamed", "poetry_rewards:Misnamed"))
    with pytest.raises(ConfigError, match="it must have the name of its entry point"):
        auto()


def test_an_option_named_kinds_says_nothing_of_kinds(install: Install) -> None:
    install(("optional", "poetry_rewards:Optional"))
    assert registry_module.kinds_of("optional") is None


def test_a_term_may_name_a_kind_that_no_package_does() -> None:
    named = Reward(name="own", terms=[Term(verifier=Optional(), kinds=frozenset({"limerick"}))])
    said = Reward(name="own", terms=[Term(verifier=Haiku())])
    for reward, kind in ((named, "limerick"), (said, "haiku")):
        assert reward([Sample(response="x", kind=kind)])[0].status is Status.SCORED
    assert said([Sample(response="x", kind="limerick")])[0].reason is Reason.UNKNOWN_KIND
