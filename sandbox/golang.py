"""Go programs with tests for Go's package `testing`, or with a `main` that tests: put together so that both compile.

The program, the tests and our own `main` are files of one package. A program that is only functions gets the imports
that it uses; one that is a whole file keeps its own, as does its package clause but for the name. Whatever of `testing`
or `fmt` the tests use counts as used by the program, too: data sets keep both in one file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

TESTS, END = "r1_reward_tests.go", "r1_reward_end.go"
CACHE = "/usr/lib/r1-reward-go"
"""In our trees: what the compiler made of the standard library and of testify, which would take it half a minute."""
_BUILD = (
    f"[ -d {CACHE} ] && export GOCACHE={CACHE}; export GO111MODULE=off GOTOOLCHAIN=local GOPATH=/usr/share/gocode "
    'CGO_ENABLED=0; exec go build -ldflags="-s -w" -o main "$@"'
)
BUILD = ("sh", "-c", _BUILD, "go")
"""The command that compiles; the names of the files come last."""

_USED = {
    "fmt": "Sprint",
    "testing": "Main",
    "math": "Pi",
    "sort": "Ints",
    "strings": "ToUpper",
    "strconv": "Itoa",
    "errors": "New",
    "unicode": "IsLetter",
    "bytes": "Equal",
    "regexp": "MustCompile",
    "reflect": "DeepEqual",
    "time": "Now",
    "os": "Exit",
    "bufio": "NewReader",
    "slices": "Contains[[]int]",
    "math/big": "NewInt",
    "math/rand": "Int",
    "math/bits": "Len",
    "container/heap": "Init",
    "container/list": "New",
    "unicode/utf8": "RuneLen",
    "crypto/md5": "New",
    "encoding/hex": "EncodeToString",
    "encoding/json": "Marshal",
    "sync": "NewCond",
}
"""Packages that a program without imports may mean, and something of each, by which an import is never unused."""
SAMPLE = "\n".join(
    [
        "package main",
        *(f'import "{path}"' for path in (*_USED, "github.com/stretchr/testify/assert")),
        *(f"var _ = {path.rpartition('/')[2]}.{name}" for path, name in _USED.items()),
        "var _ = assert.New",
        "func main() {}\n",
    ]
)
"""A program that imports all of these, by which a cache of compiled packages is filled."""
_NOISE = re.compile(
    r"//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?" + r'|"(?:[^"\\\n]|\\.)*+"|' + r"'(?:[^'\\\n]|\\.)++'|`[^`]*+`?"
)
_SPACE = r"(?:\s++|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)*+"
_PACKAGE = re.compile(_SPACE + r"package\s++\w++[ \t]*+;?")
_IMPORT = re.compile(_SPACE + r"import\s*+(\([^)]*+\)|(?:[\w.]++\s++)?\"[^\"\n]*+\")[ \t]*+;?")
_IMPORTED = re.compile(r"(?:([\w.]++)[ \t]++)?\"([^\"\n]++)\"")
_SELECTED = re.compile(r"(?<![\w.\"])([a-z]\w*+)\.[A-Z]")
_MAIN = re.compile(r"^func[ \t]++main[ \t]*+\([ \t]*+\)", re.MULTILINE)
_TEST = re.compile(r"^func[ \t]++(Test\w*+)[ \t]*+\([ \t]*+\w++[ \t]++\*testing\.T[ \t]*+\)", re.MULTILINE)

_MISSING = re.compile(rf"{re.escape(TESTS)}:\d+:\d+: (?:cannot find package \"([^\"\n]+)\"|package (\S+) is not in)")

_END = """package main

import (
	r1os "os"
	r1atomic "sync/atomic"
	r1testing "testing"
)

