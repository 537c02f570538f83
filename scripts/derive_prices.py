"""Derive the demo's prices from the day-ahead price: `python scripts/derive_prices.py`.

Export is paid the day-ahead price; import costs a constant network charge with levies on top.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

DEMO_DIR = Path(__file__).resolve().parent.parent / "config" / "demo"
BERLIN = ZoneInfo("Europe/Berlin")
PUBLISHED_AT = time(12, 45)  # local, on the day before delivery
CHARGE_PER_KWH = 0.08
KWH_PER_MWH = 1000.0
INTERVALS_PER_HOUR = 4
COLUMNS = ("start", "import_price_per_kwh", "export_price_per_kwh", "available_at")


def available_at(start: datetime) -> datetime:
    """Return when the price of the hour at `start` was published, in UTC."""
    day_before = start.astimezone(BERLIN).date() - timedelta(days=1)
    return datetime.combine(day_before, PUBLISHED_AT, tzinfo=BERLIN).astimezone(UTC)


def price_rows(hours: Iterable[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Yield four rows for every hour of the day-ahead price."""
    for hour in hours:
        hour_start = datetime.fromisoformat(hour["start"])
        export_price = float(hour["price_eur_per_mwh"]) / KWH_PER_MWH
        for quarter in range(INTERVALS_PER_HOUR):
            yield {
                "start": (hour_start + quarter * timedelta(minutes=15)).isoformat(),
                "import_price_per_kwh": f"{export_price + CHARGE_PER_KWH:.5f}",
                "export_price_per_kwh": f"{export_price:.5f}",
                "available_at": available_at(hour_start).isoformat(),
            }


def main() -> None:
    """Read day_ahead_2020.csv and write prices.csv."""
    with (DEMO_DIR / "day_ahead_2020.csv").open(newline="", encoding="utf-8") as file:
        rows = list(price_rows(csv.DictReader(file)))
    with (DEMO_DIR / "prices.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
