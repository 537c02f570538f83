from datetime import timedelta

import numpy as np
import pytest

from tests.unit.control.fleets import NOON, fleet, inputs, readings
from vpp.control.cycle import prepare
from vpp.control.estimate import estimate_state
from vpp.control.leases import OrdersInForce
from vpp.domain.setpoints import Origin, SetpointColumns


def orders(power_kw: float, begin: timedelta, lifetime: timedelta) -> OrdersInForce:
    given = SetpointColumns(
        run_id="run-0",
        epoch=7,
        valid_from=NOON + begin,
        valid_until=NOON + begin + lifetime,
        origin=Origin.OPTIMIZER,
        reason="",
        slot=np.array([2]),
        sequence=np.array([1]),
        power_kw=np.array([power_kw]),
        min_kw=np.array([power_kw]),
        max_kw=np.array([power_kw]),
    )
    return OrdersInForce.none(3).with_orders(given, NOON + begin)


def state_at_noon(given: OrdersInForce, measured: timedelta):
    return estimate_state(
        fleet=fleet(),
        readings=readings(NOON + measured),
        orders=given,
        now=NOON - timedelta(minutes=3),
        at=NOON,
        interval_start=NOON - timedelta(minutes=15),
        max_age=timedelta(minutes=30),
        quarantined=np.zeros(3, dtype=bool),
    )


def test_energy_is_carried_forward_by_the_order_in_force():
    discharging = orders(38.0, -timedelta(minutes=15), timedelta(minutes=15))
    state = state_at_noon(discharging, -timedelta(minutes=6))
    # 38 kW at the terminals take 40 kW out of the cell for a tenth of an hour.
    assert state.energy_kwh[2] == pytest.approx(50.0 - 4.0)


def test_before_the_boundary_the_measured_power_counts():
    discharging = orders(38.0, -timedelta(minutes=15), timedelta(minutes=15))
    state = state_at_noon(discharging, -timedelta(minutes=21))
    assert state.energy_kwh[2] == pytest.approx(50.0 - 10.0), (
        "at rest before 11:45, 40 kW for a quarter after it"
    )


def test_without_a_lease_the_measured_power_goes_on():
    expired = orders(38.0, -timedelta(minutes=60), timedelta(minutes=15))
    assert state_at_noon(expired, -timedelta(minutes=6)).energy_kwh[2] == pytest.approx(50.0)


def test_a_projection_never_invents_energy():
    charging = orders(-50.0, -timedelta(minutes=15), timedelta(minutes=15))
    state = estimate_state(
        fleet=fleet(),
        readings=readings(NOON - timedelta(minutes=15), soc=(1.0, 1.0, 0.99)),
        orders=charging,
        now=NOON - timedelta(minutes=3),
        at=NOON,
        interval_start=NOON - timedelta(minutes=15),
        max_age=timedelta(minutes=30),
        quarantined=np.zeros(3, dtype=bool),
    )
    assert np.all(state.energy_kwh <= fleet().column("capacity_kwh"))


def test_an_asset_without_a_recent_reading_takes_no_part():
    prepared = prepare(inputs(readings=readings(NOON - timedelta(minutes=30))))
    assert not prepared.state.usable.any()
    assert not prepared.controllable.any()


def test_the_picture_cannot_be_changed():
    state = prepare(inputs()).state
    with pytest.raises(ValueError, match="read-only"):
        state.energy_kwh[0] = 1.0
