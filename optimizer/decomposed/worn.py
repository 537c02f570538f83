"""A step of an asset with wear by depth: towards the path it was told to aim at, then store by store."""

from __future__ import annotations

import numpy as np
from numba import njit

from optimizer.decomposed.answer import copy
from optimizer.decomposed.bench import gain_of
from optimizer.decomposed.budget import blend, drawn_kwh
from optimizer.decomposed.coupling import EXACT
from optimizer.decomposed.measure import measure
from optimizer.decomposed.segments import price_ranges
from optimizer.decomposed.stores import fill_shelf, follow_aim, open_shelf, step_store

TOLL_SHARE = 0.02
"""By how much a budget's price rises, money per kWh, where an asset wants to draw twice its budget."""


SHARES = (1.0, 0.5, 0.2, 0.05)
"""Parts of the way to the aim that are tried."""


@njit(**EXACT)
def _towards_aim(c, held, asset, stays, p, i, old, own_now, previous, always, settings, w, b, best, trial):
    """Go as far towards the aim as pays; return (whether it did, own cost). `always`: `old` holds no path."""
    follow_aim(asset, p.aim[p.depth_row[i]], b.shelf, w, b.high_path)
    if always:
        for t in range(trial.size):
            b.low_path[t] = 0.0
        share = min(1.0, p.budget_kwh[i] / max(drawn_kwh(asset, b.high_path), 1e-9))
        blend(asset, b.low_path, b.high_path, share, best)
        return True, gain_of(c, held, asset, stays, p, i, best, old, own_now, previous, settings, w, b)[1]
    for share in SHARES:
        blend(asset, old, b.high_path, share, trial)
        gain, own = gain_of(c, held, asset, stays, p, i, trial, old, own_now, previous, settings, w, b)
        if gain < -1e-10:
            copy(trial, best)
            return True, own
    return False, own_now


@njit(**EXACT)
def _each_store(c, held, asset, stays, p, i, own, previous, settings, w, b, best, trial):
    """Step every store once, keeping the budget; return (whether any moved, own cost, kWh it wants out)."""
    budget, moved, wanted = p.budget_kwh[i], False, drawn_kwh(asset, best)
    toll = p.budget_price[i, 0] if budget < np.inf else 0.0
    for j in range(p.segment_kwh.shape[1]):
        fill_shelf(asset, p, p.depth_row[i], best, b.shelf)
        if not step_store(c, asset, p, i, j, toll, best, b.shelf, settings, w, trial):
            continue
        now, wished = drawn_kwh(asset, best), drawn_kwh(asset, trial)
        wanted = max(wanted + wished - now, 0.0)
        if wished > budget:
            if not now < budget:
                continue
            copy(trial, b.high_path)
            blend(asset, best, b.high_path, (budget - now) / (wished - now), trial)
        gain, own_trial = gain_of(c, held, asset, stays, p, i, trial, best, own, previous, settings, w, b)
        if gain < -1e-10:
            own, moved = own_trial, True
            copy(trial, best)
    return moved, own, wanted


@njit(**EXACT)
def step_stores(c, held, asset, stays, p, i, old, previous, always, settings, w, b, modes, best, trial):
    """As `adapt._step`, for an asset that is stepped store by store.

    A budget keeps part of a step back; its price follows what the asset wants to draw.
    """
    own_now, _ = measure(
        asset, stays, p, i, old, settings.interval_h, settings.penalty_per_kwh, b.segments, b.energy, b.share
    )
    copy(old, best)
    price_ranges(c, asset, stays, modes, True, w)
    open_shelf(asset, stays, b.shelf)
    accepted, own = False, own_now
    if p.aimed[p.depth_row[i]] == 1:
        p.aimed[p.depth_row[i]] = 0
        accepted, own = _towards_aim(
            c, held, asset, stays, p, i, old, own_now, previous, always, settings, w, b, best, trial
        )
    moved, own, wanted = _each_store(c, held, asset, stays, p, i, own, previous, settings, w, b, best, trial)
    budget = p.budget_kwh[i]
    if budget < np.inf and not always:
        toll = p.budget_price[i, 0] + TOLL_SHARE * (wanted / max(budget, 1e-3) - 1.0)
        p.budget_price[i, 0] = min(max(toll, 0.0), 10.0)
    return accepted or moved, own, own_now
