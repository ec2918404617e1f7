"""vLLM's own server on the CPU, of the environment whose Python `R1_REWARD_VLLM` names; for slow tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SETTINGS = {"HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
SECONDS = 3_600
"""How long it may take until it answers, where a test says nothing else."""


@contextmanager
def vllm_server(folder: Path, *flags: str, seconds: float = SECONDS) -> Iterator[str]:
    """Serve the model of a folder; yields `http://127.0.0.1:PORT`. Its log is beside the model."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [os.environ["R1_REWARD_VLLM"], "-m", "vllm.entrypoints.openai.api_server", "--enforce-eager", *flags]
    command += ["--model", str(folder), "--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, **SETTINGS, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2")}
    log = folder.with_suffix(".log")
    with log.open("wb") as file:
        server = subprocess.Popen(command, env=environment, stdout=file, stderr=file, start_new_session=True)
    try:
        deadline = time.monotonic() + seconds
        while True:
            assert server.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < deadline
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
                break
            except OSError:
                time.sleep(1)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
