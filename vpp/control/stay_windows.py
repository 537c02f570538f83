"""The stays of cars as the optimizer's windows, and windows of what must rest meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np

import optimizer
from vpp.control.estimate import stays_connected
from vpp.control.limited_assets import cut_stays
from vpp.control.signals_on_grid import SignalsOnGrid
from vpp.domain.assets import Fleet
from vpp.domain.intervals import IntervalGrid
from vpp.domain.readings import ChargingSession, to_microseconds
from vpp.domain.state import FleetState


def windows_of(
    *,
    fleet: Fleet,
    grid: IntervalGrid,
    sessions: Sequence[ChargingSession],
    state: FleetState,
    signals: SignalsOnGrid,
) -> optimizer.Windows:
    """Return the stays of EVs as windows on the grid, and windows of what must rest meanwhile.

    A stay that ends beyond the horizon asks at its end for what could not be charged afterwards.
    """
    slots = fleet.slots()
    lasting = stays_connected(fleet)
    rows: list[tuple[int, int, int, float, float]] = []
    for session in sorted(sessions, key=lambda item: (item.asset_id, item.connected_from)):
        slot = slots.get(session.asset_id)
        if slot is None or lasting[slot]:
            continue
        asset = fleet.assets[slot]
        begin = max(_first_interval(state, slot, session), grid.first_at_or_after(session.connected_from))
        end = min(grid.count, grid.index_of(session.connected_until))
        if end <= begin:
            continue
        later_h = max(0.0, (session.connected_until - grid.end).total_seconds() / 3600)
        chargeable_later = later_h * asset.max_charge_kw * asset.charge_efficiency
        leaves = session.connected_until <= grid.end
        departure = min(session.departure_energy_kwh, asset.energy_max_kwh) - chargeable_later
        rows.append((slot, begin, end, max(0.0, departure), session.trip_energy_kwh if leaves else 0.0))
    return _window_columns(cut_stays(_without_overlaps(rows), signals, lasting))


def _first_interval(state: FleetState, slot: int, session: ChargingSession) -> int:
    """Return the first interval in which a car can be counted on.

    One that was measured absent during its stay is late or has left: nothing rests on it now, and
    the next cycle looks again.
    """
    said_absent = state.usable[slot] and not state.connected[slot]
    return int(said_absent and state.measured_at_us[slot] >= to_microseconds(session.connected_from))


def _without_overlaps(
    rows: Sequence[tuple[int, int, int, float, float]],
) -> list[tuple[int, int, int, float, float]]:
    """Return rows by (asset, from), an earlier stay cut where the next begins."""
    ordered = sorted(rows)
    cut: list[tuple[int, int, int, float, float]] = []
    for row, following in zip_longest(ordered, ordered[1:]):
        end = min(row[2], following[1]) if following is not None and following[0] == row[0] else row[2]
        if end > row[1]:
            cut.append((row[0], row[1], end, row[3], row[4]))
    return cut


def _window_columns(rows: Sequence[tuple[int, int, int, float, float]]) -> optimizer.Windows:
    if not rows:
        return optimizer.Windows.none()
    asset, begin, end, departure, trip = zip(*rows, strict=True)
    return optimizer.Windows(
        asset=np.array(asset, dtype=np.int64),
        from_interval=np.array(begin, dtype=np.int64),
        to_interval=np.array(end, dtype=np.int64),
        departure_energy_kwh=np.array(departure, dtype=np.float64),
        trip_energy_kwh=np.array(trip, dtype=np.float64),
    )
