"""What some problems have on top: reserve, depth-dependent wear, calm against the plan in force."""

from __future__ import annotations

from typing import Any

import pyomo.environ as pyo

from optimizer.exact.assets import Model, numbers
from optimizer.exact.stays import Stays
from optimizer.problem import Ints, Problem, Reserve


def active_products(reserve: Reserve, *, up: bool) -> list[tuple[int, int]]:
    """Return the pairs (product, interval) of one direction."""
    spans = zip(numbers(reserve.from_interval), numbers(reserve.to_interval), strict=True)
    return [(r, t) for r, (a, b) in enumerate(spans) if bool(reserve.up[r]) is up for t in range(a, b)]


def add_reserve(model: Model, problem: Problem, stays: Stays) -> None:
    """Add capacity held back upwards (more discharge) and downwards (more charge), and its sale."""
    if problem.reserve is None or not len(problem.reserve):
        return
    _declare_direction(model, problem, "up")
    _declare_direction(model, problem, "down")
    _add_power_headroom(model)
    _add_energy_headroom_up(model, stays)
    _add_energy_headroom_down(model)


def _declare_direction(model: Model, problem: Problem, way: str) -> None:
    """Declare reserve[i,t] per cell and sold[r,t] <= max_kw, and state sum_r sold <= sum_i reserve.

    Where products of one direction overlap, a share is held for the longest of their times.
    """
    reserve = problem.reserve
    assert reserve is not None
    pairs = active_products(reserve, up=way == "up")
    by_interval: dict[int, list[int]] = {}
    for r, t in pairs:
        by_interval.setdefault(t, []).append(r)
    cells = [(i, t) for i, t in model.cells if t in by_interval]
    longest = {t: max(float(reserve.sustain_h[r]) for r in products) for t, products in by_interval.items()}
    power = {i: model.max_charge_kw[i] + model.max_discharge_kw[i] for i in model.assets}
    share = pyo.Var(cells, bounds=lambda m, i, t: (0.0, power[i]))
    sold = pyo.Var(pairs, bounds=lambda m, r, t: (0.0, float(reserve.max_kw[r])))
    at: dict[int, list[int]] = {t: [] for t in by_interval}
    for i, t in cells:
        at[t].append(i)
    held = pyo.Constraint(
        sorted(by_interval),
        rule=lambda m, t: sum(sold[r, t] for r in by_interval[t]) <= sum(share[i, t] for i in at[t]),
    )
    model.add_component(f"reserve_{way}", share)
    model.add_component(f"sold_{way}", sold)
    model.add_component(f"reserve_{way}_cells", pyo.Set(dimen=2, initialize=cells))
    model.add_component(f"sustain_{way}", pyo.Param(sorted(longest), initialize=longest))
    model.add_component(f"held_{way}", held)


def _add_power_headroom(model: Model) -> None:
    """State discharge - charge + up <= max_discharge and charge - discharge + down <= max_charge."""

    def power_headroom_up(m: Model, i: Any, t: Any) -> Any:
        return m.discharge[i, t] - m.charge[i, t] + m.reserve_up[i, t] <= m.max_discharge_kw[i]

    def power_headroom_down(m: Model, i: Any, t: Any) -> Any:
        return m.charge[i, t] - m.discharge[i, t] + m.reserve_down[i, t] <= m.max_charge_kw[i]

    model.power_headroom_up = pyo.Constraint(model.reserve_up_cells, rule=power_headroom_up)
    model.power_headroom_down = pyo.Constraint(model.reserve_down_cells, rule=power_headroom_down)


def _energy_before(m: Model, i: int, t: int) -> Any:
    """Return the energy at the start of cell (i, t), after the trip if one ended there."""
    if (i, t) not in m.stay_at:
        return m.energy[i, t - 1]
    stay = m.stay_at[i, t]
    return m.energy_initial_kwh[i] if stay in m.opening else m.energy_left[stay - 1]


