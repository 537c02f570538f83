"""Between the wire and the node's own values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

from google.protobuf.timestamp_pb2 import Timestamp

from vpp.node import limits
from vpp.node.buffer import BufferedReading
from vpp.node.default_control import ControlTerms, DefaultControl
from vpp.node.device import ChargingStay, FeederMeasurement, Measurement
from vpp.node.orders import Droop, LeaseEvent, Order
from vpp.rpcgen import fleet_pb2 as pb

_MILLISECOND = timedelta(milliseconds=1)


def timestamp(at: datetime) -> Timestamp:
    """Return `at` as it goes over the wire."""
    stamp = Timestamp()
    stamp.FromDatetime(at.astimezone(UTC))
    return stamp


def unix_s(stamp: Timestamp) -> float:
    """Return a time from the wire as Unix time, seconds."""
    return stamp.seconds + stamp.nanos / 1e9


def whole_milliseconds(at: datetime) -> datetime:
    """Return `at` without what a column of milliseconds cannot carry.

    A reading that is sent again, alone or in a batch, must carry the very same time: the service
    knows it again by that.
    """
    return at - timedelta(microseconds=at.microsecond % 1000)


def terms_of(message: pb.AssetTerms) -> ControlTerms:
    """Return the terms of an asset; an unknown or unsaid default control means zero."""
    known = int(message.default_control) in {int(item) for item in DefaultControl}
    return ControlTerms(
        default_control=DefaultControl(int(message.default_control)) if known else DefaultControl.ZERO,
        max_charge_kw=message.max_charge_kw,
        max_discharge_kw=message.max_discharge_kw,
    )


def orders_of(message: pb.Setpoints) -> list[tuple[int, Order]]:
    """Return (slot, order) for every row; raise ValueError when columns differ in length."""
    lengths = {len(message.slot), len(message.sequence), len(message.power_kw)}
    if len(lengths | {len(message.min_kw), len(message.max_kw)}) != 1:
        raise ValueError("setpoints with columns of different length")
    droop = _droop_of(message.droop) if message.HasField("droop") else None
    rows = zip(message.slot, message.sequence, message.power_kw, message.min_kw, message.max_kw, strict=True)
    return [
        (
            slot,
            Order(
                epoch=message.epoch,
                sequence=sequence,
                power_kw=power_kw,
                min_kw=min_kw,
                max_kw=max_kw,
                sent_at_s=unix_s(message.sent_at),
                valid_from_s=unix_s(message.valid_from),
                lifetime_s=message.lifetime_s,
                valid_until_s=unix_s(message.valid_until) if message.HasField("valid_until") else math.inf,
                ramp_kw_per_s=message.ramp_kw_per_s,
                start_window_s=message.start_window_s,
                droop=droop,
            ),
        )
        for slot, sequence, power_kw, min_kw, max_kw in rows
    ]


def _droop_of(message: pb.Droop) -> Droop:
    values = (message.nominal_hz, message.deadband_hz, message.kw_per_hz)
    if not all(math.isfinite(value) and value >= 0.0 for value in values):
        raise ValueError(f"a droop of {values}, expected numbers of 0 or more")
    return Droop(nominal_hz=message.nominal_hz, deadband_hz=message.deadband_hz, kw_per_hz=message.kw_per_hz)


def reading_messages(items: Sequence[BufferedReading], slots: Mapping[str, int]) -> Iterable[pb.NodeMessage]:
    """Yield messages for buffered readings, in the order of their numbers."""
    for is_feeder, group in groupby(items, key=lambda item: isinstance(item.reading, FeederMeasurement)):
        if is_feeder:
            yield from (_feeder_message(item) for item in group)
            continue
        run = [item for item in group if item.source in slots]
        if len(run) == 1:
            yield _single_message(run[0], slots)
        elif run:
            yield _batch_message(run, slots)


def _feeder_message(item: BufferedReading) -> pb.NodeMessage:
    measured = item.reading
    assert isinstance(measured, FeederMeasurement)
    reading = pb.FeederReading(
        feeder_id=item.source,
        start=timestamp(measured.start),
        consumption_kw=measured.consumption_kw,
        pv_kw=measured.pv_kw,
        reading_number=item.number,
    )
    return pb.NodeMessage(feeder_reading=reading)


def _single_message(item: BufferedReading, slots: Mapping[str, int]) -> pb.NodeMessage:
    measured = item.reading
    assert isinstance(measured, Measurement)
    reading = pb.Reading(
        slot=slots[item.source],
        measured_at=timestamp(measured.measured_at),
        soc=measured.soc,
        power_kw=measured.power_kw,
        connected=measured.connected,
        reading_number=item.number,
    )
    return pb.NodeMessage(reading=reading)


def _batch_message(items: Sequence[BufferedReading], slots: Mapping[str, int]) -> pb.NodeMessage:
    measured = [item.reading for item in items if isinstance(item.reading, Measurement)]
    base = min(reading.measured_at for reading in measured)
    batch = pb.ReadingBatch(
        slot=[slots[item.source] for item in items],
        base_time=timestamp(base),
        offset_ms=[(reading.measured_at - base) // _MILLISECOND for reading in measured],
        soc=[reading.soc for reading in measured],
        power_kw=[reading.power_kw for reading in measured],
        connected=[reading.connected for reading in measured],
        reading_number=items[-1].number,
    )
    return pb.NodeMessage(reading_batch=batch)


def acknowledgement_messages(
    events: Sequence[LeaseEvent], slots: Mapping[str, int], at: datetime
) -> Iterable[pb.NodeMessage]:
    """Yield acknowledgements, neighbours of one kind together; assets without a slot are left out."""
    known = [event for event in events if event.asset_id in slots]
    for (epoch, state, detail), group in groupby(
        known, key=lambda item: (item.epoch, item.state, item.detail)
    ):
        rows = list(group)
        yield pb.NodeMessage(
            acknowledgement=pb.Acknowledgement(
                epoch=epoch,
                at=timestamp(at),
                state=pb.AcknowledgementState.Name(int(state)),
                detail=detail,
                slot=[slots[event.asset_id] for event in rows],
                sequence=[event.sequence for event in rows],
            )
        )


def stays_message(stays: Sequence[tuple[int, ChargingStay]]) -> pb.NodeMessage:
    """Return the announcement of stays, (slot, stay) each, the first ones when there are too many."""
    sessions = [
        pb.ChargingSession(
            slot=slot,
            connected_from=timestamp(stay.connected_from),
            connected_until=timestamp(stay.connected_until),
            departure_energy_kwh=stay.departure_energy_kwh,
            trip_energy_kwh=stay.trip_energy_kwh,
        )
        for slot, stay in stays[: limits.MAX_STAYS_PER_MESSAGE]
    ]
    return pb.NodeMessage(charging_sessions=pb.ChargingSessions(sessions=sessions))
