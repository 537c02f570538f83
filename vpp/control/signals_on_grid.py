"""What the signals in force ask of a plan, interval by interval. Pure.

An interval that a signal touches for a moment counts as a whole: limits are the tightest of the interval,
maintenance lasts to its end, and an event asks for its power throughout. Prices alone are averaged over time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.control.in_force import Term, in_force
from vpp.domain.assets import AssetKind, Fleet
from vpp.domain.intervals import IntervalGrid
from vpp.domain.prices import PriceCurve
from vpp.domain.signals import (
    BaselineMethod,
    Direction,
    DispatchEvent,
    MaintenanceWindow,
    OperatingEnvelope,
    OptOut,
    PriceSignal,
    ReserveRequest,
    Signal,
)

LEAST_LIMIT_KW: Final = 1e-3  # a feeder's limit is positive, also where nothing is left of it
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBaseline:
    """The fleet's power (T,) that an event is counted from, kW, positive discharges."""

    signal_id: str
    power_kw: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerAsk:
    """An event within the grid: the fleet's net discharge (T,) that is asked of it, NaN outside the event."""

    signal_id: str
    up: bool  # at least this much; otherwise at most
    power_kw: Floats
    value_per_kwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveAsk:
    """Reserve in one direction over intervals [first, end)."""

    product_id: str
    up: bool
    first: int
    end: int
    most_kw: float
    price_per_kw_h: float
    sustain: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalsOnGrid:
    """F feeders' limits (F, T), and what K limited assets may do at most (K, T), kW; 0 is rest."""

    import_limit_kw: Floats
    export_limit_kw: Floats
    slots: NDArray[np.int64]  # (K,), rising
    charge_kw: Floats
    discharge_kw: Floats
    asks: tuple[PowerAsk, ...] = ()
    reserves: tuple[ReserveAsk, ...] = ()
    signal_ids: tuple[str, ...] = ()  # of all signals in force within the grid


@dataclass(slots=True)
class _AssetLimits:
    """Limits of the assets that have some, gathered row by row."""

    fleet: Fleet
    intervals: int
    rows: dict[int, Floats] = field(default_factory=dict)  # slot -> (2, T): charge, discharge

    def tighten(self, slot: int, span: slice, charge_kw: float, discharge_kw: float) -> None:
        asset = self.fleet.assets[slot]
        if slot not in self.rows:
            ratings = [[asset.max_charge_kw], [asset.max_discharge_kw]]
            self.rows[slot] = np.repeat(np.array(ratings, dtype=np.float64), self.intervals, axis=1)
        row = self.rows[slot]
        row[:, span] = np.minimum(row[:, span], [[charge_kw], [discharge_kw]])


def signals_on(
    signals: Iterable[Signal],
    fleet: Fleet,
    grid: IntervalGrid,
    *,
    may_widen: bool = False,
    baselines: Iterable[EventBaseline] = (),
) -> SignalsOnGrid:
    """Return what `signals` mean on `grid`; those about assets or feeders that are not there mean nothing.

    `may_widen` lets envelopes that ask for it go beyond the register's limits. Where an event
    has no baseline among `baselines` it is zero.
    """
    terms = in_force(signals, start=grid.start, end=grid.end)
    limits = _AssetLimits(fleet, grid.count)
    _rest_and_share(terms, limits, fleet, grid)
    slots = np.array(sorted(limits.rows), dtype=np.int64)
    rows = np.array([limits.rows[slot] for slot in slots.tolist()]).reshape(len(slots), 2, grid.count)
    imports, exports = _feeder_limits(terms, fleet, grid, may_widen=may_widen)
    return SignalsOnGrid(
        import_limit_kw=imports,
        export_limit_kw=exports,
        slots=slots,
        charge_kw=rows[:, 0],
        discharge_kw=rows[:, 1],
        asks=tuple(_asks(terms, grid, {item.signal_id: item.power_kw for item in baselines})),
        reserves=tuple(_reserves(terms, grid)),
        signal_ids=tuple(sorted({term.signal.signal_id for term in terms})),
    )


def priced(prices: PriceCurve | None, signals: Iterable[Signal], grid: IntervalGrid) -> PriceCurve | None:
    """Return the prices with those of signals in their place, averaged over the time that each holds."""
    terms = [term for term in in_force(signals, start=grid.start, end=grid.end) if _is_price(term)]
    share = np.zeros(grid.count)
    money = np.zeros((2, grid.count))
    for term in terms:
        content = term.signal.content
        assert isinstance(content, PriceSignal)
        for interval in range(*_span(term, grid).indices(grid.count)):
            begin = max(grid.start_of(interval), term.start)
            part = (min(grid.start_of(interval + 1), term.end) - begin) / grid.length
            share[interval] += part
            money[:, interval] += (
                np.array([content.import_price_per_kwh, content.export_price_per_kwh]) * part
            )
    if not terms:
        return prices
    if prices is None:
        if (share < 1.0 - 1e-9).any():
            return None
        prices = PriceCurve(
            grid=grid,
            import_price_per_kwh=np.zeros(grid.count),
            export_price_per_kwh=np.zeros(grid.count),
            published=np.ones(grid.count, dtype=np.bool_),
        )
    rest = np.clip(1.0 - share, 0.0, 1.0)
    return PriceCurve(
        grid=grid,
        import_price_per_kwh=money[0] + rest * prices.import_price_per_kwh,
        export_price_per_kwh=money[1] + rest * prices.export_price_per_kwh,
        published=prices.published | (share > 0.0),
    )


def _is_price(term: Term) -> bool:
    return isinstance(term.signal.content, PriceSignal)


