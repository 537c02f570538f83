from datetime import timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.control.fleets import NOON
from vpp.control.leases import TRANSIT_ALLOWANCE, OrdersInForce
from vpp.domain.setpoints import Origin, SetpointColumns

SECOND = timedelta(seconds=1)


def order(slot: int, sequence: int, *, begin=NOON, lifetime=60 * SECOND, power_kw=3.0) -> SetpointColumns:
    return SetpointColumns(
        run_id="run",
        epoch=1,
        valid_from=begin,
        valid_until=begin + lifetime,
        origin=Origin.OPTIMIZER,
        reason="",
        slot=np.array([slot]),
        sequence=np.array([sequence]),
        power_kw=np.array([power_kw]),
        min_kw=np.array([power_kw]),
        max_kw=np.array([power_kw]),
    )


def held(table: OrdersInForce, at) -> list[bool]:
    return table.power_at(at)[0].tolist()


def test_nothing_is_held_before_the_first_order():
    assert held(OrdersInForce.none(3), NOON) == [False, False, False]


def test_an_order_counts_longer_here_than_the_node_may_follow_it():
    table = OrdersInForce.none(3).with_orders(order(1, 1), NOON)
    assert held(table, NOON + 64 * SECOND) == [False, True, False]
    assert held(table, NOON + 60 * SECOND + TRANSIT_ALLOWANCE) == [False, False, False]


def test_the_order_in_force_stays_until_the_next_one_begins():
    table = OrdersInForce.none(1).with_orders(order(0, 1, lifetime=900 * SECOND, power_kw=3.0), NOON)
    table = table.with_orders(order(0, 2, begin=NOON + 900 * SECOND, power_kw=-2.0), NOON + 720 * SECOND)
    assert table.current.sequence.tolist() == [1], "renewals go to the order that is followed"
    assert table.highest_sequence().tolist() == [2]
    assert table.power_at(NOON + 899 * SECOND)[1].tolist() == [3.0]
    assert table.power_at(NOON + 900 * SECOND)[1].tolist() == [-2.0]
    assert table.at(NOON + 900 * SECOND).current.sequence.tolist() == [2]


def test_an_order_for_now_ends_the_one_that_was_to_come():
    table = OrdersInForce.none(1).with_orders(order(0, 1, begin=NOON + 900 * SECOND), NOON)
    table = table.with_orders(order(0, 2), NOON)
    assert table.next.sequence.tolist() == [0]
    assert table.current.sequence.tolist() == [2]


@given(st.lists(st.integers(min_value=10, max_value=900), min_size=1, max_size=6))
def test_a_renewal_never_shortens_a_lease(lifetimes):
    table = OrdersInForce.none(2).with_orders(order(0, 1, lifetime=300 * SECOND), NOON)
    for seconds in lifetimes:
        before = table.current.valid_until_us[0]
        table = table.renewed(np.array([0]), NOON + seconds * SECOND)
        assert table.current.valid_until_us[0] >= before
    assert table.current.valid_until_us[1] == 0
