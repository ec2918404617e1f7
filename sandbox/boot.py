"""What a backend starts behind its isolation, and the modules that it is then sent.

An image needs nothing but python3 (3.10 or newer): modules travel over standard input. An interpreter that reads the
same compiled code as ours is sent that, without the paths of this machine in it; any other is sent the sources, takes a
few tenths of a second longer to compile them, in a process whose memory ends with it, and sends back what it made, so
that the next of its kind is sent that, from another process of this user, too.
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import os
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.machinery import SourceFileLoader
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType

from .agent import script
from .images.tree import folder

BOOT = """
import _frozen_importlib_external, builtins, marshal, os, sys
def read(size, fd=0):
    data = b""
    while len(data) < size:
        part = os.read(fd, size - len(data))
        if not part: os._exit(0)
        data += part
    return data
def compiled(modules):
    made, out = os.pipe()
    child = os.fork()
    if not child:
        parts = [(n, marshal.dumps(compile(p, n + ".py", "exec")) if isinstance(p, str) else p) for n, p in modules]
        with open(out, "wb") as file:
            data = marshal.dumps(parts)
            file.write(len(data).to_bytes(4, "big") + data)
        os._exit(0)
    os.close(out)
    parts = marshal.loads(read(int.from_bytes(read(4, made), "big"), made))
    os.close(made)
    os.waitpid(child, 0)
    return parts
def boot():
    os.write(1, _frozen_importlib_external.MAGIC_NUMBER)
    modules, config = marshal.loads(read(int.from_bytes(read(4), "big")))
    package = type(sys)("r1agent")
    package.__path__ = []
    sys.modules["r1agent"] = package
    package.fresh = isinstance(modules[0][1], str)
    if package.fresh: modules = compiled(modules)
    package.parts = modules
    for name, part in modules:
        module = type(sys)("r1agent." + name)
        module.__package__ = "r1agent"
        module.__builtins__ = dict(builtins.__dict__)
        sys.modules[module.__name__] = module
        setattr(package, name, module)
        exec(marshal.loads(part), module.__dict__)
    module.main(config, boot)
boot()
"""
"""What a backend starts: `python3 -I -S -c BOOT`. It writes which code it reads, is sent modules, runs the last one."""

MAGIC_BYTES = len(MAGIC_NUMBER)
"""How much an interpreter says of itself, before it is sent anything."""
HARNESS = ("rich", "codec", "script", "tests", "harness")
ZYGOTE = ("linux", "seccomp", "landlock", "meters", "child", *HARNESS, "zygote")
AGENT = (*ZYGOTE, "jail", "watch", "calls", "serve")
SCRIPT = ("script",)
_MARSHAL = 2
"""A version of the format that every Python reads."""


_made: dict[bytes, tuple[dict[str, bytes], dict[str, bytes]]] = {}
"""By the magic number of an interpreter that is not ours: what it made of the modules, and of the starters."""


def pack(modules: Sequence[str], config: Mapping[str, object], magic: bytes) -> bytes:
    """What `BOOT` reads where the interpreter has said `magic`: modules of agent/, and the arguments of the last."""
    parts: list[tuple[str, bytes | str]] = []
    _recall(magic)
    if magic != MAGIC_NUMBER and magic in _made and all(name in _made[magic][0] for name in modules):
        parts += [(name, _made[magic][0][name]) for name in modules]
    else:
        parts = _parts(modules, magic == MAGIC_NUMBER)
    data = marshal.dumps((parts, dict(config)), _MARSHAL)
    return len(data).to_bytes(4, "big") + data


def starters(magic: bytes) -> dict[str, object]:
    """The compiled files that the agent puts before programs; names of modules where it has to make them itself."""
    if magic == MAGIC_NUMBER:
        return dict(_ready())
    _recall(magic)
    if magic in _made:
        return dict(_made[magic][1])
    return {"harness": HARNESS, "start": SCRIPT, "zygote": ZYGOTE}


def _kept(magic: bytes) -> Path:
    """Where other processes of this user find what one has learnt; named by all that went into it."""
    sources = hashlib.sha256(magic)
    for name in AGENT:
        sources.update(_path(name).read_bytes())
    return folder() / f"agent-{sources.hexdigest()[:24]}"


def _recall(magic: bytes) -> None:
    if magic != MAGIC_NUMBER and magic not in _made:
        try:
            modules, made = marshal.loads(_kept(magic).read_bytes())  # noqa: S302 - a file of this user's own
            _made[magic] = dict(modules), dict(made)
        except (OSError, ValueError, EOFError, TypeError, RuntimeError):
            pass


def learn(magic: bytes, data: bytes) -> None:
    """Remember what an agent has compiled, for the next in the same kind of interpreter. It is the agent's word, from
    before any program ran there."""
    if data and magic != MAGIC_NUMBER:
        modules, made = marshal.loads(data)  # noqa: S302 - see above
        _made[magic] = dict(modules), dict(made)
        place = _kept(magic)
        with contextlib.suppress(OSError):  # no tree, or a folder that is not ours to write to: no matter
            if place.parent.is_dir():
                fresh = place.with_name(f".{place.name}-{os.getpid()}")
                fresh.write_bytes(data)
                fresh.replace(place)


@cache
def _ready() -> dict[str, bytes]:
    return {
        "harness": script.file(script.HARNESS, _parts(HARNESS, True), MAGIC_NUMBER),
        "start": script.file(script.START, _parts(SCRIPT, True), MAGIC_NUMBER),
        "zygote": script.file(script.ZYGOTE, _parts(ZYGOTE, True), MAGIC_NUMBER),
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
