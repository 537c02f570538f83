"""What nodes report, on its way into the live state and the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vpp.adapters.rpc import limits, wire
from vpp.adapters.rpc.batch_bytes import MESSAGE_TAG
from vpp.adapters.rpc.gathering import GatheredReadings, Share
from vpp.adapters.rpc.intake import Intake, clock_ahead_ms
from vpp.adapters.rpc.known_stays import KnownStays
from vpp.adapters.rpc.live_state import LiveState
from vpp.adapters.rpc.raw_readings import RawReadings, own_rows, raw_batch, raw_single
from vpp.adapters.rpc.reading_judge import ReadingJudge
from vpp.adapters.rpc.reading_queue import Arrived, ReadingQueue
from vpp.adapters.rpc.session import NodeSession
from vpp.adapters.rpc.shares import Shares
from vpp.adapters.rpc.wire_values import refusal, require_number
from vpp.adapters.rpc.write_behind import WriteBehind
from vpp.domain.assets import Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import ChargingSession, ReadingColumns, ReadingLimits
from vpp.domain.setpoints import Acknowledgement
from vpp.ports import Clock, Store
from vpp.rpcgen import fleet_pb2 as pb

_BATCH: Final = bytes((MESSAGE_TAG,))  # the first byte of a message


@dataclass(slots=True)
class TelemetryCounters:
    """What was taken in since the start."""

    readings: int = 0
    feeder_readings: int = 0
    acknowledgements: int = 0
    refusals: int = 0


class Telemetry:
    """Takes in messages of nodes: judged, into the live state, and behind it into the database."""

    def __init__(
        self,
        *,
        fleet: Fleet,
        store: Store,
        clock: Clock,
        live: LiveState,
        reading_limits: ReadingLimits,
        write_period_s: float,
        current_session: Callable[[str], NodeSession | None] = lambda node_id: None,
        on_words: Callable[[NDArray[np.int64], NDArray[np.int64], int, int], None] = lambda *_: None,
    ) -> None:
        self._on_words = on_words
        self._gathered = GatheredReadings()
        self._flush_due: asyncio.TimerHandle | None = None
        self.counters = TelemetryCounters()
        self._store, self._clock, self._live = store, clock, live
        self._intake, self._judge = Intake(fleet, reading_limits), ReadingJudge(fleet, reading_limits)
        self._slot_of = fleet.slots()
        self.watch = self._judge.watch
        live.quality, live.quarantined = self.watch.last_quality, self.watch.quarantined
        self._node_of = {asset.asset_id: asset.node_id for asset in fleet.assets}
        self._word_shares = Shares()
        self._known_stays = KnownStays()
        self.reading_queue = ReadingQueue(
            self._write_readings, current_session=current_session, period_s=write_period_s
        )
        self.acknowledgement_writer: WriteBehind[Acknowledgement] = WriteBehind(
            "acknowledgements",
            store.append_acknowledgements,
            on_written=self._release_words,
            on_dropped=lambda word: self._release_words([word]),
            period_s=write_period_s,
        )
        self.stay_writer: WriteBehind[ChargingSession] = WriteBehind(
            "charging sessions",
            store.save_sessions,
            on_dropped=self._known_stays.forget,
            period_s=write_period_s,
        )

    @property
    def writers(self) -> tuple[WriteBehind[Any], ...]:
        """Return the queues in front of the database."""
        return (self.reading_queue.writer, self.acknowledgement_writer, self.stay_writer)

    def hear(self, session: NodeSession, raw: bytes) -> int:
        """Take in one message as it came; return how many readings it held.

        Readings of all nodes wait for a few milliseconds and are judged together.
        """
        if raw[:1] == _BATCH and (rows := self._read_batch(session, raw)) >= 0:
            return rows
        try:
            message = wire.parse(raw)
        except InvalidValueError as error:
            self._refuse(session, [error], 0)
            return 0
        if message.HasField("reading_batch"):
            return self._gather_batch(session, message.reading_batch)
        single = message.HasField("reading") and not self._gathered.holds_batch(session)
        if single and self._gathered.add_single(session, message.reading):
            self._flush_soon()
            return 1
        if self._gathered.holds(session):
            self.flush_gathered()  # what is durable is told by the highest number: keep the node's order
        self.take(session, message)
        return 0

    def _read_batch(self, session: NodeSession, raw: bytes) -> int:
        if self._gathered.holds(session):
            self.flush_gathered()
        rows = self._gathered.read_batch(session, raw)
        if rows >= 0:
            self._flush_soon()
        return rows

    def _gather_batch(self, session: NodeSession, batch: pb.ReadingBatch) -> int:
        """Gather a batch that could not be read off the wire, and say what is wrong with it."""
        if self._gathered.holds(session):
            self.flush_gathered()
        try:
            own, errors = own_rows(raw_batch(batch), session.slots)
        except InvalidValueError as error:
            self._refuse(session, [error], min(batch.reading_number, limits.MAX_NUMBER))
            return len(batch.slot)
        self._gathered.add_batch(session, own)
        self._refuse(session, errors, own.reading_number)
        self._flush_soon()
        return len(batch.slot)

    def _flush_soon(self) -> None:
        """Judge what was gathered now when it is much, else in a few milliseconds."""
        if len(self._gathered) >= limits.MAX_GATHERED_READINGS:
            self.flush_gathered()
        elif self._flush_due is None:
            loop = asyncio.get_running_loop()
            self._flush_due = loop.call_later(limits.GATHERING_PERIOD_S, self.flush_gathered)

    def flush_gathered(self) -> None:
        """Judge the readings that wait."""
        if self._flush_due is not None:
            self._flush_due.cancel()
            self._flush_due = None
        if not self._gathered.holds_any:
            return
        raw, shares = self._gathered.take()
        rows = np.array([share.rows for share in shares])
        ahead_ms = np.repeat([share.session.clock_ahead_ms for share in shares], rows)
        readings = self._judge.judge(raw, self._clock.now(), clock_ahead_ms=ahead_ms)
        self.counters.readings += len(readings)
        self._live.update(readings)
        self._keep_shares(readings, shares)
        self._explain_shares(readings, shares)

    def _explain_shares(self, readings: ReadingColumns, shares: list[Share]) -> None:
        """Tell each node what is wrong with its own readings."""
        wrong = np.flatnonzero(readings.quality)
        if len(wrong) == 0:
            return
        firsts = np.array([share.first for share in shares])
        for place in np.unique(np.searchsorted(firsts, wrong, side="right") - 1).tolist():
            share = shares[place]
            own = readings.take(np.arange(share.first, share.first + share.rows))
            self._refuse(share.session, self._judge.explain(own), share.number)

    def _keep_shares(self, readings: ReadingColumns, shares: list[Share]) -> None:
        """Queue readings of many nodes as one; those for which there is no room are left out."""
        left_out = np.zeros(len(readings), dtype=np.bool_)
        owners: dict[NodeSession, tuple[int, int]] = {}
        for share in shares:
            if not self.reading_queue.admit(share.session, share.rows):
                left_out[share.first : share.first + share.rows] = True
                continue
            rows, highest = owners.get(share.session, (0, 0))
            owners[share.session] = (rows + max(1, share.rows), max(highest, share.number))
        if owners:
            kept = readings.take(~left_out) if left_out.any() else readings
            told = tuple((session, *counts) for session, counts in owners.items())
            self.reading_queue.put(Arrived(owners=told, readings=kept, feeder_reading=None))

    def take(self, session: NodeSession, message: pb.NodeMessage) -> None:
        """Take in one message of a node; what is wrong with it is answered, never raised."""
        kind = message.WhichOneof("message")
        number = 0
        try:
            if kind == "reading":
                number = message.reading.reading_number
                self._take_readings(session, raw_single(message.reading))
            elif kind == "reading_batch":
                number = message.reading_batch.reading_number
                self._take_readings(session, raw_batch(message.reading_batch))
            elif kind == "acknowledgement":
                self._take_acknowledgement(session, message.acknowledgement)
            elif kind == "charging_sessions":
                self._take_stays(session, message.charging_sessions)
            elif kind == "feeder_reading":
                number = message.feeder_reading.reading_number
                self._take_feeder_reading(session, message.feeder_reading)
            elif kind == "pong":
                session.clock_ahead_ms = clock_ahead_ms(message.pong, self._clock.now())
            else:
                unexpected = InvalidValueError("message", kind, "a message that follows the Hello")
                self._refuse(session, [unexpected], number)
        except InvalidValueError as error:
            self._refuse(session, [error], number)

    def _refuse(self, session: NodeSession, errors: Sequence[InvalidValueError], reading_number: int) -> None:
        for error in errors:
            self.counters.refusals += 1
            session.outbox.put(refusal(error, reading_number))

    def _take_readings(self, session: NodeSession, raw: RawReadings) -> None:
        own, errors = own_rows(raw, session.slots)
        raw = RawReadings.concatenate([own])
        readings = self._judge.judge(raw, self._clock.now(), clock_ahead_ms=session.clock_ahead_ms)
        errors += self._judge.explain(readings)
        self.counters.readings += len(readings)
        self._live.update(readings)
        if self.reading_queue.admit(session, len(readings)):
            owner = (session, max(1, len(readings)), raw.reading_number)
            self.reading_queue.put(Arrived(owners=(owner,), readings=readings, feeder_reading=None))
        self._refuse(session, errors, raw.reading_number)

    def _take_feeder_reading(self, session: NodeSession, message: pb.FeederReading) -> None:
        reading = self._intake.feeder_reading(message, session.feeder_id, self._clock.now())
        number = require_number("reading_number", message.reading_number)
        if self.reading_queue.admit(session, 1):
            owner = (session, 1, number)
            self.reading_queue.put(Arrived(owners=(owner,), readings=None, feeder_reading=reading))
        self.counters.feeder_readings += 1

    def _take_acknowledgement(self, session: NodeSession, message: pb.Acknowledgement) -> None:
        rows, refused = self._intake.acknowledgements(message, session.slots)
        if not self._word_shares.take(session.node_id, len(rows), most=limits.MAX_WAITING_WORDS_PER_NODE):
            most = f"at most {limits.MAX_WAITING_WORDS_PER_NODE} acknowledgements of one node wait"
            raise InvalidValueError("acknowledgement", f"{len(rows)} more", most)
        self.counters.acknowledgements += len(rows)
        for row in rows:
            self.acknowledgement_writer.put(row)
        if rows:
            slots = np.array([self._slot_of[row.asset_id] for row in rows])
            self._on_words(slots, np.array([row.sequence for row in rows]), rows[0].epoch, message.state)
        if refused is not None:
            self.counters.refusals += 1
            session.outbox.put(refused)

    def _release_words(self, words: Sequence[Acknowledgement]) -> None:
        for word in words:
            self._word_shares.release(self._node_of[word.asset_id], 1)

    def _take_stays(self, session: NodeSession, message: pb.ChargingSessions) -> None:
        stays, errors = self._intake.stays(message, session.slots, self._clock.now())
        for stay in stays:
            if not self._known_stays.is_news(stay):
                continue
            if self._known_stays.note(stay):
                self.stay_writer.put(stay)
            else:
                most = f"at most {limits.MAX_STAYS_PER_ASSET} stays of one asset that are not over"
                errors.append(InvalidValueError("sessions", stay.connected_from.isoformat(), most))
        self._refuse(session, errors[: limits.MAX_REFUSALS_PER_MESSAGE], 0)

    async def _write_readings(self, arrived: list[Arrived]) -> None:
        parts = [item.readings for item in arrived if item.readings is not None and len(item.readings)]
        if parts:
            await self._store.append_readings(ReadingColumns.concatenate(parts))
        metering = [item.feeder_reading for item in arrived if item.feeder_reading is not None]
        if metering:
            await self._store.append_feeder_readings(metering)
