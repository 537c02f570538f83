"""The process image: one frozen picture of all assets for one cycle."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

_NOBODY = np.zeros(0, dtype=np.bool_)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetState:
    """State of N assets at `at`, as columns in slot order.

    energy_kwh is the best estimate at `at`; `usable` is False where no recent good reading exists,
    and such an asset takes no part in a plan (it rests in its default control).
    """

    at: datetime
    energy_kwh: NDArray[np.float64]
    power_kw: NDArray[np.float64]
    connected: NDArray[np.bool_]
    usable: NDArray[np.bool_]
    measured_at_us: NDArray[np.int64]  # of the reading each estimate rests on; 0 where there is none
    quarantined: NDArray[np.bool_] = field(default_factory=lambda: _NOBODY)  # not trusted: ordered to rest

    def __post_init__(self) -> None:
        for column in (self.energy_kwh, self.power_kw, self.connected, self.usable, self.measured_at_us):
            column.setflags(write=False)
        if self.quarantined is _NOBODY:
            object.__setattr__(self, "quarantined", np.zeros(len(self.usable), dtype=np.bool_))
        self.quarantined.setflags(write=False)
