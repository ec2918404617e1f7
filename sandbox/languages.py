"""The languages that submissions may be written in: how each is compiled and run, and in which image.

A table and nothing else. `{work}` in a command stands for the folder of the program, `{start}` for what comes before a
Python script (script.py), `{memory}` for a heap in MiB.
What is not promised: that a machine has the compiler; a backend without it fails, which is never the program's fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .limits import Limits


class Ending(NamedTuple):
    """How test code appended to a program shows that it ran to its end, which an exit status of 0 does not show."""

    prepend: str = ""
    """Added before the test code."""
    append: str = ""
    """Added after the test code; `{nonce}` is what it writes to standard error."""
    files: Mapping[str, str] = {}
    """Files beside the program, likewise."""
    compile: Sequence[str] = ()
    """Added to the command that compiles."""
    run: Sequence[str] = ()
    """Takes the place of the command that runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """One language."""

    name: str
    """The key of `LANGUAGES`."""
    file: Callable[[str], str]
    """What the file of a program is called, by its source."""
    run: Sequence[str]
    """The command that runs it; `{main}` is what `main` gives."""
    main: Callable[[str], str] | None = None
    """Java: the class to start, by the source."""
    call: Sequence[str] = ()
    """Python: the command before whose script the harness is put, to call functions."""
    image: str
    """Where its compiler and its runtime are."""
    compile: Sequence[str] | None = None
    """The command that compiles it; None where nothing is compiled. `{file}` is the file's name."""
    time_factor: float = 1.0
    """What a limit on time is multiplied by, since some runtimes take long to start."""
    ending: Ending | None = None
    """How appended test code shows that it has ended; None: by its exit status alone."""

    def fill(self, argv: Sequence[str], source: str, limits: Limits) -> list[str]:
        """A command of this table for a program; `{work}` and `{start}` are left to the sandbox."""
        file = self.file(source)
        heap = str(max(16, int((limits.memory_mb or 512) * 0.75)))
        named = {"{file}": file, "{main}": self.main(source) if self.main else "", "{memory}": heap}
        return [_NAMED.sub(lambda found: named[found[0]], word) for word in argv]


_NAMED = re.compile(r"\{(?:file|main|memory)\}")

COMPILE_LIMITS = Limits(time_s=30, memory_mb=1024, processes=64, output_bytes=1 << 20, disk_mb=128, total_s=60)
"""What a compiler may use, whatever the program may; never more time than the whole submission has."""


def language(name: str) -> Language | None:
    """A language by its name, or by what a code fence calls it; None for any other.

    >>> language("py").name, language("C++").name, language("cobol")
    ('python', 'cpp', None)
    """
    folded = name.strip().lower()
    return LANGUAGES.get(ALIASES.get(folded, folded))


def _named(name: str) -> Callable[[str], str]:
    return lambda _: name


# A comment that is never closed reaches to the end: found in one step, or many of them would take for ever.
_JAVA_NOISE = re.compile(
    r'//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?|"""(?:[^"\\]|\\.|"(?!""))*+(?:""")?'
    r"""|"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)++'""",
    re.DOTALL,
)
_JAVA_TOKEN = re.compile(
    r"(?P<public>\bpublic\s+(?:(?:static|final|abstract|strictfp|sealed)\s+)*+)?"
    r"\b(?:class|record|enum|interface)\s+(?P<name>\w+)|(?P<main>\bstatic\s+(?:(?:final|public)\s+)*+void\s+main\b)|[{}]"
)
_JAVA_PACKAGE = re.compile(r"^\s*+package\s+([\w.]+)\s*;")


class _Java(NamedTuple):
    file: str
    main: str


def _java(source: str) -> _Java:
    """What the file has to be called (after its public class), and the class that `main` is in.

    >>> _java("package a.b; class Node {} // public class X\\npublic final class Answer {}")
    _Java(file='Answer.java', main='a.b.Answer')
    """
    plain = _JAVA_NOISE.sub(" ", source)
    public: list[str] = []
    first = main = name = ""
    open_: list[str] = []  # the class of each brace that is open
    for found in _JAVA_TOKEN.finditer(plain):
        if found["name"]:
            name = found["name"]
            if not open_:
                first = first or name
                public += [name] if found["public"] else []
        elif found["main"]:
            main = main or next(iter(open_), name)
        elif found[0] == "{":
            open_.append(name)
        elif open_:
            open_.pop()
            name = open_[-1] if open_ else ""
    file = "Main" if "Main" in public else public[0] if public else main or "Main"
    package = _JAVA_PACKAGE.match(plain)
    return _Java(f"{file}.java", (f"{package[1]}." if package else "") + (main or file))


_C_END = """#include <stdio.h>
#ifdef __cplusplus
extern "C" {
#endif
int __real_main(int, char **);
int __wrap_main(int argc, char **argv) {
    int status = __real_main(argc, argv);
    fflush(stdout);
    fputs("\\n{nonce}\\n", stderr);
    fflush(stderr);
    return status;
}
#ifdef __cplusplus
}
#endif
"""
# The linker hands the start of the program to our main, which calls the real one: exit(0) never comes back to it.
_UNDEF = "#undef main\n"  # or a program could rename the test's main and bring one of its own
_WRAP = ("-Wl,--wrap=main",)

