"""What runs inside the solver process: load everything once, then solve what comes down the pipe."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection

import numpy as np

from optimizer.plan import Plan, Schedule
from optimizer.problem import Assets, Feeders, Portfolio, Problem
from optimizer.replanner import Replanner
from optimizer.solve import EXACT_UP_TO_ASSETS, Method, solve

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveOptions:
    """How to solve: see `optimizer.solve.solve`."""

    method: Method = "auto"
    seed: int = 0
    previous: Schedule | None = None
    remember: bool = False  # start from the last plan solved with this, as `Replanner` does


def serve(descriptor: int, decomposed: bool) -> None:
    """Answer requests on an inherited socket until it closes; the process also dies with its parent."""
    _die_with_parent()
    pipe: Connection = Connection(descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    _warm_up(decomposed)
    pipe.send(("ready", None))
    replanner = Replanner()
    while True:
        try:
            problem, options = pipe.recv()
        except (EOFError, OSError):
            return
        _answer(pipe, problem, options, decomposed, replanner)


def _answer(
    pipe: Connection, problem: Problem, options: SolveOptions, decomposed: bool, replanner: Replanner
) -> None:
    def stream(plan: Plan) -> None:
        pipe.send(("better", plan))

    method = options.method
    if method == "auto" and not decomposed and len(problem.assets) <= EXACT_UP_TO_ASSETS:
        method = "exact"  # loading the kernels takes seconds, compiling them a minute: not under a deadline
    try:
        again = replanner.solve if options.remember and decomposed else solve
        plan = again(problem, method=method, seed=options.seed, previous=options.previous, progress=stream)
        pipe.send(("done", plan))
    except (BrokenPipeError, ConnectionResetError):
        os._exit(1)
    except Exception as error:  # a solve that fails is an answer too
        pipe.send(("error", f"{type(error).__name__}: {error}"))


def _die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies, even while it is stopped or inside the solver."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _warm_up(decomposed: bool) -> None:
    solve(tiny_problem(), method="exact")
    if decomposed:
        solve(tiny_problem(), method="decomposed")
        solve(tiny_problem(), method="auto")


def tiny_problem() -> Problem:
    """Return one battery over four intervals: enough to load every library of a solve."""
    one, zero, flat = np.ones(1), np.zeros(1), np.zeros((1, 4))
    return Problem(
        start=datetime(2025, 1, 1, tzinfo=UTC),
        interval_h=0.25,
        intervals=4,
        assets=Assets(
            asset_id=np.array(["a"], dtype=object),
            feeder=np.zeros(1, dtype=np.int64),
            kind=np.array(["battery"], dtype=object),
            capacity_kwh=10.0 * one,
            energy_min_kwh=zero,
            energy_max_kwh=10.0 * one,
            energy_initial_kwh=5.0 * one,
            max_charge_kw=5.0 * one,
            max_discharge_kw=5.0 * one,
            min_charge_kw=zero,
            min_discharge_kw=zero,
            charge_efficiency=0.95 * one,
            discharge_efficiency=0.95 * one,
            wear_cost_per_kwh=0.01 * one,
            energy_final_min_kwh=5.0 * one,
            energy_final_value_per_kwh=zero,
            discharge_budget_kwh=np.full(1, np.inf),
        ),
        feeders=Feeders(
            feeder_id=np.array(["f"], dtype=object),
            load_kw=flat + 1.0,
            import_limit_kw=flat + 10.0,
            export_limit_kw=flat + 10.0,
        ),
        portfolio=Portfolio(
            import_price_per_kwh=np.array([0.1, 0.3, 0.1, 0.3]),
            export_price_per_kwh=np.array([0.05, 0.2, 0.05, 0.2]),
            carbon_kg_per_kwh=np.zeros(4),
        ),
        peak_price_per_kw=0.1,
    )
