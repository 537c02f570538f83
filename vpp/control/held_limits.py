"""The limits that signals set, worked out a second time for the last look at a plan.

By another way than planning: moment by moment, place by place. A mistake there is not repeated here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from vpp.control.in_force import in_force
from vpp.domain.assets import AssetKind, Fleet
from vpp.domain.intervals import IntervalGrid
from vpp.domain.policy import DispatchPolicy
from vpp.domain.signals import DispatchEvent, MaintenanceWindow, OperatingEnvelope, OptOut, Signal

LEAST_FEEDER_KW = 1e-3  # a feeder's limit in a problem is positive; so much is none


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLimit:
    """In one interval: the most that some assets may charge and discharge together, kW."""

    interval: int
    slots: NDArray[np.int64]
    charge_kw: float
    discharge_kw: float
    signal_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLimits:
    """Import and export limits of the feeders (F, T), kW, and the limits of sites and resting assets."""

    import_limit_kw: NDArray[np.float64]
    export_limit_kw: NDArray[np.float64]
    sites: tuple[SiteLimit, ...]


def held_limits(
    signals: Sequence[Signal], fleet: Fleet, grid: IntervalGrid, policy: DispatchPolicy
) -> HeldLimits | None:
    """Return the tightest limits of every interval; None where no signal limits anything."""
    limiting = [s for s in signals if isinstance(s.content, OperatingEnvelope | MaintenanceWindow | OptOut)]
    if not limiting:
        return None
    events = [signal for signal in signals if isinstance(signal.content, DispatchEvent)]
    feeders = np.array([[f.import_limit_kw, f.export_limit_kw] for f in fleet.feeders])
    tightest = np.repeat(feeders.T[:, :, None], grid.count, axis=2)
    sites: list[SiteLimit] = []
    for interval in range(grid.count):
        start, end = grid.start_of(interval), grid.start_of(interval + 1)
        near = [signal for signal in limiting if signal.valid_from < end and signal.valid_until > start]
        if not near:
            continue
        moments = _moments(near, start, end)
        by_moment = [_feeder_limits(near, moment, fleet, policy) for moment in moments]
        for row in {row for limits in by_moment for row in limits}:
            each = [limits.get(row, tuple(feeders[row])) for limits in by_moment]
            tightest[:, row, interval] = np.maximum(np.array(each).min(axis=0), LEAST_FEEDER_KW)
        running = {term.signal.signal_id for term in in_force(events, start=start, end=end)}
        sites += _sites(near, moments, running, fleet, interval)
    return HeldLimits(import_limit_kw=tightest[0], export_limit_kw=tightest[1], sites=tuple(sites))


def _moments(signals: Sequence[Signal], start: datetime, end: datetime) -> list[datetime]:
    """Return the start and every moment within [start, end) at which something changes."""
    edges = {edge for signal in signals for edge in (signal.valid_from, signal.valid_until)}
    return [start, *sorted(edge for edge in edges if start < edge < end)]


def _feeder_limits(
    signals: Sequence[Signal], moment: datetime, fleet: Fleet, policy: DispatchPolicy
) -> dict[int, tuple[float, float]]:
    """Return import and export limit, by row, of the feeders that have an envelope at `moment`."""
    found: dict[int, tuple[float, float]] = {}
    for row, feeder in enumerate(fleet.feeders):
        valid = [
            signal
            for signal in signals
            if isinstance(signal.content, OperatingEnvelope)
            and signal.content.feeder_id == feeder.feeder_id
            and signal.valid_from <= moment < signal.valid_until
        ]
        if not valid:
            continue
        first = max(valid, key=_rank).content
        assert isinstance(first, OperatingEnvelope)
        if first.may_widen and policy.envelopes_may_widen:
            found[row] = (first.import_limit_kw, first.export_limit_kw)
        else:
            found[row] = (
                min(first.import_limit_kw, feeder.import_limit_kw),
                min(first.export_limit_kw, feeder.export_limit_kw),
            )
    return found


def _sites(
    signals: Sequence[Signal], moments: Sequence[datetime], events: set[str], fleet: Fleet, interval: int
) -> Iterator[SiteLimit]:
    """Yield what assets may do at most in an interval: every limit that holds at one of its moments."""
    slot_of = fleet.slots()
    for signal in signals:
        content, limits = signal.content, (0.0, 0.0)
        if isinstance(content, MaintenanceWindow):
            slots = [slot_of[name] for name in content.asset_ids if name in slot_of]
            if content.feeder_id:
                slots = [k for k, a in enumerate(fleet.assets) if a.feeder_id == content.feeder_id]
        elif isinstance(content, OperatingEnvelope):
            if not content.asset_ids or not any(_holds(signal, signals, moment) for moment in moments):
                continue
            limits = (content.import_limit_kw, content.export_limit_kw)
            slots = [slot_of[name] for name in content.asset_ids if name in slot_of]
        elif isinstance(content, OptOut) and content.event_id in events and content.asset_id in slot_of:
            slot = slot_of[content.asset_id]
            slots = [] if fleet.assets[slot].kind is AssetKind.EV_CHARGER else [slot]
        else:
            continue
        if slots:
            yield SiteLimit(
                interval=interval,
                slots=np.array(slots, dtype=np.int64),
                charge_kw=limits[0],
                discharge_kw=limits[1],
                signal_id=signal.signal_id,
            )


def _holds(envelope: Signal, signals: Sequence[Signal], moment: datetime) -> bool:
    """Return whether a site's envelope holds at a moment: valid, and outranked by no other of the site."""
    assert isinstance(envelope.content, OperatingEnvelope)
    site = set(envelope.content.asset_ids)
    rivals = [
        signal
        for signal in signals
        if isinstance(signal.content, OperatingEnvelope)
        and set(signal.content.asset_ids) == site
        and signal.valid_from <= moment < signal.valid_until
    ]
    return bool(rivals) and max(rivals, key=_rank) is envelope


def _rank(signal: Signal) -> tuple[int, datetime, str]:
    return -signal.primacy, signal.available_at, signal.signal_id
