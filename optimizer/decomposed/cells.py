"""The least cost of an asset with minimum powers against prices, bounded from below on cells of energy.

The cost-to-go of an asset that is off, or charges a to b kWh, or draws c to d kWh per interval,

    V_t(s) = min over u of g_t(u) + V_t+1(s + u),     u in {0} or [a, b] or [-d, -c],

is not convex, and leaving a and c out (`oracle`) is 2 to 10 % of such an asset's bill short where prices are
negative. Here energy is cut into cells of one width h, and W_t(j) bounds V_t(s) + w_t s for all s in cell j:

    W_t(j) = min over u and the cells k that s + u may lie in, s in cell j, of
             g_t(u) - w_t+1 u + W_t+1(k),     plus the least (w_t - w_t+1) s in cell j.

Any worths w_t of a stored kWh and any h give a valid bound. At the worths of the relaxed optimum moving about
within a cell gains nothing to first order, so that some hundred cells per full charge are enough.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, prange

from optimizer.decomposed.coupling import ALLOCATING, EXACT, FAST
from optimizer.decomposed.fleet import Fleet
from optimizer.decomposed.slopes import shortfall_kwh
from optimizer.decomposed.worths import new_path, write_worths
from optimizer.problem import Floats, Ints

PARTS = 256
"""Cells in a full charge, where the asset's range has room for that many."""
CELLS = 12_288
"""At most this many cells in the range of an asset."""
FAR = 1e30


class Cells(NamedTuple):
    """Scratch arrays of one lane: bounds per cell now and one interval before, and windows of them."""

    value: Floats
    before: Floats
    window: Floats  # (2, size)


@njit(**ALLOCATING)
def new_cells(size):
    """Allocate the scratch arrays of one lane for up to `size` places, edges counted."""
    return Cells(np.empty(size), np.empty(size), np.empty((2, size)))


@njit(**FAST)
def _take(best, value, cost):
    """Best = min(best, value + cost): slices of one length, so that it runs in vectors."""
    for j in range(best.size):
        best[j] = min(best[j], value[j] + cost)


@njit(**FAST)
def _take_tilted(best, value, rise, cost):
    """Best = min(best, value + cost + rise * place)."""
    for j in range(best.size):
        best[j] = min(best[j], value[j] + (cost + rise * j))


@njit(**FAST)
def _tilted(value, rise, out):
    """Out = value + rise * place."""
    for j in range(out.size):
        out[j] = value[j] + rise * j


@njit(**FAST)
def _less(one, other, out):
    """Out = min(one, other)."""
    for j in range(out.size):
        out[j] = min(one[j], other[j])


@njit(**EXACT)
def _least_of(window, count, span):
    """Turn window[0, j], j < count, into the least of window[0, j : j + span]; return its row by then."""
    done, row = 1, 0
    while done < span:
        step = min(done, span - done)
        size = count + span - done - step
        _less(window[row, :size], window[row, step : step + size], window[1 - row, :size])
        done, row = done + step, 1 - row
    return row


@njit(**EXACT)
def _take_moves(best, value, window, first, last, sign, rate, least, most, h):
    """Offer to every cell in [first, last) the moves of least to most kWh up (sign 1) or down (-1).

    Moving m cells takes more than m - 1 and less than m + 1 widths, at `rate` per kWh.
    """
    low, high = int(np.floor(least / h + 1e-9)), int(np.ceil(most / h - 1e-9))
    if rate <= 0.0:  # m cells earn as much as m + 1 widths, the last two as much as the most
        _take(best[first:last], value[first + sign * high : last + sign * high], rate * most)
        if high > low:
            _take(best[first:last], value[first + sign * (high - 1) : last + sign * (high - 1)], rate * most)
        high, cost = high - 2, rate * h
    else:
        _take(best[first:last], value[first + sign * low : last + sign * low], rate * least)
        if high > low:
            _take(best[first:last], value[first + sign * (low + 1) : last + sign * (low + 1)], rate * least)
        low, cost = low + 2, -rate * h
    span, count = high - low + 1, last - first
    if span <= 0:
        return
    begin = first + (low if sign > 0 else -high)
    rise = sign * rate * h
    _tilted(value[begin:], rise, window[0, : count + span])
    row = _least_of(window, count, span)
    _take_tilted(
        best[first:last], window[row], -rise, cost + (rate * low * h if sign > 0 else rate * high * h)
    )


@njit(**EXACT)
def cell_width(asset, stay):
    """Return the width of a cell in kWh."""
    full = asset.max_charge_kw * asset.charge_kwh_per_kw
    return max(full / PARTS, (asset.energy_max_kwh - stay.relaxed_floor_kwh) / (CELLS - 4))


@njit(**EXACT)
def _most_places(asset, h):
    """Places beyond the range that a move may look at."""
    up = asset.max_charge_kw * asset.charge_kwh_per_kw
    return int(np.ceil(max(up, asset.max_discharge_kw * asset.discharge_kwh_per_kw) / h)) + 2


