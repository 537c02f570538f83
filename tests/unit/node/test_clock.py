"""Scaled time, and what a node takes the service's time to be."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from tests.fakes import ManualNodeClock
from vpp.node.clock import ScaledNodeClock, ServiceTime, WallNodeClock

START = datetime(2020, 5, 20, tzinfo=UTC)


def test_a_scaled_clock_agrees_between_processes_that_know_its_origin():
    origin_wall = time.time() - 10.0
    clock = ScaledNodeClock(START, origin_wall, 100.0)
    elapsed = (clock.now() - START).total_seconds()
    assert 1_000.0 <= elapsed <= 1_500.0
    assert clock.wall_seconds(900.0) == 9.0


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_a_speed_must_be_positive(speed):
    with pytest.raises(ValueError, match="expected a positive number"):
        ScaledNodeClock(START, 0.0, speed)


def test_wall_time_is_plant_time_without_a_scale():
    assert WallNodeClock().wall_seconds(3.0) == 3.0


def service_time(skew_s=0.0, latency_s=0.1):
    """Return a node whose own clock is ahead by `skew_s`, just after its Welcome."""
    clock = ManualNodeClock(START)
    clock.step_wall(skew_s)
    estimate = ServiceTime(clock)
    hello_at_s = clock.monotonic()
    clock.advance(latency_s)
    sent_at_s = clock.now().timestamp() - skew_s
    clock.advance(latency_s)
    estimate.welcome(sent_at_s=sent_at_s, hello_at_s=hello_at_s, received_at_s=clock.monotonic())
    return clock, estimate


def truth(clock, skew_s):
    return clock.now().timestamp() - skew_s


@pytest.mark.parametrize("skew_s", [0.0, 1.5, -1.5])
def test_a_small_skew_is_ignored(skew_s):
    clock, estimate = service_time(skew_s)
    assert estimate.now_s() == clock.now().timestamp()


@pytest.mark.parametrize("skew_s", [25.0, -25.0, 4_000.0])
def test_a_wrong_clock_is_corrected_to_within_the_delay_of_the_network(skew_s):
    clock, estimate = service_time(skew_s)
    clock.advance(60.0)
    assert estimate.now_s() == pytest.approx(truth(clock, skew_s), abs=0.1)


def test_a_step_of_the_nodes_clock_does_not_make_orders_old():
    clock, estimate = service_time()
    before = estimate.now_s()
    clock.step_wall(3_600.0)
    assert estimate.now_s() == pytest.approx(before, abs=0.1)


def test_a_ping_that_was_stuck_does_not_make_orders_young():
    clock, estimate = service_time(skew_s=25.0)
    stuck_sent_at_s = truth(clock, 25.0)
    clock.advance(60.0)
    estimate.ping(sent_at_s=stuck_sent_at_s, received_at_s=clock.monotonic())
    assert estimate.now_s() == pytest.approx(truth(clock, 25.0), abs=0.1)


def test_without_any_word_of_the_service_its_own_clock_is_all_a_node_has():
    clock = ManualNodeClock(START)
    assert ServiceTime(clock).now_s() == START.timestamp()
