"""Other circumstances change the plan as they should, and the difference adds up."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.solve import solve
from tests.unit.control.fleets import inputs
from vpp.control.cycle import decide, prepare
from vpp.control.cycle_values import SolveOutcome
from vpp.control.rehearsal import Rehearsed, cost_range, difference
from vpp.control.what_if import Circumstances, FeederLimits
from vpp.domain.errors import InvalidValueError


def rehearsed(given) -> Rehearsed:
    prepared = prepare(given)
    outcome = SolveOutcome(plan=solve(prepared.problem, method="exact"))
    return Rehearsed(
        inputs=given, prepared=prepared, outcome=outcome, decision=decide(given, prepared, outcome)
    )


@pytest.fixture(scope="module")
def present():
    return rehearsed(inputs())


def against(present, circumstances):
    other = rehearsed(circumstances.applied_to(present.inputs))
    return difference(other.look(), present.look(), present.inputs)


def test_nothing_different_changes_nothing(present):
    found = against(present, Circumstances())
    assert found.cost == pytest.approx(0.0, abs=1e-9)
    assert found.moved_kwh().sum() == pytest.approx(0.0, abs=1e-6)


def test_twice_the_load_costs_more_and_reaches_limits(present):
    found = against(present, Circumstances(load_scale=1.9))
    assert found.cost > 1.0
    peak, reference_peak = found.peaks_kw()
    assert peak > reference_peak
    assert found.plan.intervals_at_limit()[:2].sum() > found.reference.intervals_at_limit()[:2].sum()


def test_an_excluded_asset_does_nothing_and_is_missed(present):
    found = against(present, Circumstances(excluded_assets=("grid-battery",)))
    assert not found.plan.power_kw[2].any()
    assert found.by_feeder_kw()[1] == pytest.approx(-found.reference.power_kw[2])
    assert found.cost > 0.0


def test_a_tighter_feeder_is_kept(present):
    found = against(present, Circumstances(feeders={"a": FeederLimits(import_limit_kw=24.0)}))
    assert found.plan.net_import_kw()[0].max() <= 24.0 + 1e-6
    assert found.reference.net_import_kw()[0].max() > 24.0


def test_dearer_prices_make_the_same_plan_dearer(present):
    found = against(present, Circumstances(price_scale=2.0, price_added_per_kwh=0.1))
    assert found.plan.bill["energy"] > 2.0 * found.reference.bill["energy"]
    assert found.plan.marginal_per_kwh.shape == found.plan.load_kw.shape


def test_the_range_of_a_cost_holds_it(present):
    other = rehearsed(Circumstances(excluded_assets=("grid-battery",)).applied_to(present.inputs))
    least, most = cost_range(other.look(), present.look())
    assert least - 1e-9 <= other.look().cost - present.look().cost <= most + 1e-9


def test_against_the_plan_in_force_a_first_plan_saves_money(present):
    found = difference(present.look(), present.look_at_plan_in_force(), present.inputs)
    assert found.cost < 0.0
    total = sum(value for name, value in found.plan.bill.items() if name != "total")
    assert total == pytest.approx(found.plan.cost)
    assert np.isfinite(found.moved_kwh()).all()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"price_scale": float("nan")}, "price_scale"),
        ({"load_scale": -1.0}, "load_scale"),
        ({"peak_price_per_kw": -1.0}, "peak_price_per_kw"),
        ({"excluded_assets": ("nobody",)}, "excluded_assets"),
        ({"feeders": {"z": FeederLimits()}}, "feeders"),
        ({"feeders": {"a": FeederLimits(import_limit_kw=-1.0)}}, "a.import_limit_kw"),
    ],
)
def test_what_cannot_be_names_its_field(values, field):
    with pytest.raises(InvalidValueError) as refused:
        Circumstances(**values).applied_to(inputs())
    assert refused.value.field == field
