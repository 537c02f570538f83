"""What the readings of an asset say together: frozen, implausible, and whether it is to be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.domain.assets import AssetKind, Fleet
from vpp.domain.readings import (
    DISQUALIFYING,
    FUTURE_TOLERANCE,
    MICROSECOND,
    Quality,
    ReadingColumns,
)

_US_PER_HOUR: Final = 3_600_000_000
# STALE is old news and no sign of trouble now; QUARANTINED is what is being decided here.
_BAD: Final = int(DISQUALIFYING & ~(Quality.STALE | Quality.QUARANTINED))
_NOT_COMPARED: Final = int(DISQUALIFYING | Quality.LATE)
_AT_ONCE: Final = int(Quality.FUTURE | Quality.CLOCK_WRONG | Quality.FROZEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchLimits:
    """When an asset loses the trust in its readings, and how it earns it back."""

    bad_readings: int = 3  # without `good_readings` in between
    good_readings: int = 5  # in a row
    frozen_share: float = 0.05  # of the capacity, moved by the measured power while the charge stands still
    jump_share: float = 0.05  # of the capacity, beyond what the rating allows since the last reading
    longest_gap: timedelta = timedelta(minutes=15)  # longer ones say nothing about a frozen reading


class QualityWatch:
    """Newest readings of N assets, good or bad, columns in slot order; one task writes.

    ```
    trusted ──3 bad, or 1 of a wrong clock or frozen──► quarantined ──5 good in a row──► trusted
    ```
    """

    def __init__(self, fleet: Fleet, limits: WatchLimits | None = None) -> None:
        count = len(fleet)
        self._limits = limits or WatchLimits()
        self._capacity_kwh = fleet.column("capacity_kwh")
        rating_kw = np.maximum(fleet.column("max_charge_kw"), fleet.column("max_discharge_kw"))
        self._share_per_hour = 1.5 * rating_kw / self._capacity_kwh  # losses and overload included
        # Another car may stand at a charger; a battery is always the same one.
        self._stays = np.array([asset.kind is not AssetKind.EV_CHARGER for asset in fleet.assets], dtype=bool)
        self._at_us = np.zeros(count, dtype=np.int64)
        self._soc, self._moved_share = np.full(count, np.nan), np.zeros(count)
        self._trouble = np.zeros(count, dtype=np.int64)
        self._good_run = np.zeros(count, dtype=np.int64)
        self._position = np.zeros(count, dtype=np.int64)
        self.quarantined = np.zeros(count, dtype=np.bool_)
        self.last_quality = np.zeros(count, dtype=np.int64)

    def seed(self, readings: ReadingColumns) -> None:
        """Start from the newest good readings that are stored."""
        self._at_us[readings.slot] = readings.at_us()
        self._soc[readings.slot] = readings.soc

    def judge(self, readings: ReadingColumns) -> NDArray[np.int64]:
        """Return the flags of readings with those that only their assets' earlier ones can tell."""
        quality, slot, at_us = readings.quality.copy(), readings.slot, readings.at_us()
        held_us = self._at_us[slot]
        # One that is held from the future, because a clock was set back, is not held.
        held = held_us <= readings.received_at_us + FUTURE_TOLERANCE // MICROSECOND
        old_news = (quality & int(Quality.STALE)) != 0
        quality[held & (at_us <= held_us) & ~old_news] |= int(Quality.LATE)
        newest = self._newest(slot, at_us, (quality & _NOT_COMPARED) == 0)
        if len(newest):
            quality[newest] |= self._compare(readings, newest, at_us)
        before = self.quarantined[slot]
        self._trust(slot, quality, newest)
        quality[before & self.quarantined[slot]] |= int(Quality.QUARANTINED)
        self.last_quality[slot] = quality
        return quality

    def _newest(
        self, slot: NDArray[np.int64], at_us: NDArray[np.int64], candidates: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Return the row of the newest candidate of each slot."""
        rows = np.flatnonzero(candidates)
        self._position[slot[rows]] = rows
        if len(rows) == 0 or (self._position[slot[rows]] == rows).all():
            return rows
        rows = rows[np.argsort(at_us[rows], kind="stable")]
        self._position[slot[rows]] = rows  # the last write to a slot stays
        newest: NDArray[np.int64] = rows[self._position[slot[rows]] == rows]
        return newest

    def _compare(
        self, readings: ReadingColumns, rows: NDArray[np.int64], at_us: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return FROZEN and IMPLAUSIBLE for `rows`, one of each asset, and remember them."""
        slot, soc, power_kw = readings.slot[rows], readings.soc[rows], readings.power_kw[rows]
        gap_us = at_us[rows] - self._at_us[slot]
        gap_h = gap_us / _US_PER_HOUR
        change = soc - self._soc[slot]  # NaN where there is no earlier one
        # Where it is full or empty, a little power may flow for ever.
        at_end = np.where(power_kw > 0, soc <= 0.01, soc >= 0.99)
        close = (gap_us > 0) & (gap_us <= self._limits.longest_gap // MICROSECOND)
        stands = (change == 0) & readings.connected[rows] & ~at_end & close
        with np.errstate(invalid="ignore", over="ignore"):
            moved = np.where(
                stands, self._moved_share[slot] + power_kw * gap_h / self._capacity_kwh[slot], 0.0
            )
            frozen = np.abs(moved) > self._limits.frozen_share
            possible = self._limits.jump_share + self._share_per_hour[slot] * gap_h
            jumped = (np.abs(change) > possible) & self._stays[slot] & close
        self._moved_share[slot] = np.nan_to_num(moved, posinf=0.0, neginf=0.0)
        self._at_us[slot], self._soc[slot] = at_us[rows], soc
        found: NDArray[np.int64] = frozen * int(Quality.FROZEN) + jumped * int(Quality.IMPLAUSIBLE)
        return found

    def _trust(self, slot: NDArray[np.int64], quality: NDArray[np.int64], newest: NDArray[np.int64]) -> None:
        """Count good and bad readings, at most one of each kind for an asset and message."""
        bad = (quality & _BAD) != 0
        good = slot[newest] if not bad.any() else np.setdiff1d(slot[newest], slot[bad])
        self._good_run[good] += 1
        earned = good[self._good_run[good] >= self._limits.good_readings]
        self._trouble[earned], self.quarantined[earned] = 0, False
        if not bad.any():
            return
        troubled = np.unique(slot[bad])
        self._good_run[troubled] = 0
        self._trouble[troubled] += 1
        self._trouble[slot[(quality & _AT_ONCE) != 0]] = self._limits.bad_readings
        self.quarantined[troubled] = self._trouble[troubled] >= self._limits.bad_readings