def _add_energy_headroom_up(model: Model, stays: Stays) -> None:
    """State sustain * up / eta_d <= s - energy_min at both ends of the interval.

    An asset that cannot discharge gives `up` by charging less, which needs no stored energy. One
    that may lie below its minimum gives nothing until it has recovered: energy_min * recovered then
    stands for energy_min, and up <= (max_charge + max_discharge) * recovered.
    """
    openings = zip(numbers(stays.asset), numbers(stays.first), range(len(stays)), strict=True)
    model.stay_at = pyo.Param(model.cells, initialize={(i, t): w for i, t, w in openings}, within=pyo.Any)
    able = [cell for cell in model.reserve_up_cells if model.max_discharge_kw[cell[0]] > 0.0]

    def least(m: Model, i: int, t: int) -> Any:
        held = m.sustain_up[t] * m.reserve_up[i, t] / m.discharge_efficiency[i]
        return held + m.energy_min_kwh[i] * (m.recovered[i, t] if (i, t) in m.low_cells else 1.0)

    def before(m: Model, i: int, t: int) -> Any:
        return least(m, i, t) <= _energy_before(m, i, t)

    def after(m: Model, i: int, t: int) -> Any:
        return least(m, i, t) <= m.energy[i, t]

    def share(m: Model, i: int, t: int) -> Any:
        return m.reserve_up[i, t] <= m.reserve_up[i, t].ub * m.recovered[i, t]

    model.energy_headroom_up_before = pyo.Constraint(able, rule=before)
    model.energy_headroom_up_after = pyo.Constraint(able, rule=after)
    model.reserve_when_recovered = pyo.Constraint([c for c in able if c in model.low_cells], rule=share)


def _add_energy_headroom_down(model: Model) -> None:
    """State sustain * down * eta_c <= energy_max - s at both ends of the interval."""

    def before(m: Model, i: int, t: int) -> Any:
        held = m.sustain_down[t] * m.reserve_down[i, t] * m.charge_efficiency[i]
        return held <= m.energy_max_kwh[i] - _energy_before(m, i, t)

    def after(m: Model, i: int, t: int) -> Any:
        held = m.sustain_down[t] * m.reserve_down[i, t] * m.charge_efficiency[i]
        return held <= m.energy_max_kwh[i] - m.energy[i, t]

    model.energy_headroom_down_before = pyo.Constraint(model.reserve_down_cells, rule=before)
    model.energy_headroom_down_after = pyo.Constraint(model.reserve_down_cells, rule=after)


def add_depth_wear(model: Model, problem: Problem, stays: Stays) -> None:
    """Split the energy of some assets into segments of depth j, shallow to deep (Xu et al. 2018).

    stored[i,t,j] - drawn[i,t,j] moves segment j; sums over j are the flows in and out of the cell.
    The deepest segment also holds what lies below energy_min. Trips draw too. Cost: cost[j] * drawn.
    """
    wear = problem.wear
    if wear is None or not len(wear):
        return
    rows = {int(i): row for row, i in enumerate(wear.asset)}
    depth = wear.cost_per_kwh.shape[1]
    model.depths = pyo.RangeSet(0, depth - 1)
    cells = [(i, t, j) for i, t in model.cells if i in rows for j in range(depth)]
    model.worn_cells = pyo.Set(dimen=2, initialize=[(i, t) for i, t in model.cells if i in rows])
    model.worn_stays = pyo.Set(initialize=[w for w in model.stays if model.stay_asset[w] in rows])
    size = _segment_sizes(problem, wear.asset, depth)
    model.segment = pyo.Var(cells, bounds=lambda m, i, t, j: (0.0, size[i, j]))
    most = problem.assets.energy_max_kwh
    model.stored = pyo.Var(cells, bounds=lambda m, i, t, j: (0.0, m.hours * m.max_charge_kw[i]))
    model.drawn = pyo.Var(cells, bounds=lambda m, i, t, j: (0.0, float(most[i])))
    model.trip_drawn = pyo.Var(
        model.worn_stays, model.depths, bounds=lambda m, w, j: (0.0, float(most[m.stay_asset[w]]))
    )
    _add_segment_paths(model, cells, _filled_segments(problem, size, rows))
    _add_segment_flows(model)


