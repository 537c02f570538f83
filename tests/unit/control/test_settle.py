import numpy as np
import pytest

from vpp.control.settle import MeteredDay, settle


def day(**changes) -> MeteredDay:
    """Two feeders, two half hours; the fleet discharges 2 kW on the first feeder in the second one."""
    values = {
        "hours": 0.5,
        "load_kw": np.array([[4.0, 12.0], [-6.0, 3.0]]),
        "fleet_kw": np.array([[0.0, 2.0], [0.0, 0.0]]),
        "import_price_per_kwh": np.array([0.2, 0.4]),
        "export_price_per_kwh": np.array([0.1, 0.1]),
        "peak_price_per_kw": 1.0,
        "import_limit_kw": np.array([[8.0], [5.0]]),
        "export_limit_kw": np.array([[8.0], [5.0]]),
        "throughput_cost": 0.3,
        "stored_change_kwh": -1.0,
        "stored_value_per_kwh": 0.2,
        "unmet_kwh": 0.0,
        "lost_kwh": 0.1,
    }
    return MeteredDay(**(values | changes))


def test_a_day_is_settled():
    settled = settle(day())
    # Net of the portfolio: 2 kW exported, then 13 kW imported.
    assert settled.energy_cost == pytest.approx(0.5 * (13 * 0.4 - 2 * 0.1))
    assert settled.peak_kw == 13.0
    assert settled.overload_kwh == pytest.approx(0.5 * (10 - 8) + 0.5 * (6 - 5))
    assert settled.highest_loading == pytest.approx(10 / 8)
    assert settled.total_cost == pytest.approx(settled.energy_cost + 13.0 + 0.3 + 0.2)


def test_energy_taken_from_the_store_is_not_free():
    assert settle(day(stored_change_kwh=0.0)).total_cost < settle(day(stored_change_kwh=-5.0)).total_cost


def test_a_portfolio_that_only_exports_has_no_peak():
    assert settle(day(load_kw=np.full((2, 2), -3.0))).peak_cost == 0.0
