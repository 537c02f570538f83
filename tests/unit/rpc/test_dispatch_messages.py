"""Orders for nodes: grouping, lifetimes, and what a node that comes back is given."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from tests.unit.control.test_order_book import NOW, orders
from vpp.adapters.rpc import limits
from vpp.adapters.rpc.dispatch_messages import (
    RecentDispatches,
    RetryBudget,
    require_lifetime,
    setpoints_message,
)
from vpp.control.order_book import OrderBook
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import to_microseconds

ALL = np.array([0, 1])


def later(seconds):
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("seconds", [limits.MIN_LIFETIME_S - 0.1, limits.MAX_LIFETIME_S + 0.1])
def test_a_lifetime_has_bounds(seconds):
    with pytest.raises(InvalidValueError, match="10 s to 900 s"):
        require_lifetime(timedelta(seconds=seconds))


def test_an_order_that_is_sent_late_ends_at_its_time_all_the_same():
    message = setpoints_message(orders(1.0, lifetime=900), sent_at=later(100)).setpoints
    assert message.lifetime_s == 800.0
    assert setpoints_message(orders(1.0, begins=300), sent_at=NOW).setpoints.lifetime_s == 900.0


class Recent(RecentDispatches):
    """Recent dispatches with the book that the gateway keeps beside them."""

    def __init__(self, assets):
        self.book = OrderBook(assets)
        super().__init__(self.book)

    def remember(self, orders, sent_at):
        self.book.give(orders, sent_at)
        super().remember(orders, sent_at)

    def stopped(self, slots, at):
        self.book.stop(slots, at, until_released=False)


def given_again(recent, after=0.0):
    return [(item.sequence[0], item.slot.tolist()) for item in recent.in_force(ALL, later(after))]


def test_the_present_and_the_next_order_are_given_again_and_no_older_one():
    recent = Recent(2)
    recent.remember(orders(1.0, sequence=1, slots=(0, 1)), NOW)
    recent.remember(orders(2.0, sequence=2, slots=(0,)), later(10))
    recent.remember(orders(3.0, sequence=3, slots=(0,), begins=600), later(20))
    assert given_again(recent, 30) == [(1, [1]), (2, [0]), (3, [0])]
    assert given_again(recent, 700) == [(1, [1]), (3, [0])]
    assert given_again(recent, 5_000) == []


def held_by(dispatches, stopped_at_us, slot, now):
    """Return the orders that one asset should hold, by the words of the rule, newest first."""
    held, earliest = [], None
    for dispatch, sent_at in reversed(dispatches):
        if slot not in dispatch.slot.tolist():
            continue
        begin = max(dispatch.valid_from, now)
        alive = dispatch.valid_until - max(now, dispatch.valid_from) >= timedelta(
            seconds=limits.MIN_LIFETIME_S
        )
        if (
            (earliest is None or begin < earliest)
            and alive
            and stopped_at_us[slot] < to_microseconds(sent_at)
        ):
            held.append(int(dispatch.sequence[0]))
        earliest = begin if earliest is None else min(earliest, begin)
    return held


def test_what_each_asset_is_given_again_is_what_the_rule_says():
    random = np.random.default_rng(5)
    for _ in range(40):
        recent, dispatches = Recent(6), []
        for sequence in range(1, 9):
            slots = random.permutation(6)[: random.integers(1, 7)]  # not by slot
            begins, lifetime = random.choice([0, 20, 300]), random.choice([30, 200, 600])
            given = orders(
                1.0, sequence=sequence, slots=slots, begins=float(begins), lifetime=float(lifetime)
            )
            recent.remember(given, later(sequence))
            dispatches.append((given, later(sequence)))
            if random.random() < 0.2:
                recent.stopped(random.permutation(6)[:2], later(sequence + 0.5))
        now = later(float(random.choice([9, 100, 400])))
        asked = np.sort(random.permutation(6)[:3])

        found = recent.in_force(asked, now)

        assert all((np.diff(item.slot) != 0).all() for item in found)
        for slot in range(6):
            given = [int(item.sequence[0]) for item in found[::-1] if slot in item.slot.tolist()]
            expected = held_by(dispatches, recent.book.stopped_at_us, slot, now) if slot in asked else []
            assert given == expected


def test_what_would_be_too_short_a_lease_is_not_given_again():
    recent = Recent(2)
    recent.remember(orders(1.0, lifetime=60), NOW)
    assert given_again(recent, 51) == []


def test_a_stop_is_owed_until_a_newer_order():
    recent = Recent(2)
    recent.remember(orders(1.0, slots=(0, 1)), NOW)
    recent.stopped(np.array([0]), later(5))
    assert given_again(recent, 6) == [(1, [1])]
    owed, _ = recent.stop_owed(ALL)
    assert owed.tolist() == [0]
    recent.remember(orders(2.0, sequence=2), later(10))
    assert recent.stop_owed(ALL)[0].tolist() == []
    assert given_again(recent, 11) == [(1, [1]), (2, [0])]


def test_only_so_many_dispatches_are_remembered():
    recent = Recent(2)
    for sequence in range(1, 3 * limits.MAX_REMEMBERED_DISPATCHES):
        recent.remember(orders(1.0, sequence=sequence), NOW)
    assert len(recent._recent) == limits.MAX_REMEMBERED_DISPATCHES


def test_orders_are_given_again_within_a_budget():
    budget = RetryBudget(10)
    assert budget.spend(10), "every asset may come back once"
    assert not budget.spend(1)
    budget.earn(100)
    assert budget.spend(10), "a tenth of what is given first"
    assert not budget.spend(1)
