"""Bad readings are answered in words, kept with their flags, and disturb nothing else."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from tests.integration.rpc.plant import eventually, raw_session, read_kind, running_plant
from vpp.adapters.rpc import limits
from vpp.domain.readings import Quality, to_microseconds
from vpp.rpcgen import fleet_pb2 as pb

BAD = {
    "soc NaN": ({"soc": math.nan}, Quality.NOT_FINITE, "b1.soc"),
    "power NaN": ({"power_kw": math.nan}, Quality.NOT_FINITE, "b1.power_kw"),
    "power infinite": ({"power_kw": math.inf}, Quality.NOT_FINITE, "b1.power_kw"),
    "soc 1.5": ({"soc": 1.5}, Quality.OUT_OF_RANGE, "b1.soc"),
    "power x1000": ({"power_kw": 3_000.0}, Quality.OUT_OF_RANGE, "b1.power_kw"),
    "charging x1000": ({"power_kw": -3_000.0}, Quality.OUT_OF_RANGE, "b1.power_kw"),
    "future": ({"age_s": -3_600.0}, Quality.FUTURE, "b1.measured_at"),
    "stale": ({"age_s": 800_000.0}, Quality.STALE, "b1.measured_at"),
}


def reading(plant, *, slot=0, soc=0.5, power_kw=1.0, age_s=0.0, number=1):
    message = pb.Reading(slot=slot, soc=soc, power_kw=power_kw, connected=True, reading_number=number)
    message.measured_at.FromDatetime(plant.clock.now() - timedelta(seconds=age_s))
    return pb.NodeMessage(reading=message)


def batch(plant, rows, number):
    """Return a batch of (slot, soc, power_kw, age_s) rows."""
    base = plant.clock.now() - timedelta(seconds=max(row[3] for row in rows))
    message = pb.ReadingBatch(
        slot=[row[0] for row in rows],
        offset_ms=[int(1000 * (max(item[3] for item in rows) - row[3])) for row in rows],
        soc=[row[1] for row in rows],
        power_kw=[row[2] for row in rows],
        connected=[True] * len(rows),
        reading_number=number,
    )
    message.base_time.FromDatetime(base)
    return pb.NodeMessage(reading_batch=message)


@pytest.mark.parametrize(("wrong", "flag", "field"), BAD.values(), ids=BAD)
async def test_a_bad_reading_is_refused_in_words_kept_flagged_and_steers_nothing(
    certificates, wrong, flag, field
):
    async with running_plant(certificates) as plant, raw_session(plant) as (stream, _):
        await stream.write(reading(plant, soc=0.7, number=1))
        await stream.write(reading(plant, number=2, **wrong))
        refusal = await read_kind(stream, "refusal")
        assert refusal.field == field
        assert refusal.value
        assert refusal.expected
        assert refusal.reading_number == 2
        await eventually(lambda: len(plant.store.readings) == 2)
        assert {row[6] for row in plant.store.readings_of(0)} == {0, int(flag)}
        assert plant.gateway.live.soc[0] == 0.7


@pytest.mark.parametrize(("wrong", "flag", "field"), BAD.values(), ids=BAD)
async def test_a_bad_row_of_a_batch_does_not_disturb_the_others(certificates, wrong, flag, field):
    row = {"soc": 0.5, "power_kw": 1.0, "age_s": 0.0} | wrong
    async with running_plant(certificates) as plant, raw_session(plant) as (stream, _):
        await stream.write(
            batch(plant, [(1, 0.25, -1.0, 0.0), (0, row["soc"], row["power_kw"], row["age_s"])], number=9)
        )
        refusal = await read_kind(stream, "refusal")
        assert refusal.field == field
        stored = await read_kind(stream, "readings_stored")
        assert stored.reading_number == 9
        assert plant.gateway.live.soc[1] == 0.25
        assert plant.gateway.live.measured_at_us[0] == 0
        assert [item[6] for item in plant.store.readings_of(0)] == [int(flag)]


@pytest.mark.parametrize("column", ["slot", "offset_ms", "soc", "power_kw", "connected"])
async def test_columns_of_different_length_are_refused_and_the_session_goes_on(certificates, column):
    async with running_plant(certificates) as plant, raw_session(plant) as (stream, _):
        message = batch(plant, [(0, 0.5, 1.0, 0.0), (1, 0.5, 1.0, 0.0)], number=1)
        del getattr(message.reading_batch, column)[1]
        await stream.write(message)
        refusal = await read_kind(stream, "refusal")
        assert "values" in refusal.value
        await stream.write(batch(plant, [(0, 0.5, 1.0, 0.0), (1, 0.5, 1.0, 0.0)], number=2))
        assert (await read_kind(stream, "readings_stored")).reading_number == 2
        assert len(plant.store.readings) == 2


FOREIGN_SLOTS = {"another node's": 2, "of nobody": 99, "far out": 2**32 - 1}


@pytest.mark.parametrize("slot", FOREIGN_SLOTS.values(), ids=FOREIGN_SLOTS)
async def test_a_slot_of_another_node_is_refused_and_not_kept(certificates, slot):
    async with running_plant(certificates) as plant, raw_session(plant) as (stream, _):
        await stream.write(batch(plant, [(slot, 0.5, 1.0, 0.0), (0, 0.6, 1.0, 0.0)], number=1))
        refusal = await read_kind(stream, "refusal")
        assert (refusal.field, refusal.value) == ("slot", str(slot))
        await eventually(lambda: len(plant.store.readings) == 1)
        assert plant.store.readings_of(slot) == []


MALFORMED = {
    "no time": pb.NodeMessage(reading=pb.Reading(slot=0, soc=0.5)),
    "nothing": pb.NodeMessage(),
    "a second hello": pb.NodeMessage(hello=pb.Hello(protocol_version=1)),
    "sequence beyond a database": pb.NodeMessage(
        acknowledgement=pb.Acknowledgement(
            at={"seconds": 1_600_000_000}, state=1, epoch=1, slot=[0], sequence=[2**63]
        )
    ),
    "acknowledgement without a state": pb.NodeMessage(
        acknowledgement=pb.Acknowledgement(at={"seconds": 1_600_000_000}, epoch=1)
    ),
    "acknowledgement of unequal columns": pb.NodeMessage(
        acknowledgement=pb.Acknowledgement(at={"seconds": 1_600_000_000}, state=1, slot=[0])
    ),
    "acknowledgement of another's asset": pb.NodeMessage(
        acknowledgement=pb.Acknowledgement(
            at={"seconds": 1_600_000_000}, state=1, epoch=1, slot=[2], sequence=[1]
        )
    ),
    "feeder reading of no meter": pb.NodeMessage(
        feeder_reading=pb.FeederReading(feeder_id="f1", start={"seconds": 1_600_000_000})
    ),
    "stay that ends before it begins": pb.NodeMessage(
        charging_sessions=pb.ChargingSessions(
            sessions=[
                pb.ChargingSession(connected_from={"seconds": 1_600_000_000}, connected_until={"seconds": 1})
            ]
        )
    ),
    "too many stays": pb.NodeMessage(
        charging_sessions=pb.ChargingSessions(
            sessions=[pb.ChargingSession()] * (limits.MAX_STAYS_PER_MESSAGE + 1)
        )
    ),
    "too many rows": pb.NodeMessage(
        reading_batch=pb.ReadingBatch(
            slot=[0] * (limits.MAX_BATCH_ROWS + 1),
            offset_ms=[0] * (limits.MAX_BATCH_ROWS + 1),
            soc=[0.5] * (limits.MAX_BATCH_ROWS + 1),
            power_kw=[0.0] * (limits.MAX_BATCH_ROWS + 1),
            connected=[True] * (limits.MAX_BATCH_ROWS + 1),
        )
    ),
}


@pytest.mark.parametrize("message", MALFORMED.values(), ids=MALFORMED)
async def test_what_cannot_be_kept_is_refused_and_the_session_goes_on(certificates, message):
    async with running_plant(certificates) as plant, raw_session(plant) as (stream, _):
        await stream.write(message)
        refusal = await read_kind(stream, "refusal")
        assert refusal.field
        assert refusal.expected
        await stream.write(reading(plant, number=3))
        assert (await read_kind(stream, "readings_stored")).reading_number == 3
        assert len(plant.store.readings) == 1
        assert plant.store.acknowledgements == []
        assert plant.store.sessions == []
        assert plant.store.feeder_readings == {}


async def test_a_message_that_is_too_large_ends_the_session_and_nothing_else(certificates):
    async with (
        running_plant(certificates) as plant,
        raw_session(plant) as (stream, _),
        raw_session(plant, "node-depot", ["b3"]) as (other, _),
    ):
        huge = pb.Acknowledgement(detail="x" * (limits.MAX_MESSAGE_BYTES + 1))
        await stream.write(pb.NodeMessage(acknowledgement=huge))
        await eventually(lambda: plant.gateway.connected_slots().tolist() == [2])
        await other.write(reading(plant, slot=2, number=1))
        assert (await read_kind(other, "readings_stored")).reading_number == 1


async def test_long_and_strange_text_is_cut_and_cleaned(certificates):
    async with running_plant(certificates) as plant, raw_session(plant) as (stream, _):
        acknowledgement = pb.Acknowledgement(
            at={"seconds": 1_600_000_000},
            state=pb.ACKNOWLEDGEMENT_STATE_REJECTED,
            epoch=1,
            detail="no\x00\x1b[31m" + "x" * 1_000,
            slot=[0],
            sequence=[1],
        )
        await stream.write(pb.NodeMessage(acknowledgement=acknowledgement))
        await eventually(lambda: len(plant.store.acknowledgements) == 1)
        detail = plant.store.acknowledgements[0].detail
        assert detail.startswith("no[31mx")
        assert len(detail) <= limits.MAX_TEXT_LENGTH


def stay(plant, *, slot=0, hours=4.0, departure_kwh=8.0):
    session = pb.ChargingSession(slot=slot, departure_energy_kwh=departure_kwh, trip_energy_kwh=2.0)
    begin = plant.clock.origin + timedelta(hours=1)
    session.connected_from.FromDatetime(begin)
    session.connected_until.FromDatetime(begin + timedelta(hours=hours))
    return session


async def test_stays_are_stored_once_and_again_only_when_they_change(certificates):
    async with running_plant(certificates) as plant, raw_session(plant) as (stream, _):
        for sessions in (
            [stay(plant), stay(plant, slot=2), stay(plant, slot=1, departure_kwh=999.0)],
            [stay(plant)],
            [stay(plant, hours=6.0)],
        ):
            await stream.write(pb.NodeMessage(charging_sessions=pb.ChargingSessions(sessions=sessions)))
        first, second = await read_kind(stream, "refusal"), await read_kind(stream, "refusal")
        assert (first.field, second.field) == ("sessions.slot", "sessions.departure_energy_kwh")
        await eventually(lambda: len(plant.store.sessions) == 2)
        assert [item.connected_until - item.connected_from for item in plant.store.sessions] == [
            timedelta(hours=4),
            timedelta(hours=6),
        ]


CLOCKS = {
    "1.5 s ahead, ignored": (1.5, Quality.GOOD, 0.0),
    "12 s ahead, corrected": (12.0, Quality.CLOCK_CORRECTED, 0.0),
    "25 s behind, corrected": (-25.0, Quality.CLOCK_CORRECTED, 0.0),
    "a minute behind, not trusted": (-60.0, Quality.CLOCK_WRONG, None),
}


@pytest.mark.parametrize(("ahead_s", "flag", "error_s"), CLOCKS.values(), ids=CLOCKS)
async def test_the_skew_of_a_nodes_clock(certificates, ahead_s, flag, error_s):
    async with running_plant(certificates, speed=1.0) as plant, raw_session(plant) as (stream, _):
        pong = pb.Pong()
        pong.ping_sent_at.FromDatetime(plant.clock.now())
        pong.node_time.FromDatetime(plant.clock.now() + timedelta(seconds=ahead_s))
        await stream.write(pb.NodeMessage(pong=pong))
        measured_at = plant.clock.now()
        await stream.write(reading(plant, age_s=-ahead_s))
        await eventually(lambda: len(plant.store.readings) == 1)

        assert [row[6] for row in plant.store.readings_of(0)] == [int(flag)]
        # Under the time of the node's clock it is stored, so that one sent again is known.
        assert [row[1] for row in plant.store.readings_of(0)] == [
            pytest.approx(to_microseconds(measured_at) + ahead_s * 1e6, abs=2e5)
        ]
        latest = plant.gateway.latest_readings()
        assert len(latest) == (error_s is not None)
        if error_s is not None and flag:
            assert latest.at_us()[0] == pytest.approx(to_microseconds(measured_at), abs=5e5)
        assert plant.gateway.quarantined()[0] == (error_s is None)


async def test_a_delayed_reading_is_late_and_not_wrong(certificates):
    """A buffer that is sent again after two hours: all of it is kept, the newest steers."""
    async with running_plant(certificates, speed=1.0) as plant, raw_session(plant) as (stream, _):
        rows = [(0, 0.5 + 0.001 * minute, -1.0, 60.0 * (120 - minute)) for minute in range(121)]
        await stream.write(batch(plant, rows, number=121))
        await stream.write(reading(plant, soc=0.3, age_s=60.0, number=122))
        await eventually(lambda: len(plant.store.readings) == 122)

        kept = sorted(plant.store.readings_of(0), key=lambda row: row[1])
        assert {row[6] for row in kept[:104]} == {int(Quality.LATE)}
        assert {row[6] for row in kept[107:120]} == {0}
        assert kept[120][6] == int(Quality.LATE), "it came after a newer one"
        assert plant.gateway.live.soc[0] == pytest.approx(0.62)
