"""The figures of a replay, from what really happened: money, peak, overload, energy, life, decisions."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpp.adapters.sim import SimulatedFleet
from vpp.control.settle import MeteredDay, Settlement, settle
from vpp.domain.assets import AssetKind
from vpp.domain.intervals import IntervalGrid
from vpp.domain.readings import to_microseconds
from vpp.domain.runs import RunSummary
from vpp.forecasting.prices import extend_prices
from vpp.replay.course import Counterpart
from vpp.replay.events import EventAccount, account_of
from vpp.replay.reserve import ReserveMeter
from vpp.replay.scenario import Scenario, limits_at
from vpp.replay.world import over_grid


def settlement_of(scenario: Scenario, way: Counterpart) -> Settlement:
    """Return what the replayed time came to with a simulated fleet."""
    return settle(metered(scenario, way))


def metered(scenario: Scenario, way: Counterpart) -> MeteredDay:
    """Return what the meters showed over the replayed time, with a simulated fleet."""
    grid, fleet = scenario.header.grid(), way.fleet
    consumption, pv = over_grid(scenario.load, grid)
    last_known = max(price.available_at for price in scenario.prices)
    prices = extend_prices(scenario.prices, grid, last_known)
    limits = _true_limits(scenario, grid)
    wear = scenario.fleet.column("wear_cost_per_kwh")
    # What cars drove is not stored any more, and was the same with and without control.
    change = fleet.energy_kwh - scenario.initial_energy_kwh + fleet.books.driven_kwh
    efficiency = scenario.fleet.column("discharge_efficiency")
    return MeteredDay(
        hours=grid.hours,
        load_kw=np.nan_to_num(consumption) - np.nan_to_num(pv),
        fleet_kw=fleet.fed_kwh / grid.hours,
        import_price_per_kwh=prices.import_price_per_kwh,
        export_price_per_kwh=prices.export_price_per_kwh,
        peak_price_per_kw=scenario.header.peak_price_per_kw,
        import_limit_kw=limits[0],
        export_limit_kw=limits[1],
        throughput_cost=float(wear @ (fleet.books.charged_kwh + fleet.books.discharged_kwh)),
        stored_change_kwh=float(change @ efficiency),
        stored_value_per_kwh=float(np.median(prices.import_price_per_kwh)),
        unmet_kwh=float(fleet.books.missing_kwh.sum()),
        lost_kwh=float(fleet.books.lost_kwh.sum()),
        event_penalty=event_account(scenario, fleet).penalty,
        reserve_revenue=way.course.reserve.account().revenue,
    )


def event_account(scenario: Scenario, fleet: SimulatedFleet) -> EventAccount:
    """Return what the fleet did for the scenario's events."""
    grid = scenario.header.grid()
    return account_of(scenario.events, fleet.fed_kwh.sum(axis=0) / grid.hours, grid)


