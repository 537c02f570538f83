"""Assets, feeders and the fleet they form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from vpp.domain.errors import InvalidValueError

_IDENTIFIER = re.compile(r"[A-Za-z0-9._:\-]{1,64}")


def parse_identifier(field: str, text: str) -> str:
    """Return `text` when it is an identifier; raise InvalidValueError otherwise."""
    if not _IDENTIFIER.fullmatch(text):
        raise InvalidValueError(field, text, "1 to 64 of A-Z a-z 0-9 . _ : -")
    return text


class AssetKind(StrEnum):
    HOME_BATTERY = "home_battery"
    EV_CHARGER = "ev_charger"
    GRID_BATTERY = "grid_battery"


class DefaultControl(StrEnum):
    """What a node does when it holds no valid setpoint."""

    ZERO = "zero"
    HOLD = "hold"
    SELF_CONSUMPTION = "self_consumption"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One controllable device. Powers are magnitudes at its AC terminals in kW, energies in kWh."""

    asset_id: str
    node_id: str
    feeder_id: str
    kind: AssetKind
    capacity_kwh: float
    energy_min_kwh: float
    energy_max_kwh: float
    max_charge_kw: float
    max_discharge_kw: float
    min_charge_kw: float = 0.0
    min_discharge_kw: float = 0.0
    charge_efficiency: float = 1.0
    discharge_efficiency: float = 1.0
    wear_cost_per_kwh: float = 0.0
    default_control: DefaultControl = DefaultControl.ZERO

    def __post_init__(self) -> None:
        for name in ("asset_id", "node_id", "feeder_id"):
            parse_identifier(name, getattr(self, name))
        for name in (
            "capacity_kwh",
            "energy_min_kwh",
            "max_charge_kw",
            "max_discharge_kw",
            "wear_cost_per_kwh",
        ):
            self._require(name, 0.0, np.inf)
        self._require("energy_max_kwh", self.energy_min_kwh, self.capacity_kwh)
        self._require("min_charge_kw", 0.0, self.max_charge_kw)
        self._require("min_discharge_kw", 0.0, self.max_discharge_kw)
        for name in ("charge_efficiency", "discharge_efficiency"):
            self._require(name, np.nextafter(0.0, 1.0), 1.0)

    def _require(self, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if not (np.isfinite(value) and low <= value <= high):
            raise InvalidValueError(
                f"{self.asset_id}.{name}", value, f"a finite number from {low:g} to {high:g}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeder:
    """A network segment with its operating envelope; both limits are magnitudes in kW."""

    feeder_id: str
    import_limit_kw: float
    export_limit_kw: float

    def __post_init__(self) -> None:
        parse_identifier("feeder_id", self.feeder_id)
        for name in ("import_limit_kw", "export_limit_kw"):
            value = getattr(self, name)
            if not value > 0.0:
                raise InvalidValueError(f"{self.feeder_id}.{name}", value, "a positive number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """All assets in a fixed order; an asset's position is its slot in every column of the service."""

    assets: tuple[Asset, ...]
    feeders: tuple[Feeder, ...]

    def __post_init__(self) -> None:
        known = {feeder.feeder_id for feeder in self.feeders}
        seen: set[str] = set()
        for asset in self.assets:
            if asset.asset_id in seen:
                raise InvalidValueError("asset_id", asset.asset_id, "an id that appears once")
            if asset.feeder_id not in known:
                raise InvalidValueError(f"{asset.asset_id}.feeder_id", asset.feeder_id, "a known feeder")
            seen.add(asset.asset_id)
        if len(known) != len(self.feeders):
            raise InvalidValueError("feeder_id", "repeated", "every feeder once")

    def __len__(self) -> int:
        return len(self.assets)

    def slots(self) -> dict[str, int]:
        """Return the slot of every asset id."""
        return {asset.asset_id: slot for slot, asset in enumerate(self.assets)}

    def feeder_index(self) -> NDArray[np.int64]:
        """Return each asset's position in `feeders`, shape (N,)."""
        position = {feeder.feeder_id: index for index, feeder in enumerate(self.feeders)}
        return np.array([position[asset.feeder_id] for asset in self.assets], dtype=np.int64)

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one numeric property of all assets, shape (N,)."""
        return np.array([getattr(asset, name) for asset in self.assets], dtype=np.float64)

    def of_node(self, node_id: str) -> tuple[Asset, ...]:
        return tuple(asset for asset in self.assets if asset.node_id == node_id)
