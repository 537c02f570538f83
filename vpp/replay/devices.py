"""Settings of a scenario about its devices: beyond their ratings, and what goes wrong with them."""

from __future__ import annotations

from pydantic import BaseModel, Field

from vpp.adapters.sim import Faults


class DeviceSettings(BaseModel):
    """Part of `scenario.toml`; shares are of the fleet, powers in kW."""

    standby_kw: float = Field(default=0.0, ge=0)
    battery_price_per_kwh: float = Field(default=250.0, ge=0)  # of a new one: what its life is worth
    temperature_limits: bool = False  # cold and heat limit power, by the temperature of `weather`
    capacity_fades: bool = False  # batteries shrink as they age
    silent_share: float = Field(default=0.0, ge=0, le=1)
    lost_share: float = Field(default=0.0, ge=0, le=1)
    stuck_share: float = Field(default=0.0, ge=0, le=1)
    half_share: float = Field(default=0.0, ge=0, le=1)
    frozen_share: float = Field(default=0.0, ge=0, le=1)
    broken_share: float = Field(default=0.0, ge=0, le=1)
    power_noise_kw: float = Field(default=0.0, ge=0)
    soc_noise: float = Field(default=0.0, ge=0, le=0.5)

    def faults(self) -> Faults:
        """Return what goes wrong."""
        return Faults(
            silent_share=self.silent_share,
            lost_share=self.lost_share,
            stuck_share=self.stuck_share,
            half_share=self.half_share,
            frozen_share=self.frozen_share,
            broken_share=self.broken_share,
            power_noise_kw=self.power_noise_kw,
            soc_noise=self.soc_noise,
        )

    def unlike_their_ratings(self) -> bool:
        """Return whether devices may do something else than their ratings say."""
        return self.temperature_limits or self.capacity_fades or self.faults() != Faults()
