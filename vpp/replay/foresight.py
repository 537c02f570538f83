"""A scenario as somebody sees it who knows it all: everything in it was announced before it began."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from vpp.domain.prices import PricePoint
from vpp.domain.readings import ChargingSession, to_microseconds
from vpp.replay.events import announced
from vpp.replay.scenario import FeederLimits, Scenario

EARLY = timedelta(days=1)  # before the replay begins


def foreseen(scenario: Scenario) -> Scenario:
    """Return the scenario with the last word on each price, stay, limit and event known from the start."""
    known = scenario.header.start - EARLY
    known_us = to_microseconds(known)
    prices: dict[object, PricePoint] = {}
    for price in sorted(scenario.prices, key=lambda one: one.available_at):
        prices[price.start] = replace(price, available_at=min(price.available_at, known))
    stays: dict[object, ChargingSession] = {}
    for stay in sorted(scenario.sessions, key=lambda one: one.announced_at):
        early = min(stay.announced_at, known)
        stays[stay.asset_id, stay.connected_from] = replace(stay, announced_at=early)
    limits: dict[object, FeederLimits] = {}
    for row in sorted(scenario.limits, key=lambda one: one.available_at_us):
        early_us = min(row.available_at_us, known_us)
        limits[row.feeder, row.valid_from_us] = replace(row, available_at_us=early_us)
    return replace(
        scenario,
        prices=tuple(sorted(prices.values(), key=lambda one: one.start)),
        sessions=tuple(sorted(stays.values(), key=lambda one: (one.connected_from, one.asset_id))),
        limits=tuple(sorted(limits.values(), key=lambda one: one.valid_from_us)),
        events=tuple(
            replace(event, available_at=min(event.available_at, known))
            for event in announced(scenario.events)
        ),
    )
