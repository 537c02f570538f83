"""What assets did over stretches of time, and what they usually do at those hours: read from the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from vpp.control.settlement.baseline import (
    LOOK_BACK,
    Calendar,
    TenOfTen,
    joined,
    like_days,
    on_day,
    window_before,
)
from vpp.control.settlement.metering import HOLDS, MeanPower, Metered
from vpp.domain.assets import Fleet
from vpp.domain.readings import MICROSECOND, from_microseconds
from vpp.domain.settlement import Spans
from vpp.domain.signals import DispatchEvent
from vpp.ports import SignalRegister, Store

PAGE: Final = 100_000
Progress = Callable[[str, int, int], None]  # what is read, stretches of time done, of at most


def quiet(_what: str, _done: int, _total: int) -> None:
    """Show no progress."""
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMetering:
    """Readings of one fleet, as means. Plan and settlement of an event rest on the same one."""

    fleet: Fleet
    store: Store
    signals: SignalRegister
    calendar: Calendar

    async def means(self, spans: Spans) -> MeanPower:
        """Return what every asset did over stretches of time."""
        metered, token = Metered(len(self.fleet), spans), ""
        start = from_microseconds(int(spans.start_us.min())) - HOLDS
        end = from_microseconds(int(spans.end_us.max()))
        while True:
            page = await self.store.readings_between(
                start=start, end=end, slots=None, page_size=PAGE, page_token=token
            )
            await asyncio.to_thread(metered.add, page.readings)
            token = page.next_token
            if not token:
                return metered.means()

    async def usual(
        self, start: datetime, spans: Spans, now: datetime, progress: Progress = quiet
    ) -> TenOfTen:
        """Return what the assets did on the days like that of an event, by all that is known at `now`."""
        window, day = window_before(spans), self.calendar.day_of(start)
        both = joined(window, spans)
        days = list(like_days(day, self.calendar, await self._event_days(start, now)))
        method = TenOfTen(len(self.fleet), len(window), len(spans))
        for done, before in enumerate(days):
            progress(f"like day {before}", done, len(days))
            method.add(await self.means(on_day(both, day, before, self.calendar)))
            if method.complete:
                break
        return method

    async def _event_days(self, start: datetime, now: datetime) -> set[date]:
        known = await self.signals.signals_between(
            start=start - LOOK_BACK - timedelta(days=2), end=start, known_at=now
        )
        days: set[date] = set()
        for item in known:
            if isinstance(item.content, DispatchEvent):
                day, last = (
                    self.calendar.day_of(at) for at in (item.valid_from, item.valid_until - MICROSECOND)
                )
                days |= {day + timedelta(days=number) for number in range((last - day).days + 1)}
        return days
