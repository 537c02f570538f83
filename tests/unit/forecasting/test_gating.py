from datetime import date, timedelta

import numpy as np
import pytest

from tests.fakes_reasoning import GRID, NOW, context, history
from vpp.forecasting.baseline import forecast_baseline
from vpp.forecasting.gating import CircuitBreaker, DailyBudget, Flag, Gate, find_flags
from vpp.ports import FeederHistory

HOUR = timedelta(hours=1)


def flags(*, items=(), holidays=frozenset(), past: FeederHistory | None = None) -> list[Flag]:
    baseline = forecast_baseline(past or history(), GRID)
    return find_flags(baseline, items, now=NOW, timezone="Europe/Berlin", holidays=holidays)


def test_an_ordinary_day_is_not_flagged():
    assert flags() == []


def test_context_within_the_horizon_is_flagged():
    assert [flag.key for flag in flags(items=[context()])] == ["c1"]


@pytest.mark.parametrize(
    ("start", "end", "available"),
    [(-3, -1, -9), (30, 40, -9), (1, 2, 1)],
    ids=["over", "beyond the horizon", "not yet known"],
)
def test_other_context_is_not(start: int, end: int, available: int):
    item = type(context())(
        item_id="c",
        text="x",
        valid_from=NOW + start * HOUR,
        valid_until=NOW + end * HOUR,
        available_at=NOW + available * HOUR,
    )

    assert flags(items=[item]) == []


def test_a_holiday_is_flagged():
    assert [flag.key for flag in flags(holidays=frozenset({date(2020, 5, 21)}))] == ["holiday 2020-05-21"]


def test_a_baseline_that_was_off_is_flagged():
    past = history()
    consumption_kw = past.consumption_kw.copy()
    consumption_kw[:, -96:] *= 1.5
    past = FeederHistory(
        feeder_ids=past.feeder_ids, grid=past.grid, consumption_kw=consumption_kw, pv_kw=past.pv_kw
    )

    (flag,) = flags(past=past)

    assert "above the forecast" in flag.text


def test_the_same_question_is_not_asked_twice_until_more_of_it_is_in_sight():
    gate = Gate()
    flag = Flag(key="c1", text="heat", start=NOW, end=NOW + 100 * HOUR)
    reach = NOW + 24 * HOUR

    assert gate.new([flag], now=NOW, reach=reach) == [flag]
    gate.remember([flag], now=NOW, reach=reach)
    assert gate.new([flag], now=NOW, reach=reach + 6 * HOUR) == []
    assert gate.new([flag], now=NOW, reach=reach + 7 * HOUR) == [flag]
    gate.forget()
    assert gate.new([flag], now=NOW, reach=reach) == [flag]


def test_what_the_gate_remembers_is_bounded():
    gate = Gate()
    many = [Flag(key=str(number), text="", start=NOW, end=NOW + HOUR) for number in range(1500)]

    gate.remember(many, now=NOW, reach=NOW + HOUR)

    assert len(gate._asked) == 1000


def test_the_budget_holds_within_a_day_and_returns_the_next():
    budget = DailyBudget(1000, 1.0)
    budget.spend(tokens=900, cost=0.1, now=NOW)

    assert budget.allows(tokens=100, cost=0.1, now=NOW)
    assert not budget.allows(tokens=101, cost=0.1, now=NOW)
    assert not budget.allows(tokens=1, cost=1.0, now=NOW)
    assert budget.allows(tokens=1000, cost=1.0, now=NOW + 24 * HOUR)


def test_the_breaker_opens_after_five_failures_and_tries_once_after_its_cool_down():
    breaker = CircuitBreaker()
    for _ in range(5):
        assert breaker.allows(NOW)
        breaker.record(succeeded=False, now=NOW)

    assert not breaker.allows(NOW + timedelta(minutes=14))
    later = NOW + timedelta(minutes=15)
    assert breaker.allows(later)
    breaker.record(succeeded=False, now=later)
    assert not breaker.allows(later)
    breaker.record(succeeded=True, now=later)
    assert breaker.allows(later)


def test_recent_error_is_unknown_without_history():
    assert np.isnan(forecast_baseline(history(days=0), GRID).recent_error).all()
