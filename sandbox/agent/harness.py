"""Runs inside the process of a Python program: loads it, then does what a test asks of it.

It gets its orders over a control socket (descriptor 3) in two parts: the request before the program is loaded, and
after that the nonce and the descriptor on which to answer. Arguments are evaluated before the program runs. The answer
is the nonce and a plain value (codec.py); that it came is what counts, not how the process ends. Everything here shares
a process with the program, which can therefore send any answer it likes; so an answer only ever says what a call
returned, and is compared where the program cannot reach. For a separate test the tables are turned: the
test runs in a process without the program, and the program's process only answers calls.

The program is loaded under the name `program`, not `__main__`, so a block guarded by `if __name__ == "__main__"` does
not run: a function test wants functions. Arguments of a test that the program changes in place are sent back where
they are lists, dictionaries or sets; an iterator stays in the program's process and is asked for one value after the
other. Not covered: other objects that are no plain values cannot cross, nor can identity.
"""

from __future__ import annotations

import _socket  # what socket imports, found sooner
import builtins
import os
import sys

from . import tests
from .codec import CodecError, decode, encode
from .script import code_of, like_site

TYPE_CHECKING = False  # typing takes longer to load than all else here
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any, NoReturn

CONTROL = 3
"""The control socket's descriptor."""
PROGRAM_MODULES = ("solution", "main", "program", "your_module", "submission")
"""What tests import the program as."""
TEXT = 2000
"""The longest text about a failure."""

_read, _write = os.read, os.write


