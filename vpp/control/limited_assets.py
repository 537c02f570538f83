"""How limits of single assets that change over time enter a problem whose assets have one rating.

```
    limit kW    5 5 3 3 3 0 0 5 5        5 at first: the asset keeps its 5 kW, and rests wherever less is
    planned     5 5 · · · · · 5 5        allowed, until a later cycle begins there

    limit kW    3 3 3 5 5 0 0 5 5        3 at first, the interval that orders are made of: the asset has
    planned     3 3 3 3 3 · · 3 3        3 kW throughout, and rests where less is allowed
```

So every interval keeps its limit, and the first one, which alone is dispatched, uses it whole.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vpp.control.signals_on_grid import SignalsOnGrid

_SAME_KW = 1e-9
WindowRow = tuple[int, int, int, float, float]  # asset, from, to, departure kWh, trip kWh


def bounds_of(signals: SignalsOnGrid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return highest charging and discharging power of the limited assets for the whole plan, (K,) each."""
    usable = (signals.charge_kw > 0.0) | (signals.discharge_kw > 0.0)
    first = np.argmax(usable, axis=1) if usable.shape[1] else np.zeros(len(usable), dtype=np.int64)
    rows = np.arange(len(usable))
    return signals.charge_kw[rows, first], signals.discharge_kw[rows, first]


def free_of(signals: SignalsOnGrid) -> NDArray[np.bool_]:
    """Return in which intervals each limited asset may use the powers of `bounds_of`, (K, T)."""
    charge_kw, discharge_kw = bounds_of(signals)
    free = (signals.charge_kw >= charge_kw[:, None] - _SAME_KW) & (
        signals.discharge_kw >= discharge_kw[:, None] - _SAME_KW
    )
    used = (charge_kw > 0.0) | (discharge_kw > 0.0)
    allowed: NDArray[np.bool_] = free & used[:, None]
    return allowed


def cut_stays(rows: list[WindowRow], signals: SignalsOnGrid, lasting: NDArray[np.bool_]) -> list[WindowRow]:
    """Return windows that leave out where limited assets must rest.

    An asset that is always there gets windows where it is free. A stay that is cut asks for its departure
    energy at the end of its last part.
    """
    free = free_of(signals)
    row_of = {int(slot): row for row, slot in enumerate(signals.slots.tolist())}
    cut = [row for row in rows if row[0] not in row_of]
    stays = [row for row in rows if row[0] in row_of]
    intervals = free.shape[1]
    stays += [
        (slot, 0, intervals, 0.0, 0.0) for slot in row_of if lasting[slot] and not free[row_of[slot]].all()
    ]
    for slot, begin, end, departure_kwh, trip_kwh in stays:
        runs = list(_runs(free[row_of[slot]], begin, end))
        for place, (first, last) in enumerate(runs, start=1):
            whole = (departure_kwh, trip_kwh) if place == len(runs) else (0.0, 0.0)
            cut.append((slot, first, last, *whole))
    return sorted(cut)


def _runs(free: NDArray[np.bool_], begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the stretches [first, last) of [begin, end) that are free."""
    first = None
    for interval in range(begin, end):
        if free[interval] and first is None:
            first = interval
        elif not free[interval] and first is not None:
            yield first, interval
            first = None
    if first is not None:
        yield first, end
