"""The stays that nodes have announced: what is news, and how many an asset may have."""

from __future__ import annotations

from datetime import datetime

from vpp.adapters.rpc import limits
from vpp.domain.readings import ChargingSession


class KnownStays:
    """Stays by asset and begin; those that are over make room for others."""

    def __init__(self) -> None:
        self._stays: dict[str, dict[datetime, ChargingSession]] = {}

    def is_news(self, stay: ChargingSession) -> bool:
        """Return whether a stay says something new: nodes announce theirs again in every session."""
        older = self._stays.get(stay.asset_id, {}).get(stay.connected_from)
        return older is None or (
            older.connected_until,
            older.departure_energy_kwh,
            older.trip_energy_kwh,
        ) != (stay.connected_until, stay.departure_energy_kwh, stay.trip_energy_kwh)

    def note(self, stay: ChargingSession) -> bool:
        """Remember a stay; return False when its asset has announced too many that are not over."""
        known = self._stays.setdefault(stay.asset_id, {})
        if stay.connected_from not in known and len(known) >= limits.MAX_STAYS_PER_ASSET:
            for over in [key for key, one in known.items() if one.connected_until <= stay.announced_at]:
                del known[over]
            if len(known) >= limits.MAX_STAYS_PER_ASSET:
                return False
        known[stay.connected_from] = stay
        return True

    def forget(self, stay: ChargingSession) -> None:
        """Let a stay that was dropped be news again when it is announced the next time."""
        self._stays.get(stay.asset_id, {}).pop(stay.connected_from, None)
