from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tests.unit.control.fleets import INTERVALS, NOON, fleet, forecast, grid, inputs, session
from vpp.control.cycle import prepare
from vpp.control.forecast_on_grid import net_load_on
from vpp.control.leases import OrdersInForce
from vpp.domain.setpoints import Origin, SetpointColumns


def problem_of(**changes):
    problem = prepare(inputs(**changes)).problem
    assert problem is not None
    return problem


def test_a_stay_becomes_a_window_with_its_departure_energy():
    windows = problem_of().windows
    assert windows.asset.tolist() == [1]
    assert (windows.from_interval[0], windows.to_interval[0]) == (0, 12)
    assert windows.departure_energy_kwh[0] == 20.0
    assert windows.trip_energy_kwh[0] == 8.0


def test_a_stay_beyond_the_horizon_asks_for_what_cannot_be_charged_later():
    windows = problem_of(sessions=[session(departure_energy_kwh=30.0, hours=6.0)]).windows
    later_kwh = 2.0 * 11.0 * 0.95
    assert windows.to_interval[0] == INTERVALS
    assert windows.departure_energy_kwh[0] == pytest.approx(30.0 - later_kwh)
    assert windows.trip_energy_kwh[0] == 0.0


def test_a_car_that_is_nowhere_has_no_power():
    problem = problem_of(sessions=[])
    assert problem.assets.max_charge_kw[1] == 0.0
    assert len(problem.windows) == 0


def test_an_earlier_stay_ends_where_the_next_begins():
    first = session(hours=2.0)
    second = replace(
        first, connected_from=NOON + timedelta(hours=1), connected_until=NOON + timedelta(hours=3)
    )
    windows = problem_of(sessions=[second, first]).windows
    assert windows.to_interval.tolist() == [4, 12]
    assert windows.from_interval.tolist() == [0, 4]


def test_an_unreachable_asset_counts_on_its_feeder_until_its_lease_ends():
    given = SetpointColumns(
        run_id="run-0",
        epoch=7,
        valid_from=NOON - timedelta(minutes=15),
        valid_until=NOON + timedelta(minutes=20),
        origin=Origin.OPTIMIZER,
        reason="",
        slot=np.array([2]),
        sequence=np.array([1]),
        power_kw=np.array([-30.0]),
        min_kw=np.array([-30.0]),
        max_kw=np.array([-30.0]),
    )
    away = np.array([True, True, False])
    problem = problem_of(
        orders=OrdersInForce.none(3).with_orders(given, NOON - timedelta(minutes=15)), reachable=away
    )
    assert problem.assets.max_charge_kw[2] == 0.0
    # 20 min and the transit allowance reach into the second quarter of an hour.
    assert problem.feeders.load_kw[1, :3].tolist() == [50.0, 50.0, 20.0]
    assert problem.feeders.load_kw[0, 0] == 20.0


def test_an_old_forecast_repeats_its_last_day():
    issued = forecast(start=NOON - timedelta(days=2), count=192)
    shaped = replace(issued, consumption_p50_kw=np.tile(np.arange(192.0), (2, 1)))
    load = net_load_on(shaped, grid(NOON, 4), ["a", "b"])
    assert load[0].tolist() == [96.0, 97.0, 98.0, 99.0]


def test_a_forecast_of_the_future_or_without_a_feeder_is_refused():
    with pytest.raises(ValueError, match="begins after"):
        net_load_on(forecast(start=NOON + timedelta(hours=1)), grid(), ["a"])
    with pytest.raises(ValueError, match="lacks feeder c"):
        net_load_on(forecast(), grid(), ["a", "c"])


def test_energy_above_the_highest_allowed_is_taken_as_the_highest():
    assert np.all(problem_of().assets.energy_initial_kwh <= fleet().column("energy_max_kwh"))