func main() {
	held := make([]byte, 80)
	file := r1os.NewFile(3, "held")
	size, _ := file.Read(held)
	file.Close()
	var ended int32
	tests := []r1testing.InternalTest{tests}
	each := func(t *r1testing.T) {
		for _, test := range tests {
			f := test.F
			t.Run(test.Name, func(t *r1testing.T) {
				f(t)
				r1atomic.AddInt32(&ended, 1)
			})
		}
	}
	all := func(t *r1testing.T) {
		if t.Run("tests", each) && int(ended) == len(tests) {
			r1os.Stderr.WriteString("\\n" + string(held[:size]) + "\\n")
		}
	}
	any := func(_, _ string) (bool, error) { return true, nil }
	r1testing.Main(any, []r1testing.InternalTest{{Name: "all", F: all}}, nil, nil)
}
"""
_END_OF_MAIN = """package main

import r1os "os"

func main() {
	held := make([]byte, 80)
	file := r1os.NewFile(3, "held")
	size, _ := file.Read(held)
	file.Close()
	{main}()
	r1os.Stderr.WriteString("\\n" + string(held[:size]) + "\\n")
}
"""


def join(source: str, code: str) -> tuple[str, Mapping[str, str]]:
    r"""The program's file, and the others, by name, for tests that are in `code`.

    >>> source, files = join("func Two() int { return 2 }", "func TestTwo(t *testing.T) {}")
    >>> source.split("\n")[0], sorted(files)
    ('package main', ['r1_reward_end.go', 'r1_reward_tests.go'])
    """
    whole, imports, body = _parts(source)
    _, of_tests, tests = _parts(code)
    selected = set(_SELECTED.findall(_NOISE.sub(" ", tests)))
    names = _TEST.findall(_NOISE.sub(" ", tests))
    if whole:
        # What the tests use of these is used: in their data set both are in one file.
        added, guarded = [], [(path, name) for path, name in _imported(imports) if path in ("fmt", "testing")]
        guarded = [(path, name) for path, name in guarded if name in selected]
    else:
        have = {name for _, name in _imported(imports)}
        used = set(_SELECTED.findall(_NOISE.sub(" ", body))) - have
        added = guarded = [(path, _last(path)) for path in _USED if _last(path) in used]
    program = f"package main\n{imports}\n{_lines(added, guarded)}{_MAIN.sub('func r1RewardProgramMain()', body)}\n"
    have = {name for _, name in _imported(of_tests)}
    added = [(path, _last(path)) for path in _USED if _last(path) in selected - have]
    if "assert" in selected - have:
        added.append(("github.com/stretchr/testify/assert", "assert"))
    guarded = [(path, name) for path, name in added if path in _USED]
    test_file = f"package main\n{of_tests}\n{_lines(added, guarded)}{_MAIN.sub('func r1RewardMain()', tests)}\n"
    listed = ", ".join(f'{{Name: "{name}", F: {name}}}' for name in names)
    main = "r1RewardMain" if _MAIN.search(tests) else "r1RewardProgramMain"
    end = _END.replace("{tests}", f"{{{listed}}}") if names else _END_OF_MAIN.replace("{main}", main)
    return program, {TESTS: test_file, END: end}


def missing_package(complaint: str, code: str) -> str:
    """The package that test code imports and the compiler has not got; a program that imports another is at fault.

    >>> missing_package('r1_reward_tests.go:4:2: cannot find package "a.b/c" in any of:', 'import "a.b/c"')
    'a.b/c'
    """
    missing = _MISSING.search(complaint)
    path = (missing[1] or missing[2]) if missing else ""
    return path if f'"{path}"' in code else ""


def _parts(text: str) -> tuple[bool, str, str]:
    """Whether there is a package clause; the imports; the rest."""
    clause = _PACKAGE.match(text)
    place = start = clause.end() if clause else 0
    while (imported := _IMPORT.match(text, place)) is not None:
        place = imported.end()
    return clause is not None, text[start:place], text[place:]


def _imported(imports: str) -> Iterable[tuple[str, str]]:
    """The paths of imports, each with the name that it has in the file."""
    for alias, path in _IMPORTED.findall(re.sub(r"//[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/", " ", imports)):
        yield path, alias or _last(path)


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _lines(added: Iterable[tuple[str, str]], guarded: Iterable[tuple[str, str]]) -> str:
    lines = [f'import "{path}"' for path, _ in added]
    return "\n".join([*lines, *(f"var _ = {name}.{_USED[path]}" for path, name in guarded), ""])
