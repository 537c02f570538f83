"""The processes of a demonstration: started in order, stopped by their id, nothing left running."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

STOP_GRACE_S = 15.0
POLL_S = 0.1


class ProcessEndedError(Exception):
    """A process ended although it should not; the message holds the end of its log."""


@contextlib.contextmanager
def running(
    module: str, arguments: list[str], log: Path, *, niceness: int = 0
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python -m MODULE ARGUMENTS` for the length of a block, its output in `log`."""
    with log.open("ab") as output:
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,  # its end tells a child that we are gone
            stdout=output,
            stderr=output,
            env=environment,
        )
        if niceness:
            own = os.getpriority(os.PRIO_PROCESS, 0)  # nobody but root may go below it
            os.setpriority(os.PRIO_PROCESS, process.pid, min(19, own + niceness))
        try:
            yield process
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and end it when it does not."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def require_running(process: subprocess.Popen[bytes], name: str, log: Path) -> None:
    """Raise ProcessEndedError with the last lines of its log when a process has ended."""
    if process.poll() is not None:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])
        raise ProcessEndedError(
            f"{name} ended with exit code {process.returncode}; the end of {log}:\n{tail}"
        )


def wait_until(ready: Callable[[], bool], *, within_s: float, what: str) -> None:
    """Return when `ready` says so; raise ProcessEndedError after `within_s`."""
    deadline = time.monotonic() + within_s
    while not ready():
        if time.monotonic() > deadline:
            raise ProcessEndedError(f"{what} was not ready within {within_s:g} s")
        time.sleep(POLL_S)


def answers(port: int) -> bool:
    """Return whether something listens on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
