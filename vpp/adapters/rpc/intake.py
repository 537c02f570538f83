"""What nodes say, turned into values: judged, bounded, and refused in words where it must be.

A row that cannot be attributed or represented is refused and not kept. A reading that is merely
wrong (NaN, out of range, future, stale) is kept with its flags and refused as well. No row ever
disturbs another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp
from numpy.typing import NDArray

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.wire import BatchColumns
from vpp.domain.assets import Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.quality import QualityWatch
from vpp.domain.readings import (
    INFORMATION,
    ChargingSession,
    FeederReading,
    Quality,
    ReadingColumns,
    ReadingLimits,
    from_microseconds,
    judge,
    to_microseconds,
)
from vpp.domain.setpoints import Acknowledgement, AcknowledgementState
from vpp.rpcgen import fleet_pb2 as pb

_STATES = {number: AcknowledgementState(name.removeprefix("ACKNOWLEDGEMENT_STATE_").lower())
           for name, number in pb.AcknowledgementState.items() if number}  # fmt: skip


def clock_ahead_ms(pong: pb.Pong, now: datetime) -> int:
    """Return by how many ms a node's clock is ahead for certain; negative when it is behind.

    ```
        ping sent (ours) ── node_time (theirs) ── pong here (ours)
    ```
    The pong was written between the two, so only what lies outside of them is the clock's fault.
    """
    node_time, sent_at = pong.node_time, pong.ping_sent_at
    if not node_time.seconds or not sent_at.seconds:  # an older node does not tell
        return 0
    theirs, sent = require_time("node_time", node_time), require_time("ping_sent_at", sent_at)
    ahead = max(theirs - now, timedelta(0)) or min(theirs - sent, timedelta(0))
    return ahead // timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawReadings:
    """Readings as a node sent them: columns of one length n; slots and times not checked yet."""

    slot: NDArray[np.int64]
    measured_at_us: NDArray[np.int64]
    soc: NDArray[np.float64]
    power_kw: NDArray[np.float64]
    connected: NDArray[np.bool_]
    reading_number: int

    def take(self, rows: NDArray[np.bool_]) -> RawReadings:
        """Return the selected rows."""
        return RawReadings(
            **{name: getattr(self, name)[rows] for name in _COLUMNS}, reading_number=self.reading_number
        )

    @classmethod
    def concatenate(cls, parts: Sequence[RawReadings]) -> RawReadings:
        """Return all rows of `parts` in order, under the highest number."""
        if len(parts) == 1:
            return parts[0]
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS}
        return cls(**columns, reading_number=max(part.reading_number for part in parts))


_COLUMNS = ("slot", "measured_at_us", "soc", "power_kw", "connected")


def own_rows(raw: RawReadings, own_slots: NDArray[np.int64]) -> tuple[RawReadings, list[InvalidValueError]]:
    """Return the rows of `own_slots` (sorted), and what to tell the node of the others."""
    place = np.minimum(np.searchsorted(own_slots, raw.slot), max(0, len(own_slots) - 1))
    own = own_slots[place] == raw.slot if len(own_slots) else np.zeros(len(raw.slot), dtype=np.bool_)
    if own.all():
        return raw, []
    foreign = int(raw.slot[~own][0])
    return raw.take(own), [InvalidValueError("slot", foreign, "a slot of this session's Welcome")]


def require_time(field: str, stamp: Timestamp) -> datetime:
    """Return a time from the wire; raise InvalidValueError when it is none that can be."""
    if not (0 < stamp.seconds < limits.MAX_UNIX_TIME_S and 0 <= stamp.nanos < 1_000_000_000):
        raise InvalidValueError(field, f"{stamp.seconds} s, {stamp.nanos} ns", "a time from 1970 to 2100")
    return stamp.ToDatetime(tzinfo=UTC)


def printable(text: str) -> str:
    """Return free text from outside without control characters, cut to its maximum length."""
    return "".join(char for char in text[: limits.MAX_TEXT_LENGTH] if char.isprintable())


def refusal(error: InvalidValueError, reading_number: int = 0) -> pb.ServerMessage:
    """Return what the node is told."""
    return pb.ServerMessage(
        refusal=pb.Refusal(
            field=error.field,
            value=printable(str(error.value)),
            expected=error.expected,
            reading_number=reading_number,
        )
    )


def raw_single(reading: pb.Reading) -> RawReadings:
    """Return one reading as columns of length 1."""
    measured_at = require_time("measured_at", reading.measured_at)
    return RawReadings(
        slot=np.array([reading.slot], dtype=np.int64),
        measured_at_us=np.array([to_microseconds(measured_at)], dtype=np.int64),
        soc=np.array([reading.soc]),
        power_kw=np.array([reading.power_kw]),
        connected=np.array([reading.connected]),
        reading_number=require_number("reading_number", reading.reading_number),
    )


def raw_batch(batch: pb.ReadingBatch | BatchColumns) -> RawReadings:
    """Return a batch as columns; raise InvalidValueError when their lengths differ."""
    require_equal_length(
        slot=len(batch.slot),
        offset_ms=len(batch.offset_ms),
        soc=len(batch.soc),
        power_kw=len(batch.power_kw),
        connected=len(batch.connected),
    )
    base_us = to_microseconds(require_time("base_time", batch.base_time))
    return RawReadings(
        slot=np.array(batch.slot, dtype=np.int64),
        measured_at_us=base_us + 1000 * np.array(batch.offset_ms, dtype=np.int64),
        soc=np.array(batch.soc, dtype=np.float64),
        power_kw=np.array(batch.power_kw, dtype=np.float64),
        connected=np.array(batch.connected, dtype=np.bool_),
        reading_number=require_number("reading_number", batch.reading_number),
    )


def require_equal_length(**lengths: int) -> None:
    """Raise InvalidValueError when columns differ in length or are too long."""
    first = next(iter(lengths.values()))
    for name, length in lengths.items():
        if length != first:
            raise InvalidValueError(name, f"{length} values", f"{first}, as in {next(iter(lengths))}")
    if first > limits.MAX_BATCH_ROWS:
        raise InvalidValueError(next(iter(lengths)), f"{first} values", f"at most {limits.MAX_BATCH_ROWS}")


def require_number(field: str, number: int) -> int:
    """Return a counter from the wire; raise InvalidValueError when a database cannot hold it."""
    if number > limits.MAX_NUMBER:
        raise InvalidValueError(field, number, f"at most {limits.MAX_NUMBER}")
    return number


class Intake:
    """Judges what the nodes of one fleet send."""

    def __init__(self, fleet: Fleet, reading_limits: ReadingLimits) -> None:
        self._limits = reading_limits
        self.watch = QualityWatch(fleet)
        self._max_charge_kw = fleet.column("max_charge_kw")
        self._max_discharge_kw = fleet.column("max_discharge_kw")
        self._asset_ids = [asset.asset_id for asset in fleet.assets]
        self._capacity_kwh = fleet.column("capacity_kwh")
        self._highest_feeder_kw = {
            feeder.feeder_id: min(
                limits.MAX_FEEDER_POWER_KW,
                limits.MAX_FEEDER_OVERLOAD * (feeder.import_limit_kw + feeder.export_limit_kw),
            )
            for feeder in fleet.feeders
        }

    def judge(
        self,
        raw: RawReadings,
        received_at: datetime,
        *,
        clock_ahead_ms: int | NDArray[np.int64] = 0,
    ) -> ReadingColumns:
        """Return the rows with their flags; `explain` says in words what is wrong with them.

        `clock_ahead_ms` is by how much the node's clock is known to be ahead of the service's, for all
        rows or for each.
        """
        slot, measured_at_us, soc, power_kw = raw.slot, raw.measured_at_us, raw.soc, raw.power_kw
        ahead_ms, clock_flags = self._correction(np.broadcast_to(clock_ahead_ms, slot.shape))
        quality = clock_flags | judge(
            max_charge_kw=self._max_charge_kw[slot],
            max_discharge_kw=self._max_discharge_kw[slot],
            limits=self._limits,
            received_at=received_at,
            measured_at_us=measured_at_us - 1000 * ahead_ms,
            soc=soc,
            power_kw=power_kw,
        )
        kept = ReadingColumns(
            slot=slot,
            measured_at_us=measured_at_us,
            received_at_us=np.full(len(slot), to_microseconds(received_at), dtype=np.int64),
            soc=soc,
            power_kw=power_kw,
            connected=raw.connected,
            quality=quality,
            clock_ahead_ms=ahead_ms,
        )
        return kept.with_quality(self.watch.judge(kept))

    def _correction(self, ahead_ms: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return by how many milliseconds times are corrected, and what is to be said of them."""
        off_ms, unit = np.abs(ahead_ms), timedelta(milliseconds=1)
        wrong = off_ms > self._limits.skew_corrected // unit
        corrected = ~wrong & (off_ms > self._limits.skew_ignored // unit)
        flags = corrected * int(Quality.CLOCK_CORRECTED) + wrong * int(Quality.CLOCK_WRONG)
        return np.where(corrected, ahead_ms, 0), flags

    def explain(self, kept: ReadingColumns) -> list[InvalidValueError]:
        """Return one error for each kind of flag, naming its first row."""
        errors: list[InvalidValueError] = []
        if not kept.quality.any():
            return errors
        for flag in Quality:
            rows = np.flatnonzero(kept.quality & int(flag))
            if flag & ~INFORMATION & ~Quality.QUARANTINED and len(rows):
                errors.append(self._explain_row(kept, int(rows[0]), flag, len(rows)))
        return errors[: limits.MAX_REFUSALS_PER_MESSAGE]

    def _explain_row(self, kept: ReadingColumns, row: int, flag: Quality, rows: int) -> InvalidValueError:
        slot, soc, power_kw = int(kept.slot[row]), float(kept.soc[row]), float(kept.power_kw[row])
        more = f" ({rows} readings)" if rows > 1 else ""
        prefix = f"{self._asset_ids[slot]}."
        if flag in {Quality.FUTURE, Quality.STALE, Quality.CLOCK_WRONG}:
            bound, words = {
                Quality.FUTURE: (self._limits.future_tolerance, "at most {:g} s ahead of the service"),
                Quality.STALE: (self._limits.late_limit, "at most {:g} s old"),
                Quality.CLOCK_WRONG: (self._limits.skew_corrected, "a clock that is right within {:g} s"),
            }[flag]
            expected = words.format(bound.total_seconds())
            measured_at = from_microseconds(int(kept.measured_at_us[row])).isoformat()
            return InvalidValueError(f"{prefix}measured_at", measured_at, expected + more)
        if flag is Quality.FROZEN:
            return InvalidValueError(f"{prefix}soc", soc, f"a change, since {power_kw:g} kW flow" + more)
        if flag is Quality.IMPLAUSIBLE:
            return InvalidValueError(f"{prefix}soc", soc, "a change that the rating allows" + more)
        if not 0.0 <= soc <= 1.0:
            return InvalidValueError(f"{prefix}soc", soc, "a number from 0 to 1" + more)
        margin = self._limits.power_margin
        low, high = -margin * self._max_charge_kw[slot] - 0.1, margin * self._max_discharge_kw[slot] + 0.1
        return InvalidValueError(f"{prefix}power_kw", power_kw, f"a number from {low:g} to {high:g}" + more)

    def acknowledgements(
        self, message: pb.Acknowledgement, own_slots: NDArray[np.int64]
    ) -> tuple[list[Acknowledgement], pb.ServerMessage | None]:
        """Return the rows of an acknowledgement, and a refusal for those of other nodes' assets."""
        require_equal_length(slot=len(message.slot), sequence=len(message.sequence))
        state = _STATES.get(message.state)
        if state is None:
            raise InvalidValueError("state", message.state, "a state from RECEIVED to CANCELLED")
        at, detail = require_time("at", message.at), printable(message.detail)
        epoch = require_number("epoch", message.epoch)
        own = set(own_slots.tolist())
        foreign = [slot for slot in message.slot if slot not in own]
        rows = [
            Acknowledgement(
                asset_id=self._asset_ids[slot],
                epoch=epoch,
                sequence=require_number("sequence", sequence),
                state=state,
                at=at,
                detail=detail,
            )
            for slot, sequence in zip(message.slot, message.sequence, strict=True)
            if slot in own
        ]
        if not foreign:
            return rows, None
        return rows, refusal(InvalidValueError("slot", foreign[0], "a slot of this session's Welcome"))

    def stays(
        self, message: pb.ChargingSessions, own_slots: NDArray[np.int64], announced_at: datetime
    ) -> tuple[list[ChargingSession], list[InvalidValueError]]:
        """Return the stays that can be believed, and what is wrong with the others."""
        if len(message.sessions) > limits.MAX_STAYS_PER_MESSAGE:
            raise InvalidValueError(
                "sessions", f"{len(message.sessions)} stays", f"at most {limits.MAX_STAYS_PER_MESSAGE}"
            )
        own = set(own_slots.tolist())
        good: list[ChargingSession] = []
        errors: list[InvalidValueError] = []
        for stay in message.sessions:
            try:
                good.append(self._stay(stay, own, announced_at))
            except InvalidValueError as error:
                errors.append(error)
        return good, errors[: limits.MAX_REFUSALS_PER_MESSAGE]

    def _stay(self, stay: pb.ChargingSession, own: set[int], announced_at: datetime) -> ChargingSession:
        if stay.slot not in own:
            raise InvalidValueError("sessions.slot", stay.slot, "a slot of this session's Welcome")
        begin = require_time("sessions.connected_from", stay.connected_from)
        end = require_time("sessions.connected_until", stay.connected_until)
        if not begin < end <= begin + timedelta(days=60):
            raise InvalidValueError(
                "sessions.connected_until", end.isoformat(), "after connected_from, by 60 days at most"
            )
        capacity_kwh = float(self._capacity_kwh[stay.slot])
        for name in ("departure_energy_kwh", "trip_energy_kwh"):
            value = getattr(stay, name)
            if not 0.0 <= value <= capacity_kwh + 1e-6:
                raise InvalidValueError(f"sessions.{name}", value, f"a number from 0 to {capacity_kwh:g}")
        return ChargingSession(
            asset_id=self._asset_ids[stay.slot],
            connected_from=begin,
            connected_until=end,
            departure_energy_kwh=stay.departure_energy_kwh,
            trip_energy_kwh=stay.trip_energy_kwh,
            announced_at=announced_at,
        )

    def feeder_reading(
        self, message: pb.FeederReading, feeder_id: str, received_at: datetime
    ) -> FeederReading:
        """Return a feeder's reading; raise InvalidValueError unless `feeder_id` is the node's own."""
        if not feeder_id or message.feeder_id != feeder_id:
            expected = f"{feeder_id}, the feeder of this meter" if feeder_id else "no feeder: not a meter"
            raise InvalidValueError("feeder_id", printable(message.feeder_id), expected)
        start = require_time("start", message.start)
        if start > received_at + self._limits.future_tolerance:
            raise InvalidValueError("start", start.isoformat(), "an interval that has passed")
        highest_kw = self._highest_feeder_kw[feeder_id]
        for name in ("consumption_kw", "pv_kw"):
            value = getattr(message, name)
            if not 0.0 <= value <= highest_kw:
                raise InvalidValueError(name, value, f"a number from 0 to {highest_kw:g}")
        return FeederReading(
            feeder_id=feeder_id,
            start=start,
            consumption_kw=message.consumption_kw,
            pv_kw=message.pv_kw,
            available_at=received_at,
        )
