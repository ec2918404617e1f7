"""The names that README and docs/reference/python.md promise: there, typed, and plain about a caller's mistakes."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, assert_type

import pytest

import r1_reward as r1
from r1_reward.sandbox import CallTest, StdinTest
from r1_reward.scoring import ScoreOptions

NAMES = """
AsyncClient ChoiceVerifier Client CodeVerifier ConfigError FormatVerifier InstrumentDown JudgeVerifier
LanguageVerifier LengthVerifier Limits MathVerifier Message NotScoredError PuzzleVerifier Reason Reward RewardError
RunError Sample SampleError SchemaVerifier Scored ServedScore ServerError Status Summary Term TestCase
UnknownRewardError Verdict Verifier __version__ auto r1_zero rl1 rl2 score verify
""".split()
RIGHT = r1.Sample(response=r"<think>2 + 2</think><answer>\boxed{4}</answer>", reference="4", language="en")
WRONG = r1.Sample(response=r"\boxed{5}", reference="4")
BAD_GOLD = r1.Sample(response=r"\boxed{5}", reference="N/A")


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


# --- The names


def test_names_are_those_and_no_others() -> None:
    assert r1.__all__ == NAMES


def test_names_of_trainers_and_models_are_where_the_docs_say() -> None:
    import r1_reward.grpo_min
    from r1_reward.adapters.trl import reward
    from r1_reward.reward_models import load_reward_model, train_reward_model

    assert {"TrainConfig", "Trainer"} <= set(r1_reward.grpo_min.__all__)
    assert sorted(r1_reward.grpo_min.__all__) == list(r1_reward.grpo_min.__all__) == dir(r1_reward.grpo_min)
    for named in (reward, load_reward_model, train_reward_model):
        assert callable(named)


@pytest.mark.needs("torch")
def test_every_name_of_the_loop_is_there() -> None:
    import r1_reward.grpo_min

    for name in r1_reward.grpo_min.__all__:
        assert inspect.isclass(getattr(r1_reward.grpo_min, name)), name


def test_nothing_heavy_is_loaded_by_the_rooms_of_training() -> None:
    code = "import sys, r1_reward.grpo_min, r1_reward.reward_models; print('torch' in sys.modules)"
    assert run_python(code).strip() == "False"


def test_everything_public_is_typed_and_documented() -> None:
    for name in r1.__all__:
        if name == "__version__":
            continue
        value = getattr(r1, name)
        assert inspect.getdoc(value), name
        callables: list[tuple[str, Any]] = [(name, value)] if inspect.isfunction(value) else []
        if inspect.isclass(value):
            typing.get_type_hints(value)
            callables = [
                (f"{name}.{key}", item.fget if isinstance(item, property) else getattr(item, "__func__", item))
                for key, item in vars(value).items()
                if not key.startswith("_") or key == "__call__"
            ]
        for place, function in callables:
            if inspect.isfunction(function):
                assert inspect.getdoc(function), place
                hints = typing.get_type_hints(function, vars(sys.modules[function.__module__]))
                missing = set(inspect.signature(function).parameters) - {"self", "cls"} - set(hints)
                assert not missing, (place, missing)
                assert "return" in hints, place


def test_types_are_as_documented() -> None:
    # mypy reads this, too.
    verdict = assert_type(r1.verify(r"\boxed{4}", "4"), r1.Verdict)
    assert_type(verdict.correct, bool | None)
    assert_type(verdict.score, float | None)
    assert_type(r1.MathVerifier()([RIGHT]), list[r1.Verdict])
    assert_type(r1.r1_zero()([RIGHT]), list[r1.Verdict])
    scored = assert_type(r1.score([RIGHT], reward="math", workers=1), r1.Scored)
    assert_type(scored.summary, r1.Summary)
    assert_type(scored.rows, list[dict[str, Any]])


# --- verify


@pytest.mark.parametrize(
    ("response", "value", "correct", "score"),
    [
        (r"\boxed{\frac12}", {"reference": "0.5"}, True, 1.0),
        (r"\boxed{7}", {"reference": 7}, True, 1.0),
        (r"\boxed{7}", {"reference": ("6", "7")}, True, 1.0),
        (r"\boxed{8}", {"reference": ["6", 7]}, False, 0.0),
        ("7", {"reference": "7"}, False, 0.0),
        ("7", {"reference": "7", "extraction": "lenient"}, True, 1.0),
        (r"\boxed{7}", {}, None, None),
        (r"\boxed{7}", {"reference": "N/A"}, None, None),
        ("Answer: B", {"reference": "B", "kind": "choice"}, True, 1.0),
        ("The answer is: 4 * 6 * (3 - 2)", {"kind": "puzzle", "meta": {"numbers": [4, 6, 3, 2]}}, None, None),
        ('{"a": 1}', {"kind": "schema", "meta": {"schema": {"type": "object"}}}, True, 1.0),
        (r"5}$", {"reference": "5", "prompt": [{"role": "user", "content": "2 + 3?"}]}, False, 0.0),
        (r"\boxed{5}", {"reference": "5", "prompt": [r1.Message(role="user", content="2 + 3?")]}, True, 1.0),
    ],
)
def test_verify_judges_by_the_kind(
    response: str, value: dict[str, Any], correct: bool | None, score: float | None
) -> None:
    verdict = r1.verify(response, **value)
    if value.get("kind") != "puzzle":
        assert (verdict.correct, verdict.score) == (correct, score), verdict
    kinds = {"math": r1.MathVerifier, "choice": r1.ChoiceVerifier}
    if set(value) == {"reference"} and isinstance(value["reference"], str):
        (same,) = kinds["math"]()([r1.Sample(response=response, kind="math", **value)])
        assert same == verdict.timed(same.seconds)


@pytest.mark.needs("userns")
@pytest.mark.parametrize(
    "tests",
    [
        ["assert f(1) == 2"],
        [r1.TestCase(type="assert", code="assert f(1) == 2")],
        [{"type": "function", "entry": "f", "args": "(1,)", "expected": "2"}],
        {"fn_name": "f", "inputs": [[1]], "outputs": [2]},
    ],
)
def test_verify_runs_code_with_tests_of_every_form(tests: Any) -> None:
    for body, correct in (("x + 1", True), ("x", False)):
        response = f"```python\ndef f(x):\n    return {body}\n```"
        limits = r1.Limits(time_s=5) if correct else {"time_s": 5}
        verdict = r1.verify(response, kind="code", tests=tests, limits=limits, backend="local")
        assert verdict.correct is correct, verdict


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (({"response": "4"},), TypeError, r"response is a dict; write verifier\(\[sample\]\), or verify\(text"),
        ((RIGHT,), TypeError, "response is a Sample"),
        (("4", "4", "sums"), r1.ConfigError, "no verifier judges the kind 'sums'; known: .*choice.*code.*math"),
        (("4", "4", "general"), r1.ConfigError, "no verifier judges the kind 'general'"),
        ((4, "4"), r1.SampleError, "response must be a string"),
        (("4", object()), r1.SampleError, "reference must be a string or a number"),
    ],
)
def test_verify_says_what_to_write(arguments: tuple[Any, ...], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        r1.verify(*arguments)


def test_verify_refuses_options_that_the_verifier_lacks() -> None:
    with pytest.raises(r1.ConfigError, match="math has no option 'extractoin'; did you mean 'extraction'"):
        r1.verify("4", "4", extractoin="lenient")
    with pytest.raises(r1.ConfigError, match="extraction is 'loose'; it must be one of"):
        r1.verify("4", "4", extraction="loose")


# --- Verdict.correct


class Mine:
    """A verifier of someone else's, which knows nothing of `correct`."""

    name = "mine"

    def __init__(self, *verdicts: r1.Verdict) -> None:
        self._verdicts = list(verdicts)

    def __call__(self, samples: Sequence[r1.Sample]) -> list[r1.Verdict]:
        return self._verdicts[: len(samples)]


