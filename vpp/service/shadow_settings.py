"""The `[[shadows]]` of the settings: what plans beside live operation, with what changed, how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from vpp.domain.errors import InvalidValueError
from vpp.domain.policy import DispatchPolicy
from vpp.domain.shadows import BASELINE_ALONE, Shadow, ShadowChange
from vpp.service.model_settings import ModelSettings

_NOT_OF_A_SHADOW: Final = ("withheld_words", "enabled")


class ShadowSettings(BaseModel):
    """One shadow; see `vpp.domain.shadows`.

    `forecaster` says whose forecast it plans with: the one in force, the statistical baseline alone, a mix of
    forecasters with `weights` of its own, or `model`, another reasoning model at an endpoint of its own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[A-Za-z0-9._\-]{1,48}$")
    forecaster: Literal["in_force", "baseline", "aggregated", "endpoint"] = "in_force"
    weights: dict[str, float] = Field(default_factory=dict, max_length=16)
    model: ModelSettings | None = None
    policy: dict[str, float] = Field(default_factory=dict)
    every_cycles: int = Field(default=1, ge=1, le=96)
    days: int = Field(default=28, ge=1, le=366)

    def to_shadow(self, policy: DispatchPolicy) -> Shadow:
        """Return the domain's value; raises InvalidValueError where nothing can be planned with it."""
        field = f"shadows.{self.id}"
        self._require_parts(field)
        weights = dict(BASELINE_ALONE) if self.forecaster == "baseline" else self.weights
        values = dict(self.policy)
        if "horizon_intervals" in values:
            values["horizon_intervals"] = _count(field, values["horizon_intervals"], policy)
        try:
            change = ShadowChange(policy=values, weights=weights, model=self._model())
            changed: dict[str, Any] = {**values}
            replace(policy, **changed)
        except InvalidValueError as error:
            name = f"{field}.{error.field}" if error.field.startswith(("policy", "weights")) else field
            name = f"{field}.policy.{error.field}" if error.field in values else name
            raise InvalidValueError(name, error.value, error.expected, error.remedy) from None
        return Shadow(shadow_id=self.id, change=change, every_cycles=self.every_cycles, days=self.days)

    def _require_parts(self, field: str) -> None:
        """Raise InvalidValueError unless weights and model are given just where they are used."""
        if bool(self.weights) != (self.forecaster == "aggregated"):
            expected = 'forecasters and their weights, just where forecaster = "aggregated"'
            raise InvalidValueError(f"{field}.weights", self.weights, expected)
        if (self.model is not None) != (self.forecaster == "endpoint"):
            found = None if self.model is None else self.model.name
            expected = 'a table with base_url and name, just where forecaster = "endpoint"'
            raise InvalidValueError(f"{field}.model", found, expected)
        if self.model is None:
            return
        for name in ("base_url", "name"):
            if name not in self.model.model_fields_set:
                raise InvalidValueError(f"{field}.model.{name}", "nothing", "that of the other model")
        for name in _NOT_OF_A_SHADOW:
            if name in self.model.model_fields_set:
                raise InvalidValueError(
                    f"{field}.model.{name}", getattr(self.model, name), "nothing", "it stands in [model]"
                )

    def _model(self) -> dict[str, Any]:
        if self.model is None:
            return {}
        return self.model.model_dump(mode="json", exclude=set(_NOT_OF_A_SHADOW))


def _count(field: str, value: float, policy: DispatchPolicy) -> int:
    if not (value.is_integer() and 1 <= value <= policy.horizon_intervals):
        raise InvalidValueError(
            f"{field}.policy.horizon_intervals",
            value,
            f"a whole number from 1 to policy.horizon_intervals = {policy.horizon_intervals}",
            "a cycle knows nothing beyond its own horizon",
        )
    return int(value)


def to_shadows(found: Sequence[ShadowSettings], policy: DispatchPolicy) -> tuple[Shadow, ...]:
    """Return the shadows; raises InvalidValueError for one that cannot be, or a name used twice."""
    names = [one.id for one in found]
    for name in names:
        if names.count(name) > 1:
            raise InvalidValueError("shadows.id", name, "an id that is used once")
    return tuple(one.to_shadow(policy) for one in found)
