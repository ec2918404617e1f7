"""Golds with one thing changed, which must all be rejected, and golds respelled harmlessly, which must be accepted.

From files of labelled rows (`gold` or `reference`) it takes every distinct gold, and makes of each:

* wrong answers: one sign, digit, operator, exponent, bracket, unit, label, case or order changed, a relation, a
  function, an accent, an index, a modulus, a domain, a connective or a word, or a word more that takes it back;
* right answers: spacing, sizes, `\\dfrac`, the order of terms and factors, equal fractions;
* and of 300 quantities: without their unit, in other spellings, and with wrong units.

Each is boxed and judged against the gold it came from, by the strict verifier with its defaults. A change that may
leave the value as it was (a digit in an index, the sign of zero) is not made; the rules are below, one function each.

    python benchmarks/math_mutations.py ROWS.jsonl ROLLOUTS.jsonl --json out/math_mutations.json
    python benchmarks/math_mutations.py ROWS.jsonl --peer 500      # math-verify too, on an even sample of 500 of each
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from r1_reward.verifiers import MathVerifier, Sample

Change = Callable[[str], Iterator[str]]


class Pair(NamedTuple):
    """A gold and an answer made of it."""

    kind: str
    gold: str
    answer: str
    right: bool


_COMMAND_OR_TEXT = re.compile(
    r"\\(?:text|mathrm|textbf|mbox|begin|end)\s*\{[^{}]*\}|\\[A-Za-z]+|[_^]\s*(?:\{[^{}]*\}|\w)"
)
_UNITS = {"cm": "mm", "m": "cm", "km": "m", "kg": "g", "hours": "minutes", "minutes": "seconds", "dollars": "cents"}
_CASES = {"MW": "mW", "mW": "MW", "s": "S", "kJ": "KJ", "Mg": "mg"}


def _free(gold: str) -> list[int]:
    """Places that are in no command, text, index or exponent."""
    taken = {at for one in _COMMAND_OR_TEXT.finditer(gold) for at in range(*one.span())}
    return [at for at in range(len(gold)) if at not in taken]


def change_digit(gold: str) -> Iterator[str]:
    """One digit of a number, another one; not in an index or exponent, nor in an angle (2π/3 and 4π/3 may agree)."""
    if re.search(r"\\(?:sin|cos|tan)", gold) and "=" in gold:
        return
    digits = [at for at in _free(gold) if gold[at].isdigit() and gold[at].isascii()]
    for at in digits[:1] + digits[-1:]:
        for step in (1, 3):
            yield f"{gold[:at]}{(int(gold[at]) + step) % 10}{gold[at + 1 :]}"


def change_sign(gold: str) -> Iterator[str]:
    """A + or - between two terms turned round, or a minus put before the whole."""
    for at in _free(gold):
        if re.search(r"\\(?:sin|cos|tan|sec|csc|cot)[^+-]*$", gold[:at]) and gold[at + 1 :].lstrip().startswith("\\pi"):
            continue  # half a turn of either sign
        if re.match(r"[+-]\s*(?:C|k|n|\\pi\s*[kn]|2?\s*[kn]|\\frac\{\\pi [kn])", gold[at:]):
            continue  # a constant or a whole number of either sign
        if gold[at] in "+-" and at and gold[:at].strip()[-1:] not in "([{,=<>&":
            yield f"{gold[:at]}{'-' if gold[at] == '+' else '+'}{gold[at + 1 :]}"
    if re.fullmatch(r"\\frac\s*\{\d+\}\s*\{\d+\}|[1-9]\d*(?:\.\d+)?|\\sqrt\{\d+\}|\d*\\pi|e\^\{?-?\w+\}?", gold):
        yield f"-{gold}"
    if re.fullmatch(r"-(?:\d+(?:\.\d+)?|\\frac\s*\{\d+\}\s*\{\d+\})", gold):
        yield gold[1:]
    for one in re.finditer(r"\^\{?(-?)([a-z0-9])", gold):  # an exponent's sign
        if one[1]:
            yield gold[: one.start(1)] + gold[one.end(1) :]


def change_operator(gold: str) -> Iterator[str]:
    """+ for a product and the other way round."""
    for at in _free(gold):
        if gold[at] == "+" and re.match(r"\s*[2-9a-z]", gold[at + 1 :]) and re.search(r"[3-9a-z]\s*$", gold[:at]):
            yield f"{gold[:at]}\\cdot {gold[at + 1 :]}"
    if "\\times" in gold and "10" not in gold:
        yield gold.replace("\\times", "+", 1)


def change_exponent(gold: str) -> Iterator[str]:
    """An exponent one higher."""
    for one in re.finditer(r"(?<=[a-z2-9)])\^\{?([2-8])(?![\d/.])", gold):
        yield gold[: one.start(1)] + str(int(one[1]) + 1) + gold[one.end(1) :]


def change_bracket(gold: str) -> Iterator[str]:
    """An open end of an interval closed, and a bracket around a sum behind a factor taken away."""
    if (
        "infty" not in gold
        and re.fullmatch(r"\s*[(\[][^()\[\]]*,[^()\[\],]*[)\]]\s*", gold)
        and re.search(r"[\[\]]", gold)
    ):
        yield gold.replace("[", "(", 1) if "[" in gold else gold.replace("]", ")", 1)
    for one in re.finditer(r"(?<=[2-9])\s*\(([a-z]\w*\s*[+-]\s*[\w]+)\)(?!\s*[\^(/])", gold):
        yield gold[: one.start()] + one[1] + gold[one.end() :]


def change_unit(gold: str) -> Iterator[str]:
    """Another unit, another power of it."""
    for one in re.finditer(r"(?<=[\d} ])(?:\\text\s*\{\s*|\\mathrm\s*\{\s*|)\b(" + "|".join(_UNITS) + r")\b\}?", gold):
        if re.search(r"\d", gold[: one.start()]):
            yield gold[: one.start(1)] + _UNITS[one[1]] + gold[one.end(1) :]
            yield f"{gold[: one.end()]}^3{gold[one.end() :].removeprefix('^2').removeprefix('^{2}')}"


def change_case(gold: str) -> Iterator[str]:
    """A variable's capital letter made small, where the small one is not there, and the other way round."""
    bare = _COMMAND_OR_TEXT.sub(" ", gold)
    letters = set(re.findall(r"(?<![A-Za-z])[a-zA-Z](?![A-Za-z])", bare))
    if gold.count("+") + gold.count("^") + gold.count("-") and re.fullmatch(r"[\w\s+^{}()*-]*", gold):
        for letter in sorted(letters & set("xyzabRrVvMm"))[:1]:
            if letter.swapcase() not in letters and "=" not in gold and not re.search(r"[A-Za-z]{2}", gold):
                yield re.sub(rf"(?<![A-Za-z\\]){letter}(?![A-Za-z])", letter.swapcase(), gold)


