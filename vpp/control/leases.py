"""Which orders each asset holds, and until when."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.domain.readings import to_microseconds
from vpp.domain.setpoints import Rows, SetpointColumns, rows_of

# An order may lie this long in a socket before its node refuses it: the service counts a lease
# in force for that much longer than the node can.
TRANSIT_ALLOWANCE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderColumns:
    """One order for each of N assets; sequence 0 means none."""

    sequence: NDArray[np.int64]
    power_kw: NDArray[np.float64]
    valid_from_us: NDArray[np.int64]
    valid_until_us: NDArray[np.int64]

    @classmethod
    def none(cls, assets: int) -> OrderColumns:
        zeros = np.zeros(assets, dtype=np.int64)
        return cls(sequence=zeros, power_kw=np.zeros(assets), valid_from_us=zeros, valid_until_us=zeros)

    def where(self, rows: NDArray[np.bool_], other: OrderColumns) -> OrderColumns:
        """Return these orders, and `other`'s in `rows`."""
        return OrderColumns(
            sequence=np.where(rows, other.sequence, self.sequence),
            power_kw=np.where(rows, other.power_kw, self.power_kw),
            valid_from_us=np.where(rows, other.valid_from_us, self.valid_from_us),
            valid_until_us=np.where(rows, other.valid_until_us, self.valid_until_us),
        )

    def with_rows(
        self,
        rows: Rows,
        *,
        sequence: NDArray[np.int64] | int,
        power_kw: NDArray[np.float64] | float,
        valid_from_us: int,
        valid_until_us: int,
    ) -> OrderColumns:
        """Return these orders, with others in `rows`."""
        changed = replace(self, **{name: getattr(self, name).copy() for name in _ORDER})
        changed.sequence[rows], changed.power_kw[rows] = sequence, power_kw
        changed.valid_from_us[rows], changed.valid_until_us[rows] = valid_from_us, valid_until_us
        return changed

    def without(self, rows: Rows) -> OrderColumns:
        """Return these orders, none in `rows`."""
        if not self.sequence.any():
            return self
        return self.with_rows(rows, sequence=0, power_kw=0.0, valid_from_us=0, valid_until_us=0)


_ORDER: Final = tuple(item.name for item in fields(OrderColumns))


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersInForce:
    """What each asset does now, and what it was told to do next.

    ```
        current ├───────────────renewed────────────►│
        next           sent ·               valid_from ├──────────►
    ```
    """

    current: OrderColumns
    next: OrderColumns

    @classmethod
    def none(cls, assets: int) -> OrdersInForce:
        return cls(current=OrderColumns.none(assets), next=OrderColumns.none(assets))

    def highest_sequence(self) -> NDArray[np.int64]:
        """Return the highest sequence ever given to each asset, shape (N,)."""
        return np.maximum(self.current.sequence, self.next.sequence)

    def numbered_from(self, highest: NDArray[np.int64]) -> OrdersInForce:
        """Return the same orders, so that the next ones have sequences above `highest`, shape (N,)."""
        raised = np.maximum(self.current.sequence, highest)
        return replace(self, current=replace(self.current, sequence=raised))

    def at(self, now: datetime) -> OrdersInForce:
        """Return the table at `now`: orders whose time has come take the place of those before."""
        if not self.next.sequence.any():
            return self
        begun = (self.next.sequence > 0) & (self.next.valid_from_us <= to_microseconds(now))
        none = OrderColumns.none(len(begun))
        return OrdersInForce(current=self.current.where(begun, self.next), next=self.next.where(begun, none))

    def power_at(self, at: datetime) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Return which assets may follow an order at `at`, and its power, both shape (N,)."""
        effective = self.at(at).current
        return (effective.sequence > 0) & (effective.valid_until_us > to_microseconds(at)), effective.power_kw

    def with_orders(self, orders: SetpointColumns, now: datetime) -> OrdersInForce:
        """Return the table after `orders` were sent at `now`."""
        table, rows = self.at(now), rows_of(orders.slot)
        begins_later = orders.valid_from > now
        given = (table.next if begins_later else table.current).with_rows(
            rows,
            sequence=orders.sequence,
            power_kw=orders.power_kw,
            valid_from_us=to_microseconds(orders.valid_from),
            valid_until_us=to_microseconds(orders.valid_until + TRANSIT_ALLOWANCE),
        )
        if begins_later:
            return replace(table, next=given)
        return OrdersInForce(current=given, next=table.next.without(rows))

    def renewed(self, slots: NDArray[np.int64], until: datetime) -> OrdersInForce:
        """Return the table after the current leases of `slots` were given a later end."""
        end = self.current.valid_until_us.copy()
        end[slots] = np.maximum(end[slots], to_microseconds(until + TRANSIT_ALLOWANCE))
        return replace(self, current=replace(self.current, valid_until_us=end))
