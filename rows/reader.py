r"""From what a trainer hands over to a Sample: completions of every shape, columns under their usual names.

Datasets call one thing by many names, and trainers wrap values in numpy, torch or OmegaConf; all of that ends here.
Nothing of the trainer's is kept: containers are copied, so that a dict which it changes later changes no sample.

What is read:
- the response: a string, or messages, of which the **last assistant** one counts (tool turns come before it); `content`
  may be None or a list of blocks; thinking that the trainer parsed off (`reasoning_content`) is put back in its tags;
- the reference: the first of `reference`, `answer`, `ground_truth`, `solution` that is there;
- `tests` and `limits`, also as JSON text, and as a table of columns, the way Arrow keeps a list of structs.

What it does not do: guess. A row that cannot be read is an error with its reason, not a wrong answer.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..verifiers.errors import SampleError
from ..verifiers.reasoning import Prefilled, ends_in_think
from ..verifiers.sample import SAMPLE_FIELDS, Sample

ALIASES: Mapping[str, Sequence[str]] = {
    "reference": ("reference", "answer", "ground_truth", "solution"),
    "prompt": ("prompt", "question"),
}
"""Usual names of columns, in the order in which they are looked for."""

_ARRAY_BYTES = 1 << 16
"""Larger arrays are no references but images or activations, and are handed on as they are."""
_SHORT_BYTES = 1 << 8
_PACKED = {"float32": ("f", 6), "float16": ("e", 3)}
"""How numbers of fewer bits than Python's are packed, and how many digits each of them keeps."""
_DEEPEST = 64
_REASONING = ("reasoning_content", "reasoning", "thinking")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowReader:
    r"""How the rows of one trainer become samples.

    >>> reader = RowReader(columns={"reference": "gold"})
    >>> reader.read([{"role": "assistant", "content": "It is 4."}], "2 + 2?", {"gold": 4}).reference
    '4'
    """

    columns: Mapping[str, str | None] = field(default_factory=dict)
    """Which column holds which field of a Sample, where that is not its usual name; None leaves the field out."""
    prefilled: Prefilled = "auto"
    """Whether the prompt gave the opening `<think>`."""

    def read(self, completion: object, prompt: object, row: Mapping[str, object]) -> Sample | SampleError:
        """The sample, or why the row cannot be read."""
        try:
            return self._read(completion, prompt, row)
        except SampleError as error:
            return error
        except Exception as error:  # noqa: BLE001 - the boundary: whatever a row holds, it costs that row
            return SampleError("wrong_type", f"{type(error).__name__}: {str(error)[:200]}")

    def _read(self, completion: object, prompt: object, row: Mapping[str, object]) -> Sample:
        fields = {str(key): plain(value) for key, value in row.items()}
        names = {name: column for name in SAMPLE_FIELDS if (column := self._column(name, fields)) is not None}
        told = {name: fields.get(column) for name, column in names.items()}
        asked = plain(prompt)
        if not asked:
            asked = told.get("prompt")
        told["prompt"] = asked
        told["reference"] = _reference(told.get("reference"))
        told["tests"] = _tests(told.get("tests"))
        told["limits"] = _json(told.get("limits"))
        for name in ("id", "problem"):  # neither is judged by, so that no row is lost for them
            if not isinstance(told.get(name), str | int | float):
                told[name] = None
        told["response"] = ""
        rest = {key: value for key, value in fields.items() if key not in names.values() and key not in SAMPLE_FIELDS}
        sample = Sample.from_dict({**rest, **told})
        opened = ends_in_think(sample.prompt) if self.prefilled == "auto" else self.prefilled
        return replace(sample, response=response_text(completion, opened=opened))

    def looked_for(self, rows: Iterable[Mapping[str, object]]) -> str:
        """Which columns some rows have, and which were looked for, in a sentence."""
        came = sorted({str(key) for row in rows for key, value in row.items() if value is not None})
        named = {name: self.columns.get(name, None) for name in SAMPLE_FIELDS if name not in ("response", "prompt")}
        wanted = [
            f"{name} in {named[name] or ' or '.join(ALIASES.get(name, (name,)))}"
            for name in named
            if name not in self.columns or named[name] is not None
        ]
        return f"columns that came: {', '.join(came[:50]) or 'none'}; looked for: {', '.join(wanted)}"

    def _column(self, name: str, fields: Mapping[str, object]) -> str | None:
        if name in self.columns:
            return self.columns[name]
        known = ALIASES.get(name, (name,))
        return next((column for column in known if fields.get(column) is not None), None)


def response_text(completion: object, *, opened: bool = False) -> str:
    """What the model wrote last: the text itself, or the text of the last assistant message.

    `opened` says that the prompt gave the opening `<think>`, so that thinking which was parsed off gets none.
    Raises SampleError for what is neither.

    >>> response_text([{"role": "assistant", "content": "let me look"}, {"role": "tool", "content": "42"},
    ...                {"role": "assistant", "content": None}])
    ''
    """
    if completion is None:
        return ""
    if isinstance(completion, str):
        return str(completion)
    turns = [completion] if isinstance(completion, Mapping) else plain(completion)
    if not isinstance(turns, list) or not all(isinstance(turn, Mapping) for turn in turns):
        raise SampleError("wrong_type", f"a completion must be text or messages, got {type(completion).__name__}")
    last = next((turn for turn in reversed(turns) if turn.get("role", "assistant") == "assistant"), None)
    return "" if last is None else _message_text(last, opened)


