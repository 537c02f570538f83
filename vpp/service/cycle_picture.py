"""What a cycle knows: gathered from the nodes, the database and the operators at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from vpp.control.cycle_values import CycleInputs
from vpp.domain.errors import InvalidValueError
from vpp.domain.intervals import IntervalGrid
from vpp.domain.prices import PriceCurve, PricePoint
from vpp.domain.readings import ChargingSession
from vpp.domain.signals import Signal
from vpp.forecasting.prices import extend_prices
from vpp.forecasting.stays import MEMORY as HABIT_MEMORY
from vpp.forecasting.stays import expected_sessions

if TYPE_CHECKING:
    from vpp.service.loop import DispatchLoop

PRICE_MEMORY = timedelta(days=3)  # nothing is planned when no price is newer than this
PRICE_HISTORY = timedelta(days=35)  # what prices that are not published yet are forecast from
SESSION_MEMORY = timedelta(days=2)


async def inputs_of(
    loop: DispatchLoop, run_id: str, now: datetime, grid: IntervalGrid, portfolio: str = ""
) -> CycleInputs:
    """Return everything that a cycle at `now` for `grid` knows; raise InvalidValueError for no portfolio."""
    inside = loop.portfolios.of_assets(loop.fleet, portfolio) if portfolio else None
    points = await loop.store.prices_between(start=now - PRICE_HISTORY, end=grid.end, known_at=now)
    sessions = await _sessions(loop, grid, now)
    signals = await _signals(loop, grid, now)
    return CycleInputs(
        run_id=run_id,
        now=now,
        grid=grid,
        fleet=loop.fleet,
        readings=loop.link.latest_readings(),
        quarantined=loop.link.quarantined(),
        orders=loop.book.numbered(now),
        reachable=loop.reachable(),
        forecast=await loop.store.newest_forecast(available_at=now),
        prices=_known_prices(points, grid, now, loop.timezone),
        sessions=[session for session in sessions if session.connected_until > now],
        previous=loop.followed.plan,
        peak_so_far_kw=await loop.peak.read(loop.store, now),
        epoch=loop.epoch,
        policy=loop.policy,
        judgement=loop.watch.judgement() if loop.watch is not None else None,
        overrides=loop.overrides.columns(now),
        approvals=loop.approvals.terms if loop.approvals is not None else None,
        signals=signals,
        event_baselines=await loop.baselines.on(signals, grid, now) if loop.baselines is not None else (),
        portfolio=portfolio,
        inside=inside,
    )


async def _signals(loop: DispatchLoop, grid: IntervalGrid, now: datetime) -> list[Signal]:
    if loop.signals is None:
        return []
    return await loop.signals.signals_between(start=grid.start, end=grid.end, known_at=now)


async def _sessions(loop: DispatchLoop, grid: IntervalGrid, now: datetime) -> list[ChargingSession]:
    """Return the announced stays, and those that habits suggest where that is switched on."""
    memory = HABIT_MEMORY if loop.expect_stays else SESSION_MEMORY
    known = await loop.store.sessions_between(start=now - memory, end=grid.end, known_at=now)
    if not loop.expect_stays:
        return known
    by_habit = expected_sessions(
        known, start=grid.start, end=grid.end, now=now, timezone=loop.timezone, holidays=loop.holidays
    )
    return [*known, *by_habit]


def _known_prices(
    points: Sequence[PricePoint], grid: IntervalGrid, now: datetime, timezone: str
) -> PriceCurve | None:
    """Return the prices over `grid`, None where none is known: the run then says why it orders nothing."""
    if all(point.end <= now - PRICE_MEMORY for point in points):
        return None
    try:
        return extend_prices(points, grid, now, timezone=timezone)
    except InvalidValueError:
        return None