@njit(**EXACT)
def _end_cost(asset, stay, energy, penalty, worth):
    """Cost of leaving the stay with an energy, and what the energy is worth on top."""
    left = max(0.0, energy - stay.trip_kwh)
    missing = shortfall_kwh(stay, energy) + max(0.0, stay.trip_kwh - energy)
    missing += max(0.0, asset.final_min_kwh - left)
    return penalty * missing - asset.final_value_per_kwh * left + worth * energy


@njit(**EXACT)
def cells_value(asset, stay, first, last, price, interval_h, penalty, h, worth, c):
    """Bound of the asset's least cost from the energies' worths (T + 1); minus FAR where it does not fit."""
    start, floor, ceiling = asset.energy_initial_kwh, stay.relaxed_floor_kwh, asset.energy_max_kwh
    up_least, up = (
        asset.min_charge_kw * asset.charge_kwh_per_kw,
        asset.max_charge_kw * asset.charge_kwh_per_kw,
    )
    down_least = asset.min_discharge_kw * asset.discharge_kwh_per_kw
    down = asset.max_discharge_kw * asset.discharge_kwh_per_kw
    rise, fall = int(np.ceil(up / h - 1e-9)), int(np.ceil(down / h - 1e-9))
    edge = max(rise, fall) + 2
    below = int(np.ceil((start - floor) / h - 1e-9))
    count = below + int(np.floor((ceiling - start) / h + 1e-9)) + 1
    value, best, window = c.value, c.before, c.window
    if count + 2 * edge + 2 > value.size or start > ceiling or below < 0:
        return -FAR
    for j in range(count + 2 * edge + 2):
        value[j] = best[j] = FAR
    origin = start - (below + edge) * h  # energy at the lower end of place 0
    for j in range(edge, edge + count):
        least, most = max(floor, origin + j * h), min(ceiling, origin + (j + 1) * h)
        value[j] = min(
            _end_cost(asset, stay, least, penalty, worth[last]),
            _end_cost(asset, stay, most, penalty, worth[last]),
        )
        for corner in (stay.target_kwh, stay.trip_kwh, stay.trip_kwh + asset.final_min_kwh):
            if least < corner < most:
                value[j] = min(value[j], _end_cost(asset, stay, corner, penalty, worth[last]))
    for t in range(last - 1, first - 1, -1):
        begin = max(edge, edge + below - fall * (t - first))
        end = min(edge + count, edge + below + rise * (t - first) + 1)
        _tilted(value[begin:], 0.0, best[begin:end])
        if up > 0.0:
            rate = (price[t] + asset.wear_cost_per_kwh) * interval_h / asset.charge_kwh_per_kw - worth[t + 1]
            _take_moves(best, value, window, begin, end, 1, rate, up_least, up, h)
        if down > 0.0:
            rate = (
                worth[t + 1] - (price[t] - asset.wear_cost_per_kwh) * interval_h / asset.discharge_kwh_per_kw
            )
            _take_moves(best, value, window, begin, end, -1, rate, down_least, down, h)
        change = worth[t] - worth[t + 1]
        lift = change * (origin + (begin + (1 if change < 0.0 else 0)) * h)
        value[begin:end] = FAR
        _take_tilted(value[begin:end], best[begin:end], change * h, lift)
    return value[edge + below] - worth[first] * start


@njit(**ALLOCATING)
def _value_rows(assets, stays, rows, price, interval_h, penalty, begin, end, width, worth, out):
    """Write worths and bounds of the chosen records begin to end."""
    size = CELLS + 2
    for k in range(begin, end):
        asset = assets[rows[k]]
        size = max(size, CELLS + 8 + 2 * _most_places(asset, cell_width(asset, stays[asset.first_stay])))
    c, path = new_cells(size), new_path(price.shape[1])
    for k in range(begin, end):
        asset = assets[rows[k]]
        stay, first = stays[asset.last_stay - 1], stays[asset.first_stay].from_interval
        mine, h = price[asset.feeder], cell_width(asset, stay)
        write_worths(asset, stay, first, stay.to_interval, mine, interval_h, penalty, path, worth[k])
        out[k] = cells_value(asset, stay, first, stay.to_interval, mine, interval_h, penalty, h, worth[k], c)
        width[k] = h


@njit(parallel=True, cache=True, nogil=True, **ALLOCATING)
def _values(assets, stays, rows, price, interval_h, penalty, chunk, width, worth, out):
    for c in prange((rows.size + chunk - 1) // chunk):
        begin, end = c * chunk, min(rows.size, (c + 1) * chunk)
        _value_rows(assets, stays, rows, price, interval_h, penalty, begin, end, width, worth, out)


def cells_values(fleet: Fleet, rows: Ints, price_per_kwh: Floats) -> tuple[Floats, Floats, Floats]:
    """Return bounds (n), cell widths in kWh (n) and energies' worths (n, T + 1) of some records.

    The records are `candidates` of `tighten`; price_per_kwh: (F, T).
    """
    out, width = np.empty(len(rows)), np.empty(len(rows))
    worth = np.zeros((len(rows), fleet.intervals + 1))
    price = np.ascontiguousarray(price_per_kwh)
    chunk = max(1, min(16, len(rows) // 8))
    _values(
        fleet.assets, fleet.stays, rows, price, fleet.interval_h, fleet.penalty_per_kwh, chunk,
        width, worth, out,
    )  # fmt: skip
    return out, width, worth
