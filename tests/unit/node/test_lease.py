"""The lease table: fencing, queues, renewals, stops, and the way back into default control."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.node import limits
from vpp.node.lease import LeaseState, LeaseTable, Order
from vpp.rpcgen import fleet_pb2 as pb

NOW = 1_000.0  # Unix time in these tests; the monotonic clock shows the same


def order(sequence=1, *, power_kw=1.0, epoch=1, sent=NOW, begins=NOW, lifetime=60.0) -> Order:
    return Order(
        epoch=epoch,
        sequence=sequence,
        power_kw=power_kw,
        min_kw=-5.0,
        max_kw=5.0,
        sent_at_s=sent,
        valid_from_s=begins,
        lifetime_s=lifetime,
    )


def table(**options) -> LeaseTable:
    return LeaseTable(["a"], **options)


def offer(leases, item, now=NOW):
    return leases.offer("a", item, now_s=now, service_now_s=now)


def renew(leases, rank, *, lifetime=60.0, now=NOW):
    return leases.renew("a", rank, sent_at_s=now, lifetime_s=lifetime, now_s=now, service_now_s=now)


def states(events):
    return [(event.sequence, event.state) for event in events]


def test_states_carry_the_numbers_of_the_wire():
    wire = {name.removeprefix("ACKNOWLEDGEMENT_STATE_"): n for name, n in pb.AcknowledgementState.items()}
    assert {item.name: item.value for item in LeaseState} == {k: n for k, n in wire.items() if n}


def test_an_order_starts_at_once_and_ends_by_itself():
    leases = table()
    assert states(offer(leases, order())) == [(1, LeaseState.RECEIVED), (1, LeaseState.STARTED)]
    assert leases.next_event_s() == NOW + 60.0

    assert leases.advance(NOW + 59.999) == []
    assert states(leases.advance(NOW + 60.0)) == [(1, LeaseState.EXPIRED)]
    assert leases.in_force("a") is None
    assert leases.next_event_s() == math.inf


def test_a_lease_is_counted_from_the_later_of_receipt_and_start():
    late, early = table(), table()
    offer(late, order(sent=NOW - 4.0, begins=NOW - 4.0))
    offer(early, order(begins=NOW + 100.0))

    assert late.lease_end_s("a") == NOW + 60.0
    assert early.in_force("a") is None
    assert early.next_event_s() == NOW + 100.0
    early.advance(NOW + 100.0)
    assert early.lease_end_s("a") == NOW + 160.0


def test_a_future_order_takes_over_at_its_time_and_completes_the_one_before():
    leases = table()
    offer(leases, order(1, lifetime=900.0))
    offer(leases, order(2, power_kw=2.0, begins=NOW + 900.0, lifetime=900.0))

    events = leases.advance(NOW + 900.0)
    assert states(events) == [(1, LeaseState.COMPLETED), (2, LeaseState.STARTED)]
    assert [event.at_s for event in events] == [NOW + 900.0] * 2
    assert leases.in_force("a").power_kw == 2.0


def test_a_short_gap_before_the_successor_is_no_fall_into_default_control():
    leases = table()
    offer(leases, order(1, lifetime=60.0))
    offer(leases, order(2, begins=NOW + 60.0 + limits.HANDOVER_TOLERANCE_S / 2))
    assert states(leases.advance(NOW + 61.0)) == [(1, LeaseState.COMPLETED), (2, LeaseState.STARTED)]


def test_a_long_gap_before_the_successor_is_spent_in_default_control():
    leases = table()
    offer(leases, order(1, lifetime=60.0))
    offer(leases, order(2, begins=NOW + 70.0))
    assert states(leases.advance(NOW + 65.0)) == [(1, LeaseState.EXPIRED)]
    assert states(leases.advance(NOW + 70.0)) == [(2, LeaseState.STARTED)]


def test_a_newer_order_supersedes_the_active_and_the_later_queued_ones():
    leases = table()
    offer(leases, order(1))
    offer(leases, order(2, begins=NOW + 30.0))
    events = offer(leases, order(3, power_kw=3.0))
    assert states(events) == [
        (3, LeaseState.RECEIVED),
        (2, LeaseState.SUPERSEDED),
        (1, LeaseState.SUPERSEDED),
        (3, LeaseState.STARTED),
    ]
    assert leases.in_force("a").power_kw == 3.0


def test_a_newer_order_that_begins_later_leaves_earlier_ones_alone():
    leases = table()
    offer(leases, order(1, begins=NOW + 10.0, lifetime=20.0))
    offer(leases, order(2, begins=NOW + 30.0))
    events = leases.advance(NOW + 30.0)
    assert states(events) == [(1, LeaseState.STARTED), (1, LeaseState.COMPLETED), (2, LeaseState.STARTED)]


def test_a_duplicate_changes_nothing_but_the_end():
    leases = table()
    offer(leases, order())
    assert offer(leases, order(), now=NOW + 3.0) == []
    assert leases.lease_end_s("a") == NOW + 63.0


def test_a_renewal_moves_the_end_and_never_brings_it_forward():
    leases = table()
    offer(leases, order(lifetime=300.0))
    assert renew(leases, (1, 1), lifetime=60.0) == []
    assert leases.lease_end_s("a") == NOW + 300.0
    assert renew(leases, (1, 1), lifetime=900.0, now=NOW + 10.0) == []
    assert leases.lease_end_s("a") == NOW + 910.0


def test_a_renewal_of_a_queued_order_is_counted_from_its_start():
    leases = table()
    offer(leases, order(begins=NOW + 100.0, lifetime=60.0))
    renew(leases, (1, 1), lifetime=120.0)
    leases.advance(NOW + 100.0)
    assert leases.lease_end_s("a") == NOW + 220.0


def test_an_order_whose_lease_ended_is_held_again_when_it_is_given_again():
    leases = table()
    offer(leases, order(lifetime=10.0))
    leases.advance(NOW + 10.0)
    again = replace(order(lifetime=10.0), sent_at_s=NOW + 20.0)
    assert states(offer(leases, again, now=NOW + 20.0)) == [
        (1, LeaseState.RECEIVED),
        (1, LeaseState.STARTED),
    ]


def test_stop_ends_everything_and_what_was_sent_before_stays_out():
    leases = table()
    offer(leases, order(1))
    offer(leases, order(2, begins=NOW + 30.0))
    stopped = leases.stop(None, sent_at_s=NOW + 1.0, now_s=NOW + 1.0)
    assert states(stopped) == [(1, LeaseState.CANCELLED), (2, LeaseState.CANCELLED)]

    for stuck in (order(1), order(2), order(3, sent=NOW + 1.0)):
        assert offer(leases, stuck, now=NOW + 2.0)[0].state is LeaseState.REJECTED
    assert leases.in_force("a") is None
    fresh = order(3, sent=NOW + 2.0)
    assert offer(leases, fresh, now=NOW + 2.0)[-1].state is LeaseState.STARTED


REFUSED = {
    "lifetime too short": (order(lifetime=limits.MIN_LIFETIME_S - 0.1), "lifetime_s"),
    "lifetime too long": (order(lifetime=limits.MAX_LIFETIME_S + 0.1), "lifetime_s"),
    "lifetime not a number": (order(lifetime=math.nan), "lifetime_s"),
    "power not a number": (order(power_kw=math.nan), "expected numbers"),
    "power infinite": (order(power_kw=math.inf), "expected numbers"),
    "power outside its envelope": (order(power_kw=6.0), "envelope"),
    "sequence zero": (order(0), "expected 1 or more"),
    "too far ahead": (order(begins=NOW + limits.MAX_START_AHEAD_S + 1.0), "begins"),
    "too old": (order(6, epoch=3, sent=NOW - 5.1), "was sent 5.1 s ago"),
    "lower epoch": (order(epoch=2), "lower than 3"),
    "lower sequence": (order(4, epoch=3), "lower than 5"),
}


@pytest.mark.parametrize(("refused", "words"), REFUSED.values(), ids=REFUSED)
def test_an_order_is_refused_in_words_and_changes_nothing(refused, words):
    leases = table(max_order_age_s=5.0)
    offer(leases, order(5, epoch=3))
    before = leases.in_force("a")
    (event,) = offer(leases, refused)
    assert event.state is LeaseState.REJECTED
    assert words in event.detail
    assert leases.in_force("a") is before


def test_one_sequence_cannot_carry_two_demands():
    leases = table()
    offer(leases, order(power_kw=1.0))
    (event,) = offer(leases, order(power_kw=2.0))
    assert event.state is LeaseState.REJECTED
    assert leases.in_force("a").power_kw == 1.0


def test_the_queue_is_bounded():
    leases = table()
    for sequence in range(1, limits.MAX_QUEUED_ORDERS + 1):
        offer(leases, order(sequence, begins=NOW + 10.0 * sequence))
    (event,) = offer(leases, order(9, begins=NOW + 500.0))
    assert event.state is LeaseState.REJECTED
    assert "future orders" in event.detail


def test_a_higher_epoch_fences_the_old_dispatcher_off():
    leases = table()
    offer(leases, order(9, epoch=1))
    assert leases.raise_epoch(2)
    assert not leases.raise_epoch(1)
    assert renew(leases, (1, 9))[0].state is LeaseState.REJECTED
    assert offer(leases, order(10, epoch=1))[0].state is LeaseState.REJECTED
    assert offer(leases, order(1, epoch=2))[-1].state is LeaseState.STARTED


@pytest.mark.parametrize(
    ("rank", "lifetime", "age"), [((1, 2), 60.0, 0.0), ((1, 1), 5.0, 0.0), ((1, 1), 60.0, 9.0)]
)
def test_a_renewal_is_refused_for_another_order_a_wrong_lifetime_or_its_age(rank, lifetime, age):
    leases = table()
    offer(leases, order(1))
    (event,) = leases.renew("a", rank, sent_at_s=NOW - age, lifetime_s=lifetime, now_s=NOW, service_now_s=NOW)
    assert event.state is LeaseState.REJECTED
    assert leases.lease_end_s("a") == NOW + 60.0


# properties: a network that loses, repeats and reorders --------------------------------------------
MESSAGES = st.lists(
    st.one_of(
        st.tuples(
            st.just("order"),
            st.integers(1, 3),  # epoch
            st.integers(1, 6),  # sequence
            st.floats(0.0, 200.0),  # sent at
            st.sampled_from([0.0, 0.0, 5.0, 40.0]),  # begins after
            st.sampled_from([10.0, 30.0, 60.0]),  # lifetime
        ),
        st.tuples(st.just("renew"), st.integers(1, 3), st.integers(1, 6), st.floats(0.0, 200.0)),
        st.tuples(st.just("stop"), st.floats(0.0, 200.0)),
    ),
    max_size=30,
)
DELAYS = st.lists(st.lists(st.floats(0.0, 20.0), max_size=3), min_size=30, max_size=30)


def deliveries(messages, delays):
    """Return (arrival, message): none for a lost one, several for one that is repeated."""
    arrivals = [
        (message[3] + delay if message[0] != "stop" else message[1] + delay, number, message)
        for number, (message, times) in enumerate(zip(messages, delays, strict=False))
        for delay in times
    ]
    return [(at, message) for at, _, message in sorted(arrivals)]


def deliver(leases, at, message):
    if message[0] == "order":
        _, epoch, sequence, sent, after, lifetime = message
        # One rank always carries the same demand, as a dispatcher would have it.
        item = order(
            sequence, epoch=epoch, power_kw=epoch + sequence / 10, sent=sent, lifetime=lifetime, begins=sent
        )
        return offer(leases, replace(item, valid_from_s=sent + after), now=at)
    if message[0] == "renew":
        _, epoch, sequence, sent = message
        return leases.renew(
            "a", (epoch, sequence), sent_at_s=sent, lifetime_s=60.0, now_s=at, service_now_s=at
        )
    return leases.stop(None, sent_at_s=message[1], now_s=at)


@given(MESSAGES, DELAYS)
@settings(max_examples=300, deadline=None)
def test_whatever_the_network_does_one_order_is_effective_and_every_lease_ends(messages, delays):
    leases, last_rank, stopped_at, last_arrival = table(max_order_age_s=5.0), (0, 0), -1.0, 0.0
    for at, message in deliveries(messages, delays):
        deliver(leases, at, message)
        last_arrival = at
        if message[0] == "stop":
            stopped_at = max(stopped_at, message[1])
            assert leases.in_force("a") is None
        active = leases.in_force("a")
        if active is not None:
            assert active.rank >= last_rank
            assert active.sent_at_s > stopped_at
            assert leases.lease_end_s("a") > at
            assert leases.lease_end_s("a") <= at + limits.MAX_LIFETIME_S
            last_rank = active.rank
    # Nothing more arrives: the asset is in default control within a start and a lifetime.
    leases.advance(last_arrival + 40.0 + 60.0 + 1e-6)
    assert leases.in_force("a") is None
    assert leases.next_event_s() == math.inf


@given(st.permutations(list(range(1, 8))), st.integers(0, 3))
def test_in_any_order_of_arrival_the_highest_sequence_wins(sequences, repeats):
    leases = table()
    for sequence in sequences * (1 + repeats):
        offer(leases, order(sequence, power_kw=sequence / 2))
    assert leases.in_force("a").sequence == max(sequences)


@given(st.lists(st.floats(1.0, 100.0), min_size=1, max_size=20))
def test_events_come_in_the_order_of_time_however_late_the_process_wakes(steps):
    leases, now, seen = table(), NOW, []
    for sequence, step in enumerate(steps, start=1):
        seen += offer(leases, order(sequence, sent=now, begins=now + 5.0, lifetime=10.0), now=now)
        now += step
        seen += leases.advance(now)
    times = [event.at_s for event in seen]
    assert times == sorted(times)
