"""Each task card's scoring against the benchmark's own scorer, or its published rule, on 200 small rows.

Where a package has the benchmark's scorer it is called: lm-evaluation-harness (MATH's and AIME's `is_equiv`, DROP's
script), math-verify. Elsewhere the rule is written here as its authors publish it: the first `Answer: X` (simple-evals,
whose prompts the paper names, and ours ask for the same), 答案 with a letter (C-Eval), stripped lines equal as text or
as decimals (LiveCodeBench), Bradley and Terry's maximum likelihood (Arena-Hard), Elo's expectation (Codeforces).
Responses are generated from a seed, most as a card asks for them and some not; MATH's are a real model's, of
`--rollouts`. What differs is listed with `--show`. IF-Eval: `instructions.py` has the comparison with IFEval's
implementation; AlpacaEval: `length_control.py`, with alpaca_eval's. SimpleQA and FRAMES are judged by a script that
gives each of their published grades: compared is what a grade counts; `judge-check` measures a judge's own errors.

    pip download --no-deps lm-eval==0.4.13 -d /tmp/w && unzip -q /tmp/w/lm_eval*.whl -d /tmp/peer
    pip install --target /tmp/peer numpy scipy 'math-verify[antlr4_13_2]==0.9.0'
    python benchmarks/cards.py --peer /tmp/peer --rollouts rollouts.jsonl
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import random
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

from r1_reward import __version__
from r1_reward.inspection.evaluation.benchmarks import figures
from r1_reward.inspection.evaluation.cards import ready_card
from r1_reward.inspection.evaluation.codeforces import expected_place, rating_of
from r1_reward.inspection.evaluation.questions import read_questions
from r1_reward.rows.files import RawRow
from r1_reward.scoring.scored import ScoredFiles

ROWS = 200
_EMPTY = {"day": "", "month": "", "year": ""}


class Case(NamedTuple):
    """A row as the hub holds it, a response to it, and what the benchmark's own scorer gives."""

    row: dict[str, Any]
    response: str
    theirs: float


