"""The account of what each asset was told: one for the gateway, the loop and the operators."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.control.order_book import OrderBook
from vpp.domain.setpoints import Origin, SetpointColumns

NOW = datetime(2020, 5, 20, 10, tzinfo=UTC)


def orders(power_kw, *, sequence=1, slots=(0,), begins=0, lifetime=900):
    power = np.full(len(slots), power_kw)
    valid_from = NOW + timedelta(seconds=begins)
    return SetpointColumns(
        run_id="r",
        epoch=1,
        valid_from=valid_from,
        valid_until=valid_from + timedelta(seconds=lifetime),
        origin=Origin.OPTIMIZER,
        reason="",
        slot=np.array(slots),
        sequence=np.full(len(slots), sequence),
        power_kw=power,
        min_kw=power,
        max_kw=power,
    )


def give(book, given, at=NOW):
    book.give(given, at)
    book.hand_over(given.slot, given.sequence)


def later(seconds):
    return NOW + timedelta(seconds=seconds)


def shown(book, after=0.0):
    power_kw, _ = book.shown(later(after))
    return [None if np.isnan(value) else value for value in power_kw]


def test_orders_begin_and_end_at_their_times():
    book = OrderBook(2)
    give(book, orders(1.0))
    give(book, orders(2.0, sequence=2, begins=900))
    assert shown(book) == [1.0, None]
    assert shown(book, 899.0) == [1.0, None]
    assert shown(book, 900.0) == [2.0, None]
    assert shown(book, 1_800.0) == [None, None]


def test_an_order_at_once_takes_the_place_of_the_present_and_the_next():
    book = OrderBook(1)
    give(book, orders(1.0))
    give(book, orders(2.0, sequence=2, begins=300))
    give(book, orders(3.0, sequence=3))
    assert shown(book, 600.0) == [3.0]


def test_a_renewal_needs_the_sequence_of_the_order():
    book = OrderBook(1)
    give(book, orders(1.0, lifetime=60))
    book.renew(np.array([0]), np.array([7]), later(9_000), NOW)
    assert shown(book, 200.0) == [None]
    book.renew(np.array([0]), np.array([1]), later(400), NOW)
    assert shown(book, 200.0) == [1.0]


def test_what_went_into_no_stream_counts_in_the_plan_and_is_not_shown():
    book = OrderBook(1)
    book.give(orders(1.0), NOW)
    assert shown(book) == [None]
    assert book.table.power_at(NOW)[0].tolist() == [True]
    book.hand_over(np.array([0]), np.array([1]))
    assert shown(book) == [1.0]


@pytest.mark.parametrize("begins", [0, 300])
def test_a_stop_hides_what_is_and_what_was_to_come_and_the_plan_counts_it_until_the_node_speaks(begins):
    book = OrderBook(1)
    give(book, orders(1.0, begins=begins))
    book.stop(np.array([0]), later(1), until_released=False)
    assert shown(book, 400.0) == [None]
    assert book.table.power_at(later(400))[0].tolist() == [True]
    book.end(np.array([0]), np.array([1]))
    assert book.table.power_at(later(400))[0].tolist() == [False]
    assert book.table.highest_sequence().tolist() == [1], "no sequence is given twice"


def test_a_stop_that_holds_ends_with_a_release():
    book = OrderBook(2)
    book.stop(np.array([0]), NOW, until_released=True)
    assert book.stopped.tolist() == [True, False]
    book.release(np.array([0]), later(1))
    give(book, orders(1.0), later(2))
    assert shown(book, 2) == [1.0, None]


def test_only_another_power_is_a_change():
    book = OrderBook(1)
    give(book, orders(1.0))
    give(book, orders(1.0, sequence=2), later(20))
    assert book.changed_at_us[0] < book.given_at_us[0]
    give(book, orders(1.5, sequence=3), later(30))
    assert book.changed_at_us[0] == book.given_at_us[0]


@pytest.mark.parametrize(
    ("power_kw", "begins", "after", "held_back"),
    [(2.0, 0, 5, True), (1.0, 0, 5, False), (2.0, 0, 10, False), (2.0, 300, 5, False)],
    ids=["a change", "the same again", "a change later", "a change for later"],
)
def test_an_asset_changes_once_in_a_period(power_kw, begins, after, held_back):
    book = OrderBook(1)
    give(book, orders(1.0))
    again = orders(power_kw, sequence=2, begins=begins)
    assert book.too_soon(again, later(after), timedelta(seconds=10)).tolist() == [held_back]
    assert book.too_soon(again, later(after), timedelta(0)).tolist() == [False]


def test_a_sequence_that_was_stored_is_never_used_again_even_if_nobody_got_it():
    book = OrderBook(3)
    stored = orders(1.0, sequence=4)
    book.take(stored)
    numbered = book.numbered(NOW)
    assert (numbered.highest_sequence()[stored.slot] == 4).all()
    assert not numbered.power_at(NOW)[0].any(), "what was not given is not in force"


@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=6, unique=True), max_size=8), st.randoms())
def test_slots_that_follow_each_other_are_noted_as_others_are(rounds, random):
    """The book takes neighbours as a range; told one by one it must come to the same."""
    together, alone = OrderBook(6), OrderBook(6)
    for number, slots in enumerate(rounds, start=1):
        begins, power_kw = random.choice([0, 300]), random.choice([1.0, 2.0])
        at = later(60 * number)
        given_all = orders(power_kw, sequence=number, slots=slots, begins=60 * number + begins)
        too_soon = together.too_soon(given_all, at, timedelta(seconds=90))
        one_by_one = [
            orders(power_kw, sequence=number, slots=(slot,), begins=60 * number + begins) for slot in slots
        ]
        assert too_soon.tolist() == [
            bool(alone.too_soon(one, at, timedelta(seconds=90))[0]) for one in one_by_one
        ]
        give(together, given_all, at)
        for one in one_by_one:
            give(alone, one, at)
    for name in ("given_at_us", "changed_at_us", "changes_from_us"):
        assert getattr(together, name).tolist() == getattr(alone, name).tolist()
    for at in (NOW, later(3_600)):
        ours, theirs = together.table.at(at), alone.table.at(at)
        assert repr(ours) == repr(theirs)
    assert shown(together, 600.0) == shown(alone, 600.0)
