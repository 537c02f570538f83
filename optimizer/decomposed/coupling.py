"""What couples the assets: convex costs of the fleet's net charging, as sums of ramps.

With x_t the fleet's net charging in interval t (kW) and x_ft that of feeder f, all shared cost is

    dt * sum_t [ base_t x_t + sum_k step_tk max(0, x_t - kink_tk) ]  +  the same per feeder,

for example: exchange with the grid (kink at minus the load, step = import - export price), limits (step =
penalty), events. The peak charge is one more ramp with a kink that moves: the peak level. Its exact
multiplier form, used for the bound, and its smoothed form, used as a price while the fleet is moving:

    price(x) = base + sum_k clip(multiplier_k + stiffness * (x - kink_k), 0, step_k)

    price ▲            ┌──────  base + step        Any multiplier in [0, step] gives a valid bound:
          │          /                            step max(0, x - kink) >= multiplier (x - kink).
          │ ────────┘   width = step / stiffness
          └────────┴─────► x
                  kink
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from optimizer.decomposed.exchange import crossed_chord
from optimizer.problem import Floats, Problem

FAR_KW = 1e9  # stands for "no limit" in the kernels
ALLOCATING: dict[str, Any] = {"error_model": "numpy"}  # division by zero gives infinity instead of a check
EXACT: dict[str, Any] = ALLOCATING | {"_nrt": False}
"""Options of kernels that allocate nothing: they count no references, which was half of their time."""
FAST: dict[str, Any] = EXACT | {"fastmath": {"nnan", "nsz", "contract", "reassoc", "arcp"}}


class Coupling(NamedTuple):
    """Ramps of the portfolio (K, T) and of the feeders (F, L, T); price in money per kWh, kinks in kW."""

    base: Floats  # (T)
    kink: Floats  # (K, T)
    multiplier: Floats  # (K, T)
    step: Floats  # (K, T)
    stiffness: Floats  # (1): money per kWh and kW
    feeder_base: Floats  # (F)
    feeder_kink: Floats  # (F, L, T)
    feeder_multiplier: Floats  # (F, L, T)
    feeder_step: Floats  # (F, L, T)
    feeder_stiffness: Floats  # (F)
    feeder_margin: Floats  # (F, L, T): schedules see the kinks moved by this, kW; the bound does not
    peak_first: int  # ramps from here on are peaks, one per scenario
    peak_load: Floats  # (S, T): portfolio load of each scenario
    peak_price: Floats  # (S): money per kW over dt, that is the sum of a peak's prices in money per kWh
    peak_floor: float  # kW, highest import so far


class Shared(NamedTuple):
    """The smoothed prices as one feeder's assets see them: clip(offset + stiffness * x, 0, step) summed."""

    base: Floats  # (T), portfolio and feeder
    offset: Floats  # (K, T): multiplier - stiffness * kink
    step: Floats  # (K, T)
    stiffness: float
    feeder_offset: Floats  # (L, T)
    feeder_step: Floats  # (L, T)
    feeder_stiffness: float


@njit(**ALLOCATING)
def shared_of(c, feeder):
    """Bake the coupling for one feeder."""
    r, rf = c.stiffness[0], c.feeder_stiffness[feeder]
    return Shared(
        c.base + c.feeder_base[feeder],
        c.multiplier - r * c.kink,
        c.step.copy(),  # copies: lanes on two threads must not share reference counts
        r,
        c.feeder_multiplier[feeder] - rf * (c.feeder_kink[feeder] + c.feeder_margin[feeder]),
        c.feeder_step[feeder].copy(),
        rf,
    )


@njit(**FAST)
def add_ramp_prices(offset, step, stiffness, x, price):
    """Add sum_k clip(offset_kt + stiffness * x_t, 0, step_kt) to price (T); vectorises along T."""
    for k in range(offset.shape[0]):
        for t in range(x.size):
            price[t] += min(max(offset[k, t] + stiffness * x[t], 0.0), step[k, t])


@njit(**FAST)
def ramp_cost_change(offset, step, stiffness, x_new, x_old):
    """Sum over k and t of the integral of clip(offset + stiffness * x, 0, step) from x_old to x_new."""
    total, half = 0.0, 0.5 / stiffness
    for k in range(offset.shape[0]):
        for t in range(x_new.size):
            top = step[k, t]
            a, b = offset[k, t] + stiffness * x_old[t], offset[k, t] + stiffness * x_new[t]
            ia, ib = min(max(a, 0.0), top), min(max(b, 0.0), top)
            total += half * (ib - ia) * (ib + ia) + 2.0 * half * top * (max(b - top, 0.0) - max(a - top, 0.0))
    return total


