"""One pass over a fleet whose assets have budgets, reserve or wear by depth.

As `sweep`, with the step of `step` on a stage cost that the multipliers of `private` have tilted. What they
say is only a direction: a schedule counts by its exact cost (`measure`), and is taken if that falls.

    multipliers ──tilted stage costs──► path  ──budget's price, until within──► path ──exact cost──► accepted?
                                                                              half way back ◄──no──┘
"""

from __future__ import annotations

import numpy as np
from numba import get_num_threads, njit, prange, set_num_threads

from optimizer.decomposed.answer import copy, counted_tilted, move_weights, private_prices
from optimizer.decomposed.bench import gain_of, new_bench
from optimizer.decomposed.budget import blend, within_budget
from optimizer.decomposed.coupling import ALLOCATING, EXACT, Coupling, settle_peak, shared_of
from optimizer.decomposed.depth import FRESH, settle_asset
from optimizer.decomposed.fleet import Fleet
from optimizer.decomposed.inside import new_inside
from optimizer.decomposed.measure import held_sums, measure
from optimizer.decomposed.private import DOWN, UP, Private
from optimizer.decomposed.reserve import Held, held_price
from optimizer.decomposed.segments import prices_at
from optimizer.decomposed.step import energy_of
from optimizer.decomposed.stores import has_stores
from optimizer.decomposed.sweep import ONE_THREAD_UP_TO, State, deal_rounds, difference, merge_lanes
from optimizer.decomposed.work import CHARGE, DISCHARGE, OFF, Settings, new_work
from optimizer.decomposed.worn import step_stores
from optimizer.problem import Floats, Ints


@njit(**EXACT)
def _possible(asset, stays, w, power):
    """Whether the powers keep the energy within its limits and outside (0, minimum)."""
    energy = asset.energy_initial_kwh
    for q in range(asset.first_stay, asset.last_stay):
        for t in range(stays[q].from_interval, stays[q].to_interval):
            kw = power[t]
            if 0.0 < kw < asset.min_charge_kw - 1e-9 or 0.0 < -kw < asset.min_discharge_kw - 1e-9:
                return False
            energy += energy_of(asset, kw)
            if not w.low[t] - 1e-9 <= energy <= asset.energy_max_kwh + 1e-9:
                return False
        energy = max(0.0, energy - stays[q].trip_kwh)
    return True


@njit(**EXACT)
def _prepare(held, asset, stays, p, i, old, always, settings, b):
    """Fill private prices at the present schedule; return its own cost."""
    interval_h, penalty = settings.interval_h, settings.penalty_per_kwh
    own, _ = measure(asset, stays, p, i, old, interval_h, penalty, b.segments, b.energy, b.share_old)
    for way in range(2):
        for t in range(b.share_old.shape[1]):
            b.held_rest[way, t] -= asset.weight * b.share_old[way, t]
            b.held_price[way, t] = held_price(
                held, way, t, b.held_rest[way, t] + asset.weight * b.share_old[way, t]
            )
    if b.share_old.shape[1] > 0 and not always:
        for t in range(old.size):
            b.after[t] = b.energy[t] + energy_of(asset, old[t])
        move_weights(asset, stays, p, i, old, b.energy, b.after, interval_h, 0.5)
    private_prices(asset, p, i, b.held_price, b.charge, b.discharge, interval_h)
    return own


