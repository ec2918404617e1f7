"""Which of a row's columns holds its gold, and the answer in it.

| columns | the gold |
| --- | --- |
| several with one answer | the first, in the order of the table (`aliases.py`) |
| `label: true` beside an answer, `correct_answer: true` | the answer; the other is a verdict |
| `final_answer` beside `ground_truth`, with a response | `ground_truth`; the other is the model's |
| a letter and the text of its option | the letter |
| two different answers | an error that names both |

Whether `answer` is the model's beside a `ground_truth` one row cannot say; the first rows of a file may (`settled.py`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from ..verifiers.errors import SampleError
from ..verifiers.references import is_data
from ..verifiers.sample import Sample
from .aliases import VERDICTS, Tool, folded
from .layout import RowColumns
from .options import letter_gold, options_of
from .paths import get
from .prose import may_be_prose, prose
from .values import Row

Gold = tuple[str, Any]  # any: a JSON value
"""Where it stands, and what is there."""

_WORD = re.compile(r"(?<![\\\w])[^\W\d_]{2,}")
_STEPS = re.compile(r"[.;]\s|\n|=[^=]{1,80}=")
"""What working has and an answer lacks: a second sentence, a line, a chain of equations."""
_SURE = frozenset(
    "reference groundtruth groundtruthanswer gold golden goldanswer goldenanswer correctanswer expectedanswer "
    "trueanswer referenceanswer refanswer gtanswer answergt gt gts stdanswer standardanswer".split()
)
_TOKENS = 16
_SHORT = 80
"""Text no longer than this, in one line, is an answer by itself."""


def golds_in(
    row: Row,
    kind: str | None,
    layout: RowColumns,
    tool: Tool | None,
    used: Collection[str],
    cop: int | None = None,
) -> list[Gold]:
    """What stands in a row under the usual names of a gold: those of its tool, then the others, then those of an object
    that holds a row. `used` are columns that were read as something else; `cop` is as of `letter_gold`."""
    golds = [] if tool is None else [(path, get(row, path)) for path in tool.fields.get("reference", ())]
    golds = [(path, value) for path, value in golds if not _is_empty(value)][:1]
    if tool is not None and tool.name == "lighteval" and not golds:
        golds = only_choice(row)
    if tool is None or tool.fields.get("reference") != ():
        puzzle = kind == "puzzle" or any(isinstance(row.get(one), list) for one in ("numbers", "nums"))
        for paths in (layout.paths["reference"], layout.inner.get("reference", ())):
            for path in paths if not golds or paths is layout.paths["reference"] else ():
                if path in used or (puzzle and folded(path) == "target"):
                    continue
                value = get(row, path)
                if isinstance(value, list) and is_tokens(value):
                    continue
                if not _is_empty(value) and path not in [at for at, _ in golds]:
                    golds.append((path, value))
    return golds or letter_gold(row, cop)


def is_tokens(value: list[Any]) -> bool:  # any: JSON values
    """Whether a list holds ids of tokens, as `labels` of training rows do, and no answers."""
    return len(value) > _TOKENS and all(type(item) is int for item in value)


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str | list) and not value)


def is_sure(name: str) -> bool:
    """Whether a usual name of a gold says that it is one: `ground_truth`, and not `answer`, `final_answer`, `label`."""
    return folded(name.rpartition(".")[2]) in _SURE


def choose(golds: Sequence[Gold], row: Row, *, answered: bool = True) -> Gold | None:
    """The gold of a row that has something under several usual names; `answered` says that it has a response.

    Beside a name that can only be a gold, `final_answer` is the model's in a row with a response. Raises SampleError,
    naming both, where two are different answers, or where what may be a verdict stands alone.

    >>> choose([("answer", "72"), ("solution", "48 + 24 = 72\\n#### 72"), ("label", 1)], {})
    ('answer', '72')
    >>> choose([("ground_truth", "72"), ("final_answer", "-72")], {})
    ('ground_truth', '72')
    """
    verdicts = [(name, value) for name, value in golds if _says_right(name, value)]
    golds = [gold for gold in golds if gold not in verdicts]
    if answered and any(is_sure(name) for name, _ in golds):
        golds = [(name, value) for name, value in golds if folded(name) != "finalanswer"]
    if not golds:
        if verdicts and type(verdicts[0][1]) in (int, float) and verdicts[0][1] in (0, 1):
            name, value = verdicts[0]
            raise SampleError(
                "ambiguous_label", f"{name} is {value}: a verdict or an answer? --map reference={name} says an answer"
            )
        return None
    if len(golds) == 1:
        name, value = golds[0]
        if type(value) is float and value in (0.0, 1.0) and folded(name).startswith("correct"):
            raise SampleError(
                "ambiguous_label", f"{name} is {value}: a metric or an answer? --map reference={name} says an answer"
            )
        return golds[0]
    answers = [(name, value, answer) for name, value in golds if (answer := answer_of(value, name)) is not None]
    if not answers:
        return golds[0]
    first = answers[0]
    for name, value, answer in answers[1:]:
        if not same_answer(first[2], answer):
            letter = _same_option(row, first[:2], (name, value))
            if letter is not None:
                return letter
            raise SampleError(
                "conflicting_golds",
                f"{first[0]} says {_shown(first[2])} and {name} says {_shown(answer)}; "
                f"--map reference={first[0]} or reference={name} says which is the gold",
            )
    return first[0], first[1]


def _says_right(name: str, value: object) -> bool:
    """Whether a value under a gold's name says that a response is right: a boolean under a name such as
    `correct_answer`, and also a word, 0 or 1 under `label` and the like."""
    said = folded(name)
    if said in VERDICTS or said.endswith("label"):
        return is_verdict(value)
    return isinstance(value, bool) and said.startswith(("correct", "right"))


def _same_option(row: Row, one: Gold, other: Gold) -> Gold | None:
    """Of a letter and the text of its option the letter."""
    options = options_of(row)
    if options is None:
        return None
    for letter, text in ((one, other), (other, one)):
        named = str(letter[1]).strip().strip("().").upper()
        if named in options.texts and options.texts[named].strip() == str(text[1]).strip():
            return letter
    return None


def is_verdict(value: object) -> bool:
    """Whether a value under the name of a label says that a response is right or wrong."""
    if isinstance(value, str):
        return value.strip().lower() in ("true", "false", "correct", "incorrect", "right", "wrong", "pass", "fail")
    return isinstance(value, bool) or (isinstance(value, int | float) and value in (0, 1))


_RIGHT = ("true", "correct", "right", "pass")
_VERDICT_COLUMNS = ("label", "is_correct", "correct", "expected")


def verdict_label(row: Mapping[str, Any], part: int | None, used: Sequence[str]) -> bool | None:
    """Whether a column of a row says that its response (of several the one at `part`) is right; None where none says.

    `used` are columns that were read as something else.

    >>> verdict_label({"label": 1}, None, ()), verdict_label({"label": [True, False]}, 1, ())
    (True, False)
    """
    for name in _VERDICT_COLUMNS:
        value = None if name in used else row.get(name)
        if part is not None and isinstance(value, list):
            value = value[part] if part < len(value) else None
        if value is not None and is_verdict(value):
            return value.strip().lower() in _RIGHT if isinstance(value, str) else bool(value)
    return None


def answer_of(value: object, name: str = "") -> str | None:
    """The answer in a gold: of a full solution what it boxes, or what follows `####`; None where it gives none.

    >>> answer_of("So it is \\\\boxed{\\\\frac{1}{2}}."), answer_of(3.0), answer_of("Let x be. " * 20)
    ('\\\\frac{1}{2}', '3.0', None)
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        return None
    if "olution" not in name.lower() and may_be_prose(value) and (said := prose(value)) is not None:
        return said.answer
    if "####" in value:
        return value.rpartition("####")[2].strip() or None
    boxed = _boxed(value)
    if boxed is not None:
        return boxed
    text = value.strip()
    if "olution" in name.lower() and (_STEPS.search(text) or not any(map(str.isalnum, text))):
        return None  # working without an answer that is marked, or what stands for none
    if not text or len(text) > _SHORT or "\n" in text or is_data([text]):
        return None
    # A solution in a sentence is no answer; `\\frac` and `x = 4` are no words.
    return None if "olution" in name.lower() and " " in text and _WORD.search(text) else text