def change_order(gold: str) -> Iterator[str]:
    """Two parts of a tuple exchanged."""
    match = re.fullmatch(r"\s*(?:\\left)?\(([^()\[\],]+),([^()\[\],]+?)(?:\\right)?\)\s*", gold)
    if match and match[1].strip() != match[2].strip() and "frac" not in gold:
        yield f"({match[2]},{match[1]})"


def change_label(gold: str) -> Iterator[str]:
    """The values of two names exchanged."""
    match = re.fullmatch(
        r"\$?\s*([a-z])\s*=\s*([-\w./]+)\s*(,|\\text\{ ?and ?\}|and)\s*([a-z])\s*=\s*([-\w./]+)\s*\$?", gold
    )
    if match and match[1] != match[4] and match[2] != match[5]:
        yield f"{match[1]}={match[5]}, {match[4]}={match[2]}"


_RELATIONS = {"=": ("\\ne ", "<"), "<": (">",), ">": ("<",), "\\le": (">",), "\\leq": ("\\ge ",), "\\ge": ("<",)}


def change_relation(gold: str) -> Iterator[str]:
    """The one relation sign of a gold, another one."""
    matches = re.findall(r"\\(?:leq?|geq?)(?![a-z])|[=<>]", gold)
    if (
        len(matches) == 1
        and matches[0] in _RELATIONS
        and not re.search(r"\\(?:text|mathrm|in|mid|sum|prod)|[|{]", gold)
    ):
        for sign in _RELATIONS[matches[0]]:
            yield gold.replace(matches[0], sign, 1)


