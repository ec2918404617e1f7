"""All stages at the smallest size that learns anything: what is done is not done again, what was cut off goes on."""

from __future__ import annotations

import json
import multiprocessing
import multiprocessing.process
import random
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from r1_reward.grpo_min.config import RewardConfig, TrainConfig
from r1_reward.grpo_min.r1.clean import DecontaminationConfig
from r1_reward.grpo_min.r1.page import read_pipeline
from r1_reward.grpo_min.r1.page.evaluations import benchmark_tables
from r1_reward.grpo_min.r1.pipeline import Report, Stage, resolve_stages, run_stages
from r1_reward.grpo_min.r1.recipe import Recipe, SampleConfig, read_stages
from r1_reward.grpo_min.r1.sft import SFTConfig
from r1_reward.grpo_min.r1.stages import STAGES, _with_preference, run_recipe
from r1_reward.grpo_min.rewards import build_reward
from r1_reward.grpo_min.toy.arithmetic import sums
from r1_reward.grpo_min.train import run_train
from r1_reward.reward_models import StoppedError
from r1_reward.scoring.samples import read_samples
from r1_reward.verifiers import Reason, Sample, Verdict
from r1_reward.verifiers.errors import ConfigError, RunError
from r1_reward.verifiers.files import write_rows

RECIPES = Path(__file__).parents[3] / "recipes"

# The one that is imitated only guesses, and any number is right: so a minute-old model passes the filters.
RECIPE = """
output = "{folder}/out"
preference_steps = 2
stages = ["rl2", "distill", "no_language", "hacking", "small_zero"]

[decontamination]
probe = false   # which is what is trained on

[source]
reasoning = "{folder}/any.jsonl"
probe = "{folder}/any.jsonl"

[toy]
width = 32
layers = 1
corpus = 640
chats = 8
preferences = 40
noise = {{ guesses = 1.0, foreign = 0.1, chats = 0.2 }}

[small]
width = 16
layers = 1

[toy.pretrain]
epochs = 3
batch = 32
checkpoint_every = 25
optimizer = {{ lr = 2e-2, schedule = "cosine" }}

[rl]
steps = 2
data = {{ template = "plain" }}
rollout = {{ questions = 4, samples = 2, minibatches = 1, max_tokens = 16 }}
checkpoint = {{ every = 1 }}
reward = {{ options.language.languages = ["en", "zh"] }}

[rl1.reward]
preset = "rl1"

[cold_start.sample]
questions = 8
samples = 2
max_tokens = 16
rewriter = "r1_reward.grpo_min.toy.arithmetic:in_language"

[cold_start.sft]
epochs = 1
batch = 4
optimizer.lr = 1e-3

[reject_sample]
questions = 8
samples = 2
max_tokens = 16
language = 0.5
replies = 4

[sft2]
batch = 4
optimizer.lr = 1e-3

[distill]
batch = 4
optimizer.lr = 1e-3

[reward_models]
preset = "tiny"
options = {{ epochs = 1 }}

[rl2]
steps = 4
reward = {{ preset = "rl2" }}

[evaluation]
questions = 4
k = 2
max_tokens = 16
"""


