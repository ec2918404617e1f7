"""The `docker` backend: one container per agent, driven over its attached standard input and output.

`PROMISES` and `CAVEATS` say what it holds to and what it does not; docs/explanation/sandbox.md says why, and `r1-reward
doctor` tries each on this machine.

The container ends at its end of input, so that nothing is left when its owner is killed: the engine closes the input
together with the owner's connection, and removes the container when it has ended. What slips through is removed by a
watcher and a sweep (leaks.py).
"""

from __future__ import annotations

import contextlib
import secrets
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..boot import BOOT
from ..errors import SandboxUnavailableError
from ..images import tag
from ..session import AgentSettings
from .attached import AttachedChannel
from .docker_engine import CALL_SECONDS, engine
from .leaks import Watcher, label, remove, sweep, sweep_with

if TYPE_CHECKING:
    from docker import APIClient

CAPABILITIES = (
    "DAC_OVERRIDE",  # wipes what the user of a test left in folders closed to everybody else
    "FOWNER",  # the same where the sticky bit is set (/tmp, /dev/shm)
    "KILL",  # ends that user's processes
    "SETGID",  # becomes that user
    "SETUID",
)
"""All that the agent has inside; a program has none of them."""

PROMISES = (
    "no network: not even another container's, and no name is looked up",
    "no file of the host: the image is read-only, all that can be written is in memory, bounded and wiped",
    "memory, processes, processors and written files are bounded by the kernel's control groups, swap is off",
    "a program has a user of its own, no capabilities, no way to get any, and the system calls of two filters",
    "a program cannot reach the agent, what it says to the host, or another program, before or after",
    "nothing of the host's environment is passed in; the host name, process table and shared memory are its own",
    "a container ends with its owner, however that ends",
)
CAVEATS = (
    "the kernel is shared: a hole in it is a hole in the isolation (`runsc` puts a kernel of its own in between)",
    "root inside is root outside, without its powers, unless the engine maps users (userns-remap, rootless)",
    "whoever may use the engine is root on its host: this protects the host from programs, not from its users",
    "time and load of the machine can be observed, and processor caches are shared",
)
_RUNSC_CAVEATS = (
    "gVisor's own kernel takes the system calls; it is slower, and its hole plus one in the host is an escape",
    *CAVEATS[1:],
    "the agent's environment (empty) and memory map, though not its memory, can be read: older gVisor shows them",
    "a program may set the agent's priority, which gVisor notes and does not act on: `doctor` calls that a FAIL",
    "a program that starts hundreds of processes can end its own sandbox: INFRA, never a verdict",
)
_WORK = "/box"
_UIDS = 1000
# Objects of System V and message queues would outlive the program that made them; seccomp refuses them as well.
_NO_OBJECTS = {
    "kernel.shmmni": "0",
    "kernel.msgmni": "0",
    "kernel.sem": "0 0 0 0",
    "fs.mqueue.queues_max": "0",
}


