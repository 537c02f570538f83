"""Low-voltage grids of SimBench, read from the data files of the `simbench` package.

Meinecke et al. (2020), "SimBench: A Benchmark Dataset of Electric Power Systems to Compare Innovative
Solutions Based on Power Flow Analysis", Energies 13(12), 3290. Open Database License 1.0. Only the files
are used; neither the package's code nor its dependencies are needed: `pip install --no-deps simbench==1.6.3`.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vpp.replay.shipped.batteries import battery_asset
from vpp.replay.shipped.demand import local_times
from vpp.replay.shipped.tables import Floats, Times
from vpp.service.files import FileError

DATA = "networks/1-complete_data-mixed-all-2-sw"  # the later of SimBench's future scenarios
TIMEZONE = "Europe/Berlin"  # of SimBench's labels, which carry none
SUBNETS = {"lv-rural2": "LV2.101", "lv-rural3": "LV3.101", "lv-semiurb5": "LV5.201", "lv-urban6": "LV6.201"}
CONTROLLED = "^(?:HLS|APLS)_"  # charging points: they are the fleet's assets
YEAR = np.timedelta64(52, "W")  # SimBench's year is used as 52 weeks that repeat: the weekday stays
FIRST = np.datetime64("2016-01-04", "us")  # a Monday
QUARTER = np.timedelta64(15, "m")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimbenchGrid:
    """One low-voltage grid: its transformer, its load and PV over the times asked, its storage units."""

    rating_kw: float
    consumption_kw: Floats  # (T,)
    pv_kw: Floats  # (T,)
    storage: list[dict[str, Any]]
    charging_points: int


@dataclass(frozen=True, slots=True)
class Simbench:
    """The data files, opened once."""

    folder: Path
    loads: pd.DataFrame
    units: pd.DataFrame
    storages: pd.DataFrame
    transformers: pd.DataFrame
    load_profiles: pd.DataFrame
    pv_profiles: pd.DataFrame

    @classmethod
    def open(cls) -> Simbench:
        """Read the files of the installed package; raise FileError where there is none."""
        found = importlib.util.find_spec("simbench")
        if found is None or not found.submodule_search_locations:
            raise FileError(
                "simbench: the package is not installed, expected its data files (91 MB); "
                "run `pip install --no-deps simbench==1.6.3` and build again"
            )
        folder = Path(next(iter(found.submodule_search_locations))) / DATA
        names = ("Load", "RES", "Storage", "Transformer", "LoadProfile", "RESProfile")
        return cls(folder, *(pd.read_csv(folder / f"{name}.csv", sep=";") for name in names))

    def grid(self, feeder_id: str, times: Times) -> SimbenchGrid:
        """Return one grid with its series on `times` (UTC), each a mean over the interval."""
        subnet = SUBNETS[feeder_id]
        loads, units, storages = (_within(table, subnet) for table in (self.loads, self.units, self.storages))
        charging = loads["profile"].str.contains(CONTROLLED)
        load_kw = _absolute_kw(self.load_profiles, loads[~charging], "pLoad", "_pload")
        pv_kw = _absolute_kw(self.pv_profiles, units[units["type"] == "PV"], "pRES", "")
        place, per_interval = self._rows(times)
        series = [values[place].reshape(len(times), per_interval).mean(axis=1) for values in (load_kw, pv_kw)]
        return SimbenchGrid(
            rating_kw=_rating_kw(self.transformers, subnet),
            consumption_kw=series[0],
            pv_kw=series[1],
            storage=[
                _battery(feeder_id, k, unit) for k, unit in enumerate(storages.to_dict("records"), start=1)
            ],
            charging_points=int(charging.sum()),
        )

    def _rows(self, times: Times) -> tuple[np.ndarray[Any, np.dtype[np.int64]], int]:
        """Return the profile rows of every quarter of an hour of `times`, and how many make one interval."""
        per_interval = max(1, int((times[1] - times[0]) / QUARTER))
        quarters = (times[:, None] + np.arange(per_interval) * QUARTER).ravel()
        local = local_times(quarters, TIMEZONE).tz_localize(None).to_numpy().astype("datetime64[us]")
        wanted = FIRST + (local - FIRST) % YEAR
        labels = pd.to_datetime(self.load_profiles["time"], format="%d.%m.%Y %H:%M")
        known = labels.to_numpy().astype("datetime64[us]")
        order = np.argsort(known, kind="stable")
        place = np.searchsorted(known[order], wanted, side="right") - 1  # the hour that is missing: the last
        return order[np.maximum(place, 0)], per_interval


def _within(table: pd.DataFrame, subnet: str) -> pd.DataFrame:
    """Return the elements of one subnet; a label such as LV2.101_MV1.101 names its own grid first."""
    return table[table["subnet"].astype(str).str.split("_").str[0] == subnet]


def _absolute_kw(profiles: pd.DataFrame, elements: pd.DataFrame, rating: str, ending: str) -> Floats:
    """Return the sum of profiles times ratings of all elements, kW."""
    shares = profiles[[f"{name}{ending}" for name in elements["profile"]]].to_numpy(dtype=np.float64)
    total: Floats = shares @ (elements[rating].to_numpy(dtype=np.float64) * 1000.0)
    return np.maximum(total, 0.0)


def _rating_kw(transformers: pd.DataFrame, subnet: str) -> float:
    """Return the rating of the transformer above a grid at unity power factor, kW."""
    below = transformers[transformers["nodeLV"].astype(str).str.startswith(f"{subnet} ")]
    return round(float(str(below["type"].iloc[0]).split(" MVA")[0]) * 1000.0, 1)


def _battery(feeder_id: str, number: int, unit: dict[Any, Any]) -> dict[str, Any]:
    """Return a storage unit of SimBench, rounded to 0.1."""
    return battery_asset(
        f"{feeder_id}-battery-{number:02d}",
        feeder_id,
        round(float(unit["eStore"]) * 1000.0, 1),
        round(abs(float(unit["pStor"])) * 1000.0, 1),
        efficiency=float(unit["etaStore"]),
    )
