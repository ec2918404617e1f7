"""The languages that submissions may be written in: how each is compiled and run, and in which image.

A table and nothing else. `{work}` in a command stands for the folder of the program, `{start}` for what comes before a
Python script (script.py), `{memory}` for a heap in MiB.
What is not promised: that a machine has the compiler; a backend without it fails, which is never the program's fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from . import golang
from .limits import Limits


class Ending(NamedTuple):
    """How test code appended to a program shows that it ran to its end, which an exit status of 0 does not show: it
    writes what it found on descriptor 3 to standard error, a word made for this run, which stands in no file."""

    prepend: str = ""
    """Added before the test code; where a program ends in the middle of a statement or of a comment, this ends it, so
    that it takes none of the test."""
    append: str = ""
    """Added after the test code."""
    files: Mapping[str, str] = {}
    """Files beside the program; `{main}` as in commands."""
    compile: Sequence[str] = ()
    """Added to the command that compiles."""
    run: Sequence[str] = ()
    """Takes the place of the command that runs."""
    join: Callable[[str, str], tuple[str, Mapping[str, str]]] | None = None
    """Puts program and test code together where they are files of their own; gives the program's and the others."""


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
    test_main: Callable[[str], str] | None = None
    """The same where test code is appended, whose `main` comes last."""
    call: Sequence[str] = ()
    """Python: the command before whose script the harness is put, to call functions."""
    image: str
    """Where its compiler and its runtime are."""
    compile: Sequence[str] | None = None
    """The command that compiles it; None where nothing is compiled. `{file}` is the file's name."""
    time_factor: float = 1.0
    """What a limit on time is multiplied by, since some runtimes take long to start."""
    memory_factor: float = 1.0
    """What a limit on memory is multiplied by, for runtimes whose heap needs room to move what it holds."""
    extra_mb: float = 0.0
    """Memory that a runtime needs for itself, MiB; added to a limit."""
    standards: Sequence[str] = ()
    """What `{std}` in `compile` stands for: the first that a program compiles with."""
    ending: Ending | None = None
    """How appended test code shows that it has ended; None: by its exit status alone."""

    def fill(self, argv: Sequence[str], source: str, limits: Limits, standard: str = "") -> list[str]:
        """A command of this table for a program; `{work}` and `{start}` are left to the sandbox."""
        memory = limits.memory_mb or 512
        named = {
            "{file}": self.file(source),
            "{main}": self.main(source) if self.main else "",
            "{memory}": str(max(16, int(memory))),
            "{heap}": str(max(16, int(memory * self.memory_factor))),
            "{std}": standard,
        }
        return [_NAMED.sub(lambda match: named[match[0]], word) for word in argv]

    def bounds(self, limits: Limits) -> Limits:
        """The limits that the sandbox holds a program of this language to."""
        memory = (limits.memory_mb or 0) * self.memory_factor + self.extra_mb
        return replace(limits, time_s=(limits.time_s or 0) * self.time_factor, memory_mb=memory)

    def tried_standards(self, named: str) -> Sequence[str]:
        """The standards to try, the one that a program's author named first.

        >>> LANGUAGES["cpp"].tried_standards("C++20 (GCC 13-64)")[0]
        'gnu++20'
        """
        if not self.standards:
            return ("",)
        kind = "++" if self.name == "cpp" else ""
        match = re.search(r"(?:c\+\+|cpp|cxx|gnu\+\+|gnu|c|std=)\s*([0-9][0-9a-z])(?![0-9])", named.lower())
        if match is None or match[1] not in _STANDARDS[self.name]:
            return self.standards
        chosen = f"gnu{kind}{match[1]}"
        return (chosen, *(each for each in self.standards if each != chosen))


_STANDARDS = {
    "c": ("89", "90", "99", "11", "17", "18", "23", "2x"),
    "cpp": "98 03 11 14 17 20 23 26 2a 2b 2c 1z".split(),
}
_NAMED = re.compile(r"\{(?:file|main|memory|heap|std)\}")

COMPILE_LIMITS = Limits(time_s=30, memory_mb=1024, processes=64, output_bytes=1 << 20, disk_mb=256, total_s=60)
"""What a compiler may use, whatever the program may; never more time than the whole submission has."""