class DockerBackend:
    """Containers of a Docker engine, or of one that speaks its protocol.

    The bounds are those of a whole container, agent included: a floor under the limits of a single program, which the
    agent holds to. Memory also holds the files that are written. An engine that is remote (DOCKER_HOST) will do.
    """

    def __init__(
        self,
        *,
        runtime: str | None = None,
        memory_mb: int = 2048,
        processes: int = 512,
        cpus: float = 2.0,
        disk_mb: int = 512,
        files: int = 65536,
    ) -> None:
        """Nothing is started yet.

        Args:
            runtime: None is the engine's default; `runsc` is gVisor, which needs at least the processes and half the
                memory of the defaults.
            memory_mb: Memory of a container in MiB.
            processes: Processes of a container.
            cpus: Processors of a container.
            disk_mb: MiB in each of the folders that can be written to.
            files: Files in each of them.
        """
        self.name: str = "docker" if runtime is None else runtime
        self.promises: Sequence[str] = PROMISES
        self.caveats: Sequence[str] = _RUNSC_CAVEATS if runtime == "runsc" else CAVEATS
        self._runtime = runtime
        self._memory_mb, self._processes, self._cpus = memory_mb, processes, cpus
        self._disk = f"size={disk_mb}m,nr_inodes={files},nosuid,nodev"
        self._watcher = Watcher()
        self._checked = self._few_users = False

    @property
    def settings(self) -> AgentSettings:
        """How an agent is to be run: with users that no other container has, since the kernel counts the processes of a
        user in all of them together."""
        first = 20_000 if self._few_users else (1 << 20) + secrets.randbelow(1 << 20) * _UIDS
        return AgentSettings(mode="uid", work=_WORK, first_uid=first, uids=_UIDS)

    def open(self, image: str) -> AttachedChannel:
        """A fresh interpreter in a container, of which `AgentSession` makes an agent.

        Args:
            image: A name of `languages.py`.

        Returns:
            The connection to it.

        Raises:
            SandboxError: The engine does not answer, or cannot start it; the message says the way out.
        """
        with engine(seconds=CALL_SECONDS) as client:
            if not self._checked:
                self._check(client.info())
                sweep_with(client)  # once per backend, what earlier owners left
            self._watcher.start()
            container = self._create(client, image)
            try:
                # Attached before it is started: what it says first is not missed.
                stream = client.attach_socket(container, {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
                try:
                    client.start(container)
                except BaseException:
                    _close(stream)
                    raise
            except BaseException:
                remove(container)
                raise
        connection: socket.socket = getattr(stream, "_sock", stream)

        def end() -> None:
            _close(stream)
            remove(container)

        return AttachedChannel(connection, end, f"{self.name} container {container[:12]}")

    def sweep(self) -> int:
        """Remove the containers of owners that are gone.

        Returns:
            How many there were.

        Raises:
            SandboxError: No engine answers.
        """
        return sweep()

    def close(self) -> None:
        """End the watcher, which has nothing left to watch over once every channel is killed."""
        self._watcher.stop()

    def _check(self, info: dict[str, Any]) -> None:  # any: what the engine's JSON holds
        """Raises SandboxUnavailableError where the engine has not got the runtime, or has it in a way that hangs."""
        runtimes = info.get("Runtimes") or {}
        if self._runtime is not None and self._runtime not in runtimes:
            known = ", ".join(sorted(runtimes))
            raise SandboxUnavailableError(f"the engine has no runtime {self._runtime!r}; it has {known}")
        if self._runtime is not None and "kvm" in str(runtimes[self._runtime]):
            raise SandboxUnavailableError(
                f"the engine's runtime {self._runtime!r} is set to gVisor's kvm platform, which can hang for ever; "
                "set --platform=systrap or ptrace in the engine's configuration"
            )
        # An engine that maps users has 65536 of them.
        self._few_users = any(
            "userns" in option or "rootless" in option for option in info.get("SecurityOptions") or ()
        )
        self._checked = True

    def _create(self, client: APIClient, image: str) -> str:
        from docker.errors import ImageNotFound
        from docker.types import LogConfig

        memory = f"{self._memory_mb}m"
        host = client.create_host_config(
            auto_remove=True,
            network_mode="none",
            read_only=True,
            cap_drop=["ALL"],
            cap_add=list(CAPABILITIES),
            security_opt=["no-new-privileges"],
            pids_limit=self._processes,
            mem_limit=memory,
            memswap_limit=memory,
            nano_cpus=int(self._cpus * 1e9),
            ipc_mode="private",
            log_config=LogConfig(type=LogConfig.types.NONE),  # what programs write is read, not kept on the host
            sysctls=_NO_OBJECTS if self._runtime is None else None,
            tmpfs={
                _WORK: f"{self._disk},exec,mode=755",
                "/tmp": f"{self._disk},exec,mode=1777",  # noqa: S108 - inside, and wiped after every program
                "/dev/shm": f"{self._disk},noexec,mode=1777",  # noqa: S108 - the same
            },
            runtime=self._runtime,
        )
        try:
            made = client.create_container(
                tag(image),
                ["python3", "-I", "-S", "-c", BOOT],
                host_config=host,
                entrypoint=[],
                environment={},
                hostname="sandbox",
                labels=label(),
                network_disabled=True,
                stdin_open=True,
                user="0:0",
                working_dir="/",
            )
        except ImageNotFound:
            raise SandboxUnavailableError(
                f"the engine has no image {tag(image)}; run `r1-reward sandbox build {image}`"
            ) from None
        return str(made["Id"])


def _close(stream: Any) -> None:  # any: the SDK's sockets differ by transport and have no common type
    """Close every layer that the SDK puts over a connection; each of them keeps it open on its own."""
    connection = getattr(stream, "_sock", stream)
    with contextlib.suppress(OSError, AttributeError):
        connection.shutdown(socket.SHUT_RDWR)  # a forked child may hold a copy of the descriptor
    for layer in (getattr(stream, "_response", connection), stream, connection):
        with contextlib.suppress(OSError):
            layer.close()