_FUNCTIONS = {"sin": ("cos", "sinh", "arcsin"), "cos": ("sin", "cosh"), "tan": ("cot", "tanh"), "ln": ("exp",)}


def change_function(gold: str) -> Iterator[str]:
    """A function of a name, another one."""
    for one in re.finditer(r"\\(sin|cos|tan|ln)(?=\s*(?:\(|\\left\s*\()?\s*[a-z](?![a-z]))", gold):
        for other in _FUNCTIONS[one[1]] if "=" not in gold and "+C" not in gold.replace(" ", "") else ():
            yield f"{gold[: one.start()]}\\{other} {gold[one.end() :]}"


def change_accent(gold: str) -> Iterator[str]:
    """A bar, a hat, a prime or a star on the name before an equals sign, or on the only name of a formula."""
    bare = _COMMAND_OR_TEXT.sub(" ", gold)
    letters = re.findall(r"(?<![A-Za-z])[xyztvw](?![A-Za-z])", bare)
    label = re.match(r"\s*([a-zA-Z])\s*=(?!.*=)", gold)
    for accent in ("\\bar{%s}", "\\hat{%s}", "%s'", "%s^*", "\\dot{%s}", "\\tilde{%s}"):
        if label:
            yield gold[: label.start(1)] + accent % label[1] + gold[label.end(1) :]
        elif len(letters) == 1 and re.fullmatch(r"[\w\s+-]*", gold) and not re.search(r"[A-Za-z]{2}", gold):
            yield gold.replace(letters[0], accent % letters[0], 1)


def change_index(gold: str) -> Iterator[str]:
    """An index one higher, save for a constant that is left open."""
    for one in re.finditer(r"(?<![A-Za-z\\])([xyzvwpqFHTVRmna])_\{?([0-7])\}?(?![\d,+-])", gold):
        if one[0] not in gold[one.end() :] and f"{one[1]}_{int(one[2]) + 1}" not in gold:
            yield f"{gold[: one.start()]}{one[1]}_{{{int(one[2]) + 1}}}{gold[one.end() :]}"


def change_domain(gold: str) -> Iterator[str]:
    """Other numbers for a name to run through, or fewer; another modulus; another base."""
    for one in re.finditer(r"\\in\s*\\mathbb\s*\{?([ZNQ])\}?(?![\w^_*+])", gold):
        if ":" not in gold and "mid" not in gold and "|" not in gold:
            yield f"{gold[: one.start()]}\\in\\mathbb{{{'R' if one[1] != 'R' else 'Z'}}}{gold[one.end() :]}"
    if re.fullmatch(r"\s*[xy]\s*(?:[<>]|\\[lg]eq?)[^a-z]*", gold):
        yield f"{gold},\\ {gold.strip()[0]}\\in\\mathbb{{Z}}"
    for one in re.finditer(r"\\pmod\s*\{?(\d+)\}?", gold):
        yield f"{gold[: one.start()]}\\pmod{{{int(one[1]) + 1}}}{gold[one.end() :]}"
    if based := re.fullmatch(r"([01]{2,}|\d{2,})_\{?(\d+)\}?", gold):
        yield f"{based[1]}_{{{int(based[2]) + 1}}}"


_ANTONYMS = {
    "yes": "no", "no": "yes", "true": "false", "false": "true", "even": "odd", "odd": "even", "up": "down",
    "increasing": "decreasing", "decreasing": "increasing", "maximum": "minimum", "minimum": "maximum",
    "left": "right", "right": "left", "positive": "negative", "negative": "positive", "convergent": "divergent",
    "converges": "diverges", "above": "below", "all": "no", "profit": "loss", "and": "or",
}  # fmt: skip


