"""What is not met names the limit that binds."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import Events, Plan, Problem, Unmet, Windows, binding, solve
from tests.unit.optimizer.problems import small_problem

FEATURES = ("events", "minimum_powers", "portfolio_limits", "tight_feeders", "windows")


def starved(seed: int, *features: str) -> Problem:
    """A problem that asks for more than most fleets can do, at penalties above every price."""
    problem = small_problem(seed, *features)
    full = replace(problem.windows, departure_energy_kwh=1.5 * problem.windows.departure_energy_kwh)
    return replace(problem, windows=full, feeder_penalty_per_kwh=60.0, peak_price_per_kw=0.0)


def energy_missing(plan: Plan) -> dict[tuple[str, str, int], Unmet]:
    kinds = {"departure", "final", "trip"}
    return {(u.kind, u.id, u.interval): u for u in plan.certificate.unmet if u.kind in kinds}


@pytest.mark.soak
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 10_000), features=st.sets(st.sampled_from(FEATURES), max_size=4))
def test_what_the_named_limit_rules_out_no_other_relaxation_gives(seed: int, features: set[str]) -> None:
    problem = starved(seed, *sorted(features | {"windows"}))
    limit = problem.feeders.import_limit_kw + 1e4
    eased = replace(
        problem,
        feeders=replace(problem.feeders, import_limit_kw=limit),
        import_limit_kw=1e4,
        events=None,
        unmet_energy_penalty_per_kwh=1e3,
    )
    left = {place for place, item in energy_missing(solve(eased, method="exact")).items()}
    for place, item in energy_missing(solve(problem, method="exact")).items():
        if place[0] == "departure" and item.reason in {binding.ENERGY_MAX, binding.WINDOW_OR_POWER}:
            assert place in left, (place, item.reason)


@pytest.mark.parametrize("limit", ["feeder", "portfolio"])
def test_the_limit_that_holds_an_asset_back_is_named(limit: str) -> None:
    problem = small_problem(4)
    room = problem.feeders.load_kw.sum(axis=0).max() + 0.5
    windows = Windows(
        asset=np.arange(3),
        from_interval=np.zeros(3, dtype=np.int64),
        to_interval=np.full(3, 8),
        departure_energy_kwh=problem.assets.energy_max_kwh.copy(),
        trip_energy_kwh=np.zeros(3),
    )
    problem = replace(problem, windows=windows, feeder_penalty_per_kwh=60.0)
    if limit == "feeder":
        tight = np.maximum(problem.feeders.load_kw, 0.0)
        problem = replace(problem, feeders=replace(problem.feeders, import_limit_kw=tight))
    else:
        problem = replace(problem, import_limit_kw=min(room, 1.0))
    missing = energy_missing(solve(problem, method="exact")).values()
    reasons = {u.reason for u in missing if u.kind == "departure"}
    assert reasons == {binding.FEEDER if limit == "feeder" else binding.PORTFOLIO}


def test_an_event_beyond_the_fleet_and_two_that_contradict_are_told_apart() -> None:
    problem = small_problem(3)
    most = float(problem.assets.max_discharge_kw.sum())
    events = Events(
        event_id=np.array(["far", "more", "less"], dtype=object),
        from_interval=np.array([0, 4, 4]),
        to_interval=np.array([1, 5, 5]),
        target_kw=np.array([most + 1.0, 0.5 * most, -1.0]),
        up=np.array([True, True, False]),
        penalty_per_kwh=np.array([9.0, 9.0, 2.0]),
    )
    found = {
        u.id: u.reason for u in solve(replace(problem, events=events)).certificate.unmet if u.kind == "event"
    }
    assert found["far"] == binding.FLEET_POWER
    assert found["less"] == binding.EVENT_CONFLICT


def test_a_load_beyond_the_limit_is_not_blamed_on_the_assets() -> None:
    problem = small_problem(4)
    loaded = replace(problem.feeders, load_kw=problem.feeders.load_kw + 100.0)
    problem = replace(problem, feeders=loaded, feeder_penalty_per_kwh=0.001)
    plan = solve(problem, method="exact")
    reasons = {u.reason for u in plan.certificate.unmet if u.kind == "feeder"}
    assert reasons <= {binding.LOAD, binding.ASKED}
    assert reasons
