"""When the reasoning model is asked at all, and when it is not: nothing new, no budget, no trust.

Everything here is told the time, so that a replay decides as the live service did.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from vpp.domain.forecasts import ContextItem
from vpp.forecasting.baseline import BaselineForecast
from vpp.forecasting.local_days import DAY
from vpp.forecasting.prompt import BLOCK, block_count
from vpp.ports import ModelReply

RECENT_ERROR_LIMIT = 0.1  # mean relative error of the last day that calls for a second opinion
RECENT_ERROR_PAUSE = timedelta(hours=6)
NEW_REACH = timedelta(hours=6)  # an item is new again when so much more of it has come into the horizon
RECENT_ERROR_KEY = "recent error"
MAXIMUM_REMEMBERED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """Something that the statistics may not know: a context item, a holiday, their own recent error."""

    key: str
    text: str
    start: datetime
    end: datetime


def find_flags(
    baseline: BaselineForecast,
    context: Sequence[ContextItem],
    *,
    now: datetime,
    timezone: str,
    holidays: frozenset[date],
) -> list[Flag]:
    """Return what is worth a question within the horizon that the model may adjust."""
    grid = baseline.grid
    reach = min(grid.end, grid.start + block_count(grid) * BLOCK)
    flags = [
        Flag(key=item.item_id, text=item.text, start=item.valid_from, end=item.valid_until)
        for item in context
        if item.available_at <= now and item.valid_until > grid.start and item.valid_from < reach
    ]
    zone = ZoneInfo(timezone)
    for day in sorted(holidays):
        start = datetime(day.year, day.month, day.day, tzinfo=zone)
        end = start + DAY
        if start < reach and end > grid.start:
            text = f"{day.isoformat()} is a public holiday."
            flags.append(Flag(key=f"holiday {day.isoformat()}", text=text, start=start, end=end))
    error = baseline.recent_error[0]
    if np.isfinite(error).any() and abs(mean := float(np.nanmean(error))) > RECENT_ERROR_LIMIT:
        side = "above" if mean > 0 else "below"
        text = f"Over the last day consumption was {abs(mean):.0%} {side} the forecast."
        flags.append(Flag(key=RECENT_ERROR_KEY, text=text, start=grid.start, end=reach))
    return flags


@dataclass(slots=True)
class Gate:
    """Remembers what was asked, so that the same question is not asked at every issue."""

    _asked: OrderedDict[str, tuple[datetime, datetime]] = field(default_factory=OrderedDict)

    def new(self, flags: Sequence[Flag], *, now: datetime, reach: datetime) -> list[Flag]:
        """Return the flags that were not asked about, or of which much more is now in the horizon."""
        return [flag for flag in flags if self._is_new(flag, now, reach)]

    def remember(self, flags: Sequence[Flag], *, now: datetime, reach: datetime) -> None:
        for flag in flags:
            self._asked[flag.key] = (now, min(flag.end, reach))
            self._asked.move_to_end(flag.key)
        while len(self._asked) > MAXIMUM_REMEMBERED:
            self._asked.popitem(last=False)

    def forget(self) -> None:
        """Ask about everything again: there was no usable answer."""
        self._asked.clear()

    def _is_new(self, flag: Flag, now: datetime, reach: datetime) -> bool:
        if flag.key not in self._asked:
            return True
        asked_at, asked_until = self._asked[flag.key]
        if flag.key == RECENT_ERROR_KEY:
            return now >= asked_at + RECENT_ERROR_PAUSE
        return min(flag.end, reach) > asked_until + NEW_REACH


@dataclass(slots=True)
class DailyBudget:
    """Tokens and money per UTC day; what is reserved before a call is settled after it."""

    tokens_per_day: int
    cost_per_day: float
    _day: date | None = None
    _tokens: int = 0
    _cost: float = 0.0

    def allows(self, *, tokens: int, cost: float, now: datetime) -> bool:
        self._turn(now)
        return self._tokens + tokens <= self.tokens_per_day and self._cost + cost <= self.cost_per_day

    def spend(self, *, tokens: int, cost: float, now: datetime) -> None:
        self._turn(now)
        self._tokens += tokens
        self._cost += cost

    def _turn(self, now: datetime) -> None:
        if self._day != now.date():
            self._day, self._tokens, self._cost = now.date(), 0, 0.0


@dataclass(slots=True)
class CircuitBreaker:
    """Leaves an endpoint alone for a while after several failures in a row, then tries once."""

    failures_to_open: int = 5
    cool_down: timedelta = timedelta(minutes=15)
    _failures: int = 0
    _opened_at: datetime | None = None

    def allows(self, now: datetime) -> bool:
        return self._opened_at is None or now >= self._opened_at + self.cool_down

    def record(self, *, succeeded: bool, now: datetime) -> None:
        self._failures = 0 if succeeded else self._failures + 1
        self._opened_at = now if self._failures >= self.failures_to_open else None


@dataclass(slots=True)
class ReplyCache:
    """Keeps replies by the hash of model, prompt, schema and sample; the oldest go first."""

    maximum_entries: int = 256
    _entries: OrderedDict[str, ModelReply] = field(default_factory=OrderedDict)

    def get(self, key: str) -> ModelReply | None:
        return self._entries.get(key)

    def put(self, key: str, reply: ModelReply) -> None:
        self._entries[key] = reply
        while len(self._entries) > self.maximum_entries:
            self._entries.popitem(last=False)
