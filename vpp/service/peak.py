"""The highest import of the billing period so far: metered load plus what the fleet was ordered to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from vpp.domain.intervals import IntervalGrid
from vpp.domain.runs import DispatchPlan, RunKind
from vpp.ports import CycleStore, Store

METER_DELAY_INTERVALS = 8  # metering older than this, and still missing, is not waited for


@dataclass(slots=True, kw_only=True)
class PeakMeter:
    """Follows the portfolio's mean import per interval; kW, positive imports."""

    interval: timedelta
    peak_kw: float = 0.0
    _fleet_kw: dict[datetime, float] = field(default_factory=dict)  # ordered net discharge by interval

    def ordered(self, plan: DispatchPlan) -> None:
        """Note what the fleet was ordered to do in the plan's first interval."""
        self._fleet_kw[plan.grid.start] = float(plan.power_kw[:, 0].sum())

    async def read(self, store: CycleStore, now: datetime) -> float:
        """Take in the intervals whose metering has arrived, and return the peak, kW."""
        if not self._fleet_kw:
            return self.peak_kw
        first = min(self._fleet_kw)
        grid = IntervalGrid(start=first, length=self.interval, count=max(0, (now - first) // self.interval))
        if grid.count == 0:
            return self.peak_kw
        history = await store.feeder_history(grid=grid, known_at=now)
        load_kw = (history.consumption_kw - history.pv_kw).sum(axis=0)
        for start, load in zip(grid.starts(), load_kw, strict=True):
            too_old = start < now - METER_DELAY_INTERVALS * self.interval
            if np.isnan(load) and not too_old:
                continue
            fleet_kw = self._fleet_kw.pop(start, None)
            if fleet_kw is not None and not np.isnan(load):
                self.peak_kw = max(self.peak_kw, float(load) - fleet_kw)
        return self.peak_kw


async def restore_peak(store: Store, *, interval: timedelta, since: datetime, now: datetime) -> PeakMeter:
    """Return the meter as it stood before a restart, from the runs since `since`."""
    meter, token = PeakMeter(interval=interval), ""
    while True:
        page = await store.list_runs(page_size=500, page_token=token)
        for run in page.items:
            if run.started_at < since:
                break
            plan = await store.get_plan(run.run_id) if run.kind is RunKind.DISPATCH else None
            if plan is not None:
                meter.ordered(plan)
        if not page.next_token or (page.items and page.items[-1].started_at < since):
            break
        token = page.next_token
    await meter.read(store, now)
    return meter