def language(name: str) -> Language | None:
    """A language by its name, or by what a code fence or a data set calls it; None for any other.

    >>> [language(name).name for name in ("py", "C++", "GNU C++20 (64)", "PyPy 3-64", "Java 21", "cpp17")]
    ['python', 'cpp', 'cpp', 'python', 'java', 'cpp']
    >>> language("cobol"), language("Python 2"), language("C#")
    (None, None, None)
    """
    folded = name.strip().lower()
    known = LANGUAGES.get(ALIASES.get(folded, folded))
    if known is not None:
        return known
    # What contests call them: a name, then versions of it and of its compiler.
    words = _CONTEST_NAME.match(folded)
    if words is None or (words[1] in ("python", "pypy", "cpython") and (words[2] or "").startswith("2")):
        return None
    return LANGUAGES.get(ALIASES.get(words[1], words[1]))


_CONTEST_NAME = re.compile(
    r"(?:gnu |ms |microsoft visual |clang |gcc |g\+\+ |openjdk |oracle |lang[._-])?"
    r"(cpython|python|pypy|c\+\+|cpp|gnu\+\+|g\+\+|clang\+\+|c|java|javascript|node\.?js|node|js|go|golang|rust|bash)"
    r"[ _.-]?(\d[\w.+-]*)?(?:[ (].*)?$"
)


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


def _java(source: str, *, last: bool = False) -> _Java:
    """What the file has to be called (after its public class), and the class that the first or `last` `main` is in.

    >>> _java("package a.b; class Node {} // public class X\\npublic final class Answer {}")
    _Java(file='Answer.java', main='a.b.Answer')
    """
    plain = _JAVA_NOISE.sub(" ", source)
    public: list[str] = []
    first = main = name = ""
    open_: list[str] = []  # the class of each brace that is open
    for token in _JAVA_TOKEN.finditer(plain):
        if token["name"]:
            name = token["name"]
            if not open_:
                first = first or name
                public += [name] if token["public"] else []
        elif token["main"]:
            main = next(iter(open_), name) if last or not main else main
        elif token[0] == "{":
            open_.append(name)
        elif open_:
            open_.pop()
            name = open_[-1] if open_ else ""
    file = "Main" if "Main" in public else public[0] if public else main or "Main"
    package = _JAVA_PACKAGE.match(plain)
    return _Java(f"{file}.java", (f"{package[1]}." if package else "") + (main or file))


_C_END = """#include <assert.h>
#include <stdio.h>
#include <unistd.h>
static char secret[80];
__attribute__((constructor(101))) static void take_secret(void) {
    long size = read(3, secret, sizeof secret - 1);
    secret[size > 0 ? size : 0] = 0;
    close(3);
}
#ifdef __cplusplus
extern "C" {
#endif
int __real_main(int, char **);
int __wrap_main(int argc, char **argv) {
    int status = __real_main(argc, argv);
    fflush(stdout);
    fprintf(stderr, "\\n%s\\n", secret);
    fflush(stderr);
    return status;
}
#ifdef __cplusplus
}
#endif
"""
# The linker hands the start of the program to our main, which calls the real one: exit(0) never comes back to it. A
# program can rename the test's main, turn its asserts off or bring an assert of its own, unless that is undone.
# A backslash at the program's end takes the first line, a comment that it leaves open ends in the second.
_C_TEST = "\n/**/\n#undef main\n#undef NDEBUG\n#undef assert\n#include <assert.h>\n"
_WRAP = ("-include", "assert.h", "-Wl,--wrap=main")

# Runs the program as a script, whose end cannot be reached by a `return`; what shows the end stands in no file and in
# no global. The program can neither replace console.assert nor bring a console of its own unnoticed.
_JS_START = """'use strict';
const { readFileSync, readSync, closeSync, writeSync } = require('fs');
const Module = require('module');
const { runInThisContext } = require('vm');
const held = Buffer.alloc(80);
const secret = held.toString('latin1', 0, readSync(3, held));
closeSync(3);
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
const path = process.argv[2];
const program = new Module(path, null);
program.filename = path;
program.paths = [];
const load = Module.createRequire(path);
load.main = program;
Object.assign(globalThis, { require: load, module: program, exports: program.exports,
    __filename: path, __dirname: require('path').dirname(path) });
process.argv.splice(1, 1);
runInThisContext(readFileSync(path, 'utf8'), { filename: path });
if (!failed) writeSync(2, '\\n' + secret + '\\n');
"""
_NODE = ("--max-old-space-size={memory}", "--stack-size=3900")

