"""The verifier's own bill and its own list of what was not met, from the traced motion."""

from __future__ import annotations

import numpy as np

from optimizer.plan import ObjectiveParts, Unmet
from optimizer.problem import Floats, Problem
from optimizer.verify.motion import Motion
from optimizer.verify.reserve import revenue

Shortfalls = dict[tuple[str, str, int], float]
"""Amount in kW or kWh by (kind, id, interval)."""


def site_power(problem: Problem, motion: Motion) -> Floats:
    """Return consumption per scenario, feeder and interval, shape (S, F, T), the fleet included."""
    base = problem.feeders.load_kw[None] if problem.scenarios is None else problem.scenarios.load_kw
    return base + motion.fleet_kw[None]


def overloads(problem: Problem, power: Floats) -> tuple[Floats, Floats]:
    """Return what exceeds the limits of feeders (S, F, T) and of the portfolio (S, T)."""
    feeder = np.maximum(power - problem.feeders.import_limit_kw, 0.0)
    feeder = np.maximum(feeder, -problem.feeders.export_limit_kw - power)
    total = power.sum(axis=1)
    whole = np.maximum(np.maximum(total - problem.import_limit_kw, -problem.export_limit_kw - total), 0.0)
    return feeder, whole


def shortfalls(problem: Problem, motion: Motion, power: Floats, above: float) -> Shortfalls:
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
    final = assets.energy_final_min_kwh - motion.final_kwh
    for i in np.flatnonzero(final > above):
        found["final", str(assets.asset_id[i]), problem.intervals - 1] = float(final[i])
    feeder, whole = (over.max(axis=0) for over in overloads(problem, power))
    for f, t in np.argwhere(feeder > above):
        found["feeder", str(problem.feeders.feeder_id[f]), int(t)] = float(feeder[f, t])
    for t in np.flatnonzero(whole > above):
        found["portfolio", "portfolio", int(t)] = float(whole[t])
    if problem.events is not None:
        missed = missed_events(problem, motion)
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


def missed_events(problem: Problem, motion: Motion) -> Floats:
    """Return what each event misses in each of its intervals, shape (E, T), kW."""
    events = problem.events
    assert events is not None
    discharge = -motion.fleet_kw.sum(axis=0)
    missed = np.zeros((len(events), problem.intervals))
    for e in range(len(events)):
        span = slice(int(events.from_interval[e]), int(events.to_interval[e]))
        lack = events.target_kw[e] - discharge[span]
        missed[e, span] = np.maximum(lack if events.up[e] else -lack, 0.0)
    return missed


def recompute_bill(problem: Problem, motion: Motion, power: Floats) -> ObjectiveParts:
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
    lacking = np.maximum(problem.assets.energy_final_min_kwh - motion.final_kwh, 0.0).sum()
    lacking += motion.departure_missing.sum() + motion.trip_missing.sum()
    missed = 0.0
    if problem.events is not None:
        missed = float((missed_events(problem, motion).sum(axis=1) * problem.events.penalty_per_kwh).sum())
    return ObjectiveParts(
        energy=float((chance * energy).sum()),
        carbon=float((chance * carbon).sum()),
        peak=float((chance * peak).sum()),
        overload=float((chance * overload).sum()),
        wear=motion.wear_cost,
        unmet_energy=problem.unmet_energy_penalty_per_kwh * float(lacking),
        events=hours * missed,
        reserve=-revenue(problem, motion.reserve_kw),
        final_energy=-float((problem.assets.energy_final_value_per_kwh * motion.final_kwh).sum()),
        risk=problem.cvar_weight * (tail_mean(per_scenario, chance, problem.cvar_alpha) - mean),
    )


def tail_mean(cost: Floats, chance: Floats, alpha: float) -> float:
    """Return CVaR as min over q among the costs of q + E[max(0, cost - q)] / (1 - alpha)."""
    beyond = np.maximum(cost[None, :] - cost[:, None], 0.0)
    return float((cost + (beyond * chance[None, :]).sum(axis=1) / (1.0 - alpha)).min())
