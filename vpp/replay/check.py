"""Looks at a scenario before it is replayed: what is missing, known too early, or in a wrong unit.

`read_scenario` refuses what cannot be read; here is what can be read and would still mislead a replay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np

from vpp.domain.intervals import IntervalGrid
from vpp.domain.readings import ChargingSession, to_microseconds
from vpp.forecasting.prices import extend_prices
from vpp.replay.scenario import Scenario, limits_at
from vpp.replay.scenario_files import read_scenario
from vpp.replay.world import over_grid

TABLES = ("assets", "feeders", "load", "prices", "trips", "weather", "events", "reserve", "forecasts")
SHOWN_STAYS = 5  # of findings alike
DEAREST_PER_KWH = 5.0
LOAD_ABOVE_LIMIT = 20.0  # times the feeder's limit: watts or megawatts, not kilowatts
LONGEST_AHEAD = timedelta(days=45)  # for which prices are ever published


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or (`refused` False) only strange."""

    place: str
    found: str
    expected: str
    refused: bool = True

    def __str__(self) -> str:
        return f"{self.place}: found {self.found}, expected {self.expected}"


def check_folder(folder: Path) -> tuple[Scenario, list[Finding]]:
    """Read a scenario and return it with what was found; raise FileError where it cannot be read at all."""
    strangers = [
        Finding(path.name, "a table that nobody reads", f"one of {', '.join(TABLES)}")
        for path in sorted(folder.glob("*"))
        if path.suffix in {".csv", ".parquet"} and path.stem not in TABLES
    ]
    scenario = read_scenario(folder)
    return scenario, strangers + check_scenario(scenario)


def check_scenario(scenario: Scenario) -> list[Finding]:
    """Return what is wrong or strange in a scenario that could be read."""
    parts: Sequence[Callable[[Scenario], Iterator[Finding]]] = (
        _load_covers,
        _limits_cover,
        _prices_cover,
        _known_in_time,
        _units,
        _stays,
    )
    return [finding for part in parts for finding in part(scenario)]


def _load_covers(scenario: Scenario) -> Iterator[Finding]:
    """Load must be there for every feeder and interval, and for the history that forecasts are made from."""
    header = scenario.header
    history = timedelta(days=header.history_days)
    for name, grid, refused in (
        ("the time to replay", header.grid(), True),
        ("the history", _grid(header.start - history, history, header.interval), False),
    ):
        consumption, pv = over_grid(scenario.load, grid)
        for feeder, row in enumerate(np.isnan(consumption) | np.isnan(pv)):
            if row.any():
                missing = grid.start_of(int(row.argmax()))
                yield Finding(
                    f"load, {scenario.fleet.feeders[feeder].feeder_id}",
                    f"{int(row.sum())} intervals without a row, the first at {missing.isoformat()}",
                    f"a row for every interval of {name}",
                    refused,
                )


