"""What the readings of an asset say together: frozen, implausible, and whether it is to be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from vpp.domain.assets import AssetKind, Fleet
from vpp.domain.judging import Memory, TogetherLimits, judge_together
from vpp.domain.readings import MICROSECOND, ReadingColumns


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
        limits, count = limits or WatchLimits(), len(fleet)
        self._limits = TogetherLimits(
            bad_readings=limits.bad_readings,
            good_readings=limits.good_readings,
            frozen_share=limits.frozen_share,
            jump_share=limits.jump_share,
            longest_gap_us=limits.longest_gap // MICROSECOND,
        )
        capacity_kwh = fleet.column("capacity_kwh")
        rating_kw = np.maximum(fleet.column("max_charge_kw"), fleet.column("max_discharge_kw"))
        # Another car may stand at a charger; a battery is always the same one.
        stays = np.array([asset.kind is not AssetKind.EV_CHARGER for asset in fleet.assets], dtype=np.bool_)
        self._memory = Memory(
            at_us=np.zeros(count, dtype=np.int64),
            soc=np.full(count, np.nan),
            moved_share=np.zeros(count),
            trouble=np.zeros(count, dtype=np.int64),
            good_run=np.zeros(count, dtype=np.int64),
            quarantined=np.zeros(count, dtype=np.bool_),
            last_quality=np.zeros(count, dtype=np.int64),
            capacity_kwh=capacity_kwh,
            share_per_hour=1.5 * rating_kw / capacity_kwh,  # losses and overload included
            stays=stays,
        )
        self.quarantined, self.last_quality = self._memory.quarantined, self._memory.last_quality

    def seed(self, readings: ReadingColumns) -> None:
        """Start from the newest good readings that are stored."""
        self._memory.at_us[readings.slot] = readings.at_us()
        self._memory.soc[readings.slot] = readings.soc

    def judge(self, readings: ReadingColumns) -> NDArray[np.int64]:
        """Return the flags of readings with those that only their assets' earlier ones can tell.

        Readings count in the order of their times, one by one, however many come at once.
        """
        return judge_together(readings, self._memory, self._limits)