def _span(term: Term, grid: IntervalGrid) -> slice:
    """Return the intervals that a term touches."""
    first = max(0, grid.index_of(term.start))
    return slice(first, min(grid.count, grid.first_at_or_after(term.end)))


def _rest_and_share(terms: Sequence[Term], limits: _AssetLimits, fleet: Fleet, grid: IntervalGrid) -> None:
    """Gather the limits of single assets: maintenance, opting out, sites."""
    slot_of = fleet.slots()
    events = [term for term in terms if isinstance(term.signal.content, DispatchEvent)]
    for term in terms:
        content = term.signal.content
        if isinstance(content, MaintenanceWindow):
            for slot in _slots(content.feeder_id, content.asset_ids, fleet, slot_of):
                limits.tighten(slot, _span(term, grid), 0.0, 0.0)
        elif isinstance(content, OptOut) and content.asset_id in slot_of:
            slot = slot_of[content.asset_id]
            for event in events:
                # A car that opted out still charges what it needs; the others make up for it.
                if (
                    event.signal.signal_id == content.event_id
                    and fleet.assets[slot].kind is not AssetKind.EV_CHARGER
                ):
                    limits.tighten(slot, _span(event, grid), 0.0, 0.0)
        elif isinstance(content, OperatingEnvelope) and content.asset_ids:
            slots = _slots("", content.asset_ids, fleet, slot_of)
            shares = _shares(fleet, slots)
            for slot, (charge, discharge) in zip(slots, shares, strict=True):
                span = _span(term, grid)
                limits.tighten(
                    slot, span, content.import_limit_kw * charge, content.export_limit_kw * discharge
                )


def _slots(feeder_id: str, asset_ids: Sequence[str], fleet: Fleet, slot_of: Mapping[str, int]) -> list[int]:
    if feeder_id:
        return [slot for slot, asset in enumerate(fleet.assets) if asset.feeder_id == feeder_id]
    return [slot_of[asset_id] for asset_id in asset_ids if asset_id in slot_of]


def _shares(fleet: Fleet, slots: Sequence[int]) -> list[tuple[float, float]]:
    """Return each asset's part of a site's limits, by rating; the parts add up to one."""
    charge = [fleet.assets[slot].max_charge_kw for slot in slots]
    discharge = [fleet.assets[slot].max_discharge_kw for slot in slots]
    whole = (sum(charge) or 1.0, sum(discharge) or 1.0)
    return [(mine / whole[0], other / whole[1]) for mine, other in zip(charge, discharge, strict=True)]


def _feeder_limits(
    terms: Sequence[Term], fleet: Fleet, grid: IntervalGrid, *, may_widen: bool
) -> tuple[Floats, Floats]:
    """Return import and export limit of every feeder, (F, T) each: the register, tightened by envelopes.

    Where an envelope that may widen holds, it stands in the register's place for its time.
    """
    row_of = {feeder.feeder_id: row for row, feeder in enumerate(fleet.feeders)}
    shape = (2, len(fleet.feeders), grid.count)
    register = np.array(
        [[f.import_limit_kw for f in fleet.feeders], [f.export_limit_kw for f in fleet.feeders]]
    )
    tightest, wider_h = np.full(shape, np.inf), np.zeros(shape[1:])
    for term in terms:
        content = term.signal.content
        if not isinstance(content, OperatingEnvelope) or content.feeder_id not in row_of:
            continue
        row, span = row_of[content.feeder_id], _span(term, grid)
        asked = np.array([[content.import_limit_kw], [content.export_limit_kw]])
        tightest[:, row, span] = np.minimum(tightest[:, row, span], asked)
        if content.may_widen and may_widen:
            for interval in range(*span.indices(grid.count)):
                begin = max(grid.start_of(interval), term.start)
                wider_h[row, interval] += (min(grid.start_of(interval + 1), term.end) - begin) / timedelta(
                    hours=1
                )
    # An interval is only wider where it is so from its start to its end.
    wider = wider_h >= grid.hours - 1e-9
    limits = np.where(wider[None], tightest, np.minimum(tightest, register[:, :, None]))
    limits = np.maximum(limits, LEAST_LIMIT_KW)
    return limits[0], limits[1]


def _asks(
    terms: Sequence[Term], grid: IntervalGrid, baselines_kw: Mapping[str, Floats]
) -> Iterator[PowerAsk]:
    for term in terms:
        content = term.signal.content
        if not isinstance(content, DispatchEvent):
            continue
        span = _span(term, grid)
        sign = 1.0 if content.direction is Direction.UP else -1.0
        base_kw = np.zeros(grid.count)
        if content.baseline is not BaselineMethod.NONE:
            base_kw = baselines_kw.get(term.signal.signal_id, base_kw)
        power_kw = np.full(grid.count, np.nan)
        power_kw[span] = base_kw[span] + sign * content.target_kw
        yield PowerAsk(
            signal_id=term.signal.signal_id,
            up=sign > 0.0,
            power_kw=power_kw,
            value_per_kwh=content.value_per_kwh,
        )


def _reserves(terms: Sequence[Term], grid: IntervalGrid) -> Iterator[ReserveAsk]:
    for term in terms:
        content = term.signal.content
        if not isinstance(content, ReserveRequest):
            continue
        span = _span(term, grid)
        for up, most_kw in ((True, content.up_kw), (False, content.down_kw)):
            if most_kw > 0.0 and span.stop > span.start:
                yield ReserveAsk(
                    product_id=content.product_id,
                    up=up,
                    first=span.start,
                    end=span.stop,
                    most_kw=most_kw,
                    price_per_kw_h=content.price_per_kw_h,
                    sustain=content.sustain,
                )
