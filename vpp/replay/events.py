"""Events of a scenario: requests for power, when they were announced, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from optimizer.files.tables import find_table, read_table
from vpp.domain.intervals import IntervalGrid
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.domain.signals import Direction, DispatchEvent, Signal
from vpp.replay.columns import times_us, withdrawn_rows

EVENT_COLUMNS = (
    "event_id",
    "direction",
    "start",
    "end",
    "target_kw",
    "penalty_per_kwh",
    "available_at",
)


def read_events(folder: Path) -> tuple[Signal, ...]:
    """Return the events of a folder by start, nothing where there is no table; raise ProblemError.

    A row with the id of an earlier one and a later `available_at` supersedes it, or with `withdrawn` ends it.
    """
    path = find_table(folder, "events", needed=False)
    if path is None:
        return ()
    table = read_table(path, EVENT_COLUMNS, ("withdrawn",))
    directions = table.text("direction")
    known = [str(direction) for direction in Direction]
    table.require("direction", np.isin(directions, known), f"one of {', '.join(known)}")
    begin, end = times_us(table, "start"), times_us(table, "end")
    table.require("end", end > begin, "a time after start")
    rows = zip(
        table.ids("event_id"),
        directions,
        begin.tolist(),
        end.tolist(),
        table.numbers("target_kw", low=0.0, low_open=True).tolist(),
        table.numbers("penalty_per_kwh", low=0.0, low_open=True).tolist(),
        times_us(table, "available_at").tolist(),
        withdrawn_rows(table),
        strict=True,
    )
    events = [
        Signal(
            signal_id=str(event_id),
            valid_from=from_microseconds(start_us),
            valid_until=from_microseconds(end_us),
            request_id=str(event_id),
            author="scenario",
            available_at=from_microseconds(known_us),
            content=DispatchEvent(
                direction=Direction(direction), target_kw=target_kw, penalty_per_kwh=penalty
            ),
            withdrawn=gone,
        )
        for event_id, direction, start_us, end_us, target_kw, penalty, known_us, gone in rows
    ]
    return tuple(sorted(events, key=lambda event: (event.valid_from, event.available_at, event.signal_id)))


def announced(events: Sequence[Signal], known_at: datetime | None = None) -> list[Signal]:
    """Return the last announcement of each event by a time, of all times without one, by id."""
    newest: dict[str, Signal] = {}
    for event in sorted(events, key=lambda event: event.available_at):
        if known_at is None or event.available_at <= known_at:
            newest[event.signal_id] = event
    return [newest[event_id] for event_id in sorted(newest)]


def as_held(signals: Sequence[Signal]) -> list[Signal]:
    """Return each signal as it came to be, by id: its last announcement, up to when it was withdrawn."""
    held = []
    for signal in announced(signals):
        until = min(signal.valid_until, signal.available_at) if signal.withdrawn else signal.valid_until
        if until > signal.valid_from:
            held.append(replace(signal, valid_until=until, withdrawn=False))
    return held


def hours_within(signal: Signal, grid: IntervalGrid) -> NDArray[np.float64]:
    """Return how long a signal holds within each interval, (T,)."""
    length_us = grid.length.total_seconds() * 1e6
    begin_us = to_microseconds(grid.start) + np.arange(grid.count) * length_us
    end_us = np.minimum(to_microseconds(signal.valid_until), begin_us + length_us)
    hours: NDArray[np.float64] = (end_us - np.maximum(to_microseconds(signal.valid_from), begin_us)) / 3.6e9
    return np.maximum(hours, 0.0)


@dataclass(frozen=True, slots=True)
class EventAccount:
    """What events asked and got: energy, and money for what was missing, in all and by interval (T,)."""

    asked_kwh: float
    delivered_kwh: float
    penalties: NDArray[np.float64]

    @property
    def penalty(self) -> float:
        return float(self.penalties.sum())


def account_of(events: Sequence[Signal], fleet_kw: NDArray[np.float64], grid: IntervalGrid) -> EventAccount:
    """Return what a fleet's power, (T,), kW, positive discharges, did for the events over the grid."""
    asked = delivered = 0.0
    penalties = np.zeros(grid.count)
    for event in as_held(events):
        content = event.content
        assert isinstance(content, DispatchEvent)
        sign = 1.0 if content.direction is Direction.UP else -1.0
        hours = hours_within(event, grid)
        got_kw = np.clip(sign * fleet_kw, 0.0, content.target_kw)
        asked += float(content.target_kw * hours.sum())
        delivered += float(got_kw @ hours)
        penalties += content.penalty_per_kwh * (content.target_kw - got_kw) * hours
    return EventAccount(asked, delivered, penalties)
