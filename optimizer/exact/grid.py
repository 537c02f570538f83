"""Feeders, the exchange with the grid, its peak, events and risk. Index s: load scenario, f: feeder."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from optimizer.exact.assets import Model, column, numbers
from optimizer.problem import Floats, Problem


def scenario_loads(problem: Problem) -> tuple[Floats, Floats]:
    """Return probabilities (S,) and loads (S, F, T); without scenarios the one load, certain."""
    if problem.scenarios is None:
        return np.ones(1), problem.feeders.load_kw[None]
    return problem.scenarios.probability, problem.scenarios.load_kw


def effective_import_price(problem: Problem) -> Floats:
    """Return the price of a kWh drawn from the grid, its carbon included, shape (T,)."""
    portfolio = problem.portfolio
    return portfolio.import_price_per_kwh + problem.carbon_price_per_kg * portfolio.carbon_kg_per_kwh


def _table(values: Floats) -> dict[tuple[int, ...], float]:
    """Make a Pyomo parameter table of a numpy matrix."""
    return dict(zip(np.ndindex(values.shape), values.ravel().tolist(), strict=True))


def declare_fleet(model: Model, problem: Problem) -> None:
    """Declare fleet[f,t], the net consumption of the connected assets of a feeder, and state it.

    fleet[f,t] = sum of charge[i,t] - discharge[i,t] over the assets i on feeder f.
    """
    feeder = problem.assets.feeder.tolist()
    present: dict[tuple[int, int], list[int]] = {
        (f, t): [] for f in range(len(problem.feeders)) for t in range(problem.intervals)
    }
    for i, t in model.cells:
        present[feeder[i], t].append(i)
    model.feeders = pyo.RangeSet(0, len(problem.feeders) - 1)
    model.places = pyo.Set(dimen=2, initialize=[place for place, members in present.items() if members])
    model.present = pyo.Set(model.places, initialize={place: present[place] for place in model.places})
    up, down = (side[:, 0].tolist() for side in fleet_range(problem))
    model.fleet = pyo.Var(model.feeders, model.intervals, bounds=lambda m, f, t: (down[f], up[f]))
    for place, members in present.items():
        if not members:
            model.fleet[place].fix(0.0)

    def fleet_power(m: Model, f: Any, t: Any) -> Any:
        return m.fleet[f, t] == sum(m.charge[i, t] - m.discharge[i, t] for i in m.present[f, t])

    model.fleet_power = pyo.Constraint(model.places, rule=fleet_power)


def add_exchange(model: Model, problem: Problem) -> None:
    """State import[s,t] - export[s,t] = sum_f load[s,f,t] + fleet[f,t], and the peak per scenario."""
    probability, load = scenario_loads(problem)
    model.scenarios = pyo.RangeSet(0, len(probability) - 1)
    model.total_load = pyo.Param(model.scenarios, model.intervals, initialize=_table(load.sum(axis=1)))
    most_import, most_export = (_table(side) for side in exchange_range(problem))
    model.imported = pyo.Var(
        model.scenarios, model.intervals, bounds=lambda m, s, t: (0.0, most_import[s, t])
    )
    model.exported = pyo.Var(
        model.scenarios, model.intervals, bounds=lambda m, s, t: (0.0, most_export[s, t])
    )

    def exchange(m: Model, s: Any, t: Any) -> Any:
        net = m.total_load[s, t] + sum(m.fleet[f, t] for f in m.feeders)
        return m.imported[s, t] - m.exported[s, t] == net

    model.exchange = pyo.Constraint(model.scenarios, model.intervals, rule=exchange)
    if problem.peak_price_per_kw > 0.0:
        _add_peak(model, problem)


def _add_peak(model: Model, problem: Problem) -> None:
    """State peak[s] >= import[s,t] and peak[s] >= peak_so_far."""
    base = max(0.0, problem.peak_so_far_kw)
    most = max(base, float(exchange_range(problem)[0].max()))
    model.peak = pyo.Var(model.scenarios, bounds=(base, most))

    def peak_import(m: Model, s: Any, t: Any) -> Any:
        return m.imported[s, t] <= m.peak[s]

    model.peak_import = pyo.Constraint(model.scenarios, model.intervals, rule=peak_import)


def add_feeder_limits(model: Model, problem: Problem) -> None:
    """State -export_limit - over_export <= load + fleet <= import_limit + over_import per feeder.

    Limits that no schedule can reach get no row: most rows of an ordinary day.
    """
    _, load = scenario_loads(problem)
    up, down = fleet_range(problem)
    ways = (
        ("import", 1.0, problem.feeders.import_limit_kw - load, up),
        ("export", -1.0, problem.feeders.export_limit_kw + load, -down),
    )
    for way, sign, room, reach in ways:
        _add_feeder_way(model, way, sign, room, reach)


def _add_feeder_way(model: Model, way: str, sign: float, room: Floats, reach: Floats) -> None:
    """State sign * fleet[f,t] <= room[s,f,t] + over[s,f,t] where the fleet can reach the limit."""
    rows = [tuple(int(k) for k in row) for row in np.argwhere(room < reach[None])]
    table = {row: float(room[row]) for row in rows}
    most = {row: float(reach[row[1], 0]) - table[row] for row in rows}
    over = pyo.Var(rows, bounds=lambda m, s, f, t: (0.0, most[s, f, t]))
    limit = pyo.Constraint(
        rows, rule=lambda m, s, f, t: sign * m.fleet[f, t] <= table[s, f, t] + over[s, f, t]
    )
    model.add_component(f"feeder_over_{way}", over)
    model.add_component(f"feeder_limit_{way}", limit)


def fleet_range(problem: Problem) -> tuple[Floats, Floats]:
    """Return the largest and the smallest consumption of the assets of each feeder, shape (F, 1)."""
    assets, count = problem.assets, len(problem.feeders)
    up = np.zeros((count, 1))
    np.add.at(up[:, 0], assets.feeder, assets.max_charge_kw)
    down = np.zeros((count, 1))
    np.add.at(down[:, 0], assets.feeder, assets.max_discharge_kw)
    return up, -down


def exchange_range(problem: Problem) -> tuple[Floats, Floats]:
    """Return the largest possible import and export per scenario and interval, shape (S, T)."""
    _, load = scenario_loads(problem)
    up, down = fleet_range(problem)
    total = load.sum(axis=1)
    most_import: Floats = np.maximum(total + up.sum(), 0.0)
    most_export: Floats = np.maximum(-(total + down.sum()), 0.0)
    return most_import, most_export


def add_portfolio_limits(model: Model, problem: Problem) -> None:
    """State import <= import_limit + over_import and export <= export_limit + over_export per scenario."""
    ways = (
        ("import", problem.import_limit_kw, model.imported),
        ("export", problem.export_limit_kw, model.exported),
    )
    for way, limit, power in ways:
        if not np.isfinite(limit):
            continue
        over = pyo.Var(
            model.scenarios, model.intervals, bounds=lambda m, s, t, power=power: (0.0, power[s, t].ub)
        )
        model.add_component(f"portfolio_over_{way}", over)
        rule = _portfolio_rule(power, over, limit)
        model.add_component(
            f"portfolio_limit_{way}", pyo.Constraint(model.scenarios, model.intervals, rule=rule)
        )


def _portfolio_rule(power: Model, over: Model, limit: float) -> Any:
    return lambda m, s, t: power[s, t] <= limit + over[s, t]


def add_direction(model: Model, problem: Problem) -> None:
    """State that import and export exclude each other where exporting pays more than importing costs.

    import <= importing * M_import, export <= (1 - importing) * M_export, with M from the loads and
    powers of the fleet. Elsewhere the prices alone keep the two apart.
    """
    most, least = exchange_range(problem)
    crossed = problem.portfolio.export_price_per_kwh > effective_import_price(problem)
    rows = [(int(s), int(t)) for s, t in np.argwhere(np.broadcast_to(crossed, most.shape))]
    model.crossed = pyo.Set(dimen=2, initialize=rows)
    model.importing = pyo.Var(model.crossed, within=pyo.Binary)
    most_import, most_export = _table(most), _table(least)
    model.only_import = pyo.Constraint(
        model.crossed, rule=lambda m, s, t: m.imported[s, t] <= most_import[s, t] * m.importing[s, t]
    )
    model.only_export = pyo.Constraint(
        model.crossed, rule=lambda m, s, t: m.exported[s, t] <= most_export[s, t] * (1 - m.importing[s, t])
    )


def add_events(model: Model, problem: Problem) -> None:
    """State missed[e,t] >= +-(target - fleet discharge) for each event and each of its intervals."""
    events = problem.events
    if events is None or not len(events):
        return
    spans = zip(numbers(events.from_interval), numbers(events.to_interval), strict=True)
    model.calls = pyo.Set(dimen=2, initialize=[(e, t) for e, (a, b) in enumerate(spans) for t in range(a, b)])
    up, down = (float(side.sum()) for side in fleet_range(problem))
    most = np.maximum(np.where(events.up, events.target_kw + up, -events.target_kw - down), 0.0).tolist()
    model.missed = pyo.Var(model.calls, bounds=lambda m, e, t: (0.0, most[e]))
    model.event_sign = pyo.Param(range(len(events)), initialize=column(np.where(events.up, 1.0, -1.0)))
    model.event_target = pyo.Param(range(len(events)), initialize=column(events.target_kw), within=pyo.Reals)

    def event_call(m: Model, e: Any, t: Any) -> Any:
        discharge = -sum(m.fleet[f, t] for f in m.feeders)
        return m.missed[e, t] >= m.event_sign[e] * (m.event_target[e] - discharge)

    model.event_call = pyo.Constraint(model.calls, rule=event_call)
