"""One pass over a fleet whose assets have budgets, reserve or wear by depth.

As `sweep`, with the step of `step` on a stage cost that the multipliers of `private` have tilted. What they
say is only a direction: a schedule counts by its exact cost (`measure`), and is taken if that falls.

    multipliers ──tilted stage costs──► path  ──budget's price, until within──► path ──exact cost──► accepted?
                                                                              half way back ◄──no──┘
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import get_num_threads, njit, prange, set_num_threads

from optimizer.decomposed.answer import (
    copy,
    counted_tilted,
    move_weights,
    private_prices,
    reward_energy,
)
from optimizer.decomposed.coupling import ALLOCATING, EXACT, Coupling, settle_peak, shared_of
from optimizer.decomposed.fleet import Fleet
from optimizer.decomposed.measure import held_sums, measure
from optimizer.decomposed.private import DOWN, UP, Private
from optimizer.decomposed.reserve import Held, held_change, held_price
from optimizer.decomposed.segments import price_ranges, prices_at, two_segments
from optimizer.decomposed.slopes import (
    before_departure,
    before_trip,
    merge_segments,
    pull_back,
    start_list,
    trim,
)
from optimizer.decomposed.step import change, curved_segments, energy_of, forward, merge_two
from optimizer.decomposed.stores import Shelf, fill_shelf, follow_aim, has_stores, new_shelf, open_shelf, step_store
from optimizer.decomposed.sweep import ONE_THREAD_UP_TO, State, deal_rounds, difference, merge_lanes
from optimizer.decomposed.work import CHARGE, DISCHARGE, OFF, SEGMENTS, Settings, new_work
from optimizer.problem import Floats, Ints

TRIES = 7
"""At most this many prices of a budget in one step."""
TOLL_SHARE = 0.02
"""By how much a budget's price rises, money per kWh, where an asset wants to draw twice its budget."""


class Bench(NamedTuple):
    """Scratch arrays of one lane beside those of `step`."""

    base: Floats  # (T): the shared base price
    charge: Floats  # (T): added to the price of charging
    discharge: Floats  # (T): taken off the price of discharging
    price: Floats  # (T)
    held_price: Floats  # (2, T)
    held_rest: Floats  # (2, T): kW held by the others
    share: Floats  # (2, T): held at the trial schedule
    share_old: Floats
    share_best: Floats
    segments: Floats  # (J)
    energy: Floats  # (T): at the start of the interval
    after: Floats  # (T)
    low_path: Floats  # (T): powers within the budget
    high_path: Floats  # (T): powers beyond the budget
    ordered: Floats  # (T + 1), for counting
    extra: Floats
    place: Ints
    shelf: Shelf


@njit(**ALLOCATING)
def new_bench(intervals, depth, asked):
    """Allocate the scratch arrays of one lane."""
    return Bench(
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros((2, asked)),
        np.zeros((2, asked)),
        np.zeros((2, asked)),
        np.zeros((2, asked)),
        np.zeros((2, asked)),
        np.zeros(depth),
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros(intervals + 1),
        np.zeros(intervals),
        np.zeros(intervals, np.int64),
        new_shelf(depth, intervals),
    )


@njit(**EXACT)
def _backward(c, asset, stays, old, previous, p, i, modes, free, beta, settings, w, b):
    """As `step.backward`, with private prices; changes c.base, which b.base keeps."""
    toll = beta * asset.discharge_kwh_per_kw / settings.interval_h
    for t in range(old.size):
        c.base[t] = b.base[t] - b.discharge[t] - toll
    price_ranges(c, asset, stays, modes, free, w)
    slope, length, penalty = w.slope, w.length, settings.penalty_per_kwh
    ceiling, last = asset.energy_max_kwh, stays[asset.last_stay - 1]
    low, high = max(0.0, last.floor_kwh - last.trip_kwh), ceiling
    head, end = start_list(slope, length, low, high, asset.final_value_per_kwh, asset.final_min_kwh, penalty)
    place, need = 0, asset.final_min_kwh
    for q in range(asset.last_stay - 1, asset.first_stay - 1, -1):
        stay = stays[q]
        head, end, low, high, _ = before_trip(
            slope, length, head, end, low, high, stay.trip_kwh, stay.floor_kwh, ceiling, penalty
        )
        head, end, _ = before_departure(slope, length, head, end, low, stay, penalty)
        need = min(max(need + stay.trip_kwh, stay.target_kwh), ceiling)
        head, end, low, high, need, place = _before_stay(
            c, asset, stay, old, previous, p, i, free, toll, settings, w, b, head, end, low, high, need, place
        )
        if high < low - 1e-9:
            return False
    return low - 1e-9 <= asset.energy_initial_kwh <= high + 1e-9


