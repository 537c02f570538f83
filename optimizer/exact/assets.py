"""The rules of every asset, one function per rule. Index (i, t): asset i is connected in interval t."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from optimizer.exact.stays import Stays, may_strand, runs_low
from optimizer.problem import Problem

Model = Any  # Pyomo's models carry no types


def column(values: Any) -> dict[int, float]:
    """Make a Pyomo parameter table of a numpy column."""
    return dict(enumerate(np.asarray(values, dtype=float).tolist()))


def numbers(values: Any) -> list[int]:
    """Make a Pyomo set of a numpy column of indices."""
    return [int(value) for value in values]


def declare_assets(model: Model, problem: Problem, stays: Stays) -> None:
    """Declare the cells (i, t), the stays w, the limits of every asset, and its three variables."""
    assets = problem.assets
    spans = list(zip(numbers(stays.asset), numbers(stays.first), numbers(stays.last), strict=True))
    model.intervals = pyo.RangeSet(0, problem.intervals - 1)
    model.assets = pyo.RangeSet(0, len(assets) - 1)
    model.cells = pyo.Set(dimen=2, initialize=[(i, t) for i, a, b in spans for t in range(a, b + 1)])
    model.inner_cells = pyo.Set(
        dimen=2, initialize=[(i, t) for i, a, b in spans for t in range(a + 1, b + 1)]
    )
    model.hours = problem.interval_h
    for name in ("charge_efficiency", "discharge_efficiency", "max_charge_kw", "max_discharge_kw"):
        model.add_component(name, pyo.Param(model.assets, initialize=column(getattr(assets, name))))
    for name in (
        "energy_min_kwh",
        "energy_max_kwh",
        "energy_initial_kwh",
        "min_charge_kw",
        "min_discharge_kw",
    ):
        model.add_component(name, pyo.Param(model.assets, initialize=column(getattr(assets, name))))
    firm = (assets.max_discharge_kw[stays.asset] > 0.0) & ~runs_low(problem, stays)
    floors = np.where(firm, assets.energy_min_kwh[stays.asset], 0.0).tolist()
    floor = {(i, t): low for (i, a, b), low in zip(spans, floors, strict=True) for t in range(a, b + 1)}
    model.charge = pyo.Var(model.cells, bounds=lambda m, i, t: (0.0, m.max_charge_kw[i]))
    model.discharge = pyo.Var(model.cells, bounds=lambda m, i, t: (0.0, m.max_discharge_kw[i]))
    model.energy = pyo.Var(model.cells, bounds=lambda m, i, t: (floor[i, t], m.energy_max_kwh[i]))


def declare_stays(model: Model, problem: Problem, stays: Stays) -> None:
    """Declare per stay w the energy after its trip and what is missing at departure, on the trip, last."""
    assets = problem.assets
    model.stays = pyo.RangeSet(0, len(stays) - 1)
    for name in ("asset", "first", "last"):
        table = dict(enumerate(numbers(getattr(stays, name))))
        model.add_component(f"stay_{name}", pyo.Param(model.stays, initialize=table, within=pyo.Integers))
    model.trip_kwh = pyo.Param(model.stays, initialize=column(stays.trip_kwh))
    model.departure_kwh = pyo.Param(model.stays, initialize=column(stays.departure_kwh))
    model.final_min_kwh = pyo.Param(model.assets, initialize=column(assets.energy_final_min_kwh))
    model.opening = pyo.Set(initialize=numbers(np.flatnonzero(stays.opens)))
    model.returning = pyo.Set(initialize=numbers(np.flatnonzero(~stays.opens)))
    model.closing = pyo.Set(
        initialize=numbers(np.flatnonzero(stays.closes & (assets.energy_final_min_kwh[stays.asset] > 0)))
    )
    model.departing = pyo.Set(initialize=numbers(np.flatnonzero(stays.departure_kwh > 0.0)))
    model.travelling = pyo.Set(initialize=numbers(np.flatnonzero(stays.trip_kwh > 0.0)))
    model.energy_left = pyo.Var(model.stays, bounds=lambda m, w: (0.0, m.energy_max_kwh[m.stay_asset[w]]))
    model.departure_missing = pyo.Var(model.departing, bounds=lambda m, w: (0.0, m.departure_kwh[w]))
    model.final_missing = pyo.Var(model.closing, bounds=lambda m, w: (0.0, m.final_min_kwh[m.stay_asset[w]]))
    most = np.where(may_strand(problem, stays), stays.trip_kwh, 0.0).tolist()
    model.trip_missing = pyo.Var(model.travelling, bounds=lambda m, w: (0.0, most[w]))


def _gain(m: Model, i: Any, t: Any) -> Any:
    return m.hours * (m.charge_efficiency[i] * m.charge[i, t] - m.discharge[i, t] / m.discharge_efficiency[i])


def energy_within_stay(m: Model, i: Any, t: Any) -> Any:
    """s[i,t] = s[i,t-1] + dt (eta_c charge - discharge / eta_d)."""
    return m.energy[i, t] == m.energy[i, t - 1] + _gain(m, i, t)


def energy_at_opening(m: Model, w: Any) -> Any:
    """s[i,first] = s_initial + dt (eta_c charge - discharge / eta_d)."""
    i, t = m.stay_asset[w], m.stay_first[w]
    return m.energy[i, t] == m.energy_initial_kwh[i] + _gain(m, i, t)


def energy_at_return(m: Model, w: Any) -> Any:
    """s[i,first] = left[w-1] + dt (eta_c charge - discharge / eta_d)."""
    i, t = m.stay_asset[w], m.stay_first[w]
    return m.energy[i, t] == m.energy_left[w - 1] + _gain(m, i, t)


def energy_after_trip(m: Model, w: Any) -> Any:
    """left[w] = s[i,last] - trip[w] + trip_missing[w], left >= 0."""
    return m.energy_left[w] == m.energy[m.stay_asset[w], m.stay_last[w]] - m.trip_kwh[w] + m.trip_missing[w]


def energy_without_trip(m: Model, w: Any) -> Any:
    """left[w] = s[i,last]."""
    return m.energy_left[w] == m.energy[m.stay_asset[w], m.stay_last[w]]


def energy_at_departure(m: Model, w: Any) -> Any:
    """s[i,last] + departure_missing[w] >= departure[w]."""
    return m.energy[m.stay_asset[w], m.stay_last[w]] + m.departure_missing[w] >= m.departure_kwh[w]


def energy_at_end(m: Model, w: Any) -> Any:
    """left[w] + final_missing >= final_min, w the last stay of its asset."""
    return m.energy_left[w] + m.final_missing[w] >= m.final_min_kwh[m.stay_asset[w]]


def add_energy(model: Model) -> None:
    """State the path of the stored energy and what is asked of it."""
    model.energy_within_stay = pyo.Constraint(model.inner_cells, rule=energy_within_stay)
    model.energy_at_opening = pyo.Constraint(model.opening, rule=energy_at_opening)
    model.energy_at_return = pyo.Constraint(model.returning, rule=energy_at_return)
    model.energy_after_trip = pyo.Constraint(model.travelling, rule=energy_after_trip)
    model.energy_without_trip = pyo.Constraint(model.stays - model.travelling, rule=energy_without_trip)
    model.energy_at_departure = pyo.Constraint(model.departing, rule=energy_at_departure)
    model.energy_at_end = pyo.Constraint(model.closing, rule=energy_at_end)


def add_budgets(model: Model, problem: Problem, stays: Stays) -> None:
    """State dt sum_t discharge / eta_d <= budget for every asset that has one."""
    budget = problem.assets.discharge_budget_kwh
    model.limited = pyo.Set(initialize=numbers(np.flatnonzero(np.isfinite(budget))))
    model.budget_kwh = pyo.Param(model.limited, initialize={i: float(budget[i]) for i in model.limited})
    own = {i: [t for j, t in model.cells if j == i] for i in model.limited}
    model.own_intervals = pyo.Set(model.limited, initialize=own)

    def discharge_budget(m: Model, i: Any) -> Any:
        drawn = sum(m.discharge[i, t] for t in m.own_intervals[i])
        return m.hours * drawn <= m.budget_kwh[i] * m.discharge_efficiency[i]

    model.discharge_budget = pyo.Constraint(model.limited, rule=discharge_budget)