def kpis_of(
    scenario: Scenario,
    way: Counterpart,
    idle: Counterpart,
    runs: list[RunSummary],
    *,
    perfect: Settlement | None = None,
) -> dict[str, Any]:
    """Return the figures of `kpis.json`; money in the scenario's currency, no wall time among them."""
    fleet = way.fleet
    done, rest = settlement_of(scenario, way), settlement_of(scenario, idle)
    books, events = fleet.books, event_account(scenario, fleet)
    gaps = sorted(run.gap for run in runs if run.gap is not None)
    residual = fleet.energy_kwh - scenario.initial_energy_kwh - books.stored_change_kwh()
    return {
        "currency": scenario.header.currency,
        "cost": done.total_cost,
        "cost_without_control": rest.total_cost,
        "cost_perfect_foresight": None if perfect is None else perfect.total_cost,
        "regret": None if perfect is None else done.total_cost - perfect.total_cost,
        "cost_parts": _parts(done),
        "cost_parts_without_control": _parts(rest),
        "peak_kw": done.peak_kw,
        "peak_without_control_kw": rest.peak_kw,
        **carbon(scenario, way, ""),
        **carbon(scenario, idle, "_without_control"),
        "feeder_overload_kwh": done.overload_kwh,
        "feeder_overload_without_control_kwh": rest.overload_kwh,
        "highest_loading": done.highest_loading,
        "ev_energy_unmet_kwh": round(done.unmet_kwh, 9),
        "ev_energy_unmet_without_control_kwh": round(rest.unmet_kwh, 9),
        "throughput_kwh": float((books.charged_kwh + books.discharged_kwh).sum()),
        "lost_in_conversion_kwh": done.lost_kwh,
        "standby_kwh": float(books.standby_kwh.sum()),
        "life_used_cost": done.wear_cost,
        **life_used(scenario, fleet, ""),
        **life_used(scenario, idle.fleet, "_without_control"),
        "energy_balance_error_kwh": float(np.abs(residual).max(initial=0.0)),
        "cycles": len(runs),
        "rungs": dict(sorted(Counter(str(run.rung) for run in runs).items())),
        "gap_median": gaps[len(gaps) // 2] if gaps else None,
        "gap_worst": gaps[-1] if gaps else None,
        "events_asked_kwh": events.asked_kwh,
        "events_delivered_kwh": events.delivered_kwh,
        **reserve_held(way.course.reserve),
        "commands": sum(run.setpoints for run in runs),
        "commands_delivered": fleet.delivered,
        "commands_undelivered": fleet.undelivered,
    }


def reserve_held(meter: ReserveMeter) -> dict[str, float | None]:
    """Return what reserve products asked, what plans held and what was there, kW·h; None without products."""
    account = meter.account()
    return {
        f"reserve_{name}_kw_h": getattr(account, f"{name}_kw_h") if meter.products else None
        for name in ("asked", "held", "backed")
    }


def carbon(scenario: Scenario, way: Counterpart, ending: str) -> dict[str, float | None]:
    """Return the carbon of what was imported, kg; None where the scenario says no intensity."""
    intensity, day = scenario.header.carbon_kg_per_kwh, metered(scenario, way)
    imported_kwh = np.maximum((day.load_kw - day.fleet_kw).sum(axis=0), 0.0).sum() * day.hours
    return {f"carbon{ending}_kg": None if intensity is None else float(intensity * imported_kwh)}


def life_used(scenario: Scenario, fleet: SimulatedFleet, ending: str) -> dict[str, float | None]:
    """Return what use and time took of the batteries' lives, without vehicles; None where there is none.

    Years are those at rest, half full at 25 °C, the mean over batteries; money is the share of each life
    times the price of a new battery, of the whole fleet.
    """
    batteries = np.array([asset.kind is not AssetKind.EV_CHARGER for asset in scenario.fleet.assets])
    if not batteries.any():
        names = ("life_used_years", "life_used_value", "battery_hottest_c", "capacity_left_percent")
        return dict.fromkeys((name + ending for name in names), None)
    share = fleet.life.used_share()[batteries]
    left = fleet.devices.ratings.capacity_kwh[batteries] / scenario.fleet.column("capacity_kwh")[batteries]
    worth = scenario.header.battery_price_per_kwh * scenario.fleet.column("capacity_kwh")[batteries]
    return {
        f"life_used_years{ending}": float(fleet.life.used_years()[batteries].mean()),
        f"life_used_value{ending}": float(share @ worth),
        f"battery_hottest_c{ending}": float(fleet.life.hottest_c[batteries].max()),
        f"capacity_left_percent{ending}": float(100.0 * left.mean()),
    }


def _parts(settlement: Settlement) -> dict[str, float]:
    return {
        "energy": settlement.energy_cost,
        "peak": settlement.peak_cost,
        "wear": settlement.wear_cost,
        "event_penalty": settlement.event_penalty,
        "reserve": -settlement.reserve_revenue,
        "stored_value": -settlement.stored_value,
    }


def _true_limits(scenario: Scenario, grid: IntervalGrid) -> NDArray[np.float64]:
    """Return the limits that held, shape (2, F, T), kW."""
    feeders = len(scenario.fleet.feeders)
    changes = {row.valid_from_us for row in scenario.limits}
    limits = np.empty((2, feeders, grid.count))
    latest: NDArray[np.float64] | None = None
    for index, start in enumerate(grid.starts()):
        at_us = to_microseconds(start)
        if latest is None or any(
            at_us - grid.length.total_seconds() * 1e6 < change <= at_us for change in changes
        ):
            latest = limits_at(scenario.limits, feeders, at_us, np.iinfo(np.int64).max)
        limits[:, :, index] = latest
    return limits
