"""The bill of a schedule: every part of the objective, recomputed from powers alone.

All fleet-wide work is in columns over assets; the loops run over intervals, feeders or products.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.plan import Floats, ObjectiveParts, Schedule
from optimizer.problem import Ints, Problem, Reserve


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """What a schedule does over time. N assets, W windows, S scenarios, F feeders, T intervals.

    throughput_kw (N,) charge plus discharge, summed over the intervals; final_kwh (N,) at the end;
    arrival_kwh and departure_kwh (W,) at the ends of each window; trip_missing_kwh (W,);
    fleet_kw (F, T) net consumption of the assets; feeder_kw (S, F, T).
    """

    throughput_kw: Floats
    final_kwh: Floats
    arrival_kwh: Floats
    departure_kwh: Floats
    trip_missing_kwh: Floats
    fleet_kw: Floats
    feeder_kw: Floats


def loads(problem: Problem) -> tuple[Floats, Floats]:
    """Return probabilities (S,) and uncontrolled loads (S, F, T)."""
    if problem.scenarios is None:
        return np.ones(1), problem.feeders.load_kw[None]
    return problem.scenarios.probability, problem.scenarios.load_kw


def follow(problem: Problem, schedule: Schedule | None) -> Paths:
    """Follow the stored energy through charging, discharging and trips; a trip takes what there is.

    Without a schedule the fleet is left without control, see `certificate.uncontrolled`.
    """
    from optimizer.follow import follow_schedule, follow_uncontrolled  # noqa: PLC0415 - loads numba

    if schedule is None:
        found, _ = follow_uncontrolled(problem, keep=False)
    else:
        found = follow_schedule(problem, schedule)
    fleet = found.fleet_kw.sum(axis=0)
    return Paths(
        throughput_kw=found.throughput_kw,
        final_kwh=found.final_kwh,
        arrival_kwh=found.arrival_kwh,
        departure_kwh=found.departure_kwh,
        trip_missing_kwh=found.trip_missing_kwh,
        fleet_kw=fleet,
        feeder_kw=loads(problem)[1] + fleet[None],
    )


def energy_path(problem: Problem, schedule: Schedule) -> Floats:
    """Energy (N, T) of each asset at the end of each interval."""
    windows, assets = problem.windows, problem.assets
    path: Floats = problem.interval_h * schedule.charge_kw * assets.charge_efficiency[:, None]
    path -= problem.interval_h * schedule.discharge_kw / assets.discharge_efficiency[:, None]
    leaving = np.argsort(windows.to_interval, kind="stable")
    edges = np.searchsorted(windows.to_interval[leaving], np.arange(problem.intervals + 1))
    energy = assets.energy_initial_kwh.copy()
    for t in range(problem.intervals):
        away = leaving[edges[t] : edges[t + 1]]
        taken = np.minimum(windows.trip_energy_kwh[away], np.maximum(energy[windows.asset[away]], 0.0))
        energy[windows.asset[away]] -= taken
        energy += path[:, t]
        path[:, t] = energy
    return path


def bill(problem: Problem, schedule: Schedule | None, paths: Paths | None = None) -> ObjectiveParts:
    """Return the parts of the objective; docs/problem.md states each. No schedule: without control."""
    paths = paths or follow(problem, schedule)
    probability, _ = loads(problem)
    by_scenario = _grid_costs(problem, paths)
    expected = {name: float(probability @ cost) for name, cost in by_scenario.items()}
    total = np.sum(list(by_scenario.values()), axis=0)
    tail = conditional_value_at_risk(total, probability, problem.cvar_alpha)
    missing = departure_missing(problem, paths).sum() + final_missing(problem, paths).sum()
    return ObjectiveParts(
        **expected,
        wear=_wear_cost(problem, schedule, paths),
        unmet_energy=problem.unmet_energy_penalty_per_kwh * float(missing + paths.trip_missing_kwh.sum()),
        events=_event_cost(problem, paths),
        reserve=-_reserve_revenue(problem, schedule),
        final_energy=-float((problem.assets.energy_final_value_per_kwh * paths.final_kwh).sum()),
        risk=problem.cvar_weight * (tail - float(probability @ total)),
    )


def gross_cost(problem: Problem, paths: Paths) -> float:
    """Return dt * sum of import * |import price| plus the peak charge, the scale of a gap."""
    probability, _ = loads(problem)
    imported = np.maximum(paths.feeder_kw.sum(axis=1), 0.0)
    energy = problem.interval_h * imported @ np.abs(problem.portfolio.import_price_per_kwh)
    return float(probability @ (energy + _peak_cost(problem, imported)))


def conditional_value_at_risk(cost: Floats, probability: Floats, alpha: float) -> float:
    """Return the mean of the worst 1 - alpha of the scenarios' costs."""
    order = np.argsort(-cost, kind="stable")
    room = np.maximum((1.0 - alpha) - np.concatenate([[0.0], np.cumsum(probability[order])[:-1]]), 0.0)
    weight = np.minimum(probability[order], room)
    return float(weight @ cost[order] / weight.sum()) if weight.sum() > 0.0 else float(cost.max())


