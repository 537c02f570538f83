"""Readings as rows for training that name nobody: relative values, groups of several households.

    readings of a local day ─► means by asset and interval ─► rows ─► enough households? ─► pseudonyms

A group is a kind of asset and a class of rating. A cell is what a row says of time: type of day, interval
of the day and, where kept, week of the year. Rows stay only where at least k households of their group
have rows in the same cell (k-anonymity, Sweeney 2002, doi:10.1142/S0218488502001648, with group and cell
as the quasi-identifier). A household is a node: five devices of one house are not five people.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.domain.assets import AssetKind, Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import ReadingColumns, steers

LEAST_HOUSEHOLDS: Final = 3
KEY_BYTES: Final = 32
MAX_ROWS: Final = 20_000_000  # some 2 GB while they are grouped
NO_WEEK: Final = 0
# Upper ends of the classes, kW; the last class is open.
RATING_CLASSES_KW: Final = (4.0, 12.0, 25.0, 100.0, 1000.0)
CLASS_NAMES: Final = (
    *(f"up to {end:g} kW" for end in RATING_CLASSES_KW),
    f"over {RATING_CLASSES_KW[-1]:g} kW",
)
KINDS: Final = tuple(AssetKind)
_STEP: Final = 0.01  # of rating and of charge; finer values would be a fingerprint of the device


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """What of a fleet's N assets the rows may say; each array has shape (N,)."""

    group: NDArray[np.int64]  # kind and class as one number; -1 where the rating is zero
    household: NDArray[np.int64]  # the node, as a number
    rating_kw: NDArray[np.float64]  # the larger of charging and discharging, AC, magnitude

    @classmethod
    def of(cls, fleet: Fleet) -> Groups:
        rating_kw = np.maximum(fleet.column("max_charge_kw"), fleet.column("max_discharge_kw"))
        kind = np.array([KINDS.index(asset.kind) for asset in fleet.assets], dtype=np.int64)
        group = kind * len(CLASS_NAMES) + np.searchsorted(RATING_CLASSES_KW, rating_kw, side="left")
        nodes = dict.fromkeys(asset.node_id for asset in fleet.assets)
        numbers = {node: number for number, node in enumerate(nodes)}
        household = np.array([numbers[asset.node_id] for asset in fleet.assets], dtype=np.int64)
        return cls(group=np.where(rating_kw > 0.0, group, -1), household=household, rating_kw=rating_kw)


def group_names(group: int) -> tuple[str, str]:
    """Return kind and class of a group's number."""
    kind, rating = divmod(group, len(CLASS_NAMES))
    return str(KINDS[kind]), CLASS_NAMES[rating]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRows:
    """Means by asset, local day and interval of the day; every array has shape (n,)."""

    slot: NDArray[np.int32]
    day: NDArray[np.int32]  # the local date's ordinal; never leaves
    day_type: NDArray[np.int8]
    week: NDArray[np.int8]  # ISO week of the year, NO_WEEK where it is not kept
    interval: NDArray[np.int16]  # of the local day
    power: NDArray[np.float32]  # mean power / rating, positive discharges into the grid
    soc: NDArray[np.float32]  # mean, 0..1

    def __len__(self) -> int:
        return len(self.slot)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> TrainingRows:
        return TrainingRows(**{item.name: getattr(self, item.name)[rows] for item in fields(self)})

    @classmethod
    def concatenate(cls, parts: list[TrainingRows]) -> TrainingRows:
        return cls(
            **{
                item.name: np.concatenate([getattr(part, item.name) for part in parts])
                for item in fields(cls)
            }
        )


