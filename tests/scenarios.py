"""A small scenario as files: two feeders, three assets, hourly, a week of history and a day to replay."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from optimizer.files.problems import ASSET_COLUMNS

HOUR = timedelta(hours=1)
START = datetime(2024, 3, 5, tzinfo=UTC)
HEADER = """\
title = "three assets on two feeders"
start = 2024-03-05T00:00:00Z
days = 1
interval_minutes = 60
horizon_intervals = 24
peak_price_per_kw = 0.5
history_days = 7
meter_delay_minutes = 60
"""
ASSETS = (
    ("battery", "west", "home_battery", 10, 1, 10, 5, 5, 5, 0, 0, 0.95, 0.95, 0.01, 0, 0),
    ("car", "west", "ev_charger", 50, 0, 50, 20, 11, 0, 1.4, 0, 0.92, 0.92, 0.0, 0, 0),
    ("park", "east", "grid_battery", 100, 5, 100, 50, 50, 50, 0, 0, 0.95, 0.95, 0.01, 0, 0),
)
Row = list[object]
Change = Callable[[Row], Row]


def write_scenario(
    folder: Path, *, header: str = "", days: int = 1, load: Change = list, prices: Change = list
) -> Path:
    """Write the scenario; `header` is appended, `load` and `prices` may change each row."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scenario.toml").write_text(HEADER.replace("days = 1", f"days = {days}") + header)
    _write(folder / "assets.csv", ASSET_COLUMNS, [list(row) for row in ASSETS])
    early = "2024-01-01T00:00:00Z"
    limits = [["west", early, 40, 40, early], ["east", early, 80, 80, early]]
    columns = ("feeder_id", "valid_from", "import_limit_kw", "export_limit_kw", "available_at")
    _write(folder / "feeders.csv", columns, limits)
    times = [START - timedelta(days=7) + k * HOUR for k in range((8 + days) * 24)]
    rows = [load([feeder, at.isoformat(), *_load(at, feeder)]) for feeder in ("west", "east") for at in times]
    _write(folder / "load.csv", ("feeder_id", "start", "consumption_kw", "pv_kw"), rows)
    columns = ("start", "import_price_per_kwh", "export_price_per_kwh", "available_at")
    _write(folder / "prices.csv", columns, [prices(_price(at)) for at in times])
    columns = (
        "asset_id",
        "connected_from",
        "connected_until",
        "required_energy_kwh",
        "trip_energy_kwh",
        "announced_at",
    )
    stay = ["car", START + 6 * HOUR, START + 18 * HOUR, 45.0, 8.0, START - 6 * HOUR]
    _write(folder / "trips.csv", columns, [stay])
    return folder


def _load(at: datetime, feeder: str) -> Row:
    shape = 1.0 + 0.5 * math.sin(2 * math.pi * (at.hour + (feeder == "east")) / 24) + 0.02 * (at.day % 3)
    return [round(15 * shape, 3), round(max(0.0, 12 * math.sin(math.pi * (at.hour - 6) / 12)), 3)]


def _price(at: datetime) -> Row:
    price = 0.15 + 0.10 * math.cos(2 * math.pi * at.hour / 24)
    known = at.replace(hour=12) - timedelta(days=1)
    return [at.isoformat(), round(price, 4), round(price - 0.1, 4), known.isoformat()]


def _write(path: Path, columns: tuple[str, ...], rows: list[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
