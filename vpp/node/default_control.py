"""What an asset does when it holds no valid setpoint: agreed beforehand, needs no message. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class DefaultControl(IntEnum):
    """The rules; the numbers are those of the wire."""

    ZERO = 1
    HOLD = 2
    SELF_CONSUMPTION = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlTerms:
    """What is agreed for one asset; powers are magnitudes in kW, the ramp is in kW per second."""

    default_control: DefaultControl = DefaultControl.ZERO
    max_charge_kw: float = 0.0
    max_discharge_kw: float = 0.0
    ramp_kw_per_s: float | None = None  # None: the device may jump into default control

    def clip(self, power_kw: float) -> float:
        """Return `power_kw` within the limits; positive discharges."""
        return min(max(power_kw, -self.max_charge_kw), self.max_discharge_kw)


def default_power_kw(terms: ControlTerms, *, present_kw: float, site_net_load_kw: float | None) -> float:
    """Return the power of default control, kW, positive discharges.

    `site_net_load_kw` is the site's own consumption minus its PV; None where no meter tells it, and
    self-consumption then rests at zero.
    """
    if terms.default_control is DefaultControl.HOLD:
        return terms.clip(present_kw)
    if terms.default_control is DefaultControl.SELF_CONSUMPTION and site_net_load_kw is not None:
        return terms.clip(site_net_load_kw)
    return 0.0


def ramp_step(*, present_kw: float, target_kw: float, ramp_kw_per_s: float | None, elapsed_s: float) -> float:
    """Return where a ramp from `present_kw` towards `target_kw` stands after `elapsed_s`, kW."""
    if ramp_kw_per_s is None:
        return target_kw
    reach_kw = ramp_kw_per_s * max(elapsed_s, 0.0)
    return min(max(target_kw, present_kw - reach_kw), present_kw + reach_kw)
