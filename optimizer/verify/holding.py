"""What an asset earns by holding reserve, as terms of its least cost against prices.

A kW held up earns rho > 0. Charging p kW (negative: discharging) an asset can hold at most P_d + p, and the B
that its energy above the minimum sustains, at the end and at the start of the interval. So for any weights
a, b >= 0 with a + b <= 1

    share <= (1 - a - b) (P_d + p) + (a + b) max(0, p) + a min(P_d, B_end) + b min(P_d, B_start),

which is a price on power, and a cost per kWh of energy short of the level where B reaches P_d. So is

    share <= (1 - a - b) (P_d + p) + a B_end + b B_start,

not `capped`, which is what a linear program's prices prove. Neither is always the better one. The same for
down, with charging and the energy below the maximum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from optimizer.problem import Floats
from optimizer.verify.corners import KERNEL, add_missing, with_corner

CHARGE, DISCHARGE, COUNTED = 0, 1, 2
"""Columns of the terms: added to the price of charging, taken off that of discharging, money per kWh at the
terminals; and added where energy does not count."""
UP_RATE, DOWN_RATE = 3, 5
"""Money per kWh short of, or beyond, the level at the end of the interval; the next column, at its start."""
UP_LEVEL, DOWN_LEVEL, TERMS = 7, 8, 9
BELOW_KWH = 1e-12


class Held(NamedTuple):
    """Prices (2, T), money per kW and hour, times (2, T), hours, weights (N, T, 4); no products: T = 0."""

    price: Floats
    sustain_h: Floats
    weight: NDArray[np.float32]


@njit(**KERNEL)
def weights_at(weight, first):
    """Return two weights brought to at least zero and at most one together."""
    at_end, at_start = max(float(weight[first]), 0.0), max(float(weight[first + 1]), 0.0)
    total = max(at_end + at_start, 1.0)
    return at_end / total, at_start / total


@njit(**KERNEL)
def write_terms(asset, windows, floor, held, i, interval_h, capped, terms):
    """Write the terms of one asset, (T, TERMS); return their constant, in money.

    Energy that may lie below the minimum backs nothing up to there, which no weight may count as a loss.
    """
    terms[:] = 0.0
    constant, stays = 0.0, max(asset.last_window - asset.first_window, 1)
    top = max(asset.energy_max_kwh, asset.energy_initial_kwh)
    for k in range(stays):
        begin, end = 0, held.price.shape[1]
        if asset.last_window > asset.first_window:
            window = windows[asset.first_window + k]
            begin, end = window.from_interval, window.to_interval
        backed = asset.max_discharge_kw > 0.0 and floor[k] >= asset.energy_min_kwh - BELOW_KWH
        for t in range(begin, end):
            row, up, down = terms[t], held.price[0, t], held.price[1, t]
            row[CHARGE] = row[COUNTED] = down - up
            row[DISCHARGE] = up - down
            constant -= interval_h * (up * asset.max_discharge_kw + down * asset.max_charge_kw)
            if backed and held.sustain_h[0, t] > 0.0:
                unit = asset.discharge_efficiency / held.sustain_h[0, t]  # kW per kWh
                at_end, at_start = weights_at(held.weight[i, t], 0)
                rate, loss = interval_h * up * unit, up * (at_end + at_start)
                row[UP_RATE], row[UP_RATE + 1] = rate * at_end, rate * at_start
                row[UP_LEVEL] = asset.energy_min_kwh + asset.max_discharge_kw / unit
                row[DISCHARGE] -= loss
                if not capped:
                    row[CHARGE] += loss
                    row[UP_LEVEL] = top
                    room = unit * (top - asset.energy_min_kwh)
                    constant += interval_h * loss * (asset.max_discharge_kw - room)
            if held.sustain_h[1, t] > 0.0:
                unit = 1.0 / (asset.charge_efficiency * held.sustain_h[1, t])
                at_end, at_start = weights_at(held.weight[i, t], 2)
                rate, loss = interval_h * down * unit, down * (at_end + at_start)
                row[DOWN_RATE], row[DOWN_RATE + 1] = rate * at_end, rate * at_start
                row[DOWN_LEVEL] = asset.energy_max_kwh - asset.max_charge_kw / unit
                row[CHARGE] -= loss
                if not capped:
                    row[DISCHARGE] += loss
                    row[DOWN_LEVEL] = 0.0
                    constant += interval_h * loss * (asset.max_charge_kw - unit * asset.energy_max_kwh)
    return constant


@njit(**KERNEL)
def add_backing(x, v, first, last, terms, place):
    """Add what reserve loses by energy at an interval's end (place 0) or start (1); return the new last."""
    last = add_missing(x, v, first, last, terms[UP_LEVEL], terms[UP_RATE + place])
    last = with_corner(x, v, first, last, terms[DOWN_LEVEL])
    for k in range(first, last):
        v[k] += terms[DOWN_RATE + place] * max(0.0, x[k] - terms[DOWN_LEVEL])
    return last
