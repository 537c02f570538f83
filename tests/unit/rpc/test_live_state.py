"""The fleet as it is now: newest good readings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from vpp.adapters.rpc.live_state import LiveState
from vpp.domain.readings import Quality, ReadingColumns, to_microseconds

NOW = datetime(2020, 5, 20, 10, tzinfo=UTC)


def readings(*rows):
    """Return columns of (slot, seconds after NOW, soc, quality) rows."""
    slot, after, soc, quality = zip(*rows, strict=True)
    measured = np.array([to_microseconds(NOW + timedelta(seconds=item)) for item in after])
    return ReadingColumns(
        slot=np.array(slot),
        measured_at_us=measured,
        received_at_us=measured,
        soc=np.array(soc),
        power_kw=np.zeros(len(slot)),
        connected=np.ones(len(slot), dtype=np.bool_),
        quality=np.array(quality),
    )


def test_only_newer_good_readings_change_anything():
    live = LiveState(2)
    live.update(readings((0, 10, 0.5, 0)))
    live.update(readings((0, 5, 0.1, 0), (0, 20, 0.9, int(Quality.OUT_OF_RANGE)), (1, 3, 0.2, 0)))
    assert live.soc.tolist() == [0.5, 0.2]
    assert live.latest_readings().slot.tolist() == [0, 1]


def test_of_one_batch_the_newest_reading_stays_whatever_its_order():
    live = LiveState(1)
    live.update(readings((0, 30, 0.3, 0), (0, 10, 0.1, 0), (0, 20, 0.2, 0)))
    assert live.soc[0] == 0.3


def test_latest_readings_are_a_copy_and_leave_out_the_unknown():
    live = LiveState(3)
    live.seed(readings((1, 10, 0.5, 0)))
    latest = live.latest_readings()
    live.update(readings((1, 20, 0.9, 0)))
    assert (latest.slot.tolist(), latest.soc.tolist()) == ([1], [0.5])