@njit(**EXACT)
def settle_peak(c, x):
    """Move each peak level M to where sum_t clip(m_t + r (x_t + load_t - M), 0, price) = price.

    Not below the peak so far. The left side falls with M; Newton, exact on its linear pieces.
    """
    r = c.stiffness[0]
    for s in range(c.peak_price.size):
        k = c.peak_first + s
        total = c.peak_price[s]
        level = c.kink[k, 0] + c.peak_load[s, 0]
        for _ in range(50):
            excess, active, top = -total, 0, -FAR_KW
            for t in range(x.size):
                ramp = c.multiplier[k, t] + r * (x[t] + c.peak_load[s, t] - level)
                top = max(top, level + ramp / r)
                if ramp > 0.0:
                    excess += ramp
                    active += 1
            if active == 0:
                level = top - total / r
                continue
            level += excess / (r * active)
            if abs(excess) < 1e-12 * max(1.0, total):
                break
        level = max(level, c.peak_floor)
        for t in range(x.size):
            c.kink[k, t] = level - c.peak_load[s, t]


@njit(cache=True, **ALLOCATING)
def move_multipliers(c, x, x_feeder, share):
    """Method of multipliers: move each by `share` towards its smoothed price at the present sums."""
    settle_peak(c, x)
    _move_ramps(c.multiplier, c.kink, c.step, c.stiffness[0], x, share)
    for f in range(x_feeder.shape[0]):
        _move_ramps(
            c.feeder_multiplier[f],
            c.feeder_kink[f] + c.feeder_margin[f],
            c.feeder_step[f],
            c.feeder_stiffness[f],
            x_feeder[f],
            share,
        )
    for s in range(c.peak_price.size):  # a peak's multipliers share one price
        total = c.multiplier[c.peak_first + s].sum()
        if total > c.peak_price[s]:
            c.multiplier[c.peak_first + s] *= c.peak_price[s] / total


@njit(**EXACT)
def _move_ramps(multiplier, kink, step, stiffness, x, share):
    for k in range(kink.shape[0]):
        for t in range(x.size):
            ramp = multiplier[k, t] + stiffness * (x[t] - kink[k, t])
            multiplier[k, t] += share * (min(max(ramp, 0.0), step[k, t]) - multiplier[k, t])


def compile_coupling(problem: Problem, weight: Floats | None = None) -> tuple[Coupling, float]:
    """Lay out all shared cost as ramps; return it with the constant part of the cost, in money.

    `weight` (S) weighs the load scenarios, by default with their probability. Where export pays more than
    import costs, the exchange is concave and its chord takes its place: a bound, not the exact cost.
    """
    probability, loads = scenario_loads(problem)
    share = probability if weight is None else weight
    total = loads.sum(axis=1)
    ramps = _exchange_ramps(problem, share, total) + _event_ramps(problem)
    first = len(ramps)
    peak = problem.peak_price_per_kw / problem.interval_h
    floor = max(problem.peak_so_far_kw, 0.0)
    for s in range(len(share)):
        height = np.full(problem.intervals, share[s] * peak)
        ramps.append(Ramp(kink=floor - total[s], step=height, start=1.0 / problem.intervals))
    base = problem.portfolio.export_price_per_kwh - sum(r.step for r in ramps if r.downward)
    offset = float(share @ (total @ problem.portfolio.export_price_per_kwh))
    slope, level = crossed_chord(problem, total)
    base = base + share @ slope
    offset += float(share @ ((slope * total).sum(axis=1) + level))
    offset += sum(float(r.step @ r.kink) for r in ramps if r.downward)
    kinks, steps, feeder_offset = _feeder_ramps(problem, share, loads)
    feeder_multiplier = np.zeros(kinks.shape)
    feeder_multiplier[:, 1::2] = steps[:, 1::2]
    coupling = Coupling(
        base=base,
        kink=np.stack([r.kink for r in ramps]),
        multiplier=np.stack([r.step * r.start for r in ramps]),
        step=np.stack([r.step for r in ramps]),
        stiffness=np.ones(1),
        feeder_base=np.full(len(problem.feeders), -problem.feeder_penalty_per_kwh * float(share.sum())),
        feeder_kink=kinks,
        feeder_multiplier=feeder_multiplier,
        feeder_step=steps,
        feeder_stiffness=np.ones(len(problem.feeders)),
        feeder_margin=np.zeros(kinks.shape),
        peak_first=first,
        peak_load=total.copy(),
        peak_price=share * peak,
        peak_floor=floor,
    )
    return coupling, (offset + feeder_offset) * problem.interval_h


class Ramp(NamedTuple):
    """step * max(0, x - kink), or step * max(0, kink - x) if downward; starts at `start` of its step."""

    kink: Floats
    step: Floats
    start: float
    downward: bool = False


