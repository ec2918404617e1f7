"""What counts as no language, and what of it counts after all in strict mode."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r1_reward.verifiers.language.neutral import mask

NEUTRAL = [
    ("so $x^2 + y$ holds", "so holds", "inline formula"),
    ("so $$x^2$$ holds", "so holds", "display formula"),
    (r"so \(x\) and \[y\] hold", "so and hold", "the other delimiters"),
    (r"\begin{align*} a &= b \end{align*} done", "done", "an environment"),
    (r"\begin{itemize} one \end{itemize}", "one", "an environment of prose is prose"),
    ("it costs $12 for adults and $10 for children", "it costs $12 for adults and $10 for children", "money"),
    ("a lone $ is not a formula", "a lone $ is not a formula", "a lone dollar"),
    ("see $ x_1 + 2 $ there", "see there", "spaces inside, but clearly a formula"),
    (r"five \$ and six \$ more", r"five \$ and six \$ more", "escaped dollars"),
    (r"so \[x + y and the rest", "so", "an unclosed formula is neutral to the end"),
    ("so\n```python\nprint('hello')\n```\nthen", "so then", "a fence"),
    ("so\n```python\nprint('hello')\nand more", "so", "an unclosed fence is neutral to the end"),
    ("call `my_function(x)` now", "call now", "inline code"),
    ("see https://example.org/a_b?c=d now", "see now", "an address"),
    ("请看https://example.org/page。然后", "请看 。然后", "an address ends where Chinese begins"),
    ("write to someone@example.org now", "write to now", "an e-mail address"),
    ('<think>so</think><br/><a href="x">then</a>', "so then", "tags"),
    ("<weil das so ist>", "<weil das so ist>", "words in angle brackets are no tag"),
    ("if a < b then c > d", "if a < b then c > d", "signs are no tags"),
    (r"\textbf{Answer} and \alpha now", "{Answer} and now", "a command's name"),
    (r"a path \\server\share", r"a path \\server", "a backslash"),
]


@pytest.mark.parametrize(("text", "left", "why"), NEUTRAL)
def test_neutral_parts_are_blanked(text: str, left: str, why: str) -> None:
    masked = mask(text)
    assert len(masked) == len(text)
    assert masked.split() == left.split(), why


HIDDEN = [
    (r"$x \text{ weil es so ist}$", ["weil", "es", "so", "ist"], "text in a formula"),
    ("$然后我们得到 x$", ["然后我们得到"], "another script in a formula"),
    ("$weil das immer gilt = 3$", ["weil", "das", "immer", "gilt"], "plain words in a formula"),
    (r"$\sin x + \operatorname{gcd}(a, b)$", [], "names of functions are no prose"),
    ("```python\nx = 1  # das ist eins\n```", ["das", "ist", "eins"], "a comment"),
    ('```python\n"""Das ist ein Text"""\n```', ["Das", "ist", "ein", "Text"], "a docstring"),
    (
        "```\nDas ist gar kein Programm\n```",
        ["```", "Das", "ist", "gar", "kein", "Programm", "```"],
        "a fence of prose",
    ),
    ("`das ist gar kein Programm`", ["das", "ist", "gar", "kein", "Programm"], "inline code of prose"),
    ("`print(x)`", [], "inline code of code"),
    ("https://example.org/das-ist-ein-ganzer-satz", ["das-ist-ein-ganzer-satz"], "an address of words"),
    ("https://example.org/index.html?page=3", [], "an ordinary address"),
    (r"\[ x = 3 然后", ["然后"], "an unclosed formula"),
]


@pytest.mark.parametrize(("text", "left", "why"), HIDDEN)
def test_strict_shows_hidden_prose(text: str, left: list[str], why: str) -> None:
    masked = mask(text, strict=True)
    assert len(masked) == len(text)
    assert masked.split() == left, why
    assert not any(word in mask(text) for word in left if word != "```"), "and only strict does"


@given(st.text(alphabet=st.sampled_from("ab $\\`~<>/[](){}\n#\"'*-.@:w然")), st.booleans())
@settings(max_examples=300)
def test_mask_keeps_every_character_in_its_place(text: str, strict: bool) -> None:
    masked = mask(text, strict=strict)
    assert len(masked) == len(text)
    assert all(new in (" ", old) for old, new in zip(text, masked, strict=True))


@pytest.mark.parametrize(
    "unit",
    ["$", "$a", "$ a", "\\[", "\\(", "\\begin{align}", "\\begin{x", "`", "```\n", "~~~\n", "<a ", "<a b=", "http://",
     "www.", "a@", "a@b.", "@", "\\", "\\text{", "{", "$\n", "\n\n$", "```a\n#", '"""', "/*", "<!--", "\\a", "$a b c "],
)  # fmt: skip
@pytest.mark.parametrize("strict", [False, True])
def test_mask_is_linear(unit: str, strict: bool) -> None:
    text = "x " + unit * (150_000 // len(unit))
    start = time.process_time()
    mask(text, strict=strict)
    assert time.process_time() - start < 5