def write_recipe(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [sample.to_dict() | {"reference": [str(number) for number in range(200)]} for sample in sums(16, 0)]
    (folder / "any.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    path = folder / "recipe.toml"
    path.write_text(RECIPE.format(folder=folder), encoding="utf-8")
    return path


def reports(recipe: Recipe) -> dict[str, Report]:
    return dict(run_recipe(recipe))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, dict[str, Report]]:
    """A run that was never interrupted."""
    torch.set_num_threads(1)  # what an automatic fixture does comes too late for one of the module
    recipe = read_stages(write_recipe(tmp_path_factory.mktemp("whole")))
    return recipe, reports(recipe)


def test_every_stage_leaves_a_checkpoint_a_report_and_metrics(whole: tuple[Recipe, dict[str, Report]]) -> None:
    recipe, found = whole
    assert list(found) == [stage.name for stage in STAGES]
    for name in found:
        folder = Path(recipe.output) / name
        assert json.loads((folder / "report.json").read_text()) == found[name]
        assert json.loads((folder / "cost.json").read_text())["cpu_seconds"] >= 0
        if name not in ("reject_sample", "reward_models"):
            assert (folder / "checkpoint" / "model.safetensors").is_file()
            steps = [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
            assert steps == list(range(1, len(steps) + 1))
            assert found[name]["evaluation"]["metrics"]["pass_at_1"]["n"] == 4


def test_general_prompts_and_preference_come_in_the_last_steps_only(whole: tuple[Recipe, dict[str, Report]]) -> None:
    recipe, _ = whole
    lines = (Path(recipe.output) / "rl2" / "metrics.jsonl").read_text().splitlines()
    told = [any(key in json.loads(line) for key in ("reward/helpful", "reward/safety")) for line in lines]
    assert told[:2] == [False, False]
    assert any(told[2:])


def test_the_helpful_model_judges_sums_in_the_experiment_and_no_rule_does(
    whole: tuple[Recipe, dict[str, Report]],
) -> None:
    recipe, _ = whole
    for line in (Path(recipe.output) / "hacking" / "metrics.jsonl").read_text().splitlines():
        told = json.loads(line)
        assert told["reward"] == pytest.approx(told["reward/helpful"])
        assert told["accuracy"] > 0


def test_a_run_of_an_earlier_version_goes_on_in_its_numbered_folders(
    tmp_path: Path, whole: tuple[Recipe, dict[str, Report]]
) -> None:
    recipe, found = whole
    for number, name in enumerate(found):
        shutil.copytree(Path(recipe.output) / name, tmp_path / f"{number:02d}_{name}")
    assert list(read_pipeline(tmp_path).stages) == list(found)
    assert reports(replace(recipe, output=str(tmp_path))) == found
    assert {path.name[2:3] for path in tmp_path.iterdir() if path.is_dir()} == {"_"}


def test_another_stage_moves_no_folder_and_is_on_the_page(
    tmp_path: Path, whole: tuple[Recipe, dict[str, Report]]
) -> None:
    recipe = replace(whole[0], output=str(tmp_path), stages=("extra",))
    shutil.copytree(Path(whole[0].output) / "base", tmp_path / "base")
    before = (tmp_path / "base" / "checkpoint" / "model.safetensors").stat().st_mtime_ns
    extra = Stage("extra", ("base",), ("sft2",), lambda *_: {"said": 1}, title="An extra")
    stages = [STAGES[0], extra, *STAGES[1:]]
    assert dict(run_stages(stages, recipe))["extra"]["said"] == 1
    assert (tmp_path / "base" / "checkpoint" / "model.safetensors").stat().st_mtime_ns == before
    found = read_pipeline(tmp_path)
    assert {name: stage.label for name, stage in found.stages.items()} == {"base": "base", "extra": "An extra (extra)"}


def test_stages_take_verifiers_by_name(tmp_path: Path, whole: tuple[Recipe, dict[str, Report]]) -> None:
    """Reward, evaluation and B.6 go by what the recipe names, not by a preset."""
    recipe = replace(whole[0], output=str(tmp_path), stages=("no_language",))
    for name in ("base", "zero", "cold_start"):
        shutil.copytree(Path(whole[0].output) / name, tmp_path / name)
    named = RewardConfig(verifiers=("language", "length"), options={"length": {"limit": 9, "buffer": 9}})
    recipe = replace(recipe, zero=replace(recipe.zero, reward=named), rl1=replace(recipe.rl1, reward=named))
    config = replace(recipe.cold_start.sample, language=0.0)  # anything is kept that is no accuracy's business
    recipe = replace(recipe, cold_start=replace(recipe.cold_start, sample=config))
    found = reports(recipe)
    for stage, total in (("zero", ("language", "length")), ("no_language", ("length",))):
        lines = (tmp_path / stage / "metrics.jsonl").read_text().splitlines()
        for line in map(json.loads, lines):
            parts = {key.partition("/")[2] for key in line if key.startswith("reward/")} - {"std"}
            assert parts == {"language", "length"}
            assert line["reward"] == pytest.approx(sum(line[f"reward/{name}"] for name in total))
    assert "format" not in found["zero"]["evaluation"]["metrics"]


def test_stages_drop_what_they_are_tested_with_and_say_so(
    tmp_path: Path, whole: tuple[Recipe, dict[str, Report]], caplog: pytest.LogCaptureFixture
) -> None:
    asked = read_samples([whole[0].source.reasoning])
    tests = tmp_path / "tests.jsonl"
    write_rows(tests, [{"question": f"{sample.prompt_text.upper()}!"} for sample in asked[::2]])
    recipe = replace(whole[0], output=str(tmp_path / "out"), stages=("cold_start",))
    recipe = replace(recipe, decontamination=DecontaminationConfig(against=(str(tests),), probe=False))
    shutil.copytree(Path(whole[0].output) / "base", tmp_path / "out" / "base")
    report = reports(recipe)
    for stage in ("zero", "cold_start"):
        told = report[stage]["decontaminated"]["reasoning"]
        assert (told["rows"], told["reasons"]) == (len(asked), {"same": told["dropped"]})
        assert told["dropped"] >= len(asked) // 2
        lines = (tmp_path / "out" / stage / "dropped_reasoning.jsonl").read_text().splitlines()
        assert len(lines) == told["dropped"]
        assert json.loads(lines[0])["overlap"]["test"]["line"] == 1
        assert f"{stage}: {told['dropped']} of {len(asked)} rows of reasoning hold tests" in caplog.text
    left = {sample.prompt_text for sample in read_samples([str(tmp_path / "out" / "cold_start" / "candidates.jsonl")])}
    assert left
    assert left.isdisjoint(sample.prompt_text for sample in asked[::2])
    assert "decontaminated" not in whole[1]["zero"]
    with pytest.raises(RunError, match=r"all \d+ rows of reasoning hold tests.*probe = false"):
        reports(replace(recipe, output=str(tmp_path / "all"), decontamination=DecontaminationConfig()))


def test_a_stage_waits_for_a_persons_marks_and_goes_on(tmp_path: Path, whole: tuple[Recipe, dict[str, Report]]) -> None:
    recipe = replace(whole[0], output=str(tmp_path / "out"), stages=("cold_start",))
    marks = tmp_path / "marks.jsonl"
    config = replace(recipe.cold_start.sample, marks=str(marks))
    recipe = replace(recipe, cold_start=replace(recipe.cold_start, sample=config))
    for name in ("base", "zero"):
        shutil.copytree(Path(whole[0].output) / name, tmp_path / "out" / name)
    with pytest.raises(RunError, match=r"waits for a person: (\d+) of \1 rows of .*to_check\.jsonl have no mark"):
        reports(recipe)
    rows = [json.loads(line) for line in (tmp_path / "out" / "cold_start" / "to_check.jsonl").read_text().splitlines()]
    asked = (tmp_path / "out" / "cold_start" / "candidates.jsonl").read_bytes()
    assert len(rows) == whole[1]["cold_start"]["kept"] > 1
    write_rows(marks, [{**row, "accept": place > 0} for place, row in enumerate(rows)])
    report = reports(recipe)["cold_start"]
    assert (report["kept"], report["left_out"]["rejected"]) == (len(rows) - 1, 1)
    assert report["sft"]["rows"] == len(rows) - 1
    assert (tmp_path / "out" / "cold_start" / "candidates.jsonl").read_bytes() == asked


def test_checkpoints_are_measured_on_task_cards_and_stand_beside_the_papers(
    tmp_path: Path, whole: tuple[Recipe, dict[str, Report]]
) -> None:
    card = tmp_path / "card.toml"
    card.write_text(
        'name = "aime_2024"\ntitle = "Sums"\ngroup = "Math"\nverifier = "math"\nkind = "math"\nk = 2\n'
        'prompt = "{prompt}"\n[source]\nurl = "https://example.org"\n'
        '[paper]\nmetric = "Pass@1"\nvalues = { "R1-Zero" = 77.9 }\n',
        encoding="utf-8",
    )
    evaluation = replace(whole[0].evaluation, cards={str(card): (whole[0].source.reasoning,)})
    recipe = replace(whole[0], output=str(tmp_path / "out"), stages=("zero",), evaluation=evaluation)
    for name in ("base", "zero"):
        shutil.copytree(Path(whole[0].output) / name, tmp_path / "out" / name)
    report = reports(recipe)
    for name in ("base", "zero"):
        record = tmp_path / "out" / name / "evaluation" / "aime_2024.jsonl"
        assert len(record.read_text().splitlines()) == 2 * report[name]["benchmarks"]["aime_2024"]["pass_at_1"]["n"]
    assert reports(recipe) == report
    table = benchmark_tables(read_pipeline(tmp_path / "out"))[0]
    assert table["columns"] == ["benchmark (metric)", "ours: base", "ours: R1-Zero", "paper: R1-Zero"]
    assert table["rows"][0][3] == "77.9"
    with pytest.raises(ConfigError, match="no such file"):
        reports(replace(recipe, evaluation=replace(evaluation, cards={str(card): ("none.jsonl",)})))


def test_preference_joins_the_verifiers_that_rl2_names() -> None:
    class Liked:
        name = "helpful"

        def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
            return [Verdict.scored(0.5, Reason.MEASURED) for _ in samples]

    class Safe(Liked):
        name = "safety"

    reward = _with_preference(build_reward(RewardConfig(verifiers=("math", "language"))), Liked(), Safe(), 3)
    assert [term.name for term in reward.at(2).terms] == ["math", "language"]
    assert [term.name for term in reward.at(3).terms] == ["math", "language", "helpful", "safety"]


def test_what_is_done_is_not_done_again(whole: tuple[Recipe, dict[str, Report]]) -> None:
    recipe, found = whole
    weights = sorted(Path(recipe.output).rglob("*.safetensors"))
    before = [path.stat().st_mtime_ns for path in weights]
    assert reports(recipe) == found
    assert [path.stat().st_mtime_ns for path in weights] == before


def test_a_change_does_again_what_hangs_on_it_and_nothing_else(
    tmp_path: Path, whole: tuple[Recipe, dict[str, Report]]
) -> None:
    recipe, before = whole
    shutil.copytree(recipe.output, tmp_path / "out")
    text = (Path(recipe.output).parent / "recipe.toml").read_text()
    text = text.replace(recipe.output, f"{tmp_path}/out").replace('"no_language", "hacking", "small_zero"', "")
    path = tmp_path / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    path.write_text(path.read_text().replace("[distill]\nbatch = 4", "[distill]\nbatch = 2"), encoding="utf-8")
    after = reports(read_stages(path))
    assert {name for name in after if before[name] != after[name]} == {"distill"}
    path.write_text(path.read_text().replace("[small]\nwidth = 16", "[small]\nwidth = 24"), encoding="utf-8")
    smaller = reports(read_stages(path))
    assert {name for name in smaller if smaller[name] != after[name]} == {"small", "distill"}
    assert before["small"]["checkpoint"]["weights"] < smaller["small"]["checkpoint"]["weights"]
    assert smaller["small"]["checkpoint"]["weights"] < smaller["base"]["checkpoint"]["weights"]


def test_stopped_again_and_again_a_run_ends_the_same(tmp_path: Path, whole: tuple[Recipe, dict[str, Report]]) -> None:
    """Each attempt is stopped after a few looks; what differs from the other run is the folder's name alone."""
    recipe = read_stages(write_recipe(tmp_path))
    found: dict[str, Report] = {}
    for looks in range(7, 1000, 5):
        left: Iterator[int] = iter(range(looks))
        try:
            found = dict(run_recipe(recipe, stopped=lambda left=left: next(left, None) is None))  # type: ignore[misc]  # bound now
        except StoppedError:
            continue
        break
    assert found == whole[1]


def test_stages_name_what_they_need(tmp_path: Path) -> None:
    assert [stage.name for stage in resolve_stages(STAGES, Recipe(stages=("rl1",)))] == [
        "base",
        "zero",
        "cold_start",
        "rl1",
    ]
    assert "hacking" not in {stage.name for stage in resolve_stages(STAGES, Recipe())}
    with pytest.raises(ConfigError, match="'rl3'"):
        resolve_stages(STAGES, Recipe(stages=("rl3",)))
    path = tmp_path / "wrong.toml"
    path.write_text("[zero]\nstep = 3", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"zero\.step.*did you mean 'zero\.steps'"):
        read_stages(path)


@pytest.mark.parametrize("name", ["r1_toy", "zero_toy"])
def test_the_recipes_can_be_read(name: str) -> None:
    recipe = read_stages(RECIPES / f"{name}.toml")
    assert recipe.zero.loss.clip_high == 10.0
    assert resolve_stages(STAGES, recipe)


def test_the_papers_recipe_scaled_down_runs_every_stage(tmp_path: Path) -> None:
    """Sizes, lengths, batches and counts are the small recipe's; everything else is the paper's."""
    small = read_stages(write_recipe(tmp_path))
    paper = read_stages(RECIPES / "r1_paper.toml")
    toy = replace(small.toy, noise=replace(small.toy.noise, foreign=0.0))

    def fewer(config: TrainConfig, steps: int) -> TrainConfig:
        longest = tuple((step // 8_200, 16.0 + step / 8_200) for step, _ in config.rollout.max_tokens)
        rollout = replace(config.rollout, questions=2, samples=2, minibatches=2, max_tokens=longest)
        return replace(config, steps=steps, reference_every=2, rollout=rollout)

    def shorter(config: SFTConfig) -> SFTConfig:
        return replace(config, batch=4, max_tokens=256)

    def less(config: SampleConfig) -> SampleConfig:
        return replace(config, questions=16, samples=4, max_tokens=16, replies=4)

    recipe = replace(
        paper,
        output=small.output,
        preference_steps=2,
        source=small.source,
        decontamination=small.decontamination,
        toy=toy,
        zero=fewer(paper.zero, 2),
        cold_start=replace(paper.cold_start, sample=less(paper.cold_start.sample), sft=shorter(paper.cold_start.sft)),
        rl1=fewer(paper.rl1, 2),
        reject_sample=less(paper.reject_sample),
        sft2=shorter(paper.sft2),
        reward_models=replace(paper.reward_models, options={"batch": 8}),
        rl2=fewer(paper.rl2, 4),
        distill=shorter(paper.distill),
        evaluation=replace(paper.evaluation, questions=4, k=2, max_tokens=16),
    )
    torch.set_num_threads(1)
    found = reports(recipe)
    assert list(found) == [stage.name for stage in STAGES if not stage.experiment]
    assert found["rl2"]["evaluation"]["template"] == "r1_zero"


@pytest.mark.slow
def test_killed_at_twenty_random_moments_a_run_ends_the_same(
    tmp_path: Path, whole: tuple[Recipe, dict[str, Report]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty runs, each killed once (some so late that they were done) and started again."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["r1_reward.grpo_min.r1.stages"])

    def start(folder: Path) -> multiprocessing.process.BaseProcess:
        process = context.Process(target=run_train, args=(str(write_recipe(folder)),))
        process.start()
        return process

    start(tmp_path / "warm").join()
    began = time.monotonic()
    start(tmp_path / "timed").join()
    lasted = time.monotonic() - began
    draw, killed = random.Random(0), 0
    for number in range(20):
        folder = tmp_path / str(number)
        process = start(folder)
        process.join(draw.uniform(0.02, 0.98) * lasted)
        process.kill()
        process.join()
        killed += process.exitcode == -signal.SIGKILL
        start(folder).join()
        assert _reports(folder / "out") == whole[1]
    assert killed >= 10


def _reports(output: Path) -> dict[str, Any]:
    return {path.parent.name: json.loads(path.read_text()) for path in sorted(output.glob("*/report.json"))}
