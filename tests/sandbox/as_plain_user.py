"""Tries the programs of traps.py and every probe as the user that runs it.

Prints a line for each that did not end as it should.
"""

from __future__ import annotations

import os
import runpy
import sys


def main(source_root: str, traps: str) -> None:
    """Try them all; `source_root` is where the package is."""
    sys.path.insert(0, source_root)
    from r1_reward.sandbox.answer import ask_call, ask_calls, ask_test, read_answer
    from r1_reward.sandbox.backends.local import LocalBackend
    from r1_reward.sandbox.conformance import check
    from r1_reward.sandbox.limits import DEFAULT_LIMITS, Limits
    from r1_reward.sandbox.session import AgentSession, Command

    table = runpy.run_path(traps)
    base = Limits(time_s=1, memory_mb=192, processes=24, output_bytes=1 << 16, disk_mb=32).over(DEFAULT_LIMITS)
    python = ("python3", "-I", "-S", "{work}/main.py")
    os.environ["R1_CANARY"] = "CANARY"
    backend = LocalBackend()
    session = AgentSession(backend.open("python"), backend.settings)
    tried = 0
    if session.mode != "pidns" or os.geteuid() == 0:
        print("not a plain user:", session.mode)

    def honest(after: str) -> None:
        session.load({"main.py": b"import os\nprint(input(), os.listdir('.'), os.listdir('/tmp'))"}, None)
        ran = session.run(Command(argv=python, limits=base, stdin=b"6\n"))
        if ran.stdout != b"6 [] []\n":
            print("after", after, ran)

    for name, (source, ways) in table["TRAPS"].items():
        session.load({"main.py": source.encode()}, None)
        limits = Limits(time_s=0.4 if "time" in ways else 20).over(base)
        ran = session.run(Command(argv=python, limits=limits))
        if (
            ran.ended not in ways
            or not ran.clean
            or b"late" in ran.stdout
            or (name == "leaves daemons" and not ran.stray)
        ):
            print(name, ran)
        honest(name)
        tried += 1
    for name, source in table["QUIET"].items():
        session.load({"main.py": source.encode()}, None)
        ran = session.run(Command(argv=python, limits=base))
        if (ran.ended, ran.status, ran.stdout, ran.stderr) != ("exit", 0, b"", b""):
            print(name, ran)
        honest(name)
        tried += 1
    session.load({"main.py": b"def add(a, b): return a + b"}, None)
    for fork in (False, True):
        asked = Command(argv=python, limits=base, call=ask_calls(), calls=[ask_call("add", "(2, 3)")], fork=fork)
        (ran,) = session.run_calls(asked)
        call, test = ask_test("assert add(2, 3) == 5", ["add"])
        examined = session.run(Command(argv=python, limits=base, call=call, test=test, fork=fork))
        if read_answer(ran.value or b"").value != 5 or read_answer(examined.value or b"").kind != "passed":
            print("call", ran, examined)
    session.close()
    for finding in check(backend):
        # Without control groups nothing counts what sockets hold: `doctor` says so.
        if not finding.held and finding.name != "buffers of sockets":
            print(finding)
        tried += 1
    print(f"tried {tried}")


if __name__ == "__main__":
    main(*sys.argv[1:])
