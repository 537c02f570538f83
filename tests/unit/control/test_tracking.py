"""The fast loop: who takes over what another does not deliver, and what keeps it from harm."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tests.unit.control.fleets import NOON, QUARTER, fleet, grid, readings
from vpp.control.compliance import Judgement
from vpp.control.order_book import OrderBook
from vpp.control.tracking import DEADBAND_KW, Situation, orders_of, track
from vpp.control.verification import approve_move
from vpp.domain.assets import Feeder, Fleet
from vpp.domain.policy import DispatchPolicy
from vpp.domain.readings import to_microseconds
from vpp.domain.runs import DispatchPlan
from vpp.domain.setpoints import Origin, SetpointColumns

COUNT = 6  # grid batteries, three on each of two feeders


def many(limit_kw=1_000.0) -> Fleet:
    one = next(asset for asset in fleet().assets if asset.asset_id == "grid-battery")
    batteries = tuple(
        replace(one, asset_id=f"b{number}", node_id=f"n{number}", feeder_id="ab"[number % 2])
        for number in range(COUNT)
    )
    feeders = tuple(
        Feeder(feeder_id=name, import_limit_kw=limit_kw, export_limit_kw=limit_kw) for name in "ab"
    )
    return Fleet(assets=batteries, feeders=feeders)


def situation(measured_kw, *, ordered_kw=10.0, seconds=60, register=None, soc=0.5, changed_s=0, **changes):
    """Return six batteries, each ordered `ordered_kw` at noon and measured `seconds` later."""
    register, now = register or many(), NOON + timedelta(seconds=seconds)
    power_kw = np.full(COUNT, ordered_kw)
    book = OrderBook(COUNT)
    given = SetpointColumns(
        run_id="run",
        epoch=1,
        valid_from=NOON,
        valid_until=NOON + QUARTER,
        origin=Origin.OPTIMIZER,
        reason="",
        slot=np.arange(COUNT),
        sequence=np.ones(COUNT, dtype=np.int64),
        power_kw=power_kw,
        min_kw=power_kw,
        max_kw=power_kw,
    )
    book.give(given, NOON)
    book.changed_at_us += changed_s * 1_000_000
    said = readings(now, soc=(soc,) * COUNT)
    said.power_kw[:] = measured_kw
    plan = DispatchPlan(
        run_id="run",
        grid=grid(),
        asset_ids=tuple(asset.asset_id for asset in register.assets),
        power_kw=np.full((COUNT, grid().count), ordered_kw),
        energy_end_kwh=np.full((COUNT, grid().count), 50.0),
        net_load_kw=np.full((2, grid().count), 20.0),
    )
    values = {
        "now": now,
        "fleet": register,
        "plan": plan,
        "book": book,
        "readings": said,
        "reachable": np.ones(COUNT, dtype=np.bool_),
        "judgement": Judgement.none(COUNT),
        "policy": DispatchPolicy(),
    }
    return Situation(**(values | changes))


def approved(given, step):
    held, before_kw = given.book.table.at(given.now).power_at(given.now)
    assert held.all()
    left_h = (given.plan.grid.start_of(step.interval + 1) - given.now) / timedelta(hours=1)
    return approve_move(
        given.plan,
        step.power_kw,
        before_kw,
        step.energy_kwh,
        step.interval,
        left_h,
        given.fleet,
        given.policy,
    )


LOST = [0.0, 10.0, 10.0, 10.0, 10.0, 10.0]


def test_what_one_does_not_deliver_the_others_take_over():
    given = situation(
        LOST, judgement=Judgement(availability=np.ones(6), deviation_kw=np.array([-10.0] + [0.0] * 5))
    )
    step = track(given)
    assert (step.target_kw, step.error_kw) == (60.0, 10.0)
    assert step.uncovered_kw == pytest.approx(0.0, abs=1e-9)
    assert step.power_kw.sum() == pytest.approx(70.0)
    assert step.power_kw[0] == 10.0, "the one that does not follow is not asked for more"
    assert approved(given, step).passed
    orders = orders_of(step, given, "tracking-1", 1)
    assert orders.origin is Origin.TRACKING
    assert orders.sequence.tolist() == [2] * len(orders)


def test_a_small_error_moves_nobody():
    assert len(track(situation([10.0 + DEADBAND_KW] + [10.0] * 5)).moved) == 0


def test_only_as_many_move_as_are_needed_and_those_that_rested_longest():
    given = situation(LOST)
    given.book.changed_at_us[:] += np.arange(COUNT)[::-1] * 1_000_000
    step = track(given)
    assert step.moved.tolist() == [5], "it rested longest and has room enough"


def test_who_moved_a_moment_ago_rests():
    step = track(situation(LOST, changed_s=55))
    assert len(step.moved) == 0
    assert step.uncovered_kw == 10.0


def test_a_change_under_way_is_asked_of_nobody_else():
    given = situation(LOST)
    given.readings.measured_at_us[:] = to_microseconds(NOON - timedelta(seconds=1))
    assert track(given).error_kw == pytest.approx(0.0)


def test_no_feeder_and_no_portfolio_is_loaded_beyond_its_limit():
    # 20 kW of load less 30 kW on each feeder: 10 kW go out, 2 more may.
    given = situation(LOST, register=many(limit_kw=12.0))
    step = track(given)
    assert step.power_kw.sum() == pytest.approx(64.0)
    assert step.uncovered_kw == pytest.approx(6.0)
    assert approved(given, step).passed
    capped = situation(LOST, policy=DispatchPolicy(export_limit_kw=21.0))
    assert track(capped).power_kw.sum() == pytest.approx(61.0)


def test_energy_lasts_to_the_end_of_the_interval():
    given = situation(LOST, soc=0.0705)  # 2 kWh above the least
    step = track(given)
    assert approved(given, step).passed
    assert step.power_kw.sum() == pytest.approx(60.0), "10 kW for 14 minutes is all there is"


def test_what_is_stopped_away_or_ordered_for_later_is_not_moved():
    later = situation(LOST)
    following = later.book.table.current
    for slot in range(COUNT):
        assert following.sequence[slot] == 1
    power = np.full(COUNT, 5.0)
    later.book.give(
        SetpointColumns(
            run_id="next", epoch=1, valid_from=NOON + QUARTER, valid_until=NOON + 2 * QUARTER,
            origin=Origin.OPTIMIZER, reason="", slot=np.arange(COUNT), sequence=np.full(COUNT, 2),
            power_kw=power, min_kw=power, max_kw=power,
        ),
        NOON + timedelta(seconds=1),
    )  # fmt: skip
    assert len(track(later).moved) == 0
    assert len(track(situation(LOST, reachable=np.zeros(COUNT, dtype=np.bool_))).moved) == 0


def test_the_same_picture_gives_the_same_step():
    first, second = track(situation(LOST)), track(situation(LOST))
    assert first.power_kw.tobytes() == second.power_kw.tobytes()


def test_outside_the_plan_nothing_is_followed():
    assert track(situation(LOST, seconds=16 * 900)) is None


WRONG_MOVES = {
    "beyond a rating": ({0: 51.0}, {}, "rating"),
    "beyond its energy": ({0: 20.0}, {"soc": 0.07}, "energy"),
    "beyond a feeder": ({0: 13.0}, {"register": many(limit_kw=12.0)}, "exceeded by 1.000"),
    "beyond the portfolio": (
        {0: 12.5},
        {"policy": DispatchPolicy(export_limit_kw=21.0)},
        "exceeded by 1.500",
    ),
}


@pytest.mark.parametrize(("moves", "rest", "words"), WRONG_MOVES.values(), ids=WRONG_MOVES)
def test_a_wrong_move_does_not_pass(moves, rest, words):
    given = situation([10.0] * COUNT, **rest)
    step = track(given)
    for slot, power_kw in moves.items():
        step.power_kw[slot] = power_kw
    verdict = approved(given, step)
    assert not verdict.passed
    assert words in verdict.reason