def main() -> None:
    """Compare, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", type=Path, help="folder with lm-eval, numpy, scipy and math-verify")
    parser.add_argument("--rollouts", type=Path, help="JSONL with prompt, response and reference of MATH")
    parser.add_argument("--only", nargs="*", default=(), help="cards (default: all)")
    parser.add_argument("--show", type=int, default=0, help="differences to print, by card")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.peer:
        sys.path.append(str(args.peer))
    results = {}
    print(f"r1-reward {__version__}, {ROWS} rows each")
    print(f"{'card':14} {'scorer':44} {'agree':>9} {'only ours':>9} {'only theirs':>11}")
    for name, scorer, cases in comparisons(args.peer, args.rollouts):
        if args.only and name not in args.only:
            continue
        listed = list(cases)
        ours = scores(name, [(case.row, case.response) for case in listed])
        pairs = list(zip(listed, ours, strict=True))
        agreed = sum(mine is not None and abs(mine - case.theirs) < 0.005 for case, mine in pairs)
        higher = sum(mine is not None and mine - case.theirs >= 0.005 for case, mine in pairs)
        lower = len(pairs) - agreed - higher
        print(f"{name:14} {scorer:44} {agreed:4}/{len(pairs):4} {higher:9} {lower:11}", flush=True)
        results[f"{name}: {scorer}"] = {"rows": len(pairs), "agree": agreed, "ours": higher, "theirs": lower}
        shown = 0
        for case, mine in pairs:
            if shown < args.show and (mine is None or abs(mine - case.theirs) >= 0.005):
                shown += 1
                gold = {key: value for key, value in case.row.items() if "nswer" in key}
                print(f"    ours {mine}, theirs {case.theirs}: {case.response[-160:]!r}  {str(gold)[:200]}")
    for name, text in formulas():
        if not args.only or name in args.only:
            print(f"{name:14} {text}")
    if args.json:
        args.json.write_text(json.dumps(results, indent=2) + "\n")


def comparisons(peer: Path | None, rollouts: Path | None) -> Iterator[tuple[str, str, Iterator[Case]]]:
    """A card, who scores beside us, and the cases."""
    if peer is not None:
        aime = _module(peer / "lm_eval/tasks/aime/utils.py")
        yield "aime_2024", "lm-eval 0.4.13, aime", _aime(lambda said, gold: _aime_rule(aime, said, gold))
        yield "aime_2024", "math-verify 0.9.0", _aime(_math_verify)
        if rollouts is not None:
            yield "math_500", "MATH's is_equiv (lm-eval 0.4.13)", _math(rollouts, lambda s, g: _math_rule(aime, s, g))
            yield "math_500", "math-verify 0.9.0", _math(rollouts, _math_verify)
        drop = _module(peer / "lm_eval/tasks/drop/utils.py")
        yield "drop", "DROP's script (lm-eval 0.4.13)", _drop(drop)
    for card in ("gpqa_diamond", "mmlu", "mmlu_redux", "mmlu_pro"):
        yield card, "simple-evals' rule: the first Answer: X", _choice(card, _first_answer)
        yield card, "the last Answer: X", _choice(card, _last_answer)
    yield "c_eval", "答案 with a letter, the last", _choice("c_eval", _chinese_answer)
    yield "livecodebench", "LiveCodeBench's rule for output", _livecodebench()
    for card in ("simpleqa", "c_simpleqa", "frames"):
        yield card, "its grades, by a scripted judge", _graded(card)


def scores(name: str, rows: Sequence[tuple[dict[str, Any], str]]) -> list[float | None]:
    """What the card's verifier gives."""
    card = ready_card(name)
    judge = {"judge": {"ask": _grader}} if card.judged_by_model else {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row, _ in rows), encoding="utf-8")
        questions = read_questions(card, [str(path)], partial=True).questions
    samples = [replace(question, response=said) for question, (_, said) in zip(questions, rows, strict=True)]
    return [judged.total.score for judged in card.reward(judge).build().judge(samples)]


# -- mathematics ------------------------------------------------------------------------------------------------------


def _aime(rule: Callable[[str, str], float]) -> Iterator[Case]:
    draw = random.Random(0)
    forms = (
        "So the answer is \\boxed{{{}}}.", "Adding up, we get $x = {0}$. Therefore \\boxed{{{0}}}",
        "\\[\\boxed{{{}}}\\]", "Thus, $\\boxed{{{}}}$ is the final answer.", "**Answer:** $\\boxed{{{}}}$",
        "First \\boxed{{1}}, no: \\boxed{{{}}}.", "The answer is {}.",
    )  # fmt: skip
    for number in range(ROWS):
        gold = draw.randrange(1000)
        said = gold if draw.random() < 0.6 else draw.randrange(1000)
        written = draw.choice((str(said), f"{said:03}", f"{said}.", f"{said}.0", f"\\text{{{said}}}"))
        response = draw.choice(forms).format(written)
        yield Case({"id": number, "problem": "What is it?", "answer": str(gold)}, response, rule(response, str(gold)))


def _aime_rule(module: Any, said: str, gold: str) -> float:  # any: lm-eval's file
    return float(module.process_results({"answer": gold}, [said])["exact_match"])


def _math(rollouts: Path, rule: Callable[[str, str], float]) -> Iterator[Case]:
    count = 0
    for line in rollouts.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if "boxed" in row["response"] and count < ROWS:
            count += 1
            asked = {"problem": row["prompt"], "answer": row["reference"], "unique_id": f"{row['id']}-{count}"}
            yield Case(asked, row["response"], rule(row["response"], row["reference"]))


def _math_rule(module: Any, said: str, gold: str) -> float:  # any: as above
    boxed = module.last_boxed_only_string(said)
    return float(boxed is not None and module.is_equiv(module.remove_boxed(boxed), gold))


def _math_verify(said: str, gold: str) -> float:
    from math_verify import parse, verify

    return float(verify(parse(f"${gold}$"), parse(said)))


