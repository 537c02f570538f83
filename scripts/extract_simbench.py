"""Derive the demo's feeders, load, assets and charging sessions from the `simbench` package.

`simbench` is not a dependency of the project. Run this in an environment of its own:

    python3.11 -m venv /tmp/simbench
    /tmp/simbench/bin/pip install simbench==1.6.3
    /tmp/simbench/bin/python scripts/extract_simbench.py

The result is the same on every run. What is taken and what is assumed: config/demo/SOURCES.md.
"""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import simbench
from charging_sessions import DEPARTURE_SOC, INTERVAL, soc_at
from demo_chargers import (
    DEMO_DAY,
    HOME_PROFILES,
    Charger,
    ProfileYear,
    chargers_elsewhere,
    midnight,
    numbered,
    street_chargers,
    uncontrolled_kw,
    utc,
)

DEMO_DIR = Path(__file__).resolve().parent.parent / "config" / "demo"
SHIFT = timedelta(days=1463)  # 209 weeks: weekday and season stay
HISTORY_DAYS, DAYS_AFTER = 28, 1

GRIDS = {
    "lv-rural2": "1-LV-rural2--2-no_sw",
    "lv-rural3": "1-LV-rural3--2-no_sw",
    "lv-semiurb5": "1-LV-semiurb5--2-no_sw",
    "lv-urban6": "1-LV-urban6--2-no_sw",
}
CHARGING_PROFILES = "^(HLS|APLS)_"
MIN_CHARGE_KW = 1.4
GRID_BATTERIES = (("lv-semiurb5", 100.0, 215.0), ("lv-urban6", 100.0, 215.0))

Row = dict[str, Any]
ASSET_COLUMNS = (
    "asset_id",
    "node_id",
    "feeder_id",
    "kind",
    "capacity_kwh",
    "energy_min_kwh",
    "energy_max_kwh",
    "max_charge_kw",
    "max_discharge_kw",
    "min_charge_kw",
    "min_discharge_kw",
    "charge_efficiency",
    "discharge_efficiency",
    "wear_cost_per_kwh",
    "default_control",
    "initial_soc",
)


def read_grids() -> dict[str, Any]:
    """Return every grid of the demo as a pandapower net with its profiles."""
    warnings.filterwarnings("ignore")
    return {feeder_id: simbench.get_simbench_net(code) for feeder_id, code in GRIDS.items()}


def label_times(net: Any) -> list[datetime]:
    """Return SimBench's labels: local time without a zone."""
    times = pd.to_datetime(net.profiles["load"]["time"], format="%d.%m.%Y %H:%M")
    return times.dt.to_pydatetime().tolist()


def feeder_rows(nets: dict[str, Any]) -> Iterator[Row]:
    """Yield the feeders; both limits are the transformer's rating at unity power factor."""
    for feeder_id, net in nets.items():
        (rating_mva,) = net.trafo.sn_mva
        rating_kw = round(rating_mva * 1000.0, 3)
        yield {
            "feeder_id": feeder_id,
            "name": GRIDS[feeder_id],
            "import_limit_kw": rating_kw,
            "export_limit_kw": rating_kw,
        }


def load_rows(nets: dict[str, Any]) -> Iterator[Row]:
    """Yield consumption without charging and storage, and PV, summed over each grid, to 1 W."""
    begin = midnight(DEMO_DAY) - SHIFT - timedelta(days=HISTORY_DAYS)
    count = (HISTORY_DAYS + 1 + DAYS_AFTER) * 96
    for feeder_id, net in nets.items():
        power_mw = simbench.get_absolute_values(net, profiles_instead_of_study_cases=True)
        uncontrolled = ~net.load.profile.str.contains(CHARGING_PROFILES)
        consumption_kw = power_mw["load", "p_mw"].loc[:, uncontrolled].sum(axis=1) * 1000.0
        pv_kw = power_mw["sgen", "p_mw"].sum(axis=1) * 1000.0
        times = label_times(net)
        first = times.index(begin)
        for row in range(first, first + count):
            yield {
                "feeder_id": feeder_id,
                "start": utc(times[row] + SHIFT).isoformat(),
                "consumption_kw": f"{consumption_kw.iloc[row]:.3f}",
                "pv_kw": f"{pv_kw.iloc[row]:.3f}",
            }


def read_profile_year(net: Any) -> ProfileYear:
    """Return the home charging profiles, as shares of their rated power."""
    folder = Path(simbench.__file__).parent / "networks" / "1-complete_data-mixed-all-2-sw"
    columns = [f"{name}_pload" for name in HOME_PROFILES]
    table = pd.read_csv(folder / "LoadProfile.csv", sep=";", usecols=columns)
    return ProfileYear(
        local_time=label_times(net),
        power_share={name: table[f"{name}_pload"].tolist() for name in HOME_PROFILES},
    )


def asset_row(asset_id: str, feeder_id: str, kind: str, capacity_kwh: float, **columns: Any) -> Row:
    """Return one asset, with a node of its own."""
    row = {
        "asset_id": asset_id,
        "node_id": f"node-{asset_id}",
        "feeder_id": feeder_id,
        "kind": kind,
        "capacity_kwh": capacity_kwh,
        "energy_min_kwh": 0.0,
        "energy_max_kwh": capacity_kwh,
        "min_charge_kw": 0.0,
        "min_discharge_kw": 0.0,
        "wear_cost_per_kwh": 0.0,
        "default_control": "zero",
    }
    return row | columns


