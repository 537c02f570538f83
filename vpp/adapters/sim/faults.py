"""What goes wrong with devices and connections, from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.physics.devices import NEVER_US
from vpp.physics.storage import Floats

MICROSECOND: Final = timedelta(microseconds=1)
MEAN_OUTAGE: Final = timedelta(hours=4)
MEAN_CONNECTED_OUTAGES: Final = 6  # a silent node is connected for so many outages on average


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What goes wrong, as shares of the fleet or of its readings; drawn from a seed."""

    silent_share: float = 0.0  # nodes that lose their connection for hours, again and again
    lost_share: float = 0.0  # orders that get lost on their way, of all nodes
    stuck_share: float = 0.0  # devices that keep the power of their first order for ever
    half_share: float = 0.0  # devices that deliver half of what they acknowledge
    frozen_share: float = 0.0  # devices that say the state of charge of the start for ever
    broken_share: float = 0.0  # devices that stop for good, each at a moment of its own
    power_noise_kw: float = 0.0  # standard deviation of measured power
    soc_noise: float = 0.0  # standard deviation of the measured state of charge, 0.01 is one percent


class FaultyParts:
    """Which of N devices and connections are faulty, and since when; columns of shape (N,)."""

    def __init__(self, faults: Faults, count: int, *, seed: int, start_us: int, end_us: int) -> None:
        self.faults, self.random = faults, np.random.default_rng(seed)
        self.stuck = self.random.random(count) < faults.stuck_share
        self.factor = np.where(self.random.random(count) < faults.half_share, 0.5, 1.0)
        self._silent = self.random.random(count) < faults.silent_share
        # A generator of their own, so that these draws change nothing about the others.
        self._devices = np.random.default_rng([seed, 1])
        self.frozen = self._devices.random(count) < faults.frozen_share
        breaks = self._devices.random(count) < faults.broken_share
        moment_us = self._devices.integers(start_us, max(end_us, start_us + 1), count)
        self._breaks_us = np.where(breaks, moment_us, NEVER_US)
        self._away_from_us = np.zeros(count, dtype=np.int64)
        self._away_until_us = np.zeros(count, dtype=np.int64)

    def broken(self, now_us: int) -> NDArray[np.bool_]:
        """Return which devices have broken down by now."""
        return self._breaks_us <= now_us

    def next_break_us(self, now_us: int) -> int:
        """Return when the next device breaks down, far away where none does."""
        return int(self._breaks_us[self._breaks_us > now_us].min(initial=NEVER_US))

    def away(self, now_us: int) -> NDArray[np.bool_]:
        """Return whose node has no connection now."""
        return self._away_until_us > now_us

    def lost(self, orders: int) -> NDArray[np.bool_]:
        """Return which of so many orders get lost."""
        if self.faults.lost_share <= 0.0:
            return np.zeros(orders, dtype=np.bool_)
        return self._devices.random(orders) < self.faults.lost_share

    def lose_connections(self, now_us: int, until_us: int, lease: timedelta) -> NDArray[np.bool_]:
        """Let silent nodes lose their connection now and then; return whose orders have run out."""
        away = self.away(now_us)
        if not self._silent.any():
            return away
        mean_us = MEAN_OUTAGE // MICROSECOND
        chance = -np.expm1(-(until_us - now_us) / (MEAN_CONNECTED_OUTAGES * mean_us))
        lost = self._silent & ~away & (self.random.random(len(away)) < chance)
        length = self.random.exponential(mean_us, len(away)).astype(np.int64)
        self._away_from_us[lost] = now_us
        self._away_until_us[lost] = now_us + length[lost]
        return away & (now_us - self._away_from_us > lease // MICROSECOND)

    def delivered_kw(self, slots: NDArray[np.int64], power_kw: Floats, now_kw: Floats) -> Floats:
        """Return what devices `slots` make of orders; `now_kw` is what they are asked now."""
        kept = self.stuck[slots] & (now_kw != 0.0)
        return np.where(kept, now_kw, power_kw * self.factor[slots])
