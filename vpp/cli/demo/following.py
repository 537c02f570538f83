"""Follows a day of dispatch through the operator's calls: what an operator's own screen would ask."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from vpp.cli.demo.screen import CycleRow
from vpp.client import Client
from vpp.domain.intervals import IntervalGrid
from vpp.rpcgen import operator_pb2 as pb

FIRST_RUNG = pb.RUNG_OPTIMAL
ACKNOWLEDGED = {"received", "started", "completed", "superseded", "expired"}
RECENT_RUNS = 4  # whose acknowledgements may still change


@dataclass(slots=True, kw_only=True)
class CycleRecord:
    """What is known of one run of the day."""

    run: pb.Run
    bill: float | None = None
    peak_kw: float = 0.0
    loading: float = 0.0
    overload_kw: float = 0.0  # planned, beyond the limits and beyond the load alone
    states: Counter[str] = field(default_factory=Counter)  # of its orders; "" where nothing was said

    @property
    def sent(self) -> int:
        return sum(self.states.values())

    @property
    def acknowledged(self) -> int:
        return sum(count for state, count in self.states.items() if state in ACKNOWLEDGED)


@dataclass(slots=True, kw_only=True)
class DayFollower:
    """Collects the runs of one day. `rows` gives what is new or has changed."""

    client: Client
    day: IntervalGrid
    zone: ZoneInfo
    currency: str
    records: dict[str, CycleRecord] = field(default_factory=dict)
    forecasts: dict[str, pb.Forecast] = field(default_factory=dict)
    _feeders: dict[str, str] = field(default_factory=dict)

    def poll(self) -> list[tuple[str, CycleRow]]:
        """Ask the service once, and return the rows of new and recent runs, oldest first."""
        runs = [run for run in reversed(list(self.client.runs(limit=8))) if self._is_of_the_day(run)]
        if any(run.forecast_id not in self.forecasts for run in runs):
            for forecast in self.client.forecasts(limit=5):
                self.forecasts[forecast.forecast_id] = forecast
        for run in runs:
            if run.run_id not in self.records:
                self.records[run.run_id] = self._record(run)
        recent = list(self.records)[-RECENT_RUNS:]
        for run_id in recent:
            self._read_states(self.records[run_id])
        return [(run_id, self._row(self.records[run_id])) for run_id in recent]

    def finish(self) -> None:
        """Read the last word on every order, and every forecast of the day."""
        for record in self.records.values():
            self._read_states(record)
        self.forecasts.update({forecast.forecast_id: forecast for forecast in self.client.forecasts()})

    def is_complete(self) -> bool:
        """Return whether the run of the day's last interval is known."""
        last = self.day.start_of(self.day.count - 1)
        return any(_time(record.run) >= last for record in self.records.values())

    def _is_of_the_day(self, run: pb.Run) -> bool:
        return self.day.start <= _time(run) < self.day.end

    def _record(self, run: pb.Run) -> CycleRecord:
        record = CycleRecord(run=run, bill=run.objective if run.HasField("objective") else None)
        if record.bill is None:
            return record
        plan = self.client.plan(run.run_id)
        fleet = {feeder.feeder_id: np.zeros(len(feeder.net_load_kw)) for feeder in plan.feeders}
        for schedule in plan.schedules:
            fleet[self._feeder_of(schedule.asset_id)] += np.array(schedule.power_kw)
        net = np.zeros(self.day.count)
        for feeder in plan.feeders:
            load = np.array(feeder.net_load_kw)
            planned = load - fleet[feeder.feeder_id]
            net = net[: len(planned)] + planned
            record.loading = max(
                record.loading,
                planned.max() / feeder.import_limit_kw,
                -planned.min() / feeder.export_limit_kw,
            )
            over = np.maximum(planned - np.maximum(feeder.import_limit_kw, load), 0.0)
            record.overload_kw = max(record.overload_kw, float(over.max()))
        record.peak_kw = float(net.max())
        return record

    def _feeder_of(self, asset_id: str) -> str:
        if not self._feeders:
            self._feeders.update({asset.asset_id: asset.feeder_id for asset in self.client.assets()})
        return self._feeders[asset_id]

    def _read_states(self, record: CycleRecord) -> None:
        orders = self.client.setpoints(run_id=record.run.run_id)
        record.states = Counter(order.acknowledged for order in orders)

    def _row(self, record: CycleRecord) -> CycleRow:
        run = record.run
        forecast = self.forecasts.get(run.forecast_id)
        return CycleRow(
            cycle=f"{_time(run).astimezone(self.zone):%a %H:%M}",
            forecast=f"{forecast.source} ({forecast.verdict})" if forecast is not None else "none",
            bill=f"{record.bill:.2f} {self.currency}" if record.bill is not None else "-",
            peak_kw=f"{record.peak_kw:.0f}" if record.bill is not None else "-",
            loading=f"{record.loading:.0%}" if record.bill is not None else "-",
            sent=record.sent,
            acknowledged=record.acknowledged,
            gap=f"{run.gap:.4%}" if run.HasField("gap") else "-",
            rung=pb.Rung.Name(run.rung).removeprefix("RUNG_").lower(),
        )


def _time(run: pb.Run) -> datetime:
    return run.cycle_start.ToDatetime(tzinfo=UTC)
