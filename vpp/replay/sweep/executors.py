"""Where the replays of a sweep run. An executor is anything that takes tasks and gives outcomes."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Protocol

from vpp.replay.sweep.work import Outcome, Task, failed, replay_one

MAXIMUM_JOBS = 256
# Each replay has one core; libraries that would take all of them only get in each other's way.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
DIED = "the process of this replay died, twice; it may have run out of memory"


class Executor(Protocol):
    """Runs tasks somewhere, several at a time."""

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Yield one outcome for every task, as they come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessPool:
    """`jobs` processes on this machine. A process that dies takes no other replay with it."""

    jobs: int
    work: Callable[[Task], Outcome] = replay_one

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Yield the outcomes; tasks that ran when a process died run once more, each by itself."""
        for name in ONE_THREAD:
            os.environ.setdefault(name, "1")
        left: Sequence[Task] = tasks
        while left:
            suspects, left = yield from self._together(left, self.jobs)
            for task in suspects:
                again, _ = yield from self._together([task], 1)
                if again:
                    yield failed(task, DIED)

    def _together(
        self, tasks: Sequence[Task], jobs: int
    ) -> Generator[Outcome, None, tuple[list[Task], list[Task]]]:
        """Yield outcomes until all are there or a process died; return what ran then, and what waits."""
        waiting, running, lost = deque(tasks), dict[Future[Outcome], Task](), list[Task]()
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=context) as pool:
            while (waiting or running) and not lost:
                while waiting and len(running) < jobs:
                    try:
                        running[pool.submit(self.work, waiting[0])] = waiting[0]
                    except BrokenProcessPool:
                        break
                    waiting.popleft()
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    task = running.pop(future)
                    try:
                        outcome = future.result()
                    except BrokenProcessPool:
                        lost.append(task)
                    else:
                        yield outcome
        return [*lost, *running.values()], list(waiting)
