from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.control.fleets import NOON, fleet
from vpp.domain.assets import Feeder, Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.intervals import IntervalGrid, interval_start
from vpp.domain.judging import judge
from vpp.domain.policy import DispatchPolicy
from vpp.domain.readings import Quality, ReadingLimits, from_microseconds, to_microseconds


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2090, 1, 1)))
def test_microseconds_go_there_and_back(naive):
    at = naive.replace(tzinfo=UTC)
    assert from_microseconds(to_microseconds(at)) == at


@given(
    st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2050, 1, 1)),
    st.sampled_from([5, 15, 30, 60]),
)
def test_an_interval_holds_its_time(naive, minutes):
    at, length = naive.replace(tzinfo=UTC), timedelta(minutes=minutes)
    start = interval_start(at, length)
    assert start <= at < start + length
    grid = IntervalGrid(start=start, length=length, count=10)
    assert grid.index_of(at) == 0
    assert grid.start_of(grid.first_at_or_after(at)) >= at


def test_a_time_without_offset_is_refused():
    with pytest.raises(InvalidValueError, match="with an offset"):
        interval_start(datetime(2020, 1, 1), timedelta(minutes=15))


@pytest.mark.parametrize(
    ("soc", "power_kw", "offset", "expected"),
    [
        pytest.param(0.5, 1.0, 0.0, Quality.GOOD, id="good"),
        pytest.param(np.nan, 1.0, 0.0, Quality.NOT_FINITE, id="nan"),
        pytest.param(0.5, np.inf, 0.0, Quality.NOT_FINITE, id="infinite"),
        pytest.param(1.5, 1.0, 0.0, Quality.OUT_OF_RANGE, id="soc above one"),
        pytest.param(-0.1, 1.0, 0.0, Quality.OUT_OF_RANGE, id="soc below zero"),
        pytest.param(0.5, 5000.0, 0.0, Quality.OUT_OF_RANGE, id="watts for kilowatts"),
        pytest.param(0.5, -5000.0, 0.0, Quality.OUT_OF_RANGE, id="watts, charging"),
        pytest.param(0.5, 1.0, 60.0, Quality.FUTURE, id="future"),
        pytest.param(0.5, 1.0, 20.0, Quality.GOOD, id="a small skew is tolerated"),
        pytest.param(0.5, 1.0, -1000.0, Quality.LATE, id="late"),
        pytest.param(0.5, 1.0, -9 * 86400.0, Quality.STALE, id="older than any delay"),
    ],
)
def test_readings_are_judged(soc, power_kw, offset, expected):
    flags, _ = judge(
        slot=np.array([0]),
        clock_ahead_ms=np.array([0]),
        max_charge_kw=np.array([5.0]),
        max_discharge_kw=np.array([5.0]),
        limits=ReadingLimits(),
        received_at=NOON,
        measured_at_us=np.array([to_microseconds(NOON) + int(offset * 1e6)]),
        soc=np.array([soc]),
        power_kw=np.array([power_kw]),
    )
    assert Quality(int(flags[0])) == expected


def test_a_fleet_names_what_is_wrong_with_it():
    assets = fleet().assets
    with pytest.raises(InvalidValueError, match="asset_id: got 'battery'"):
        Fleet(assets=(assets[0], assets[0]), feeders=fleet().feeders)
    with pytest.raises(InvalidValueError, match="a known feeder"):
        Fleet(assets=assets, feeders=(Feeder(feeder_id="a", import_limit_kw=1.0, export_limit_kw=1.0),))


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("setpoint_lifetime", {"setpoint_lifetime": timedelta(hours=1)}),
        ("renewal_period", {"renewal_period": timedelta(seconds=50)}),
        ("lead", {"lead": timedelta(minutes=15)}),
        ("accepted_gap", {"accepted_gap": 0.0}),
        ("unmet_energy_penalty_per_kwh", {"unmet_energy_penalty_per_kwh": 100.0}),
    ],
)
def test_a_policy_that_does_not_fit_together_is_refused(field, changes):
    with pytest.raises(InvalidValueError, match=field):
        DispatchPolicy(**changes)
