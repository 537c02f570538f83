"""Fleet, load, prices and context from CSV files into the database: how a portfolio begins.

```
DIR/assets.csv   feeders.csv   load.csv   prices.csv   [sessions.csv]   [context.jsonl]
```
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from vpp.domain.assets import Asset, AssetKind, DefaultControl, Feeder, Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.forecasts import ContextItem
from vpp.domain.intervals import require_utc
from vpp.domain.prices import PricePoint
from vpp.domain.readings import ChargingSession, FeederReading
from vpp.forecasting.prices import HIGHEST_PRICE_PER_KWH

LARGEST = 1e9  # kW or kWh of anything in a file
T = TypeVar("T")
Row = dict[str, str]


class FileError(Exception):
    """A file that cannot be used: names file, row and column, and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioFiles:
    """What a directory holds, in memory."""

    fleet: Fleet
    initial_soc: dict[str, float]
    load: list[FeederReading]
    prices: list[PricePoint]
    sessions: list[ChargingSession]
    context: list[ContextItem]

    def load_before(self, until: str) -> PortfolioFiles:
        """Return the same without the load from `until` on, an ISO 8601 time with an offset."""
        try:
            end = require_utc("until", datetime.fromisoformat(until))
        except ValueError as error:
            raise FileError(
                f"until: got {until!r}, expected a time such as 2020-05-19T22:00:00Z ({error})"
            ) from error
        return replace(self, load=[row for row in self.load if row.start < end])


def read_portfolio(
    directory: Path, *, interval: timedelta, meter_delay: timedelta = timedelta(0)
) -> PortfolioFiles:
    """Return everything in `directory`; raise FileError at the first wrong row.

    A load value becomes known at the end of its interval plus `meter_delay`.
    """
    fleet = read_fleet(directory)
    soc = _table(
        directory / "assets.csv", lambda row: (row["asset_id"], float(row.get("initial_soc") or 0.5))
    )

    def load_row(row: Row) -> FeederReading:
        start = _time(row, "start")
        return FeederReading(
            feeder_id=row["feeder_id"],
            start=start,
            consumption_kw=_number(row, "consumption_kw", 0.0),
            pv_kw=_number(row, "pv_kw", 0.0),
            available_at=start + interval + meter_delay,
        )

    sessions, context = directory / "sessions.csv", directory / "context.jsonl"
    return PortfolioFiles(
        fleet=fleet,
        initial_soc=dict(soc),
        load=list(_table(directory / "load.csv", load_row)),
        prices=list(_table(directory / "prices.csv", lambda row: _price(row, interval))),
        sessions=list(_table(sessions, _session)) if sessions.exists() else [],
        context=list(read_context(context)) if context.exists() else [],
    )


def read_fleet(directory: Path) -> Fleet:
    """Return the fleet of `assets.csv` and `feeders.csv`."""
    feeders = tuple(_table(directory / "feeders.csv", _feeder))
    assets = tuple(_table(directory / "assets.csv", _asset))
    try:
        return Fleet(assets=assets, feeders=feeders)
    except InvalidValueError as error:
        raise FileError(f"{directory / 'assets.csv'}: {error}") from error


def _table(path: Path, parse: Callable[[Row], T]) -> Iterator[T]:
    """Yield the parsed rows of a CSV file, naming file, row and reason when one is wrong."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), start=2):
                try:
                    yield parse(row)
                except KeyError as error:
                    raise FileError(f"{path}: column {error.args[0]} is missing") from error
                except (ValueError, TypeError, OverflowError) as error:
                    raise FileError(f"{path}, line {number}: {error}") from error
    except FileNotFoundError:
        raise FileError(f"{path}: there is no such file") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"{path}: not a CSV file in UTF-8: {error}") from error


def _number(row: Row, column: str, low: float, high: float = LARGEST) -> float:
    value = float(row[column])
    if not low <= value <= high:
        raise InvalidValueError(column, value, f"a number from {low:g} to {high:g}")
    return value


def _time(row: Row, column: str) -> datetime:
    return require_utc(column, datetime.fromisoformat(row[column]))


def _feeder(row: Row) -> Feeder:
    return Feeder(
        feeder_id=row["feeder_id"],
        import_limit_kw=float(row["import_limit_kw"]),
        export_limit_kw=float(row["export_limit_kw"]),
    )


def _asset(row: Row) -> Asset:
    def number(column: str) -> float:
        return _number(row, column, -LARGEST)

    return Asset(
        asset_id=row["asset_id"],
        node_id=row["node_id"],
        feeder_id=row["feeder_id"],
        kind=AssetKind(row["kind"]),
        capacity_kwh=number("capacity_kwh"),
        energy_min_kwh=number("energy_min_kwh"),
        energy_max_kwh=number("energy_max_kwh"),
        max_charge_kw=number("max_charge_kw"),
        max_discharge_kw=number("max_discharge_kw"),
        min_charge_kw=number("min_charge_kw"),
        min_discharge_kw=number("min_discharge_kw"),
        charge_efficiency=number("charge_efficiency"),
        discharge_efficiency=number("discharge_efficiency"),
        wear_cost_per_kwh=number("wear_cost_per_kwh"),
        default_control=DefaultControl(row["default_control"]),
    )


def _price(row: Row, interval: timedelta) -> PricePoint:
    start = _time(row, "start")
    end = _time(row, "end") if row.get("end") else start + interval
    return PricePoint(
        start=start,
        end=end,
        import_price_per_kwh=_price_per_kwh(row, "import_price_per_kwh"),
        export_price_per_kwh=_price_per_kwh(row, "export_price_per_kwh"),
        available_at=_time(row, "available_at"),
    )


def _price_per_kwh(row: Row, column: str) -> float:
    return _number(row, column, -HIGHEST_PRICE_PER_KWH, HIGHEST_PRICE_PER_KWH)


def _session(row: Row) -> ChargingSession:
    connected_from = _time(row, "connected_from")
    return ChargingSession(
        asset_id=row["asset_id"],
        connected_from=connected_from,
        connected_until=_time(row, "connected_until"),
        departure_energy_kwh=_number(row, "departure_energy_kwh", 0.0),
        trip_energy_kwh=_number(row, "trip_energy_kwh", 0.0),
        announced_at=_time(row, "announced_at")
        if row.get("announced_at")
        else connected_from - timedelta(days=1),
    )


def read_context(path: Path) -> Iterator[ContextItem]:
    """Yield the context items of a JSON Lines file; raise FileError naming the line that is wrong."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: not a text in UTF-8: {error}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            times = {name: _time(row, name) for name in ("valid_from", "valid_until", "available_at")}
            yield ContextItem(item_id=str(row["id"]), text=str(row["text"]), **times)
        except (KeyError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise FileError(f"{path}, line {number}: {error}") from error
