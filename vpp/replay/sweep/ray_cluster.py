"""A sweep on several hosts: `pip install vpp-dispatch[ray]` on each, and a cluster of them (`ray start`)."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vpp.domain.errors import InvalidValueError
from vpp.replay.facts import PARTS
from vpp.replay.sweep.executors import DIED, MAXIMUM_JOBS, ONE_THREAD
from vpp.replay.sweep.work import Outcome, Task, failed, replay_one

LOCAL = "local"
RETRIES = 1  # of a task whose worker or host died
LARGEST_SCENARIO_MB = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RayCluster:
    """Runs replays on the Ray cluster at `address`; "local" starts one of `jobs` cores on this host.

    The scenario's files go to the workers, so hosts need to share no folder.
    """

    address: str
    jobs: int = MAXIMUM_JOBS
    work: Callable[[Task], Outcome] = replay_one

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Yield the outcomes as they come; raises InvalidValueError where there is no cluster."""
        if not tasks:
            return
        ray = _ray()
        self._join(ray)
        try:
            yield from self._all(ray, tasks)
        finally:
            ray.shutdown()

    def _join(self, ray: Any) -> None:
        started = {"num_cpus": self.jobs, "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        where = started if self.address == LOCAL else {"address": self.address}
        environment = {"env_vars": dict.fromkeys(ONE_THREAD, "1")}
        try:
            ray.init(**where, runtime_env=environment, log_to_driver=False, logging_level="error")
        except (ConnectionError, ValueError, RuntimeError) as error:
            expected = f"a Ray cluster such as 10.0.0.5:6379, or {LOCAL}"
            raise InvalidValueError("ray", self.address, expected, str(error)) from error

    def _all(self, ray: Any, tasks: Sequence[Task]) -> Iterator[Outcome]:
        remote = ray.remote(num_cpus=1, max_retries=RETRIES)(_replay_shipped)
        folders = {task.scenario for task in tasks}
        shipped = {folder: ray.put(files_of(folder)) for folder in folders}
        waiting, running = deque(tasks), dict[Any, Task]()
        while waiting or running:
            while waiting and len(running) < self.jobs:
                task = waiting.popleft()
                running[remote.remote(self.work, shipped[task.scenario], task)] = task
            done, _ = ray.wait(list(running), num_returns=1)
            for reference in done:
                task = running.pop(reference)
                try:
                    yield ray.get(reference)
                except ray.exceptions.RayError as error:
                    died = isinstance(error, ray.exceptions.WorkerCrashedError)
                    yield failed(task, DIED if died else f"{type(error).__name__}: {error}")


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the files of a scenario by name; raise InvalidValueError for one that is too large to send."""
    paths = [path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix in PARTS]
    size_mb = sum(path.stat().st_size for path in paths) / 1e6
    if size_mb > LARGEST_SCENARIO_MB:
        raise InvalidValueError("scenario", f"{size_mb:,.0f} MB", f"at most {LARGEST_SCENARIO_MB} MB")
    return {path.name: path.read_bytes() for path in paths}


def _replay_shipped(work: Callable[[Task], Outcome], files: dict[str, bytes], task: Task) -> Outcome:
    """Do the work of a task on another host, with the scenario's files."""
    with tempfile.TemporaryDirectory(prefix="vpp-sweep-") as name:
        folder = Path(name) / task.scenario.name
        folder.mkdir()
        for file, content in files.items():
            (folder / file).write_bytes(content)
        return work(replace(task, scenario=folder))


def _ray() -> Any:
    try:
        import ray  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise InvalidValueError(
            "ray", "not installed", "pip install vpp-dispatch[ray]", str(error)
        ) from error
    return ray