@njit(**EXACT)
def _step(c, held, asset, stays, p, i, old, previous, always, settings, w, b, modes, best, trial):
    """Find the asset's next schedule in `best`; return (accepted, its own cost, that of the present one).

    Needs the sums of reserve in b.held_rest, the asset's own share included.
    """
    own_now = _prepare(held, asset, stays, p, i, old, always, settings, b)
    gain, own = np.inf, own_now
    for attempt in range(2):
        free = attempt == 0
        if free and asset.counted == 1 and p.depth_row[i] < 0:
            for t in range(trial.size):
                trial[t] = 0.5 * asset.max_charge_kw
            prices_at(c, asset.weight, trial, w, b.price)
            for t in range(trial.size):
                b.price[t] += b.charge[t] + settings.early_tilt_per_kwh * t
            counted_tilted(asset, stays, b.price, settings.penalty_per_kwh, settings.interval_h, b, trial)
            allowed = True
        else:
            allowed = within_budget(c, asset, stays, old, previous, p, i, modes, free, settings, w, b, trial)
        gain_trial, own_trial = gain_of(
            c, held, asset, stays, p, i, trial, old, own_now, previous, settings, w, b
        )
        if (allowed and gain_trial < gain) or (free and always):
            gain, own = gain_trial, own_trial
            copy(trial, best)
            copy(b.share[UP], b.share_best[UP])
            copy(b.share[DOWN], b.share_best[DOWN])
        if asset.stepped == 0 or settings.level == 0 or not free:
            break
        for t in range(trial.size):
            modes[t] = CHARGE if trial[t] > 0.0 else (DISCHARGE if trial[t] < 0.0 else OFF)
        if asset.counted == 1 and settings.level < 2:
            break
    if not always and -1e-10 < gain < np.inf and asset.stepped == 0:
        for share in (0.4, 0.1):  # the prices are a direction: a shorter way may help
            blend(asset, old, best, share, trial)
            gain, own = gain_of(c, held, asset, stays, p, i, trial, old, own_now, previous, settings, w, b)
            if gain < -1e-10 and _possible(asset, stays, w, trial):
                copy(trial, best)
                copy(b.share[UP], b.share_best[UP])
                copy(b.share[DOWN], b.share_best[DOWN])
                break
            gain = np.inf
    return always or gain < -1e-10, own, own_now


@njit(**ALLOCATING)
def _run_chunk(
    c, held, assets, stays, p, rows, power, own, previous, moved, always, settings, fleet_sum, feeder_sum,
    held_sum,
):  # fmt: skip
    """Step the assets `rows` of one feeder in turn; updates the given copies of the sums."""
    intervals = fleet_sum.size
    w, modes = (
        new_work(intervals, c.offset.shape[0] + c.feeder_offset.shape[0]),
        np.zeros(intervals, np.int64),
    )
    d, size = new_inside(p.segment_kwh.shape[1], intervals), np.zeros(p.segment_kwh.shape[1])
    b = new_bench(intervals, p.segment_kwh.shape[1], p.asked.shape[1])
    best, trial = np.zeros(intervals), np.zeros(intervals)
    _run_rows(
        c, held, assets, stays, p, rows, power, own, previous, moved, always, settings, fleet_sum,
        feeder_sum, held_sum, w, b, d, size, modes, best, trial,
    )  # fmt: skip


@njit(**EXACT)
def _run_rows(
    c, held, assets, stays, p, rows, power, own, previous, moved, always, settings, fleet_sum, feeder_sum,
    held_sum, w, b, d, size, modes, best, trial,
):  # fmt: skip
    copy(c.base, b.base)
    for k in range(rows.size):
        i = rows[k]
        asset, old = assets[i], power[i]
        before = previous[i] if previous.shape[0] > 0 else old
        for t in range(old.size):
            w.rest[t] = fleet_sum[t] - asset.weight * old[t]
            w.rest_feeder[t] = feeder_sum[t] - asset.weight * old[t]
        for way in range(2):
            copy(held_sum[way], b.held_rest[way])
        if p.depth_row[i] >= 0 and p.aimed[p.depth_row[i]] == FRESH:
            prices_at(c, asset.weight, old, w, b.price)
            settle_asset(
                asset, stays, p, i, b.price, b.held_price, settings.interval_h,
                settings.penalty_per_kwh, d, size,
            )  # fmt: skip
        if has_stores(asset, stays, p, i) and (not always or p.aimed[p.depth_row[i]] == 1):
            accepted, cost, cost_now = step_stores(
                c, held, asset, stays, p, i, old, before, always, settings, w, b, modes, best, trial
            )
        else:
            accepted, cost, cost_now = _step(
                c, held, asset, stays, p, i, old, before, always, settings, w, b, modes, best, trial
            )
        own[i] = cost if accepted else cost_now
        if not accepted:
            continue
        moved[i] = 1
        for way in range(2):
            for t in range(held_sum.shape[1]):
                held_sum[way, t] = b.held_rest[way, t] + asset.weight * b.share_best[way, t]
        for t in range(old.size):
            if best[t] != old[t]:
                fleet_sum[t] = w.rest[t] + asset.weight * best[t]
                feeder_sum[t] = w.rest_feeder[t] + asset.weight * best[t]
                old[t] = best[t]


