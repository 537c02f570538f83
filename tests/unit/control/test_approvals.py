"""Which decisions need people, which rung stands meanwhile, and what becomes stale."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from optimizer.solve import solve
from tests.unit.control.fleets import NOON, QUARTER, fleet, forecast, grid, inputs, readings
from vpp.control.approvals import Candidate, adjusted_share, need_of
from vpp.control.cycle import decide, prepare
from vpp.control.cycle_values import SolveOutcome
from vpp.control.leases import OrderColumns, OrdersInForce
from vpp.domain.approvals import ApprovalRule, ApprovalTerms, ApprovedPlan, Component
from vpp.domain.errors import InvalidValueError
from vpp.domain.forecasts import ForecastParts, ForecastSource
from vpp.domain.runs import Rung

WEEK_AGO, HOUR_AGO = NOON - timedelta(days=7), NOON - timedelta(hours=1)


def adjusted_forecast(factor, *, parts=True):
    """A forecast that the model moved by `factor` from noon to one o'clock on feeder a."""
    before = forecast()
    moved = before.consumption_p50_kw.copy()
    moved[0, :4] *= factor
    known = ForecastParts(
        names=("baseline",), p50_kw=before.consumption_p50_kw[None], typical_peak_kw=np.full(2, 30.0)
    )
    return replace(
        before,
        consumption_p50_kw=moved,
        source=ForecastSource.ADJUSTED,
        parts=known if parts else None,
    )


def candidate(**changes):
    """The battery and the grid battery change by 3 and 20 kW; the car rests."""
    values = {
        "rung": Rung.OPTIMAL,
        "power_kw": np.array([3.0, 0.0, -25.0]),
        "in_force_kw": np.array([0.0, 0.0, -5.0]),
        "fleet": fleet(),
        "forecast": forecast(),
        "grid": grid(),
        "now": NOON,
    }
    return Candidate(**(values | changes))


def terms(*rules, **since):
    return ApprovalTerms(rules=rules, **since)


def rule(**conditions):
    return ApprovalRule(rule_id="rule", **conditions)


ADJUSTED = {"forecast": adjusted_forecast(1.5)}
TABLE = [
    # conditions, what is decided, words of the reason or None
    ({"always": True}, {}, "every plan needs approval"),
    ({"total_change_kw": 22.9}, {}, "23.0 kW change, above 22.9 kW"),
    ({"total_change_kw": 23.0}, {}, None),
    ({"total_change_kw": 2.9, "feeder_ids": ("a",)}, {}, "3.0 kW change on a"),
    ({"total_change_kw": 3.0, "feeder_ids": ("a",)}, {}, None),
    ({"asset_power_kw": 24.0}, {}, "grid-battery is ordered -25.0 kW, above 24 kW"),
    ({"asset_power_kw": 25.0}, {}, None),
    ({"asset_power_kw": 24.0, "feeder_ids": ("a",)}, {}, None),
    ({"forecast_adjusted_share": 0.4}, ADJUSTED, "adjusted the forecast by 50%, above 40%"),
    ({"forecast_adjusted_share": 0.5}, ADJUSTED, None),
    ({"forecast_adjusted_share": 0.0}, {}, None),
    (
        {"forecast_adjusted_share": 9.0},
        {"forecast": adjusted_forecast(1.0, parts=False)},
        "by an unknown share",
    ),
    ({"first_days": 7.5}, {}, "the model is 7.0 days old, new for 7.5 days"),
    ({"first_days": 7.0}, {}, "the policy is 0.0 days old"),
    ({"first_days": 7.0, "components": (Component.MODEL,)}, {}, None),
    ({"first_days": 365.0, "components": (Component.FORECASTER,)}, {}, None),
    ({"below_rung": Rung.INCUMBENT}, {"rung": Rung.SHIFTED}, "stands on rung shifted, below incumbent"),
    ({"below_rung": Rung.INCUMBENT}, {"rung": Rung.INCUMBENT}, None),
]


@pytest.mark.parametrize(("conditions", "decided", "words"), TABLE)
def test_a_rule_asks_where_its_condition_holds_and_says_why(conditions, decided, words):
    given = terms(rule(**conditions), model_since=WEEK_AGO, policy_since=HOUR_AGO)
    need = need_of(given, candidate(**decided))
    assert (need is None) == (words is None)
    if need is not None:
        assert words in need.words


def test_of_several_rules_the_most_persons_and_the_shortest_time_count():
    one = ApprovalRule(rule_id="one", always=True, persons=1, timeout=timedelta(minutes=2))
    two = ApprovalRule(rule_id="two", asset_power_kw=1.0, persons=2, timeout=timedelta(minutes=9))
    other = ApprovalRule(rule_id="other", asset_power_kw=99.0, persons=2, timeout=timedelta(seconds=10))
    need = need_of(terms(one, two, other), candidate())
    assert (need.rule_ids, need.persons, need.timeout) == (("one", "two"), 2, timedelta(minutes=2))
    assert need_of(terms(), candidate()) is None
    assert need_of(None, candidate()) is None


def test_a_small_load_does_not_make_a_large_share():
    moved = adjusted_forecast(1.0)
    little = replace(moved.parts, p50_kw=moved.parts.p50_kw * 0.0)
    tiny = replace(moved, parts=little, consumption_p50_kw=little.p50_kw[0] + 0.15)
    assert adjusted_share(tiny, grid()) == pytest.approx(0.1)  # of a twentieth of 30 kW


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"always": True, "persons": 3},
        {"always": True, "persons": 0},
        {"always": True, "timeout": timedelta(seconds=9)},
        {"total_change_kw": -1.0},
        {"asset_power_kw": float("nan")},
        {"first_days": float("inf")},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(values):
    with pytest.raises(InvalidValueError, match="approvals"):
        rule(**values)


