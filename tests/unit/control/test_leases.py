from datetime import timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.control.fleets import NOON
from vpp.control.leases import TRANSIT_ALLOWANCE, OrdersInForce
from vpp.domain.setpoints import Origin, SetpointColumns


def order(slot: int, sequence: int, lifetime: timedelta) -> SetpointColumns:
    return SetpointColumns(
        run_id="run",
        epoch=1,
        valid_from=NOON,
        valid_until=NOON + lifetime,
        origin=Origin.OPTIMIZER,
        reason="",
        slot=np.array([slot]),
        sequence=np.array([sequence]),
        power_kw=np.array([3.0]),
        min_kw=np.array([3.0]),
        max_kw=np.array([3.0]),
    )


def test_nothing_is_held_before_the_first_order():
    assert not OrdersInForce.none(3).held_at(NOON).any()


def test_an_order_counts_longer_here_than_the_node_may_follow_it():
    held = OrdersInForce.none(3).with_orders(order(1, 1, timedelta(seconds=60)))
    assert held.held_at(NOON + timedelta(seconds=64)).tolist() == [False, True, False]
    assert not held.held_at(NOON + timedelta(seconds=60) + TRANSIT_ALLOWANCE).any()


@given(st.lists(st.integers(min_value=10, max_value=900), min_size=1, max_size=6))
def test_a_renewal_never_shortens_a_lease(lifetimes):
    held = OrdersInForce.none(2).with_orders(order(0, 1, timedelta(seconds=300)))
    for seconds in lifetimes:
        before = held.valid_until_us[0]
        held = held.renewed(np.array([0]), NOON + timedelta(seconds=seconds))
        assert held.valid_until_us[0] >= before
    assert held.valid_until_us[1] == 0
