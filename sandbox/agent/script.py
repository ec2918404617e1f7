"""A Python program as `python3 program.py` would find its world, at less cost; runs inside the isolation.

The module `site` takes as long to load as a short program to run, so interpreters are started without; what programs
need of it is done here. The built-in compile() first makes some hundred types for syntax trees, a third of what the
start of an interpreter costs in all, and exec() does not: so code is taken from exec() in the moment before it runs.
What exec() refuses goes to compile(), whose complaint names the right file.
"""

# No `from __future__` here: what exec() compiles would inherit it.
import _imp
import builtins
import marshal
import sys

TYPE_CHECKING = False  # typing takes longer to load than all else here
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, FrameType


START = """
import marshal, sys
_ = {{"__name__": "r1agent.script", "__builtins__": __builtins__}}
exec(marshal.loads({parts!r}[0][1]), _)
_ = _["begin"]()
__file__ = sys.argv[0]
del marshal, sys
exec(_)
"""
"""Runs the script that the command line names; all that it leaves behind is what a script would find."""


HARNESS = """
import builtins, marshal, sys
names = dict(builtins.__dict__)  # what a program does to builtins is its own affair
package = type(sys)("r1agent")
package.__path__ = []
sys.modules["r1agent"] = package
for name, code in {parts!r}:
    module = type(sys)("r1agent." + name)
    module.__package__ = "r1agent"
    module.__builtins__ = names
    sys.modules[module.__name__] = module
    exec(marshal.loads(code), module.__dict__)
for name in [name for name in sys.modules if name.startswith("r1agent")]:
    del sys.modules[name]
module.main()
"""
"""Runs the harness; a run neither compiles nor looks for anything."""
ZYGOTE = HARNESS.replace("module.main()", "module.serve()()")
"""Serves as an interpreter to be forked, which its forks leave behind: a program has nothing of it on the stack."""


def like_site() -> None:
    """What programs need of the module `site`: exit and quit, and the folders of installed packages."""
    for name in ("exit", "quit"):
        setattr(builtins, name, sys.exit)
    lib = f"/lib/python{sys.version_info.major}.{sys.version_info.minor}/"
    sys.path += [
        sys.prefix + lib + "site-packages",
        "/usr/local" + lib + "dist-packages",
        "/usr/lib/python3/dist-packages",
    ]


def code_of(source: "bytes | str", name: str) -> "CodeType":
    """The code of a module whose file is called `name`. Raises what compile() raises.

    >>> code_of("x = 1", "main.py").co_filename
    'main.py'
    """
    codes: list[CodeType] = []

    def caught(frame: "FrameType", _event: str, _argument: object) -> None:
        code = frame.f_code  # others come first where an encoding is looked for, or Python warns of the source
        if code.co_filename == "<string>" and code.co_name == "<module>" and frame.f_back is here:
            codes.append(code)
            raise StopIteration

    here = sys._getframe()
    before = sys.gettrace()
    sys.settrace(caught)
    try:
        exec(source, {})  # noqa: S102 - it does not get as far as running
    except BaseException:  # noqa: BLE001, S110 - ours, or reported below
        pass
    finally:
        sys.settrace(before)
    if not codes:
        return compile(source, name, "exec", dont_inherit=True)
    _imp._fix_co_filename(codes[0], name)  # type: ignore[attr-defined]  # what importlib does with cached code
    return codes[0]


def begin() -> "CodeType":
    """The code of the script that the command line names, in a world that is ready for it."""
    like_site()
    del sys.argv[0]
    with open(sys.argv[0], "rb") as file:
        return code_of(file.read(), sys.argv[0])


def file(starter: str, parts: "Sequence[tuple[str, bytes | str]]", magic: bytes) -> bytes:
    """A compiled file, for the interpreter of this magic number, which must be our own, out of a text and modules."""
    made = [
        (name, marshal.dumps(compile(part, f"{name}.py", "exec")) if isinstance(part, str) else part)
        for name, part in parts
    ]
    return bytes(magic + bytes(12) + marshal.dumps(compile(starter.format(parts=made), "start", "exec")))