def feeder_overload(problem: Problem, paths: Paths) -> Floats:
    """Return the overload of each feeder in either direction, shape (S, F, T), kW."""
    over = np.maximum(paths.feeder_kw - problem.feeders.import_limit_kw[None], 0.0)
    return over + np.maximum(-paths.feeder_kw - problem.feeders.export_limit_kw[None], 0.0)


def portfolio_overload(problem: Problem, paths: Paths) -> Floats:
    """Return the overload of the exchange in either direction, shape (S, T), kW."""
    net = paths.feeder_kw.sum(axis=1)
    over: Floats = np.maximum(net - problem.import_limit_kw, 0.0)
    over += np.maximum(-net - problem.export_limit_kw, 0.0)
    return over


def departure_missing(problem: Problem, paths: Paths) -> Floats:
    """Return the energy missing at each departure, shape (W,), kWh."""
    return np.maximum(problem.windows.departure_energy_kwh - paths.departure_kwh, 0.0)


def final_missing(problem: Problem, paths: Paths) -> Floats:
    """Return the energy missing at the end of the horizon, shape (N,), kWh."""
    return np.maximum(problem.assets.energy_final_min_kwh - paths.final_kwh, 0.0)


def event_missed(problem: Problem, paths: Paths) -> Floats:
    """Return the power missing per event and interval, shape (E, T), kW."""
    events = problem.events
    if events is None:
        return np.zeros((0, problem.intervals))
    discharge = -paths.fleet_kw.sum(axis=0)
    sign = np.where(events.up, 1.0, -1.0)[:, None]
    time = np.arange(problem.intervals)
    asked = (time >= events.from_interval[:, None]) & (time < events.to_interval[:, None])
    return np.where(asked, np.maximum(sign * (events.target_kw[:, None] - discharge), 0.0), 0.0)


def _grid_costs(problem: Problem, paths: Paths) -> dict[str, Floats]:
    """Return what depends on the load, per scenario: energy, carbon, peak, overload, each (S,)."""
    portfolio, hours = problem.portfolio, problem.interval_h
    net = paths.feeder_kw.sum(axis=1)
    imported, exported = np.maximum(net, 0.0), np.maximum(-net, 0.0)
    over = feeder_overload(problem, paths).sum(axis=(1, 2)) + portfolio_overload(problem, paths).sum(axis=1)
    return {
        "energy": hours
        * (imported @ portfolio.import_price_per_kwh - exported @ portfolio.export_price_per_kwh),
        "carbon": hours * problem.carbon_price_per_kg * (imported @ portfolio.carbon_kg_per_kwh),
        "peak": _peak_cost(problem, imported),
        "overload": hours * problem.feeder_penalty_per_kwh * over,
    }


def _peak_cost(problem: Problem, imported: Floats) -> Floats:
    highest = np.maximum(imported.max(axis=1), 0.0)
    cost: Floats = problem.peak_price_per_kw * np.maximum(highest - max(problem.peak_so_far_kw, 0.0), 0.0)
    return cost


