"""An operator's override: what assets do until it ends, whatever the plan says.

```
    plan ─────────┐                        ┌───────── plan
                  └── override ───────────►│ valid_until, or cleared
```

The newest override that was ever made for an asset counts. When it ends the asset is the plan's again;
an older one that would still last does not come back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import to_microseconds
from vpp.domain.target import Target

SHORTEST: Final = timedelta(seconds=30)
LONGEST: Final = timedelta(hours=24)


class OverrideKind(StrEnum):
    POWER = "power"  # this power
    ENVELOPE = "envelope"  # the plan may choose within these powers
    HOLD = "hold"  # freeze: what it was ordered last, and no new orders of the optimizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One override with what it says to each of M assets. Powers in kW, positive discharges.

    `slot` ascends; `power_kw` (M,) is NaN for an envelope and for an asset that a freeze found without
    an order (it stays in default control); `min_kw` and `max_kw` (M,) are its envelope.
    """

    override_id: str
    kind: OverrideKind
    target: Target
    author: str
    reason: str
    created_at: datetime
    valid_until: datetime
    slot: NDArray[np.int64]
    power_kw: NDArray[np.float64]
    min_kw: NDArray[np.float64]
    max_kw: NDArray[np.float64]
    cleared_at: datetime | None = None
    cleared_by: str = ""

    def __post_init__(self) -> None:
        lasts = self.valid_until - self.created_at
        if not SHORTEST <= lasts <= LONGEST:
            raise InvalidValueError(
                "valid_until", self.valid_until.isoformat(), "30 seconds to 24 hours from now"
            )
        if not self.reason:
            raise InvalidValueError("reason", "", "why, in words")
        for column in (self.slot, self.power_kw, self.min_kw, self.max_kw):
            column.setflags(write=False)

    def in_force(self, at: datetime) -> bool:
        """Return whether it has neither ended nor been cleared at `at`."""
        return at < self.valid_until and self.cleared_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideColumns:
    """What overrides say to each of N assets at one moment, columns in slot order.

    `until_us` is 0 where none is in force. Where one is: `fixed` says that power is not the plan's to
    choose, and `power_kw` is it (NaN: no order at all); else the envelope `min_kw` to `max_kw` holds.
    `holds` marks what a freeze keeps: renewed, never ordered anew.
    """

    until_us: NDArray[np.int64]
    fixed: NDArray[np.bool_]
    holds: NDArray[np.bool_]
    power_kw: NDArray[np.float64]
    min_kw: NDArray[np.float64]
    max_kw: NDArray[np.float64]

    @classmethod
    def of(cls, overrides: Iterable[Override], assets: int, at: datetime) -> OverrideColumns:
        """Return what is in force at `at` of `overrides`, oldest first; of two, the later made counts."""
        until_us = np.zeros(assets, dtype=np.int64)
        fixed, holds = np.zeros((2, assets), dtype=np.bool_)
        power_kw = np.full(assets, np.nan)
        min_kw, max_kw = np.full(assets, -np.inf), np.full(assets, np.inf)
        for item in overrides:
            counts, slot = item.in_force(at), item.slot
            until_us[slot] = to_microseconds(item.valid_until) if counts else 0
            fixed[slot] = counts and item.kind is not OverrideKind.ENVELOPE
            holds[slot] = counts and item.kind is OverrideKind.HOLD
            power_kw[slot] = item.power_kw if counts else np.nan
            min_kw[slot] = item.min_kw if counts else -np.inf
            max_kw[slot] = item.max_kw if counts else np.inf
        columns = cls(
            until_us=until_us, fixed=fixed, holds=holds, power_kw=power_kw, min_kw=min_kw, max_kw=max_kw
        )
        for column in (until_us, fixed, holds, power_kw, min_kw, max_kw):
            column.setflags(write=False)
        return columns

    @property
    def any(self) -> bool:
        """Return whether one is in force."""
        return bool(self.until_us.any())


def same_overrides(one: OverrideColumns | None, other: OverrideColumns | None) -> bool:
    """Return whether both say the same to every asset."""
    if one is None or other is None:
        return one is other
    return all(
        np.array_equal(getattr(one, item.name), getattr(other, item.name), equal_nan=True)
        for item in fields(one)
    )