def _grid(start: datetime, length: timedelta, interval: timedelta) -> IntervalGrid:
    return IntervalGrid(start=start, length=interval, count=max(1, length // interval))


def _limits_cover(scenario: Scenario) -> Iterator[Finding]:
    start_us = to_microseconds(scenario.header.start)
    known = limits_at(scenario.limits, len(scenario.fleet.feeders), start_us, start_us)
    for feeder, limit in zip(scenario.fleet.feeders, known[0], strict=True):
        if not np.isfinite(limit):
            yield Finding(
                f"feeders, {feeder.feeder_id}",
                "no finite limit that is valid and known at the start",
                "a row with valid_from and available_at up to the start",
                refused=False,
            )


def _prices_cover(scenario: Scenario) -> Iterator[Finding]:
    grid = scenario.header.grid()
    if not scenario.prices:
        yield Finding("prices", "no row", "prices from the start on")
        return
    last = max(price.available_at for price in scenario.prices)
    points = [price for price in scenario.prices if price.end > grid.start and price.start < grid.end]
    gaps = [(one.end, following.start) for one, following in pairwise(points) if following.start > one.end]
    if not points or points[0].start > grid.start:
        yield Finding("prices", "none at the start", f"a row for {grid.start.isoformat()}")
    elif points[-1].end < grid.end:
        gaps.append((points[-1].end, grid.end))
    for begin, end in gaps[:SHOWN_STAYS]:
        yield Finding(
            "prices", f"none from {begin.isoformat()} to {end.isoformat()}", "a row for every interval"
        )
    if not gaps and points:
        extend_prices(scenario.prices, grid, last)


def _known_in_time(scenario: Scenario) -> Iterator[Finding]:
    """Nothing may become known so early that a replay would look ahead, nor too late to be of use."""
    late = [price for price in scenario.prices if price.available_at > price.start]
    if late:
        yield Finding(
            f"prices, {late[0].start.isoformat()}, available_at",
            f"{len(late)} rows known only after their start, the first at {late[0].available_at.isoformat()}",
            "a time up to the start: a price that comes later is never planned with",
            refused=False,
        )
    early = [price for price in scenario.prices if price.available_at < price.start - LONGEST_AHEAD]
    if early:
        yield Finding(
            f"prices, {early[0].start.isoformat()}, available_at",
            f"{len(early)} rows known more than {LONGEST_AHEAD.days} days ahead",
            "the time of publication: known too early, a replay looks ahead",
            refused=False,
        )
    for item in scenario.context:
        if item.available_at >= item.valid_until:
            yield Finding(
                f"context, {item.item_id}", "known after its end", "available_at before valid_until"
            )


def _units(scenario: Scenario) -> Iterator[Finding]:
    """Figures of another magnitude than any real plant's: most likely another unit."""
    dear = max((abs(price.import_price_per_kwh) for price in scenario.prices), default=0.0)
    if dear > DEAREST_PER_KWH:
        yield Finding(
            "prices, import_price_per_kwh",
            f"up to {dear:g}",
            f"money per kWh, up to {DEAREST_PER_KWH:g}: is it per MWh?",
            refused=False,
        )
    consumption, pv = over_grid(scenario.load, scenario.header.grid())
    for feeder, use, sun in zip(scenario.fleet.feeders, consumption, pv, strict=True):
        highest = float(np.nanmax(np.maximum(use, sun), initial=0.0))
        if np.isfinite(feeder.import_limit_kw) and highest > LOAD_ABOVE_LIMIT * feeder.import_limit_kw:
            yield Finding(
                f"load, {feeder.feeder_id}",
                f"{highest:,.0f} kW behind a limit of {feeder.import_limit_kw:,.0f} kW",
                "kW: is it W?",
                refused=False,
            )


def _stays(scenario: Scenario) -> Iterator[Finding]:
    """Stays of one car must not overlap, and ask no more than fits into it."""
    slots = scenario.fleet.slots()
    by_car: dict[str, list[ChargingSession]] = {}
    for stay in scenario.sessions:
        by_car.setdefault(stay.asset_id, []).append(stay)
    shown = 0
    for asset_id, stays in sorted(by_car.items()):
        largest = scenario.fleet.assets[slots[asset_id]].energy_max_kwh
        for one, following in pairwise(sorted(stays, key=lambda stay: stay.connected_from)):
            # The same stay announced once more is a correction, not a second stay.
            if one.connected_until > following.connected_from > one.connected_from and shown < SHOWN_STAYS:
                shown += 1
                yield Finding(
                    f"trips, {asset_id}, {following.connected_from.isoformat()}",
                    f"a stay before {one.connected_until.isoformat()}, when the one before ends",
                    "stays of one car one after the other",
                )
        for stay in stays:
            if stay.departure_energy_kwh > largest + 1e-6 and shown < SHOWN_STAYS:
                shown += 1
                yield Finding(
                    f"trips, {asset_id}, required_energy_kwh",
                    f"{stay.departure_energy_kwh:g} kWh at departure",
                    f"at most the {largest:g} kWh that fit into it",
                    refused=False,
                )
