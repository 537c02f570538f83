"""Readings of one fleet judged, and in words what is wrong with them."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.raw_readings import RawReadings
from vpp.domain.assets import Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.judging import judge, warm_up
from vpp.domain.quality import QualityWatch
from vpp.domain.readings import (
    INFORMATION,
    Quality,
    ReadingColumns,
    ReadingLimits,
    from_microseconds,
    to_microseconds,
)


class ReadingJudge:
    """Judges the readings of one fleet. Made once: it loads the compiled kernels."""

    def __init__(self, fleet: Fleet, reading_limits: ReadingLimits) -> None:
        warm_up()
        self._limits = reading_limits
        self.watch = QualityWatch(fleet)
        self._max_charge_kw = fleet.column("max_charge_kw")
        self._max_discharge_kw = fleet.column("max_discharge_kw")
        self._asset_ids = [asset.asset_id for asset in fleet.assets]

    def judge(
        self,
        raw: RawReadings,
        received_at: datetime,
        *,
        clock_ahead_ms: int | NDArray[np.int64] = 0,
    ) -> ReadingColumns:
        """Return the rows with their flags; `explain` says in words what is wrong with them.

        `clock_ahead_ms` is by how much the node's clock is known to be ahead of the service's, for all
        rows or for each.
        """
        count = len(raw.slot)
        if isinstance(clock_ahead_ms, int):
            clock_ahead_ms = np.full(count, clock_ahead_ms, dtype=np.int64)
        quality, corrected_ms = judge(
            slot=raw.slot,
            max_charge_kw=self._max_charge_kw,
            max_discharge_kw=self._max_discharge_kw,
            limits=self._limits,
            received_at=received_at,
            measured_at_us=raw.measured_at_us,
            clock_ahead_ms=clock_ahead_ms,
            soc=raw.soc,
            power_kw=raw.power_kw,
        )
        kept = ReadingColumns(
            slot=raw.slot,
            measured_at_us=raw.measured_at_us,
            received_at_us=np.full(count, to_microseconds(received_at), dtype=np.int64),
            soc=raw.soc,
            power_kw=raw.power_kw,
            connected=raw.connected,
            quality=quality,
            clock_ahead_ms=corrected_ms,
        )
        return kept.with_quality(self.watch.judge(kept))

    def explain(self, kept: ReadingColumns) -> list[InvalidValueError]:
        """Return one error for each kind of flag, naming its first row."""
        errors: list[InvalidValueError] = []
        if not kept.quality.any():
            return errors
        for flag in Quality:
            rows = np.flatnonzero(kept.quality & int(flag))
            if flag & ~INFORMATION & ~Quality.QUARANTINED and len(rows):
                errors.append(self._explain_row(kept, int(rows[0]), flag, len(rows)))
        return errors[: limits.MAX_REFUSALS_PER_MESSAGE]

    def _explain_row(self, kept: ReadingColumns, row: int, flag: Quality, rows: int) -> InvalidValueError:
        slot, soc, power_kw = int(kept.slot[row]), float(kept.soc[row]), float(kept.power_kw[row])
        more = f" ({rows} readings)" if rows > 1 else ""
        prefix = f"{self._asset_ids[slot]}."
        if flag in {Quality.FUTURE, Quality.STALE, Quality.CLOCK_WRONG}:
            bound, words = {
                Quality.FUTURE: (self._limits.future_tolerance, "at most {:g} s ahead of the service"),
                Quality.STALE: (self._limits.late_limit, "at most {:g} s old"),
                Quality.CLOCK_WRONG: (self._limits.skew_corrected, "a clock that is right within {:g} s"),
            }[flag]
            expected = words.format(bound.total_seconds())
            measured_at = from_microseconds(int(kept.measured_at_us[row])).isoformat()
            return InvalidValueError(f"{prefix}measured_at", measured_at, expected + more)
        if flag is Quality.FROZEN:
            return InvalidValueError(f"{prefix}soc", soc, f"a change, since {power_kw:g} kW flow" + more)
        if flag is Quality.IMPLAUSIBLE:
            return InvalidValueError(f"{prefix}soc", soc, "a change that the rating allows" + more)
        if not 0.0 <= soc <= 1.0:
            return InvalidValueError(f"{prefix}soc", soc, "a number from 0 to 1" + more)
        margin = self._limits.power_margin
        low, high = -margin * self._max_charge_kw[slot] - 0.1, margin * self._max_discharge_kw[slot] + 0.1
        return InvalidValueError(f"{prefix}power_kw", power_kw, f"a number from {low:g} to {high:g}" + more)
