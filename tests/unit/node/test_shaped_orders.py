"""Orders with a ramp, a droop, a start window and an end by the service's clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.node.test_control_loop import RecordingDevice, controlled, give
from tests.unit.node.test_lease import NOW, offer, order, table
from vpp.node import messages
from vpp.node.orders import Droop
from vpp.rpcgen import fleet_pb2 as pb


class FrequencyDevice(RecordingDevice):
    """A device that measures the grid's frequency."""

    hz: float | None = 50.0

    def frequency_hz(self):
        return self.hz


def test_a_ramp_is_taken_in_steps_and_the_end_of_the_lease_stops_it():
    device, clock, leases, loop, _ = controlled()
    give(loop, leases, clock, replace(order(power_kw=3.0), ramp_kw_per_s=1.0))
    for _ in range(4):
        clock.advance(1.0)
        loop.advance()
    assert device.log == [(0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]
    clock.advance(60.0)
    loop.advance()
    assert device.log[-1] == (60.0, 0.0)


@pytest.mark.parametrize(
    ("hz", "power_kw"),
    [(50.0, 1.0), (49.98, 1.0), (49.88, 2.0), (50.12, 0.0), (48.0, 5.0), (None, 1.0)],
    ids=["nominal", "deadband", "low", "high", "at the envelope", "unknown"],
)
def test_a_droop_answers_the_frequency_within_the_envelope(hz, power_kw):
    device = FrequencyDevice()
    _, clock, leases, loop, _ = controlled(device)
    droop = Droop(nominal_hz=50.0, deadband_hz=0.02, kw_per_hz=10.0)
    give(loop, leases, clock, replace(order(power_kw=1.0), droop=droop))
    device.hz = hz
    clock.advance(1.0)
    loop.advance()
    assert device.log[-1][1] == pytest.approx(power_kw)


def test_a_start_is_drawn_within_the_window_and_the_end_stays():
    leases = table(draw=lambda: 0.5)
    offer(leases, replace(order(begins=NOW + 100.0), start_window_s=10.0))
    assert leases.next_event_s() == NOW + 105.0
    leases.advance(NOW + 105.0)
    assert leases.lease_end_s("a") == NOW + 160.0


def test_the_order_before_lasts_until_the_drawn_start():
    leases = table(draw=lambda: 1.0)
    offer(leases, order(1, lifetime=100.0))
    offer(leases, replace(order(2, begins=NOW + 60.0), start_window_s=1_000.0))
    leases.advance(NOW + 79.0)
    assert leases.in_force("a").sequence == 1
    leases.advance(NOW + 80.0)  # a third of the lifetime is the most that is drawn
    assert leases.in_force("a").sequence == 2


def test_an_end_by_the_services_clock_counts_until_a_renewal():
    leases = table()
    offer(leases, replace(order(lifetime=60.0), valid_until_s=NOW + 40.0))
    assert leases.lease_end_s("a") == NOW + 40.0
    leases.renew("a", (1, 1), sent_at_s=NOW + 30, lifetime_s=60.0, now_s=NOW + 30, service_now_s=NOW + 30)
    assert leases.lease_end_s("a") == NOW + 90.0


@pytest.mark.parametrize("field", ["ramp_kw_per_s", "start_window_s"])
def test_a_shape_below_zero_is_refused(field):
    (event,) = offer(table(), replace(order(), **{field: -1.0}))
    assert "expected 0 or more" in event.detail


def test_a_droop_that_is_no_number_is_refused():
    setpoints = pb.Setpoints(slot=[0], sequence=[1], power_kw=[0], min_kw=[0], max_kw=[0])
    setpoints.droop.kw_per_hz = float("nan")
    with pytest.raises(ValueError, match="droop"):
        messages.orders_of(setpoints)
