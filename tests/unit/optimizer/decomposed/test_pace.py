"""When passes end, who counts as moved, and how fast the prices of events rise."""

from collections.abc import Callable

import numpy as np
import pytest

from optimizer import verify
from optimizer.decomposed import solve_decomposed
from optimizer.decomposed.coupling import compile_coupling
from optimizer.decomposed.courses import LARGE, MEDIUM, SMALL, TINY, enough_for
from optimizer.decomposed.fleet import compile_fleet
from optimizer.decomposed.pace import MOST, Pace
from optimizer.decomposed.sweep import State, new_state, sweep
from optimizer.decomposed.work import Settings
from optimizer.instances import generate


def test_passes_end_where_the_gap_is_enough_and_the_plan_is_still_proven() -> None:
    problem = generate("homes", 400, 4, seed=2, intervals=24)
    seen: list[tuple[int, int, float]] = []
    full = solve_decomposed(problem)
    early = solve_decomposed(problem, enough_gap=0.5, on_pass=lambda *args: seen.append(args))
    assert len(seen) < seen[0][1] == seen[-1][0]
    assert full.certificate.gap < early.certificate.gap <= 0.5
    assert verify(problem, early.schedule, certificate=early.certificate).count == 0


def test_tiny_fleets_are_never_ended_early_and_replans_sooner_than_plans() -> None:
    assert enough_for(TINY, warm=False) == enough_for(SMALL, warm=True) == 0.0
    assert enough_for(SMALL, warm=False) > 0.0
    for count in (MEDIUM, LARGE):
        assert 0.0 < enough_for(count, warm=False) < enough_for(count, warm=True)


@pytest.fixture
def swept() -> Callable[[float], State]:
    """Sweep a fleet that follows its prices once more; return its state, by the least promise."""
    problem = generate("homes", 60, 2, seed=4, intervals=24)
    fleet, (coupling, _) = compile_fleet(problem), compile_coupling(problem)

    def sweep_twice(least_promise: float) -> State:
        state = new_state(fleet)
        settings = Settings(
            interval_h=fleet.interval_h, penalty_per_kwh=fleet.penalty_per_kwh, linear_below=5e-4, fine=1,
            level=1, early_tilt_per_kwh=1e-7, stability_per_kwh=0.0, least_promise=least_promise,
        )  # fmt: skip
        for always in (True, False):
            sweep(
                fleet, coupling, state, np.arange(len(fleet)), settings,
                generator=np.random.default_rng(0), chunk=4, always=always,
            )  # fmt: skip
        return state

    return sweep_twice


def test_who_promises_too_little_does_not_step(swept: Callable[[float], State]) -> None:
    every, few, none = swept(0.0), swept(1e-2), swept(np.inf)
    assert every.moved.sum() > few.moved.sum() > 0 == none.moved.sum()


def test_those_who_step_gain_nearly_all_that_everybody_would(swept: Callable[[float], State]) -> None:
    once, few, every = swept(np.inf), swept(1e-4), swept(0.0)

    def moved_kw(state: State) -> float:
        return float(np.abs(state.power_kw - once.power_kw).sum())

    assert moved_kw(few) > 0.8 * moved_kw(every) > 0.0


def test_an_event_that_stays_missed_pays_faster_and_one_that_turns_slower() -> None:
    problem = generate("homes", 30, 2, seed=1, intervals=24, extras=("events",))
    assert problem.events is not None
    count = len(problem.events)
    coupling, _ = compile_coupling(problem)
    coupling.stiffness[0] = 1e-9
    rows = slice(coupling.peak_first - count, coupling.peak_first)
    coupling.multiplier[rows] = 0.5 * coupling.step[rows]
    pace, beyond = Pace(events=count), coupling.kink[rows].max(axis=0) + 1.0
    for _ in range(20):
        pace.move(coupling, beyond, 1.0)
    assert pace.factor is not None
    assert (pace.factor == MOST).all()
    pace.move(coupling, coupling.kink[rows].min(axis=0) - 1.0, 1.0)
    assert (pace.factor < MOST).all()
    assert (coupling.multiplier[rows] >= 0.0).all()
    assert (coupling.multiplier[rows] <= coupling.step[rows]).all()


def test_without_events_nothing_is_moved() -> None:
    coupling, _ = compile_coupling(generate("homes", 10, 2, seed=1, intervals=8))
    before = coupling.multiplier.copy()
    Pace(events=0).move(coupling, np.full(8, 50.0), 1.0)
    assert np.array_equal(before, coupling.multiplier)
