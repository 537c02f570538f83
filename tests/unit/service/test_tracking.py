"""The tracking loop stores before it sends, and plans early when nobody can cover what is missing."""

from __future__ import annotations

import numpy as np

from tests.security.test_renewals import make_loop
from vpp.domain.policy import DispatchPolicy
from vpp.domain.setpoints import Origin
from vpp.service.tracking import STEPS_BEFORE_PLAN, TrackingLoop


async def following_loop():
    """Return a loop whose plan has the grid battery discharge 20 kW; a test says what it delivers."""
    loop, clock, link, store = await make_loop()
    await loop.run_cycle("schedule")
    clock.advance(4 * 60)
    loop.followed.plan.power_kw.setflags(write=True)
    loop.followed.plan.power_kw[:] = 0.0
    loop.followed.plan.power_kw[2, :] = 20.0
    measured = np.zeros(3)
    original = link.latest_readings

    def latest_readings():
        said = original()
        said.power_kw[:] = measured
        said.measured_at_us[:] += 60_000_000
        return said

    link.latest_readings = latest_readings
    return loop, clock, link, store, measured


async def test_a_move_is_stored_before_it_is_sent_and_says_why():
    loop, _, link, store, measured = await following_loop()
    tracking = TrackingLoop(loop, lambda at: f"tracking-{at:%H%M%S}")
    measured[2] = 15.0
    before = len(store.runs)
    step = await tracking.step()
    assert step.error_kw == 5.0
    orders = link.sent[-1]
    assert orders.origin is Origin.TRACKING
    assert "5.00 kW off" in orders.reason
    assert len(store.runs) == before + 1
    assert store.runs[-1][0].trigger == "tracking"
    assert tracking.counters.moves == len(orders) > 0

    store.broken = True
    sent = len(link.sent)
    loop.clock.advance(60)
    measured[2] = 0.0
    try:
        await tracking.step()
    except ConnectionError:
        pass
    else:
        raise AssertionError("a move that cannot be stored must not be sent")
    assert len(link.sent) == sent


async def test_a_plan_is_made_early_when_nobody_can_cover_what_is_missing_and_not_again_at_once():
    loop, clock, link, store, _ = await following_loop()
    link.connected = []
    tracking = TrackingLoop(loop, lambda at: f"tracking-{at:%H%M%S}")
    for _ in range(3 * STEPS_BEFORE_PLAN):
        clock.advance(5)
        await tracking.step()
    triggers = [run.trigger for run, *_ in store.runs]
    assert triggers.count("deviation") == tracking.counters.early_plans == 1


def test_the_policy_bounds_the_period():
    assert DispatchPolicy().tracking_period.total_seconds() == 0.0