def _message_text(message: Mapping[str, object], opened: bool) -> str:
    content, thinking = message.get("content"), next((message[k] for k in _REASONING if message.get(k)), None)
    if isinstance(content, str):
        text = content
    elif content is None:
        text = ""
    elif isinstance(content, Mapping | Sequence):
        blocks = [content] if isinstance(content, Mapping) else content
        texts = [block if isinstance(block, str) else _block(block, "text") for block in blocks]
        text = "".join(texts)
        thinking = thinking or "".join(_block(block, "thinking") for block in blocks)
    else:
        raise SampleError("wrong_type", f"content must be text, blocks or None, got {type(content).__name__}")
    if isinstance(thinking, str) and thinking and "</think>" not in text:
        return f"{'' if opened else '<think>'}{thinking}</think>{text}"
    return text


def block_texts(blocks: object) -> str:
    """The text of a list of blocks; none of anything else."""
    return "".join(_block(block, "text") for block in blocks) if isinstance(blocks, list | tuple) else ""


def _block(block: object, key: str) -> str:
    value = block.get(key) if isinstance(block, Mapping) else None
    return value if isinstance(value, str) else ""


def prefilled_by(tokenizer: Any, **template: Any) -> bool:  # any: a tokenizer, and its template's own arguments
    """Whether a tokenizer's chat template ends its prompts in `<think>`; `template` goes to the template.

    Trainers that keep prompts as messages do not show what the template adds, so ask it once: pass the answer on as
    `prefilled`.
    """
    turns = [{"role": "user", "content": "?"}]
    prompt = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True, **template)
    return ends_in_think(str(prompt))


def plain(value: Any, depth: int = 0) -> Any:  # any: whatever a trainer holds, and JSON-like values where it can be
    """A copy in plain Python: numpy, torch, tuples and OmegaConf become lists, dicts and numbers, NaN becomes None.

    Raises SampleError for what is nested deeper than 64 levels, or in itself, or cannot be listed.
    """
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if depth > _DEEPEST:
        raise SampleError("wrong_type", f"a value is nested deeper than {_DEEPEST} levels")
    if isinstance(value, Mapping):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if callable(getattr(value, "tolist", None)):
        if getattr(value, "nbytes", 0) > _ARRAY_BYTES:
            return value
        try:
            listed = value.tolist()
        except Exception as error:
            raise SampleError("wrong_type", f"{type(value).__name__} cannot be read: {error}") from error
        kind = str(getattr(value, "dtype", "")).rpartition(".")[2]
        if kind in _PACKED and getattr(value, "nbytes", 0) <= _SHORT_BYTES:
            listed = _shortest(listed, *_PACKED[kind])
        return plain(listed, depth + 1)
    return [plain(item, depth + 1) for item in value] if isinstance(value, Sequence) else value


def _shortest(value: Any, code: str, digits: int) -> Any:  # any: what `tolist` gives
    """Numbers as they were written before they were rounded to fewer bits: 0.1, not 0.10000000149011612."""
    if isinstance(value, list):
        return [_shortest(item, code, digits) for item in value]
    if not math.isfinite(value):
        return value
    for more in range(4):
        near = float(f"{value:.{digits + more}g}")
        try:
            if struct.pack(code, near) == struct.pack(code, value):
                return near
        except OverflowError:  # rounded up beyond the largest
            continue
    return value


def label_row(label: object) -> Mapping[str, object]:
    """The columns that a single label stands for: itself as the reference, or an object that holds Sample fields.

    A blank one is what trainers put where there is no label: no reference, so that reward models judge the row.

    >>> label_row("72"), label_row('{"reference": "72", "kind": "math"}'), label_row("")
    ({'reference': '72'}, {'reference': '72', 'kind': 'math'}, {'reference': None})
    """
    try:
        found = plain(label)
    except SampleError as error:
        found = error  # which no Sample takes for a reference, so that the row becomes an error with these words
    if isinstance(found, str) and found.startswith("{"):
        try:
            read = json.loads(found)
        except (ValueError, RecursionError):
            read = None
        found = read if isinstance(read, dict) and ("tests" in read or "reference" in read) else found
    if isinstance(found, str) and not found.strip():
        found = None
    return found if isinstance(found, dict) else {"reference": found}


def _reference(value: object) -> object:
    return [item for item in value if item is not None] or None if isinstance(value, list) else value


def _json(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise SampleError("wrong_type", f"a column holds text that is not JSON: {error}") from error


def _tests(value: object) -> object:
    found = _json(value)
    if not isinstance(found, dict):
        return found
    table = {{"inputs": "input", "outputs": "output"}.get(key, key): column for key, column in found.items()}
    lengths = {len(column) for column in table.values() if isinstance(column, list)}
    if len(lengths) != 1 or not all(isinstance(column, list) for column in table.values()):
        raise SampleError("wrong_type", "tests must be a list of tests, or a table of columns of one length")
    rows = [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]
    return [{"type": "stdin", **row} if "input" in row and row.get("type") is None else row for row in rows]