def change_word(gold: str) -> Iterator[str]:
    """A word of a text by its opposite, or by one that is none."""
    if "\\text" not in gold and (re.search(r"[\\^_=<>]", gold) or not re.search(r"[A-Za-z]{3}", gold)):
        return
    for one in re.finditer(r"[A-Za-z]{2,}", gold):
        if gold[: one.start()].endswith("\\") or one[0] in ("text", "circ"):
            continue
        opposite = _ANTONYMS.get(one[0].lower())
        if opposite and not (opposite in ("or", "no") and re.search(r"\d|=|no ", gold)):
            yield f"{gold[: one.start()]}{opposite}{gold[one.end() :]}"
        if re.fullmatch(r"(?:\\text\s*\{)?[A-Za-z ]+\}?", gold) and len(one[0]) > 4:
            yield f"{gold[: one.start()]}zebra{gold[one.end() :]}"


_TAKEN_BACK = (
    r"\text{ (rejected)}", r"\text{ fails}", r"\text{ squared}", r"\text{ or more}", r"\text{ is wrong}",
    r"\text{以上}",
    r"\text{ factorial}", r"\text{ at most}", r"\text{ for some }n", r"\text{ zebraed}", "的平方", "ではない",
)  # fmt: skip


def change_ending(gold: str) -> Iterator[str]:
    """One word more, which denies, bounds or changes a value."""
    if re.fullmatch(
        r"[-+]?\d+(?:\.\d+)?|\\frac\{\d+\}\{\d+\}|[xn]\^2|[a-z]\s*=\s*-?\d+|\(-?\d+,\s*-?\d+\)", gold.strip()
    ):
        yield from (gold.strip() + ending for ending in _TAKEN_BACK)


def change_mark(gold: str) -> Iterator[str]:
    """A percent sign, a degree mark or a currency by another."""
    if percent := re.fullmatch(r"(\d+(?:\.\d+)?)\s*\\%", gold):
        yield from (f"\\${percent[1]}", f"{percent[1]}^\\circ", f"{percent[1]}\\text{{ cm}}")
    if degrees := re.fullmatch(r"([1-9]\d*(?:\.\d+)?)\s*\^\s*\{?\s*\\circ\s*\}?", gold):
        yield from (f"{degrees[1]}\\text{{ rad}}", f"{degrees[1]}'", f"{degrees[1]}\\%")


def change_letters(gold: str) -> Iterator[str]:
    """Two capitals side by side exchanged, and the two sides of an arrow."""
    if re.fullmatch(r"[A-Z]{2}", gold) and gold not in ("LW", "WL", "IR", "RI", "PV", "VP") and gold[0] != gold[1]:
        yield gold[::-1]
    if "\\overrightarrow" in gold or "\\vec" in gold:
        yield from (
            gold.replace(one[0], f"{one[1]}{{{one[3]}{one[2]}}}")
            for one in re.finditer(r"(\\overrightarrow|\\vec)\s*\{([A-Z])([A-Z])\}", gold)
        )
    if gold.count("\\to") == 1 and "lim" not in gold and not re.search(r"[,{}=]", gold):
        left, right = gold.split("\\to")
        yield f"{right.strip()}\\to {left.strip()}"


WRONG: dict[str, Change] = {
    "sign": change_sign, "digit": change_digit, "operator": change_operator, "exponent": change_exponent,
    "bracket": change_bracket, "unit": change_unit, "label": change_label, "case": change_case, "order": change_order,
    "relation": change_relation, "function": change_function, "accent": change_accent, "index": change_index,
    "domain": change_domain, "word": change_word, "ending": change_ending, "mark": change_mark,
    "letters": change_letters,
}  # fmt: skip


def respell_spacing(gold: str) -> Iterator[str]:
    """More space where it means nothing."""
    yield f" {gold} "
    yield re.sub(r"(?<=[\d)}])([+=<>-])(?=[\d(\\a-z])", r" \1\\, ", gold)


