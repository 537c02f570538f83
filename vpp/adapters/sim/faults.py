"""What goes wrong with devices and connections, from a seed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What goes wrong, as shares of the fleet or of its readings; drawn from a seed."""

    silent_share: float = 0.0  # nodes that lose their connection for hours, again and again
    stuck_share: float = 0.0  # devices that keep the power of their first order for ever
    half_share: float = 0.0  # devices that deliver half of what they acknowledge
    power_noise_kw: float = 0.0  # standard deviation of measured power
    soc_noise: float = 0.0  # standard deviation of the measured state of charge, 0.01 is one percent
