"""Mean power from readings, parts of a request, and the reason for what is missing."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.storage.samples import NOON, fleet, readings
from vpp.control.settlement.compensation import compensate
from vpp.control.settlement.delivery import Orders, deliver
from vpp.control.settlement.metering import MeanPower, Metered
from vpp.control.settlement.orders import StopWord, ordered_power, stopped
from vpp.domain.readings import Quality, to_microseconds
from vpp.domain.settlement import SettledEvent, Shortfall, Spans
from vpp.domain.signals import BaselineMethod, Direction

QUARTER = timedelta(minutes=15)
SPANS = Spans.of(NOON, NOON + 2 * QUARTER, QUARTER)


def event(**changes):
    values = {
        "event_id": "e-1",
        "direction": Direction.UP,
        "target_kw": 12.0,
        "payment_per_kwh": 0.5,
        "penalty_per_kwh": 0.2,
        "baseline": BaselineMethod.NONE,
        "start": NOON,
        "end": NOON + 2 * QUARTER,
    }
    return SettledEvent(**{**values, **changes})


def mean(power_kw):
    power = np.array(power_kw, dtype=np.float64)
    known = np.isfinite(power)
    return MeanPower(
        power_kw=power, absolute_kw=np.abs(np.nan_to_num(power)), coverage=known.astype(np.float64)
    )


def orders(ordered_kw, **marks):
    ordered = np.array(ordered_kw, dtype=np.float64)
    count = len(ordered)
    values = {"has_order": [True] * count, "reached": [True] * count}
    values |= {"opted_out": [False] * count, "stopped": [False] * count} | marks
    return Orders(ordered_kw=ordered, **{name: np.array(value) for name, value in values.items()})


def test_a_reading_holds_until_the_next_one():
    metered = Metered(2, SPANS)
    metered.add(readings((0, -60, 0.5, 6.0), (0, 60, 0.5, 3.0), (0, 240, 0.5, 0.0)))
    metered.add(readings((0, 300, 0.5, -3.0), (1, 0, 0.5, 9.0, int(Quality.OUT_OF_RANGE))))
    found = metered.means()
    # 60 s at 6, 180 s at 3, 60 s at 0, then -3 for the five minutes that a reading holds
    assert found.power_kw[0, 0] == pytest.approx((60 * 6 + 180 * 3 - 300 * 3) / 600)
    assert found.absolute_kw[0, 0] == pytest.approx((60 * 6 + 180 * 3 + 300 * 3) / 600)
    assert found.coverage[0].tolist() == pytest.approx([600 / 900, 0.0])
    assert not found.coverage[1].any()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-300, 2000)), unique=True), st.integers(1, 5))
def test_pages_change_nothing(rows, size):
    ordered = sorted(rows, key=lambda row: (row[1], row[0]))
    columns = readings(*((slot, at, 0.5, float(at % 7 - 3)) for slot, at in ordered))
    whole, paged = Metered(2, SPANS), Metered(2, SPANS)
    whole.add(columns)
    for first in range(0, len(columns), size):
        paged.add(columns.take(np.arange(first, min(first + size, len(columns)))))
    one, other = whole.means(), paged.means()
    np.testing.assert_allclose(one.power_kw, other.power_kw, atol=1e-9)
    np.testing.assert_allclose(one.coverage, other.coverage)


def test_each_reason_where_it_applies_first():
    up = fleet(7)
    power = mean([[4.0, 4.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [1.0, 1.0], [np.nan] * 2])
    told = orders(
        [[2.0, 2.0], [0.0, 0.0], [2.0, 2.0], [2.0, 2.0], [0.0, 0.0], [2.0, 2.0], [2.0, 2.0]],
        opted_out=[False, True, False, False, False, False, False],
        stopped=[False, False, True, False, False, False, False],
        reached=[True, True, True, False, True, True, True],
    )
    found = deliver(event(), SPANS, up, power, told, None)
    assert list(found.shortfall) == [
        Shortfall.NONE,
        Shortfall.OPTED_OUT,
        Shortfall.STOPPED,
        Shortfall.NODE_AWAY,
        Shortfall.NOT_ORDERED,
        Shortfall.NOT_FOLLOWED,
        Shortfall.NO_METERING,
    ]
    assert found.requested_kwh.sum() == pytest.approx(6.0)
    assert found.delivered_kw.tolist() == [5.0, 5.0]
    paid = compensate(found, up)
    assert paid.income == pytest.approx(0.5 * 2.5 - 0.2 * 3.5)
    assert paid.total.sum() + paid.portfolio == pytest.approx(paid.income, abs=1e-12)


def test_a_loss_is_not_borne_by_who_was_stopped():
    two = fleet(2)
    told = orders([[2.0, 2.0], [2.0, 2.0]], stopped=[True, False])
    found = deliver(event(target_kw=4.0), SPANS, two, mean([[0.0, 0.0], [0.5, 0.5]]), told, None)
    paid = compensate(found, two)
    assert paid.income == pytest.approx(0.5 * 0.25 - 0.2 * 1.75)
    assert paid.total.tolist() == pytest.approx([0.0, paid.income])


def test_a_loss_that_no_asset_caused_is_the_portfolios():
    two = fleet(2)
    nothing = orders([[0.0, 0.0]] * 2, has_order=[False, False])
    paid = compensate(deliver(event(), SPANS, two, mean([[0.0, 0.0]] * 2), nothing, None), two)
    assert not paid.total.any()
    assert paid.portfolio == paid.income == pytest.approx(-0.2 * 6.0)


def test_more_than_requested_is_not_paid_and_down_counts_charging():
    two = fleet(2)
    down = event(direction=Direction.DOWN, target_kw=4.0)
    found = deliver(down, SPANS, two, mean([[-3.0, -3.0], [-5.0, 1.0]]), orders([[-2.0, -2.0]] * 2), None)
    assert found.delivered_kw.tolist() == [8.0, 2.0]
    paid = compensate(found, two)
    assert (paid.settled_kwh, paid.missing_kwh) == pytest.approx((1.5, 0.5))
    assert found.throughput_kwh.tolist() == pytest.approx([1.5, 1.5])


def test_an_order_holds_until_the_next_or_for_an_interval():
    at = to_microseconds(NOON)
    ordered, has = ordered_power(
        np.array([0, 0, 1]),
        np.array([at - 300_000_000, at + 450_000_000, at - 3_600_000_000]),
        np.array([at + 300_000_000, at + 460_000_000, at - 3_000_000_000]),
        np.array([2.0, 4.0, 5.0]),
        assets=2,
        spans=SPANS,
        interval=QUARTER,
    )
    assert ordered[0].tolist() == pytest.approx([3.0, 2.0])
    assert has.tolist() == [True, False]


def test_a_stop_holds_until_it_is_released():
    early, late = NOON - timedelta(days=3), NOON + QUARTER / 2
    words = [
        StopWord(at=early, stops=True, asset_ids=(), feeder_id="west"),
        StopWord(at=late, stops=False, asset_ids=(), feeder_id=""),
        StopWord(at=NOON + QUARTER, stops=True, asset_ids=("asset-1",), feeder_id=""),
    ]
    during = stopped(words, fleet(3), NOON, NOON + QUARTER)
    assert during.tolist() == [True, False, True]
    assert stopped(words, fleet(3), late, NOON + 2 * QUARTER).tolist() == [True, True, True]
    assert not stopped(words[:2], fleet(3), NOON + QUARTER, NOON + 2 * QUARTER).any()