def battery_rows(nets: dict[str, Any]) -> Iterator[Row]:
    """Yield SimBench's storage units; `p_mw` is their rated power, negative in SimBench."""
    for feeder_id, net in nets.items():
        for number, unit in enumerate(net.storage.itertuples(), start=1):
            capacity_kwh = round(unit.max_e_mwh * 1000.0, 1)
            power_kw = round(abs(unit.p_mw) * 1000.0, 1)
            yield asset_row(
                f"{feeder_id}-battery-{number:02d}",
                feeder_id,
                "home_battery",
                capacity_kwh,
                energy_min_kwh=round(0.1 * capacity_kwh, 2),
                max_charge_kw=power_kw,
                max_discharge_kw=power_kw,
                charge_efficiency=unit.efficiency_percent,
                discharge_efficiency=unit.efficiency_percent,
                wear_cost_per_kwh=0.02,
                default_control="self_consumption",
                initial_soc=0.5,
            )
    for number, (feeder_id, power_kw, capacity_kwh) in enumerate(GRID_BATTERIES, start=1):
        yield asset_row(
            f"grid-battery-{number:02d}",
            feeder_id,
            "grid_battery",
            capacity_kwh,
            energy_min_kwh=round(0.05 * capacity_kwh, 2),
            max_charge_kw=power_kw,
            max_discharge_kw=power_kw,
            charge_efficiency=0.95,
            discharge_efficiency=0.95,
            wear_cost_per_kwh=0.015,
            initial_soc=0.5,
        )


def charger_rows(chargers: dict[str, Charger]) -> Iterator[Row]:
    """Yield the chargers; their state of charge is the car's when the demo day starts."""
    for asset_id, charger in chargers.items():
        yield asset_row(
            asset_id,
            charger.feeder_id,
            "ev_charger",
            charger.car.capacity_kwh,
            max_charge_kw=charger.car.max_charge_kw,
            max_discharge_kw=0.0,
            min_charge_kw=MIN_CHARGE_KW,
            charge_efficiency=charger.car.charge_efficiency,
            discharge_efficiency=charger.car.charge_efficiency,
            initial_soc=round(soc_at(utc(midnight(DEMO_DAY)), charger.sessions, charger.car), 4),
        )


def session_rows(chargers: dict[str, Charger]) -> Iterator[Row]:
    """Yield the sessions of the three days; a trip uses what the next session charges."""
    end = utc(midnight(DEMO_DAY + timedelta(days=2)))
    for asset_id, charger in chargers.items():
        for session, following in zip(charger.sessions, charger.sessions[1:], strict=False):
            if session.connected_from < end:
                yield {
                    "asset_id": asset_id,
                    "connected_from": session.connected_from.isoformat(),
                    "connected_until": session.connected_until.isoformat(),
                    "required_energy_kwh": session.required_energy_kwh,
                    "trip_energy_kwh": following.required_energy_kwh,
                    "departure_energy_kwh": round(DEPARTURE_SOC * charger.car.capacity_kwh, 2),
                }


def print_loading(feeders: Sequence[Row], load: Sequence[Row], chargers: Sequence[Charger]) -> None:
    """Print the highest import of the demo day per feeder and of the portfolio, without control."""
    begin = utc(midnight(DEMO_DAY))
    moments = [begin + index * INTERVAL for index in range(96)]
    portfolio_kw = [0.0] * 96
    for feeder in feeders:
        feeder_id, limit_kw = feeder["feeder_id"], feeder["import_limit_kw"]
        net_kw = {
            row["start"]: float(row["consumption_kw"]) - float(row["pv_kw"])
            for row in load
            if row["feeder_id"] == feeder_id
        }
        here = [charger for charger in chargers if charger.feeder_id == feeder_id]
        base_kw = [net_kw[moment.isoformat()] for moment in moments]
        total_kw = [
            base + uncontrolled_kw(here, moment) for base, moment in zip(base_kw, moments, strict=True)
        ]
        portfolio_kw = [a + b for a, b in zip(portfolio_kw, total_kw, strict=True)]
        peak_kw = max(total_kw)
        at = moments[total_kw.index(peak_kw)].isoformat()
        over = sum(kw > limit_kw for kw in total_kw)
        print(
            f"{feeder_id}: limit {limit_kw:.0f} kW, without charging {min(base_kw):.1f} to "
            f"{max(base_kw):.1f} kW, uncontrolled {peak_kw:.1f} kW at {at} "
            f"({100 * peak_kw / limit_kw:.0f} %), {over} intervals above"
        )
    peak_kw = max(portfolio_kw)
    print(f"portfolio: {peak_kw:.1f} kW at {moments[portfolio_kw.index(peak_kw)].isoformat()}")


def write(name: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write one table of the demo."""
    with (DEMO_DIR / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Write the four tables and print the loading of the demo day without control."""
    nets = read_grids()
    profiles = {feeder_id: list(net.load.profile) for feeder_id, net in nets.items()}
    year = read_profile_year(next(iter(nets.values())))
    chargers = numbered([*street_chargers(year), *chargers_elsewhere(profiles, year)])
    feeders, load = list(feeder_rows(nets)), list(load_rows(nets))
    sessions = list(session_rows(chargers))
    DEMO_DIR.mkdir(parents=True, exist_ok=True)
    write("feeders.csv", tuple(feeders[0]), feeders)
    write("load.csv", tuple(load[0]), load)
    write("assets.csv", ASSET_COLUMNS, [*battery_rows(nets), *charger_rows(chargers)])
    write("sessions.csv", tuple(sessions[0]), sessions)
    print_loading(feeders, load, list(chargers.values()))


if __name__ == "__main__":
    main()
