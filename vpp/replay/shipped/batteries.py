"""Rows of the assets table for batteries at home, at a site and in the grid."""

from __future__ import annotations

from typing import Any

import numpy as np

HOME_SIZES = ((5.1, 2.5), (7.7, 3.7), (10.2, 5.0), (13.8, 5.0))  # capacity kWh, power kW: common units
HOME_WEAR_PER_KWH = 0.02  # of throughput: 200 per kWh of capacity over 5,000 full cycles


def battery_asset(
    asset_id: str,
    feeder_id: str,
    capacity_kwh: float,
    power_kw: float,
    *,
    kind: str = "home_battery",
    wear: float = HOME_WEAR_PER_KWH,
    efficiency: float = 0.95,
    kept: float = 0.1,
) -> dict[str, Any]:
    """Return one battery, half full; `kept` is the share of its capacity that stays in it."""
    return {
        "asset_id": asset_id,
        "feeder_id": feeder_id,
        "kind": kind,
        "capacity_kwh": capacity_kwh,
        "energy_min_kwh": round(kept * capacity_kwh, 2),
        "energy_initial_kwh": round(0.5 * capacity_kwh, 2),
        "max_charge_kw": power_kw,
        "max_discharge_kw": power_kw,
        "charge_efficiency": efficiency,
        "discharge_efficiency": efficiency,
        "wear_cost_per_kwh": wear,
    }


def home_batteries(feeder_id: str, count: int, random: np.random.Generator) -> list[dict[str, Any]]:
    """Return `count` home batteries of common sizes."""
    sizes = random.integers(len(HOME_SIZES), size=count)
    return [
        battery_asset(f"{feeder_id}-battery-{number:02d}", feeder_id, *HOME_SIZES[size])
        for number, size in enumerate(sizes.tolist(), start=1)
    ]