def test_accuracy_verifiers_alone_say_what_is_correct() -> None:
    verdicts = r1.MathVerifier()([RIGHT, WRONG, BAD_GOLD])
    assert [verdict.correct for verdict in verdicts] == [True, False, None]
    others: list[r1.Verifier] = [r1.FormatVerifier(), r1.LengthVerifier(), r1.LanguageVerifier(default="en")]
    for verifier in others:
        (verdict,) = verifier([RIGHT])
        assert (verdict.score is None, verdict.correct) == (False, None), verifier


def test_part_of_the_tests_is_not_correct() -> None:
    partial = r1.Verdict.scored(0.5, r1.Reason.PARTIAL).timed(0.0, accuracy=True)
    measured = r1.Verdict.scored(1.5, r1.Reason.MEASURED).timed(0.0, accuracy=True)
    skipped = r1.Verdict.skipped().timed(0.0, accuracy=True)
    assert [partial.correct, measured.correct, skipped.correct] == [False, None, None]


def test_a_reward_is_correct_where_its_accuracy_verifier_says_so() -> None:
    # Format gives it a total of 1 for a wrong answer in good form.
    wrong = r1.Sample(response=r"<think>2 + 2</think><answer>\boxed{5}</answer>", reference="4")
    right, formed, unjudged = r1.r1_zero()([RIGHT, wrong, BAD_GOLD])
    assert (right.score, right.correct) == (2.0, True)
    assert (formed.score, formed.correct) == (1.0, False)
    assert (unjudged.score, unjudged.correct) == (None, None)
    (formed,) = r1.Reward(name="form", terms=[r1.Term(verifier=r1.FormatVerifier())])([RIGHT])
    assert (formed.score, formed.correct) == (1.0, None)


