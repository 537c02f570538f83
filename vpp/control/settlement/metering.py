"""Mean power of assets over stretches of time, from values that each hold until the next one. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.domain.readings import MICROSECOND, ReadingColumns, steers
from vpp.domain.settlement import Spans

HOLDS: Final = timedelta(minutes=5)  # so long a reading says something, unless a newer one comes
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanPower:
    """Time-weighted means of N assets over E stretches, (N, E).

    `power_kw` is NaN where nothing is known, `absolute_kw` the mean of the magnitude (0 there),
    `coverage` the share of the stretch that is known, 0 to 1.
    """

    power_kw: Floats
    absolute_kw: Floats
    coverage: Floats


class PowerSums:
    """Adds up pieces of constant power over stretches of time."""

    def __init__(self, assets: int, spans: Spans) -> None:
        self._assets, self._spans = assets, spans
        self._sums = np.zeros((3, assets, len(spans)))  # time known, power x time, |power| x time

    def add(self, slot: Integers, from_us: Integers, until_us: Integers, power_kw: Floats) -> None:
        """Add R pieces [from, until); those of one asset must not overlap."""
        if not len(slot):
            return
        first_us, last_us = from_us.min(), until_us.max()
        spans = self._spans
        for place in np.flatnonzero((spans.start_us < last_us) & (spans.end_us > first_us)).tolist():
            held_us = np.minimum(until_us, spans.end_us[place]) - np.maximum(from_us, spans.start_us[place])
            rows = np.flatnonzero(held_us > 0)
            held, kw, at = held_us[rows].astype(np.float64), power_kw[rows], slot[rows]
            for sums, weights in zip(self._sums, (held, held * kw, held * np.abs(kw)), strict=True):
                sums[:, place] += np.bincount(at, weights, minlength=self._assets)

    def means(self) -> MeanPower:
        """Return the means of all that was added."""
        known_us, energy, throughput = self._sums
        power_kw, absolute_kw = np.full(known_us.shape, np.nan), np.zeros(known_us.shape)
        np.divide(energy, known_us, out=power_kw, where=known_us > 0.0)
        np.divide(throughput, known_us, out=absolute_kw, where=known_us > 0.0)
        lengths_us = (self._spans.end_us - self._spans.start_us).astype(np.float64)
        return MeanPower(power_kw=power_kw, absolute_kw=absolute_kw, coverage=known_us / lengths_us)


class Metered:
    """Takes readings page by page, in the order of time, and keeps one reading for each asset."""

    def __init__(self, assets: int, spans: Spans) -> None:
        self._sums = PowerSums(assets, spans)
        self._last_us = np.full(assets, np.iinfo(np.int64).min, dtype=np.int64)
        self._last_kw = np.zeros(assets)

    def add(self, readings: ReadingColumns) -> None:
        """Add a page; readings that may not steer do not count."""
        good = readings.take(steers(readings.quality) & np.isfinite(readings.power_kw))
        if not len(good):
            return
        open_slots = np.flatnonzero(self._last_us > np.iinfo(np.int64).min)
        slot = np.concatenate([open_slots, good.slot])
        at_us = np.concatenate([self._last_us[open_slots], good.at_us()])
        power_kw = np.concatenate([self._last_kw[open_slots], good.power_kw])
        order = np.lexsort((at_us, slot))
        slot, at_us, power_kw = slot[order], at_us[order], power_kw[order]
        last = np.append(slot[1:] != slot[:-1], True)
        until_us = np.minimum(np.append(at_us[1:], 0), at_us + HOLDS // MICROSECOND)
        self._sums.add(slot[~last], at_us[~last], until_us[~last], power_kw[~last])
        self._last_us[slot[last]], self._last_kw[slot[last]] = at_us[last], power_kw[last]

    def means(self) -> MeanPower:
        """Return the means; the last reading of each asset holds its time. Ask once, at the end."""
        slot = np.flatnonzero(self._last_us > np.iinfo(np.int64).min)
        at_us = self._last_us[slot]
        self._sums.add(slot, at_us, at_us + HOLDS // MICROSECOND, self._last_kw[slot])
        self._last_us[:] = np.iinfo(np.int64).min
        return self._sums.means()
