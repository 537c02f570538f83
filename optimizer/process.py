"""A warm solver in a process of its own, so that a deadline holds even when a solve hangs.

parent  --- problem, options --->  child      solves; streams each better plan
        <-- plans as found -------
        <-- done | error ---------
at the deadline: best plan so far, SIGKILL, a fresh child warms up in the background
"""

from __future__ import annotations

import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Any, Self

from optimizer.child import SolveOptions
from optimizer.plan import Plan
from optimizer.problem import Problem

__all__ = ["SolveOptions", "SolveOutcome", "SolverProcess"]

WARM_UP_LIMIT_S = 900.0
"""A child that is not ready by then is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveOutcome:
    """How a solve ended: with a plan or not, killed at its deadline or not, with an error or not."""

    plan: Plan | None
    killed: bool
    error: str | None
    seconds: float


class SolverProcess:
    """Solves problems in a child process under deadlines; usable from any thread, one solve at a time."""

    def __init__(self, *, decomposed: bool = False, niceness: int = 0) -> None:
        """Start a child; with `decomposed` it also loads the compiled kernels; `niceness` is its own.

        Without them `auto` is the exact method up to a hundred assets: no deadline is spent on loading.
        """
        self._decomposed, self._niceness = decomposed, niceness
        self._lock = threading.Lock()
        # A child dies with the thread that started it (PR_SET_PDEATHSIG), so one thread that lives
        # as long as this object starts them all.
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="solver-starter")
        self._child: _Child | None = self._start()
        self._spare: _Child | None = None
        self.on_better: Callable[[Plan], None] | None = None  # told of each better plan, in a solve's thread

    def warm_up(self, limit_s: float = WARM_UP_LIMIT_S) -> None:
        """Wait until the child has loaded everything and solved a tiny problem; then start its spare."""
        with self._lock:
            self._ready_child().wait_ready(limit_s)
            if self._spare is None:
                self._spare = self._start()

    def solve(self, problem: Problem, options: SolveOptions | None, deadline_s: float) -> SolveOutcome:
        """Solve within `deadline_s` seconds of this call, whatever the child does."""
        start = time.monotonic()
        with self._lock:
            child = self._idle_child()
            child.ask((problem, options or SolveOptions()))
            plan, error, killed = child.collect(start + deadline_s, self.on_better)
            if error == _ENDED:
                self._replace_child()
        if plan is not None and killed:
            plan = replace(plan, certificate=replace(plan.certificate, killed=True))
        return SolveOutcome(plan=plan, killed=killed, error=error, seconds=time.monotonic() - start)

    def close(self) -> None:
        """Kill the child and release everything; the object cannot be used afterwards."""
        with self._lock:
            children = [self._child, self._spare]
            self._child = self._spare = None
            for child in children:
                if child is not None:
                    child.kill()
        self._starter.shutdown(wait=True)

    @property
    def child_pid(self) -> int:
        """Return the child's process id, for supervision."""
        return self._ready_child().pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _idle_child(self) -> _Child:
        """Return a child that waits for work; one that died, or still has an earlier solve, is replaced."""
        child = self._ready_child()
        if child.busy:
            child.collect(time.monotonic())
        return self._replace_child() if child.busy or not child.is_alive() else child

    def _replace_child(self) -> _Child:
        self._ready_child().kill()
        self._child, self._spare = self._spare or self._start(), self._start()
        return self._child

    def _ready_child(self) -> _Child:
        if self._child is None:
            raise RuntimeError("this solver process is closed")
        return self._child

    def _start(self) -> _Child:
        return self._starter.submit(_Child, self._decomposed, self._niceness).result()


_ENDED = "the solver process ended unexpectedly"


class _Child:
    """One child process, with a thread that reads its messages so that a half-sent one cannot block."""

    def __init__(self, decomposed: bool, niceness: int) -> None:
        ours, theirs = socket.socketpair()
        self._pipe = Connection(ours.detach())
        with theirs:
            code = f"import os; os.nice({niceness}); " if niceness else ""
            code += f"from optimizer.child import serve; serve({theirs.fileno()}, {decomposed})"
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                pass_fds=[theirs.fileno()],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
                stdin=subprocess.DEVNULL,
            )
        self._messages: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._ready = threading.Event()
        self._reader = threading.Thread(
            target=_read, args=(self._pipe, self._messages, self._ready), name="solver-reader", daemon=True
        )
        self._reader.start()
        self._sender: threading.Thread | None = None
        self.busy = False  # from a request until its answer has been taken

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def wait_ready(self, limit_s: float) -> None:
        if not self._ready.wait(limit_s):
            raise TimeoutError(f"the solver process was not ready within {limit_s:g} s")

    def ask(self, request: tuple[Problem, SolveOptions]) -> None:
        """Send a request from a thread: a large one to a stopped child would block."""
        self.busy = True
        self._sender = threading.Thread(target=_send, args=(self._pipe, request), daemon=True)
        self._sender.start()

    def collect(
        self, until: float, on_better: Callable[[Plan], None] | None = None
    ) -> tuple[Plan | None, str | None, bool]:
        """Return the last plan, the error if any, and whether time ran out before the child was done."""
        plan: Plan | None = None
        while True:
            try:
                kind, value = self._messages.get(timeout=max(1e-3, until - time.monotonic()))
            except queue.Empty:
                return plan, None, True
            if kind in {"better", "done"}:
                plan = value
                if on_better is not None and plan is not None:
                    on_better(plan)
            if kind == "better":
                continue
            self.busy = False
            return plan, None if kind == "done" else str(value), False

    def kill(self) -> None:
        """Kill without asking: SIGKILL also ends a stopped process."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        if self._sender is not None:
            self._sender.join()
        self._pipe.close()


def _read(pipe: Connection, messages: queue.Queue[tuple[str, Any]], ready: threading.Event) -> None:
    while True:
        try:
            kind, value = pipe.recv()
        except (EOFError, OSError):
            messages.put(("error", _ENDED))
            ready.set()
            return
        if kind == "ready":
            ready.set()
        else:
            messages.put((kind, value))


def _send(pipe: Connection, request: tuple[Problem, SolveOptions]) -> None:
    try:
        pipe.send(request)
    except (BrokenPipeError, OSError):
        return  # the reader reports the end of the child
