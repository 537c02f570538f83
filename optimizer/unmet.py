"""What a schedule could not do, in physical units, with what bound it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from optimizer import binding, evaluate
from optimizer.plan import Schedule, Unmet
from optimizer.problem import Problem

SMALLEST_AMOUNT = 1e-7
"""Below this (kW or kWh) a shortfall is rounding and not worth a line."""


def unmet_of(problem: Problem, schedule: Schedule, paths: evaluate.Paths) -> tuple[Unmet, ...]:
    """List departures, trips, final energies, feeders, portfolio and events that fell short."""
    return (
        *_departures(problem, schedule, paths),
        *_trips(problem, schedule, paths),
        *_finals(problem, schedule, paths),
        *_feeders(problem, paths),
        *_portfolio(problem, paths),
        *_events(problem, paths),
    )


def _departures(problem: Problem, schedule: Schedule, paths: evaluate.Paths) -> Iterator[Unmet]:
    windows, assets = problem.windows, problem.assets
    missing = evaluate.departure_missing(problem, paths)
    for w in np.flatnonzero(missing > SMALLEST_AMOUNT):
        asset, end, asked = (
            int(windows.asset[w]),
            int(windows.to_interval[w]),
            windows.departure_energy_kwh[w],
        )
        yield Unmet(
            kind="departure",
            id=str(assets.asset_id[asset]),
            interval=end - 1,
            amount=float(missing[w]),
            unit="kWh",
            reason=binding.why_energy_is_missing(
                problem, schedule, paths, asset, end, asked_kwh=float(asked), missing_kwh=float(missing[w])
            ),
        )


def _trips(problem: Problem, schedule: Schedule, paths: evaluate.Paths) -> Iterator[Unmet]:
    windows = problem.windows
    for w in np.flatnonzero(paths.trip_missing_kwh > SMALLEST_AMOUNT):
        asset, end, trip = int(windows.asset[w]), int(windows.to_interval[w]), windows.trip_energy_kwh[w]
        yield Unmet(
            kind="trip",
            id=str(problem.assets.asset_id[asset]),
            interval=end,
            amount=float(paths.trip_missing_kwh[w]),
            unit="kWh",
            reason=binding.why_energy_is_missing(
                problem,
                schedule,
                paths,
                asset,
                end,
                asked_kwh=float(trip),
                missing_kwh=float(paths.trip_missing_kwh[w]),
            ),
        )


def _finals(problem: Problem, schedule: Schedule, paths: evaluate.Paths) -> Iterator[Unmet]:
    missing = evaluate.final_missing(problem, paths)
    end, asked = problem.intervals, problem.assets.energy_final_min_kwh
    for asset in np.flatnonzero(missing > SMALLEST_AMOUNT):
        yield Unmet(
            kind="final",
            id=str(problem.assets.asset_id[asset]),
            interval=problem.intervals - 1,
            amount=float(missing[asset]),
            unit="kWh",
            reason=binding.why_energy_is_missing(
                problem,
                schedule,
                paths,
                int(asset),
                end,
                asked_kwh=float(asked[asset]),
                missing_kwh=float(missing[asset]),
            ),
        )


def _feeders(problem: Problem, paths: evaluate.Paths) -> Iterator[Unmet]:
    """List the largest overload over the scenarios per feeder and interval."""
    over = evaluate.feeder_overload(problem, paths).max(axis=0)
    alone = evaluate.feeder_overload(problem, _without_assets(problem, paths)).max(axis=0)
    for feeder, interval in np.argwhere(over > SMALLEST_AMOUNT):
        yield Unmet(
            kind="feeder",
            id=str(problem.feeders.feeder_id[feeder]),
            interval=int(interval),
            amount=float(over[feeder, interval]),
            unit="kW",
            reason=binding.why_overloaded(float(over[feeder, interval]), float(alone[feeder, interval])),
        )


def _without_assets(problem: Problem, paths: evaluate.Paths) -> evaluate.Paths:
    """Return the paths with the uncontrolled loads alone on the feeders."""
    return replace(paths, fleet_kw=np.zeros_like(paths.fleet_kw), feeder_kw=evaluate.loads(problem)[1])


def _portfolio(problem: Problem, paths: evaluate.Paths) -> Iterator[Unmet]:
    over = evaluate.portfolio_overload(problem, paths).max(axis=0)
    alone = evaluate.portfolio_overload(problem, _without_assets(problem, paths)).max(axis=0)
    for interval in np.flatnonzero(over > SMALLEST_AMOUNT):
        yield Unmet(
            kind="portfolio",
            id="portfolio",
            interval=int(interval),
            amount=float(over[interval]),
            unit="kW",
            reason=binding.why_overloaded(float(over[interval]), float(alone[interval])),
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
            reason=binding.why_event_is_missed(problem, int(event), int(interval)),
        )