def test_auto_says_it_for_verifiers_that_do_not() -> None:
    from r1_reward.verifiers import Auto

    results = [r1.Verdict.scored(1.0, r1.Reason.CORRECT), r1.Verdict.scored(0.0, r1.Reason.WRONG)]
    assert [v.correct for v in Auto(verifiers={"math": Mine(*results)})([RIGHT, WRONG])] == [True, False]
    assert results[0].correct is None


def test_correct_survives_pickling_and_stays_out_of_the_json_form() -> None:
    (verdict,) = r1.MathVerifier()([RIGHT])
    assert "correct" not in verdict.to_dict()
    for same in (pickle.loads(pickle.dumps(verdict)), copy.deepcopy(verdict), verdict.timed(verdict.seconds)):
        assert (same, same.correct) == (verdict, True)
    read = r1.Verdict.from_dict(json.loads(json.dumps(verdict.to_dict())))
    assert read.to_dict() == verdict.to_dict()
    assert read.correct is None


def test_a_verdict_is_neither_true_nor_false() -> None:
    (verdict,) = r1.MathVerifier()([WRONG])
    with pytest.raises(TypeError, match=r"neither true nor false; write verdict\.correct"):
        bool(verdict)
    with pytest.raises(TypeError, match="neither true nor false"):
        _ = [verdict for verdict in r1.MathVerifier()([WRONG]) if verdict]


# --- A caller's mistakes


