"""Baselines of events to come, so that a plan counts delivery from where settlement will.

```
    like days ──read once──► usual course ┐
    2 h window before the event ──read────┴──► baseline, the same as in settlement once the window is over
               anew while it fills up
```

Reading weeks of metering takes longer than a cycle may wait: it is done beside the cycles.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

import numpy as np
import structlog
from numpy.typing import NDArray

from vpp.control.settlement.baseline import LEAST_DAYS, TenOfTen, window_before
from vpp.control.settlement.metering import MeanPower
from vpp.control.signals_on_grid import EventBaseline
from vpp.domain.intervals import IntervalGrid
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.domain.settlement import Spans
from vpp.domain.signals import BaselineMethod, DispatchEvent, Signal
from vpp.service.event_metering import EventMetering

log = structlog.get_logger()
WAIT_S: Final = 0.5  # of the wall, that a cycle waits for a baseline that is being read
MAX_EVENTS: Final = 64  # whose usual course is kept
REFRESH: Final = timedelta(minutes=15)  # while the window before an event fills up
Floats = NDArray[np.float64]


class BaselineSource(Protocol):
    """Where a cycle gets the baselines of events from."""

    async def on(self, signals: Sequence[Signal], grid: IntervalGrid, now: datetime) -> list[EventBaseline]:
        """Return the baseline on `grid` of each event of `signals` that has one and is counted from it."""


@dataclass(slots=True)
class _Kept:
    """One event's usual course, and the fleet's baseline (E,) as it was worked out last."""

    spans: Spans
    usual: TenOfTen | None = None
    fleet_kw: Floats | None = None
    read_at: datetime | None = None
    task: asyncio.Task[None] | None = None


@dataclass(slots=True)
class EventBaselines:
    """Baselines of one fleet's events, by ten of ten. What cannot be read is counted from zero, and said."""

    metering: EventMetering
    interval: timedelta
    _kept: OrderedDict[tuple[str, datetime], _Kept] = field(default_factory=OrderedDict)

    async def on(self, signals: Sequence[Signal], grid: IntervalGrid, now: datetime) -> list[EventBaseline]:
        """Return the baseline on `grid` of each event of `signals` that has one and is counted from it."""
        wanted = [item for item in signals if _counts(item, grid)]
        kept = [self._of(signal, now) for signal in wanted]
        tasks = [item.task for item in kept if item.task is not None and not item.task.done()]
        if tasks:
            await asyncio.wait(tasks, timeout=WAIT_S)
        found = []
        for signal, item in zip(wanted, kept, strict=True):
            if item.fleet_kw is None:
                log.warning(
                    "an event is counted from zero until its baseline is read", event_id=signal.signal_id
                )
                continue
            found.append(
                EventBaseline(signal_id=signal.signal_id, power_kw=on_grid(item.fleet_kw, item.spans, grid))
            )
        return found

    async def close(self) -> None:
        """Give up what is being read."""
        tasks = [item.task for item in self._kept.values() if item.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _of(self, signal: Signal, now: datetime) -> _Kept:
        key = signal.signal_id, signal.available_at
        item = self._kept.get(key)
        if item is None:
            item = _Kept(Spans.of(signal.valid_from, signal.valid_until, self.interval))
            self._kept[key] = item
            while len(self._kept) > MAX_EVENTS:
                self._kept.popitem(last=False)
        if (item.task is None or item.task.done()) and _due(item, now):
            item.task = asyncio.create_task(self._read(signal, item, now))
        return item

    async def _read(self, signal: Signal, item: _Kept, now: datetime) -> None:
        try:
            if item.usual is None:
                item.usual = await self.metering.usual(signal.valid_from, item.spans, now)
            window = window_before(item.spans)
            begun = now > from_microseconds(int(window.start_us[0]))
            before = await self.metering.means(window) if begun else _nothing(item.spans, window, item.usual)
            baseline = item.usual.baseline(before)
        except Exception as error:
            log.exception(
                "the baseline of an event cannot be read", event_id=signal.signal_id, reason=str(error)
            )
            return
        item.fleet_kw, item.read_at = np.nansum(baseline.power_kw, axis=0), now
        if without := int((baseline.days < LEAST_DAYS).sum()):
            # Settlement counts nothing of them; the plan counts what it orders them.
            log.warning("assets without a baseline", event_id=signal.signal_id, assets=without)


def _counts(signal: Signal, grid: IntervalGrid) -> bool:
    content = signal.content
    return (
        isinstance(content, DispatchEvent)
        and content.baseline is BaselineMethod.TEN_OF_TEN
        and signal.valid_from < grid.end
        and signal.valid_until > grid.start
    )


def _due(item: _Kept, now: datetime) -> bool:
    """Return whether a baseline is to be read: never read, or its window has gone on since."""
    if item.read_at is None:
        return True
    window = window_before(item.spans)
    begin, end = from_microseconds(int(window.start_us[0])), from_microseconds(int(window.end_us[-1]))
    if now <= begin or item.read_at >= end + REFRESH:
        return False
    return now >= min(item.read_at + REFRESH, end) and item.read_at < now


def _nothing(_spans: Spans, window: Spans, usual: TenOfTen) -> MeanPower:
    """Return a window of which nothing is measured yet: no adjustment."""
    shape = (usual.assets, len(window))
    return MeanPower(power_kw=np.full(shape, np.nan), absolute_kw=np.zeros(shape), coverage=np.zeros(shape))


def on_grid(fleet_kw: Floats, spans: Spans, grid: IntervalGrid) -> Floats:
    """Return power over the stretches of an event (E,) as means over the intervals of a grid (T,), else 0."""
    power = np.zeros(grid.count)
    length_us = grid.length // timedelta(microseconds=1)
    for interval, start in enumerate(grid.starts()):
        start_us = to_microseconds(start)
        held = np.minimum(spans.end_us, start_us + length_us) - np.maximum(spans.start_us, start_us)
        held = np.maximum(held, 0).astype(np.float64)
        if held.any():
            power[interval] = float(fleet_kw @ held) / float(held.sum())
    return power
