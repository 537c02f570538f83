"""The database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vpp.control.record import CycleRecord
from vpp.domain.assets import Fleet
from vpp.domain.forecasts import ContextItem, LoadForecast, ModelCall
from vpp.domain.intervals import IntervalGrid
from vpp.domain.prices import PricePoint
from vpp.domain.readings import ChargingSession, FeederReading, ReadingColumns
from vpp.domain.runs import EVERY_RUN, DispatchPlan, RunFilter, RunSummary
from vpp.domain.setpoints import Acknowledgement, SetpointColumns
from vpp.domain.state import FleetState
from vpp.ports.paging import Page
from vpp.ports.records import (
    FeederHistory,
    ReadingDays,
    ReadingPage,
    ReadingUpkeep,
    SetpointTrail,
    StoredSetpoint,
)


class CycleStore(Protocol):
    """What the loop and the forecast job need of a store; a replay brings its own."""

    async def feeder_history(self, *, grid: IntervalGrid, known_at: datetime) -> FeederHistory:
        """Return the metering over `grid` as it was known at `known_at`, feeders in fleet order."""

    async def sessions_between(
        self, *, start: datetime, end: datetime, known_at: datetime
    ) -> list[ChargingSession]:
        """Return the sessions that overlap [start, end), as last announced by `known_at`."""

    async def prices_between(self, *, start: datetime, end: datetime, known_at: datetime) -> list[PricePoint]:
        """Return the prices that overlap [start, end), as last published by `known_at`, by start."""

    async def context_between(
        self, *, start: datetime, end: datetime, known_at: datetime
    ) -> list[ContextItem]:
        """Return the items valid within [start, end) and available at `known_at`."""

    async def save_forecast(self, forecast: LoadForecast, call: ModelCall | None) -> None:
        """Store a forecast and the model call behind it, in one transaction."""

    async def newest_forecast(self, *, available_at: datetime) -> LoadForecast | None:
        """Return the forecast that became available last, not after `available_at`."""

    async def save_run(
        self,
        run: RunSummary,
        *,
        plan: DispatchPlan | None,
        state: FleetState,
        setpoints: SetpointColumns | None,
        record: CycleRecord | None = None,
    ) -> None:
        """Store a run with its snapshot, plan and orders in one transaction, before anything is sent.

        `record` is what a replay needs; runs that did not plan have none.
        """


class Store(CycleStore, Protocol):
    """The database. Every method is durable when it returns."""

    # fleet -------------------------------------------------------------------------------------
    async def save_fleet(self, fleet: Fleet) -> None:
        """Insert or replace assets and feeders; assets keep their slot for good."""

    async def load_fleet(self) -> Fleet:
        """Return the fleet in slot order."""

    async def next_epoch(self) -> int:
        """Take the writer's lock and return a new epoch, higher than every one before.

        Raises WriterLockError when another service holds the lock.
        """

    # what comes in -----------------------------------------------------------------------------
    async def append_readings(self, readings: ReadingColumns) -> None:
        """Store readings; one that is already there (same asset and measured_at) changes nothing."""

    async def latest_readings(self) -> ReadingColumns:
        """Return the newest GOOD reading of every asset that has one."""

    async def readings_between(
        self,
        *,
        start: datetime,
        end: datetime,
        slots: NDArray[np.int64] | None,
        page_size: int,
        page_token: str,
    ) -> ReadingPage:
        """Return readings measured in [start, end) by the nodes' clocks, of `slots` or of all assets.

        They come by time and slot, out of the database and the archive alike.
        """

    async def reading_days(self) -> ReadingDays:
        """Return which days of readings the database holds."""

    async def keep_readings(self) -> ReadingUpkeep:
        """Make days ahead, archive closed ones, drop those that are older than kept."""

    async def keep_records(self) -> int:
        """Drop records of cycles that are older than kept, and return how many."""

    async def append_feeder_readings(self, readings: Sequence[FeederReading]) -> None:
        """Store feeder metering; repeated rows change nothing."""

    async def save_sessions(self, sessions: Sequence[ChargingSession]) -> None:
        """Store charging sessions; one with the same asset and connected_from supersedes the older."""

    async def save_prices(self, prices: Sequence[PricePoint]) -> None:
        """Store published prices; superseded, never overwritten."""

    async def save_context(self, items: Sequence[ContextItem]) -> None:
        """Store context items; a repeated id changes nothing."""

    async def get_context(self, item_id: str) -> ContextItem | None:
        """Return one context item."""

    # forecasts ---------------------------------------------------------------------------------
    async def get_forecast(self, forecast_id: str) -> LoadForecast | None:
        """Return one forecast."""

    async def get_model_call(self, call_id: str) -> ModelCall | None:
        """Return one model call."""

    async def list_forecasts(self, *, page_size: int, page_token: str) -> Page[LoadForecast]:
        """Return forecasts, newest first."""

    # runs, plans, orders -----------------------------------------------------------------------
    async def last_plan(self) -> DispatchPlan | None:
        """Return the plan of the newest dispatch run that has one; what was only looked at does not count."""

    async def get_run(self, run_id: str) -> RunSummary | None:
        """Return one run."""

    async def run_of_trigger(self, trigger: str) -> RunSummary | None:
        """Return the first run that this set off."""

    async def acknowledged_orders(self, run_id: str) -> int:
        """Return how many orders of a run a node has answered."""

    async def get_plan(self, run_id: str) -> DispatchPlan | None:
        """Return the plan of a run."""

    async def list_runs(
        self, *, page_size: int, page_token: str, wanted: RunFilter = EVERY_RUN
    ) -> Page[RunSummary]:
        """Return those runs that a filter lets through, newest first."""

    async def list_setpoints(
        self, *, run_id: str, asset_id: str, page_size: int, page_token: str
    ) -> Page[StoredSetpoint]:
        """Return orders, newest first; an empty run_id or asset_id means any."""

    async def append_acknowledgements(self, acknowledgements: Sequence[Acknowledgement]) -> None:
        """Store what nodes said of their orders."""

    async def trail(self, *, asset_id: str, epoch: int, sequence: int) -> SetpointTrail | None:
        """Return everything one order rests on."""

    async def close(self) -> None:
        """Let go of the database and of the writer's lock."""