_JAVA_END = """public class R1RewardEnd {
    public static void main(String[] args) throws Throwable {
        String secret;
        try (java.io.FileInputStream given = new java.io.FileInputStream("/proc/self/fd/3")) {
            byte[] held = new byte[80];
            secret = new String(held, 0, Math.max(0, given.read(held)));
        }
        {main}.main(args);
        System.out.flush();
        System.err.println("\\n" + secret);
    }
}
"""
_JAVA = ("java", "-Xmx{heap}m", "-Xss64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
_JAVA_OPTIONS = ("-XX:-UsePerfData", "-cp", "{work}")
_JAVAC = ("javac", "-J-Xmx512m", "-J-XX:+UseSerialGC", "-J-XX:TieredStopAtLevel=1", "-J-XX:-UsePerfData")

# Whole numbers of any length, as Python had them before 3.11 and as graders allow them.
_PYTHON = ("python3", "-I", "-S", "-X", "int_max_str_digits=0")

LANGUAGES: Mapping[str, Language] = {
    entry.name: entry
    for entry in (
        Language(
            name="python",
            file=_named("main.py"),
            run=(*_PYTHON, "{start}", "{work}/main.py"),
            call=(*_PYTHON, "{work}/main.py"),
            image="python",
            ending=Ending(
                prepend="pass\n",
                append="\n__import__('sys').stderr.write('\\n%s\\n' % __import__('os').read(3, 80).decode())\n",
            ),
        ),
        Language(
            name="c",
            file=_named("main.c"),
            standards=("gnu17", "gnu23", "gnu89"),
            compile=(
                "gcc",
                "-std={std}",
                "-O2",
                "-w",
                "-fpermissive",
                "-pipe",
                "-o",
                "main",
                "{file}",
                "-lm",
                "-pthread",
            ),
            run=("{work}/main",),
            image="cpp",
            ending=Ending(prepend=_C_TEST, files={"r1_reward_end.c": _C_END}, compile=("r1_reward_end.c", *_WRAP)),
        ),
        Language(
            name="cpp",
            file=_named("main.cpp"),
            standards=("gnu++23", "gnu++17", "gnu++11"),
            compile=("g++", "-std={std}", "-O2", "-w", "-pipe", "-o", "main", "{file}", "-pthread"),
            run=("{work}/main",),
            image="cpp",
            ending=Ending(prepend=_C_TEST, files={"r1_reward_end.cpp": _C_END}, compile=("r1_reward_end.cpp", *_WRAP)),
        ),
        Language(
            name="javascript",
            file=_named("main.js"),
            run=("node", *_NODE, "{work}/main.js"),
            image="javascript",
            extra_mb=128,
            ending=Ending(
                prepend="/**/;\n",
                files={"r1_reward_start.js": _JS_START},
                run=("node", *_NODE, "{work}/r1_reward_start.js", "{work}/main.js"),
            ),
        ),
        Language(
            name="java",
            file=lambda source: _java(source).file,
            main=lambda source: _java(source).main,
            test_main=lambda source: _java(source, last=True).main,
            compile=(*_JAVAC, "-nowarn", "-encoding", "UTF-8", "-d", ".", "{file}"),
            run=(*_JAVA, *_JAVA_OPTIONS, "{main}"),
            image="java",
            time_factor=2.0,
            extra_mb=256,
            memory_factor=1.5,
            ending=Ending(
                prepend="/**/\n",
                files={"R1RewardEnd.java": _JAVA_END},
                compile=("R1RewardEnd.java",),
                run=(*_JAVA, "-ea", *_JAVA_OPTIONS, "R1RewardEnd"),
            ),
        ),
        Language(
            name="go",
            file=_named("main.go"),
            compile=(*golang.BUILD, "{file}"),
            run=("{work}/main",),
            image="go",
            ending=Ending(join=golang.join, compile=(golang.TESTS, golang.END)),
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
            ending=Ending(
                prepend="\n:\n",
                append="\nr1_status=$?; { printf '\\n'; head -c 80 <&3; printf '\\n'; } >&2; exit $r1_status\n",
            ),
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
    "g++": "cpp",
    "gnu++": "cpp",
    "clang++": "cpp",
    "node.js": "javascript",
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
