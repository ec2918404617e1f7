"""Evaluation: every figure against its formula, samples that can be gone on with, the command as a user calls it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from r1_reward.cli import main
from r1_reward.grpo_min.engine import Completion, Tokens
from r1_reward.grpo_min.r1.evaluate import evaluate
from r1_reward.grpo_min.sampling import Sampling
from r1_reward.grpo_min.toy.arithmetic import sums, toy_model, toy_tokenizer
from r1_reward.scoring.measure import Evaluation, estimates
from r1_reward.scoring.samples import read_benchmark
from r1_reward.verifiers import Sample
from r1_reward.verifiers.errors import ConfigError

SHORT = Sampling(max_tokens=8, temperature=0.6, top_p=0.95)


class _Words:
    """A tokenizer of whole texts: each text seen has a number, which a scripted engine can give back."""

    eos_token_id = 0

    def __init__(self) -> None:
        self.texts = [""]

    def encode(self, text: str) -> list[int]:
        if text not in self.texts:
            self.texts.append(text)
        return [self.texts.index(text)]

    def decode(self, tokens: Sequence[int]) -> str:
        return "".join(self.texts[token] for token in tokens)


class _Scripted:
    """An engine that answers each prompt with given texts."""

    exact = True

    def __init__(self, words: _Words, answers: dict[str, list[str]]) -> None:
        self._words, self._answers = words, answers

    def generate(
        self, prompts: Sequence[Tokens], n: int, sampling: Sampling, seeds: Sequence[int]
    ) -> list[list[Completion]]:
        results = []
        for prompt in prompts:
            texts = self._answers[self._words.decode(prompt)]
            assert len(texts) == n
            results.append([self._completion(text) for text in texts])
        return results

    def _completion(self, text: str) -> Completion:
        if text.endswith("..."):
            return Completion(tokens=tuple(self._words.encode(text)), logprobs=(0.0,), finish="length")
        return Completion(tokens=(*self._words.encode(text), 0), logprobs=(0.0, 0.0), finish="stop")

    def sync(self, model: object) -> None: ...

    def close(self) -> None: ...


def _said(answer: str, thought: str = "we add the two numbers") -> str:
    return f"<think>{thought}</think> <answer>\\boxed{{{answer}}}</answer>"


def _scripted(questions: Sequence[Sample], answers: list[list[str]], **options: object) -> Evaluation:
    words = _Words()
    engine = _Scripted(words, {question.prompt_text: texts for question, texts in zip(questions, answers, strict=True)})
    model = toy_model(toy_tokenizer(), width=16, layers=1)
    return evaluate(
        model, questions, k=4, sampling=SHORT, template="plain", tokenizer=words, engine=engine, **options  # type: ignore[arg-type]  # by name
    )  # fmt: skip


QUESTIONS = [
    Sample(response="", prompt="What is half of one?", reference=r"\frac12", meta={"level": 1}),
    Sample(response="", prompt="What is one and one?", reference="2", meta={"level": 5}),
]


def test_pass_and_consensus_follow_their_formulas() -> None:
    # 1/2, 0.5 and 2/4 are one answer: three votes for right. Of the second question wrong wins two (3, 3.0) to one.
    answers = [[_said(a) for a in ("0.5", r"\frac{2}{4}", "1/2", "3")], [_said(a) for a in ("2", "3", "3.0", "7")]]
    result = _scripted(QUESTIONS, answers).metrics
    assert result["pass_at_1"].value == pytest.approx((3 / 4 + 1 / 4) / 2)
    assert result["pass_at_2"].value == pytest.approx((1 + 1 / 2) / 2)
    assert result["pass_at_4"].value == 1
    assert result["cons_at_4"].value == 0.5
    assert result["unjudged"].value == 0


def test_form_language_length_and_words_are_measured() -> None:
    good = _said("2", "Wait, but that is wrong. Let us check the sum of the two numbers again, wait.")
    chinese = _said("2", "等等，我们再算一遍这两个数的和。")
    answers = [[good, chinese, "no tags", "it goes on and on..."], [good] * 4]
    result = _scripted(QUESTIONS, answers, words=("wait", "but", "等等")).metrics
    assert result["format"].value == pytest.approx((0.5 + 1) / 2)
    assert result["truncated"].value == pytest.approx((0.25 + 0) / 2)
    assert result["length"].value == pytest.approx((7 / 4 + 2) / 2)
    assert result["reflective/wait"].value == pytest.approx((2 / 4 + 2) / 2)
    assert result["reflective/等等"].value == pytest.approx((1 / 4 + 0) / 2)
    assert result["reflective"].value == pytest.approx((2 / 4 + 1 / 4 + 1 / 4 + 3) / 2)
    assert 0.5 < result["language"].value < 1


def test_levels_are_told_apart() -> None:
    result = _scripted(QUESTIONS, [[_said("0.5")] * 4, [_said("3")] * 4])
    assert {level: one["pass_at_1"].value for level, one in result.levels.items()} == {"1": 1, "5": 0}
    assert result.levels["1"]["pass_at_1"].ci95 is None
    none = _scripted(QUESTIONS, [[_said("0.5")] * 4, [_said("3")] * 4], level="hardness")
    assert none.levels == {}


def test_what_cannot_be_judged_is_neither_right_nor_wrong() -> None:
    unreadable = Sample(response="", prompt="What is nothing?", reference=r"\frac{", kind="math")
    general = Sample(response="", prompt="Please greet me.", kind="general")
    result = _scripted(
        [QUESTIONS[1], unreadable, general], [[_said("2")] * 4, [_said("3")] * 4, [_said("Hello")] * 4]
    ).metrics
    assert (result["pass_at_1"].value, result["pass_at_1"].n) == (1, 1)
    assert result["unjudged"].value == pytest.approx(1 / 3)


def test_intervals_cover_and_narrow() -> None:
    generator = torch.Generator().manual_seed(1)
    hits, widths = 0, []
    for _ in range(60):
        chance = torch.rand(100, generator=generator)
        values = [{"pass_at_1": float(torch.bernoulli(p.expand(8), generator=generator).mean())} for p in chance]
        ci95 = estimates(values, 8)["pass_at_1"].ci95
        assert ci95 is not None
        hits += ci95[0] <= 0.5 <= ci95[1]
        widths.append(ci95[1] - ci95[0])
    assert hits >= 50  # of 60 at 95 %; fewer has a chance of about 1 in 3,000
    expected = 2 * 1.96 * (1 / 12 + 1 / 48) ** 0.5 / 10
    assert sum(widths) / 60 == pytest.approx(expected, rel=0.1)


def test_one_question_or_certainty_has_no_false_interval() -> None:
    assert estimates([{"x": 1.0}])["x"].ci95 is None
    ci95 = estimates([{"x": 1.0}] * 25)["x"].ci95
    assert ci95 is not None
    assert ci95[0] == pytest.approx(0.867, abs=1e-3)


def _folder(tmp_path: Path) -> str:
    tokenizer = toy_tokenizer()
    tokenizer.save_pretrained(tmp_path / "model")
    toy_model(tokenizer, width=16, layers=1).save_pretrained(tmp_path / "model")
    return str(tmp_path / "model")


def _without_times(path: Path) -> list[object]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        for verdict in row["verdicts"].values():
            verdict.pop("seconds")
    return rows


def test_interrupted_at_any_byte_it_goes_on_to_the_same(tmp_path: Path) -> None:
    model, whole, torn = _folder(tmp_path), tmp_path / "whole.jsonl", tmp_path / "torn.jsonl"
    questions = sums(7, 0)
    options = {"k": 3, "sampling": SHORT, "template": "plain"}
    expected = evaluate(model, questions, output=whole, at_once=2, **options)  # type: ignore[arg-type]  # by name
    data = whole.read_bytes()
    record = (tmp_path / "whole.jsonl.run.json").read_bytes()
    for size in (0, 5, len(data) // 3, data.index(b"\n") + 1, len(data) - 1, len(data)):
        torn.write_bytes(data[:size])
        (tmp_path / "torn.jsonl.run.json").write_bytes(record)
        result = evaluate(model, questions, output=torn, resume=True, at_once=5, **options)  # type: ignore[arg-type]  # by name
        assert result.to_dict() == expected.to_dict()
        assert _without_times(torn) == _without_times(whole)
    assert evaluate(model, questions, **options).to_dict() == expected.to_dict()  # type: ignore[arg-type]  # by name


def test_going_on_with_something_else_is_refused(tmp_path: Path) -> None:
    model, out = _folder(tmp_path), tmp_path / "out.jsonl"
    evaluate(model, sums(2, 0), k=1, sampling=SHORT, template="plain", output=out)
    kept = out.read_bytes()
    changes: list[dict[str, object]] = [{"k": 2}, {"seed": 1}, {"template": "r1_zero"}]
    for change in changes:
        options = {"k": 1, "sampling": SHORT, "template": "plain", **change}
        with pytest.raises(ConfigError, match="another model, other questions or options"):
            evaluate(model, sums(2, 0), output=out, resume=True, **options)  # type: ignore[arg-type]  # by name
    with pytest.raises(ConfigError, match="another model"):
        evaluate(model, sums(2, 1), k=1, sampling=SHORT, template="plain", output=out, resume=True)
    toy_model(toy_tokenizer(), width=16, layers=1, seed=1).save_pretrained(model)
    with pytest.raises(ConfigError, match="another model"):
        evaluate(model, sums(2, 0), k=1, sampling=SHORT, template="plain", output=out, resume=True)
    assert out.read_bytes() == kept


def test_rows_that_cannot_be_asked_name_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    path.write_text('{"prompt": "1+1", "key": 2}\n\n{"prompt": "1+2", "key": "3"}\n', encoding="utf-8")
    assert [sample.reference for sample in read_benchmark([str(path)], {"reference": "key"})] == ["2", "3"]
    with pytest.raises(ConfigError, match=r"b\.jsonl, line 1: the row has no reference; --map reference=FIELD"):
        read_benchmark([str(path)])
    for text, said in (
        ("[1]", "line 1"),
        ("{", "line 1"),
        ('{"reference": "2"}', "no prompt"),
        ('{"x": NaN}', "no prompt"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=said):
            read_benchmark([str(path)])


def test_the_command_writes_samples_and_figures(tmp_path: Path) -> None:
    model, out, summary = _folder(tmp_path), tmp_path / "o" / "samples.jsonl", tmp_path / "o" / "figures.json"
    bench = tmp_path / "b.jsonl"
    rows = [{"prompt": sum_.prompt, "answer": sum_.reference, "level": n % 2} for n, sum_ in enumerate(sums(4, 0))]
    bench.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    asked = ["eval", model, str(bench), "--map", "reference=answer", "-k", "2", "--template", "plain"]
    run = CliRunner().invoke(main, [*asked, "-o", str(out), "--summary", str(summary)], catch_exceptions=False)
    assert run.exit_code == 0, run.output
    content = json.loads(summary.read_text(encoding="utf-8"))
    assert (content["questions"], content["k"], sorted(content["levels"])) == (4, 2, ["0", "1"])
    assert content["sampling"]["temperature"] == 0.6
    assert content["sampling"]["top_p"] == 0.95
    assert set(content["metrics"]) >= {
        "pass_at_1",
        "pass_at_2",
        "cons_at_2",
        "format",
        "length",
        "truncated",
        "unjudged",
    }
    again = CliRunner().invoke(main, [*asked, "-o", str(out), "--resume"], catch_exceptions=False)
    assert json.loads(again.stdout) == content
    page = tmp_path / "page.html"
    report = CliRunner().invoke(main, ["report", str(out), "-o", str(page)], catch_exceptions=False)
    assert report.exit_code == 0, report.output
    assert "8 responses" in report.output


def test_a_folder_is_evaluated_by_a_card(tmp_path: Path) -> None:
    model, out, card = _folder(tmp_path), tmp_path / "mine.jsonl", tmp_path / "mine.toml"
    source = '[source]\nurl = "here"\nrows = 3\n[map]\nprompt = "q"\nreference = "a"\n'
    head = (
        'name = "mine"\ntitle = "Mine"\ngroup = "Math"\nverifier = "math"\nk = 2\nmax_tokens = 8\nprompt = "{prompt}"\n'
    )
    card.write_text(head + source, encoding="utf-8")
    bench = tmp_path / "b.jsonl"
    rows = [{"q": sum_.prompt, "a": sum_.reference} for sum_ in sums(3, 0)]
    bench.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    asked = ["eval", model, str(bench), "--card", str(card), "--template", "plain", "-o", str(out)]
    run = CliRunner().invoke(main, asked, catch_exceptions=False)
    assert run.exit_code == 0, run.output
    assert json.loads(run.stdout)["sampling"]["max_tokens"] == 8
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [(row["benchmark"], list(row["verdicts"])) for row in lines] == [("mine", ["math"])] * 6
    assert all(row["verdicts"]["math"]["seconds"] == 0 for row in lines)
    refused = CliRunner().invoke(main, asked)
    assert (refused.exit_code, "is there" in refused.output) == (2, True)
    table = CliRunner().invoke(main, ["eval", "--table", f"toy={out}"], catch_exceptions=False)
    assert "Mine (pass_at_1)" in table.stdout


def test_usage_errors_are_exit_status_two(tmp_path: Path) -> None:
    bench = tmp_path / "b.jsonl"
    bench.write_text('{"prompt": "1+1=", "reference": "2"}\n', encoding="utf-8")
    missing = CliRunner().invoke(main, ["eval", str(tmp_path / "none"), str(bench)])
    assert missing.exit_code == 2
    assert "cannot be loaded" in missing.output
    model = _folder(tmp_path)
    long = CliRunner().invoke(main, ["eval", model, str(bench), "--max-tokens", "256", "--template", "plain"])
    assert long.exit_code == 2
    assert "lower max_tokens" in long.output
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    assert "data is empty" in CliRunner().invoke(main, ["eval", model, str(empty)]).output
