"""The page as a file: what it holds, what it refuses, and that nothing of a row becomes markup."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from r1_reward.cli import main
from r1_reward.inspection.report import ReportOptions, write_report
from r1_reward.inspection.report.pack import pack
from r1_reward.inspection.report.survey import spread
from r1_reward.inspection.report.write import RENDERER, part
from r1_reward.verifiers import ConfigError
from r1_reward.verifiers.errors import RunError

ROOT = Path(__file__).resolve().parents[3]


def verdict(score: float | None, reason: str, **more: Any) -> dict[str, Any]:
    status = "scored" if score is not None else "error"
    return {"score": score, "status": status, "reason": reason, "answer": None, "detail": "", "seconds": 0.5, **more}


def row(number: int, right: bool = True, **more: Any) -> dict[str, Any]:
    told = {"math": verdict(float(right), "correct" if right else "wrong", answer=str(number))}
    made = {"id": f"r{number}", "problem": f"p{number // 4}", "prompt": "q", "response": "a", "reference": "1"}
    return {**made, "reward": float(right), "verdicts": told, **more}


def page_of(folder: Path, rows: list[Any], **options: Any) -> str:
    source = folder / "rows.jsonl"
    source.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    write_report(ReportOptions(sources=(str(source),), output=str(folder / "page.html"), **options))
    return (folder / "page.html").read_text(encoding="utf-8")


def block(page: str, name: str) -> Any:  # any: a JSON value
    found = re.search(rf'<script type="application/octet-stream" id="{name}">([A-Za-z0-9+/=]*)</script>', page)
    assert found, name
    return json.loads(gzip.decompress(base64.b64decode(found[1])))


def test_every_row_is_there_as_it_came(tmp_path: Path) -> None:
    rows = [row(number, number % 3 > 0, response="x" * number, extra={"n": number}) for number in range(1200)]
    page = page_of(tmp_path, rows)
    index = block(page, "index")
    assert index["size"] == 1200
    assert index["blocks"][:2] == [0, 512]
    found = [one for number in range(len(index["blocks"])) for one in block(page, f"rows-{number}")]
    assert found == rows
    assert index["columns"]["chars"] == list(range(1200))
    assert index["columns"]["correct"] == [int(number % 3 > 0) for number in range(1200)]
    reasons = [index["reasons"][number] for number in index["verdicts"]["math"]["reason"]]
    assert reasons == ["correct" if number % 3 else "wrong" for number in range(1200)]


def test_the_figures_are_those_of_the_scoring_summary(tmp_path: Path) -> None:
    scored, summary, page = (tmp_path / name for name in ("scored.jsonl", "summary.json", "page.html"))
    command = ["score", str(ROOT / "examples" / "rollouts.jsonl"), "-o", str(scored), "--workers", "1"]
    result = CliRunner().invoke(main, [*command, "--summary", str(summary), "--report", str(page)])
    assert result.exit_code == 0, result.output
    assert str(page) in result.stderr.splitlines()[-1]
    told = json.loads(summary.read_text(encoding="utf-8"))
    shown = html.unescape(page.read_text(encoding="utf-8"))
    for rung in told["problems"]["pass_at_k"] + told["problems"]["cons_at_k"]:
        assert f"<td>{rung['value']:.3f}</td>" in shown
        assert f"{rung['ci95'][0]:.3f} to {rung['ci95'][1]:.3f}" in shown
    assert told["inputs"][0]["sha256"][:12] not in shown  # the page's source is the scored file
    assert hashlib.sha256(scored.read_bytes()).hexdigest()[:16] in shown


def test_the_policy_allows_the_one_script_and_style_by_hash_and_nothing_else(tmp_path: Path) -> None:
    page = page_of(tmp_path, [row(1)])
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])  # type: ignore[index]
    for kind, count in (("style", 1), ("script", 2)):
        texts = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
        sources = " ".join(f"'sha256-{digest}'" for digest in digests)
        assert len(texts) == count
        assert f"{kind}-src {sources};" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "http" not in policy
    outside = re.sub(r"<(script|style)[ >].*?</\1>", "", page, flags=re.DOTALL)
    assert not re.search(r"<[^>]*\s(on\w+|style|src|href=\"(?!#))\s*=", outside)


def test_the_pages_own_files_use_nothing_that_turns_text_into_markup_or_code() -> None:
    script = part("js")
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
        "new Function",
        "fetch(",
        "XMLHttp",
        "import(",
    ):
        assert word not in script, word
    assert "</" not in script.replace("</?", "")
    assert "<!--" not in script
    assert "</" not in part("css")
    assert "url(" not in part("css")
    assert "@import" not in part("css")


HOSTILE = ["</script><script>alert(1)</script>", "<!--", "{{7*7}}", "\ud800", "\x00", "'\"><img onerror=x>", "\u202e"]


def test_hostile_names_and_texts_stay_text(tmp_path: Path) -> None:
    rows = [
        row(number, verdicts={text: verdict(0.0, "wrong")}, id=text, prompt=text, stage=text, step=number)
        for number, text in enumerate(HOSTILE)
    ]
    page = page_of(tmp_path, rows, title=HOSTILE[0])
    assert page.count("<script") == page.count("</script>") == 4  # index, Temml, our script, one block of rows
    assert "alert(1)</script>" not in page
    own = re.sub(r"<script>var temml=.*?</script>", "", page, flags=re.DOTALL)
    assert len(own) < len(page)
    assert "<img" not in own
    assert block(page, "index")["size"] == len(rows)


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=8),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=9),
            lambda inner: st.lists(inner, max_size=3),
            max_leaves=5,
        ),
        max_size=4,
    )
)
def test_any_json_object_is_a_row(tmp_path_factory: pytest.TempPathFactory, fields: dict[str, Any]) -> None:
    folder = tmp_path_factory.mktemp("any")
    page = page_of(folder, [fields, row(1)])
    assert len(block(page, "rows-0")) == 2


def test_rows_in_error_and_rubbish_are_shown_and_counted(tmp_path: Path) -> None:
    source = tmp_path / "rows.jsonl"
    bad = {"id": "b", "response": "x", "reward": 1.0, "verdicts": {"math": verdict(1.0, "nonsense")}}
    nan = json.dumps({**row(3), "note": float("nan")})
    source.write_text("\n".join(["{nope", "[1]", json.dumps(bad), nan, json.dumps(row(2))]) + "\n", encoding="utf-8")
    write_report(ReportOptions(sources=(str(source),), output=str(tmp_path / "page.html")))
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    index = block(page, "index")
    assert index["errors"] == {"0": "not_json", "1": "not_an_object", "2": "wrong_type"}
    assert block(page, "rows-0")[3]["note"] is None


def test_more_rows_than_fit_are_sampled_by_whole_problems_and_the_page_says_so(tmp_path: Path) -> None:
    rows = [row(number, number % 2 == 0) for number in range(400)]
    page = page_of(tmp_path, rows, max_rows=100)
    index = block(page, "index")
    assert index["size"] == 100
    kept = {int(name[1:]) for name in index["columns"]["id"]}
    assert all({4 * (n // 4) + i for i in range(4)} <= kept for n in kept)
    assert "The table holds 100 of 400 responses" in page
    assert ">0.500<" in page  # the accuracy, of all of them
    again = page_of(tmp_path, rows, max_rows=100)
    assert block(again, "index") == index
    other = page_of(tmp_path, rows, max_rows=100, seed=1)
    assert block(other, "index")["columns"]["id"] != index["columns"]["id"]


def test_one_problem_larger_than_the_page_gives_its_first_rows(tmp_path: Path) -> None:
    page = page_of(tmp_path, [row(number, problem="one") for number in range(50)], max_rows=20)
    assert block(page, "index")["columns"]["id"] == [f"r{number}" for number in range(20)]


def test_large_rows_are_sampled_too(tmp_path: Path) -> None:
    noise = [random.Random(n).randbytes(20_000).hex() for n in range(40)]
    page = page_of(tmp_path, [row(n, response=text, problem=f"p{n}") for n, text in enumerate(noise)], max_mb=0.3)
    assert 0 < block(page, "index")["size"] < 40
    assert len(page) < 2e6


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nothing.jsonl"], "no such file"),
        (["unscored.jsonl"], "score it first"),
        (["empty"], "metrics.jsonl"),
        (["scored.jsonl", "-o", "scored.jsonl"], "both source and page"),
        (["scored.jsonl", "--max-rows", "0"], "max_rows"),
        (["scored.jsonl", "--map", "nothing=x"], "no field"),
        (["scored.jsonl", "-o", "empty"], "cannot write"),
        ([], "Missing argument"),
    ],
)
def test_usage_errors_exit_2_and_leave_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "scored.jsonl").write_text(json.dumps(row(1)) + "\n")
    (tmp_path / "unscored.jsonl").write_text(json.dumps({"response": "x", "prompt": "p"}) + "\n")
    result = CliRunner().invoke(main, ["report", *arguments])
    assert result.exit_code == 2, result.output
    assert why in result.stderr
    assert not list(tmp_path.glob("*.html*"))


def test_a_report_of_a_scoring_run_needs_an_output_file(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["score", "-", "--report", str(tmp_path / "x.html")], input="")
    assert result.exit_code == 2
    assert "--output" in result.stderr


def test_what_is_missing_is_told_before_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(RunError, match="extra 'report'"):
        write_report(ReportOptions(sources=("x.jsonl",)))
    with pytest.raises(ConfigError):
        ReportOptions(sources=())


def test_as_a_command_in_a_process_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "scored.jsonl").write_text(json.dumps(row(1)) + "\n")
    command = [sys.executable, "-c", "from r1_reward.cli import main; main()", "report", "scored.jsonl"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout == ""
    assert "report.html" in ran.stderr
    assert (tmp_path / "report.html").exists()


def test_packing_is_the_same_each_time_and_no_markup() -> None:
    assert pack(b"<x>" * 99) == pack(b"<x>" * 99)
    assert gzip.decompress(base64.b64decode(pack(b"<x>"))) == b"<x>"


def test_the_renderer_of_formulas_is_a_release_as_it_is_with_its_licence() -> None:
    folder = ROOT / "inspection" / "report" / "page" / "vendor"
    digest = hashlib.sha256((folder.parent / RENDERER).read_bytes()).hexdigest()
    assert digest == "1ab19148afe0dbc836b7a74f344071b3f3a70a7a8259ae4049e76894fcdf8d95"  # temml 0.13.5 on npm
    assert "Permission is hereby granted" in (folder / "NOTICE.txt").read_text()


def test_bars_hold_every_value_once() -> None:
    values = [0.0, 1.0, 0.5, 2.0, 2.0, -1.0, *(n / 7 for n in range(50))]
    bars = spread(values, [0] * len(values))
    assert sum(sum(bar.counts) for bar in bars) == len(values)
    assert bars[0].low <= -1
    assert bars[-1].high >= 6


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=80))
def test_no_value_is_lost_from_a_distribution(values: list[float]) -> None:
    bars = spread(values, [1] * len(values), cut=0.995)
    assert sum(bar.counts[1] for bar in bars) == len(values)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "holds no row"),
        ("name,value\na,1\n", "holds no scored row"),
        ('{"response": "x"}\n', "holds no verdict"),
        ('["not", "rows"]\n', "holds no scored row"),
    ],
)
def test_a_file_that_holds_nothing_scored_is_refused(tmp_path: Path, text: str, why: str) -> None:
    source, page = tmp_path / "rows.jsonl", tmp_path / "page.html"
    source.write_text(text)
    result = CliRunner().invoke(main, ["report", str(source), "-o", str(page)])
    assert result.exit_code == 2
    assert why in result.stderr
    assert not page.exists()


def test_scoring_nothing_with_a_page_is_no_fault(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["score", "-", "-o", f"{out}.jsonl", "--report", f"{out}.html", "--workers", "1"]
    assert CliRunner().invoke(main, command, input="").exit_code == 0
    page = Path(f"{out}.html").read_text(encoding="utf-8")
    assert block(page, "index")["size"] == 0
    assert 'id="table"' not in page


def test_two_scorings_of_the_same_responses_are_named(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row(n)) + "\n" for n in range(3)))
    (tmp_path / "c.jsonl").write_text(json.dumps(row(9)) + "\n")
    paths = [str(tmp_path / f"{name}.jsonl") for name in "abc"]
    out = str(tmp_path / "page.html")
    assert "warning" not in CliRunner().invoke(main, ["report", paths[0], paths[2], "-o", out]).stderr
    result = CliRunner().invoke(main, ["report", *paths, "-o", out])
    assert result.exit_code == 0
    assert "warning: 3 responses stand in more than one of the files" in result.stderr
    assert "Two scorings are mixed." in Path(out).read_text(encoding="utf-8")
    for name, fingerprint in (("a", "one"), ("c", "two")):
        told = {"options": {}, "fingerprint": fingerprint}
        (tmp_path / f"{name}.jsonl.run.json").write_text(json.dumps(told))
    assert "different options" in CliRunner().invoke(main, ["report", paths[0], paths[2], "-o", out]).stderr


def test_pass_at_k_of_a_few_problems_stands_not_on_top(tmp_path: Path) -> None:
    few = [row(n, problem="many") for n in range(16)] + [row(n, problem=f"p{n % 40}") for n in range(20, 100)]
    page = page_of(tmp_path, few)
    cards = re.findall(r'class="card[^"]*">\s*<div class="name">([^<]*)', page)
    assert "pass@2" in cards
    assert "pass@16" not in cards


def test_own_fields_are_columns_of_the_index(tmp_path: Path) -> None:
    rows = [
        row(n, level=n % 3, easy=n > 1, meta={"source": "aime"}, long="x" * 200, big=2**60, no=[1]) for n in range(4)
    ]
    rows[1]["level"] = float("nan")
    fields = {one["name"]: one for one in block(page_of(tmp_path, rows), "index")["fields"]}
    assert sorted(fields) == ["big", "easy", "level", "long", "meta.source"]
    assert fields["level"]["values"] == [0, None, 2, 0]
    assert fields["easy"] == {"name": "easy", "words": ["false", "true"], "codes": [0, 0, 1, 1]}
    assert fields["big"]["words"] == [str(2**60)]
    assert len(fields["long"]["words"][0]) == 80


def test_figures_by_field_stand_on_the_page(tmp_path: Path) -> None:
    source, out, summary = tmp_path / "in.jsonl", tmp_path / "out.jsonl", tmp_path / "s.json"
    rows = [
        {"response": rf"\boxed{{{n % 2}}}", "reference": "1", "prompt": f"q{n // 2}", "meta": {"level": f"<{n % 3}>"}}
        for n in range(12)
    ]
    source.write_text("".join(json.dumps(one) + "\n" for one in rows))
    pages = [tmp_path / name for name in ("scored.html", "alone.html", "plain.html")]
    command = ["score", str(source), "-o", str(out), "--workers", "1", "--by", "meta.level", "--summary", str(summary)]
    assert CliRunner().invoke(main, [*command, "--report", str(pages[0])]).exit_code == 0
    assert CliRunner().invoke(main, ["report", str(out), "-o", str(pages[1]), "--by", "meta.level"]).exit_code == 0
    assert CliRunner().invoke(main, ["report", str(out), "-o", str(pages[2])]).exit_code == 0
    told = json.loads(summary.read_text(encoding="utf-8"))["by"]["meta.level"]
    assert len(told) == 3
    for page in pages[:2]:
        text = page.read_text(encoding="utf-8")
        (table,) = re.findall(r"<h2>By meta\.level</h2>.*?</table>", text, re.DOTALL)
        cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", table)][1:]
        for value, accuracy, _, reward, responses, unjudged in cells:
            part = told[html.unescape(value)]
            assert accuracy == f"{part['accuracy']['value']:.3f}"
            assert reward == f"{part['reward']['mean']:.3f}"
            assert (int(responses), unjudged) == (part["responses"], "0")
        assert len(cells) == 3
    assert "By meta" not in pages[2].read_text(encoding="utf-8")
    assert CliRunner().invoke(main, ["report", str(out), "--by", "a..b"]).exit_code == 2


def test_agreement_with_a_column_of_labels_stands_on_the_page_as_in_the_summary(tmp_path: Path) -> None:
    rows = [
        {"id": f"r{n}", "response": rf"\boxed{{{n % 2}}}", "reference": "1", "label": n % 3 == 0} for n in range(12)
    ]
    source, out, summary = tmp_path / "in.jsonl", tmp_path / "out.jsonl", tmp_path / "s.json"
    source.write_text("".join(json.dumps(one) + "\n" for one in rows))
    command = ["score", str(source), "-o", str(out), "--workers", "1", "--summary", str(summary)]
    assert CliRunner().invoke(main, command).exit_code == 0
    counts = json.loads(summary.read_text(encoding="utf-8"))["agreement"]
    page = tmp_path / "page.html"
    assert CliRunner().invoke(main, ["report", str(out), "-o", str(page)]).exit_code == 0
    (box,) = re.findall(r"<h2>Agreement with labels</h2>.*?</section>", page.read_text(encoding="utf-8"), re.DOTALL)
    right, wrong = counts["confusion"]["label_right"], counts["confusion"]["label_wrong"]
    cells = [right["judged_right"], right["judged_wrong"], wrong["judged_right"], wrong["judged_wrong"]]
    assert cells == [2, 2, 4, 4]
    assert [int(cell) for cell in re.findall(r"<td>(\d+)</td>", box)] == cells
    assert f"{100 * counts['accuracy']:.1f} % of 12 agree; kappa {counts['kappa']:.3f}" in box
    assert f"they differ at {', '.join(counts['differing'][:3])}" in box
    assert "Agreement with labels" not in page_of(tmp_path, [row(1)])


def test_rows_found_by_other_names_and_groups(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows = [{"completion": rf"\boxed{{{n % 2}}}", "gold": "1", "query": "q?", "task": n // 4} for n in range(8)]
    source.write_text("".join(json.dumps(one) + "\n" for one in rows))
    names = ["--map", "response=completion,reference=gold,prompt=query"]
    command = ["score", str(source), "-o", str(out), *names, "--group-by", "task", "--workers", "1"]
    assert CliRunner().invoke(main, [*command, "--report", str(tmp_path / "a.html")]).exit_code == 0
    index = block((tmp_path / "a.html").read_text(encoding="utf-8"), "index")
    assert index["columns"]["problem"] == [0, 0, 0, 0, 1, 1, 1, 1]
    # On its own it takes the names that the run noted.
    write_report(ReportOptions(sources=(str(out),), output=str(tmp_path / "b.html")))
    assert block((tmp_path / "b.html").read_text(encoding="utf-8"), "index")["columns"]["correct"] == [0, 1] * 4


def test_the_page_of_the_same_rows_is_the_same(tmp_path: Path) -> None:
    rows = [row(number) for number in range(9)]
    assert page_of(tmp_path, rows) == page_of(tmp_path, rows)
