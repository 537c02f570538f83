"""What assets were told during an event: orders, opting out, stops and overrides. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from vpp.control.settlement.metering import PowerSums
from vpp.domain.assets import Fleet
from vpp.domain.overrides import Override
from vpp.domain.readings import MICROSECOND
from vpp.domain.settlement import Spans
from vpp.domain.signals import OptOut, Signal

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Marks = NDArray[np.bool_]


def ordered_power(
    slot: Integers,
    valid_from_us: Integers,
    valid_until_us: Integers,
    power_kw: Floats,
    *,
    assets: int,
    spans: Spans,
    interval: timedelta,
) -> tuple[Floats, Marks]:
    """Return mean ordered power (N, E), kW, 0 without an order, and which assets had one (N,).

    Of the rows, oldest first, an order holds until the next one of its asset, at most to its end or for
    one interval: leases are renewed that long, and renewals are not on record.
    """
    order = np.lexsort((np.arange(len(slot)), valid_from_us, slot))
    slot, from_us, power_kw = slot[order], valid_from_us[order], power_kw[order]
    until_us = np.maximum(valid_until_us[order], from_us + interval // MICROSECOND)
    if len(slot):
        followed = np.append(slot[1:] == slot[:-1], False)
        next_us = np.append(from_us[1:], 0)
        until_us = np.where(followed, np.minimum(until_us, next_us), until_us)
    sums = PowerSums(assets, spans)
    sums.add(slot, from_us, until_us, power_kw)
    means = sums.means()
    ordered_kw = np.nan_to_num(means.power_kw) * means.coverage
    has_order: Marks = means.coverage.max(axis=1) > 0.0
    return ordered_kw, has_order


def opted_out(signals: Iterable[Signal], event_id: str, fleet: Fleet) -> Marks:
    """Return which assets a signal takes out of an event, shape (N,)."""
    out = {
        item.content.asset_id
        for item in signals
        if isinstance(item.content, OptOut) and item.content.event_id == event_id and not item.withdrawn
    }
    return np.array([asset.asset_id in out for asset in fleet.assets], dtype=np.bool_)


@dataclass(frozen=True, slots=True, kw_only=True)
class StopWord:
    """One stop or release."""

    at: datetime
    stops: bool
    asset_ids: tuple[str, ...]
    feeder_id: str


def stopped(words: Iterable[StopWord], fleet: Fleet, start: datetime, end: datetime) -> Marks:
    """Return which assets were stopped at some time of [start, end), shape (N,); no id at all means all."""
    held, marks = np.zeros((2, len(fleet)), dtype=np.bool_)
    for word in sorted(words, key=lambda item: item.at):
        if word.at >= end:
            break
        if word.at >= start:
            marks |= held
        held[_meant(word, fleet)] = word.stops
    return marks | held


def _meant(word: StopWord, fleet: Fleet) -> Marks:
    if not word.asset_ids and not word.feeder_id:
        return np.ones(len(fleet), dtype=np.bool_)
    named = frozenset(word.asset_ids)
    return np.array(
        [
            asset.asset_id in named or (not named and asset.feeder_id == word.feeder_id)
            for asset in fleet.assets
        ],
        dtype=np.bool_,
    )


def overridden(overrides: Iterable[Override], assets: int, start: datetime, end: datetime) -> Marks:
    """Return for which assets an override was in force at some time of [start, end), shape (N,)."""
    marks = np.zeros(assets, dtype=np.bool_)
    for item in overrides:
        over = item.valid_until if item.cleared_at is None else min(item.valid_until, item.cleared_at)
        if item.created_at < end and over > start:
            marks[item.slot] = True
    return marks
