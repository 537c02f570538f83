"""Limits that assets share and that a plan's first interval touches: feeders, portfolio, peak, events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from vpp.domain.grounds import Floats, PlanGrounds
from vpp.domain.reasons import Reason, ReasonKind
from vpp.domain.runs import DispatchPlan

_TOUCHED_KW: Final = 1e-3
_TOUCHED_SHARE: Final = 1e-4  # of a limit: passes end that close to it
_PRICE: Final = 1e-6  # less than this is no price


def shared_limits(plan: DispatchPlan, grounds: PlanGrounds, slot: int) -> Iterator[Reason]:
    """Yield the shared limits that bind where asset `slot` hangs."""
    feeder = int(grounds.feeder[slot])
    net_kw = _net_of_feeders(plan, grounds)
    yield from _feeder(grounds, feeder, float(net_kw[feeder]))
    yield from _portfolio(plan, grounds, float(net_kw.sum()))
    yield from _events(plan, grounds)
    for held_kw, word in ((grounds.reserve_up_kw, "discharge"), (grounds.reserve_down_kw, "charge")):
        if held_kw[slot] > _TOUCHED_KW:
            yield Reason(
                kind=ReasonKind.RESERVE,
                sentence=f"{held_kw[slot]:.2f} kW are held back to {word} more when reserve is called",
                limit=float(held_kw[slot]),
                unit="kW",
            )


def _net_of_feeders(plan: DispatchPlan, grounds: PlanGrounds) -> Floats:
    """Return the net load of every feeder in the first interval, (F), kW."""
    net_kw = grounds.load_kw[:, 0].copy()
    np.add.at(net_kw, grounds.feeder, -plan.power_kw[:, 0])
    return net_kw


def _touches(value: float, limit: float) -> bool:
    return bool(np.isfinite(limit)) and value >= limit - max(_TOUCHED_KW, _TOUCHED_SHARE * abs(limit))


def _feeder(grounds: PlanGrounds, feeder: int, net_kw: float) -> Iterator[Reason]:
    name = grounds.feeder_ids[feeder]
    added = float(grounds.feeder_per_kwh[feeder, 0]) if grounds.priced else None
    for kind, way, value, limits in (
        (ReasonKind.FEEDER_IMPORT, "import", net_kw, grounds.feeder_import_limit_kw),
        (ReasonKind.FEEDER_EXPORT, "export", -net_kw, grounds.feeder_export_limit_kw),
    ):
        limit = float(limits[feeder, 0])
        if not _touches(value, limit):
            continue
        over = value - limit
        words = f"feeder {name} is at its {way} limit of {limit:g} kW"
        if over > max(_TOUCHED_KW, _TOUCHED_SHARE * limit):
            words = f"feeder {name} is {over:.2f} kW beyond its {way} limit of {limit:g} kW"
        if added is not None and abs(added) > _PRICE:
            change = "dearer" if added > 0.0 else "cheaper"
            words += f", which makes consumption there {abs(added):.3f} {grounds.currency} a kWh {change}"
        yield Reason(kind=kind, sentence=words, limit=limit, unit="kW", marginal_per_kwh=added, subject=name)


def _portfolio(plan: DispatchPlan, grounds: PlanGrounds, net_kw: float) -> Iterator[Reason]:
    balance = float(grounds.balance_per_kwh[0]) if grounds.priced else None
    market = float((grounds.import_price_per_kwh if net_kw >= 0.0 else grounds.export_price_per_kwh)[0])
    added = None if balance is None else balance - market
    for kind, way, value, limit in (
        (ReasonKind.PORTFOLIO_IMPORT, "import", net_kw, grounds.import_limit_kw),
        (ReasonKind.PORTFOLIO_EXPORT, "export", -net_kw, grounds.export_limit_kw),
    ):
        if _touches(value, limit):
            words = f"the portfolio is at its {way} limit of {limit:g} kW{_against_market(added, grounds)}"
            yield Reason(kind=kind, sentence=words, limit=limit, unit="kW", marginal_per_kwh=added)
    if grounds.peak_price_per_kw > 0.0 and net_kw > 0.0:
        total = grounds.load_kw.sum(axis=0) - plan.power_kw.sum(axis=0)
        peak = max(float(total.max()), grounds.peak_so_far_kw)
        if _touches(net_kw, peak) and (added is None or added > _PRICE):
            words = f"this interval sets the peak of {peak:.2f} kW{_against_market(added, grounds)}"
            yield Reason(kind=ReasonKind.PEAK, sentence=words, limit=peak, unit="kW", marginal_per_kwh=added)


def _against_market(added: float | None, grounds: PlanGrounds) -> str:
    if added is None or abs(added) <= _PRICE:
        return ""
    change = "dearer" if added > 0.0 else "cheaper"
    return f", which makes a kWh {abs(added):.3f} {grounds.currency} {change} than the market"


def _events(plan: DispatchPlan, grounds: PlanGrounds) -> Iterator[Reason]:
    events, fleet_kw = grounds.events, float(plan.power_kw[:, 0].sum())
    for row, name in enumerate(events.event_ids):
        if not int(events.from_interval[row]) <= 0 < int(events.to_interval[row]):
            continue
        target, up = float(events.target_kw[row]), bool(events.up[row])
        slack = fleet_kw - target if up else target - fleet_kw
        if slack > max(_TOUCHED_KW, _TOUCHED_SHARE * abs(target)):
            continue
        most = "at least" if up else "at most"
        words = f"event {name} asks the fleet for {most} {target:g} kW, and it gives {fleet_kw:.2f} kW"
        yield Reason(
            kind=ReasonKind.EVENT,
            sentence=words,
            limit=target,
            unit="kW",
            marginal_per_kwh=float(events.penalty_per_kwh[row]) if slack < -_TOUCHED_KW else None,
            subject=name,
        )
