"""Whether an override may be carried out: the verifier looks at devices, feeders are counted from scratch.

No word of an operator breaks a limit. What does not fit is refused with the limit that it breaks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from optimizer.plan import Schedule
from optimizer.problem import Assets, Feeders, Portfolio, Problem
from optimizer.verify import verify
from vpp.control.verification import SHOWN_VIOLATIONS, TOLERANCE_KW, Approval
from vpp.domain.assets import Fleet
from vpp.domain.intervals import IntervalGrid
from vpp.domain.overrides import OverrideColumns
from vpp.domain.policy import DispatchPolicy
from vpp.domain.readings import from_microseconds, to_microseconds

Floats = NDArray[np.float64]
_NO_LIMIT = 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideSituation:
    """What an override is checked against, at `now`.

    `grid` begins with the interval that holds `now`; `load_kw` (F, T) is there without the fleet.
    `ordered_kw` (N, C) is what assets hold orders for in the first C intervals, the present one first:
    those orders are out, and what is checked comes on top of them. Later ones are planned around it.
    `energy_kwh` (N,) is stored now where `trusted`.
    """

    now: datetime
    fleet: Fleet
    policy: DispatchPolicy
    grid: IntervalGrid
    load_kw: Floats
    ordered_kw: Floats
    energy_kwh: Floats
    trusted: NDArray[np.bool_]
    connected: NDArray[np.bool_]


def check_override(
    situation: OverrideSituation, columns: OverrideColumns, slots: NDArray[np.int64]
) -> Approval:
    """Return whether the assets in `slots` may do what `columns` say of them until it ends.

    `columns` hold all overrides, that one among them.
    """
    fleet = situation.fleet
    power_kw = np.nan_to_num(columns.power_kw)
    moving = slots[columns.fixed[slots] & (power_kw[slots] != 0.0)]
    for slot in moving[~situation.trusted[moving] | ~situation.connected[moving]][:1].tolist():
        said = "is not connected" if situation.trusted[slot] else "has no recent reading that is trusted"
        return Approval(
            passed=False, reason=f"{fleet.assets[slot].asset_id} {said}: only rest can be ordered"
        )
    for until_us in np.unique(columns.until_us[moving]).tolist():
        chosen = moving[columns.until_us[moving] == until_us]
        lasts = from_microseconds(int(until_us)) - situation.now
        verdict = verify(*_devices(situation, power_kw[chosen], chosen, lasts), tolerance_kw=TOLERANCE_KW)
        if not verdict.ok:
            sentences = [violation.sentence for violation in verdict.violations[:SHOWN_VIOLATIONS]]
            return Approval(passed=False, reason="; ".join(sentences))
    broken = _broken_limit(situation, columns)
    return Approval(passed=not broken, reason=broken)


def _devices(
    situation: OverrideSituation, power_kw: Floats, slots: NDArray[np.int64], lasts: timedelta
) -> tuple[Problem, Schedule]:
    """Return the assets alone, from now until the override ends, and the powers that they would have."""
    fleet, count = situation.fleet, len(slots)
    intervals = max(1, math.ceil(lasts / situation.policy.interval))
    hours = lasts / timedelta(hours=1) / intervals
    flat, zeros = np.zeros((1, intervals)), np.zeros(count)
    column = {name: fleet.column(name)[slots] for name in _DEVICE_COLUMNS}
    problem = Problem(
        start=situation.now,
        interval_h=hours,
        intervals=intervals,
        assets=Assets(
            asset_id=np.array([fleet.assets[slot].asset_id for slot in slots.tolist()], dtype=object),
            feeder=np.zeros(count, dtype=np.int64),
            kind=np.array([str(fleet.assets[slot].kind) for slot in slots.tolist()], dtype=object),
            energy_initial_kwh=situation.energy_kwh[slots],
            energy_final_min_kwh=zeros,
            energy_final_value_per_kwh=zeros,
            discharge_budget_kwh=np.full(count, np.inf),
            **column,
        ),
        feeders=Feeders(
            feeder_id=np.array(["all"], dtype=object),
            load_kw=flat,
            import_limit_kw=flat + _NO_LIMIT,
            export_limit_kw=flat + _NO_LIMIT,
        ),
        portfolio=Portfolio(
            import_price_per_kwh=flat[0], export_price_per_kwh=flat[0], carbon_kg_per_kwh=flat[0]
        ),
    )
    charge, discharge = np.maximum(-power_kw, 0.0), np.maximum(power_kw, 0.0)
    step = hours * (charge * column["charge_efficiency"] - discharge / column["discharge_efficiency"])
    ends = situation.energy_kwh[slots, None] + step[:, None] * np.arange(1, intervals + 1)[None, :]
    wide = np.ones((1, intervals))
    return problem, Schedule(
        charge_kw=charge[:, None] * wide, discharge_kw=discharge[:, None] * wide, energy_end_kwh=ends
    )


_DEVICE_COLUMNS = (
    "capacity_kwh", "energy_min_kwh", "energy_max_kwh", "max_charge_kw", "max_discharge_kw", "min_charge_kw",
    "min_discharge_kw", "charge_efficiency", "discharge_efficiency", "wear_cost_per_kwh",
)  # fmt: skip


def _broken_limit(situation: OverrideSituation, columns: OverrideColumns) -> str:
    """Return which limit the overridden assets would exceed, in words; empty where they exceed none.

    Those that charge and those that discharge are not counted against each other: one may stop by itself.
    """
    fleet, grid, load = situation.fleet, situation.grid, situation.load_kw
    starts_us = np.array([to_microseconds(start) for start in grid.starts()])
    lasts = columns.fixed[:, None] & (columns.until_us[:, None] > starts_us[None, :])
    fixed_kw = np.where(lasts, np.nan_to_num(columns.power_kw)[:, None], 0.0)
    committed = situation.ordered_kw.shape[1]
    before, others = np.zeros((2, len(fleet), grid.count))
    before[:, :committed] = np.nan_to_num(situation.ordered_kw)
    others = np.where(lasts, 0.0, before)
    worst, words = TOLERANCE_KW, ""
    for sign, name, verb in ((-1.0, "import_limit_kw", "import"), (1.0, "export_limit_kw", "export")):
        added = others + np.where(sign * fixed_kw > 0.0, fixed_kw, 0.0)
        rows = [(f"feeder {item.feeder_id}", getattr(item, name)) for item in fleet.feeders]
        rows.append(("the portfolio", getattr(situation.policy, name)))
        net = _with_total(_by_feeder(fleet, added), load, sign)
        unavoidable = np.maximum(
            _with_total(_by_feeder(fleet, before), load, sign), _with_total(np.zeros(load.shape), load, sign)
        )
        limit = np.array([row[1] for row in rows])[:, None]
        excess = net - np.maximum(limit, unavoidable)
        row, t = np.unravel_index(int(np.argmax(excess)), excess.shape)
        if excess[row, t] > worst:
            worst = float(excess[row, t])
            words = (
                f"{rows[row][0]} would {verb} {net[row, t]:.3f} kW of its limit of {limit[row, 0]:g} kW "
                f"in the interval from {grid.start_of(int(t)):%Y-%m-%d %H:%M} UTC"
            )
    return words


def _by_feeder(fleet: Fleet, power_kw: Floats) -> Floats:
    """Return the sum of powers (N, T) by feeder, (F, T)."""
    total = np.zeros((len(fleet.feeders), power_kw.shape[1]))
    np.add.at(total, fleet.feeder_index(), power_kw)
    return total


def _with_total(fleet_kw: Floats, load_kw: Floats, sign: float) -> Floats:
    """Return what each feeder, and below them the portfolio, exports (sign 1) or imports (-1), (F + 1, T)."""
    net = sign * (fleet_kw - load_kw)
    return np.vstack([net, net.sum(axis=0)])