# -- choices ----------------------------------------------------------------------------------------------------------

_LETTERS = "ABCDEFGHIJ"


def _choice(card: str, rule: Callable[[str], str | None]) -> Iterator[Case]:
    draw = random.Random(1)
    count = 10 if card == "mmlu_pro" else 4
    asked = ("答案：{}", "所以答案是{}。\n答案：{}") if card == "c_eval" else (
        "Answer: {}", "**Answer: {}**", "answer: {}", "Answer: ({})", "Answer: {}.", "Answer: A or {}",
        "Let me see. Answer: A? No.\nAnswer: {}", "Answer: ${}$", "Answer: {}) it", "Answer: {}\n\n",
    )  # fmt: skip
    other = ("选{}。",) if card == "c_eval" else ("The answer is {}.", "\\boxed{{{}}}", "I choose ({}).", "It is hard.")
    for number in range(ROWS):
        texts = [f"option {letter} of {number}" for letter in _LETTERS[:count]]
        gold = draw.randrange(count)
        row, right = _choice_row(card, number, texts, gold)
        said = right if draw.random() < 0.6 else draw.choice(_LETTERS[:count])
        form = draw.choice(asked if draw.random() < 0.85 else other)
        response = f"It looks at the options one by one.\n{form.format(*[said] * 2)}"
        yield Case(row, response, float(rule(response) == right))


def _choice_row(card: str, number: int, texts: list[str], gold: int) -> tuple[dict[str, Any], str]:
    asked = f"Question {number}?"
    if card == "gpqa_diamond":
        wrong = [text for place, text in enumerate(texts) if place != gold]
        row = {"Question": asked, "Correct Answer": texts[gold], "Record ID": f"r{number}"}
        row |= {f"Incorrect Answer {n}": text for n, text in enumerate(wrong, 1)}
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:  # where the draw puts the right one
            file.write("".join(json.dumps({**row, "Question": f"Question {n}?"}) + "\n" for n in range(number + 1)))
            file.flush()
            questions = read_questions(ready_card(card), [file.name], partial=True).questions
        return row, str(questions[-1].reference)
    if card == "c_eval":
        options = dict(zip("ABCD", texts, strict=True))
        return {"id": number, "question": asked, **options, "answer": "ABCD"[gold]}, "ABCD"[gold]
    if card == "mmlu_pro":
        held: dict[str, Any] = {"question_id": number, "question": asked, "options": texts, "answer_index": gold}
        return {**held, "answer": _LETTERS[gold]}, _LETTERS[gold]
    fields: dict[str, Any] = {"question": asked, "choices": texts, "answer": gold, "subject": "s", "error_type": "ok"}
    return fields, _LETTERS[gold]


def _first_answer(response: str) -> str | None:
    match = re.search(r"(?i)Answer[ \t]*:[ \t]*\$?([A-J])\$?", response)
    return match[1].upper() if match else None


def _last_answer(response: str) -> str | None:
    letters = re.findall(r"(?i)Answer[ \t]*:[ \t]*[($*]*([A-J])\b", response)
    return letters[-1].upper() if letters else None


def _chinese_answer(response: str) -> str | None:
    letters = re.findall(r"答案(?:是|为|：|:)?\s*([A-D])", response)
    return letters[-1] if letters else None


# -- DROP -------------------------------------------------------------------------------------------------------------