def respell_sizes(gold: str) -> Iterator[str]:
    r"""\left and \right, and \dfrac."""
    if "\\left" not in gold and gold.count("(") == gold.count(")") and "(" in gold and not re.search(r"[\[\]]", gold):
        yield gold.replace("(", "\\left(").replace(")", "\\right)")
    if "\\frac" in gold:
        yield gold.replace("\\frac", "\\dfrac")
        yield gold.replace("\\frac", "\\tfrac")
    if re.search(r"[\d\\]", gold) and not re.search(r"['\"]", gold):
        yield f"\\displaystyle {gold}"


def respell_fraction(gold: str) -> Iterator[str]:
    """A fraction with both parts doubled, or as a quotient."""
    match = re.fullmatch(r"(-?)\\d?frac\s*\{(\d{1,4})\}\s*\{(\d{1,4})\}", gold)
    if match:
        yield f"{match[1]}\\frac{{{int(match[2]) * 2}}}{{{int(match[3]) * 2}}}"
        yield f"{match[1]}{match[2]}/{match[3]}"
        yield f"\\frac{{{match[1]}{match[2]}}}{{{match[3]}}}"


def respell_order(gold: str) -> Iterator[str]:
    """Two terms of a sum exchanged."""
    match = re.fullmatch(r"([^+\-=,<>()\[\]{}|\\&;]+)\+([^+\-=,<>()\[\]{}|\\&;]+)", gold)
    if (
        match
        and re.search(r"[a-z]", gold)
        and not re.search(r"\de\+", gold)
        and not re.search(r"[A-Za-z]{3}|[A-Z]$|/", gold)
    ):
        yield f"{match[2].strip()}+{match[1].strip()}"


RIGHT: dict[str, Change] = {
    "itself": lambda gold: iter((gold,)), "spacing": respell_spacing, "sizes": respell_sizes,
    "fraction": respell_fraction, "order of terms": respell_order,
}  # fmt: skip


_SI = {
    "m": "meters", "g": "grams", "s": "seconds", "A": "amperes", "K": "kelvins", "mol": "moles", "Hz": "hertz",
    "N": "newtons", "Pa": "pascals", "J": "joules", "W": "watts", "C": "coulombs", "V": "volts", "F": "farads",
    "T": "teslas", "Wb": "webers", "H": "henries", "L": "liters", "eV": "electronvolts", "cal": "calories",
}  # fmt: skip
_SI_PREFIXES = {"": "", "k": "kilo", "M": "mega", "m": "milli", "n": "nano"}
_QUANTITIES = 300


def quantities() -> Iterator[Pair]:
    """Quantities of SI units: without the unit, in two spellings, squared, with another prefix, with another unit."""
    units = [(prefix, unit) for prefix in _SI_PREFIXES for unit in _SI]
    for at in range(_QUANTITIES):
        prefix, unit = units[at % len(units)]
        number = f"{(at * 37) % 97 + 2}.{at % 9 + 1}"
        gold = f"{number}\\ \\mathrm{{{prefix}{unit}}}"
        other = "A" if unit != "A" else "K"
        yield Pair("quantity without unit", gold, number, right=True)
        yield Pair("quantity, unit added", number, gold, right=True)
        yield Pair("quantity, symbol in text", gold, f"{number}\\text{{ {prefix}{unit}}}", right=True)
        yield Pair("quantity, unit by name", gold, f"{number}\\text{{ {_SI_PREFIXES[prefix]}{_SI[unit]}}}", right=True)
        yield Pair("quantity, unit squared", gold, f"{number}\\ \\mathrm{{{prefix}{unit}}}^2", right=False)
        yield Pair("quantity, other unit", gold, f"{number}\\ \\mathrm{{{prefix}{other}}}", right=False)
        yield Pair(
            "quantity, other prefix", gold, f"{number}\\ \\mathrm{{{'G' if prefix != 'G' else 'k'}{unit}}}", right=False
        )


