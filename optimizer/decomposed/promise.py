"""Whether a step is worth its while: what an asset could gain at the prices it meets, by its schedule alone.

A step solves the whole horizon and takes 20 to 40 us; most of them find what the asset does already. Here
a scan along the schedule looks for one pair of intervals between which moving energy gains enough,

    store more in s, take more in t:     gain = v x - c x^2 / 2
    energy ▲      ┌───────┐              v: worth in t minus cost in s, money per kWh
           │ ─────┘       └─────         c: how fast both prices turn against it
           └──────s───────t───► time     x: as far as both powers allow; not across a full or an empty store

in both directions, and at both ends (targets, final value). It says nothing of what more than one pair would
gain, nor of minimum powers, so it only decides who steps; what a step then does is exact.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from optimizer.decomposed.coupling import EXACT, FAST, add_ramp_prices

NEAR = 1e-9  # kWh
REACH = 0.2
"""How fast prices rise and fall is measured over this share of an asset's greatest power."""


@njit(**FAST)
def _shifted(x, by, out):
    for t in range(x.size):
        out[t] = x[t] + by


@njit(**EXACT)
def _prices(c, fleet_sum, feeder_sum, by, w, price):
    """Write the smoothed prices (T) with all net charging `by` kW higher."""
    _shifted(fleet_sum, by, w.trial)
    _shifted(feeder_sum, by, w.trial_feeder)
    for t in range(price.size):
        price[t] = c.base[t]
    add_ramp_prices(c.offset, c.step, c.stiffness, w.trial, price)
    add_ramp_prices(c.feeder_offset, c.feeder_step, c.feeder_stiffness, w.trial_feeder, price)


@njit(**EXACT)
def prices_met(c, asset, fleet_sum, feeder_sum, w):
    """Write the prices (T) at the present sums, and how much they rise with a kW more and fall with one less.

    In w.price_middle, money per kWh, and in w.price_high and w.price_low, the same per kW of the asset's own.
    """
    reach = max(REACH * max(asset.max_charge_kw, asset.max_discharge_kw), 1e-3)
    _prices(c, fleet_sum, feeder_sum, 0.0, w, w.price_middle)
    _prices(c, fleet_sum, feeder_sum, reach * asset.weight, w, w.price_high)
    _prices(c, fleet_sum, feeder_sum, -reach * asset.weight, w, w.price_low)
    each = 1.0 / reach
    for t in range(w.price_middle.size):
        w.price_high[t] = (w.price_high[t] - w.price_middle[t]) * each
        w.price_low[t] = (w.price_middle[t] - w.price_low[t]) * each


@njit(inline="always", **EXACT)
def _gains(worth, curve, most, enough):
    """Whether v x - c x^2 / 2 reaches `enough` for some x up to `most`."""
    if not worth > 0.0 or worth * most < enough:
        return False
    if curve * most <= worth:
        return most * (worth - 0.5 * curve * most) >= enough
    return worth * worth >= 2.0 * curve * enough


@njit(**EXACT)
def promises(asset, stays, power, previous, settings, w):
    """Whether some pair of intervals would gain settings.least_promise; needs `prices_met` in `w`."""
    energy, enough, penalty = asset.energy_initial_kwh, settings.least_promise, settings.penalty_per_kwh
    unit_up, unit_down, wear = asset.charge_kwh_per_kw, asset.discharge_kwh_per_kw, asset.wear_cost_per_kwh
    up, down, high = settings.interval_h / unit_up, settings.interval_h / unit_down, asset.max_charge_kw
    bend_up, bend_down = up / unit_up, down / unit_down
    calm, tilt, price = settings.stability_per_kwh, settings.early_tilt_per_kwh, w.price_middle
    cheap, cheap_curve, cheap_most = np.inf, 0.0, 0.0  # the cheapest kWh to store so far
    dear, dear_curve, dear_most = -np.inf, 0.0, 0.0  # the dearest kWh to take so far
    for q in range(asset.first_stay, asset.last_stay):
        stay = stays[q]
        low = 0.0 if stay.charge_only == 1 else -asset.max_discharge_kw
        for t in range(stay.from_interval, stay.to_interval):
            kw, charging = power[t], price[t] + wear + tilt * t
            rising, falling = charging, charging
            store_most = take_most = 0.0
            store_curve, take_curve = bend_up * w.price_high[t], bend_up * w.price_low[t]
            if calm > 0.0:
                rising += calm if kw >= previous[t] else -calm
                falling += calm if kw > previous[t] else -calm
            if kw >= 0.0:
                store, store_most = rising * up, (high - kw) * unit_up
            else:
                store, store_most = (rising - 2.0 * wear - tilt * t) * down, -kw * unit_down
                store_curve = bend_down * w.price_high[t]
            if kw > 0.0:
                take, take_most = falling * up, kw * unit_up
            else:
                take, take_most = (falling - 2.0 * wear - tilt * t) * down, (kw - low) * unit_down
                take_curve = bend_down * w.price_low[t]
            if take_most > NEAR:
                if _gains(take - cheap, cheap_curve + take_curve, min(cheap_most, take_most), enough):
                    return True
                if take > dear:
                    dear, dear_curve, dear_most = take, take_curve, take_most
            if store_most > NEAR:
                if _gains(dear - store, dear_curve + store_curve, min(dear_most, store_most), enough):
                    return True
                if store < cheap:
                    cheap, cheap_curve, cheap_most = store, store_curve, store_most
            energy += kw * (unit_up if kw >= 0.0 else unit_down)
            if energy >= asset.energy_max_kwh - NEAR:
                cheap, cheap_most = np.inf, 0.0
            if energy <= stay.floor_kwh + NEAR:
                dear, dear_most = -np.inf, 0.0
        need = max(stay.target_kwh, stay.trip_kwh)
        room = min(cheap_most, need - energy)
        if need > 0.0 and room > NEAR and _gains(penalty - cheap, cheap_curve, room, enough):
            return True
        if need > 0.0 and energy <= need + NEAR:
            dear, dear_most = -np.inf, 0.0
        energy = max(0.0, energy - stay.trip_kwh)
    worth = asset.final_value_per_kwh + (penalty if energy < asset.final_min_kwh - NEAR else 0.0)
    if _gains(worth - cheap, cheap_curve, cheap_most, enough):
        return True
    spare = energy - asset.final_min_kwh
    return spare > NEAR and _gains(dear - worth, dear_curve, min(dear_most, spare), enough)
