"""Simulated devices and meters from a folder of CSV files: the same that the service imports.

```
assets.csv     asset_id, node_id, kind, capacity_kwh, energy_min_kwh, energy_max_kwh, max_charge_kw,
               max_discharge_kw, min_charge_kw, min_discharge_kw, charge_efficiency,
               discharge_efficiency, [initial_soc]
[sessions.csv] asset_id, connected_from, connected_until, departure_energy_kwh, trip_energy_kwh
[load.csv]     feeder_id, start, consumption_kw, pv_kw
```
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from vpp.node.device import ChargingStay, FeederMeasurement
from vpp.node.simulated import BatterySpecification, FeederMeter, SimulatedBattery, SimulatedEvCharger

_NUMBERS = (
    "capacity_kwh",
    "energy_min_kwh",
    "energy_max_kwh",
    "max_charge_kw",
    "max_discharge_kw",
    "min_charge_kw",
    "min_discharge_kw",
    "charge_efficiency",
    "discharge_efficiency",
)


class NodeFileError(Exception):
    """A file that cannot be used; the message names file, line and what was expected."""


def read_devices(
    folder: Path, started_at: datetime, *, noise_kw: float = 0.0
) -> dict[str, list[SimulatedBattery]]:
    """Return simulated devices by node id, in the order of the file.

    Stays of EVs come from `sessions.csv`, where there is one; those that ended before `started_at`
    are left out.
    """
    assets = folder / "assets.csv"
    stays = _read_stays(folder / "sessions.csv", started_at)
    nodes: dict[str, list[SimulatedBattery]] = defaultdict(list)
    for number, row in _rows(assets):
        try:
            device = _device(row, stays[row["asset_id"]], started_at, seed=number, noise_kw=noise_kw)
            nodes[row["node_id"]].append(device)
        except (KeyError, ValueError) as error:
            raise NodeFileError(f"{assets}, line {number}: {error!r}") from error
    return dict(nodes)


def read_meters(folder: Path, started_at: datetime, *, interval: timedelta) -> dict[str, FeederMeter]:
    """Return a meter for each feeder of `load.csv` by node id, playing back from `started_at` on."""
    path = folder / "load.csv"
    measured: dict[str, list[FeederMeasurement]] = defaultdict(list)
    if not path.exists():
        return {}
    for number, row in _rows(path):
        try:
            measurement = FeederMeasurement(
                start=_time(row["start"]),
                consumption_kw=float(row["consumption_kw"]),
                pv_kw=float(row["pv_kw"]),
            )
        except (KeyError, ValueError) as error:
            raise NodeFileError(f"{path}, line {number}: {error!r}") from error
        if measurement.start >= started_at:
            measured[row["feeder_id"]].append(measurement)
    return {
        meter_node_id(feeder_id): FeederMeter(feeder_id, rows, interval=interval)
        for feeder_id, rows in measured.items()
    }


def meter_node_id(feeder_id: str) -> str:
    """Return the node that reads the meter of a feeder; the service knows it by this name."""
    return f"meter-{feeder_id}"


def _device(
    row: dict[str, str], stays: list[ChargingStay], started_at: datetime, *, seed: int, noise_kw: float
) -> SimulatedBattery:
    numbers = {name: float(row[name]) for name in _NUMBERS}
    specification = BatterySpecification(asset_id=row["asset_id"], **numbers)
    energy_kwh = float(row.get("initial_soc") or 0.5) * specification.capacity_kwh
    if row["kind"] == "ev_charger":
        return SimulatedEvCharger(
            specification,
            stays=stays,
            energy_kwh=energy_kwh,
            started_at=started_at,
            seed=seed,
            noise_kw=noise_kw,
        )
    return SimulatedBattery(
        specification, energy_kwh=energy_kwh, started_at=started_at, seed=seed, noise_kw=noise_kw
    )


def _read_stays(path: Path, started_at: datetime) -> dict[str, list[ChargingStay]]:
    stays: dict[str, list[ChargingStay]] = defaultdict(list)
    if not path.exists():
        return stays
    for number, row in _rows(path):
        try:
            stay = ChargingStay(
                connected_from=_time(row["connected_from"]),
                connected_until=_time(row["connected_until"]),
                departure_energy_kwh=float(row["departure_energy_kwh"]),
                trip_energy_kwh=float(row["trip_energy_kwh"]),
            )
        except (KeyError, ValueError) as error:
            raise NodeFileError(f"{path}, line {number}: {error!r}") from error
        if stay.connected_until > started_at:
            stays[row["asset_id"]].append(stay)
    return stays


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text}: expected a time with an offset, such as 2020-05-20T10:00:00Z")
    return at


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            yield from enumerate(csv.DictReader(file), start=2)
    except FileNotFoundError:
        raise NodeFileError(f"{path}: there is no such file") from None
