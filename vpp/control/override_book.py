"""The overrides that count, and which orders were given because of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from vpp.control.leases import OrdersInForce
from vpp.domain.overrides import Override, OverrideColumns
from vpp.domain.setpoints import SetpointColumns


class OverrideBook:
    """Overrides of N assets, oldest first. The loop reads it, the operator's desk writes it."""

    def __init__(self, assets: int) -> None:
        self._assets = assets
        self._overrides: tuple[Override, ...] = ()
        self._given_sequence = np.zeros(assets, dtype=np.int64)  # highest that an override gave

    def take_up(self, overrides: Iterable[Override]) -> None:
        """Begin with what was stored before a restart, oldest first."""
        self._overrides = tuple(overrides)

    def add(self, override: Override) -> None:
        """Let an override count from now on."""
        self._overrides = (*self._overrides, override)

    def clear(self, override_id: str, at: datetime, author: str) -> None:
        """End an override before its time."""
        self._overrides = tuple(
            replace(item, cleared_at=at, cleared_by=author) if item.override_id == override_id else item
            for item in self._overrides
        )

    def forget_over(self, at: datetime) -> tuple[Override, ...]:
        """Drop and return those whose time has passed and that hide no older one."""
        kept = list(self._overrides)
        over: list[Override] = []
        while kept and at >= kept[0].valid_until:
            over.append(kept.pop(0))
        self._overrides = tuple(kept)
        return tuple(over)

    def find(self, override_id: str) -> Override | None:
        """Return an override that is remembered."""
        return next((item for item in self._overrides if item.override_id == override_id), None)

    def in_force(self, at: datetime) -> tuple[Override, ...]:
        """Return those that count at `at`, oldest first."""
        return tuple(item for item in self._overrides if item.in_force(at))

    def columns(self, at: datetime, *, without: str = "") -> OverrideColumns | None:
        """Return what they, but one, say to each asset at `at`; None where they say nothing."""
        counting = [item for item in self._overrides if item.override_id != without]
        columns = OverrideColumns.of(counting, self._assets, at)
        return columns if columns.any else None

    def columns_with(self, override: Override, at: datetime) -> OverrideColumns:
        """Return what they would say with one more."""
        return OverrideColumns.of((*self._overrides, override), self._assets, at)

    def gave(self, orders: SetpointColumns) -> None:
        """Note that these orders were given because of an override."""
        self._given_sequence[orders.slot] = np.maximum(self._given_sequence[orders.slot], orders.sequence)

    def owns(self, orders: OrdersInForce) -> NDArray[np.bool_]:
        """Return whose present order an override gave, shape (N,): no plan renews it."""
        sequence = orders.current.sequence
        owned: NDArray[np.bool_] = (sequence > 0) & (sequence == self._given_sequence)
        return owned