def scenario_loads(problem: Problem) -> tuple[Floats, Floats]:
    """Return probabilities (S) and uncontrolled loads (S, F, T); one certain load without scenarios."""
    if problem.scenarios is None or not len(problem.scenarios):
        return np.ones(1), problem.feeders.load_kw[None]
    return problem.scenarios.probability, problem.scenarios.load_kw


def _exchange_ramps(problem: Problem, share: Floats, total: Floats) -> list[Ramp]:
    """Import above export price, and the portfolio's limits, per scenario."""
    carbon = problem.carbon_price_per_kg * problem.portfolio.carbon_kg_per_kwh
    step = problem.portfolio.import_price_per_kwh + carbon - problem.portfolio.export_price_per_kwh
    step = np.maximum(step, 0.0)  # where export pays more: see `crossed_chord`
    ramps = []
    for s in range(len(share)):
        ramps.append(Ramp(kink=-total[s], step=share[s] * step, start=0.5))
        height = np.full(problem.intervals, share[s] * problem.feeder_penalty_per_kwh)
        if np.isfinite(problem.import_limit_kw):
            ramps.append(Ramp(kink=problem.import_limit_kw - total[s], step=height, start=0.0))
        if np.isfinite(problem.export_limit_kw):
            ramps.append(
                Ramp(kink=-problem.export_limit_kw - total[s], step=height, start=1.0, downward=True)
            )
    return ramps


def _event_ramps(problem: Problem) -> list[Ramp]:
    """A requested net discharge d of the fleet: at least d means net charging at most -d, and the reverse."""
    ramps: list[Ramp] = []
    events = problem.events
    for e in range(0 if events is None else len(events)):
        assert events is not None
        step = np.zeros(problem.intervals)
        step[events.from_interval[e] : events.to_interval[e]] = events.penalty_per_kwh[e]
        kink = np.full(problem.intervals, -events.target_kw[e])
        up = bool(events.up[e])
        ramps.append(Ramp(kink=kink, step=step, start=1.0 if up else 0.0, downward=not up))
    return ramps


def _feeder_ramps(problem: Problem, share: Floats, loads: Floats) -> tuple[Floats, Floats, float]:
    """Kinks and steps (F, 2 S, T) of the limits, import then export per scenario, and their constant cost."""
    upper = np.minimum(problem.feeders.import_limit_kw, FAR_KW)
    lower = -np.minimum(problem.feeders.export_limit_kw, FAR_KW)
    kinks = np.concatenate([np.stack([upper - load, lower - load], axis=1) for load in loads], axis=1)
    height = np.repeat(share * problem.feeder_penalty_per_kwh, 2)
    steps = np.ascontiguousarray(np.broadcast_to(height[None, :, None], kinks.shape))
    downward = kinks[:, 1::2]
    near = downward > -0.5 * FAR_KW
    return kinks, steps, float((steps[:, 1::2] * np.where(near, downward, 0.0)).sum())


def reweigh(problem: Problem, coupling: Coupling, weight: Floats) -> tuple[Coupling, float]:
    """Return the coupling for other scenario weights, every multiplier at the same share of its step."""
    fresh, offset = compile_coupling(problem, weight)

    def scaled(old: Floats, old_step: Floats, step: Floats) -> Floats:
        return step * np.divide(old, old_step, out=np.zeros_like(old), where=old_step > 0.0)

    moved = fresh._replace(
        kink=coupling.kink,
        multiplier=scaled(coupling.multiplier, coupling.step, fresh.step),
        feeder_multiplier=scaled(coupling.feeder_multiplier, coupling.feeder_step, fresh.feeder_step),
        stiffness=coupling.stiffness,
        feeder_stiffness=coupling.feeder_stiffness,
        feeder_margin=coupling.feeder_margin,
    )
    return moved, offset


def shared_cost(c: Coupling, x: Floats, x_feeder: Floats, interval_h: float) -> float:
    """Exact (unsmoothed) shared cost of net charging (T) and (F, T), without the constant part."""
    cost = float(c.base @ x) + float((c.feeder_base @ x_feeder).sum())
    first = c.peak_first
    cost += float((c.step[:first] * np.maximum(x - c.kink[:first], 0.0)).sum())
    over = np.maximum(x_feeder[:, None, :] - c.feeder_kink, 0.0)
    far = c.feeder_kink < -0.5 * FAR_KW  # cancels with the base
    over = np.where(far, x_feeder[:, None, :], over)
    cost += float((c.feeder_step * over).sum())
    top = (x[None, :] + c.peak_load).max(axis=1)
    return interval_h * (cost + float(c.peak_price @ np.maximum(top - c.peak_floor, 0.0)))