# Loaded before the program, which can neither replace console.assert nor bring a console of its own unnoticed.
_JS_START = """'use strict';
const { writeSync } = require('fs');
const real = console;
let failed = false;
const assert = (right, ...why) => {
    if (right) return;
    failed = true;
    writeSync(2, 'Assertion failed: ' + why.join(' ') + '\\n');
};
const fixed = value => ({ value, writable: false, configurable: false });
Object.defineProperty(real, 'assert', fixed(assert));
Object.defineProperty(globalThis, 'console', fixed(real));
Object.defineProperty(globalThis, 'end_{nonce}', fixed(seen => {
    if (seen === real && !failed) writeSync(2, '\\n{nonce}\\n');
}));
"""
_NODE = ("--max-old-space-size={memory}", "--stack-size=3900", "{work}/main.js")

_JAVA_END = """public class R1RewardEnd {
    public static void main(String[] args) throws Throwable {
        Main.main(args);
        System.out.flush();
        System.err.println("\\n{nonce}");
    }
}
"""
_JAVA = ("java", "-Xmx{memory}m", "-Xss64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
_JAVA_OPTIONS = ("-XX:-UsePerfData", "-cp", "{work}")
_JAVAC = ("javac", "-J-Xmx512m", "-J-XX:+UseSerialGC", "-J-XX:TieredStopAtLevel=1", "-J-XX:-UsePerfData")

LANGUAGES: Mapping[str, Language] = {
    entry.name: entry
    for entry in (
        Language(
            name="python",
            file=_named("main.py"),
            run=("python3", "-I", "-S", "{start}", "{work}/main.py"),
            call=("python3", "-I", "-S", "{work}/main.py"),
            image="python",
            ending=Ending(append="\n__import__('sys').stderr.write('\\n{nonce}\\n')\n"),
        ),
        Language(
            name="c",
            file=_named("main.c"),
            compile=("gcc", "-std=gnu17", "-O2", "-w", "-pipe", "-o", "main", "{file}", "-lm", "-pthread"),
            run=("{work}/main",),
            image="cpp",
            ending=Ending(prepend=_UNDEF, files={"r1_reward_end.c": _C_END}, compile=("r1_reward_end.c", *_WRAP)),
        ),
        Language(
            name="cpp",
            file=_named("main.cpp"),
            compile=("g++", "-std=c++17", "-O2", "-w", "-pipe", "-o", "main", "{file}", "-pthread"),
            run=("{work}/main",),
            image="cpp",
            ending=Ending(prepend=_UNDEF, files={"r1_reward_end.cpp": _C_END}, compile=("r1_reward_end.cpp", *_WRAP)),
        ),
        Language(
            name="javascript",
            file=_named("main.js"),
            run=("node", *_NODE),
            image="javascript",
            ending=Ending(
                append="\n;globalThis['end_{nonce}'](console);\n",
                files={"r1_reward_start.js": _JS_START},
                run=("node", "--require", "{work}/r1_reward_start.js", *_NODE),
            ),
        ),
        Language(
            name="java",
            file=lambda source: _java(source).file,
            main=lambda source: _java(source).main,
            compile=(*_JAVAC, "-nowarn", "-encoding", "UTF-8", "-d", ".", "{file}"),
            run=(*_JAVA, *_JAVA_OPTIONS, "{main}"),
            image="java",
            time_factor=1.5,
            ending=Ending(
                files={"R1RewardEnd.java": _JAVA_END},
                compile=("R1RewardEnd.java",),
                run=(*_JAVA, *_JAVA_OPTIONS, "R1RewardEnd"),
            ),
        ),
        Language(
            name="go",
            file=_named("main.go"),
            compile=("go", "build", "-o", "main", "{file}"),
            run=("{work}/main",),
            image="go",
        ),
        Language(
            name="rust",
            file=_named("main.rs"),
            compile=("rustc", "--edition=2021", "-O", "-A", "warnings", "-o", "main", "{file}"),
            run=("{work}/main",),
            image="rust",
        ),
        Language(
            name="bash",
            file=_named("main.sh"),
            run=("bash", "{work}/main.sh"),
            image="python",
            ending=Ending(append="\nr1_reward_status=$?; printf '\\n%s\\n' '{nonce}' >&2; exit $r1_reward_status\n"),
        ),
    )
}
"""The languages by name."""

ALIASES: Mapping[str, str] = {
    "py": "python",
    "py3": "python",
    "python3": "python",
    "cpython": "python",
    "pypy": "python",
    "pypy3": "python",
    "c++": "cpp",
    "c++17": "cpp",
    "c++14": "cpp",
    "c++11": "cpp",
    "c++20": "cpp",
    "cxx": "cpp",
    "cc": "cpp",
    "c99": "c",
    "c11": "c",
    "js": "javascript",
    "node": "javascript",
    "nodejs": "javascript",
    "mjs": "javascript",
    "golang": "go",
    "rs": "rust",
    "sh": "bash",
    "shell": "bash",
    "zsh": "bash",
}
"""What code fences and data sets call them besides."""
