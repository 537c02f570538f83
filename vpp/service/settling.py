"""Settles events from what is stored: signals, readings, orders, stops, overrides. Changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from vpp.adapters.storage import open_signals
from vpp.adapters.storage.event_orders import open_order_archive
from vpp.adapters.storage.operators import open_operator_register
from vpp.control.settlement.baseline import Calendar, window_before
from vpp.control.settlement.compensation import compensate
from vpp.control.settlement.delivery import Orders, deliver
from vpp.control.settlement.orders import StopWord, opted_out, ordered_power, overridden, stopped
from vpp.domain.assets import Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.settlement import EventSettlement, SettledEvent, Spans
from vpp.domain.signals import BaselineMethod, DispatchEvent, Signal
from vpp.forecasting.public_holidays import public_holidays
from vpp.ports import Clock, OperatorRegister, Store
from vpp.ports.settlement import OrderArchive
from vpp.service.event_metering import EventMetering, Progress, quiet
from vpp.service.settings import Settings

ORDERS_BEFORE: Final = timedelta(hours=2)  # the event: an order that began then may still hold
MAX_STOPS: Final = 10_000  # that are looked at, newest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """Settles one event after the other."""

    metering: EventMetering
    operators: OperatorRegister
    orders: OrderArchive
    clock: Clock
    interval: timedelta

    @property
    def fleet(self) -> Fleet:
        """Return whose delivery is counted."""
        return self.metering.fleet

    async def events_between(self, start: datetime, end: datetime) -> list[str]:
        """Return the events that end within [start, end) and are over, oldest first."""
        now = self.clock.now()
        known = await self.metering.signals.signals_between(start=start, end=end, known_at=now)
        over = [
            item
            for item in known
            if isinstance(item.content, DispatchEvent) and start < item.valid_until <= min(end, now)
        ]
        return [item.signal_id for item in sorted(over, key=lambda item: (item.valid_from, item.signal_id))]

    async def settle(self, event_id: str, progress: Progress = quiet) -> EventSettlement | None:
        """Return the settlement of an event by all that is known now, None where there is no such event.

        Raises InvalidValueError for an event that was withdrawn, is not over, or is too long.
        """
        now = self.clock.now()
        signal = await self.metering.signals.get_signal(event_id, known_at=now)
        if signal is None or not isinstance(signal.content, DispatchEvent):
            return None
        event = _settled_event(signal, now)
        spans = Spans.of(event.start, event.end, self.interval)
        orders = await self._orders(event, spans, now)
        baseline = None
        if event.baseline is not BaselineMethod.NONE:
            usual = await self.metering.usual(event.start, spans, now, progress)
            baseline = usual.baseline(await self.metering.means(window_before(spans)))
        progress("event", 0, 1)
        metered = await self.metering.means(spans)
        delivery = await asyncio.to_thread(deliver, event, spans, self.fleet, metered, orders, baseline)
        return EventSettlement(
            delivery=delivery, compensation=compensate(delivery, self.fleet), settled_at=now
        )

    async def _orders(self, event: SettledEvent, spans: Spans, now: datetime) -> Orders:
        count = len(self.fleet)
        rows = await self.orders.orders_between(start=event.start - ORDERS_BEFORE, end=event.end)
        ordered_kw, has_order = ordered_power(
            rows.slot,
            rows.valid_from_us,
            rows.valid_until_us,
            rows.power_kw,
            assets=count,
            spans=spans,
            interval=self.interval,
        )
        known = await self.metering.signals.signals_between(start=event.start, end=event.end, known_at=now)
        out = opted_out(known, event.event_id, self.fleet)
        out[rows.opted_out] = True
        reached = np.zeros(count, dtype=np.bool_)
        reached[rows.answered] = True
        overrides = await self.operators.overrides_ending_after(event.start)
        held = stopped(await self._stops(), self.fleet, event.start, event.end)
        return Orders(
            ordered_kw=ordered_kw,
            has_order=has_order,
            reached=reached,
            opted_out=out,
            stopped=held | overridden(overrides, count, event.start, event.end),
        )

    async def _stops(self) -> Sequence[StopWord]:
        words: list[StopWord] = []
        token = ""
        while len(words) < MAX_STOPS:
            page = await self.operators.list_stops(page_size=1_000, page_token=token)
            words += [
                StopWord(
                    at=item.at,
                    stops=item.action == "stop",
                    asset_ids=item.asset_ids,
                    feeder_id=item.feeder_id,
                )
                for item in page.items
            ]
            token = page.next_token
            if not token:
                break
        return words


async def open_settling(
    settings: Settings, store: Store, fleet: Fleet, clock: Clock, stack: AsyncExitStack
) -> Settling:
    """Return what settles events of the configured database; it is closed with `stack`."""
    url, forecast = settings.database.url, settings.forecast
    signals, operators, orders = open_signals(url), open_operator_register(url), open_order_archive(url)
    for part in (signals, operators, orders):
        stack.push_async_callback(part.close)
    year = clock.now().year
    country = public_holidays(forecast.country, range(year - 3, year + 2))
    calendar = Calendar(timezone=forecast.timezone, holidays=frozenset(forecast.holidays) | country)
    return Settling(
        metering=EventMetering(fleet=fleet, store=store, signals=signals, calendar=calendar),
        operators=operators,
        orders=orders,
        clock=clock,
        interval=timedelta(seconds=settings.policy.interval_s),
    )


def _settled_event(signal: Signal, now: datetime) -> SettledEvent:
    content = signal.content
    assert isinstance(content, DispatchEvent)
    if signal.withdrawn:
        raise InvalidValueError("event_id", signal.signal_id, "an event that was not withdrawn")
    if signal.valid_until > now:
        over = signal.valid_until.isoformat()
        raise InvalidValueError(
            "event_id", signal.signal_id, "an event that is over", f"settle it after {over}"
        )
    return SettledEvent(
        event_id=signal.signal_id,
        direction=content.direction,
        target_kw=content.target_kw,
        payment_per_kwh=content.payment_per_kwh,
        penalty_per_kwh=content.penalty_per_kwh,
        baseline=content.baseline,
        start=signal.valid_from,
        end=signal.valid_until,
    )
