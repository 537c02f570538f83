"""Made balancing reserve, from a seed: blocks of four hours in both directions, known on the day before."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from vpp.replay.shipped.tables import Columns, Span, as_time

BLOCK_HOURS: Final = 4
KNOWN_AT: Final = time(9, 30)  # local time, on the day before
SUSTAIN_MINUTES: Final = 60.0
NOISE: Final = 0.25  # of prices, standard deviation of the logarithm
# Money per kW and hour of each block of a day: upwards dear in the evening, downwards when the sun shines.
PRICE_UP: Final = (0.005, 0.008, 0.006, 0.005, 0.012, 0.008)
PRICE_DOWN: Final = (0.009, 0.006, 0.012, 0.016, 0.006, 0.007)


def reserve_columns(span: Span, random: np.random.Generator, *, most_kw: float, timezone: str) -> Columns:
    """Return the reserve table: `most_kw` in each direction and block, also of the day after the last."""
    zone, rows = ZoneInfo(timezone), []
    for number in range(span.days + 1):
        day = span.start.date() + timedelta(days=number)
        known = datetime.combine(day - timedelta(days=1), KNOWN_AT, tzinfo=zone)
        for block in range(24 // BLOCK_HOURS):
            begin = datetime.combine(day, time(BLOCK_HOURS * block), tzinfo=zone)
            for direction, prices in (("up", PRICE_UP), ("down", PRICE_DOWN)):
                noise = float(np.exp(NOISE * random.standard_normal()))
                row: dict[str, Any] = {
                    "product_id": f"{direction}-{day:%m%d}-{BLOCK_HOURS * block:02d}",
                    "direction": direction,
                    "start": as_time(begin),
                    "end": as_time(begin + timedelta(hours=BLOCK_HOURS)),
                    "price_per_kw_h": round(prices[block] * noise, 5),
                    "max_kw": most_kw,
                    "sustain_minutes": SUSTAIN_MINUTES,
                    "available_at": as_time(known),
                }
                rows.append(row)
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}