# the ladder ------------------------------------------------------------------------------------------


def decided(given):
    prepared = prepare(given)
    return decide(given, prepared, SolveOutcome(plan=solve(prepared.problem, method="exact")))


def test_what_needs_people_is_not_ordered_and_the_next_rung_stands_meanwhile():
    free = decided(inputs())
    limit_kw = float(np.abs(free.setpoints.power_kw).sum()) - 1.0
    decision = decided(inputs(approvals=terms(rule(total_change_kw=limit_kw))))
    assert decision.rung is Rung.GREEDY
    assert decision.setpoints.reason.endswith("on rung greedy")
    (pending,) = decision.pending
    assert pending.rung is Rung.OPTIMAL
    assert np.array_equal(pending.plan.power_kw, free.plan.power_kw)
    assert "waits for approval by one person" in decision.refusals[0]
    assert not np.array_equal(decision.setpoints.power_kw, free.setpoints.power_kw)


def test_where_every_rung_needs_people_nothing_is_ordered():
    decision = decided(inputs(approvals=terms(rule(always=True, persons=2))))
    assert (decision.rung, decision.plan, decision.setpoints) == (Rung.NOTHING, None, None)
    assert [pending.rung for pending in decision.pending] == [Rung.OPTIMAL, Rung.GREEDY]
    assert all("2 persons" in pending.need.words for pending in decision.pending)


def test_a_plan_that_the_verifier_refuses_is_never_put_before_people():
    given = inputs(forecast=forecast(load_kw=39.0), approvals=terms(rule(always=True)))
    prepared = prepare(given)
    plan = solve(prepared.problem, method="exact")
    worse = replace(plan, certificate=replace(plan.certificate, objective=plan.certificate.objective - 1.0))
    decision = decide(given, prepared, SolveOutcome(plan=worse))
    assert Rung.OPTIMAL not in [pending.rung for pending in decision.pending]


# approved -------------------------------------------------------------------------------------------


def approved_plan():
    (first, *_) = decided(inputs(approvals=terms(rule(always=True)))).pending
    return ApprovedPlan(approval_id="approval-1", rung=first.rung, plan=first.plan, approvers=("anna", "ben"))


def carried_out(**changes):
    given = inputs(run_id="run-approval-1", approved=approved_plan(), **changes)
    return decide(given, prepare(given), None)


def test_what_was_approved_is_ordered_as_it_was_planned_and_names_who_approved_it():
    plan = approved_plan().plan
    decision = carried_out(now=NOON - timedelta(minutes=1))
    assert decision.rung is Rung.OPTIMAL
    assert np.allclose(decision.setpoints.power_kw, plan.power_kw[:, 0], atol=1e-6)
    assert decision.setpoints.valid_from == NOON
    assert decision.setpoints.run_id == decision.plan.run_id == "run-approval-1"
    assert "approval-1 of run-1, approved by anna and ben" in decision.setpoints.reason


def test_within_its_first_interval_it_is_ordered_for_the_rest_of_it():
    now = NOON + timedelta(minutes=5)
    decision = carried_out(now=now, readings=readings(now - timedelta(minutes=1)))
    assert decision.setpoints.valid_from == now
    plan = approved_plan().plan
    assert np.allclose(decision.setpoints.power_kw, plan.power_kw[:, 0], atol=1e-6)


def held(power_kw):
    """Every asset holds an order of `power_kw` for a day."""
    count = len(power_kw)
    begin, end = (np.full(count, int((NOON + shift).timestamp() * 1e6)) for shift in (-QUARTER, 96 * QUARTER))
    current = OrderColumns(
        sequence=np.ones(count, dtype=np.int64),
        power_kw=np.array(power_kw),
        valid_from_us=begin,
        valid_until_us=end,
    )
    return OrdersInForce(current=current, next=OrderColumns.none(count))


LATER = NOON + timedelta(minutes=5)
STALE = [
    ({"now": NOON + QUARTER, "readings": readings(NOON + QUARTER)}, "its first interval ended"),
    ({"readings": readings(NOON - timedelta(minutes=4), soc=(1.0, 1.0, 1.0))}, "can do"),
    ({"now": LATER, "readings": readings(LATER, soc=(1.0, 1.0, 1.0))}, "can do"),
    ({"reachable": np.array([True, True, False])}, "grid-battery can do 0.0 kW"),
    ({"reachable": np.zeros(3, dtype=bool)}, "no asset has both"),
    ({"sessions": []}, "car can do"),
    ({"now": LATER, "readings": readings(LATER), "sessions": []}, "car can do"),
    ({"forecast": forecast(load_kw=39.9)}, "limit"),
    ({"now": LATER, "readings": readings(LATER), "forecast": forecast(load_kw=39.9)}, "limit"),
    ({"forecast": None}, "no load forecast"),
]


@pytest.mark.parametrize(("changes", "words"), STALE)
def test_what_does_not_hold_any_more_is_stale_and_nothing_is_ordered(changes, words):
    decision = carried_out(**changes)
    assert (decision.rung, decision.setpoints) == (Rung.NOTHING, None)
    assert words in decision.refusals[0]


def test_what_is_in_force_is_measured_against_orders_or_readings():
    given = inputs(orders=held((5.0, 0.0, 50.0)), approvals=terms(rule(total_change_kw=0.0)))
    (first, *_) = decided(given).pending
    change_kw = np.abs(first.plan.power_kw[:, 0] - np.array([5.0, 0.0, 50.0])).sum()
    assert f"{change_kw:.1f} kW change" in first.need.words
