"""Overrides: the plan goes around them, no limit is broken for them, and what does not fit says why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer.solve import solve
from tests.unit.control.fleets import INTERVALS, NOON, QUARTER, fleet, forecast, grid, inputs
from vpp.control.cycle import decide, prepare
from vpp.control.cycle_values import SolveOutcome
from vpp.control.leases import OrdersInForce
from vpp.control.override_check import OverrideSituation, check_override
from vpp.control.override_powers import OverrideRequest, override_of
from vpp.control.verification import TOLERANCE_KW
from vpp.domain.errors import InvalidValueError
from vpp.domain.overrides import Override, OverrideColumns, OverrideKind
from vpp.domain.policy import DispatchPolicy
from vpp.domain.portfolios import Scope
from vpp.domain.runs import Rung
from vpp.domain.target import Target

NOW = NOON - timedelta(minutes=3)
NOBODY = np.zeros(3, dtype=bool)


def override(
    kind=OverrideKind.POWER, *, until=NOON + 4 * QUARTER, target=None, number=1, **powers
) -> Override:
    request = OverrideRequest(
        override_id=f"o-{number}",
        kind=kind,
        target=target or Target(asset_ids=("grid-battery",)),
        author="anna",
        reason="work on the transformer",
        valid_until=until,
        **powers,
    )
    return override_of(request, fleet(), OrdersInForce.none(3), NOBODY, NOW)


def columns(*overrides: Override, at=NOW) -> OverrideColumns:
    return OverrideColumns.of(overrides, 3, at)


def solved(given):
    prepared = prepare(given)
    return prepared, decide(given, prepared, SolveOutcome(plan=solve(prepared.problem, method="exact")))


def test_the_plan_goes_around_a_fixed_power_and_has_the_asset_back_afterwards():
    fixed = inputs(overrides=columns(override(power_kw=-30.0)))
    prepared, decision = solved(fixed)
    assert decision.rung is Rung.OPTIMAL, decision.refusals
    plan = decision.plan
    assert plan.power_kw[2, :4] == pytest.approx(-20.0), "20 kW of load leave 20 kW of a limit of 40 kW"
    assert decision.setpoints.slot.tolist() == [0, 1], "what is fixed is not the optimizer's to order"
    assert prepared.problem.feeders.load_kw[1, :4] == pytest.approx(40.0)
    assert plan.power_kw[2, 8:].max() > 10.0, "what was charged is sold when it is dear"
    stored = 50.0 + 4 * 0.25 * 20.0 * 0.95
    assert plan.energy_end_kwh[2, 3] == pytest.approx(stored)


def test_a_battery_that_is_full_stops_by_itself_in_the_plan():
    long = override(power_kw=-20.0, until=NOON + timedelta(hours=20))
    plan = solved(inputs(overrides=columns(long)))[1].plan
    assert plan.energy_end_kwh[2].max() <= 100.0 + 1e-9
    assert plan.power_kw[2, 0] == pytest.approx(-20.0)
    assert plan.power_kw[2, -1] == 0.0


def test_an_envelope_bounds_the_plan_and_leaves_the_choice():
    bounded = override(OverrideKind.ENVELOPE, min_kw=-3.0, max_kw=2.0)
    _, decision = solved(inputs(overrides=columns(bounded)))
    power_kw = decision.plan.power_kw[2]
    assert decision.setpoints.slot.tolist() == [0, 1, 2]
    assert power_kw.min() >= -3.0 - 1e-9
    assert power_kw.max() == pytest.approx(2.0)
    assert solved(inputs())[1].plan.power_kw[2].max() > 10.0, "without the envelope it does more"


def test_an_override_that_ends_midway_is_not_leant_on_in_its_last_interval():
    ends = NOON + QUARTER / 3
    prepared, _ = solved(inputs(overrides=columns(override(power_kw=10.0, until=ends))))
    assert prepared.problem.feeders.load_kw[1, 0] == pytest.approx(20.0), "it lowers no load"
    assert prepared.problem.feeders.export_limit_kw[1, 0] == pytest.approx(30.0), "it takes room"
    assert prepared.fixed.until[2] == 1
    assert prepared.fixed.energy_kwh[2] == pytest.approx(50.0 - 10.0 / 0.95 / 12)


def test_the_digest_of_the_inputs_knows_of_overrides():
    plain, fixed = prepare(inputs()), prepare(inputs(overrides=columns(override(power_kw=0.0))))
    assert plain.input_sha256 != fixed.input_sha256


def test_of_two_overrides_the_later_one_counts_and_the_earlier_does_not_come_back():
    first = override(power_kw=5.0, until=NOON + timedelta(hours=3))
    second = override(power_kw=-5.0, until=NOON + QUARTER, number=2)
    assert columns(first, second).power_kw[2] == -5.0
    assert not columns(first, second, at=NOON + QUARTER).any
    cleared = replace(second, cleared_at=NOW, cleared_by="anna")
    assert not columns(first, cleared).any


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    power_kw=st.lists(st.floats(-60.0, 60.0), min_size=3, max_size=3),
    load_kw=st.lists(st.floats(-60.0, 60.0), min_size=2, max_size=2),
    minutes=st.integers(1, 300),
    portfolio_kw=st.floats(5.0, 100.0),
)
def test_no_override_makes_a_fleet_exceed_what_the_load_alone_does(power_kw, load_kw, minutes, portfolio_kw):
    until = NOON + timedelta(minutes=minutes)
    said = OverrideColumns(
        until_us=np.full(3, int(until.timestamp() * 1e6)),
        fixed=np.array([True, False, True]),
        holds=NOBODY,
        power_kw=np.array(power_kw),
        min_kw=np.full(3, -np.inf),
        max_kw=np.full(3, np.inf),
    )
    load = forecast()
    for row, value in enumerate(load_kw):
        load.consumption_p50_kw[row] = value
    policy = DispatchPolicy(
        horizon_intervals=INTERVALS, import_limit_kw=portfolio_kw, export_limit_kw=portfolio_kw
    )
    given_inputs = inputs(forecast=load, overrides=said, policy=policy)
    decision = decide(given_inputs, prepare(given_inputs), None)
    plan = decision.plan
    assert plan is not None, decision.refusals
    of_feeder = np.zeros((2, INTERVALS))
    np.add.at(of_feeder, [0, 0, 1], plan.power_kw)
    net = plan.net_load_kw - of_feeder
    for limit, alone, taken in (
        (40.0, plan.net_load_kw, net),
        (portfolio_kw, plan.net_load_kw.sum(0), net.sum(0)),
    ):
        assert (taken <= np.maximum(limit, alone) + TOLERANCE_KW).all()
        assert (-taken <= np.maximum(limit, -alone) + TOLERANCE_KW).all()


# What is refused -----------------------------------------------------------------------------------


def situation(**changes) -> OverrideSituation:
    count = 97
    values = {
        "now": NOW,
        "fleet": fleet(),
        "policy": DispatchPolicy(),
        "grid": grid(NOON - QUARTER, count),
        "load_kw": np.full((2, count), 20.0),
        "ordered_kw": np.zeros((3, 1)),
        "energy_kwh": np.array([5.0, 10.0, 50.0]),
        "trusted": np.ones(3, dtype=bool),
        "connected": np.ones(3, dtype=bool),
    }
    return OverrideSituation(**(values | changes))


def verdict(item: Override, **changes):
    return check_override(situation(**changes), columns(item), item.slot)


def test_an_override_within_all_limits_passes():
    assert verdict(override(power_kw=20.0)).passed
    assert verdict(override(power_kw=0.0, target=Target()), trusted=NOBODY).passed, (
        "rest can always be ordered"
    )


@pytest.mark.parametrize(
    ("powers", "changes", "reason"),
    [
        ({"power_kw": 51.0}, {}, "grid-battery in interval 0: discharges above its limit by 1 kW"),
        ({"power_kw": -21.0}, {}, "feeder b would import 41.000 kW of its limit of 40 kW"),
        ({"power_kw": 45.0}, {}, "grid-battery in interval 4: discharges below its minimum energy"),
        (
            {"power_kw": -10.0},
            {"policy": DispatchPolicy(import_limit_kw=45.0)},
            "the portfolio would import 50.000 kW of its limit of 45 kW",
        ),
        ({"power_kw": 1.0}, {"trusted": NOBODY}, "no recent reading that is trusted"),
        ({"power_kw": 1.0}, {"connected": NOBODY}, "is not connected"),
    ],
    ids=["device", "feeder", "energy", "portfolio", "unknown state", "absent"],
)
def test_what_would_break_a_limit_is_refused_with_the_limit(powers, changes, reason):
    found = verdict(override(**powers), **changes)
    assert not found.passed
    assert reason in found.reason


def test_orders_that_are_out_already_count_for_the_present_interval_only():
    others = np.array([[-5.0], [-11.0], [0.0]])  # on feeder a, 36 of 40 kW
    home = Target(asset_ids=("car",))
    charging = override(power_kw=-11.0, target=home)
    busy = others.copy()
    busy[1] = 0.0
    busy[0] = -10.0  # as if it were a larger one
    assert verdict(charging, ordered_kw=others).passed
    refused = verdict(charging, ordered_kw=busy)
    assert "feeder a would import 41.000 kW" in refused.reason
    assert "from 2020-05-20 11:45 UTC" in refused.reason


@pytest.mark.parametrize(
    ("kind", "powers", "field"),
    [
        (OverrideKind.POWER, {"power_kw": float("nan")}, "power_kw"),
        (OverrideKind.POWER, {"power_kw": 5.0, "target": Target(asset_ids=("car",))}, "power_kw"),
        (OverrideKind.ENVELOPE, {"min_kw": 1.0, "max_kw": 2.0}, "min_kw"),
        (OverrideKind.POWER, {"power_kw": 0.0, "until": NOW}, "valid_until"),
        (OverrideKind.POWER, {"power_kw": 0.0, "until": NOW + timedelta(hours=25)}, "valid_until"),
        (OverrideKind.POWER, {"power_kw": 0.0, "target": Target(asset_ids=("nobody",))}, "asset_ids"),
    ],
)
def test_what_makes_no_override_names_its_field(kind, powers, field):
    with pytest.raises(InvalidValueError) as refused:
        override(kind, **powers)
    assert refused.value.field == field


def test_the_power_of_a_feeder_is_shared_by_rating_and_a_freeze_keeps_what_is_there():
    shared = override(power_kw=-8.0, target=Target(feeder_id="a"))
    assert shared.power_kw.tolist() == pytest.approx([-2.5, -5.5])
    frozen = override(OverrideKind.HOLD, target=Target())
    assert np.isnan(frozen.power_kw).all(), "nobody had an order"


def test_who_is_limited_to_some_feeders_overrides_nothing_else():
    limited = Scope(frozenset({"a"}))
    Target(asset_ids=("battery",)).require_within(limited, fleet())
    for foreign in (Target(asset_ids=("battery", "grid-battery")), Target(feeder_id="b"), Target()):
        with pytest.raises(InvalidValueError):
            foreign.require_within(limited, fleet())
