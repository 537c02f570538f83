"""Local limits: nothing that is ordered lifts them."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.node.test_control_loop import RecordingDevice
from vpp.node.device import Measurement
from vpp.node.guard import GuardedDevice, LocalLimits, guarded
from vpp.physics.derating import CHARGING, TemperatureLimits

NOW = datetime(2020, 5, 20, tzinfo=UTC)
LIMITS = LocalLimits(max_charge_kw=4.0, max_discharge_kw=5.0, soc_min=0.1, soc_max=0.9)


class Cells(RecordingDevice):
    """A battery whose state and temperature a test sets."""

    soc = 0.5
    temperatures = (20.0, 25.0)
    told = None

    def read(self, at):
        if isinstance(self.soc, Exception):
            raise self.soc
        return Measurement(measured_at=at, soc=self.soc, power_kw=self.told or 0.0)

    def temperatures_c(self):
        if isinstance(self.temperatures, Exception):
            raise self.temperatures
        return self.temperatures

    def apply(self, power_kw):
        self.told = power_kw


CASES = {
    "within": (0.5, (20.0, 25.0), (-4.0, 5.0)),
    "full": (0.9, (20.0, 25.0), (0.0, 5.0)),
    "overfull": (1.5, (20.0, 25.0), (0.0, 5.0)),
    "nearly full": (0.89, (20.0, 25.0), (-2.0, 5.0)),
    "empty": (0.1, (20.0, 25.0), (-4.0, 0.0)),
    "nearly empty": (0.105, (20.0, 25.0), (-4.0, 1.25)),
    "frost: no charging": (0.5, (-1.0, 5.0), (0.0, 4.75)),
    "cold: half the charging": (0.5, (5.0, 8.0), (-2.0, 5.0)),
    "hot: half the charging": (0.5, (20.0, 50.0), (-2.0, 5.0 * 10 / 15)),
    "too hot": (0.5, (20.0, 60.0), (0.0, 0.0)),
    "sensor broken": (0.5, (math.nan, 25.0), (0.0, 0.0)),
    "no sensor": (0.5, None, (-4.0, 5.0)),
    "state unknown": (math.nan, (20.0, 25.0), (0.0, 0.0)),
}


@pytest.mark.parametrize(("soc", "temperatures", "expected"), CASES.values(), ids=CASES)
def test_what_is_permitted(soc, temperatures, expected):
    assert LIMITS.range_kw(soc, temperatures) == pytest.approx(expected)


@given(
    ordered=st.floats(allow_nan=True, allow_infinity=True),
    soc=st.floats(allow_nan=True, allow_infinity=True),
    coldest=st.floats(min_value=-60, max_value=100),
    spread=st.floats(min_value=0, max_value=20),
)
def test_no_order_lifts_a_limit(ordered, soc, coldest, spread):
    cells = Cells()
    cells.soc, cells.temperatures = soc, (coldest, coldest + spread)
    device = GuardedDevice(cells, LIMITS)
    device.watch(NOW)
    device.apply(ordered)
    lowest_kw, highest_kw = LIMITS.range_kw(soc, cells.temperatures)
    assert lowest_kw <= cells.told <= highest_kw
    assert -4.0 <= lowest_kw <= 0.0 <= highest_kw <= 5.0


def test_before_anything_is_measured_nothing_is_permitted():
    cells = Cells()
    GuardedDevice(cells, LIMITS).apply(3.0)
    assert cells.told == 0.0


def test_a_limit_that_is_reached_while_an_order_is_followed_ends_it_and_later_lets_it_go_on():
    cells = Cells()
    device = GuardedDevice(cells, LIMITS)
    device.watch(NOW)
    device.apply(-4.0)
    assert cells.told == -4.0
    cells.soc = 0.9
    device.watch(NOW)
    assert (cells.told, device.clipped_kw) == (0.0, -4.0)
    cells.soc = 0.5
    device.watch(NOW)
    assert cells.told == -4.0


@pytest.mark.parametrize("part", ["soc", "temperatures"])
def test_a_device_that_cannot_be_read_must_rest(part):
    cells = Cells()
    device = GuardedDevice(cells, LIMITS)
    device.watch(NOW)
    device.apply(3.0)
    setattr(cells, part, OSError("no answer on the bus"))
    device.watch(NOW)
    assert cells.told == 0.0


def test_temperatures_rise_in_their_order():
    with pytest.raises(ValueError, match="rise in this order"):
        TemperatureLimits(cold_stop=0.0, cold_full=0.0, hot_derate=1.0, hot_stop=2.0)
    assert CHARGING.share(20.0, 20.0) == 1.0


@pytest.mark.parametrize(
    "wrong", [{"max_charge_kw": math.nan}, {"max_discharge_kw": -1.0}, {"soc_min": 0.5, "soc_max": 0.4}]
)
def test_limits_are_checked_where_they_are_made(wrong):
    with pytest.raises(ValueError, match="expected"):
        LocalLimits(**({"max_charge_kw": 1.0, "max_discharge_kw": 1.0} | wrong))


def test_limits_of_an_asset_that_the_node_does_not_have_are_a_mistake():
    with pytest.raises(ValueError, match="'b9'"):
        guarded([Cells()], {"b9": LIMITS})