def golds_of(files: Sequence[Path]) -> list[str]:
    """Every distinct gold of some files, in order."""
    by_name: dict[str, None] = {}
    for file in files:
        for line in file.read_text().splitlines():
            row = json.loads(line)
            gold = str(row.get("gold") or row.get("reference") or "").rsplit("####", 1)[-1].strip()
            gold = gold[1:-1].strip() if gold.startswith("$") and gold.endswith("$") and gold.count("$") == 2 else gold
            if gold and "\n" not in gold and len(gold) < 300 and "$" not in gold and "\\boxed" not in gold:
                by_name[gold] = None
    return list(by_name)


def pairs_of(gold: str) -> Iterator[Pair]:
    """All answers made of one gold."""
    for right, changes in ((False, WRONG), (True, RIGHT)):
        for kind, change in changes.items():
            for answer in dict.fromkeys(change(gold)):
                if right or answer.strip() != gold.strip():
                    yield Pair(kind, gold, answer, right)


def judge(pairs: Sequence[Pair]) -> list[str]:
    """What our verifier says of each: correct, wrong, undecided, or the word of an error."""
    samples = [Sample(response=f"\\boxed{{{pair.answer}}}", reference=pair.gold) for pair in pairs]
    return [verdict.reason.value for verdict in MathVerifier()(samples)]


def judge_with_math_verify(pairs: Sequence[Pair]) -> list[str]:
    """The same of math-verify."""
    from math_verify import parse, verify

    return [
        "correct" if verify(parse(f"${pair.gold}$"), parse(f"\\boxed{{{pair.answer}}}")) else "wrong" for pair in pairs
    ]


def table(pairs: Sequence[Pair], verdicts: Sequence[str]) -> dict[str, dict[str, int]]:
    """By kind: how many, how many were accepted, how many errors."""
    rows: dict[str, dict[str, int]] = {}
    for pair, verdict in zip(pairs, verdicts, strict=True):
        row = rows.setdefault(f"{'right' if pair.right else 'wrong'}: {pair.kind}", Counter())
        row["pairs"] += 1
        row["accepted"] += verdict == "correct"
        row["unreadable golds"] += verdict.startswith("reference")
    return {name: dict(row) for name, row in rows.items()}


def main() -> None:
    """Make, judge, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--show", type=int, default=20, help="how many pairs on the wrong side are printed")
    parser.add_argument("--peer", type=int, default=0, help="pairs that math-verify judges too, of each side")
    options = parser.parse_args()
    golds = golds_of(options.files)
    pairs = [pair for gold in golds for pair in pairs_of(gold)] + list(quantities())
    start = time.process_time()
    verdicts = judge(pairs)
    seconds = time.process_time() - start
    rows = table(pairs, verdicts)
    for name, row in rows.items():
        print(f"{name:32} {row['pairs']:6} pairs, {row['accepted']:6} accepted, {row['unreadable golds']:4} unreadable")
    wrong = [(p, v) for p, v in zip(pairs, verdicts, strict=True) if (v == "correct") != p.right]
    false = [pair for pair, _ in wrong if not pair.right]
    readable = [v for p, v in zip(pairs, verdicts, strict=True) if p.right]
    rejected = sum(v != "correct" for v in readable)
    print(f"{len(golds)} golds; false accepts {len(false)} of {sum(not p.right for p in pairs)}; ", end="")
    print(f"harmless rewrites rejected {rejected} of {len(readable)} ({rejected / len(readable):.2%}); ", end="")
    print(f"{len(pairs) / seconds:,.0f} pairs per CPU-second")
    for pair, verdict in wrong[: options.show]:
        print(f"  {pair.kind}: gold {pair.gold!r} answer {pair.answer!r}: {verdict}")
    summary = {"golds": len(golds), "false_accepts": len(false), "rejected": rejected, "rows": rows}
    if options.peer:
        for right in (False, True):
            side = [pair for pair in pairs if pair.right == right]
            sample = side[:: max(1, len(side) // options.peer)]
            accepted = judge_with_math_verify(sample).count("correct")
            print(f"math-verify accepts {accepted} of {len(sample)} {'right' if right else 'wrong'} answers")
            summary[f"math_verify_{'right' if right else 'wrong'}"] = [accepted, len(sample)]
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(summary, indent=1))


if __name__ == "__main__":
    main()
