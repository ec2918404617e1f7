"""The docker backend: the settings that its promises rest on, and what is left of a container."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from r1_reward.sandbox import DEFAULT_LIMITS, SandboxUnavailableError
from r1_reward.sandbox.backends.docker import CAPABILITIES, DockerBackend
from r1_reward.sandbox.backends.docker_engine import engine
from r1_reward.sandbox.session import AgentSession, Command

pytestmark = pytest.mark.needs("docker")
Containers = Callable[[int], list[str]]


@pytest.fixture
def backend() -> Iterator[DockerBackend]:
    made = DockerBackend(memory_mb=700, processes=99, cpus=1.5, disk_mb=33, files=777)
    yield made
    made.close()


def _run(session: AgentSession, code: str) -> bytes:
    session.load({"main.py": code.encode()}, None)
    return session.run(Command(argv=("python3", "-I", "{work}/main.py"), limits=DEFAULT_LIMITS)).stdout


def test_a_container_has_the_settings_that_are_promised(backend: DockerBackend, containers: Containers) -> None:
    others = set(containers(os.getpid()))
    channel = backend.open("python")
    try:
        (name,) = set(containers(os.getpid())) - others
        with engine() as client:
            result = client.inspect_container(name)
    finally:
        channel.kill()
    host, config = result["HostConfig"], result["Config"]
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert sorted(host["CapAdd"]) == sorted(CAPABILITIES)
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["Memory"] == host["MemorySwap"] == 700 << 20
    assert host["PidsLimit"] == 99
    assert host["NanoCpus"] == 1_500_000_000
    assert host["IpcMode"] == "private"
    assert host["LogConfig"]["Type"] == "none"
    assert host["AutoRemove"] is True
    assert host["Privileged"] is False
    assert not host["Binds"]
    assert not result["Mounts"]
    assert set(host["Tmpfs"]) == {"/box", "/tmp", "/dev/shm"}
    for options in host["Tmpfs"].values():
        assert {"size=33m", "nr_inodes=777", "nosuid", "nodev"} <= set(options.split(","))
    assert config["OpenStdin"] is True
    assert config["Tty"] is False
    assert config["Hostname"] == "sandbox"
    ours = {f"{name}={value}" for name, value in os.environ.items() if name not in ("PATH", "LANG")}
    assert not ours & set(config["Env"])


def test_bounds_of_a_container_hold_inside(backend: DockerBackend) -> None:
    session = AgentSession(backend.open("python"), backend.settings)
    try:
        code = (
            "import os\nfor place in ('/box', '/tmp', '/dev/shm'):\n"
            "    found = os.statvfs(place)\n    print(found.f_blocks * found.f_frsize >> 20, found.f_files)"
        )
        assert _run(session, code).split() == [b"33", b"777"] * 3
    finally:
        session.close()


def test_nothing_is_left_of_a_closed_session(backend: DockerBackend, containers: Containers) -> None:
    others = set(containers(os.getpid()))
    sessions = [AgentSession(backend.open("python"), backend.settings) for _ in range(2)]
    assert len(set(containers(os.getpid())) - others) == 2
    for session in sessions:
        session.close()
        session.close()
    assert set(containers(os.getpid())) <= others


def test_containers_never_share_users(backend: DockerBackend) -> None:
    # The kernel counts the processes of a user in all containers together.
    starts = [backend.settings.first_uid for _ in range(20)]
    assert len(set(starts)) == len(starts)
    assert all(start % backend.settings.uids == starts[0] % backend.settings.uids for start in starts)


def test_a_missing_image_says_the_way_out(backend: DockerBackend) -> None:
    with pytest.raises(SandboxUnavailableError, match="r1-reward sandbox build cobol"):
        backend.open("cobol")


def test_an_engine_without_the_runtime_says_which_it_has() -> None:
    backend = DockerBackend(runtime="no-such-runtime")
    with pytest.raises(SandboxUnavailableError, match=r"no runtime 'no-such-runtime'; it has .*runc"):
        backend.open("python")
    backend.close()


def test_gvisor_on_kvm_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # It can spin for ever, out of reach of every deadline of ours.
    import docker

    runtimes = {"runsc": {"path": "/usr/bin/runsc", "runtimeArgs": ["--platform=kvm"]}}
    monkeypatch.setattr(docker.APIClient, "info", lambda _: {"Runtimes": runtimes})
    backend = DockerBackend(runtime="runsc")
    with pytest.raises(SandboxUnavailableError, match="kvm"):
        backend.open("python")
    backend.close()


def test_a_backend_can_be_closed_and_used_again(backend: DockerBackend) -> None:
    for _ in range(2):
        session = AgentSession(backend.open("python"), backend.settings)
        assert _run(session, "print('hello')") == b"hello\n"
        session.close()
        backend.close()