@njit(**EXACT)
def _held_difference(new, old, out):
    for way in range(2):
        difference(new[way], old[way], out[way])


@njit(**EXACT)
def _merge_held(chunks, held_sum, changed):
    for lane in range(chunks.size):
        if chunks[lane] >= 0:
            for way in range(2):
                for t in range(held_sum.shape[1]):
                    held_sum[way, t] += changed[lane, way, t]


@njit(parallel=True, cache=True, nogil=True, **ALLOCATING)
def _sweep(
    c, held, assets, stays, p, order, first, rounds, power, own, previous, moved, always, settings, fleet_sum,
    feeder_sum, held_sum,
):  # fmt: skip
    """Run all rounds of chunks; chunk k holds order[first[k]:first[k + 1]], -1 marks an idle lane."""
    lanes, intervals = rounds.shape[1], fleet_sum.size
    changed, feeder_changed = np.empty((lanes, intervals)), np.empty((lanes, intervals))
    held_changed = np.empty((lanes, 2, held_sum.shape[1]))
    for q in range(rounds.shape[0]):
        settle_peak(c, fleet_sum)
        for lane in prange(lanes):
            if rounds[q, lane] >= 0:
                k = rounds[q, lane]
                rows = order[first[k] : first[k + 1]]
                feeder = assets[rows[0]].feeder
                mine, mine_feeder, mine_held = fleet_sum.copy(), feeder_sum[feeder].copy(), held_sum.copy()
                shared = shared_of(c, feeder)
                _run_chunk(
                    shared, held, assets, stays, p, rows, power, own, previous, moved, always, settings,
                    mine, mine_feeder, mine_held,
                )  # fmt: skip
                difference(mine, fleet_sum, changed[lane])
                difference(mine_feeder, feeder_sum[feeder], feeder_changed[lane])
                _held_difference(mine_held, held_sum, held_changed[lane])
        merge_lanes(assets, order, first, rounds[q], fleet_sum, feeder_sum, changed, feeder_changed)
        _merge_held(rounds[q], held_sum, held_changed)


def sweep_private(
    fleet: Fleet,
    coupling: Coupling,
    private: Private,
    held: Held,
    state: State,
    rows: Ints,
    settings: Settings,
    *,
    generator: np.random.Generator,
    chunk: int,
    previous_kw: Floats | None = None,
    always: bool = False,
) -> None:
    """Step the records `rows` once; changes `state`, the multipliers in `private` and the peak level."""
    order = rows[np.lexsort((generator.random(len(rows)), fleet.assets["feeder"][rows]))]
    first, rounds = deal_rounds(fleet.assets["feeder"][order], fleet.feeders, chunk, generator)
    before = np.zeros((0, fleet.intervals)) if previous_kw is None else previous_kw
    state.moved[rows] = 0
    threads = get_num_threads()
    set_num_threads(1 if len(rows) <= ONE_THREAD_UP_TO else threads)
    held_kw = held_sums(fleet, private, state.power_kw)
    _sweep(
        coupling, held, fleet.assets, fleet.stays, private, order, first, rounds,
        state.power_kw, state.own_cost, before, state.moved, always, settings, state.fleet_sum_kw,
        state.feeder_sum_kw, held_kw,
    )  # fmt: skip
    set_num_threads(threads)
    state.recount(fleet)
