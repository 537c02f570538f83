"""Leases reach the devices at their own times, also when the process wakes late."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes import ManualNodeClock
from tests.unit.node.test_lease import order
from vpp.node.control_loop import SELF_CONSUMPTION_PERIOD_S, ControlLoop
from vpp.node.default_control import ControlTerms, DefaultControl
from vpp.node.device import Measurement
from vpp.node.lease import LeaseState, LeaseTable

START = datetime.fromtimestamp(1_000.0, UTC)


class RecordingDevice:
    """A device that writes down what it is told, and when."""

    asset_id = "a"

    def __init__(self, net_load_kw=None, broken=False) -> None:
        self.log: list[tuple[float, float]] = []
        self._net_load_kw, self.broken = net_load_kw, broken
        self._at = START

    def step(self, at):
        self._at = at

    def read(self, at):
        return Measurement(measured_at=at, soc=0.5, power_kw=0.0)

    def apply(self, power_kw):
        if self.broken:
            raise OSError("no answer on the bus")
        self.log.append((round((self._at - START) / timedelta(seconds=1), 6), power_kw))

    def site_net_load_kw(self):
        return self._net_load_kw

    def charging_stays(self, at):
        return ()


def controlled(device=None, **terms):
    device = device or RecordingDevice()
    clock = ManualNodeClock(START, monotonic_s=1_000.0)
    leases, events = LeaseTable(["a"]), []
    loop = ControlLoop([device], clock, leases, events.extend)
    loop.set_terms("a", ControlTerms(**({"max_charge_kw": 5.0, "max_discharge_kw": 5.0} | terms)))
    device.log.clear()
    return device, clock, leases, loop, events


def give(loop, leases, clock, item):
    now_s = clock.monotonic()
    loop.handle(leases.offer("a", item, now_s=now_s, service_now_s=now_s))


def test_an_order_is_followed_and_its_end_brings_default_control():
    device, clock, leases, loop, events = controlled()
    give(loop, leases, clock, order(power_kw=3.0))
    assert loop.advance() == 1_060.0

    clock.advance(75.0)  # the process slept; the device obeyed at the right time
    loop.advance()

    assert device.log == [(0.0, 3.0), (60.0, 0.0)]
    assert [event.state for event in events] == [
        LeaseState.RECEIVED,
        LeaseState.STARTED,
        LeaseState.EXPIRED,
    ]


def test_a_handover_is_applied_once_at_its_time():
    device, clock, leases, loop, _ = controlled()
    give(loop, leases, clock, order(1, power_kw=3.0))
    give(loop, leases, clock, order(2, power_kw=-2.0, begins=1_060.0))
    clock.advance(70.0)
    loop.advance()
    assert device.log == [(0.0, 3.0), (60.0, -2.0)]


def test_power_is_clipped_to_the_terms():
    device, clock, leases, loop, _ = controlled(max_discharge_kw=2.0)
    give(loop, leases, clock, order(power_kw=4.0))
    assert device.log == [(0.0, 2.0)]


def test_hold_keeps_the_power_of_the_last_order():
    device, clock, leases, loop, _ = controlled(default_control=DefaultControl.HOLD)
    give(loop, leases, clock, order(power_kw=3.0))
    clock.advance(100.0)
    loop.advance()
    assert loop.applied_kw("a") == 3.0
    assert device.log[-1] == (60.0, 3.0)


def test_self_consumption_looks_again_at_the_load():
    device, clock, _leases, loop, _ = controlled(
        RecordingDevice(net_load_kw=1.5), default_control=DefaultControl.SELF_CONSUMPTION
    )
    clock.advance(2.5 * SELF_CONSUMPTION_PERIOD_S)
    loop.advance()
    assert device.log == [(10.0, 1.5), (20.0, 1.5)]


def test_a_ramp_leads_into_default_control_step_by_step():
    device, clock, leases, loop, _ = controlled(ramp_kw_per_s=1.0)
    give(loop, leases, clock, order(power_kw=2.5))
    clock.advance(61.0)
    loop.advance()
    clock.advance(10.0)
    loop.advance()
    assert device.log == [(0.0, 2.5), (60.0, 2.5), (61.0, 1.5), (62.0, 0.5), (63.0, 0.0)]


def test_a_stop_is_obeyed_at_once():
    device, clock, leases, loop, _ = controlled()
    give(loop, leases, clock, order(power_kw=3.0))
    clock.advance(1.0)
    loop.handle(leases.stop(None, sent_at_s=1_001.0, now_s=clock.monotonic()))
    assert device.log == [(0.0, 3.0), (1.0, 0.0)]


def test_a_device_that_does_not_answer_is_told_again_and_its_lease_goes_on():
    device, clock, leases, loop, events = controlled(RecordingDevice(broken=True))
    give(loop, leases, clock, order(power_kw=3.0))
    clock.advance(61.0)
    loop.advance()
    assert loop.device_errors >= 2
    assert events[-1].state is LeaseState.EXPIRED

    device.broken = False
    clock.advance(1.0)
    loop.advance()
    assert device.log == [(62.0, 0.0)]


async def test_the_loop_sleeps_until_the_next_event_and_wakes_when_told():
    device, clock, leases, loop, _ = controlled()
    task = asyncio.create_task(loop.run())
    await asyncio.sleep(0)
    give(loop, leases, clock, order(power_kw=3.0, lifetime=10.0))
    loop.wake()
    await asyncio.sleep(0)
    clock.advance(10.0)
    async with asyncio.timeout(5):
        while len(device.log) < 2:  # noqa: ASYNC110 - nothing tells when a fake is called
            await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert device.log == [(0.0, 3.0), (10.0, 0.0)]
