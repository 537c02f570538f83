"""Reserve of a scenario: what products ask, what plans hold back for it, and what was there to give.

```
    asked   ┤ by the products in force, kW upwards and downwards
    held    ┤ of it, what the plan of the interval keeps back, the best paid product first
    backed  ┤ of it, what the simulated devices had room and energy for, throughout the interval: this is paid
```

Nobody calls the reserve of a scenario: it is held, and counted as if it were called at the worst moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from optimizer.files.tables import find_table, read_table
from vpp.adapters.sim import SimulatedFleet
from vpp.domain.intervals import IntervalGrid
from vpp.domain.readings import from_microseconds
from vpp.domain.runs import DispatchPlan
from vpp.domain.signals import Direction, ReserveRequest, Signal
from vpp.replay.columns import times_us, withdrawn_rows
from vpp.replay.events import as_held, hours_within

Floats = NDArray[np.float64]
RESERVE_COLUMNS: Final = (
    "product_id",
    "direction",
    "start",
    "end",
    "price_per_kw_h",
    "max_kw",
    "sustain_minutes",
    "available_at",
)
WAYS: Final = (Direction.UP, Direction.DOWN)  # the rows of every matrix here


def read_reserve(folder: Path) -> tuple[Signal, ...]:
    """Return the reserve products of a folder by start, nothing where there is no table; raise ProblemError.

    A row with the id of an earlier one and a later `available_at` supersedes it, or with `withdrawn` ends it.
    """
    path = find_table(folder, "reserve", needed=False)
    if path is None:
        return ()
    table = read_table(path, RESERVE_COLUMNS, ("withdrawn",))
    directions = table.text("direction")
    known = [str(direction) for direction in WAYS]
    table.require("direction", np.isin(directions, known), f"one of {', '.join(known)}")
    begin, end = times_us(table, "start"), times_us(table, "end")
    table.require("end", end > begin, "a time after start")
    rows = zip(
        table.ids("product_id"),
        directions,
        begin.tolist(),
        end.tolist(),
        table.numbers("price_per_kw_h", low=0.0).tolist(),
        table.numbers("max_kw", low=0.0, low_open=True).tolist(),
        table.numbers("sustain_minutes", low=0.0, low_open=True).tolist(),
        times_us(table, "available_at").tolist(),
        withdrawn_rows(table),
        strict=True,
    )
    found = [
        Signal(
            signal_id=str(product_id),
            valid_from=from_microseconds(start_us),
            valid_until=from_microseconds(end_us),
            request_id=str(product_id),
            author="scenario",
            available_at=from_microseconds(known_us),
            content=ReserveRequest(
                product_id=str(product_id),
                price_per_kw_h=price,
                sustain=timedelta(minutes=minutes),
                **{f"{direction}_kw": most_kw},
            ),
            withdrawn=gone,
        )
        for product_id, direction, start_us, end_us, price, most_kw, minutes, known_us, gone in rows
    ]
    return tuple(sorted(found, key=lambda one: (one.valid_from, one.available_at, one.signal_id)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveAccount:
    """What products asked and got, kW times hours, and what they paid, money."""

    asked_kw_h: float = 0.0
    held_kw_h: float = 0.0
    backed_kw_h: float = 0.0
    revenue: float = 0.0


@dataclass(slots=True, kw_only=True)
class ReserveMeter:
    """Meters what is held back over the T intervals of a replay; matrices of shape (2, T): up, down.

    asked_kw and longest sustain_h as the products say; kept_kw is the sum of the plan's shares, able_kw of
    them what each device could have given. `begun` and `ended` frame each interval.
    """

    products: Sequence[Signal]  # all announcements
    grid: IntervalGrid
    asked_kw: Floats = field(init=False)
    sustain_h: Floats = field(init=False)
    kept_kw: Floats = field(init=False)
    able_kw: Floats = field(init=False)
    _before: _Before | None = None

    def __post_init__(self) -> None:
        shape = (len(WAYS), self.grid.count)
        self.products = as_held(self.products)
        self.asked_kw, self.sustain_h = np.zeros(shape), np.zeros(shape)
        self.kept_kw, self.able_kw = np.zeros(shape), np.zeros(shape)
        for product in self.products:
            most_kw, hours = _asked(product)[:, None], hours_within(product, self.grid)
            within = (most_kw > 0.0) & (hours > 0.0)
            self.asked_kw += most_kw * hours / self.grid.hours
            sustain_h = _content(product).sustain / timedelta(hours=1)
            self.sustain_h[within] = np.maximum(self.sustain_h[within], sustain_h)

    def begun(self, plan: DispatchPlan | None, devices: SimulatedFleet) -> None:
        """Note what a plan holds back in its first interval, and the devices as they are at its start."""
        if not self.products:
            return
        shares_kw = np.zeros((len(WAYS), len(devices.energy_kwh)))
        if plan is not None and plan.grounds is not None:
            shares_kw = np.stack([plan.grounds.reserve_up_kw, plan.grounds.reserve_down_kw])
        self._before = _Before(
            shares_kw=shares_kw,
            energy_kwh=devices.energy_kwh.copy(),
            given_kwh=devices.books.discharged_kwh - devices.books.charged_kwh,
            able=_reachable(devices),
        )

    def ended(self, interval: int, devices: SimulatedFleet) -> None:
        """Note at its end how much of what was held back in an interval the devices could have given."""
        before, self._before = self._before, None
        if before is None:
            return
        power_kw = devices.books.discharged_kwh - devices.books.charged_kwh - before.given_kwh
        room_kw = room(
            devices,
            power_kw / self.grid.hours,
            np.stack([before.energy_kwh, devices.energy_kwh]),
            self.sustain_h[:, interval],
        )
        room_kw[:, ~(before.able & _reachable(devices))] = 0.0
        self.kept_kw[:, interval] = before.shares_kw.sum(axis=1)
        self.able_kw[:, interval] = np.minimum(before.shares_kw, room_kw).sum(axis=1)

    def held_kw(self) -> Floats:
        """Return what plans sold, (2, T)."""
        return np.minimum(self.kept_kw, self.asked_kw)

    def backed_kw(self) -> Floats:
        """Return what was sold and there, (2, T)."""
        return np.minimum(self.able_kw, self.asked_kw)

    def revenue(self) -> Floats:
        """Return what each interval earns, (T,), money: what was backed, the best paid product first."""
        left_kw, earned = self.able_kw.copy(), np.zeros(self.grid.count)
        for product in sorted(self.products, key=lambda one: -_content(one).price_per_kw_h):
            hours, most_kw = hours_within(product, self.grid), _asked(product)[:, None]
            sold_kw = np.where(hours > 0.0, np.minimum(left_kw, most_kw), 0.0)
            left_kw -= sold_kw
            earned += sold_kw.sum(axis=0) * hours * _content(product).price_per_kw_h
        return earned

    def account(self) -> ReserveAccount:
        """Return what it came to."""
        hours = self.grid.hours
        return ReserveAccount(
            asked_kw_h=float(self.asked_kw.sum() * hours),
            held_kw_h=float(self.held_kw().sum() * hours),
            backed_kw_h=float(self.backed_kw().sum() * hours),
            revenue=float(self.revenue().sum()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Before:
    """The start of an interval: shares (2, N), energies and net energy given so far (N,), who can follow."""

    shares_kw: Floats
    energy_kwh: Floats
    given_kwh: Floats
    able: NDArray[np.bool_]


def room(devices: SimulatedFleet, power_kw: Floats, energy_kwh: Floats, sustain_h: Floats) -> Floats:
    """Return what each device could give more and take more, (2, N), kW, beside its mean `power_kw` (N,).

    energy_kwh (2, N) at the two ends of the interval, sustain_h (2,) upwards and downwards. By the rules of
    the plan (docs/problem.md): a device that cannot discharge gives by charging less and needs no energy.
    """
    own = devices.devices.ratings
    up_h, down_h = np.maximum(sustain_h, 1e-9)
    out_kw = (energy_kwh.min(axis=0) - own.energy_min_kwh) * own.discharge_efficiency / up_h
    into_kw = (own.energy_max_kwh - energy_kwh.max(axis=0)) / own.charge_efficiency / down_h
    up_kw = np.minimum(own.max_discharge_kw - power_kw, np.where(own.max_discharge_kw > 0.0, out_kw, np.inf))
    found: Floats = np.maximum(np.stack([up_kw, np.minimum(own.max_charge_kw + power_kw, into_kw)]), 0.0)
    return found


def _reachable(devices: SimulatedFleet) -> NDArray[np.bool_]:
    here = np.zeros(len(devices.energy_kwh), dtype=np.bool_)
    here[devices.connected_slots()] = True
    return here & devices.connected & ~devices.devices.broken


def _content(product: Signal) -> ReserveRequest:
    assert isinstance(product.content, ReserveRequest)
    return product.content


def _asked(product: Signal) -> Floats:
    return np.array([_content(product).up_kw, _content(product).down_kw])
