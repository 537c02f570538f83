"""Writes a series and its weather forecasts for `vpp forecast backtest` from Victoria's demand, 2012 on.

    python scripts/victoria_series.py vic_elec_halfhourly_2012_2014.csv.gz OUT
    vpp forecast backtest OUT/series.csv --weather OUT/weather.csv --timezone Australia/Melbourne --out REPORT

The source (columns time_utc, demand_mwh, temp_c, holiday; AEMO and BOM by way of tsibbledata) is not part of
this project. No forecasts of the temperature were kept at the time: they are made here as the truth plus an
AR(1) error (0.97 per half hour, standard deviation 1.5 degrees, seed 0), each issued at noon standard time of
the day before.
"""

from __future__ import annotations

import csv
import gzip
import sys
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

STANDARD = timedelta(hours=10)
DECAY, SPREAD_C = 0.97, 1.5


def main(source: Path, out: Path) -> None:
    """Write series.csv and weather.csv into `out`."""
    with gzip.open(source, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    starts = [datetime.fromisoformat(row["time_utc"]) for row in rows]
    # Whole days of standard time from 2012-01-01 on, so that the errors are drawn for the same intervals.
    first = next(at for at, start in enumerate(starts) if (start + STANDARD).year == 2012)
    rows, starts = rows[first:], starts[first:]
    count = len(rows) // 48 * 48
    generator = np.random.default_rng(0)
    error = np.zeros(count)
    for at in range(1, count):
        error[at] = DECAY * error[at - 1] + generator.normal(0.0, SPREAD_C * np.sqrt(1.0 - DECAY**2))
    out.mkdir(parents=True, exist_ok=True)
    with (out / "series.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("start", "value", "temperature_c", "holiday"))
        for row, start in zip(rows[:count], starts, strict=False):
            writer.writerow((start.isoformat(), row["demand_mwh"], row["temp_c"], row["holiday"]))
    with (out / "weather.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("start", "available_at", "temperature_c"))
        for row, start, off in zip(rows[:count], starts, error, strict=False):
            midnight = (start + STANDARD).replace(hour=0, minute=0) - STANDARD
            known = midnight - timedelta(hours=12)
            writer.writerow((start.isoformat(), known.isoformat(), f"{float(row['temp_c']) + off:.3f}"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
