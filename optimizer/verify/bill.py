"""The verifier's own bill and its own list of what was not met, from the traced motion."""

from __future__ import annotations

import numpy as np

from optimizer.plan import ObjectiveParts, Schedule, Unmet
from optimizer.problem import Floats, Problem
from optimizer.verify.motion import Motion
from optimizer.verify.reserve import revenue

Shortfalls = dict[tuple[str, str, int], float]
"""Amount in kW or kWh by (kind, id, interval)."""


def site_power(problem: Problem, schedule: Schedule) -> Floats:
    """Return consumption per scenario, feeder and interval, shape (S, F, T), the fleet included."""
    order = np.argsort(problem.assets.feeder, kind="stable")
    owner = problem.assets.feeder[order]
    net = np.zeros((len(problem.feeders), problem.intervals))
    for t in range(problem.intervals):
        column = (schedule.charge_kw[:, t] - schedule.discharge_kw[:, t])[order]
        net[:, t] = np.bincount(owner, weights=column, minlength=len(problem.feeders))
    base = problem.feeders.load_kw[None] if problem.scenarios is None else problem.scenarios.load_kw
    return base + net[None]


def overloads(problem: Problem, power: Floats) -> tuple[Floats, Floats]:
    """Return what exceeds the limits of feeders (S, F, T) and of the portfolio (S, T)."""
    feeder = np.maximum(power - problem.feeders.import_limit_kw, 0.0)
    feeder = np.maximum(feeder, -problem.feeders.export_limit_kw - power)
    total = power.sum(axis=1)
    whole = np.maximum(np.maximum(total - problem.import_limit_kw, -problem.export_limit_kw - total), 0.0)
    return feeder, whole


def shortfalls(
    problem: Problem, schedule: Schedule, motion: Motion, power: Floats, above: float
) -> Shortfalls:
    """Collect every amount above `above` that a certificate has to declare."""
    assets, windows = problem.assets, problem.windows
    found: Shortfalls = {}
    for w in np.flatnonzero(motion.departure_missing > above):
        place = "departure", str(assets.asset_id[windows.asset[w]]), int(windows.to_interval[w]) - 1
        found[place] = float(motion.departure_missing[w])
    for w in np.flatnonzero(motion.trip_missing > above):
        found["trip", str(assets.asset_id[windows.asset[w]]), int(windows.to_interval[w])] = float(
            motion.trip_missing[w]
        )
    final = assets.energy_final_min_kwh - motion.end[:, -1]
    for i in np.flatnonzero(final > above):
        found["final", str(assets.asset_id[i]), problem.intervals - 1] = float(final[i])
    feeder, whole = (over.max(axis=0) for over in overloads(problem, power))
    for f, t in np.argwhere(feeder > above):
        found["feeder", str(problem.feeders.feeder_id[f]), int(t)] = float(feeder[f, t])
    for t in np.flatnonzero(whole > above):
        found["portfolio", "portfolio", int(t)] = float(whole[t])
    if problem.events is not None:
        missed = missed_events(problem, schedule)
        for e, t in np.argwhere(missed > above):
            found["event", str(problem.events.event_id[e]), int(t)] = float(missed[e, t])
    return found


def as_unmet(found: Shortfalls) -> tuple[Unmet, ...]:
    """Turn shortfalls into the values of a certificate."""
    units = {"departure": "kWh", "trip": "kWh", "final": "kWh"}
    return tuple(
        Unmet(kind=kind, id=name, interval=interval, amount=amount, unit=units.get(kind, "kW"))  # type: ignore[arg-type]
        for (kind, name, interval), amount in found.items()
    )


def missed_events(problem: Problem, schedule: Schedule) -> Floats:
    """Return what each event misses in each of its intervals, shape (E, T), kW."""
    events = problem.events
    assert events is not None
    discharge = schedule.discharge_kw.sum(axis=0) - schedule.charge_kw.sum(axis=0)
    missed = np.zeros((len(events), problem.intervals))
    for e in range(len(events)):
        span = slice(int(events.from_interval[e]), int(events.to_interval[e]))
        lack = events.target_kw[e] - discharge[span]
        missed[e, span] = np.maximum(lack if events.up[e] else -lack, 0.0)
    return missed


