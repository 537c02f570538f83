"""A scenario as somebody sees it who knows it all: everything in it was announced before it began."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from vpp.domain.prices import PricePoint
from vpp.domain.readings import ChargingSession, to_microseconds
from vpp.domain.signals import Signal
from vpp.replay.events import as_held
from vpp.replay.scenario import FeederLimits, Scenario

EARLY = timedelta(days=1)  # before the replay begins


def as_they_were(stays: Iterable[ChargingSession]) -> list[ChargingSession]:
    """Return each stay as it was announced last, by its beginning."""
    last: dict[object, ChargingSession] = {}
    for stay in sorted(stays, key=lambda one: one.announced_at):
        last[stay.asset_id, stay.connected_from] = stay
    return sorted(last.values(), key=lambda one: (one.connected_from, one.asset_id))


def foreseen(scenario: Scenario) -> Scenario:
    """Return the scenario with the last word on each price, stay, limit and request known from the start."""
    known = scenario.header.start - EARLY
    known_us = to_microseconds(known)
    prices: dict[object, PricePoint] = {}
    for price in sorted(scenario.prices, key=lambda one: one.available_at):
        prices[price.start] = replace(price, available_at=min(price.available_at, known))
    limits: dict[object, FeederLimits] = {}
    for row in sorted(scenario.limits, key=lambda one: one.available_at_us):
        early_us = min(row.available_at_us, known_us)
        limits[row.feeder, row.valid_from_us] = replace(row, available_at_us=early_us)

    def early(signal: Signal) -> Signal:
        return replace(signal, available_at=min(signal.available_at, known))

    return replace(
        scenario,
        prices=tuple(sorted(prices.values(), key=lambda one: one.start)),
        sessions=tuple(
            replace(stay, announced_at=min(stay.announced_at, known))
            for stay in as_they_were(scenario.sessions)
        ),
        limits=tuple(sorted(limits.values(), key=lambda one: one.valid_from_us)),
        events=tuple(early(event) for event in as_held(scenario.events)),
        reserve=tuple(early(product) for product in as_held(scenario.reserve)),
    )