def verifiers(model: Path) -> Iterator[Callable[[Any], object]]:
    from r1_reward.reward_models import HelpfulVerifier, SafetyVerifier

    yield from (r1.MathVerifier(), r1.CodeVerifier(), r1.ChoiceVerifier(), r1.PuzzleVerifier(), r1.SchemaVerifier())
    yield from (r1.FormatVerifier(), r1.LanguageVerifier(), r1.LengthVerifier(), r1.auto(), r1.r1_zero(), r1.rl1())
    yield r1.LengthVerifier(mode="cosine", accuracy=r1.MathVerifier())
    (model / "reward_model.json").touch()  # nothing is loaded before there is something to judge
    yield from (HelpfulVerifier(model=str(model)), SafetyVerifier(model=str(model)))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (RIGHT, r"not a Sample; give a list: verifier\(\[sample\]\)"),
        ({"response": "4"}, r"not a dict; give a list: verifier\(\[Sample\.from_dict\(row\)\]\)"),
        ([{"response": "4"}], r"this one holds a dict; Sample\.from_dict\(row\) makes one"),
        (["4"], "this one holds a str"),
        ("4", r"not a str; give a list: verifier\(\[Sample\(response=text"),
    ],
)
def test_a_verifier_says_what_it_takes(value: Any, said: str, tmp_path: Path) -> None:
    for verifier in verifiers(tmp_path):
        with pytest.raises(TypeError, match=said):
            verifier(value)


def test_a_text_where_a_list_is_wanted_is_refused() -> None:
    with pytest.raises(r1.ConfigError, match=r"files is 'x\.jsonl', which is no list; write files=\['x\.jsonl'\]"):
        ScoreOptions(files="x.jsonl")
    with pytest.raises(r1.ConfigError, match=r"write files=\['x\.jsonl'\]"):
        ScoreOptions(files=Path("x.jsonl"))  # type: ignore[arg-type]  # the mistake that is tested
    with pytest.raises(r1.ConfigError, match=r"write rewards=\['math'\]"):
        ScoreOptions(rewards="math")


@pytest.mark.parametrize("checker", ["no-such", "json", "floats:", "floats:x", "floats:-1", "own"])
def test_a_test_case_refuses_a_checker_that_nobody_knows(checker: str) -> None:
    with pytest.raises(r1.SampleError, match="own:NAME for one of CodeVerifier"):
        r1.TestCase(type="stdin", input="", output="", checker=checker)


@pytest.mark.parametrize("checker", ["tokens", "exact", "lines", "unordered", "floats", "floats:1e-4:0", "own:mine"])
def test_a_test_case_takes_every_checker_of_texts(checker: str) -> None:
    assert r1.TestCase(type="stdin", input="", output="", checker=checker).checker == checker


@pytest.mark.parametrize("checker", ["tokens", "equal", "json", "json_wrapped", "unordered", "floats:0.1", "own:mine"])
def test_a_test_case_takes_every_checker_of_values(checker: str) -> None:
    assert r1.TestCase(type="function", entry="f", args="()", expected="1", checker=checker).checker == checker
    with pytest.raises(r1.SampleError, match="unknown checker 'lines'; known: equal, json"):
        r1.TestCase(type="function", entry="f", args="()", expected="1", checker="lines")


def test_an_own_checker_that_was_not_given_is_an_error_and_no_zero() -> None:
    tests = [r1.TestCase(type="stdin", input="", output="5", checker="own:mine")]
    sample = r1.Sample(response="```python\nprint(5)\n```", tests=tests)
    (verdict,) = r1.CodeVerifier(checkers={"other": lambda _expected, _got: None})([sample])
    assert (verdict.score, verdict.reason) == (None, r1.Reason.REFERENCE_UNPARSEABLE)
    assert "'own:mine' is not among code.checkers: other" in verdict.detail


def test_a_test_of_the_sandbox_refuses_the_name_of_a_checker() -> None:
    with pytest.raises(TypeError, match=r"write checker=checkers\.checker\('tokens'\)"):
        StdinTest(input="", output="", checker="tokens")  # type: ignore[arg-type]  # the mistake that is tested
    with pytest.raises(TypeError, match=r"write checker=checkers\.value_checker\('json'\)"):
        CallTest(entry="f", args="()", expected=1, checker="json")  # type: ignore[arg-type]  # as above
