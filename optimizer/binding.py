"""Why something was not met: the limit that rules it out, whatever else binds beside it.

Energy missing at a departure, on a trip or at the end is held against what the asset alone could have
stored at full power. If that was enough, the intervals in which it still had room are looked at:

    charge ▲ max ─ ─┬────┬─ ─ ─ ┬────┬─ ─     room only where the feeder is at its limit: the feeder binds;
           │   ┌────┘    └──┐   │    └──      where the portfolio is: the portfolio; anywhere else the
           └───┴────────────┴───┴──────►      energy was dearer than missing it.
"""

from __future__ import annotations

import numpy as np

from optimizer import evaluate
from optimizer.plan import Schedule
from optimizer.problem import Floats, Ints, Problem

ENERGY_MAX = "energy_max: more is asked, with the trips before, than the asset holds"
NO_WINDOW = "window: the asset is never connected before"
WINDOW_OR_POWER = "window or charge power: the window is too short at full power"
FEEDER = "feeder limit: at its import limit wherever the asset still had room"
PORTFOLIO = "portfolio limit: at its import limit wherever the asset still had room"
FEEDER_AND_PORTFOLIO = (
    "feeder and portfolio limits: one or the other is reached wherever there still was room"
)
EVENT = "event: an event holds consumption down wherever the asset still had room"
MIN_POWER = "minimum power: the asset cannot charge as little as is missing"
PRICE = "price: meeting it costs more than its penalty"
LOAD = "load: the uncontrolled load alone is beyond the limit"
ASKED = "energy asked of the assets, or prices, outweigh the penalty of the limit"
FLEET_POWER = "power: more than the connected assets have"
EVENT_CONFLICT = "event conflict: an event of the other direction asks for the opposite"
EVENT_COST = "energy or price: the fleet's energy does not last, or is dearer than the penalty"

ROOM_KW = 1e-6
"""Less room than this under a power limit is none."""
ROOM_KWH = 1e-6


def why_energy_is_missing(
    problem: Problem,
    schedule: Schedule,
    paths: evaluate.Paths,
    asset: int,
    end: int,
    *,
    asked_kwh: float,
    missing_kwh: float,
) -> str:
    """Name what kept an asset from `asked_kwh` at the start of interval `end`."""
    assets = problem.assets
    rows = np.flatnonzero(problem.windows.asset == asset)
    connected = connected_intervals(problem, rows)
    connected = connected[connected < end]
    if not len(connected):
        return NO_WINDOW
    most_kw, most_kwh = float(assets.max_charge_kw[asset]), float(assets.energy_max_kwh[asset])
    by_size = _most_energy(problem, asset, rows, connected, end, charge_kw=np.inf, most_kwh=most_kwh)
    by_power = _most_energy(problem, asset, rows, connected, end, charge_kw=most_kw, most_kwh=np.inf)
    both = _most_energy(problem, asset, rows, connected, end, charge_kw=most_kw, most_kwh=most_kwh)
    if both < asked_kwh - ROOM_KWH:
        return ENERGY_MAX if by_size < by_power else WINDOW_OR_POWER
    room = connected[schedule.charge_kw[asset, connected] < assets.max_charge_kw[asset] - ROOM_KW]
    least = problem.interval_h * assets.min_charge_kw[asset] * assets.charge_efficiency[asset]
    if missing_kwh < least and asked_kwh - missing_kwh + least > assets.energy_max_kwh[asset]:
        return MIN_POWER
    return _shared_limit(problem, paths, int(assets.feeder[asset]), room)


def _shared_limit(problem: Problem, paths: evaluate.Paths, feeder: int, room: Ints) -> str:
    """Name the shared limit that is reached in all the intervals `room`; the price where there is none."""
    limit = problem.feeders.import_limit_kw[feeder]
    at_feeder = (paths.feeder_kw[:, feeder] >= limit - ROOM_KW).any(axis=0)[room]
    net = paths.feeder_kw.sum(axis=1)
    at_portfolio = (net >= problem.import_limit_kw - ROOM_KW).any(axis=0)[room]
    at_event = _held_down(problem, paths)[room]
    for reached, name in (
        (at_feeder, FEEDER),
        (at_portfolio, PORTFOLIO),
        (at_feeder | at_portfolio, FEEDER_AND_PORTFOLIO),
        (at_event, EVENT),
    ):
        if len(room) and reached.all():
            return name
    return PRICE


def connected_intervals(problem: Problem, rows: Ints) -> Ints:
    """Return the intervals in which the asset whose windows are `rows` is connected."""
    if not len(rows):
        return np.arange(problem.intervals)
    spans = [np.arange(problem.windows.from_interval[w], problem.windows.to_interval[w]) for w in rows]
    return np.concatenate(spans).astype(np.int64)


def _most_energy(
    problem: Problem,
    asset: int,
    rows: Ints,
    connected: Ints,
    end: int,
    *,
    charge_kw: float,
    most_kwh: float,
) -> float:
    """Return what that power would have stored by the start of interval `end`, trips before it taken off."""
    assets, windows = problem.assets, problem.windows
    gain = problem.interval_h * charge_kw * assets.charge_efficiency[asset]
    rows = rows[windows.to_interval[rows] < end]
    trips = sorted((int(windows.to_interval[w]), float(windows.trip_energy_kwh[w])) for w in rows)
    energy, before = float(assets.energy_initial_kwh[asset]), 0
    for at, trip in [*trips, (end, 0.0)]:
        count = int(((connected >= before) & (connected < at)).sum())
        energy = max(min(energy + (count * gain if count else 0.0), most_kwh) - trip, 0.0)
        before = at
    return energy


def _held_down(problem: Problem, paths: evaluate.Paths) -> Floats:
    """Mark the intervals in which an `up` event leaves the fleet no more consumption, shape (T,)."""
    events, held = problem.events, np.zeros(problem.intervals, dtype=bool)
    discharge = -paths.fleet_kw.sum(axis=0)
    for e in range(0 if events is None else len(events)):
        assert events is not None
        span = slice(events.from_interval[e], events.to_interval[e])
        if events.up[e]:
            held[span] |= discharge[span] <= events.target_kw[e] + ROOM_KW
    return held


def why_overloaded(over_kw: float, alone_kw: float) -> str:
    """Name what overloads a feeder or the portfolio, given the overload without any asset."""
    return LOAD if alone_kw >= over_kw - ROOM_KW else ASKED


def why_event_is_missed(problem: Problem, event: int, interval: int) -> str:
    """Name what kept the fleet from an event's target."""
    events, assets = problem.events, problem.assets
    assert events is not None
    sign = 1.0 if events.up[event] else -1.0
    power = assets.max_discharge_kw if events.up[event] else assets.max_charge_kw
    if power[connected_at(problem, interval)].sum() < sign * events.target_kw[event] - ROOM_KW:
        return FLEET_POWER
    running = (events.from_interval <= interval) & (interval < events.to_interval)
    other = running & (events.up != events.up[event])
    clash = sign * (events.target_kw[event] - events.target_kw) > ROOM_KW
    return EVENT_CONFLICT if bool((other & clash).any()) else EVENT_COST


def connected_at(problem: Problem, interval: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Mark the assets that are connected in an interval, shape (N,)."""
    windows = problem.windows
    here = np.ones(len(problem.assets), dtype=bool)
    here[windows.asset] = False
    inside = (windows.from_interval <= interval) & (interval < windows.to_interval)
    here[windows.asset[inside]] = True
    return here
