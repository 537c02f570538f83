"""Bounds of what is taken in."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from tests.fakes import ManualClock, MemoryStore
from tests.integration.rpc.plant import ORIGIN, make_fleet
from tests.unit.rpc.runs import make_run
from vpp.adapters.rpc import intake, limits, wire_values
from vpp.adapters.rpc.dispatch import DispatchServicer
from vpp.adapters.rpc.gateway import Gateway
from vpp.adapters.rpc.raw_readings import RawReadings
from vpp.adapters.rpc.reading_judge import ReadingJudge
from vpp.adapters.rpc.session import admit
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import Quality, ReadingLimits
from vpp.domain.setpoints import Origin, SetpointColumns
from vpp.rpcgen import dispatch_pb2
from vpp.rpcgen import fleet_pb2 as pb


def make_intake():
    return intake.Intake(make_fleet(), ReadingLimits())


def test_states_of_the_wire_and_of_the_domain_are_the_same():
    assert len(intake._STATES) == len(pb.AcknowledgementState.items()) - 1


@pytest.mark.parametrize(
    ("seconds", "nanos"), [(0, 0), (-5, 0), (limits.MAX_UNIX_TIME_S, 0), (2**62, 0), (5, -1), (5, 10**9)]
)
def test_a_time_that_cannot_be_is_refused(seconds, nanos):
    stamp = pb.Ping().sent_at
    stamp.seconds, stamp.nanos = seconds, nanos
    with pytest.raises(InvalidValueError, match="1970 to 2100"):
        wire_values.require_time("at", stamp)


def test_a_counter_fits_a_database():
    assert wire_values.require_number("n", limits.MAX_NUMBER) == limits.MAX_NUMBER
    with pytest.raises(InvalidValueError):
        wire_values.require_number("n", limits.MAX_NUMBER + 1)


def test_one_message_is_answered_with_few_refusals():
    made = make_intake()
    stay = pb.ChargingSession(slot=9)
    _, errors = made.stays(pb.ChargingSessions(sessions=[stay] * 50), np.array([0]), ORIGIN)
    assert len(errors) == limits.MAX_REFUSALS_PER_MESSAGE

    rows = 1_000
    raw = RawReadings(
        slot=np.zeros(rows, dtype=np.int64),
        measured_at_us=np.zeros(rows, dtype=np.int64) + 10**15,
        soc=np.full(rows, np.nan),
        power_kw=np.full(rows, 1e9),
        connected=np.ones(rows, dtype=np.bool_),
        reading_number=1,
    )
    judge = ReadingJudge(make_fleet(), ReadingLimits())
    kept = judge.judge(raw, ORIGIN)
    errors = judge.explain(kept)
    assert len(kept) == rows
    wrong = Quality.NOT_FINITE | Quality.STALE
    assert kept.quality.tolist() == [int(wrong)] * 3 + [int(wrong | Quality.QUARANTINED)] * (rows - 3)
    assert [error.field for error in errors] == ["b1.soc", "b1.measured_at"]
    assert "(1000 readings)" in errors[0].expected


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), 1e9, 50_000.0])
@pytest.mark.parametrize("name", ["consumption_kw", "pv_kw"])
def test_feeder_powers_are_numbers_within_reason(name, value):
    message = pb.FeederReading(feeder_id="f1", **{name: value})
    message.start.FromDatetime(ORIGIN)
    with pytest.raises(InvalidValueError, match=name):
        make_intake().feeder_reading(message, "f1", ORIGIN)


def test_an_interval_that_has_not_begun_is_not_metered():
    message = pb.FeederReading(feeder_id="f1")
    message.start.FromDatetime(ORIGIN + timedelta(hours=1))
    with pytest.raises(InvalidValueError, match="has passed"):
        make_intake().feeder_reading(message, "f1", ORIGIN)


async def test_so_many_stays_are_taken_of_one_asset_and_no_more(monkeypatch):
    monkeypatch.setattr(limits, "MAX_STAYS_PER_ASSET", 3)
    fleet = make_fleet()
    gateway = Gateway(fleet=fleet, store=MemoryStore(fleet=fleet), clock=ManualClock(ORIGIN), epoch=1)
    session = admit(fleet, fleet.slots(), "home", pb.Hello(protocol_version=1, asset_ids=["b1"]))
    for hour in range(10):
        stay = pb.ChargingSession(slot=0)
        stay.connected_from.FromDatetime(ORIGIN + timedelta(hours=hour))
        stay.connected_until.FromDatetime(ORIGIN + timedelta(hours=hour + 1))
        message = pb.NodeMessage(charging_sessions=pb.ChargingSessions(sessions=[stay]))
        gateway.telemetry.take(session, message)
    assert len(gateway.telemetry._known_stays._stays["b1"]) == 3
    assert gateway.telemetry.stay_writer.waiting_rows == 3
    assert gateway.telemetry.counters.refusals == 7


async def test_so_many_request_ids_are_remembered_and_no_more(monkeypatch):
    monkeypatch.setattr(limits, "MAX_REMEMBERED_REQUESTS", 3)
    store = MemoryStore()

    async def trigger_run(trigger, portfolio):
        return make_run("run-1", trigger=trigger)

    servicer = DispatchServicer(trigger_run=trigger_run, store=store)
    for number in range(10):
        await servicer.TriggerRun(dispatch_pb2.TriggerRunRequest(request_id=f"r{number}"), None)
    assert len(servicer._runs) <= 3


async def test_a_run_that_failed_can_be_asked_for_again():
    answers = [RuntimeError("first"), make_run("run-1")]

    async def trigger_run(trigger, portfolio):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    servicer = DispatchServicer(trigger_run=trigger_run, store=MemoryStore())
    request = dispatch_pb2.TriggerRunRequest(request_id="r")
    with pytest.raises(RuntimeError):
        await servicer.TriggerRun(request, None)
    assert (await servicer.TriggerRun(request, None)).run.run_id == "run-1"


async def test_orders_of_another_epoch_or_lifetime_never_leave(monkeypatch):
    fleet = make_fleet()
    clock = ManualClock(ORIGIN)
    gateway = Gateway(fleet=fleet, store=MemoryStore(fleet=fleet), clock=clock, epoch=2)
    with pytest.raises(InvalidValueError, match="the epoch of this service"):
        await gateway.send(orders_of(clock, epoch=1, lifetime_s=60.0))
    with pytest.raises(InvalidValueError, match="lifetime"):
        await gateway.send(orders_of(clock, epoch=2, lifetime_s=5.0))
    late = orders_of(clock, epoch=2, lifetime_s=60.0)
    clock.advance(55.0)
    assert (await gateway.send(late)).expired_slots == (0,)


def orders_of(clock, *, epoch, lifetime_s):
    power = np.array([1.0])
    return SetpointColumns(
        run_id="r",
        epoch=epoch,
        valid_from=clock.now(),
        valid_until=clock.now() + timedelta(seconds=lifetime_s),
        origin=Origin.OPTIMIZER,
        reason="",
        slot=np.array([0]),
        sequence=np.array([1]),
        power_kw=power,
        min_kw=power,
        max_kw=power,
    )