def _event_cost(problem: Problem, paths: Paths) -> float:
    if problem.events is None:
        return 0.0
    missed = event_missed(problem, paths).sum(axis=1)
    return float(problem.interval_h * problem.events.penalty_per_kwh @ missed)


def _wear_cost(problem: Problem, schedule: Schedule | None, paths: Paths) -> float:
    """Return dt * wear * (charge + discharge), and by depth where an asset has segments."""
    cost = problem.interval_h * problem.assets.wear_cost_per_kwh * paths.throughput_kw
    if problem.wear is None or not len(problem.wear):
        return float(cost.sum())
    assert schedule is not None, "wear by depth asks for the powers: see `certificate.uncontrolled`"
    flat = float(np.delete(cost, problem.wear.asset).sum())
    return flat + _depth_wear(problem, schedule)


def _depth_wear(problem: Problem, schedule: Schedule) -> float:
    """Return the cost of the energy drawn by depth: shallow segments fill first and empty first.

    No other order is cheaper (Xu et al. 2018, theorem 1). Trips draw too.
    """
    wear = problem.wear
    assert wear is not None
    assets, depth = problem.assets, wear.cost_per_kwh.shape[1]
    own = wear.asset
    width = (assets.energy_max_kwh[own] - assets.energy_min_kwh[own]) / depth
    size = np.repeat(width[:, None], depth, axis=1)
    size[:, -1] += assets.energy_min_kwh[own]
    held = _fill(np.zeros_like(size), size, assets.energy_initial_kwh[own], range(depth - 1, -1, -1))[0]
    gain = problem.interval_h * schedule.charge_kw[own] * assets.charge_efficiency[own, None]
    drain = problem.interval_h * schedule.discharge_kw[own] / assets.discharge_efficiency[own, None]
    start, path = assets.energy_initial_kwh[own, None], energy_path(problem, schedule)[own]
    before = np.concatenate([start, path[:, :-1]], axis=1)
    trip = np.maximum(before + gain - drain - path, 0.0)
    cost = 0.0
    for t in range(problem.intervals):
        for out in (trip[:, t], drain[:, t]):
            held, drawn = _draw(held, out)
            cost += float((drawn * wear.cost_per_kwh).sum())
        held, _ = _fill(held, size, gain[:, t], range(depth))
    return cost


def _fill(held: Floats, size: Floats, energy: Floats, order: range) -> tuple[Floats, Floats]:
    """Put energy (A,) into the segments (A, J) in the given order; returns the segments and the rest."""
    held, rest = held.copy(), energy.copy()
    for j in order:
        step = np.minimum(rest, size[:, j] - held[:, j])
        held[:, j] += step
        rest = rest - step
    return held, rest


def _draw(held: Floats, energy: Floats) -> tuple[Floats, Floats]:
    """Take energy (A,) from the shallowest segments first; returns the segments and what each gave."""
    drawn, rest = np.zeros_like(held), energy.copy()
    for j in range(held.shape[1]):
        drawn[:, j] = np.minimum(rest, held[:, j])
        rest = rest - drawn[:, j]
    return held - drawn, drawn


def _reserve_revenue(problem: Problem, schedule: Schedule | None) -> float:
    """Return dt * price * kW sold; what is held of a direction goes to the best paid product first."""
    reserve = problem.reserve
    if reserve is None or schedule is None:
        return 0.0
    revenue = 0.0
    for up, share in ((True, schedule.reserve_up_kw), (False, schedule.reserve_down_kw)):
        if share is not None:
            products = np.flatnonzero((reserve.up == up) & (reserve.price_per_kw_h > 0.0))
            best_first = products[np.argsort(-reserve.price_per_kw_h[products], kind="stable")]
            revenue += _sell(reserve, best_first, share.sum(axis=0))
    return problem.interval_h * revenue


def _sell(reserve: Reserve, products: Ints, held: Floats) -> float:
    rest, revenue = held.copy(), 0.0
    for r in products:
        span = slice(reserve.from_interval[r], reserve.to_interval[r])
        sold = np.minimum(rest[span], reserve.max_kw[r])
        rest[span] -= sold
        revenue += float(reserve.price_per_kw_h[r] * sold.sum())
    return revenue
