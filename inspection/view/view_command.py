"""What `r1-reward view` does once its flags are read."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

from ...verifiers.errors import RunError
from .export import write_folder
from .following import Follower
from .index import index_folder
from .serve import Viewer, ViewServer

FINE, INTERRUPTED = 0, 130


def run_view(folder: str, *, port: int = 8001, write: str | None = None, index: str | None = None) -> int:
    """Serve pages over a folder until a signal, or write them into another folder; return the exit status.

    Args:
        folder: What is looked at; nothing in it is changed.
        port: Of 127.0.0.1; 0 takes a free one.
        write: Folder to write static pages to, instead of serving.
        index: Folder of the indexes (default: `r1-reward/view` in the user's cache folder).

    Raises:
        RunError: what the user can mend.
    """
    import click

    if write is not None:
        written = write_folder(folder, write)
        click.echo(f"{written.pages} pages over {folder}, {written.bytes / 1e6:.1f} MB, in {write}", err=True)
        for name, why in written.left_out:
            click.echo(f"left out: {name}: {why}", err=True)
        return FINE
    cache = Path(index) if index is not None else index_folder()
    caught: list[int] = []
    ended = threading.Event()
    try:
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise RunError(f"cannot keep indexes in {cache}: {error.strerror}; --index names another folder") from error
    with Follower(cache) as follower:
        viewer = Viewer(Path(folder).resolve(), cache, follower)
        try:
            server = ViewServer(viewer, port)
        except OSError as error:
            raise RunError(f"cannot listen on 127.0.0.1:{port}: {error.strerror}; --port 0 takes a free one") from error

        def catch(number: int, _: object) -> None:
            caught.append(number)
            ended.set()

        before = {number: signal.signal(number, catch) for number in (signal.SIGTERM, signal.SIGINT)}
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
        thread.start()
        try:
            click.echo(f"pages over {folder} on {server.address} (this machine only; Ctrl-C ends it)", err=True)
            ended.wait()
        finally:
            server.shutdown()
            server.server_close()
            for number, handler in before.items():
                signal.signal(number, handler)
    return INTERRUPTED if signal.SIGINT in caught else FINE
