"""Where the program of a response stands."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.verifiers.code.joining import complete
from r1_reward.verifiers.code.program import Program, find_program

PY = "print(1)\n"
FOUND = [
    # response, wanted, source, language, why
    (f"```python\n{PY}```", None, PY, "python", "one block"),
    (f"```py\n{PY}```", None, PY, "python", "an alias"),
    (f"```Python3\n{PY}```", "python", PY, "python", "whatever its case"),
    (f"```\n{PY}```", None, PY, "python", "no tag"),
    (f"~~~python\n{PY}~~~", None, PY, "python", "tildes"),
    (f"```python\nold()\n```\nor better\n```python\n{PY}```", None, PY, "python", "the last"),
    (f"```python\n{PY}```\nIt prints:\n```\n1\n```", None, PY, "python", "its output is no program"),
    (f"```python\n{PY}```\nRun it:\n```bash\npython main.py\n```", "python", PY, "python", "the language wanted"),
    ("```c++\nint main() {}\n```", None, "int main() {}\n", "cpp", "the tag says the language"),
    ("```cpp\nint main() {}\n```", "python", None, "", "another language than the one wanted"),
    ("```text\nhello\n```", None, None, "", "no language"),
    (f"<think>```python\nold()\n```</think>\n```python\n{PY}```", None, PY, "python", "after the thinking"),
    (f"<think>```python\n{PY}```</think>\nThat is it.", None, None, "", "only in the thinking"),
    (f"<think>so\n```python\n{PY}```", None, None, "", "the thinking never ends"),
    (f"<think>x</think><answer>\n```python\n{PY}```\n</answer>", None, PY, "python", "in an answer block"),
    (f"<think>x</think><answer>{PY}</answer>", None, PY, "python", "bare in an answer block"),
    (f"Here:\n```python\n{PY}", None, PY, "python", "the last block is never closed"),
    (f"```python\nold()\n```\n```python\n{PY}", None, PY, "python", "the last of two is never closed"),
    ("def f(x):\n    return x", None, "def f(x):\n    return x\n", "python", "the response is the program"),
    ("    return x", None, "    return x\n", "python", "the rest of a function"),
    ("I cannot do this.", None, None, "", "prose"),
    ("Sure", None, None, "", "one word, which Python would read"),
    ("", None, None, "", "nothing"),
    ("```python\n```", None, "", "python", "an empty program is one"),
    ("#include <cstdio>\nint main() {}", "cpp", "#include <cstdio>\nint main() {}\n", "cpp", "bare C++"),
    (f"```python title=x.py\n{PY}```", None, PY, "python", "words after the tag"),
    (f"```{{.python}}\n{PY}```", None, PY, "python", "Pandoc's tag"),
    (f"```python:main.py\n{PY}```", None, PY, "python", "a file's name after the tag"),
    (f"1. Do it:\n\n   ```python\n   if 1:\n       {PY}   ```", None, f"if 1:\n    {PY}", "python", "in a list"),
    (f"1. Do it:\n\n\t```python\n\t{PY}\t```\n", None, PY, "python", "in a list, deeper"),
    (f"Here:```python\n{PY}```", None, PY, "python", "after words on its line"),
    (f"```python\n{PY}```\nRun it:\n```sh\npython main.py\n```", None, PY, "python", "how to run it is no program"),
    ("```bash\necho 1\n```", None, "echo 1\n", "bash", "but alone it is one"),
    (f"```python\n{PY}```\n```python\n```", None, PY, "python", "an empty block after it"),
    (f"\ufeff```python\n\ufeff{PY}```", None, PY, "python", "byte order marks"),
    (f"```python\n{PY}```<|im_end|>", None, PY, "python", "an end-of-turn token"),
]


@pytest.mark.parametrize(("response", "expected", "source", "language", "why"), FOUND)
def test_where_it_stands(response: str, expected: str | None, source: str | None, language: str, why: str) -> None:
    result = find_program(response, required=expected)
    assert result == (None if source is None else Program(source, language)), why


def test_a_think_that_the_prompt_gave_is_known() -> None:
    response = f"hm\n```python\nold()\n```\n</think>\n```python\n{PY}```"
    assert find_program(response, "Write it.<think>\n") == Program(PY, "python")
    assert find_program(f"hm\n```python\n{PY}```", "Write it.<think>\n") is None


def test_the_block_that_defines_what_is_called_goes_before_an_example_of_its_use() -> None:
    first, last = "def f(x):\n    return 1\n", "def f(x):\n    return x\n"
    response = f"```python\n{first}```\n```python\n{last}```\n```python\nprint(f(1))\n```"
    assert find_program(response, names={"f"}) == Program(last, "python")
    assert find_program(response, names={"g"}) == Program("print(f(1))\n", "python")


def test_strict_extraction_wants_a_block() -> None:
    assert find_program("def f(x):\n    return x", bare=False) is None


STUB = 'from math import pi\n\ndef area(r):\n    """Area."""\n'


@pytest.mark.parametrize(
    ("source", "prompt", "joined"),
    [
        ("    return pi * r * r\n", STUB, STUB + "    return pi * r * r\n"),
        ("return pi * r * r\n", STUB, STUB + "    return pi * r * r\n"),
        ("def area(r): return 3\n", STUB, "from math import pi\n\ndef area(r): return 3\n"),
        ("area = lambda r: pi * r * r\n", STUB, "from math import pi\n\narea = lambda r: pi * r * r\n"),
        ("from maths import area\n", STUB, "from math import pi\n\nfrom maths import area\n"),
        ("exec('def area(r): return 3')\n", STUB, "from math import pi\n\nexec('def area(r): return 3')\n"),
        (
            "from __future__ import annotations\ndef area(r): 0\n",
            STUB,
            "from __future__ import annotations\ndef area(r): 0\n",
        ),
        ("def area(r): return 3\n", "Write a function.\n" + STUB[21:], "def area(r): return 3\n"),
        (
            "def area(r): return double(3)\n",
            "def double(x):\n    return 2 * x\n\n" + STUB[21:],
            "def double(x):\n    return 2 * x\n\ndef area(r): return double(3)\n",
        ),
        ("    return 3\n", f"Complete:\n```python\n{STUB}```\nThanks", STUB + "    return 3\n"),
        ("    return 3\n", "no function here", "    return 3\n"),
    ],
)
def test_the_rest_of_a_function_is_joined_to_its_prompt(source: str, prompt: str, joined: str) -> None:
    assert complete(source, prompt, "area") == joined


@given(st.text(alphabet="`~pyc+ \n<>/thinkanswer"))
def test_never_raises(response: str) -> None:
    find_program(response)
    find_program(response, required="cpp", bare=False)


@pytest.mark.parametrize(
    "piece",
    ["```python\nx\n```\n", "```\n", "~~~\n", "`", "~", "~~~~ ", "``` ", "\n", "<think>", "def f(): pass\n", "(", "\t"],
)
def test_megabytes_take_no_longer_than_their_length(piece: str) -> None:
    start = time.process_time()
    text = piece * (400_000 // len(piece))
    find_program(text)
    complete(text, "def f(x):\n", "f")
    assert time.process_time() - start < 12


def test_a_completion_without_a_fence_begins_indented() -> None:
    assert find_program("  return x + 1;\n}\n", required="javascript") == Program("  return x + 1;\n}\n", "javascript")
    assert find_program("I would return x + 1;", required="javascript") is None