@njit(**EXACT)
def _before_stay(
    c, asset, stay, old, previous, p, i, free, toll, settings, w, b, head, end, low, high, need, place
):  # fmt: skip
    """Carry V from the end of a stay to its beginning; return (head, end, low, high, need, place)."""
    slope, length, key, width, threshold = w.slope, w.length, w.key, w.width, w.threshold
    unit_up, unit_down, wear = asset.charge_kwh_per_kw, asset.discharge_kwh_per_kw, asset.wear_cost_per_kwh
    key_up, key_down = -settings.interval_h / unit_up, -settings.interval_h / unit_down
    linear = settings.linear_below if settings.stability_per_kwh == 0.0 else -1.0
    with_reserve = p.asked.shape[1] > 0
    for t in range(stay.to_interval - 1, stay.from_interval - 1, -1):
        if with_reserve:
            head, end, _ = reward_energy(
                asset, p, i, t, 0, b.held_price, settings.interval_h, slope, length, head, end, low, high
            )
        w.low[t], w.need[t], w.first[t] = low, need, place
        least, most, price = w.power_low[t], w.power_high[t], w.price_low[t]
        count, rise = 0, w.price_high[t] - price
        tilt = settings.early_tilt_per_kwh * t + b.charge[t] + b.discharge[t] + toll
        if most > least + 1e-9 and rise <= linear:
            down, down_key, up, up_key = two_segments(least, most, price, rise, wear, tilt, key_up, key_down)
            count = merge_two(
                slope, length, head, end, high, down * unit_down, down_key, up * unit_up, up_key,
                threshold, width, place,
            )  # fmt: skip
            end += count
        elif most > least + 1e-9:
            count = curved_segments(
                c, asset, t, tilt, free, old[t], previous[t], w.rest[t], w.rest_feeder[t], settings, w, place
            )
            end = merge_segments(slope, length, head, end, high, count, key, width, threshold, place)
        w.segments[t], w.start[t] = count, energy_of(asset, least)
        place += count
        top = energy_of(asset, most)
        need -= max(top, 0.0)
        head, end, low, high = trim(
            slope, length, head, end, low - top, high - w.start[t], stay.floor_kwh, asset.energy_max_kwh
        )
        if high < low - 1e-9:
            break
        if with_reserve:
            head, end, _ = reward_energy(
                asset, p, i, t, 1, b.held_price, settings.interval_h, slope, length, head, end, low, high
            )
        if end + SEGMENTS + 12 > slope.size:
            head, end = pull_back(slope, length, head, end)
    return head, end, low, high, need, place


@njit(**EXACT)
def _drawn(asset, power):
    total = 0.0
    for t in range(power.size):
        total += max(-power[t], 0.0)
    return total * asset.discharge_kwh_per_kw


@njit(**EXACT)
def _blend(asset, one, other, share, out):
    """Write the powers whose energies are (1 - share) of the one and share of the other."""
    for t in range(out.size):
        move = (1.0 - share) * energy_of(asset, one[t]) + share * energy_of(asset, other[t])
        out[t] = move / (asset.charge_kwh_per_kw if move > 0.0 else asset.discharge_kwh_per_kw)
        if abs(out[t]) < 1e-9:
            out[t] = 0.0


@njit(**EXACT)
def _within_budget(c, asset, stays, old, previous, p, i, modes, free, settings, w, b, power):
    """Write the best powers whose energy out of the cell keeps the budget; return whether allowed.

    Raises or lowers the budget's price until one path is within and one beyond, then mixes the two so
    that the budget is just used (both cost the same at the price between).
    """
    budget = p.budget_kwh[i]
    beta = p.budget_price[i, 0] if budget < np.inf else 0.0
    low, high, low_drawn, high_drawn, reach = -1.0, np.inf, 0.0, 0.0, 0.005
    for attempt in range(TRIES):
        served = _backward(c, asset, stays, old, previous, p, i, modes, free, beta, settings, w, b)
        copy(b.base, c.base)
        allowed, _ = forward(asset, stays, free, modes, settings, w, power)
        allowed = allowed and served
        drawn = _drawn(asset, power)
        if not allowed or not budget < np.inf:
            return allowed
        if drawn > budget:
            low, low_drawn = beta, drawn
            copy(power, b.high_path)
        else:
            high, high_drawn = beta, drawn
            copy(power, b.low_path)
            if beta <= 0.0 or drawn > 0.999 * budget:
                break
        if high == np.inf:
            if attempt == TRIES - 1:
                return False
            beta = beta + reach if attempt < TRIES - 2 else 1e6  # at last, no discharge at all
            reach *= 4.0
        elif low < 0.0:
            beta, reach = max(0.0, beta - reach), 4.0 * reach
        elif high - low < 1e-4:
            break
        else:
            beta = 0.5 * (low + high)
    p.budget_price[i, 0] = min(high if low < 0.0 else 0.5 * (low + high), 10.0)
    copy(b.low_path, power)
    if low >= 0.0 and asset.stepped == 0 and low_drawn > high_drawn:
        _blend(asset, b.low_path, b.high_path, (budget - high_drawn) / (low_drawn - high_drawn), power)
        if _drawn(asset, power) > budget:
            copy(b.low_path, power)
    return True


