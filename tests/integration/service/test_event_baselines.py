"""A plan and settlement agree on what an event's delivery is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from optimizer.solve import solve
from tests.unit.control.fleets import INTERVALS, NOON, QUARTER, fleet, grid, inputs
from vpp.adapters.clock import WallClock
from vpp.adapters.storage import open_signals, open_store
from vpp.adapters.storage.event_orders import open_order_archive
from vpp.adapters.storage.operation import DatabaseOperation
from vpp.adapters.storage.operators import open_operator_register
from vpp.control.cycle import decide, prepare
from vpp.control.cycle_values import SolveOutcome
from vpp.control.record import CycleRecord, summary_of
from vpp.control.settlement.baseline import Calendar
from vpp.domain.readings import ReadingColumns, to_microseconds
from vpp.domain.signals import BaselineMethod, Direction, DispatchEvent, Signal
from vpp.replay.recorded import decide_again
from vpp.service.event_baselines import EventBaselines, on_grid
from vpp.service.event_metering import EventMetering
from vpp.service.settling import Settling

HOUR, STEP = timedelta(hours=1), timedelta(minutes=3)
USUAL_KW = np.array([-1.0, 0.0, -2.0])
EVENT = Signal(
    signal_id="noon-peak",
    valid_from=NOON,
    valid_until=NOON + HOUR,
    request_id="r-1",
    author="grid",
    available_at=NOON - 24 * HOUR,
    content=DispatchEvent(
        direction=Direction.UP,
        target_kw=10.0,
        payment_per_kwh=1.0,
        penalty_per_kwh=2.0,
        baseline=BaselineMethod.TEN_OF_TEN,
    ),
)


def measured(start, end, power_kw_at) -> ReadingColumns:
    """Return readings of all assets every three minutes; `power_kw_at` gives (N,) at a time."""
    times = [start + step * STEP for step in range((end - start) // STEP)]
    at_us = np.repeat([to_microseconds(at) for at in times], 3)
    return ReadingColumns(
        slot=np.tile(np.arange(3), len(times)),
        measured_at_us=at_us,
        received_at_us=at_us,
        soc=np.full(len(at_us), 0.5),
        power_kw=np.concatenate([power_kw_at(at) for at in times]),
        connected=np.ones(len(at_us), dtype=np.bool_),
        quality=np.zeros(len(at_us), dtype=np.int64),
    )


@pytest.fixture
async def parts(database_url):
    """A store with two weeks of readings and an announced event, and what settles it."""
    store, signals = open_store(database_url, clock_now=lambda: NOON), open_signals(database_url)
    await store.save_fleet(fleet())
    for day in range(1, 17):
        noon = NOON - timedelta(days=day)
        await store.append_readings(measured(noon - 3 * HOUR, noon + HOUR, lambda _: USUAL_KW))
    # On the day of the event the grid battery charges by 0.3 kW less than usual.
    await store.append_readings(
        measured(NOON - 3 * HOUR, NOON - HOUR, lambda _: USUAL_KW + np.array([0.0, 0.0, 0.3]))
    )
    await signals.announce([EVENT])
    operators, orders = open_operator_register(database_url), open_order_archive(database_url)
    metering = EventMetering(
        fleet=fleet(), store=store, signals=signals, calendar=Calendar(timezone="Europe/Berlin")
    )
    settling = Settling(
        metering=metering,
        operators=operators,
        orders=orders,
        clock=WallClock(),
        interval=QUARTER,
    )
    yield store, settling
    for part in (signals, operators, orders, store):
        await part.close()


async def baseline_of(baselines, now, signals=(EVENT,)):
    """Return the baseline once it is read."""
    async with asyncio.timeout(60):
        while not (found := await baselines.on(signals, grid(), now)):  # noqa: ASYNC110 - as cycles ask
            await asyncio.sleep(0.05)
    return found


async def test_what_a_plan_delivers_is_what_settlement_counts(parts, database_url):
    store, settling = parts
    baselines = EventBaselines(settling.metering, QUARTER)
    now = NOON - timedelta(minutes=3)
    found = await baseline_of(baselines, now)
    assert found[0].power_kw[:4] == pytest.approx(-2.7), "the usual course, and what the day is like"
    assert not found[0].power_kw[4:].any()

    given = inputs(signals=[EVENT], event_baselines=found, now=now)
    prepared = prepare(given)
    assert prepared.problem.events.target_kw.tolist() == pytest.approx([10.0 - 2.7])
    outcome = SolveOutcome(plan=solve(prepared.problem, method="exact"))
    decision = decide(given, prepared, outcome)
    power_kw = decision.plan.power_kw
    delivered_kw = power_kw[:, :4].sum(axis=0) - found[0].power_kw[:4]
    assert (delivered_kw >= 10.0 - 1e-6).all()

    def as_planned(at):
        return power_kw[:, (at - NOON) // QUARTER]

    await store.append_readings(measured(NOON, NOON + HOUR, as_planned))
    settled = await settling.settle("noon-peak")
    assert settled.delivery.baseline_kw.sum(axis=0) == pytest.approx(found[0].power_kw[:4])
    assert settled.delivery.delivered_kw == pytest.approx(delivered_kw)
    assert settled.compensation.settled_kwh == pytest.approx(10.0)
    assert settled.compensation.missing_kwh == pytest.approx(0.0, abs=1e-9)

    await store.save_forecast(given.forecast, None)
    record = CycleRecord(inputs=given, outcome=outcome)
    run = summary_of(record, prepared, decision, finished_at=now, trigger="test")
    await store.save_run(
        run, plan=decision.plan, state=prepared.state, setpoints=decision.setpoints, record=record
    )
    operation = DatabaseOperation(database_url)
    try:
        again = await decide_again(operation, start=NOON, end=NOON + QUARTER, on_run=lambda *_: None)
    finally:
        await operation.close()
    assert (again.cycles, again.differences) == (1, [])


async def test_before_its_window_the_usual_course_counts_and_is_read_anew_once_the_window_is_over(parts):
    _, settling = parts
    baselines = EventBaselines(settling.metering, QUARTER)
    early = await baseline_of(baselines, NOON - 5 * HOUR)
    assert early[0].power_kw[:4] == pytest.approx(-3.0)
    async with asyncio.timeout(60):
        while True:
            (later,) = await baseline_of(baselines, NOON - HOUR)
            if later.power_kw[0] != early[0].power_kw[0]:
                break
            await asyncio.sleep(0.05)
    assert later.power_kw[:4] == pytest.approx(-2.7)


async def test_what_is_not_counted_from_like_days_or_not_near_is_not_read(parts):
    _, settling = parts
    baselines = EventBaselines(settling.metering, QUARTER)
    plain = replace(EVENT, content=replace(EVENT.content, baseline=BaselineMethod.NONE))
    far = replace(EVENT, valid_from=NOON + 24 * HOUR, valid_until=NOON + 25 * HOUR)
    assert await baselines.on([plain, far], grid(), NOON) == []


def test_stretches_that_do_not_lie_on_the_grid_are_averaged():
    from vpp.domain.settlement import Spans  # noqa: PLC0415

    spans = Spans.of(NOON + QUARTER / 3, NOON + QUARTER + QUARTER / 3, QUARTER)
    power = on_grid(np.array([-6.0]), spans, grid(NOON, INTERVALS))
    assert power[:3].tolist() == [-6.0, -6.0, 0.0]
