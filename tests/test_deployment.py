"""What deployment/ holds is true: every file is read by what reads it, and the server runs as they say."""

from __future__ import annotations

import configparser
import http.client
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from r1_reward.cli import main

ROOT = Path(__file__).resolve().parents[1]
DEPLOYMENT = ROOT / "deployment"
BODY = json.dumps({"response": "<think>2 + 2</think><answer>\\boxed{4}</answer>", "reference": "4"}).encode()


def read(name: str) -> Any:  # any: YAML values
    (document,) = yaml.safe_load_all((DEPLOYMENT / name).read_text(encoding="utf-8"))
    return document


def served_by(args: Sequence[str]) -> dict[str, Any]:  # any: what click makes of flags
    """The flags of `serve`, which must be flags that it has."""
    context = main.commands["serve"].make_context("serve", list(args))
    return {name: value for name, value in context.params.items() if value not in (None, ())}


def test_compose_file_starts_what_it_says() -> None:
    compose = read("compose.yaml")
    rewards, prometheus = compose["services"]["rewards"], compose["services"]["prometheus"]
    flags = served_by(rewards["command"])
    assert flags["token_file"] == "/run/secrets/token"
    assert rewards["read_only"] is prometheus["read_only"] is True
    assert rewards["cap_drop"] == ["ALL"]
    assert {mount.partition(":")[0] for mount in rewards["tmpfs"]} == {"/tmp"}
    assert all(port.startswith("127.0.0.1:") for one in compose["services"].values() for port in one["ports"])
    assert set(compose["secrets"]) == {name for one in compose["services"].values() for name in one["secrets"]}
    (job,) = read("prometheus.yml")["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["rewards:8000"]}]
    assert job["authorization"]["credentials_file"] == flags["token_file"]
    assert all((DEPLOYMENT / mount.split(":")[0]).is_file() for mount in prometheus["volumes"] if mount[0] == ".")


def test_kubernetes_manifest_starts_what_it_says() -> None:
    text = (DEPLOYMENT / "kubernetes.yaml").read_text(encoding="utf-8")
    deployment, service, budget = yaml.safe_load_all(text)
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    flags = served_by(container["args"])
    assert int(pod["terminationGracePeriodSeconds"]) > 100 + int(
        container["lifecycle"]["preStop"]["exec"]["command"][1]
    )
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    for one in (deployment["spec"]["selector"]["matchLabels"], service["spec"]["selector"]):
        assert one == labels
    assert budget["spec"]["selector"]["matchLabels"] == labels
    assert budget["spec"]["minAvailable"] < deployment["spec"]["replicas"]
    probes = {name: container[name]["httpGet"]["path"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert probes == {"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}
    (port,) = container["ports"]
    assert port == {"name": "http", "containerPort": 8000}
    assert (
        {container[name]["httpGet"]["port"] for name in probes}
        == {"http"}
        == {service["spec"]["ports"][0]["targetPort"]}
    )
    assert container["resources"]["limits"] == {"cpu": "4", "memory": "4Gi"}
    assert flags["workers"] == int(container["resources"]["limits"]["cpu"])
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["securityContext"]["runAsUser"] == int(re.findall(r"^USER (\d+):", _dockerfile(), re.M)[0])
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert {volume["name"] for volume in pod["volumes"]} == set(mounts.values())
    assert Path(flags["token_file"]).parent.as_posix() in mounts


def _dockerfile() -> str:
    return (DEPLOYMENT / "Dockerfile").read_text(encoding="utf-8")


def test_dockerfile_starts_what_it_says() -> None:
    entry, command = (
        json.loads(re.findall(rf"^{name} (\[.*\])$", _dockerfile(), re.M)[0]) for name in ("ENTRYPOINT", "CMD")
    )
    assert entry[:2] == ["r1-reward", "serve"]
    assert served_by([*entry[2:], *command])["host"] == "0.0.0.0"
    check = json.loads(re.findall(r"^  CMD (\[.*\])$", _dockerfile(), re.M)[0])
    compile(check[2], "healthcheck", "exec")


def test_systemd_unit_starts_what_it_says() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # names of a unit differ by case
    unit.read_string((DEPLOYMENT / "r1-reward.service").read_text(encoding="utf-8"))
    program, command, *args = shlex.split(unit["Service"]["ExecStart"])
    assert (Path(program).name, command) == ("r1-reward", "serve")
    assert served_by(args)["token_file"].startswith("${CREDENTIALS_DIRECTORY}/")
    assert float(unit["Service"]["TimeoutStopSec"]) > 100
    assert unit["Service"]["DynamicUser"] == "yes"


# --- Servers that run


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


class Replica:
    """One server on a port of its own."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.start()

    def start(self) -> None:
        code = "from r1_reward.cli import main; main()"
        args = ["serve", "--reward", "math,format", "--workers", "1", "--port", str(self.port)]
        self.process = subprocess.Popen([sys.executable, "-c", code, *args], stderr=subprocess.DEVNULL)
        wait_for(self.port, "/readyz")

    def restart(self) -> None:
        """As a rolling update does: end it, wait, start it anew."""
        self.process.terminate()
        assert self.process.wait(120) == 0
        self.start()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def ask(port: int, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        headers = {} if body is None else {"content-type": "application/json"}
        connection.request("GET" if body is None else "POST", path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def wait_for(port: int, path: str, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            if ask(port, path)[0] == 200:
                return
        except OSError:
            pass
        assert time.monotonic() < until, f"nothing answers on port {port}"
        time.sleep(0.05)


@contextmanager
def nginx(folder: Path, ports: Sequence[int]) -> Iterator[int]:
    """nginx with our own file, on other ports."""
    door = free_port()
    text = (DEPLOYMENT / "nginx.conf").read_text(encoding="utf-8").replace("127.0.0.1:8000", f"127.0.0.1:{door}")
    for written, port in zip(("8001", "8002"), ports, strict=True):
        assert f"127.0.0.1:{written}" in text
        text = text.replace(f"127.0.0.1:{written}", f"127.0.0.1:{port}")
    user = "user root;" if os.getuid() == 0 else ""
    paths = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    own = f"daemon off; {user} pid {folder}/pid; error_log {folder}/errors;\nevents {{}}\n"
    whole = f"{own}http {{ access_log off; {paths}\n{text}\n}}\n"
    (folder / "nginx.conf").write_text(whole, encoding="utf-8")
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    subprocess.run([program, "-t", "-q", "-c", folder / "nginx.conf"], check=True)
    process = subprocess.Popen([program, "-c", str(folder / "nginx.conf")])
    try:
        wait_for(door, "/healthz")
        yield door
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.slow
@pytest.mark.needs("nginx")
def test_a_rolling_restart_under_load_loses_no_request(tmp_path: Path) -> None:
    replicas = [Replica(free_port()) for _ in range(2)]
    try:
        with nginx(tmp_path, [replica.port for replica in replicas]) as door:
            stop = threading.Event()
            answers: list[tuple[int, bytes]] = []
            faults: list[Exception] = []

            def load() -> None:
                while not stop.is_set():
                    try:
                        answers.append(ask(door, "/score", BODY))
                    except (OSError, http.client.HTTPException) as error:
                        faults.append(error)

            threads = [threading.Thread(target=load) for _ in range(8)]
            for thread in threads:
                thread.start()
            for _ in range(2):
                for replica in replicas:
                    before = len(answers)
                    replica.restart()
                    while len(answers) < before + 50 and not faults:
                        time.sleep(0.05)
            stop.set()
            for thread in threads:
                thread.join()
            assert faults == []
            assert len(answers) > 400
            wrong = [answer for answer in answers if answer[0] != 200 or json.loads(answer[1])["reward"] != 2.0]
            assert wrong == []
    finally:
        for replica in replicas:
            replica.close()


@pytest.mark.slow
@pytest.mark.needs("docker")
@pytest.mark.needs("mmdebstrap")
def test_the_image_serves_without_root_and_without_writing(tmp_path: Path) -> None:
    base, tag, name = "r1-reward-test:base", "r1-reward-test:server", f"r1-reward-test-{os.getpid()}"
    tree = tmp_path / "base.tar"
    suite = re.findall(r"VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(encoding="utf-8"))[0]
    included = "--include=python3,python3-venv,libstdc++6,ca-certificates"
    subprocess.run(["mmdebstrap", "--quiet", "--variant=essential", included, suite, str(tree)], check=True)
    subprocess.run(["docker", "import", str(tree), base], check=True, capture_output=True)
    subprocess.run([DEPLOYMENT / "build", tag, base, "/usr/bin/python3"], check=True)
    port = free_port()
    command = ["docker", "run", "-d", "--name", name, "--network", "host", "--read-only", "--cap-drop", "ALL"]
    command += ["--security-opt", "no-new-privileges", "--tmpfs", "/tmp:size=64m,mode=1777", "--memory", "2g"]
    command += ["-e", f"R1_REWARD_PORT={port}", "--health-interval", "1s", tag]
    try:
        subprocess.run([*command, "--reward", "auto", "--workers", "1", "--port", str(port)], check=True)
        wait_for(port, "/healthz", 180)
        assert json.loads(ask(port, "/score", BODY)[1])["reward"] == 1.0
        code = {"response": "```python\nprint(1)\n```", "tests": [{"input": "", "output": "1"}], "kind": "code"}
        status, answer = ask(port, "/score", json.dumps(code).encode())
        assert (status, json.loads(answer)["error"]["reason"]) == (503, "sandbox_unavailable"), answer
        inspected = json.loads(subprocess.run(["docker", "inspect", name], check=True, capture_output=True).stdout)[0]
        assert inspected["Config"]["User"] == "10001:10001"
        until = time.monotonic() + 60
        while inspected["State"]["Health"]["Status"] != "healthy":
            assert time.monotonic() < until, inspected["State"]["Health"]
            time.sleep(0.5)
            inspected = json.loads(subprocess.run(["docker", "inspect", name], check=True, capture_output=True).stdout)[
                0
            ]
        probe = "import os; print(os.getuid()); open('/opt/r1-reward/x', 'w')"
        tried = subprocess.run(
            ["docker", "exec", name, "python3", "-c", probe], capture_output=True, text=True, check=False
        )
        assert tried.stdout.strip() == "10001"
        assert "Read-only file system" in tried.stderr
        subprocess.run(["docker", "stop", "-t", "60", name], check=True, capture_output=True)
        inspected = json.loads(subprocess.run(["docker", "inspect", name], check=True, capture_output=True).stdout)[0]
        assert inspected["State"]["ExitCode"] == 0
    finally:
        subprocess.run(["docker", "rm", "-f", name], capture_output=True, check=False)
        subprocess.run(["docker", "rmi", "-f", tag, base], capture_output=True, check=False)
