"""What a schedule could not do, in physical units, with what bound it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from optimizer import evaluate
from optimizer.plan import Unmet
from optimizer.problem import Problem

SMALLEST_AMOUNT = 1e-7
"""Below this (kW or kWh) a shortfall is rounding and not worth a line."""


def unmet_of(problem: Problem, paths: evaluate.Paths) -> tuple[Unmet, ...]:
    """List departures, trips, final energies, feeders, portfolio and events that fell short."""
    return (
        *_departures(problem, paths),
        *_trips(problem, paths),
        *_finals(problem, paths),
        *_feeders(problem, paths),
        *_portfolio(problem, paths),
        *_events(problem, paths),
    )


def _departures(problem: Problem, paths: evaluate.Paths) -> Iterator[Unmet]:
    windows, assets = problem.windows, problem.assets
    missing = evaluate.departure_missing(problem, paths)
    for w in np.flatnonzero(missing > SMALLEST_AMOUNT):
        asset, first, end = int(windows.asset[w]), int(windows.from_interval[w]), int(windows.to_interval[w])
        hours = problem.interval_h * (end - first)
        reach = paths.arrival_kwh[w] + hours * assets.max_charge_kw[asset] * assets.charge_efficiency[asset]
        if windows.departure_energy_kwh[w] > assets.energy_max_kwh[asset]:
            reason = "the energy asked for is above the asset's maximum"
        elif reach < windows.departure_energy_kwh[w]:
            reason = "the window is too short at full power"
        else:
            reason = "limits of feeder or portfolio, or a higher penalty elsewhere"
        yield Unmet(
            kind="departure",
            id=str(assets.asset_id[asset]),
            interval=end - 1,
            amount=float(missing[w]),
            unit="kWh",
            reason=reason,
        )


def _trips(problem: Problem, paths: evaluate.Paths) -> Iterator[Unmet]:
    windows = problem.windows
    for w in np.flatnonzero(paths.trip_missing_kwh > SMALLEST_AMOUNT):
        yield Unmet(
            kind="trip",
            id=str(problem.assets.asset_id[windows.asset[w]]),
            interval=int(windows.to_interval[w]),
            amount=float(paths.trip_missing_kwh[w]),
            unit="kWh",
            reason="the trip needs more than the asset left with",
        )


def _finals(problem: Problem, paths: evaluate.Paths) -> Iterator[Unmet]:
    missing = evaluate.final_missing(problem, paths)
    for asset in np.flatnonzero(missing > SMALLEST_AMOUNT):
        yield Unmet(
            kind="final",
            id=str(problem.assets.asset_id[asset]),
            interval=problem.intervals - 1,
            amount=float(missing[asset]),
            unit="kWh",
            reason="not reachable, or a higher penalty elsewhere",
        )


def _feeders(problem: Problem, paths: evaluate.Paths) -> Iterator[Unmet]:
    """List the largest overload over the scenarios per feeder and interval."""
    over = evaluate.feeder_overload(problem, paths).max(axis=0)
    idle = replace(paths, fleet_kw=np.zeros_like(paths.fleet_kw), feeder_kw=evaluate.loads(problem)[1])
    alone = evaluate.feeder_overload(problem, idle).max(axis=0)
    for feeder, interval in np.argwhere(over > SMALLEST_AMOUNT):
        loaded = alone[feeder, interval] > SMALLEST_AMOUNT
        yield Unmet(
            kind="feeder",
            id=str(problem.feeders.feeder_id[feeder]),
            interval=int(interval),
            amount=float(over[feeder, interval]),
            unit="kW",
            reason="the uncontrolled load alone exceeds the limit"
            if loaded
            else "energy asked of the assets",
        )


def _portfolio(problem: Problem, paths: evaluate.Paths) -> Iterator[Unmet]:
    over = evaluate.portfolio_overload(problem, paths).max(axis=0)
    for interval in np.flatnonzero(over > SMALLEST_AMOUNT):
        yield Unmet(
            kind="portfolio",
            id="portfolio",
            interval=int(interval),
            amount=float(over[interval]),
            unit="kW",
            reason="uncontrolled load and energy asked of the assets",
        )


def _events(problem: Problem, paths: evaluate.Paths) -> Iterator[Unmet]:
    if problem.events is None:
        return
    missed = evaluate.event_missed(problem, paths)
    for event, interval in np.argwhere(missed > SMALLEST_AMOUNT):
        yield Unmet(
            kind="event",
            id=str(problem.events.event_id[event]),
            interval=int(interval),
            amount=float(missed[event, interval]),
            unit="kW",
            reason="more than the fleet has, or dearer than its penalty",
        )
