"""Readings as they come, in columns: not judged yet, but of a node's own assets and of legal size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vpp.adapters.rpc.wire_values import require_equal_length, require_microseconds, require_number
from vpp.domain.errors import InvalidValueError
from vpp.rpcgen import fleet_pb2 as pb


@dataclass(frozen=True, slots=True, kw_only=True)
class RawReadings:
    """Readings as a node sent them: columns of one length n; slots and times not checked yet.

    Numbers may be narrower than they are judged; `concatenate` widens them.
    """

    slot: NDArray[Any]
    measured_at_us: NDArray[np.int64]
    soc: NDArray[Any]
    power_kw: NDArray[Any]
    connected: NDArray[np.bool_]
    reading_number: int

    def take(self, rows: NDArray[np.bool_]) -> RawReadings:
        """Return the selected rows."""
        return RawReadings(
            **{name: getattr(self, name)[rows] for name in _COLUMNS}, reading_number=self.reading_number
        )

    @classmethod
    def concatenate(cls, parts: Sequence[RawReadings]) -> RawReadings:
        """Return all rows of `parts` in order, under the highest number, as they are judged."""
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts], dtype=kind)
            for name, kind in _COLUMNS.items()
        }
        return cls(**columns, reading_number=max(part.reading_number for part in parts))


_COLUMNS: Final = {
    "slot": np.int64,
    "measured_at_us": np.int64,
    "soc": np.float64,
    "power_kw": np.float64,
    "connected": np.bool_,
}


def own_rows(raw: RawReadings, own_slots: NDArray[np.int64]) -> tuple[RawReadings, list[InvalidValueError]]:
    """Return the rows of `own_slots` (sorted), and what to tell the node of the others."""
    place = np.minimum(np.searchsorted(own_slots, raw.slot), max(0, len(own_slots) - 1))
    own = own_slots[place] == raw.slot if len(own_slots) else np.zeros(len(raw.slot), dtype=np.bool_)
    if own.all():
        return raw, []
    foreign = int(raw.slot[~own][0])
    return raw.take(own), [InvalidValueError("slot", foreign, "a slot of this session's Welcome")]


def raw_single(reading: pb.Reading) -> RawReadings:
    """Return one reading as columns of length 1."""
    measured_at_us = require_microseconds("measured_at", reading.measured_at)
    return RawReadings(
        slot=np.array([reading.slot], dtype=np.int64),
        measured_at_us=np.array([measured_at_us], dtype=np.int64),
        soc=np.array([reading.soc]),
        power_kw=np.array([reading.power_kw]),
        connected=np.array([reading.connected]),
        reading_number=require_number("reading_number", reading.reading_number),
    )


def raw_batch(batch: pb.ReadingBatch) -> RawReadings:
    """Return a batch as columns; raise InvalidValueError when their lengths differ."""
    require_equal_length(
        slot=len(batch.slot),
        offset_ms=len(batch.offset_ms),
        soc=len(batch.soc),
        power_kw=len(batch.power_kw),
        connected=len(batch.connected),
    )
    base_us = require_microseconds("base_time", batch.base_time)
    return RawReadings(
        slot=np.asarray(batch.slot, dtype=np.uint32),
        measured_at_us=base_us + 1000 * np.array(batch.offset_ms, dtype=np.int64),
        soc=_widened(batch.soc),
        power_kw=_widened(batch.power_kw),
        connected=np.asarray(batch.connected, dtype=np.bool_),
        reading_number=require_number("reading_number", batch.reading_number),
    )


def _widened(numbers: Sequence[float]) -> NDArray[np.float64]:
    """Return numbers as wide as they are judged; a signalling NaN becomes a quiet one without a warning."""
    with np.errstate(invalid="ignore"):
        return np.asarray(numbers, dtype=np.float64)
