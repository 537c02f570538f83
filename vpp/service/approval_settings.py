"""The `[[approvals]]` of the settings: who must approve what, and when."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from vpp.domain.approvals import ApprovalRule, Component
from vpp.domain.runs import Rung


class ApprovalRuleSettings(BaseModel):
    """One rule; see `vpp.domain.approvals.ApprovalRule`. It asks when any of its conditions holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[A-Za-z0-9._:\-]{1,64}$")
    persons: int = 1
    timeout_s: float = 600.0
    always: bool = False
    promotions: bool = False
    total_change_kw: float | None = None
    asset_power_kw: float | None = None
    forecast_adjusted_percent: float | None = None
    first_days: float | None = None
    components: tuple[Component, ...] = tuple(Component)
    below_rung: Rung | None = None
    feeders: tuple[str, ...] = ()

    def to_rule(self) -> ApprovalRule:
        """Return the domain's value; raises InvalidValueError where the numbers make no rule."""
        percent = self.forecast_adjusted_percent
        return ApprovalRule(
            rule_id=self.id,
            persons=self.persons,
            timeout=timedelta(seconds=self.timeout_s),
            always=self.always,
            promotions=self.promotions,
            total_change_kw=self.total_change_kw,
            asset_power_kw=self.asset_power_kw,
            forecast_adjusted_share=None if percent is None else percent / 100.0,
            first_days=self.first_days,
            components=self.components,
            below_rung=self.below_rung,
            feeder_ids=self.feeders,
        )
