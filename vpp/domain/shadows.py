"""Shadows: what is other in them, and what became of their plans beside those in force.

Nothing of a shadow is ever sent. A shadow is told apart from another of the same name by the hash of its
change, so that figures of two versions are never mixed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vpp.domain.errors import InvalidValueError
from vpp.domain.runs import Rung

Floats = NDArray[np.float64]
# Limits, intervals and lifetimes are no shadow's matter.
POLICY_VALUES: Final = (
    "accepted_gap",
    "feeder_penalty_per_kwh",
    "horizon_intervals",
    "peak_price_per_kw",
    "stability_cost_per_kw",
    "unmet_energy_penalty_per_kwh",
)
BASELINE_ALONE: Final = {"baseline": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowChange:
    """What is other in a shadow, as plain values.

    `weights` of forecasters replace the mix; they are scaled to sum to one. `model` are the settings of
    another reasoning model, whose forecasts are issued beside those in force.
    """

    policy: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.policy:
            if name not in POLICY_VALUES:
                raise InvalidValueError("policy", name, f"one of {', '.join(POLICY_VALUES)}")
        if not (self.policy or self.weights or self.model):
            raise InvalidValueError("shadow", "no change", "at least one policy value, weight or model")
        if self.weights and self.model:
            raise InvalidValueError("weights", dict(self.weights), "none beside a model of its own")
        require_weights(self.weights)

    @property
    def sha256(self) -> str:
        """Return the hash that tells this change from every other."""
        return hashlib.sha256(json.dumps(self.plain(), sort_keys=True).encode()).hexdigest()

    def plain(self) -> dict[str, Any]:
        """Return the change as plain values for JSON."""
        return {"policy": dict(self.policy), "weights": dict(self.weights), "model": dict(self.model)}

    @property
    def words(self) -> str:
        """Return the change in words."""
        return change_words(self.policy, self.weights, self.model)


def change_words(policy: Mapping[str, float], weights: Mapping[str, float], model: Mapping[str, Any]) -> str:
    """Return values in words; empty where all of them are."""
    found = [f"{name}={value:g}" for name, value in policy.items()]
    found += [f"{value:g} x {name}" for name, value in weights.items()]
    if model:
        found.append(f"model {model.get('name', '')} at {model.get('base_url', '')}")
    return ", ".join(found)


def require_weights(weights: Mapping[str, float]) -> None:
    """Raise InvalidValueError unless weights are zero or more, and one of them is more."""
    for name, weight in weights.items():
        if not 0.0 <= weight < float("inf"):
            raise InvalidValueError(f"weights.{name}", weight, "zero or more")
    if weights and sum(weights.values()) <= 0.0:
        raise InvalidValueError("weights", dict(weights), "at least one above zero")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """A standing shadow: it plans beside each `every_cycles`-th interval, for `days` from its first plan."""

    shadow_id: str
    change: ShadowChange
    every_cycles: int = 1
    days: int = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSide:
    """One side's plan in one cycle. Money as its own model counts it, over its own horizon."""

    rung: Rung
    cost: float | None  # None without a plan
    horizon_intervals: int
    refused: int  # plans that the verifier refused
    overload_kwh: float  # beyond limits, that the plan foresees and could not avoid
    change_kw: float | None  # mean over shared intervals, against its own plan before; None without one
    seconds: float  # of the solve
    forecast_id: str | None
    powers_kw: Floats | None  # (N,) ordered in the first interval; None where nothing was

    def figures(self) -> dict[str, Any]:
        """Return all but the powers as plain values."""
        values = {name: getattr(self, name) for name in self.__slots__ if name != "powers_kw"}
        return values | {"rung": self.rung.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowPrices:
    """Prices of the first interval, and what a kWh is worth later: the median import price."""

    import_price_per_kwh: float
    export_price_per_kwh: float
    stored_value_per_kwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowCycle:
    """One live cycle and what a shadow planned from the very same inputs."""

    shadow_id: str
    change_sha256: str
    run_id: str  # of the live cycle
    cycle_start: datetime
    planned_at: datetime
    hours: float  # of an interval
    in_force: PlannedSide
    shadow: PlannedSide
    prices: ShadowPrices | None  # None: nothing of it can be billed
    number: int = 0  # order of writing; 0 when new


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one side would have come to in one interval; money positive is paid."""

    start: datetime
    cost: float
    overload_kwh: float
    import_kw: float
    moved_kw: float
    commands: int
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastScore:
    """Sums of errors of one source against what was metered; consumption of feeders, kW.

    `pinball_kw` is the mean over the levels 10, 50 and 90 %, None where only a median is known.
    """

    values: int
    actual_kw: float
    error_kw: float
    pinball_kw: float | None

    def plus(self, other: ForecastScore) -> ForecastScore:
        """Return both together."""
        known = self.pinball_kw is not None and other.pinball_kw is not None
        return ForecastScore(
            values=self.values + other.values,
            actual_kw=self.actual_kw + other.actual_kw,
            error_kw=self.error_kw + other.error_kw,
            pinball_kw=(self.pinball_kw or 0.0) + (other.pinball_kw or 0.0) if known else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedCycle:
    """A cycle of both sides with what came of it, as far as that is known."""

    cycle: ShadowCycle  # without powers
    outcomes: tuple[Outcome, Outcome] | None = None  # in force, shadow
    scores: Mapping[str, ForecastScore] = field(default_factory=dict)  # by source