class DayMeans:
    """Adds up readings of one local day; `slots` are the chosen assets, ascending."""

    def __init__(self, slots: NDArray[np.int64], *, day: int, day_type: int, week: int, count: int) -> None:
        self._slots, self._count = slots, count
        self._day, self._day_type, self._week = day, day_type, week
        shape = len(slots) * count
        self._power, self._soc, self._readings = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.unusable = 0  # readings whose flags say that they must not steer

    def add(self, readings: ReadingColumns, interval: NDArray[np.int64]) -> None:
        """Add readings of the chosen assets; `interval` is that of the day, -1 for those of another day."""
        inside = interval >= 0
        good = inside & steers(readings.quality)
        self.unusable += int(np.count_nonzero(inside & ~good))
        cell = np.searchsorted(self._slots, readings.slot[good]) * self._count + interval[good]
        size = len(self._readings)
        self._readings += np.bincount(cell, minlength=size)
        self._power += np.bincount(cell, weights=readings.power_kw[good], minlength=size)
        self._soc += np.bincount(cell, weights=readings.soc[good], minlength=size)

    def rows(self, rating_kw: NDArray[np.float64]) -> TrainingRows:
        """Return the means of intervals that have readings; `rating_kw` is by slot of the fleet."""
        cell = np.flatnonzero(self._readings)
        slot = self._slots[cell // self._count]
        known, count = self._readings[cell], len(cell)
        return TrainingRows(
            slot=slot.astype(np.int32),
            day=np.full(count, self._day, dtype=np.int32),
            day_type=np.full(count, self._day_type, dtype=np.int8),
            week=np.full(count, self._week, dtype=np.int8),
            interval=(cell % self._count).astype(np.int16),
            power=_rounded(self._power[cell] / known / rating_kw[slot]),
            soc=_rounded(self._soc[cell] / known),
        )


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return values in steps; adding zero turns -0.0 into 0.0."""
    return (np.round(values / _STEP) * _STEP + 0.0).astype(np.float32)


def require_company(least_households: int) -> None:
    """Raise InvalidValueError for fewer households than LEAST_HOUSEHOLDS."""
    if least_households < LEAST_HOUSEHOLDS:
        raise InvalidValueError("k", least_households, f"at least {LEAST_HOUSEHOLDS} households")


def in_company(rows: TrainingRows, groups: Groups, *, least_households: int) -> NDArray[np.bool_]:
    """Return which rows have at least so many households of their group in their cell, shape (n,).

    Every group that keeps a row keeps that many households.
    """
    require_company(least_households)
    if not len(rows):
        return np.zeros(0, dtype=np.bool_)
    cell = groups.group[rows.slot]
    for values, size in ((rows.week, 54), (rows.day_type, 8), (rows.interval, 1 << 15)):
        cell = cell * size + values
    _, cell = np.unique(cell, return_inverse=True)
    households = int(groups.household.max()) + 1
    pairs = np.unique(cell * households + groups.household[rows.slot])
    company = np.bincount(pairs // households)
    kept: NDArray[np.bool_] = company[cell] >= least_households
    return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class NamelessRows:
    """Rows under pseudonyms, ordered by them, so that the order tells nothing either."""

    rows: TrainingRows
    names: tuple[str, ...]  # pseudonyms, ascending
    name: NDArray[np.int64]  # of each row, position in `names`
    day: NDArray[np.int64]  # of each row: days of one asset counted in an order drawn by the key


def nameless(rows: TrainingRows, asset_ids: tuple[str, ...], *, key: bytes) -> NamelessRows:
    """Return rows under HMAC-SHA256 pseudonyms (RFC 2104) of `key`, of which no copy may be kept.

    Days get numbers of their asset alone: rows of a day can be put together, days cannot be put in order.
    """
    if len(key) < KEY_BYTES:
        raise InvalidValueError("key", f"{len(key)} bytes", f"{KEY_BYTES} random bytes")
    slots, position = np.unique(rows.slot, return_inverse=True)
    pseudonyms = [_mac(key, f"asset\n{asset_ids[slot]}").hex()[:16] for slot in slots]
    order = sorted(range(len(slots)), key=lambda place: pseudonyms[place])
    rank = np.empty(len(slots), dtype=np.int64)
    rank[order] = np.arange(len(slots))
    name = rank[position]
    pairs, pair = np.unique((name << 32) | rows.day, return_inverse=True)
    names = tuple(pseudonyms[place] for place in order)
    draws = [_mac(key, f"day\n{names[value >> 32]}\n{value & 0xFFFFFFFF}")[:8] for value in pairs.tolist()]
    drawn = np.frombuffer(b"".join(draws), dtype=">u8")
    by_draw = np.lexsort((drawn, pairs >> 32))
    firsts = np.searchsorted(pairs[by_draw] >> 32, np.arange(len(names)))
    number = np.empty(len(pairs), dtype=np.int64)
    number[by_draw] = np.arange(len(pairs)) - firsts[pairs[by_draw] >> 32]
    day = number[pair]
    ordered = np.lexsort((rows.interval, day, name))
    return NamelessRows(rows=rows.take(ordered), names=names, name=name[ordered], day=day[ordered])


def _mac(key: bytes, message: str) -> bytes:
    return hmac.digest(key, message.encode(), "sha256")
