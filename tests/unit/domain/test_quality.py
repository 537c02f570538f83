"""Frozen, implausible and distrusted: what only an asset's earlier readings can tell."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.domain.assets import Asset, AssetKind, Feeder, Fleet
from vpp.domain.quality import QualityWatch, WatchLimits
from vpp.domain.readings import Quality, ReadingColumns, steers, to_microseconds

NOON_US = to_microseconds(datetime(2020, 5, 20, 12, tzinfo=UTC))
LIMITS = WatchLimits()


def make_fleet(count=3, kind=AssetKind.HOME_BATTERY):
    return Fleet(
        assets=tuple(
            Asset(
                asset_id=f"b{slot}",
                node_id="n",
                feeder_id="f",
                kind=kind,
                capacity_kwh=10.0,
                energy_min_kwh=0.0,
                energy_max_kwh=10.0,
                max_charge_kw=5.0,
                max_discharge_kw=5.0,
            )
            for slot in range(count)
        ),
        feeders=(Feeder(feeder_id="f", import_limit_kw=50, export_limit_kw=50),),
    )


def columns(*rows):
    """Return rows of (slot, seconds after noon, soc, power_kw[, quality]), received with the last."""
    at_us = np.array([NOON_US + int(row[1] * 1e6) for row in rows])
    return ReadingColumns(
        slot=np.array([row[0] for row in rows]),
        measured_at_us=at_us,
        received_at_us=np.full(len(rows), at_us.max()),
        soc=np.array([float(row[2]) for row in rows]),
        power_kw=np.array([float(row[3]) for row in rows]),
        connected=np.ones(len(rows), dtype=np.bool_),
        quality=np.array([int(row[4]) if len(row) > 4 else 0 for row in rows]),
    )


def flags(watch, *rows):
    return [Quality(int(value)) for value in watch.judge(columns(*rows))]


def test_readings_that_agree_stay_good():
    watch = QualityWatch(make_fleet())
    for minute in range(60):
        soc = 0.9 - 3.0 * minute / 60 / 10
        assert flags(watch, (0, 60 * minute, soc, 3.0), (1, 60 * minute, 0.5, 0.0)) == [Quality.GOOD] * 2
    assert not watch.quarantined.any()


def test_an_older_reading_is_late_and_disturbs_nothing():
    watch = QualityWatch(make_fleet())
    flags(watch, (0, 100, 0.5, 0.0))
    assert flags(watch, (0, 80, 0.1, 5.0)) == [Quality.LATE]
    assert flags(watch, (0, 110, 0.5, 0.0)) == [Quality.GOOD]
    assert steers(np.array([int(Quality.LATE)])).all()


def test_of_one_message_the_newest_reading_is_compared():
    watch = QualityWatch(make_fleet())
    assert (
        flags(watch, (0, 30, 0.52, 0.0), (0, 10, 0.5, 0.0), (1, 5, 0.3, 0.0), (0, 20, 0.51, 0.0))
        == [Quality.GOOD] * 4
    )
    assert flags(watch, (0, 31, 0.9, 0.0)) == [Quality.IMPLAUSIBLE]


def test_a_charge_that_stands_still_while_power_flows_is_frozen():
    watch = QualityWatch(make_fleet())
    found = [flags(watch, (0, 60 * minute, 0.5, 5.0))[0] for minute in range(12)]
    # 5 kW move 5 % of 10 kWh in six minutes.
    assert found[:7] == [Quality.GOOD] * 7
    assert found[7] == Quality.FROZEN
    assert all(flag == Quality.FROZEN | Quality.QUARANTINED for flag in found[8:])


@pytest.mark.parametrize(("soc", "power_kw"), [(1.0, -0.5), (0.0, 0.5)])
def test_a_full_or_empty_battery_may_stand_still(soc, power_kw):
    watch = QualityWatch(make_fleet())
    found = [flags(watch, (0, 60 * minute, soc, power_kw))[0] for minute in range(300)]
    assert set(found) == {Quality.GOOD}


def test_power_to_and_fro_moves_nothing():
    watch = QualityWatch(make_fleet())
    found = [flags(watch, (0, 60 * minute, 0.5, 5.0 * (-1) ** minute))[0] for minute in range(100)]
    assert set(found) == {Quality.GOOD}


def test_another_car_is_no_jump():
    watch = QualityWatch(make_fleet(kind=AssetKind.EV_CHARGER))
    assert flags(watch, (0, 0, 0.9, 0.0)) == [Quality.GOOD]
    assert flags(watch, (0, 60, 0.2, 0.0)) == [Quality.GOOD]


def test_trust_is_lost_by_bad_readings_and_earned_back_by_good_ones():
    watch = QualityWatch(make_fleet())
    bad = int(Quality.OUT_OF_RANGE)
    for second in range(LIMITS.bad_readings - 1):
        flags(watch, (0, second, 1.5, 0.0, bad))
        assert not watch.quarantined[0]
    flags(watch, (0, 10, 1.5, 0.0, bad), (1, 10, 0.5, 0.0))
    assert watch.quarantined.tolist() == [True, False, False]

    for second in range(LIMITS.good_readings - 1):
        assert flags(watch, (0, 20 + second, 0.5, 0.0)) == [Quality.QUARANTINED]
    assert flags(watch, (0, 40, 0.5, 0.0)) == [Quality.GOOD]
    assert not watch.quarantined.any()


def test_a_bad_reading_every_other_time_loses_the_trust_for_good():
    watch = QualityWatch(make_fleet())
    for second in range(40):
        flags(watch, (0, second, 0.5, 0.0, int(Quality.NOT_FINITE) if second % 2 else 0))
    assert watch.quarantined[0]


@pytest.mark.parametrize("flag", [Quality.FUTURE, Quality.CLOCK_WRONG])
def test_a_wrong_clock_loses_the_trust_at_once(flag):
    watch = QualityWatch(make_fleet())
    flags(watch, (0, 0, 0.5, 0.0, int(flag)))
    assert watch.quarantined[0]


def test_old_news_is_no_reason_for_distrust():
    watch = QualityWatch(make_fleet())
    for second in range(10):
        flags(watch, (0, second, 0.5, 0.0, int(Quality.STALE)))
    assert not watch.quarantined.any()


ROW = st.tuples(
    st.integers(0, 2),
    st.integers(1, 120),
    st.sampled_from([0.0, 0.5, 0.5, 0.52, 0.9, 1.0]),
    st.sampled_from([0.0, 5.0, -5.0]),
    st.sampled_from([0, 0, 0, 0, int(Quality.NOT_FINITE), int(Quality.STALE), int(Quality.FUTURE)]),
)


@settings(deadline=None)
@given(st.lists(ROW, min_size=1, max_size=40), st.sets(st.integers(1, 39)))
def test_it_makes_no_difference_how_readings_are_cut_into_messages(rows, cuts):
    """One message or many: the same flags for each reading, and the same trust."""
    seconds = np.cumsum([row[1] for row in rows])
    rows = [(row[0], second, *row[2:]) for row, second in zip(rows, seconds, strict=True)]
    together, apart = QualityWatch(make_fleet()), QualityWatch(make_fleet())
    whole = flags(together, *rows)
    ends = [*sorted(cut for cut in cuts if cut < len(rows)), len(rows)]
    pieces = [rows[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
    assert whole == [flag for piece in pieces for flag in flags(apart, *piece)]
    for column in ("quarantined", "last_quality"):
        assert getattr(together, column).tolist() == getattr(apart, column).tolist()


def test_each_reading_of_a_message_is_compared_with_the_one_before():
    watch = QualityWatch(make_fleet())
    found = flags(watch, *((0, 60 * minute, 0.5, 5.0) for minute in range(9)), (0, 541, 0.9, 0.0))
    assert found[:7] == [Quality.GOOD] * 7
    assert found[7] == Quality.FROZEN
    assert found[8] == Quality.FROZEN | Quality.QUARANTINED
    assert found[9] == Quality.IMPLAUSIBLE | Quality.QUARANTINED
