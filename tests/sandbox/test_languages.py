"""The table of languages, and what is built from it."""

from __future__ import annotations

import pytest

from r1_reward.sandbox.builds import Builds, build
from r1_reward.sandbox.languages import ALIASES, LANGUAGES, language
from r1_reward.sandbox.limits import DEFAULT_LIMITS


def test_every_alias_leads_to_a_language() -> None:
    assert set(ALIASES.values()) <= set(LANGUAGES)
    assert not set(ALIASES) & set(LANGUAGES)
    assert language(" PY ") is LANGUAGES["python"]


@pytest.mark.parametrize(
    ("source", "file"),
    [
        ("class Main { }", "Main.java"),
        ("public class Solution { public static void main(String[] a) {} }", "Solution.java"),
        ("class Helper {}\npublic final class Answer {}", "Answer.java"),
        ("class Helper {}\nclass Start { static void main(String[] a) {} }", "Start.java"),
        ("class Outer { static class Inner { int v; } public static void main(String[] a) {} }", "Outer.java"),
        ("class A { char q = '\"'; static class In {} static void main(String[] a) {} char p = '\"'; }", "A.java"),
        ('class A { String s = """\n{ class No { \\""" """; static void main(String[] a) {} }', "A.java"),
        ("/* " * 300_000, "Main.java"),
        ("public final " * 100_000, "Main.java"),
        ('// public class No {}\n/* public class No {} */\nclass A { String s = "public class No"; }', "Main.java"),
        ("public class Node {}\npublic class Main {}", "Main.java"),
        ("", "Main.java"),
    ],
)
def test_java_files_are_called_after_their_class(source: str, file: str) -> None:
    assert LANGUAGES["java"].file(source) == file


def test_java_starts_the_class_that_main_is_in() -> None:
    main = LANGUAGES["java"].main
    assert main is not None
    assert main("package com.x;\npublic class Main { static void main(String[] a) {} }") == "com.x.Main"
    assert main("public class Node {}\nclass Go { public static void main(String[] a) {} }") == "Go"


def test_a_build_is_the_same_for_the_same_program_and_holds_no_secret() -> None:
    cpp = LANGUAGES["cpp"]
    one, again = (build(cpp, "int f();", DEFAULT_LIMITS, "int main() {}") for _ in range(2))
    other = build(cpp, "int g();", DEFAULT_LIMITS, "int main() {}")
    assert one == again
    assert one.key != other.key
    assert one.shows_end
    assert not build(cpp, "int main() {}", DEFAULT_LIMITS).shows_end


def test_the_newest_standard_comes_first_unless_another_is_named() -> None:
    cpp = LANGUAGES["cpp"]
    standards = [command[1] for command in build(cpp, "int main() {}", DEFAULT_LIMITS).compile]
    assert standards[0] == "-std=gnu++23"
    assert build(cpp, "int main() {}", DEFAULT_LIMITS, standard="c++11").compile[0][1] == "-std=gnu++11"
    assert cpp.tried_standards("cpp17")[0] == "gnu++17"
    assert LANGUAGES["c"].tried_standards("c99")[0] == "gnu99"
    assert LANGUAGES["python"].tried_standards("") == ("",)


def test_braces_of_a_program_are_left_alone() -> None:
    source = 'int main() { const char *s = "{nonce} {file} {work}"; }'
    assert build(LANGUAGES["cpp"], source, DEFAULT_LIMITS).files["main.cpp"] == source.encode()


def test_builds_keep_the_most_recent_within_their_bound() -> None:
    builds = Builds(1)
    for number in range(5):
        builds.put(bytes([number]), {"main": bytes(300 << 10)})
        builds.get(b"\0")
    assert [builds.get(bytes([number])) is not None for number in range(5)] == [True, False, False, True, True]
    builds.put(b"large", {"main": bytes(2 << 20)})
    assert builds.get(b"large") is None
