"""One pass over the fleet: assets step one after the other, two lanes side by side.

    round 1    lane A: chunk 7 of feeder 2        lane B: chunk 3 of feeder 0     each on a copy of the sums
               ─────────── merge both changes, settle the peak level ───────────
    round 2    ...

A chunk holds assets of one feeder. The number of lanes is fixed, so a pass gives the same schedule on
any number of threads. A change is accepted only if the smoothed total cost falls.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numba import get_num_threads, njit, prange, set_num_threads
from numpy.typing import NDArray

from optimizer.decomposed.coupling import ALLOCATING, EXACT, Coupling, settle_peak, shared_of
from optimizer.decomposed.fleet import Fleet
from optimizer.decomposed.oracle import counted_best, counted_extra
from optimizer.decomposed.promise import prices_met, promises
from optimizer.decomposed.segments import prices_at
from optimizer.decomposed.semicontinuous import new_grid, search_modes
from optimizer.decomposed.step import backward, change, forward
from optimizer.decomposed.work import CHARGE, DISCHARGE, OFF, Settings, new_work
from optimizer.problem import Floats, Ints

LANES = 2

ONE_THREAD_UP_TO = 3000
WORTH_TWO = 8
"""Up to so many assets a pass runs on one thread, as waiting costs more, but for chunks worth it."""


@njit(**EXACT)
def _counted_response(c, asset, stays, settings, w, scratch, power):
    """Best charging of a counted asset at the prices of its half power; return its own cost."""
    stay = stays[asset.first_stay]
    price, ordered, extra, place = scratch
    power[:] = 0.5 * asset.max_charge_kw
    prices_at(c, asset.weight, power, w, price)
    for t in range(stay.from_interval, stay.to_interval):
        price[t] += settings.early_tilt_per_kwh * t
    penalty, interval_h = settings.penalty_per_kwh, settings.interval_h
    _, count = counted_best(asset, stay, price, penalty, interval_h, ordered, place, extra)
    cost = counted_extra(asset, stay, count, ordered, penalty, interval_h, extra)
    power[:] = 0.0
    low = asset.min_charge_kw * asset.charge_kwh_per_kw
    for j in range(count):
        t = place[j]
        power[t] = min((low + extra[j]) / asset.charge_kwh_per_kw, asset.max_charge_kw)
        cost -= ordered[j] * interval_h * power[t]
    return cost


@njit(**EXACT)
def _same(new, old):
    for t in range(new.size):
        if new[t] != old[t]:
            return False
    return True


@njit(**EXACT)
def _step(c, asset, stays, old, own_old, previous, always, settings, w, scratch, grid, modes, best, trial):
    """Find the asset's next schedule in `best`; return (accepted, own cost, change of the total).

    First freely (stepped assets rounded, or counted); then, for stepped assets, once more with the
    modes off / charge / discharge held, so that nothing is rounded any more.
    """
    gain, own = np.inf, own_old
    for attempt in range(2):
        free = attempt == 0
        if free and asset.counted == 1:
            own_trial = _counted_response(c, asset, stays, settings, w, scratch, trial)
            allowed = True
            if settings.level < 2 and not always and _same(trial, old):
                return False, own_old, 0.0
        else:
            served = backward(c, asset, stays, old, previous, modes, free, settings, w)
            allowed, own_trial = forward(asset, stays, free, modes, settings, w, trial)
            allowed = allowed and served
        gain_trial = change(c, asset, trial, old, own_trial, own_old, previous, settings, w)
        if (allowed and gain_trial < gain) or (free and always):
            gain, own = gain_trial, own_trial
            for t in range(trial.size):
                best[t] = trial[t]
        if asset.stepped == 0 or settings.level == 0 or not free:
            break
        for t in range(trial.size):
            modes[t] = CHARGE if trial[t] > 0.0 else (DISCHARGE if trial[t] < 0.0 else OFF)
        if settings.level > 1 and asset.counted == 0:
            search_modes(c, asset, stays, settings, w, grid, modes)
        elif asset.counted == 1 and settings.level < 2:
            break
    return always or gain < -1e-10, own, gain


@njit(**ALLOCATING)
def _run_chunk(
    c, assets, stays, rows, power, own, previous, moved, always, settings, fleet_sum, feeder_sum
):  # fmt: skip
    """Step the assets `rows` of one feeder in turn; updates the given copies of the sums."""
    intervals = fleet_sum.size
    w, modes = (
        new_work(intervals, c.offset.shape[0] + c.feeder_offset.shape[0]),
        np.zeros(intervals, np.int64),
    )
    grid = new_grid(intervals if settings.level > 1 else 0)
    best, trial = np.empty(intervals), np.empty(intervals)
    scratch = (
        np.empty(intervals),
        np.empty(intervals + 1),
        np.empty(intervals),
        np.empty(intervals, np.int64),
    )
    _run_rows(
        c, assets, stays, rows, power, own, previous, moved, always, settings, fleet_sum, feeder_sum,
        w, scratch, grid, modes, best, trial,
    )  # fmt: skip


@njit(**EXACT)
def _run_rows(
    c, assets, stays, rows, power, own, previous, moved, always, settings, fleet_sum, feeder_sum,
    w, scratch, grid, modes, best, trial,
):  # fmt: skip
    rest, rest_feeder, stale = w.rest, w.rest_feeder, True
    looking = settings.least_promise > 0.0 and not always
    for k in range(rows.size):
        i = rows[k]
        asset, old = assets[i], power[i]
        before = previous[i] if previous.shape[0] > 0 else old
        if looking:
            if stale:
                prices_met(c, asset, fleet_sum, feeder_sum, w)
            stale = promises(asset, stays, old, before, settings, w)
            if not stale:
                continue
        for t in range(old.size):
            rest[t] = fleet_sum[t] - asset.weight * old[t]
            rest_feeder[t] = feeder_sum[t] - asset.weight * old[t]
        accepted, cost, _ = _step(
            c, asset, stays, old, own[i], before, always, settings, w, scratch, grid, modes, best, trial
        )
        if not accepted:
            continue
        own[i] = cost
        moved[i] = 1
        for t in range(old.size):
            if best[t] != old[t]:
                fleet_sum[t] = rest[t] + asset.weight * best[t]
                feeder_sum[t] = rest_feeder[t] + asset.weight * best[t]
                old[t] = best[t]


@njit(**EXACT)
def difference(new, old, out):
    for t in range(new.size):
        out[t] = new[t] - old[t]


@njit(**EXACT)
def merge_lanes(assets, order, first, chunks, fleet_sum, feeder_sum, changed, feeder_changed):
    for lane in range(chunks.size):
        if chunks[lane] >= 0:
            feeder = assets[order[first[chunks[lane]]]].feeder
            for t in range(fleet_sum.size):
                fleet_sum[t] += changed[lane, t]
                feeder_sum[feeder, t] += feeder_changed[lane, t]


@njit(parallel=True, cache=True, nogil=True, **ALLOCATING)
def _sweep(
    c, assets, stays, order, first, rounds, power, own, previous, moved, always, settings,
    fleet_sum, feeder_sum,
):  # fmt: skip
    """Run all rounds of chunks; chunk k holds order[first[k]:first[k + 1]], -1 marks an idle lane."""
    lanes, intervals = rounds.shape[1], fleet_sum.size
    changed, feeder_changed = np.empty((lanes, intervals)), np.empty((lanes, intervals))
    for q in range(rounds.shape[0]):
        settle_peak(c, fleet_sum)
        for lane in prange(lanes):
            if rounds[q, lane] >= 0:
                k = rounds[q, lane]
                rows = order[first[k] : first[k + 1]]
                feeder = assets[rows[0]].feeder
                mine, mine_feeder = fleet_sum.copy(), feeder_sum[feeder].copy()
                shared = shared_of(c, feeder)
                _run_chunk(
                    shared, assets, stays, rows, power, own, previous, moved, always, settings,
                    mine, mine_feeder,
                )  # fmt: skip
                difference(mine, fleet_sum, changed[lane])
                difference(mine_feeder, feeder_sum[feeder], feeder_changed[lane])
        merge_lanes(assets, order, first, rounds[q], fleet_sum, feeder_sum, changed, feeder_changed)


@dataclass(slots=True)
class State:
    """What the sweeps move: signed power (N, T; positive charges), own costs, and the sums."""

    power_kw: Floats
    own_cost: Floats
    moved: NDArray[np.int8]
    fleet_sum_kw: Floats  # (T)
    feeder_sum_kw: Floats  # (F, T)

    def recount(self, fleet: Fleet) -> None:
        """Recompute the sums from the powers, so that rounding does not add up over passes."""
        self.feeder_sum_kw[:] = feeder_sums(fleet, self.power_kw)
        self.fleet_sum_kw[:] = self.feeder_sum_kw.sum(axis=0)


def feeder_sums(fleet: Fleet, power_kw: Floats) -> Floats:
    """Weighted net charging per feeder, shape (F, T), kW.

    By `einsum`: a product of matrices wakes BLAS' threads, which then spin on the lanes' cores.
    """
    sums = np.zeros((fleet.feeders, power_kw.shape[1]))
    for f in range(fleet.feeders):
        rows = slice(fleet.feeder_first[f], fleet.feeder_first[f + 1])
        sums[f] = np.einsum("n,nt->t", fleet.assets["weight"][rows], power_kw[rows])
    return sums


def sweep(
    fleet: Fleet,
    coupling: Coupling,
    state: State,
    rows: Ints,
    settings: Settings,
    *,
    generator: np.random.Generator,
    chunk: int,
    previous_kw: Floats | None = None,
    always: bool = False,
) -> None:
    """Step the records `rows` once, in a random order of chunks; changes `state` and the peak level."""
    order = rows[np.lexsort((generator.random(len(rows)), fleet.assets["feeder"][rows]))]
    first, rounds = deal_rounds(fleet.assets["feeder"][order], fleet.feeders, chunk, generator)
    before = np.zeros((0, fleet.intervals)) if previous_kw is None else previous_kw
    state.moved[rows] = 0
    threads = get_num_threads()
    set_num_threads(1 if len(rows) <= ONE_THREAD_UP_TO and chunk < WORTH_TWO else threads)
    _sweep(
        coupling, fleet.assets, fleet.stays, order, first, rounds, state.power_kw,
        state.own_cost, before, state.moved, always, settings, state.fleet_sum_kw,
        state.feeder_sum_kw,
    )  # fmt: skip
    set_num_threads(threads)
    state.recount(fleet)


def deal_rounds(feeder: Ints, feeders: int, chunk: int, generator: np.random.Generator) -> tuple[Ints, Ints]:
    """Cut records in feeder order into chunks of one feeder and deal these to rounds of two lanes.

    Each lane has its own half of the feeders, so that no two lanes relieve the same overload; one feeder
    alone is shared. Return the starts of the chunks and the rounds (R, LANES) of chunks, -1 for none.
    """
    bounds = np.searchsorted(feeder, np.arange(feeders + 1))
    starts = [np.arange(a, b, chunk) for a, b in pairwise(bounds)]
    first = np.append(np.concatenate(starts), len(feeder)).astype(np.int64)
    chunks = generator.permutation(len(first) - 1)
    lane = generator.permutation(feeders)[feeder[first[chunks]]] % LANES if feeders > 1 else chunks % LANES
    hands = [chunks[lane == k] for k in range(LANES)]
    while len(hands[0]) > len(hands[1]) + 1:  # even the hands out with the last chunks dealt
        hands = [hands[0][:-1], np.append(hands[1], hands[0][-1])]
    while len(hands[1]) > len(hands[0]) + 1:
        hands = [np.append(hands[0], hands[1][-1]), hands[1][:-1]]
    rounds = np.full((max(len(hand) for hand in hands), LANES), -1, np.int64)
    for k, hand in enumerate(hands):
        rounds[: len(hand), k] = hand
    return first, rounds


def new_state(fleet: Fleet, power_kw: Floats | None = None) -> State:
    """Return a state at rest, or at the given powers; all assets count as moved."""
    shape = len(fleet), fleet.intervals
    return State(
        power_kw=np.zeros(shape) if power_kw is None else power_kw,
        own_cost=np.zeros(shape[0]),
        moved=np.ones(shape[0], np.int8),
        fleet_sum_kw=np.zeros(fleet.intervals),
        feeder_sum_kw=np.zeros((fleet.feeders, fleet.intervals)),
    )
