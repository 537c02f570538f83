"""Whom an operator's word is for: some assets, a feeder's, or the fleet where neither is named."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpp.domain.assets import Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.portfolios import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Some assets, or all of a feeder, or all of the fleet where both are empty."""

    asset_ids: tuple[str, ...] = ()
    feeder_id: str = ""

    @property
    def whole_fleet(self) -> bool:
        return not self.asset_ids and not self.feeder_id

    def slots_in(self, fleet: Fleet) -> NDArray[np.int64]:
        """Return the slots it names, ascending; raise InvalidValueError for a name nobody knows."""
        if self.feeder_id:
            names = [feeder.feeder_id for feeder in fleet.feeders]
            if self.feeder_id not in names:
                raise InvalidValueError("feeder_id", self.feeder_id, "a feeder of the fleet register")
            return np.flatnonzero(fleet.feeder_index() == names.index(self.feeder_id))
        if self.whole_fleet:
            return np.arange(len(fleet))
        slot_of = fleet.slots()
        for asset_id in self.asset_ids:
            if asset_id not in slot_of:
                raise InvalidValueError("asset_ids", asset_id, "an asset of the fleet register")
        return np.array(sorted({slot_of[asset_id] for asset_id in self.asset_ids}), dtype=np.int64)

    def require_within(self, scope: Scope, fleet: Fleet) -> None:
        """Raise InvalidValueError for what somebody may not order; it looks like what nobody knows."""
        if scope.everything:
            return
        if self.whole_fleet:
            raise InvalidValueError(
                "asset_ids", "nothing", "assets or a feeder", "you are limited to some portfolios: name them"
            )
        if self.feeder_id and not scope.holds(self.feeder_id):
            raise InvalidValueError("feeder_id", self.feeder_id, "a feeder of the fleet register")
        slot_of = fleet.slots()
        for asset_id in self.asset_ids:
            slot = slot_of.get(asset_id)
            if slot is None or not scope.holds(fleet.assets[slot].feeder_id):
                raise InvalidValueError("asset_ids", asset_id, "an asset of the fleet register")

    def __str__(self) -> str:
        """Return it in words, for reasons and logs."""
        if self.whole_fleet:
            return "the fleet"
        if self.feeder_id:
            return f"feeder {self.feeder_id}"
        more = len(self.asset_ids) - 1
        return self.asset_ids[0] + (f" and {more} more" if more else "")
