"""What the table of latest readings lacks: the newest of each slot that may steer, since the last time."""

from __future__ import annotations

import numpy as np

from vpp.adapters.storage.latest_columns import LatestColumns
from vpp.domain.readings import Quality, ReadingColumns


def random_readings(rng: np.random.Generator, rows: int) -> ReadingColumns:
    return ReadingColumns(
        slot=rng.integers(0, 20, rows),
        measured_at_us=np.sort(rng.choice(10**9, rows, replace=False)),
        received_at_us=np.full(rows, 10**9),
        soc=rng.random(rows),
        power_kw=rng.normal(size=rows),
        connected=rng.random(rows) > 0.5,
        quality=np.where(rng.random(rows) < 0.3, int(Quality.NOT_FINITE), 0),
        clock_ahead_ms=np.where(rng.random(rows) < 0.2, 20_000, 0),
    )


def test_of_each_slot_the_newest_by_the_services_clock_is_kept() -> None:
    rng = np.random.default_rng(11)
    latest, expected = LatestColumns(), {}
    for _ in range(30):
        batch = random_readings(rng, int(rng.integers(1, 60)))
        latest.note(batch)
        for row, (slot, at_us) in enumerate(zip(batch.slot.tolist(), batch.at_us().tolist(), strict=True)):
            if batch.quality[row] == 0 and (slot not in expected or at_us > expected[slot][0]):
                expected[slot] = (at_us, float(batch.soc[row]))
    found = latest.changed()
    assert dict(zip(found.slot.tolist(), found.at_us().tolist(), strict=True)) == {
        slot: at_us for slot, (at_us, _) in expected.items()
    }
    assert found.soc.tolist() == [expected[slot][1] for slot in sorted(expected)]


def test_nothing_is_left_after_it_was_saved() -> None:
    latest = LatestColumns()
    assert len(latest.changed()) == 0
    latest.note(random_readings(np.random.default_rng(1), 50))
    latest.clear()
    assert len(latest.changed()) == 0