@njit(**EXACT)
def _held_change(held, asset, b, interval_h):
    """Change of the smoothed reserve cost from share_old to share, in money."""
    total = 0.0
    for way in range(2):
        for t in range(b.share.shape[1]):
            if b.share[way, t] != b.share_old[way, t]:
                rest, m = b.held_rest[way, t], asset.weight
                total += held_change(held, way, t, rest + m * b.share[way, t], rest + m * b.share_old[way, t])
    return interval_h * total


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
def _gain(c, held, asset, stays, p, i, new, old, own_old, previous, settings, w, b):
    """Return (change of the smoothed total cost from old to new, exact own cost of new)."""
    own, drawn = measure(
        asset, stays, p, i, new, settings.interval_h, settings.penalty_per_kwh, b.segments, b.energy, b.share
    )
    gain = change(c, asset, new, old, own, own_old, previous, settings, w)
    gain += _held_change(held, asset, b, settings.interval_h)
    if drawn > p.budget_kwh[i] + 1e-9:
        gain = np.inf
    return gain, own


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
            allowed = _within_budget(c, asset, stays, old, previous, p, i, modes, free, settings, w, b, trial)
        gain_trial, own_trial = _gain(
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
            _blend(asset, old, best, share, trial)
            gain, own = _gain(c, held, asset, stays, p, i, trial, old, own_now, previous, settings, w, b)
            if gain < -1e-10 and _possible(asset, stays, w, trial):
                copy(trial, best)
                copy(b.share[UP], b.share_best[UP])
                copy(b.share[DOWN], b.share_best[DOWN])
                break
            gain = np.inf
    return always or gain < -1e-10, own, own_now


@njit(**EXACT)
def _step_stores(c, held, asset, stays, p, i, old, previous, always, settings, w, b, modes, best, trial):
    """As `_step`, for an asset that is stepped store by store; a budget keeps part of a step back.

    The budget's price follows what the asset wants to draw: up where that is too much, else down.
    """
    own_now, drawn = measure(
        asset, stays, p, i, old, settings.interval_h, settings.penalty_per_kwh, b.segments, b.energy, b.share
    )
    budget, own, accepted = p.budget_kwh[i], own_now, False
    toll = p.budget_price[i, 0] if budget < np.inf else 0.0
    copy(old, best)
    price_ranges(c, asset, stays, modes, True, w)
    open_shelf(asset, stays, b.shelf)
    wanted = drawn
    row = p.depth_row[i]
    if p.aimed[row] == 1:
        p.aimed[row] = 0
        follow_aim(asset, p.aim[row], b.shelf, w, b.high_path)
        for share in (1.0, 0.5, 0.2, 0.05):
            if always:  # the present powers are a placeholder
                for t in range(trial.size):
                    b.low_path[t] = 0.0
                scale = min(1.0, budget / max(_drawn(asset, b.high_path), 1e-9))
                _blend(asset, b.low_path, b.high_path, scale, trial)
            else:
                _blend(asset, old, b.high_path, share, trial)
            gain, own_trial = _gain(c, held, asset, stays, p, i, trial, old, own_now, previous, settings, w, b)
            if gain < -1e-10 or always:
                own, accepted = own_trial, True
                copy(trial, best)
                break
    for j in range(p.segment_kwh.shape[1]):
        fill_shelf(asset, p, row, best, b.shelf)
        if not step_store(c, asset, p, i, j, toll, best, b.shelf, settings, w, trial):
            continue
        now, wished = _drawn(asset, best), _drawn(asset, trial)
        wanted = max(wanted, wished) if j == 0 else max(wanted + wished - now, 0.0)
        if wished > budget:
            if not now < budget:
                continue
            copy(trial, b.high_path)
            _blend(asset, best, b.high_path, (budget - now) / (wished - now), trial)
        gain, own_trial = _gain(c, held, asset, stays, p, i, trial, best, own, previous, settings, w, b)
        if gain < -1e-10:
            own, accepted = own_trial, True
            copy(trial, best)
    if budget < np.inf and not always:
        p.budget_price[i, 0] = min(max(toll + TOLL_SHARE * (wanted / max(budget, 1e-3) - 1.0), 0.0), 10.0)
    return accepted, own, own_now


@njit(**ALLOCATING)
def _run_chunk(
    c, held, assets, stays, p, rows, power, own, previous, moved, always, settings, fleet_sum, feeder_sum,
    held_sum,
):  # fmt: skip
    """Step the assets `rows` of one feeder in turn; updates the given copies of the sums."""
    intervals = fleet_sum.size
    w, modes = new_work(intervals), np.zeros(intervals, np.int64)
    b = new_bench(intervals, p.segment_kwh.shape[1], p.asked.shape[1])
    best, trial = np.zeros(intervals), np.zeros(intervals)
    _run_rows(
        c, held, assets, stays, p, rows, power, own, previous, moved, always, settings, fleet_sum,
        feeder_sum, held_sum, w, b, modes, best, trial,
    )  # fmt: skip


@njit(**EXACT)
def _run_rows(
    c, held, assets, stays, p, rows, power, own, previous, moved, always, settings, fleet_sum, feeder_sum,
    held_sum, w, b, modes, best, trial,
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
        if has_stores(asset, stays, p, i) and (not always or p.aimed[p.depth_row[i]] == 1):
            accepted, cost, cost_now = _step_stores(
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