def _drop(module: Any) -> Iterator[Case]:  # any: lm-eval's file
    draw = random.Random(2)
    names = "Ann Bob Carl Dora Eve Fred Gina Hugo".split()
    units = ("", " yards", " points", "-yard")
    for number in range(ROWS):
        kind = draw.choice(("number", "span", "spans", "date"))
        answer: dict[str, Any] = {"number": "", "date": dict(_EMPTY), "spans": [], "worker_id": "", "hit_id": ""}
        if kind == "number":
            gold = str(draw.randrange(60))
            answer["number"] = gold
            said = draw.choice((gold, gold + draw.choice(units), f"about {gold}", str(draw.randrange(60)), f"{gold}.0"))
        elif kind == "date":
            answer["date"] = {"day": str(draw.randrange(1, 29)), "month": "May", "year": "1901"}
            gold = " ".join(answer["date"].values())
            said = draw.choice((gold, f"May {answer['date']['day']}, 1901", "1901", "June 1901"))
        else:
            count = 1 if kind == "span" else draw.choice((2, 3))
            spans = [f"{draw.choice(names)} {draw.choice(names)}" for _ in range(count)]
            answer["spans"] = spans
            mixed = draw.sample(spans, len(spans))
            listed = draw.choice((spans, mixed, spans[:1], [*spans, "Zoe Young"], [f"the {spans[0]}", *spans[1:]]))
            said = json.dumps(listed) if len(listed) > 1 else listed[0]
        row = {
            "section_id": "s", "query_id": f"q{number}", "passage": "Some text.", "question": "What?", "answer": answer,
            "validated_answers": {"number": [], "date": [], "spans": [], "worker_id": [], "hit_id": []},
        }  # fmt: skip
        predicted = json.loads(said) if said[:1] == "[" else [said]
        score = module.process_results({"answers": module.get_answers(row)}, predicted)["f1"]
        yield Case(row, f"It says so in the text.\nAnswer: {said}", float(score))


# -- programs ---------------------------------------------------------------------------------------------------------


def _livecodebench() -> Iterator[Case]:
    draw = random.Random(3)
    for number in range(ROWS):
        expected = draw.choice(("3", "1 2 3", "0.5", "yes", "1\n2", "1000000", "2.50"))
        changed = (expected.replace("0.5", "0.50"), expected.replace(" ", "  "), expected.replace("\n", " "))
        printed = draw.choice((expected, f"{expected} ", f" {expected}", f"{expected}\n\n", expected.upper(), *changed,
                               "4", "", "2.5", "3.0"))  # fmt: skip
        case = json.dumps([{"input": "x", "output": expected, "testtype": "stdin"}])
        row = {
            "question_content": "Print it.", "question_id": f"p{number}", "starter_code": "", "difficulty": "easy",
            "public_test_cases": case, "private_test_cases": "[]", "metadata": "{}", "platform": "atcoder",
        }  # fmt: skip
        program = f"```python\nimport sys\nsys.stdout.write({printed!r})\n```"
        yield Case(row, program, float(_same_output(printed, expected)))


def _same_output(printed: str, expected: str) -> bool:
    """The published rule: the lines of the stripped texts are equal stripped, or their words are equal as decimals."""
    mine, theirs = ([line.strip() for line in text.strip().split("\n")] for text in (printed, expected))
    if len(mine) != len(theirs):
        return False
    for one, other in zip(mine, theirs, strict=True):
        if one == other:
            continue
        try:
            numbers = [[Decimal(word) for word in line.split()] for line in (one, other)]
        except InvalidOperation:
            return False
        if numbers[0] != numbers[1]:
            return False
    return True


# -- grades -----------------------------------------------------------------------------------------------------------

_GRADES = ("CORRECT", "INCORRECT", "NOT_ATTEMPTED")


def _graded(card: str) -> Iterator[Case]:
    draw = random.Random(6)
    names = ready_card(card).map
    for number in range(ROWS):
        grade = draw.choice(_GRADES[: 2 if card == "frames" else 3])
        row = {names["prompt"]: f"Question {number}?", names["reference"]: f"Name {number}"}
        yield Case(row, f"An answer that is {grade}", float(grade == "CORRECT"))


def _grader(question: str) -> str:
    """A judge that gives the grade which stands in the response."""
    code = re.findall(r'\{"code": "([0-9a-f]+)"', question)[-1]
    grade = re.findall(r"An answer that is (\w+)", question)[-1]
    return json.dumps({"code": code, "reasons": "by the script", "verdict": grade})


# -- figures ----------------------------------------------------------------------------------------------------------


