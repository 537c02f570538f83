"""Limits of feeders as they are known: those of now in the register, coming ones as envelopes.

```
    known: a line is out from 15:00 to 7:00
    register: 250 kW        │ envelope: 100 kW   │ envelope: 250 kW
    ├───────────────────────┼────────────────────┼──────────────────► end of the horizon
    now                     15:00                7:00
```
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest

import numpy as np

from vpp.domain.assets import Feeder, Fleet
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.domain.signals import MAX_POWER_KW, OperatingEnvelope, Signal
from vpp.replay.events import announced
from vpp.replay.scenario import FeederLimits, limits_at


@dataclass(frozen=True, slots=True)
class Announcements:
    """Events, reserve and coming limits as the loop's source of signals: nothing is known before its time."""

    requests: Sequence[Signal]  # events and reserve products
    limits: Sequence[FeederLimits]
    feeders: Sequence[Feeder]

    async def signals_between(self, *, start: datetime, end: datetime, known_at: datetime) -> list[Signal]:
        """Return what lies within [start, end) as announced last by then: requests by id, then limits."""
        newest = [request for request in announced(self.requests, known_at) if not request.withdrawn]
        within = [request for request in newest if request.valid_from < end and request.valid_until > start]
        return [*within, *self._coming(start, end, known_at)]

    def _coming(self, start: datetime, end: datetime, known_at: datetime) -> list[Signal]:
        """Return an envelope from each change of a feeder's limits to its next, or to `end`."""
        start_us, end_us, known_us = (to_microseconds(at) for at in (start, end, known_at))
        if all(row.valid_from_us <= start_us for row in self.limits):
            return []
        changes: dict[tuple[int, int], FeederLimits] = {}
        for row in self.limits:  # in order of valid_from, then of available_at: the last that counts wins
            if start_us < row.valid_from_us < end_us and row.available_at_us <= known_us:
                changes[row.feeder, row.valid_from_us] = row
        ordered = [changes[key] for key in sorted(changes)]
        found = []
        for row, following in zip_longest(ordered, ordered[1:]):
            same = following is not None and following.feeder == row.feeder
            until_us = following.valid_from_us if following is not None and same else end_us
            found.append(self._envelope(row, until_us))
        return found

    def _envelope(self, row: FeederLimits, until_us: int) -> Signal:
        name = f"limit-{row.feeder}-{row.valid_from_us}"
        return Signal(
            signal_id=name,
            valid_from=from_microseconds(row.valid_from_us),
            valid_until=from_microseconds(until_us),
            request_id=name,
            author="scenario",
            available_at=from_microseconds(row.available_at_us),
            content=OperatingEnvelope(
                feeder_id=self.feeders[row.feeder].feeder_id,
                import_limit_kw=min(row.import_limit_kw, MAX_POWER_KW),
                export_limit_kw=min(row.export_limit_kw, MAX_POWER_KW),
                may_widen=True,
            ),
        )


def with_known_limits(limits: Sequence[FeederLimits], fleet: Fleet, at: datetime) -> Fleet:
    """Return the fleet with the feeder limits that hold at `at` as far as they are known then."""
    at_us = to_microseconds(at)
    found = limits_at(tuple(limits), len(fleet.feeders), at_us, at_us)
    now = np.array(
        [[getattr(f, name) for f in fleet.feeders] for name in ("import_limit_kw", "export_limit_kw")]
    )
    if np.array_equal(now, found):
        return fleet
    feeders = tuple(
        Feeder(feeder_id=f.feeder_id, import_limit_kw=float(imports), export_limit_kw=float(exports))
        for f, imports, exports in zip(fleet.feeders, *found, strict=True)
    )
    return replace(fleet, feeders=feeders)
