"""Attempts are counted for each name, and names are bounded."""

from __future__ import annotations

import pytest

from vpp.adapters.rpc.enrolment import caller_address
from vpp.adapters.rpc.rates import AttemptLimiter


class Seconds:
    now = 100.0

    def __call__(self):
        return self.now


def test_a_burst_is_allowed_then_one_at_a_time():
    seconds = Seconds()
    limiter = AttemptLimiter(burst=3, refill_s=10.0, most_names=5, monotonic=seconds)
    assert [limiter.wait_s("a") for _ in range(3)] == [0.0, 0.0, 0.0]
    assert limiter.wait_s("a") == pytest.approx(10.0)
    assert limiter.wait_s("b") == 0.0
    seconds.now += 10.0
    assert limiter.wait_s("a") == 0.0
    assert limiter.wait_s("a") == pytest.approx(10.0)
    seconds.now += 1_000.0
    assert [limiter.wait_s("a") > 0.0 for _ in range(4)] == [False, False, False, True]


def test_names_are_forgotten_when_there_are_too_many():
    limiter = AttemptLimiter(burst=1, refill_s=10.0, most_names=3, monotonic=Seconds())
    for name in "abcde":
        limiter.wait_s(name)
    assert len(limiter) == 3
    assert limiter.wait_s("e") > 0.0
    assert limiter.wait_s("a") == 0.0


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:192.0.2.7:51234", "192.0.2.7"),
        ("ipv6:%5B::1%5D:51234", "::/64"),
        ("ipv6:[2001:db8:1:2:3:4:5:6]:1", "2001:db8:1:2::/64"),
        ("ipv6:[::ffff:192.0.2.7]:1", "192.0.2.7"),
        ("unix:/tmp/x", "unix"),
        ("", ""),
    ],
)
def test_callers_are_counted_by_address_and_ipv6_by_network(peer, address):
    assert caller_address(peer) == address