def _segment_sizes(problem: Problem, worn: Ints, depth: int) -> dict[tuple[int, int], float]:
    """Return the width of every segment in kWh; the deepest reaches down to zero."""
    assets = problem.assets
    width = (assets.energy_max_kwh - assets.energy_min_kwh) / depth
    size = {(int(i), j): float(width[i]) for i in worn for j in range(depth)}
    for i in worn:
        size[int(i), depth - 1] += float(assets.energy_min_kwh[i])
    return size


def _filled_segments(
    problem: Problem, size: dict[tuple[int, int], float], rows: dict[int, int]
) -> dict[tuple[int, int], float]:
    """Return the initial energy per segment, the deepest filled first."""
    filled: dict[tuple[int, int], float] = {}
    depth = 1 + max(j for _, j in size)
    for i in rows:
        rest = float(problem.assets.energy_initial_kwh[i])
        for j in reversed(range(depth)):
            filled[i, j] = min(rest, size[i, j])
            rest -= filled[i, j]
    return filled


def _add_segment_paths(
    model: Model, cells: list[tuple[int, int, int]], filled: dict[tuple[int, int], float]
) -> None:
    """State segment[i,t,j] = segment before + stored - drawn, less what the trips between drew."""
    starts = {(int(model.stay_asset[w]), int(model.stay_first[w])): w for w in model.stays}

    def path(m: Model, i: int, t: int, j: int) -> Any:
        change = m.stored[i, t, j] - m.drawn[i, t, j]
        stay = starts.get((i, t))
        if stay is None:
            return m.segment[i, t, j] == m.segment[i, t - 1, j] + change
        if stay in m.opening:
            return m.segment[i, t, j] == filled[i, j] + change
        before = m.segment[i, m.stay_last[stay - 1], j] - m.trip_drawn[stay - 1, j]
        return m.segment[i, t, j] == before + change

    def left(m: Model, w: int, j: int) -> Any:
        return m.trip_drawn[w, j] <= m.segment[m.stay_asset[w], m.stay_last[w], j]

    model.segment_path = pyo.Constraint(cells, rule=path)
    model.segment_left = pyo.Constraint(model.worn_stays, model.depths, rule=left)


def _add_segment_flows(model: Model) -> None:
    """State that the segments' flows are the asset's: eta_c dt charge in, dt discharge / eta_d out."""

    def flow_in(m: Model, i: int, t: int) -> Any:
        return sum(m.stored[i, t, j] for j in m.depths) == m.hours * m.charge_efficiency[i] * m.charge[i, t]

    def flow_out(m: Model, i: int, t: int) -> Any:
        out = m.hours * m.discharge[i, t] / m.discharge_efficiency[i]
        return sum(m.drawn[i, t, j] for j in m.depths) == out

    def trip(m: Model, w: int) -> Any:
        missing = m.trip_missing[w] if w in m.travelling else 0.0
        return sum(m.trip_drawn[w, j] for j in m.depths) == m.trip_kwh[w] - missing

    model.segment_flow_in = pyo.Constraint(model.worn_cells, rule=flow_in)
    model.segment_flow_out = pyo.Constraint(model.worn_cells, rule=flow_out)
    model.segment_trip = pyo.Constraint(model.worn_stays, rule=trip)


def add_calm(model: Model, problem: Problem) -> None:
    """Declare kept[i,t], what stays of the power in force.

    The change is then charge + discharge + |previous| - 2 kept, with
    kept <= min(|previous|, power in the same direction): no row where the plan in force is idle.
    """
    if problem.previous_power_kw is None or problem.stability_cost_per_kw <= 0.0:
        return
    table = problem.previous_power_kw.tolist()
    busy = [(i, t) for i, t in model.cells if table[i][t]]
    model.kept = pyo.Var(busy, bounds=lambda m, i, t: (0.0, abs(table[i][t])))
    powers = {True: model.discharge, False: model.charge}
    model.keeping = pyo.Constraint(busy, rule=lambda m, i, t: m.kept[i, t] <= powers[table[i][t] > 0.0][i, t])
