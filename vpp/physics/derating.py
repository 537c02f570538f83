"""How temperature limits a battery's power: rules of a node's guard, and of the batteries that are simulated.

```
    share 1 ─        ┌──────────────────┐
          0 ─ ───────┘                  └──────
              cold_stop  cold_full   hot_derate  hot_stop   °C
```

The figures are those of common lithium cells: no charging below freezing, where lithium is plated; to be set
from the data sheet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from vpp.physics.storage import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class TemperatureLimits:
    """Temperatures in °C between which the permitted power rises from nothing, and falls to nothing."""

    cold_stop: float
    cold_full: float
    hot_derate: float
    hot_stop: float

    def __post_init__(self) -> None:
        if not self.cold_stop < self.cold_full <= self.hot_derate < self.hot_stop:
            raise ValueError(f"temperatures: got {self}, expected them to rise in this order")

    def share(self, coldest_c: Floats | float, hottest_c: Floats | float) -> Floats:
        """Return the share of full power, 0 to 1; a temperature that is no number permits nothing."""
        warm = (np.asarray(coldest_c) - self.cold_stop) / (self.cold_full - self.cold_stop)
        cool = (self.hot_stop - np.asarray(hottest_c)) / (self.hot_stop - self.hot_derate)
        share = np.minimum(warm, cool)
        known = np.isfinite(coldest_c) & np.isfinite(hottest_c)
        return np.where(known, np.clip(share, 0.0, 1.0), 0.0)


CHARGING: Final = TemperatureLimits(cold_stop=0.0, cold_full=10.0, hot_derate=45.0, hot_stop=55.0)
DISCHARGING: Final = TemperatureLimits(cold_stop=-20.0, cold_full=0.0, hot_derate=45.0, hot_stop=60.0)
