"""How long a replay takes: a day that is made anew each time, through the loop of live operation."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from vpp.domain.runs import DispatchPlan, RunSummary
from vpp.domain.setpoints import SetpointColumns
from vpp.replay.kpis import settlement_of
from vpp.replay.outputs import decision_line
from vpp.replay.run import Replay, ReplayOptions
from vpp.replay.scenario_files import read_scenario
from vpp.replay.shipped.bench_day import bench_day

WARM_UP_CYCLES = 2  # load and compile what every replay needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One replay. Seconds are without reading files and without the first two cycles, which a replay before
    this one has taken; `checksum` is that of the decisions: the same on every machine of a kind.
    """

    assets: int
    cycles: int
    wall_s: float
    cpu_s: float
    solve_s: float
    cycle_s_median: float
    cycle_s_worst: float
    cost: float
    gap_worst: float
    rungs: dict[str, int]
    checksum: str
    load: float

    def row(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        return asdict(self)


@dataclass(slots=True)
class _Sink:
    runs: list[RunSummary] = field(default_factory=list)
    digest: Any = field(default_factory=hashlib.sha256)

    def take(self, run: RunSummary, _plan: DispatchPlan | None, setpoints: SetpointColumns | None) -> None:
        self.runs.append(run)
        self.digest.update(decision_line(run, setpoints).encode())


def measure(
    folder: Path,
    *,
    assets: int,
    days: int,
    seed: int,
    progress: Callable[[int, int], None],
    interval_minutes: int = 15,
) -> Measured:
    """Make the day in `folder`, replay it with baseline forecasts, and return what that took."""
    bench_day(assets, days=days, interval_minutes=interval_minutes, seed=seed).write(folder)
    scenario = read_scenario(folder)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))  # a log is not measured
    try:
        warm = Replay(scenario=scenario, options=ReplayOptions(seed=seed), on_run=_Sink().take)
        asyncio.run(_cycles(warm, WARM_UP_CYCLES))
        sink = _Sink()
        replay = Replay(scenario=scenario, options=ReplayOptions(seed=seed), on_run=sink.take)
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        asyncio.run(replay.run(progress))
        wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    finally:
        structlog.reset_defaults()
    seconds, rungs = replay.course.cycle_s, [str(run.rung) for run in sink.runs]
    return Measured(
        assets=assets,
        cycles=len(sink.runs),
        wall_s=wall_s,
        cpu_s=cpu_s,
        solve_s=float(sum(replay.solver.seconds)),
        cycle_s_median=float(np.median(seconds)),
        cycle_s_worst=float(seconds.max()),
        cost=settlement_of(scenario, replay.way).total_cost,
        gap_worst=max((run.gap for run in sink.runs if run.gap is not None), default=float("nan")),
        rungs={rung: rungs.count(rung) for rung in sorted(set(rungs))},
        checksum=str(sink.digest.hexdigest())[:12],
        load=os.getloadavg()[0],
    )


class _EnoughError(Exception):
    """The warm-up is over."""


async def _cycles(replay: Replay, count: int) -> None:
    """Replay the first cycles alone."""

    def stop(done: int, _all: int) -> None:
        if done >= count:
            raise _EnoughError

    try:
        await replay.run(stop)
    except _EnoughError:
        return
