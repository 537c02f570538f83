"""What a schedule of one asset costs by itself, exactly, and what reserve it can hold."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from optimizer.decomposed.coupling import ALLOCATING, EXACT
from optimizer.decomposed.fleet import Fleet
from optimizer.decomposed.private import DOWN, UP, Private
from optimizer.decomposed.slopes import shortfall_kwh
from optimizer.decomposed.step import energy_of
from optimizer.problem import Floats

ROWS = 256
"""Records of one turn of a parallel loop. Who allocates is called from it, not written into it."""


@njit(**EXACT)
def fill_deepest(size, energy, held):
    """Put the initial energy into the segments, the deepest first."""
    rest = energy
    for j in range(size.size - 1, -1, -1):
        held[j] = min(rest, size[j])
        rest -= held[j]


@njit(**EXACT)
def fill_shallow(size, energy, held):
    """Charge: the shallowest segment fills first."""
    for j in range(size.size):
        part = min(energy, size[j] - held[j])
        held[j] += part
        energy -= part


@njit(**EXACT)
def draw_shallow(cost, energy, held):
    """Discharge: the shallowest segment empties first; return what that wears, in money."""
    total = 0.0
    for j in range(cost.size):
        part = min(energy, held[j])
        held[j] -= part
        total += cost[j] * part
        energy -= part
    return total


@njit(**EXACT)
def headroom(asset, p, i, way, t, kw, before, after, interval_h):
    """The share of reserve (kW) the asset can hold at signed power kw between the two energies."""
    if p.asked[way, t] <= 0.0:
        return 0.0
    share = p.power_kw[i, way] + (kw if way == UP else -kw)
    sustain = p.sustain_h[way, t]
    if way == UP and p.backed[i, UP] != 0:
        room = min(before, after) - asset.energy_min_kwh
        share = min(share, room * interval_h / (asset.discharge_kwh_per_kw * sustain)) if room > 0.0 else 0.0
    if way == DOWN:
        room = asset.energy_max_kwh - max(before, after)
        share = min(share, room * interval_h / (asset.charge_kwh_per_kw * sustain)) if room > 0.0 else 0.0
    return max(share, 0.0)


@njit(**EXACT)
def measure(asset, stays, p, i, power, interval_h, penalty, segments, energy, share):
    """Return (own cost in money, kWh out of the cell) of the signed powers.

    Own cost: wear, shortfalls, minus the value of the final energy. Writes the energy at the start of each
    interval (the end is that plus the power's), and the shares of reserve (2, T).
    """
    held, cost, drawn, throughput = asset.energy_initial_kwh, 0.0, 0.0, 0.0
    row, with_reserve = p.depth_row[i], p.asked.shape[1] > 0
    for t in range(share.shape[1]):
        share[UP, t] = share[DOWN, t] = 0.0
    if row >= 0:
        fill_deepest(p.segment_kwh[row], held, segments)
    for q in range(asset.first_stay, asset.last_stay):
        stay = stays[q]
        for t in range(stay.from_interval, stay.to_interval):
            kw = power[t]
            move, before = energy_of(asset, kw), held
            energy[t] = before
            held += move
            throughput += abs(kw)
            if move < 0.0:
                drawn -= move
                if row >= 0:
                    cost += draw_shallow(p.segment_cost[row], -move, segments)
            elif move > 0.0 and row >= 0:
                fill_shallow(p.segment_kwh[row], move, segments)
            if with_reserve:
                share[UP, t] = headroom(asset, p, i, UP, t, kw, before, held, interval_h)
                share[DOWN, t] = headroom(asset, p, i, DOWN, t, kw, before, held, interval_h)
        taken = min(stay.trip_kwh, held)
        cost += penalty * (shortfall_kwh(stay, held) + stay.trip_kwh - taken)
        if row >= 0 and taken > 0.0:
            cost += draw_shallow(p.segment_cost[row], taken, segments)
        held -= taken
    cost += asset.wear_cost_per_kwh * interval_h * throughput
    cost += penalty * max(0.0, asset.final_min_kwh - held) - asset.final_value_per_kwh * held
    return cost, drawn


@njit(**ALLOCATING)
def _held_of(assets, stays, p, power, interval_h, penalty, rows, total):
    """Add up the weighted shares (2, T) of the records rows[0] to rows[1]."""
    segments, energy = np.empty(p.segment_kwh.shape[1]), np.empty(power.shape[1])
    share = np.empty(total.shape)
    for i in range(rows[0], rows[1]):
        measure(assets[i], stays, p, i, power[i], interval_h, penalty, segments, energy, share)
        for way in range(2):
            for t in range(share.shape[1]):
                total[way, t] += assets[i].weight * share[way, t]


@njit(parallel=True, cache=True, nogil=True, **ALLOCATING)
def _held_sums(assets, stays, p, power, interval_h, penalty, chunk, total):
    """Add up the weighted shares per chunk of records, (chunks, 2, T)."""
    for c in prange(total.shape[0]):
        rows = (c * chunk, min(assets.size, (c + 1) * chunk))
        _held_of(assets, stays, p, power, interval_h, penalty, rows, total[c])


def held_sums(fleet: Fleet, private: Private, power_kw: Floats) -> Floats:
    """Weighted sums of the shares of reserve up and down, (2, T), kW; no intervals without reserve."""
    chunk = max(64, len(fleet) // 16)
    total = np.zeros((-(-len(fleet) // chunk), 2, private.asked.shape[1]))
    if total.shape[2]:
        _held_sums(
            fleet.assets,
            fleet.stays,
            private,
            power_kw,
            fleet.interval_h,
            fleet.penalty_per_kwh,
            chunk,
            total,
        )
    return np.asarray(total.sum(axis=0))


@njit(**ALLOCATING)
def _shares_of(assets, stays, p, order, power, interval_h, penalty, rows, up, down):
    """Write the shares of the records rows[0] to rows[1] in the problem's order."""
    segments, energy = np.empty(p.segment_kwh.shape[1]), np.empty(power.shape[1])
    share = np.empty((2, power.shape[1]))
    for i in range(rows[0], rows[1]):
        measure(assets[i], stays, p, i, power[i], interval_h, penalty, segments, energy, share)
        for t in range(power.shape[1]):
            up[order[i], t], down[order[i], t] = share[UP, t], share[DOWN, t]


@njit(parallel=True, cache=True, nogil=True, **ALLOCATING)
def _shares(assets, stays, p, order, power, interval_h, penalty, up, down):
    for c in prange((assets.size + ROWS - 1) // ROWS):
        rows = (c * ROWS, min(assets.size, (c + 1) * ROWS))
        _shares_of(assets, stays, p, order, power, interval_h, penalty, rows, up, down)


def shares_of(fleet: Fleet, private: Private, power_kw: Floats) -> tuple[Floats, Floats] | None:
    """Shares of reserve up and down per asset in the problem's order, (N, T) each; None without reserve."""
    if not private.asked.shape[1]:
        return None
    up, down = np.zeros_like(power_kw), np.zeros_like(power_kw)
    _shares(
        fleet.assets, fleet.stays, private, fleet.order, power_kw, fleet.interval_h, fleet.penalty_per_kwh,
        up, down,
    )  # fmt: skip
    return up, down
