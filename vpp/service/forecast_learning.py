"""Keeps account of the forecasters from day to day: opens days, settles them, remembers what was learned."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import structlog

from vpp.domain.forecasts import ForecastParts, LoadForecast
from vpp.domain.intervals import IntervalGrid
from vpp.forecasting.aggregation import STRETCHED, Ticket
from vpp.forecasting.learning import (
    MODEL,
    Learned,
    delay_of,
    guarded,
    in_force,
    round_of,
    round_start,
    rounds_of,
    settled,
)
from vpp.forecasting.local_days import DAY
from vpp.ports import CycleStore, ForecastMemory

log = structlog.get_logger()

KEPT_ROUNDS = 60  # looked at for days to settle and days that are open
ENOUGH_METERED = 0.9  # of a day, to settle it at once; what is missing after another day stays missing


@dataclass(slots=True, kw_only=True)
class ForecastLearning:
    """The account of one portfolio. Issues that meet wait for one another: a day is opened once."""

    memory: ForecastMemory
    store: CycleStore
    interval: timedelta
    horizon: timedelta
    forecasters: tuple[str, ...] = (MODEL,)
    _learned: Learned | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def guard(self, advised: LoadForecast, parts: ForecastParts, now: datetime) -> LoadForecast:
        """Return the forecast with the weights of its days, after settling those that are over."""
        async with self._turn:
            learned = await self._settle(await self._state(now), now)
            self._learned = learned
            tickets = await self._tickets(advised.grid, learned, now)
        return await asyncio.to_thread(guarded, advised, parts, tickets, learned)

    async def _state(self, now: datetime) -> Learned:
        if self._learned is not None:
            return self._learned
        open_days = [one.number for one in await self.memory.rounds(newest=KEPT_ROUNDS) if not one.settled]
        first = min(open_days, default=round_of(now))
        fresh = Learned.fresh(self.forecasters, delay=delay_of(self.horizon), first_round=first)
        plain = await self.memory.newest_state()
        if plain is None:
            return fresh
        found = Learned.of(plain)
        same = (found.aggregation.experts, found.aggregation.delay) == (
            fresh.aggregation.experts,
            fresh.aggregation.delay,
        )
        if not same:
            log.warning("forecasters have changed, the account begins anew", before=found.aggregation.experts)
        return found if same else fresh

    async def _tickets(self, grid: IntervalGrid, learned: Learned, now: datetime) -> dict[int, Ticket]:
        """Return the fixed weights of every day in `grid`; days reached for the first time are opened."""
        paused = {one.forecaster for one in await self.memory.pauses() if one.paused}
        paused |= {name + STRETCHED for name in paused}
        known = {one.number: one for one in await self.memory.rounds(newest=KEPT_ROUNDS)}
        tickets = {}
        for number in np.unique(rounds_of(grid)).tolist():
            ticket = learned.aggregation.ticket(number, frozenset(paused))
            if number in known:
                ticket = Ticket(round_number=number, share=known[number].share, weights=known[number].weights)
                if any(ticket.weights.get(name, 0.0) > 0.0 for name in paused):
                    # A pause holds at once, also for days that are open.
                    ticket = Ticket(round_number=number, share=0.0, weights=ticket.weights)
            else:
                await self.memory.open_round(number, at=now, share=ticket.share, weights=ticket.weights)
            tickets[number] = ticket
        return tickets

    async def _settle(self, learned: Learned, now: datetime) -> Learned:
        pauses = await self.memory.pauses()
        for one in await self.memory.rounds(newest=KEPT_ROUNDS):
            end = round_start(one.number) + DAY
            if any(one.opened_at <= pause.at < end for pause in pauses):
                continue  # an operator stepped in: it was not forecast with one set of weights
            last = learned.aggregation.last_learned[one.number % learned.aggregation.delay]
            if one.settled or end > now or (last is not None and last >= one.number):
                continue
            if set(one.weights) != set(learned.aggregation.experts):
                continue
            learned = await self._settle_day(
                learned, Ticket(round_number=one.number, share=one.share, weights=one.weights), now
            )
        return learned

    async def _settle_day(self, learned: Learned, ticket: Ticket, now: datetime) -> Learned:
        start = round_start(ticket.round_number)
        grid = IntervalGrid(start=start, length=self.interval, count=DAY // self.interval)
        history = await self.store.feeder_history(grid=grid, known_at=now)
        metered = np.isfinite(history.consumption_kw).mean()
        if metered == 0.0 or (metered < ENOUGH_METERED and now < grid.end + DAY):
            return learned
        forecasts = await self.memory.forecasts_in_force(start=grid.start, end=grid.end)
        day = await asyncio.to_thread(in_force, grid, forecasts)
        if day is None or day.p10_kw.shape != history.consumption_kw.shape:
            return learned
        after, outcome = await asyncio.to_thread(settled, learned, ticket, day, history.consumption_kw)
        await self.memory.settle_round(
            ticket.round_number,
            at=now,
            loss=outcome.loss,
            baseline_loss=outcome.baseline_loss,
            expert_losses=outcome.expert_losses,
            excess=after.aggregation.excess,
            bound=after.aggregation.bound,
            state=after.plain(),
        )
        log.info(
            "forecast day settled",
            day=start.date().isoformat(),
            loss=round(outcome.loss, 4),
            baseline_loss=round(outcome.baseline_loss, 4),
            excess=round(after.aggregation.excess, 4),
            bound=round(after.aggregation.bound, 4),
        )
        return after
