"""Fits the learning models in a process of its own, far from every cycle's deadline, and keeps versions."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from multiprocessing import get_context

import numpy as np
import structlog
from numpy.typing import NDArray

from vpp.domain.intervals import IntervalGrid, interval_start
from vpp.forecasting.models.live import (
    FEWEST_DAYS,
    LEARNERS,
    MAXIMUM_FEEDERS,
    FittedVersion,
    fit_version,
    known_days,
)
from vpp.ports import Clock, CycleStore, FeederHistory, ForecastMemory

log = structlog.get_logger()

NICENESS = 10
Floats = NDArray[np.float64]


@dataclass(slots=True, kw_only=True)
class Training:
    """Holds the newest version; a fit that fails leaves the old one in place."""

    store: CycleStore
    clock: Clock
    interval: timedelta
    history: timedelta
    horizon_intervals: int  # of a version: longer than a forecast by the time between two fits
    timezone: str
    holidays: frozenset[date]
    memory: ForecastMemory | None = None
    version: FittedVersion | None = None
    _pool: ProcessPoolExecutor | None = field(default=None)

    async def restore(self) -> None:
        """Take up the version stored last; one that cannot be read is as good as none."""
        stored = None if self.memory is None else await self.memory.newest_version()
        if stored is None:
            return
        try:
            self.version = FittedVersion.from_bytes(stored.content)
        except ValueError as error:
            log.warning("a stored version cannot be used", version=stored.version, reason=str(error))

    async def fit(self, executor: Executor | None = None) -> FittedVersion | None:
        """Fit a new version to what is metered by now; None where there is too little history.

        executor: where to fit, instead of in the process that is kept for it.
        """
        now = self.clock.now()
        end = interval_start(now, self.interval)
        grid = IntervalGrid(
            start=end - self.history, length=self.interval, count=self.history // self.interval
        )
        history = await self.store.feeder_history(grid=grid, known_at=now)
        history = await asyncio.to_thread(_from_first_value, history)
        days = known_days(history)
        if days < FEWEST_DAYS or len(history.feeder_ids) > MAXIMUM_FEEDERS:
            log.info("no fit", days=days, expected=FEWEST_DAYS, feeders=len(history.feeder_ids))
            return None
        if executor is None and self._pool is None:
            # A process that was forked would share the event loop's locks.
            self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_be_nice)
        try:
            version = await asyncio.get_running_loop().run_in_executor(
                executor or self._pool, _fit, history, self.horizon_intervals, self.timezone, self.holidays
            )
        except BrokenExecutor:
            self.close()  # the next fit starts a new process
            raise
        self.version = version
        if self.memory is not None:
            summary = {"days": days, "error_share": list(version.error_share), "until": end.isoformat()}
            await self.memory.save_version(trained_at=now, summary=summary, content=version.to_bytes())
        log.info(
            "fitted",
            until=end.isoformat(),
            days=days,
            error_share=[round(one, 4) for one in version.error_share],
        )
        return version

    def members(
        self, feeder_ids: tuple[str, ...], grid: IntervalGrid, fallback_kw: Floats
    ) -> dict[str, Floats]:
        """Return what each learner says over `grid`, (F, T), kW; `fallback_kw` where it says nothing."""
        version = self.version
        result = dict.fromkeys(LEARNERS, fallback_kw)
        if version is None or version.feeder_ids != feeder_ids or version.grid.length != grid.length:
            return result
        index = version.grid.index_of(grid.start) + np.arange(grid.count)
        inside = (index >= 0) & (index < version.grid.count)
        for name, said_kw in zip(LEARNERS, version.p50_kw, strict=True):
            found = said_kw[:, np.where(inside, index, 0)]
            result[name] = np.where(inside & np.isfinite(found), found, fallback_kw)
        return result

    def close(self) -> None:
        """End the process, if there is one, without waiting for a fit."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def _be_nice() -> None:
    os.nice(NICENESS)


def _fit(history: FeederHistory, horizon: int, timezone: str, holidays: frozenset[date]) -> FittedVersion:
    return fit_version(history, horizon, timezone=timezone, holidays=holidays)


def _from_first_value(history: FeederHistory) -> FeederHistory:
    """Return the history without the time before the first value."""
    known = np.isfinite(history.consumption_kw).any(axis=0)
    first = int(np.argmax(known)) if known.any() else 0
    grid = history.grid
    return FeederHistory(
        feeder_ids=history.feeder_ids,
        grid=IntervalGrid(start=grid.start_of(first), length=grid.length, count=grid.count - first),
        consumption_kw=history.consumption_kw[:, first:],
        pv_kw=history.pv_kw[:, first:],
    )
