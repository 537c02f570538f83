"""A renewal keeps an asset only on what a verified plan holds: no order outlives its plan."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from tests.fakes import ManualClock, MemoryStore
from tests.unit.control.fleets import INTERVALS, NOON, QUARTER, fleet, forecast, grid, prices, readings
from vpp.control.cycle_values import SolveOutcome
from vpp.control.order_book import OrderBook
from vpp.domain.policy import DispatchPolicy
from vpp.domain.prices import PricePoint
from vpp.domain.runs import DispatchPlan, Rung
from vpp.ports import SendReport
from vpp.service.loop import DispatchLoop
from vpp.service.peak import PeakMeter

LEAD = timedelta(minutes=3)


class NoSolver:
    """A solver that never comes to anything: the rungs below it are used."""

    def solve(self, problem, *, previous, deadline_s, seed):
        return SolveOutcome(plan=None, error="no solver")


class Link:
    """Node connections that a test sets."""

    def __init__(self, clock):
        self.clock, self.connected, self.sent, self.renewed = clock, [0, 1, 2], [], []
        self.book = OrderBook(3)

    async def send(self, setpoints):
        self.sent.append(setpoints)
        self.book.give(setpoints, self.clock.now())
        return SendReport(sent=len(setpoints), unreachable_slots=())

    async def renew(self, slots, sequences, lifetime):
        self.renewed.append(slots.tolist())
        now = self.clock.now()
        self.book.renew(slots, sequences, now + lifetime, now)
        return SendReport(sent=len(slots), unreachable_slots=())

    def connected_slots(self):
        return np.array(self.connected, dtype=np.int64)

    def quarantined(self):
        return np.zeros(3, dtype=bool)

    def latest_readings(self):
        return readings(self.clock.now() - timedelta(minutes=1))


async def make_loop(load_kw=20.0) -> tuple[DispatchLoop, ManualClock, Link, MemoryStore]:
    clock, store = ManualClock(NOON - LEAD), MemoryStore(fleet=fleet())
    store.forecasts.append(forecast(load_kw, count=4 * INTERVALS))
    curve = prices()
    for start, bought, sold in zip(
        curve.grid.starts(), curve.import_price_per_kwh, curve.export_price_per_kwh, strict=True
    ):
        store.prices.append(
            PricePoint(
                start=start,
                end=start + QUARTER,
                import_price_per_kwh=bought,
                export_price_per_kwh=sold,
                available_at=NOON - timedelta(days=1),
            )
        )
    link = Link(clock)
    loop = DispatchLoop(
        fleet=fleet(),
        policy=DispatchPolicy(horizon_intervals=INTERVALS),
        clock=clock,
        store=store,
        link=link,
        solver=NoSolver(),
        epoch=1,
        new_id=lambda at: f"run-{at:%H%M%S}",
        book=link.book,
        peak=PeakMeter(interval=QUARTER),
    )
    return loop, clock, link, store


async def renew_for(loop, clock, seconds):
    """Let time pass as the service's renewal job would see it."""
    for _ in range(int(seconds // 20)):
        clock.advance(20)
        await loop.renew()


async def test_a_node_that_comes_back_is_not_kept_on_an_order_that_the_newest_plan_does_not_hold():
    loop, clock, link, _ = await make_loop()
    await loop.run_cycle("schedule")
    await renew_for(loop, clock, 15 * 60)
    assert link.renewed[-1] == [0, 1, 2]

    link.connected = [0, 1]  # the grid battery's node is away for the length of one cycle
    await loop.run_cycle("schedule")
    link.connected, link.renewed = [0, 1, 2], []
    await renew_for(loop, clock, 5 * 60)
    assert link.renewed
    assert all(slots == [0, 1] for slots in link.renewed)
    assert not loop.orders.power_at(clock.now())[0][2]


async def test_a_cycle_that_could_not_be_stored_sends_nothing_and_the_next_one_goes_on():
    loop, clock, link, store = await make_loop()
    await loop.run_cycle("schedule")
    before = loop.followed.plan
    clock.advance(900)
    store.broken = True
    with pytest.raises(ConnectionError):
        await loop.run_cycle("schedule")
    assert len(link.sent) == 1
    assert loop.followed.plan is before
    store.broken = False
    assert (await loop.run_cycle("schedule")).rung is not Rung.NOTHING
    assert [orders.run_id for orders in link.sent] == [run.run_id for run, *_ in store.runs]


@pytest.mark.parametrize(("later_load_kw", "held"), [(20.0, True), (39.0, False)])
async def test_after_a_failed_cycle_orders_are_held_only_where_the_limits_allow_it(later_load_kw, held):
    loop, clock, link, store = await make_loop()
    store.forecasts[0].consumption_p50_kw[:, 1:] = later_load_kw
    loop.followed.plan = full_power(loop)  # 5 kW into a battery on a feeder of 40 kW
    await loop.run_cycle("schedule")
    await renew_for(loop, clock, 15 * 60)
    store.broken = True
    with pytest.raises(ConnectionError):
        await loop.run_cycle("schedule")
    await renew_for(loop, clock, 3 * 60)
    link.renewed = []
    await renew_for(loop, clock, 5 * 60)
    assert bool(link.renewed) is held
    await renew_for(loop, clock, 15 * 60)
    link.renewed = []
    await renew_for(loop, clock, 5 * 60)
    assert not link.renewed, "a plan is never stretched over two missed cycles"


def full_power(loop) -> DispatchPlan:
    power_kw = np.zeros((3, INTERVALS))
    power_kw[0, 0] = -5.0
    return DispatchPlan(
        run_id="run-0",
        grid=grid(),
        asset_ids=tuple(asset.asset_id for asset in loop.fleet.assets),
        power_kw=power_kw,
        energy_end_kwh=np.full((3, INTERVALS), 5.0),
        net_load_kw=np.full((2, INTERVALS), 20.0),
    )
