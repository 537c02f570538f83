"""Stops and releases, lost, repeated and out of order: above every sequence, by the time they were sent."""

from __future__ import annotations

import itertools

import pytest

from tests.unit.node.test_lease import NOW, offer, order
from vpp.node.lease import LeaseTable
from vpp.node.orders import LeaseState


@pytest.fixture
def leases():
    return LeaseTable(["a", "b"])


def states(events):
    return [event.state for event in events]


def test_a_stop_that_holds_refuses_every_order_until_the_release(leases):
    offer(leases, order(1))
    ended = leases.stop(None, sent_at_s=NOW + 1, now_s=NOW + 1, until_released=True)
    assert states(ended) == [LeaseState.CANCELLED]
    (refused,) = offer(leases, order(2, sent=NOW + 2))
    assert refused.state is LeaseState.REJECTED
    assert "until a release" in refused.detail
    leases.release(["a"], epoch=1, sent_at_s=NOW + 3)
    assert LeaseState.STARTED in states(offer(leases, order(3, sent=NOW + 4)))
    assert leases.in_force("b") is None


def test_a_dispatcher_that_is_fenced_off_releases_nothing(leases):
    leases.raise_epoch(5)
    leases.stop(None, sent_at_s=NOW, now_s=NOW, until_released=True)
    leases.release(None, epoch=4, sent_at_s=NOW + 1)
    assert states(offer(leases, order(1, epoch=5, sent=NOW + 2))) == [LeaseState.REJECTED]


@pytest.mark.parametrize("arrival", list(itertools.permutations(range(3))))
def test_the_newest_word_counts_whatever_the_order_of_arrival(leases, arrival):
    """Stop, release, stop again, each also repeated: the asset ends stopped."""
    said = [
        lambda: leases.stop(None, sent_at_s=NOW + 1, now_s=NOW + 9, until_released=True),
        lambda: leases.release(None, epoch=1, sent_at_s=NOW + 2),
        lambda: leases.stop(None, sent_at_s=NOW + 3, now_s=NOW + 9, until_released=True),
    ]
    for number in (*arrival, *arrival):
        said[number]()
    assert states(offer(leases, order(1, sent=NOW + 4))) == [LeaseState.REJECTED]
    leases.release(None, epoch=1, sent_at_s=NOW + 5)
    said[0]()
    said[2]()
    assert LeaseState.STARTED in states(offer(leases, order(2, sent=NOW + 6)))
