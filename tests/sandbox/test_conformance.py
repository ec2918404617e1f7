"""Every backend holds against every probe; and every probe can fail, or it would show nothing."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from r1_reward.cli import main
from r1_reward.sandbox.backends import backend
from r1_reward.sandbox.backends.docker import DockerBackend
from r1_reward.sandbox.backends.local import _cgroups
from r1_reward.sandbox.conformance import check
from r1_reward.sandbox.probes import PROBES, Bench, Probe

BACKENDS = [
    pytest.param("docker", marks=pytest.mark.needs("docker")),
    pytest.param("local", marks=pytest.mark.needs("userns")),
    pytest.param("runsc", marks=[pytest.mark.needs("runsc"), pytest.mark.slow]),
]
_WORDS = {f"{probe.area}: {probe.name}": probe for probe in PROBES}


@pytest.fixture(scope="module")
def benches() -> Iterator[dict[str, Bench]]:
    made: dict[str, Bench] = {}
    yield made
    for bench in made.values():
        bench.drop()
        bench.backend.close()


@pytest.mark.parametrize("words", _WORDS)
@pytest.mark.parametrize("name", BACKENDS)
def test_the_sandbox_holds(name: str, words: str, benches: dict[str, Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("R1_CANARY", "a secret of the host")
    if name not in benches:
        benches[name] = Bench(backend(name))
    if name == "runsc" and words in ("agent: its priority and processors", "processes: more than are allowed"):
        pytest.xfail("gVisor notes a priority without acting on it, and ends with too many processes: see its caveats")
    if (name, words) == ("local", "memory: buffers of sockets") and not _cgroups():
        pytest.skip("no control groups can be made here, which the backend's caveats and `doctor` say")
    try:
        assert _WORDS[words].attempt(benches[name]) is None
    except BaseException:
        benches[name].drop()  # the next probe shall not suffer for it
        raise


def test_probes_have_names_of_their_own() -> None:
    assert len(_WORDS) == len(PROBES)


def test_probes_fail_where_there_is_no_isolation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("R1_CANARY", "a secret of the host")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        unsafe = backend("unsafe")
    expected = {
        "listeners of the host",
        "the host's files and devices, system folders",
        "files and sockets of one at the same time",
    }
    probes = [probe for probe in PROBES if probe.harmless and probe.name in expected]
    try:
        findings = check(unsafe, probes=probes)
    finally:
        unsafe.close()
    assert {finding.name for finding in findings if not finding.held} == expected


WEAKENED = [
    ({"network_mode": "host"}, "listeners of the host"),
    (
        {"binds": ["/tmp:/tmp:ro"], "tmpfs": {"/box": "exec", "/dev/shm": "mode=1777"}},
        "the host's files and devices, system folders",
    ),
    ({"tmpfs": {"/box": "exec", "/tmp": "mode=1777", "/spare": "mode=1777"}}, "files, objects, sockets, a daemon"),
]


@pytest.mark.needs("docker")
@pytest.mark.parametrize(("weakness", "name"), WEAKENED)
def test_probes_find_what_a_weakened_container_lets_through(
    weakness: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import docker

    whole = docker.APIClient.create_host_config
    made = docker.APIClient.create_container
    monkeypatch.setattr(
        docker.APIClient, "create_host_config", lambda client, **options: whole(client, **options | weakness)
    )
    monkeypatch.setattr(
        docker.APIClient,
        "create_container",
        lambda client, *words, **options: made(
            client, *words, **options | {"network_disabled": False, "hostname": None}
        ),
    )
    weak = DockerBackend()
    monkeypatch.setattr("r1_reward.sandbox.backends.docker._NO_OBJECTS", None)
    try:
        (finding,) = check(weak, probes=[probe for probe in PROBES if probe.name == name])
    finally:
        weak.close()
    assert not finding.held
    assert "probe did not" not in str(finding.hole)


def test_a_probe_that_falls_over_is_not_taken_for_a_sandbox_that_held() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        unsafe = backend("unsafe")
    probe = Probe(area="none", name="falls over", attempt=lambda bench: bench.holes("raise SystemExit(0)"))
    try:
        (finding,) = check(unsafe, probes=[probe])
    finally:
        unsafe.close()
    assert not finding.held


def test_doctor_says_why_a_backend_is_not_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///no/such/engine.sock")
    run = CliRunner().invoke(main, ["doctor", "--backend", "docker"])
    assert run.exit_code == 1
    assert "docker: not available here: no Docker engine answers" in run.stdout
    run = CliRunner().invoke(main, ["doctor", "--backend", "docker", "--json"])
    (result,) = json.loads(run.stdout)["backends"]
    assert (run.exit_code, result["name"], result["findings"]) == (1, "docker", [])
    assert "DOCKER_HOST" in result["missing"]


def test_doctor_knows_its_backends() -> None:
    run = CliRunner().invoke(main, ["doctor", "--backend", "moon"])
    assert run.exit_code == 2
    assert "docker, runsc, local, unsafe" in run.output


def test_doctor_shows_pass_and_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = [probe for probe in PROBES if probe.name in ("listeners of the host", "input that is not read")]
    monkeypatch.setattr("r1_reward.sandbox.doctor.PROBES", chosen)
    run = CliRunner().invoke(main, ["doctor", "--backend", "unsafe"])
    assert run.exit_code == 1
    assert "unsafe: 1 of 2 held" in run.stdout
    assert "FAIL" in run.stdout
    assert "PASS" in run.stdout
    run = CliRunner().invoke(main, ["doctor", "--backend", "unsafe", "--json"])
    (result,) = json.loads(run.stdout)["backends"]
    assert [each["held"] for each in result["findings"]] == [False, True]
    assert result["failed"] == 1
