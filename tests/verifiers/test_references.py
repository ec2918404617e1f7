"""References that are none, and labels that are no answers: an error everywhere, and never a wrong answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from r1_reward.adapters import trl, verl
from r1_reward.adapters.server.forms import FORMS, Refusal, Served
from r1_reward.inspection.check import check
from r1_reward.inspection.explain.explain_command import explain_sample
from r1_reward.rows.reader import RowReader
from r1_reward.scoring import ScoreOptions, score
from r1_reward.scoring.work import RowScorer
from r1_reward.verifiers import ChoiceVerifier, MathVerifier, Reason, Sample, Status, auto, r1_zero
from r1_reward.verifiers.references import unusable

PROGRAM = "```python\ndef add(a, b):\n    return a + b\n```"
DATA = [
    '{"inputs": ["1\\n"], "outputs": ["2\\n"]}',
    '{"fn_name": "add", "inputs": [[1, 2]], "outputs": [3]}',
    '{"test_list": ["assert add(1,2)==3"]}',
    '[{"input": "1\\n", "output": "2\\n", "testtype": "stdin"}]',
    '["assert add(1,2)==3"]',
    "['assert add(1,2)==3', 'assert add(0,0)==0']",
    "{'inputs': ['1'], 'outputs': ['2']}",
    json.dumps(json.dumps({"inputs": ["1"], "outputs": ["2"]})),
    "assert add(1,2)==3",
    "import math\nassert math.isclose(f(1), 2.0)",
    "def check(candidate):\n    assert candidate(1) == 2",
    '{"inputs": ["1\\n"], "outputs": ["2',
    "```json\n{}\n```",
    "eJ" + "xVkMtu2zAQRX9lwHVB6GE9rJ2" * 8 + "==",
]
NONE = ["proof", "Proof.", "notfound", "not found", "N/A", "n/a", "None", "null", "NaN", "nan", "See solution"]
NONE += ["see the solution above", "$\\text{N/A}$", "unknown", "?", "TBD", "tensor(2)", "tensor([2.], device='cuda:0')"]
NONE += ["array([1, 2])", "np.float64(2.0)", "Decimal('2')", "<Foo object at 0x7f00>", "[null]"]
ANSWERS = [
    "4",
    "[1, 2]",
    "(1, 2)",
    "{1, 2}",
    r"\{1, 2\}",
    r"\text{None}",
    "no solution",
    "undefined",
    "DNE",
    "x",
    "f(x) = 1",
]
ANSWERS += [
    "np.arcsin(10/13)",
    '["\\\\frac{1}{2}"]',
    "['1/2', '0.5']",
    "[[1, 2], [3, 4]]",
    "[0, 1[",
    "inf",
    "{}",
    "A",
    "yes",
    "(3, \\pi)",
    "f'(x) = 2",
    "1" * 300,
]


@pytest.mark.parametrize("reference", DATA + NONE)
def test_no_verifier_judges_by_a_reference_that_is_no_answer(reference: str) -> None:
    for response in (r"\boxed{4}", PROGRAM, f"\\boxed{{{reference}}}"):
        for sample in (
            Sample(response=response, reference=reference),
            Sample(response=response, reference=[reference, reference]),
            Sample(response=response, reference=reference, kind="math"),
        ):
            for verdict in (*MathVerifier()([sample]), *auto()([sample]), *r1_zero()([sample])):
                assert (verdict.status, verdict.reason) == (Status.ERROR, Reason.REFERENCE_UNUSABLE)
        choice = Sample(response=response, reference=reference, kind="choice")
        assert ChoiceVerifier()([choice])[0].reason is Reason.REFERENCE_UNUSABLE


@pytest.mark.parametrize("reference", ANSWERS)
def test_answers_are_let_through(reference: str) -> None:
    assert unusable([reference]) is None
    assert Sample(response="", reference=reference).kind_or_guess == "math"


def test_one_answer_among_several_is_enough() -> None:
    assert float(MathVerifier()([Sample(response=r"\boxed{4}", reference=["N/A", "4"])])[0]) == 1.0
    assert float(MathVerifier()([Sample(response=r"\boxed{5}", reference=["N/A", "4"])])[0]) == 0.0


def test_none_may_be_the_text_of_an_option() -> None:
    sample = Sample(response=r"\boxed{B}", reference="None", kind="choice", meta={"options": ["All", "None"]})
    assert float(ChoiceVerifier()([sample])[0]) == 1.0


def test_data_tells_no_kind() -> None:
    """So that a reward which is for one kind judges the row, and does not pass it over."""
    assert Sample(response="", reference=DATA[0]).kind_or_guess is None
    numbers = trl.reward("code", on_error="none")(completions=[PROGRAM], prompts=["add"], ground_truth=[DATA[-4]])
    assert numbers == [None]


@pytest.mark.parametrize("reference", ["```json\n{}\n```", "#!/bin/sh", "proof", "tensor(2)"])
def test_every_way_in_says_the_same(reference: str, tmp_path: Path) -> None:
    row = {"prompt": "Add.", "response": r"\boxed{4}", "reference": reference}
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps(row) + "\n")
    score(ScoreOptions(files=(str(source),), output=str(output), workers=1))
    (scored,) = map(json.loads, output.read_text().splitlines())
    assert scored["reward"] is None
    assert {verdict["reason"] for verdict in scored["verdicts"].values()} == {"reference_unusable"}
    assert [finding.what for finding in check([str(source)], languages=False).findings] == ["gold_unreadable"]
    explained = explain_sample(Sample.from_dict(row), "math")
    assert explained.verdict.reason is Reason.REFERENCE_UNUSABLE
    assert [step["rule"] for step in explained.steps] == ["unusable"]
    assert trl.reward("math")(completions=[r"\boxed{4}"], prompts=["Add."], answer=[reference]) == [None]
    result = verl.compute_score("x", r"\boxed{4}", reference)
    assert (result["score"], result["valid"], result["error"]) == (0.0, 0.0, 1.0)
    assert _served({"query": [r"Add.\boxed{4}"], "prompts": ["Add."], "labels": [reference]}) == "reference_unusable"


def _served(body: dict[str, Any]) -> str:
    asked = FORMS["/get_reward"](json.dumps(body).encode(), Served("auto", (), {}))
    with pytest.raises(Refusal) as refused:
        asked.answer(RowScorer(auto(), RowReader(), None).judge(asked.rows))
    assert refused.value.status == 422
    return refused.value.reason