def _frame(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _receive(descriptor: int) -> bytes:
    """One length and so many bytes; EOFError where the other side is gone."""

    def exactly(size: int) -> bytes:
        parts = []
        while size:
            part = _read(descriptor, min(size, 1 << 20))
            if not part:
                raise EOFError("the other side is gone")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    return exactly(int.from_bytes(exactly(4), "big"))


def _send(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[_write(descriptor, view) :]


def _described(error: BaseException) -> tuple[str, str]:
    """The type's name and a short text, of an exception that the program may have made to do harm.

    Python's own traceback module takes longer to load than most programs to run.
    """
    name = type(error).__name__
    lines = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        lines.append(f'  File "{code.co_filename}", line {step.tb_lineno}, in {code.co_name}\n')
        step = step.tb_next
    try:
        said = str.__str__(str(error))[:TEXT]
    except BaseException:  # noqa: BLE001 - its own __str__ is the program's
        said = "(an exception that cannot be shown)"
    if isinstance(error, SyntaxError):
        said = f"{said}: {str(error.text).strip()[:200]}"
    text = "".join(["Traceback (most recent call last):\n", *lines[-4:], f"{name}: {said}\n"])
    return str.__str__(name)[:100], text[-TEXT:]


_AUTO_IMPORTS = {
    "typing": "Any Callable DefaultDict Deque Dict Generator Iterable Iterator List Optional Sequence Set Tuple Union",
    "collections": "Counter OrderedDict defaultdict deque namedtuple",
    "heapq": "heapify heappop heappush heappushpop heapreplace nlargest nsmallest",
    "bisect": "bisect_left bisect_right insort insort_left insort_right",
    "functools": "cache cmp_to_key lru_cache partial reduce",
    "itertools": "accumulate chain combinations count cycle groupby pairwise permutations product zip_longest",
    "math": "ceil comb factorial floor gcd inf isqrt lcm log log2 pi sqrt",
    "string": "ascii_lowercase ascii_uppercase digits",
    "": "bisect collections copy datetime functools heapq itertools math operator random re string sys typing",
}


def _auto_imports(code: CodeType) -> None:
    """Add to the builtins what of the usual names the program has use for."""
    todo: list[object] = [code]
    used: set[str] = set()
    while todo:
        inner = todo.pop()
        if isinstance(inner, type(code)):
            used.update(inner.co_names)
            todo += inner.co_consts
    for module, names in _AUTO_IMPORTS.items():
        for name in names.split():
            if name in used and not hasattr(builtins, name):
                imported = __import__(module or name)
                setattr(builtins, name, getattr(imported, name) if module else imported)


def _load(script: str, *, auto_imports: bool = False) -> dict[str, object]:
    """Run the program as a module of its own."""
    like_site()
    module = type(sys)("program")
    names = module.__dict__
    names.update(__file__=script, __builtins__=builtins)
    sys.modules["program"] = sys.modules["__main__"] = module
    sys.argv[:] = [script]
    with open(script, "rb") as file:
        source = file.read()
    code = code_of(source, script)
    if auto_imports:
        _auto_imports(code)
    exec(code, names)  # noqa: S102 - what it is for
    return names


def _loaded(control: _socket.socket, word: bytes = b"L") -> tuple[bytes, list[int]]:
    """Tell that the program has been loaded; gives the nonce and the descriptors to use from now on."""
    control.send(word)
    nonce, ancillary, _, _ = control.recvmsg(16, _socket.CMSG_SPACE(8))
    descriptors = [
        int.from_bytes(data[i : i + 4], sys.byteorder) for _, _, data in ancillary for i in range(0, len(data), 4)
    ]
    return nonce, descriptors


def _calls(request: tuple[str, bool], script: str, control: _socket.socket, flush: object) -> None:
    """Load the program once, then do each call in a fork of this process, and the last in this process itself."""
    names = _load(script, auto_imports=request[1])
    alone = not _can_be_forked()
    nonce, (result,) = _loaded(control, b"T" if alone else b"L")
    modules = sys.modules
    while True:
        try:
            asked: tuple[str, str, str] = decode(_receive(CONTROL))  # type: ignore[assignment]  # from our own agent
        except EOFError:
            return
        kind, entry, source = asked
        if alone or kind == "last":
            _call(entry, source, names, nonce, result, flush)
            control.send(b"E" + bytes(4))
            return
        seeded = modules["random"].getstate() if "random" in modules else None  # a fork would seed it anew
        child = os.fork()
        if not child:
            try:
                control.close()
                if seeded is not None:
                    modules["random"].setstate(seeded)
                _call(entry, source, names, nonce, result, flush)
            finally:
                os._exit(0)
        status = os.waitpid(child, 0)[1]
        control.send(b"E" + status.to_bytes(4, "big"))


def _can_be_forked() -> bool:
    """Whether forks of this process would each find what one that loads the program anew finds.

    A fork is without the threads that run here, and shares what reaches from one to the next: open files, children,
    shared memory.
    """
    known = {0, 1, 2, CONTROL}
    try:
        if len(os.listdir("/proc/self/task")) > 1 or {int(each) for each in os.listdir("/proc/self/fd")[:-1]} - known:
            return False
        with open("/proc/self/maps", "rb") as file:
            if any(b"rw-s" in line for line in file):
                return False
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return True
    except OSError:
        pass
    return False


def _call(entry: str, source: str, names: dict[str, object], nonce: bytes, result: int, flush: object) -> None:
    answer: tuple[object, ...]
    try:
        try:
            arguments = eval(source, {"__builtins__": builtins})  # noqa: S307
        except Exception as error:  # noqa: BLE001 - unless the program's own names make sense of it
            try:
                arguments = eval(source, names)  # noqa: S307
            except Exception:  # noqa: BLE001 - the first reason is the one to report
                return _answer(result, nonce, ("arguments", f"{type(error).__name__}: {error}"), flush)
        if type(arguments) is not tuple:
            return _answer(result, nonce, ("arguments", "not a tuple"), flush)
        try:
            function = eval(entry, names)  # noqa: S307 - a dotted name out of the test
        except BaseException as error:  # noqa: BLE001 - the program's own
            return _answer(result, nonce, ("entry", *_described(error)), flush)
        answer = ("value", function(*arguments))
    except BaseException as error:  # noqa: BLE001 - whatever the program raises is what is to be reported
        answer = ("raised", *_described(error))
    return _answer(result, nonce, answer, flush)


def _answer(result: int, nonce: bytes, answer: tuple[object, ...], flush: object) -> None:
    try:
        data = encode(answer)
    except CodecError as error:
        data = encode(("unplain", str(error)[:TEXT], _true(answer[1])))
    try:
        flush()  # type: ignore[operator]  # the standard output that was there before the program
    except BaseException:  # noqa: BLE001, S110 - what was printed is not what is asked
        pass
    _send(result, nonce + _frame(data))


def _true(value: object) -> bool:
    try:
        return bool(value)
    except BaseException:  # noqa: BLE001 - the program's own
        return False


def _test(request: tuple[str, str, str], script: str, control: _socket.socket, flush: object) -> None:
    """Run test code in the program's own process."""
    names = _load(script)
    nonce, (result,) = _loaded(control)
    answer: tuple[object, ...] = ("passed",)
    _, code, runner = request
    for name in PROGRAM_MODULES:
        sys.modules.setdefault(name, sys.modules["program"])
    names["__name__"] = "__main__"  # what a test keeps for its start as a script is run
    try:
        answer = tests.run(code, runner, names) or answer
    except BaseException as error:  # noqa: BLE001 - a test that does not get to its end has failed
        answer = ("raised", *_described(error))
    _answer(result, nonce, answer, flush)


def _serve(script: str, control: _socket.socket) -> None:
    """Answer calls from a test that runs elsewhere."""
    names = _load(script)
    _, (link,) = _loaded(control)
    iterators: list[Any] = []
    while True:
        try:
            asked: tuple[str, tuple[object, ...], dict[str, object]] = decode(_receive(link), rich=True)  # type: ignore[assignment]
        except EOFError:
            return
        name, arguments, keywords = asked  # our own test asks, so it has this shape
        if not name:
            _send(link, _frame(_next(iterators[arguments[0]])))  # type: ignore[call-overload]  # a number, then
            continue
        before = [encode(a, rich=True) if type(a) in (list, dict, set) else b"" for a in arguments]
        try:
            value = names[name](*arguments, **keywords)  # type: ignore[operator]  # a function, or it raises
            changed = {i: a for i, a in enumerate(arguments) if before[i] and encode(a, rich=True) != before[i]}
            if hasattr(type(value), "__next__"):
                iterators.append(value)
                answer = encode(("iterator", len(iterators) - 1, changed))
            else:
                answer = encode(("value", value, changed), rich=True)
        except CodecError as error:
            answer = encode(("unplain", str(error)[:TEXT]))
        except BaseException as error:  # noqa: BLE001 - reported to the test, which may expect it
            answer = encode(("raised", *_described(error), _arguments(error)), rich=True)
        _send(link, _frame(answer))


def _next(iterator: Any) -> bytes:
    """The next value of an iterator that the program returned."""
    try:
        return encode(("value", next(iterator), {}), rich=True)
    except StopIteration:
        return encode(("end",))
    except CodecError as error:
        return encode(("unplain", str(error)[:TEXT]))
    except BaseException as error:  # noqa: BLE001 - as for a call
        return encode(("raised", *_described(error), _arguments(error)), rich=True)


def _arguments(error: BaseException) -> object:
    """What an exception was made with, where that is known."""
    try:
        arguments = BaseException.__dict__["args"].__get__(error)
        return arguments if len(encode(arguments, rich=True)) < TEXT else None
    except BaseException:  # noqa: BLE001 - the program's own
        return None


class ProgramError(Exception):
    """The program raised something that Python itself has no name for."""


class _NotPlainAnswer(BaseException):
    """The test cannot go on: something was no plain value."""


class _UnfitError(BaseException):
    """The test cannot run outside the program: it hands the program what no message can carry."""


class _Iterator:
    """Stands in the test for an iterator of the program, and asks for one value after the other."""

    def __init__(self, more: Callable[[], object]) -> None:
        self._more = more

    def __iter__(self) -> _Iterator:
        return self

    def __next__(self) -> object:
        return self._more()


def _separate_test(request: tuple[str, str, str, list[str]], control: _socket.socket) -> None:
    """Run test code against a program that lives in another process."""
    _, code, runner, entries = request
    nonce, (result, link) = _loaded(control)
    called = False

    def ask(name: str, arguments: tuple[object, ...], keywords: dict[str, object]) -> object:
        nonlocal called
        called = True
        try:
            asked = encode((name, arguments, keywords), exact=True, rich=True)
        except CodecError as error:
            raise _UnfitError(f"{name} is given {error}") from None
        try:
            _send(link, _frame(asked))
            answer = decode(_receive(link), rich=True)
        except CodecError as error:
            raise _NotPlainAnswer(f"{name}: {error}") from None
        except (EOFError, OSError):
            raise ProgramError(f"the program ended while {name} was called") from None
        match answer:
            case (("value" | "iterator") as kind, value, dict(changed)):
                for index, new in changed.items():
                    old: Any = arguments[index]  # Any: a list, a dictionary or a set, or this raises
                    if type(old) is not type(new):
                        continue
                    if type(old) is list:
                        old[:] = new
                    else:
                        old.clear()
                        old.update(new)
                return value if kind == "value" else _Iterator(lambda: ask("", (value,), {}))
            case ("end",) if not name:
                raise StopIteration
            case ("raised", str(kind), str(text), made_with):
                exception = getattr(builtins, kind, None)
                # StopIteration would end a loop of the test before it has looked at everything.
                ends = (StopIteration, StopAsyncIteration)
                if isinstance(exception, type) and issubclass(exception, Exception) and not issubclass(exception, ends):
                    try:
                        raised: Exception = exception(*made_with) if isinstance(made_with, tuple) else exception(text)
                    except TypeError:  # such as UnicodeDecodeError, which wants more
                        raised = ProgramError(text)
                    raise raised
                raise ProgramError(f"{kind}: {text}")
            case ("unplain", str(text)):
                raise _NotPlainAnswer(f"{name} gave {text}")
        raise _NotPlainAnswer(f"{name}: no answer of this protocol")

    def stand_in(name: str) -> object:
        def stands_in(*arguments: object, **keywords: object) -> object:
            return ask(name, arguments, keywords)

        stands_in.__name__ = stands_in.__qualname__ = name
        return stands_in

    like_site()
    names: dict[str, object] = {"__name__": "__main__", "__builtins__": builtins}
    standing_in = {name: stand_in(name) for name in entries}
    names.update(standing_in)
    names.update(__r1_same__=_plainly_equal, __r1_copy__=_copied)
    for module_name in PROGRAM_MODULES:
        module = type(sys)(module_name)
        module.__dict__.update(standing_in)
        sys.modules[module_name] = module
    answer: tuple[object, ...] = ("passed",)
    try:
        answer = tests.run(code, runner, names) or answer
        if answer == ("passed",) and not called:
            answer = ("nothing", "the test never called the program")
    except _UnfitError as error:
        answer = ("unfit", str(error)[:TEXT])
    except _NotPlainAnswer as error:
        answer = ("unplain", str(error)[:TEXT])
    except BaseException as error:  # noqa: BLE001 - a test that does not get to its end has failed
        answer = ("raised", *_described(error))
    _answer(result, nonce, answer, lambda: None)


def _plainly_equal(one: object, other: object) -> bool:
    """Equal, where neither side brings an opinion of its own: test code that runs what the program wrote asks this."""
    try:
        encode(one, exact=True)
        encode(other, exact=True)
    except CodecError:
        return False
    return one == other


def _copied(value: Any) -> Any:
    """A copy for the program to change, where the test looks at the value once more."""
    try:
        return decode(encode(value, exact=True))
    except CodecError:
        return value


def run(script: str) -> None:
    """Do what the control socket says."""
    control = _socket.socket(fileno=CONTROL)
    os.set_inheritable(CONTROL, False)
    request: tuple[str, str, str, bool] = decode(_receive(CONTROL))  # type: ignore[assignment]  # from our own agent
    flush = sys.stdout.flush
    if request[0] == "calls":
        _calls(request, script, control, flush)  # type: ignore[arg-type]  # a pair, then
    elif request[0] == "test":
        _test(request, script, control, flush)  # type: ignore[arg-type]  # a pair, then
    elif request[0] == "serve":
        _serve(script, control)
    else:
        _separate_test(request, control)  # type: ignore[arg-type]


def run_script(argv: list[str]) -> NoReturn:
    """Run a script as `python3 script` would, in an interpreter that has been forked."""
    status = 0
    like_site()
    module = type(sys)("__main__")
    module.__dict__.update(__file__=argv[0], __builtins__=builtins)
    sys.modules["__main__"] = module
    sys.argv[:] = argv
    try:
        with open(argv[0], "rb") as file:
            source = file.read()
        exec(code_of(source, argv[0]), module.__dict__)  # noqa: S102 - what it is for
    except SystemExit as error:
        status = _status(error)
    except BaseException as error:  # noqa: BLE001 - as the interpreter does
        sys.excepthook(type(error), error, error.__traceback__)
        status = 1
    if "threading" in sys.modules:
        sys.modules["threading"]._shutdown()
    import atexit

    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # closed, by the program or at the other end
            status = status or 120
    os._exit(status)


def _status(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    sys.stderr.write(f"{error.code}\n")
    return 1


def main() -> NoReturn:
    """Run the script that the command line names."""
    try:
        run(sys.argv[1])
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - the program did not load
        sys.stderr.write(_described(error)[1])
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)