def formulas() -> Iterator[tuple[str, str]]:
    """Figures that are made of many verdicts, against their formula."""
    draw = random.Random(4)
    rows: list[dict[str, Any]] = []
    for number in range(ROWS):
        games = [draw.choice((2.0, 1.0, 1.0, 0.0, -1.0, -2.0)) for _ in range(2)]
        weights = [3.0 if abs(game) > 1 else 1.0 for game in games]
        points = sum(w * (0.5 + 0.5 * ((g > 0) - (g < 0))) for w, g in zip(weights, games, strict=True))
        evidence = {"games": games, "weight": sum(weights), "lengths": [9, 9]}
        verdict = {"score": points / sum(weights), "status": "scored", "reason": "measured", "evidence": evidence}
        asked = {"prompt": "?", "reference": "x", "problem": f"q{number}", "response": "y"}
        rows.append({**asked, "reward": verdict["score"], "verdicts": {"judge": verdict}})
    read = [ScoredFiles([]).read(RawRow(0, 0, json.dumps(row).encode())) for row in rows]
    ours = figures(ready_card("arena_hard"), read).estimates["arena_hard"].value
    theirs = _bradley_terry([row["verdicts"]["judge"]["evidence"]["games"] for row in rows])
    yield "arena_hard", f"win rate {ours:.12f}; Bradley and Terry's maximum likelihood {theirs:.12f}"
    yield "simpleqa", _f_score(draw)
    worst = 0.0
    for _ in range(ROWS):
        ratings = [draw.gauss(1400, 350) for _ in range(draw.choice((10, 100, 2_000)))]
        place = draw.uniform(1, 0.99 * len(ratings))
        rating = rating_of(place, ratings)
        if 0 < rating < max(ratings) + 100:
            worst = max(worst, abs(sum(1 / (1 + 10 ** ((rating - one) / 400)) for one in ratings) - place))
            assert math.isclose(expected_place(rating, ratings), place, rel_tol=1e-9)
    yield "codeforces", f"{ROWS} places among up to 2,000: the rating's expected place is off by at most {worst:.1e}"


def _f_score(draw: random.Random) -> str:
    """Of SimpleQA: the harmonic mean of the shares that are correct, of all and of those attempted (simple-evals)."""
    rows: list[dict[str, Any]] = []
    for number in range(ROWS):
        reason = draw.choice(("correct", "wrong", "no_answer"))
        verdict = {"score": float(reason == "correct"), "status": "scored", "reason": reason}
        asked = {"prompt": "?", "reference": "x", "problem": f"q{number}", "response": "y"}
        rows.append({**asked, "reward": verdict["score"], "verdicts": {"judge": verdict}})
    read = [ScoredFiles([]).read(RawRow(0, 0, json.dumps(row).encode())) for row in rows]
    reasons = [row["verdicts"]["judge"]["reason"] for row in rows]
    correct, wrong = (reasons.count(reason) / ROWS for reason in ("correct", "wrong"))
    attempted = correct / (correct + wrong)
    ours = figures(ready_card("simpleqa"), read).estimates["f_score"].value
    return f"F-score {ours:.12f}; by its formula {2 * attempted * correct / (attempted + correct):.12f}"


def _bradley_terry(games: Sequence[Sequence[float]]) -> float:
    """The chance that a model beats its baseline which makes the games likeliest, strong ones three times, by Newton's
    method on the log odds."""
    odds = 0.0
    outcomes = [(0.5 + 0.5 * ((g > 0) - (g < 0)), 3.0 if abs(g) > 1 else 1.0) for pair in games for g in pair]
    for _ in range(50):
        chance = 1 / (1 + math.exp(-odds))
        odds += sum(w * (y - chance) for y, w in outcomes) / (sum(w for _, w in outcomes) * chance * (1 - chance))
    return 1 / (1 + math.exp(-odds))


def _module(path: Path) -> Any:  # any: a file of lm-eval
    spec = importlib.util.spec_from_file_location(f"peer_{path.parent.name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
