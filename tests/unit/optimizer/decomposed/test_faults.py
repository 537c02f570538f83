"""Faults sown into the decomposed method, each refused by the verifier; and the same plan anywhere."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from optimizer import Problem, Schedule
from optimizer.decomposed import proven, solve, solve_decomposed
from optimizer.decomposed.fleet import Fleet, compile_fleet
from optimizer.instances import generate
from optimizer.verify import verify

Change = Callable[[Problem, Fleet], None]


def charge_efficiency_inverted(problem: Problem, fleet: Fleet) -> None:
    hours = problem.interval_h
    fleet.assets["charge_kwh_per_kw"] = hours**2 / fleet.assets["charge_kwh_per_kw"]


def discharge_efficiency_inverted(problem: Problem, fleet: Fleet) -> None:
    hours = problem.interval_h
    fleet.assets["discharge_kwh_per_kw"] = hours**2 / fleet.assets["discharge_kwh_per_kw"]


def charge_efficiency_forgotten(problem: Problem, fleet: Fleet) -> None:
    fleet.assets["charge_kwh_per_kw"] = problem.interval_h


def hours_forgotten(problem: Problem, fleet: Fleet) -> None:
    fleet.assets["charge_kwh_per_kw"] /= problem.interval_h
    fleet.assets["discharge_kwh_per_kw"] /= problem.interval_h


def windows_open_an_interval_early(problem: Problem, fleet: Fleet) -> None:
    fleet.stays["from_interval"] = np.maximum(fleet.stays["from_interval"] - 1, 0)


def windows_close_an_interval_late(problem: Problem, fleet: Fleet) -> None:
    following = np.append(fleet.stays["from_interval"][1:], problem.intervals)
    last = np.where(following > fleet.stays["from_interval"], following, problem.intervals)
    fleet.stays["to_interval"] = np.minimum(fleet.stays["to_interval"] + 1, last)


def trips_forgotten(problem: Problem, fleet: Fleet) -> None:
    fleet.stays["trip_kwh"] = 0.0


def minimum_powers_forgotten(problem: Problem, fleet: Fleet) -> None:
    fleet.assets["min_charge_kw"] = fleet.assets["min_discharge_kw"] = 0.0
    fleet.assets["stepped"] = fleet.assets["counted"] = 0


FAULTS: dict[Change, set[str]] = {
    charge_efficiency_inverted: {"energy_path"},
    discharge_efficiency_inverted: {"energy_path"},
    charge_efficiency_forgotten: {"energy_path"},
    hours_forgotten: {"energy_path"},
    windows_open_an_interval_early: {"disconnected"},
    windows_close_an_interval_late: {"disconnected"},
    trips_forgotten: {"energy_path", "bound"},
    minimum_powers_forgotten: {"min_charge"},
}


def travelling() -> Problem:
    """Homes, cars and cars that give back, every tenth car with a trip before the horizon's end."""
    problem = generate("cars", 80, 3, seed=4, intervals=48, negative=True)
    windows = problem.windows
    trip = np.where(windows.to_interval < 40, 4.0, windows.trip_energy_kwh)
    return replace(problem, windows=replace(windows, trip_energy_kwh=trip))


def test_without_a_fault_the_plan_is_accepted() -> None:
    assert verify_all(travelling())[0]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_in_the_fleet_is_refused(fault: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planner then believes its own energies and proves its own bound."""

    def faulty(problem: Problem) -> Fleet:
        fleet = compile_fleet(problem)
        fault(problem, fleet)
        return fleet

    monkeypatch.setattr(solve, "compile_fleet", faulty)
    accepted, kinds = verify_all(travelling())
    assert not accepted
    assert kinds & FAULTS[fault], kinds


def test_a_flipped_sign_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    true = proven.schedule_of

    def flipped(*args: object, **options: object) -> Schedule:
        schedule = true(*args, **options)
        return replace(schedule, charge_kw=schedule.discharge_kw, discharge_kw=schedule.charge_kw)

    monkeypatch.setattr(proven, "schedule_of", flipped)
    accepted, kinds = verify_all(travelling())
    assert not accepted
    assert kinds >= {"energy_path", "discharge_limit"}


def verify_all(problem: Problem) -> tuple[bool, set[str]]:
    plan = solve_decomposed(problem)
    verdict = verify(problem, plan.schedule, certificate=plan.certificate, prices=plan.prices)
    return verdict.ok, {violation.kind for violation in verdict.violations}


def test_another_process_and_number_of_threads_give_the_same_bytes() -> None:
    """Above three thousand assets two lanes run side by side, on as many threads as there are."""
    code = (
        "import hashlib\n"
        "from optimizer.decomposed import solve_decomposed\n"
        "from optimizer.instances import generate\n"
        "plan = solve_decomposed(generate('cars', 3_200, 4, seed=3, intervals=24), seed=7)\n"
        "powers = plan.schedule.charge_kw.tobytes() + plan.schedule.discharge_kw.tobytes()\n"
        "print(hashlib.sha256(powers).hexdigest(), plan.certificate.lower_bound.hex())\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ
            | {
                "PYTHONHASHSEED": threads,
                "NUMBA_NUM_THREADS": threads,
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for threads in ("1", "2")
    }
    assert len(found) == 1
