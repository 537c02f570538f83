"""The demonstration's day in figures, with and without control, from the devices' own books."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vpp.control.settle import MeteredDay, Settlement, settle
from vpp.domain.intervals import IntervalGrid
from vpp.node.ledger import EnergyLedger
from vpp.node.simulated import SimulatedBattery, SimulatedEvCharger
from vpp.service.files import PortfolioFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBooks:
    """Books of N assets at the T + 1 interval ends of a day, shape (N, T + 1), kWh since the start."""

    charged_kwh: NDArray[np.float64]
    discharged_kwh: NDArray[np.float64]
    lost_kwh: NDArray[np.float64]
    missing_kwh: NDArray[np.float64]
    driven_kwh: NDArray[np.float64]
    energy_kwh: NDArray[np.float64]


def read_books(path: Path, portfolio: PortfolioFiles, grid: IntervalGrid) -> DayBooks:
    """Return the books that the nodes wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        return _books(csv.DictReader(file), portfolio, grid)


def without_control(
    portfolio: PortfolioFiles, devices: Sequence[SimulatedBattery], grid: IntervalGrid
) -> DayBooks:
    """Return the books of the same devices when batteries rest and cars charge on arrival."""
    ledger = EnergyLedger(devices, start=grid.start, interval=grid.length)
    ledger.read_due(grid.start)
    for start in grid.starts():
        for device in devices:
            if isinstance(device, SimulatedEvCharger):
                device.apply(-_charging_kw(device, start, grid.hours))
        ledger.read_due(start + grid.length)
    return _books(ledger.rows, portfolio, grid)


def _charging_kw(device: SimulatedBattery, at: datetime, hours: float) -> float:
    """Return the power that charges what is missing as fast as possible, kW, positive."""
    stays = [stay for stay in device.charging_stays(at) if stay.connected_from <= at < stay.connected_until]
    if not stays:
        return 0.0
    missing_kwh = stays[0].departure_energy_kwh - device.energy_kwh
    if missing_kwh <= 0.0:
        return 0.0
    specification = device.specification
    needed_kw = missing_kwh / (hours * specification.charge_efficiency)
    return float(np.clip(needed_kw, specification.min_charge_kw, specification.max_charge_kw))


def _books(rows: Iterable[Mapping[str, object]], portfolio: PortfolioFiles, grid: IntervalGrid) -> DayBooks:
    slots = portfolio.fleet.slots()
    names = ("charged_kwh", "discharged_kwh", "lost_kwh", "missing_kwh", "driven_kwh", "energy_kwh")
    books = {name: np.full((len(slots), grid.count + 1), np.nan) for name in names}
    for row in rows:
        index = grid.index_of(datetime.fromisoformat(str(row["at"])))
        if 0 <= index <= grid.count:
            for name in names:
                books[name][slots[str(row["asset_id"])], index] = float(str(row[name]))
    incomplete = [name for name, book in books.items() if np.isnan(book).any()]
    if incomplete:
        raise ValueError(f"the devices' books are incomplete: {', '.join(incomplete)}")
    return DayBooks(**books)


def settle_day(
    books: DayBooks, portfolio: PortfolioFiles, grid: IntervalGrid, *, peak_price_per_kw: float
) -> Settlement:
    """Return the settlement of the day that the books tell of."""
    fleet, feeders = portfolio.fleet, portfolio.fleet.feeders
    net_kwh = np.diff(books.discharged_kwh - books.charged_kwh, axis=1)
    fleet_kw = np.zeros((len(feeders), grid.count))
    np.add.at(fleet_kw, fleet.feeder_index(), net_kwh / grid.hours)
    throughput_kwh = (books.charged_kwh + books.discharged_kwh)[:, -1] - (
        books.charged_kwh + books.discharged_kwh
    )[:, 0]
    imports, exports = _prices(portfolio, grid)
    # What cars drove is not stored any more, and was the same with and without control.
    stored_kwh = (books.energy_kwh + books.driven_kwh)[:, -1] - (books.energy_kwh + books.driven_kwh)[:, 0]
    return settle(
        MeteredDay(
            hours=grid.hours,
            load_kw=_net_load(portfolio, grid),
            fleet_kw=fleet_kw,
            import_price_per_kwh=imports,
            export_price_per_kwh=exports,
            peak_price_per_kw=peak_price_per_kw,
            import_limit_kw=np.array([[feeder.import_limit_kw] for feeder in feeders]),
            export_limit_kw=np.array([[feeder.export_limit_kw] for feeder in feeders]),
            throughput_cost=float(throughput_kwh @ fleet.column("wear_cost_per_kwh")),
            stored_change_kwh=float(stored_kwh.sum()),
            stored_value_per_kwh=float(imports.mean()),
            unmet_kwh=float((books.missing_kwh[:, -1] - books.missing_kwh[:, 0]).sum()),
            lost_kwh=float((books.lost_kwh[:, -1] - books.lost_kwh[:, 0]).sum()),
        )
    )


def _net_load(portfolio: PortfolioFiles, grid: IntervalGrid) -> NDArray[np.float64]:
    """Return the metered net load without the fleet, shape (F, T), kW."""
    rows = {feeder.feeder_id: row for row, feeder in enumerate(portfolio.fleet.feeders)}
    load_kw = np.zeros((len(rows), grid.count))
    for reading in portfolio.load:
        index = grid.index_of(reading.start)
        if 0 <= index < grid.count:
            load_kw[rows[reading.feeder_id], index] = reading.consumption_kw - reading.pv_kw
    return load_kw


def _prices(portfolio: PortfolioFiles, grid: IntervalGrid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    imports, exports = np.zeros(grid.count), np.zeros(grid.count)
    for point in portfolio.prices:
        for index in range(
            max(0, grid.index_of(point.start)), min(grid.count, grid.first_at_or_after(point.end))
        ):
            imports[index], exports[index] = point.import_price_per_kwh, point.export_price_per_kwh
    return imports, exports


def comparison(
    controlled: Settlement, uncontrolled: Settlement, currency: str
) -> Sequence[tuple[str, str, str, str]]:
    """Return rows of (what, with control, without control, change)."""

    def row(name: str, attribute: str, unit: str, digits: int = 1) -> tuple[str, str, str, str]:
        with_control, without = getattr(controlled, attribute), getattr(uncontrolled, attribute)
        change = f"{100 * (with_control / without - 1):+.1f} %" if abs(without) > 1e-9 else ""
        return name, f"{with_control:.{digits}f} {unit}", f"{without:.{digits}f} {unit}", change

    return [
        row("cost of the day", "total_cost", currency, 2),
        row("  energy", "energy_cost", currency, 2),
        row("  peak", "peak_cost", currency, 2),
        row("  battery wear", "wear_cost", currency, 2),
        row("  value of energy left in store", "stored_value", currency, 2),
        row("peak import", "peak_kw", "kW"),
        row("highest feeder loading", "highest_loading", "of the limit", 3),
        row("feeder overload", "overload_kwh", "kWh", 2),
        row("EV energy unmet", "unmet_kwh", "kWh", 2),
        row("energy lost in conversion", "lost_kwh", "kWh"),
    ]