def _boxed(text: str) -> str | None:
    at = max(text.rfind("\\boxed{"), text.rfind("\\fbox{"))
    if at < 0:
        return None
    start = text.index("{", at) + 1
    depth = 1
    for place in range(start, min(len(text), start + 10_000)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[start:place]
    return None


@lru_cache(maxsize=4_096)
def same_answer(one: str, other: str) -> bool:
    """Whether two golds are the same answer: letter for letter but for space and dollars, or as mathematics."""
    if _folded(one) == _folded(other):
        return True
    from ..verifiers.math import MathVerifier

    verifier = MathVerifier()
    for said, gold in ((one, other), (other, one)):
        (verdict,) = verifier([Sample(response=f"\\boxed{{{said}}}", reference=gold, kind="math")])
        if verdict.score == 1.0:
            return True
    return False


def _folded(text: str) -> str:
    return re.sub(r"[\s$]+|\\text\{|\\!|\\,|[{}.]$", "", text).casefold()


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")


def only_choice(row: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """lighteval's gold: the one of `doc.choices` at `gold_index`, which counts from 0.

    >>> only_choice({"doc": {"choices": [" A", " B"], "gold_index": [1]}})
    [('doc.choices[1]', 'B')]
    """
    doc = row.get("doc")
    choices, at = (doc.get("choices"), doc.get("gold_index")) if isinstance(doc, Mapping) else (None, None)
    if isinstance(at, list) and len(at) == 1:
        at = at[0]
    if not isinstance(choices, list) or type(at) is not int or not 0 <= at < len(choices):
        return []
    gold = choices[at]
    return [(f"doc.choices[{at}]", gold.strip() if isinstance(gold, str) and len(choices) > 1 else gold)]
