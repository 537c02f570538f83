"""The dispatch problem as values: columns over assets, windows, feeders and intervals.

Signs and units: powers in kW at the asset's AC terminals, non-negative `charge_kw` and
`discharge_kw`; energies in kWh inside the asset; prices in money per kWh; a load is
consumption net of PV, positive towards the consumer. Interval `t` is `[t, t + 1) * interval_h`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Names = NDArray[np.object_]


class ProblemError(ValueError):
    """A problem that cannot be: names the table, the row and the column, and what was expected."""

    def __init__(self, table: str, column: str, row: int | None, found: object, expected: str) -> None:
        self.table, self.column, self.row, self.found, self.expected = table, column, row, found, expected
        place = table if row is None else f"{table}, row {row}"
        if column != "(file)":
            place += f", column {column}"
        super().__init__(f"{place}: found {found!r}, expected {expected}")


def _freeze(value: Any) -> None:
    """Make every array of a frozen dataclass read-only."""
    for item in fields(value):
        column = getattr(value, item.name)
        if isinstance(column, np.ndarray):
            column.setflags(write=False)


def _floats(*shape: int) -> Floats:
    return np.zeros(shape, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """N controllable assets as columns of length N; `feeder` is an index into `Feeders`."""

    asset_id: Names
    feeder: Ints
    kind: Names
    capacity_kwh: Floats
    energy_min_kwh: Floats
    energy_max_kwh: Floats
    energy_initial_kwh: Floats  # may lie below energy_min_kwh: then no discharging until recovered
    max_charge_kw: Floats
    max_discharge_kw: Floats
    min_charge_kw: Floats  # charging power is zero or at least this
    min_discharge_kw: Floats
    charge_efficiency: Floats  # (0, 1]
    discharge_efficiency: Floats  # (0, 1]
    wear_cost_per_kwh: Floats  # money per kWh of AC throughput, charge plus discharge
    energy_final_min_kwh: Floats  # soft; missing energy is paid at unmet_energy_penalty_per_kwh
    energy_final_value_per_kwh: Floats
    discharge_budget_kwh: Floats  # energy out of the cell over the horizon; infinity: no budget

    def __post_init__(self) -> None:
        _freeze(self)

    def __len__(self) -> int:
        return len(self.asset_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """W connection windows `[from_interval, to_interval)`, sorted by (asset, from_interval).

    An asset without a window is connected throughout; one with windows only within them.
    Outside, power is zero and energy constant, but for `trip_energy_kwh`, subtracted at
    `to_interval`. `departure_energy_kwh` is asked at the end of interval `to_interval - 1`.
    """

    asset: Ints
    from_interval: Ints
    to_interval: Ints
    departure_energy_kwh: Floats
    trip_energy_kwh: Floats

    def __post_init__(self) -> None:
        _freeze(self)

    def __len__(self) -> int:
        return len(self.asset)

    @classmethod
    def none(cls) -> Windows:
        empty = np.zeros(0, dtype=np.int64)
        return cls(
            asset=empty,
            from_interval=empty,
            to_interval=empty,
            departure_energy_kwh=_floats(0),
            trip_energy_kwh=_floats(0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """Prices of the exchange with the grid, one row per interval; any sign, export may exceed import."""

    import_price_per_kwh: Floats
    export_price_per_kwh: Floats
    carbon_kg_per_kwh: Floats

    def __post_init__(self) -> None:
        _freeze(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeders:
    """F network segments; matrices of shape (F, T). Limits are soft, at `feeder_penalty_per_kwh`."""

    feeder_id: Names
    load_kw: Floats
    import_limit_kw: Floats
    export_limit_kw: Floats

    def __post_init__(self) -> None:
        _freeze(self)

    def __len__(self) -> int:
        return len(self.feeder_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """E requests to the fleet: net discharge at least (`up`) or at most (`down`) `target_kw`."""

    event_id: Names
    from_interval: Ints
    to_interval: Ints
    target_kw: Floats
    up: NDArray[np.bool_]
    penalty_per_kwh: Floats

    def __post_init__(self) -> None:
        _freeze(self)

    def __len__(self) -> int:
        return len(self.event_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """R reserve products: capacity held back, paid per kW and hour, backed by energy for `sustain_h`."""

    product_id: Names
    up: NDArray[np.bool_]
    from_interval: Ints
    to_interval: Ints
    price_per_kw_h: Floats
    max_kw: Floats
    sustain_h: Floats

    def __post_init__(self) -> None:
        _freeze(self)

    def __len__(self) -> int:
        return len(self.product_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenarios:
    """S weighted load scenarios: `load_kw` of shape (S, F, T) replaces the feeders' load."""

    probability: Floats
    load_kw: Floats

    def __post_init__(self) -> None:
        _freeze(self)

    def __len__(self) -> int:
        return len(self.probability)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wear:
    """Depth-dependent wear (Xu et al. 2018): per listed asset J equal segments of its energy range.

    `cost_per_kwh` has shape (len(asset), J), non-decreasing along J, per kWh out of the cell;
    it replaces `wear_cost_per_kwh` of these assets.
    """

    asset: Ints
    cost_per_kwh: Floats

    def __post_init__(self) -> None:
        _freeze(self)

    def __len__(self) -> int:
        return len(self.asset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One dispatch problem over T intervals. Stated in full in docs/problem.md."""

    start: datetime
    interval_h: float
    intervals: int
    assets: Assets
    feeders: Feeders
    portfolio: Portfolio
    windows: Windows = field(default_factory=Windows.none)
    import_limit_kw: float = np.inf
    export_limit_kw: float = np.inf
    peak_price_per_kw: float = 0.0
    peak_so_far_kw: float = 0.0
    feeder_penalty_per_kwh: float = 10.0
    unmet_energy_penalty_per_kwh: float = 5.0
    currency: str = "EUR"
    carbon_price_per_kg: float = 0.0
    stability_cost_per_kw: float = 0.0
    cvar_alpha: float = 0.95
    cvar_weight: float = 0.0
    events: Events | None = None
    reserve: Reserve | None = None
    scenarios: Scenarios | None = None
    wear: Wear | None = None
    previous_power_kw: Floats | None = None  # (N, T), positive discharges; the plan in force

    @property
    def shape(self) -> tuple[int, int]:
        """Number of assets and of intervals."""
        return len(self.assets), self.intervals
