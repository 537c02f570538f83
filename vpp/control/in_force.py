"""Which signal holds when several overlap: the lowest primacy, then the newest, as in IEEE 2030.5.

```
    signal a, primacy 50     ├───────────────┤
    signal b, primacy 10            ├────┤                of the same subject
    in force                 ├──a───┼─b──┼─a─┤
```
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from vpp.domain.signals import (
    DispatchEvent,
    MaintenanceWindow,
    OperatingEnvelope,
    OptOut,
    ReserveRequest,
    Signal,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A time in which one signal holds, half-open."""

    signal: Signal
    start: datetime
    end: datetime


def known_at(announcements: Iterable[Signal], at: datetime) -> list[Signal]:
    """Return of each signal what was announced last by `at`, without those withdrawn, by id.

    Announcements of one id at the very same time count in the order they are given in.
    """
    newest: dict[str, Signal] = {}
    for signal in announcements:
        known = newest.get(signal.signal_id)
        if signal.available_at <= at and (known is None or signal.available_at >= known.available_at):
            newest[signal.signal_id] = signal
    return [newest[name] for name in sorted(newest) if not newest[name].withdrawn]


def in_force(signals: Iterable[Signal], *, start: datetime, end: datetime) -> list[Term]:
    """Return when which signal holds within [start, end), by start, subject by subject.

    Signals are what is known of them (`known_at`). Two share a subject when only one of them can hold:
    prices of the portfolio, envelopes of one place, events, one reserve product. Maintenance and opting
    out take nothing from each other. An event that has begun is a commitment: one of the same primacy
    that became known meanwhile waits for its end.
    """
    by_subject: dict[Hashable, list[Signal]] = defaultdict(list)
    for signal in signals:
        if signal.valid_from < end and signal.valid_until > start:
            by_subject[_subject(signal)].append(signal)
    terms = [term for rivals in by_subject.values() for term in _terms(rivals, start, end)]
    return sorted(terms, key=lambda term: (term.start, term.signal.signal_id))


def _subject(signal: Signal) -> Hashable:
    content = signal.content
    if isinstance(content, OperatingEnvelope):
        return signal.kind, content.feeder_id, frozenset(content.asset_ids)
    if isinstance(content, ReserveRequest):
        return signal.kind, content.product_id
    if isinstance(content, MaintenanceWindow | OptOut):
        return signal.kind, signal.signal_id
    return signal.kind


def _terms(rivals: Sequence[Signal], start: datetime, end: datetime) -> list[Term]:
    """Return the terms of signals of one subject, each as long as it can be."""
    edges = {start, end}
    for signal in rivals:
        edges.update(edge for edge in (signal.valid_from, signal.valid_until) if start < edge < end)
    times = sorted(edges)
    terms: list[Term] = []
    for left, right in pairwise(times):
        holding = [signal for signal in rivals if signal.valid_from <= left < signal.valid_until]
        if not holding:
            continue
        winner = _winner(holding)
        if terms and terms[-1].signal is winner and terms[-1].end == left:
            terms[-1] = Term(signal=winner, start=terms[-1].start, end=right)
        else:
            terms.append(Term(signal=winner, start=left, end=right))
    return terms


def _winner(holding: Sequence[Signal]) -> Signal:
    """Return which of some signals of one subject, all valid now, holds."""
    lowest = min(signal.primacy for signal in holding)
    rivals = sorted(
        (signal for signal in holding if signal.primacy == lowest),
        key=lambda signal: (signal.available_at, signal.signal_id),
    )
    winner = rivals[0]
    for newer in rivals[1:]:
        committed = isinstance(winner.content, DispatchEvent) and winner.valid_from <= newer.available_at
        winner = winner if committed else newer
    return winner
