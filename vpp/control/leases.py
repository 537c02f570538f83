"""Which order each asset holds, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.domain.setpoints import SetpointColumns

# An order may lie this long in a socket before its node refuses it: the service counts a lease
# in force for that much longer than the node can.
TRANSIT_ALLOWANCE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersInForce:
    """The newest order of every asset, in slot order; sequence 0 means none was ever given."""

    sequence: NDArray[np.int64]
    power_kw: NDArray[np.float64]
    valid_from_us: NDArray[np.int64]
    valid_until_us: NDArray[np.int64]

    @classmethod
    def none(cls, assets: int) -> OrdersInForce:
        zeros = np.zeros(assets, dtype=np.int64)
        return cls(sequence=zeros, power_kw=np.zeros(assets), valid_from_us=zeros, valid_until_us=zeros)

    def held_at(self, at: datetime) -> NDArray[np.bool_]:
        """Return which assets may still follow their order at `at`, shape (N,)."""
        return (self.sequence > 0) & (self.valid_until_us > to_microseconds(at))

    def with_orders(self, orders: SetpointColumns) -> OrdersInForce:
        """Return the table after `orders` were sent."""
        sequence, power = self.sequence.copy(), self.power_kw.copy()
        begin, end = self.valid_from_us.copy(), self.valid_until_us.copy()
        sequence[orders.slot] = orders.sequence
        power[orders.slot] = orders.power_kw
        begin[orders.slot] = to_microseconds(orders.valid_from)
        end[orders.slot] = to_microseconds(orders.valid_until + TRANSIT_ALLOWANCE)
        return OrdersInForce(sequence=sequence, power_kw=power, valid_from_us=begin, valid_until_us=end)

    def renewed(self, slots: NDArray[np.int64], until: datetime) -> OrdersInForce:
        """Return the table after the leases of `slots` were given a later end."""
        end = self.valid_until_us.copy()
        end[slots] = np.maximum(end[slots], to_microseconds(until + TRANSIT_ALLOWANCE))
        return OrdersInForce(
            sequence=self.sequence,
            power_kw=self.power_kw,
            valid_from_us=self.valid_from_us,
            valid_until_us=end,
        )

    def last_end(self) -> datetime:
        """Return when the last lease ends."""
        return from_microseconds(int(self.valid_until_us.max(initial=0)))
