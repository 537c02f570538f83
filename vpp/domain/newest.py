"""The newest reading of each asset that may steer, kept by a compiled loop."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import njit

from vpp.domain.judging import FUTURE_US, KERNEL, Booleans, Floats, Ints
from vpp.domain.readings import DISQUALIFYING, ReadingColumns

_DISQUALIFYING: Final = int(DISQUALIFYING)


class Newest(NamedTuple):
    """The newest reading of N assets that may steer, columns in slot order."""

    soc: Floats
    power_kw: Floats
    measured_at_us: Ints
    received_at_us: Ints
    clock_ahead_ms: Ints
    connected: Booleans


def no_readings(assets: int) -> Newest:
    """Return columns that hold nothing yet, for N assets."""
    return Newest(
        soc=np.zeros(assets),
        power_kw=np.zeros(assets),
        measured_at_us=np.zeros(assets, dtype=np.int64),
        received_at_us=np.zeros(assets, dtype=np.int64),
        clock_ahead_ms=np.zeros(assets, dtype=np.int64),
        connected=np.zeros(assets, dtype=np.bool_),
    )


def keep_newest(readings: ReadingColumns, newest: Newest) -> None:
    """Take in those readings that may steer and are newer than the one held of their asset.

    One that is held from the future, because a clock was set back, gives way to any.
    """
    _keep_newest(
        readings.slot,
        readings.measured_at_us,
        readings.received_at_us,
        readings.clock_ahead_ms,
        readings.soc,
        readings.power_kw,
        readings.connected,
        readings.quality,
        newest,
    )


@njit(**KERNEL)
def _keep_newest(
    slot, measured_at_us, received_at_us, clock_ahead_ms, soc, power_kw, connected, quality, newest
):
    for row in range(len(slot)):
        if quality[row] & _DISQUALIFYING:
            continue
        asset = slot[row]
        held_us = newest.measured_at_us[asset] - 1000 * newest.clock_ahead_ms[asset]
        at_us = measured_at_us[row] - 1000 * clock_ahead_ms[row]
        if at_us <= held_us <= received_at_us[row] + FUTURE_US:
            continue
        newest.soc[asset], newest.power_kw[asset] = soc[row], power_kw[row]
        newest.measured_at_us[asset] = measured_at_us[row]
        newest.received_at_us[asset] = received_at_us[row]
        newest.clock_ahead_ms[asset] = clock_ahead_ms[row]
        newest.connected[asset] = connected[row]