def recompute_bill(problem: Problem, schedule: Schedule, motion: Motion, power: Floats) -> ObjectiveParts:
    """Add up the objective of docs/problem.md from the traced motion."""
    hours, prices = problem.interval_h, problem.portfolio
    chance = np.ones(1) if problem.scenarios is None else problem.scenarios.probability
    net = power.sum(axis=1)
    drawn, fed = net * (net > 0.0), -net * (net < 0.0)
    energy = hours * (drawn * prices.import_price_per_kwh - fed * prices.export_price_per_kwh).sum(axis=1)
    carbon = hours * problem.carbon_price_per_kg * (drawn * prices.carbon_kg_per_kwh).sum(axis=1)
    base = max(problem.peak_so_far_kw, 0.0)
    peak = problem.peak_price_per_kw * (np.maximum(drawn.max(axis=1), base) - base)
    over = overloads(problem, power)
    overload = hours * problem.feeder_penalty_per_kwh * (over[0].sum(axis=(1, 2)) + over[1].sum(axis=1))
    per_scenario = energy + carbon + peak + overload
    mean = float((chance * per_scenario).sum())
    lacking = np.maximum(problem.assets.energy_final_min_kwh - motion.end[:, -1], 0.0).sum()
    lacking += motion.departure_missing.sum() + motion.trip_missing.sum()
    missed = 0.0
    if problem.events is not None:
        missed = float((missed_events(problem, schedule).sum(axis=1) * problem.events.penalty_per_kwh).sum())
    return ObjectiveParts(
        energy=float((chance * energy).sum()),
        carbon=float((chance * carbon).sum()),
        peak=float((chance * peak).sum()),
        overload=float((chance * overload).sum()),
        wear=wear_cost(problem, schedule, motion),
        unmet_energy=problem.unmet_energy_penalty_per_kwh * float(lacking),
        events=hours * missed,
        reserve=-revenue(problem, schedule),
        final_energy=-float((problem.assets.energy_final_value_per_kwh * motion.end[:, -1]).sum()),
        risk=problem.cvar_weight * (tail_mean(per_scenario, chance, problem.cvar_alpha) - mean),
    )


def tail_mean(cost: Floats, chance: Floats, alpha: float) -> float:
    """Return CVaR as min over q among the costs of q + E[max(0, cost - q)] / (1 - alpha)."""
    beyond = np.maximum(cost[None, :] - cost[:, None], 0.0)
    return float((cost + (beyond * chance[None, :]).sum(axis=1) / (1.0 - alpha)).min())


def wear_cost(problem: Problem, schedule: Schedule, motion: Motion) -> float:
    """Return wear of throughput, and of depth where an asset has segments."""
    throughput = problem.interval_h * (schedule.charge_kw.sum(axis=1) + schedule.discharge_kw.sum(axis=1))
    cost = throughput * problem.assets.wear_cost_per_kwh
    deep = problem.wear
    if deep is None or not len(deep):
        return float(cost.sum())
    cost[deep.asset] = 0.0
    return float(cost.sum()) + _depth_cost(problem, motion)


def _depth_cost(problem: Problem, motion: Motion) -> float:
    """Follow the segments' contents as a stack: what went in last, on top, comes out first.

    The cost of a fall from level a to b is read off the cumulated contents from the deepest segment up.
    """
    deep, assets = problem.wear, problem.assets
    assert deep is not None
    own, depth = deep.asset, deep.cost_per_kwh.shape[1]
    width = (assets.energy_max_kwh[own] - assets.energy_min_kwh[own]) / depth
    edges = assets.energy_min_kwh[own, None] + width[:, None] * np.arange(1, depth + 1)[None, :]
    size = np.diff(np.concatenate([np.zeros((len(own), 1)), edges], axis=1), axis=1)
    lower = np.concatenate([np.zeros((len(own), 1)), edges[:, :-1]], axis=1)
    held = np.clip(assets.energy_initial_kwh[own, None] - lower, 0.0, size)  # deepest first
    price = deep.cost_per_kwh[:, ::-1]
    level, total = np.array(assets.energy_initial_kwh[own]), 0.0
    for t in range(problem.intervals):
        for target in (motion.start[own, t], motion.end[own, t]):
            change = target - level
            shallow_first = held[:, ::-1]
            above = np.cumsum(shallow_first, axis=1) - shallow_first
            out = np.clip(np.maximum(-change, 0.0)[:, None] - above, 0.0, shallow_first)[:, ::-1]
            total += float((out * price).sum())
            room = (size - held)[:, ::-1]
            above = np.cumsum(room, axis=1) - room
            into = np.clip(np.maximum(change, 0.0)[:, None] - above, 0.0, room)[:, ::-1]
            held, level = held - out + into, target
    return total
