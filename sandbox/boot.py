"""What a backend starts behind its isolation, and the modules that it is then sent.

An image needs nothing but python3 (3.9 or newer): modules travel over standard input. An interpreter that reads the
same compiled code as ours is sent that, without the paths of this machine in it; any other is sent the sources, and
takes a tenth of a second longer to compile them.
"""

from __future__ import annotations

import marshal
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.machinery import SourceFileLoader
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType

from .agent import script

BOOT = """
import _frozen_importlib_external, builtins, marshal, os, sys
def read(size):
    data = b""
    while len(data) < size:
        part = os.read(0, size - len(data))
        if not part: os._exit(0)
        data += part
    return data
def boot():
    os.write(1, _frozen_importlib_external.MAGIC_NUMBER)
    modules, config = marshal.loads(read(int.from_bytes(read(4), "big")))
    package = type(sys)("r1agent")
    package.__path__ = []
    sys.modules["r1agent"] = package
    for name, part in modules:
        module = type(sys)("r1agent." + name)
        module.__package__ = "r1agent"
        module.__builtins__ = dict(builtins.__dict__)
        sys.modules[module.__name__] = module
        setattr(package, name, module)
        code = marshal.loads(part) if isinstance(part, bytes) else compile(part, name + ".py", "exec")
        exec(code, module.__dict__)
    module.main(config, boot)
boot()
"""
"""What a backend starts: `python3 -I -S -c BOOT`. It writes which code it reads, is sent modules, runs the last one."""

MAGIC_BYTES = len(MAGIC_NUMBER)
"""How much an interpreter says of itself, before it is sent anything."""
HARNESS = ("codec", "script", "tests", "harness")
AGENT = ("linux", "seccomp", "landlock", *HARNESS, "meters", "jail", "watch", "calls", "serve")
SCRIPT = ("script",)
_MARSHAL = 2
"""A version of the format that every Python reads."""


def pack(modules: Sequence[str], config: Mapping[str, object], magic: bytes) -> bytes:
    """What `BOOT` reads where the interpreter has said `magic`: modules of agent/, and what the last is told."""
    data = marshal.dumps((_parts(modules, magic == MAGIC_NUMBER), dict(config)), _MARSHAL)
    return len(data).to_bytes(4, "big") + data


def starters(magic: bytes) -> dict[str, object]:
    """The compiled files that the agent puts before programs, or for another interpreter the parts to make them of."""
    return (
        dict(_ready()) if magic == MAGIC_NUMBER else {"harness": _parts(HARNESS, False), "start": _parts(SCRIPT, False)}
    )


@cache
def _ready() -> dict[str, bytes]:
    return {
        "harness": script.file(script.HARNESS, _parts(HARNESS, True), MAGIC_NUMBER),
        "start": script.file(script.START, _parts(SCRIPT, True), MAGIC_NUMBER),
    }


def _parts(modules: Sequence[str], compiled: bool) -> list[tuple[str, bytes | str]]:
    return [(name, _compiled(name) if compiled else _path(name).read_text(encoding="utf-8")) for name in modules]


@cache
def _compiled(name: str) -> bytes:
    code = SourceFileLoader(f"{__package__}.agent.{name}", str(_path(name))).get_code(f"{__package__}.agent.{name}")
    assert code is not None
    return marshal.dumps(_nameless(code, f"{name}.py"))


def _nameless(code: CodeType, name: str) -> CodeType:
    """The same without the path of its file: programs can read it, and where we are is none of their business."""
    inner = tuple(_nameless(each, name) if isinstance(each, CodeType) else each for each in code.co_consts)
    return code.replace(co_filename=name, co_consts=inner)


def _path(name: str) -> Path:
    return Path(__file__).with_name("agent") / f"{name}.py"
