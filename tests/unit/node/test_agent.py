"""The agent without a network: its queues, and what it makes of messages."""

from __future__ import annotations

from datetime import UTC, datetime

import grpc
import pytest

from tests.fakes import ManualNodeClock
from tests.unit.node.test_control_loop import RecordingDevice
from vpp.node import limits
from vpp.node.agent import NodeAgent, NodeSettings
from vpp.node.credentials import NodeCredentials
from vpp.node.device import ChargingStay
from vpp.node.endings import SessionError, ending
from vpp.node.lease import LeaseEvent, LeaseState
from vpp.rpcgen import fleet_pb2 as pb

START = datetime.fromtimestamp(1_000.0, UTC)
CREDENTIALS = NodeCredentials(authority=b"", certificate=b"", private_key=b"")


def make_agent(devices=None):
    clock = ManualNodeClock(START, monotonic_s=1_000.0)
    devices = [RecordingDevice()] if devices is None else devices
    settings = NodeSettings(node_id="n", target="localhost:1")
    return NodeAgent(settings, CREDENTIALS, devices, clock=clock), clock


def welcome(agent, clock, **options):
    given = {"epoch": 1, "protocol_version": 1, "assets": [pb.AssetTerms(asset_id="a", slot=4)]}
    message = pb.Welcome(**(given | options))
    message.sent_at.FromDatetime(clock.now())
    agent._accept_welcome(message, clock.monotonic())


def setpoints(clock, *, slot=4, **options):
    message = pb.Setpoints(
        epoch=1, lifetime_s=60.0, slot=[slot], sequence=[1], power_kw=[0.0], min_kw=[0.0], max_kw=[0.0]
    )
    message.sent_at.FromDatetime(clock.now())
    message.valid_from.FromDatetime(clock.now())
    message.MergeFrom(pb.Setpoints(**options))
    return pb.ServerMessage(setpoints=message)


def kinds(agent):
    return [message.WhichOneof("message") for message in agent.outgoing.take()]


def test_acknowledgements_that_wait_are_bounded_and_the_newest_stay():
    agent, _ = make_agent()
    for sequence in range(limits.MAX_PENDING_ACKNOWLEDGEMENTS + 3):
        state = LeaseState.RECEIVED
        agent.outgoing.note_events(
            [LeaseEvent(asset_id="a", epoch=1, sequence=sequence, state=state, at_s=0.0)]
        )
    assert agent.counters.dropped_acknowledgements == 3
    assert agent.outgoing.acknowledgements[0].sequence == 3


def test_an_agent_has_a_most_of_devices():
    with pytest.raises(ValueError, match="at most"):
        make_agent([RecordingDevice()] * (limits.MAX_ASSETS + 1))


def test_readings_go_out_in_messages_of_a_bounded_length():
    agent, clock = make_agent()
    welcome(agent, clock)
    for _ in range(limits.MAX_READINGS_PER_MESSAGE + 2):
        clock.advance(1.0)
        agent.report()
    first, second = agent.outgoing.take(), agent.outgoing.take()
    assert len(first[0].reading_batch.slot) == limits.MAX_READINGS_PER_MESSAGE
    assert len(second[0].reading_batch.slot) == 2
    assert second[0].reading_batch.reading_number == limits.MAX_READINGS_PER_MESSAGE + 2


def test_a_lone_reading_and_a_batch_carry_the_same_time():
    agent, clock = make_agent()
    welcome(agent, clock)
    clock.advance(0.123_456_7)
    agent.report()
    alone = agent.outgoing.take()[0].reading
    clock.advance(1.0)
    agent.report()
    agent.buffer.rewind()
    together = agent.outgoing.take()[0].reading_batch
    base = together.base_time.ToMicroseconds()
    assert base + 1_000 * together.offset_ms[0] == alone.measured_at.ToMicroseconds()


def test_stays_are_announced_when_they_change_and_bounded():
    device = RecordingDevice()
    agent, clock = make_agent([device])
    welcome(agent, clock)
    stay = ChargingStay(
        connected_from=START, connected_until=START, departure_energy_kwh=1.0, trip_energy_kwh=1.0
    )
    device.charging_stays = lambda at: [stay] * (limits.MAX_STAYS_PER_MESSAGE + 5)
    (message,) = agent.outgoing.take()
    assert len(message.charging_sessions.sessions) == limits.MAX_STAYS_PER_MESSAGE
    assert kinds(agent) == []
    device.charging_stays = lambda at: [stay]
    assert kinds(agent) == ["charging_sessions"]
    welcome(agent, clock)
    assert kinds(agent) == ["charging_sessions"]


def test_a_ping_is_answered():
    agent, _clock = make_agent()
    agent.intake.take(pb.ServerMessage(ping=pb.Ping(sent_at={"seconds": 5})))
    (message,) = agent.outgoing.take()
    assert message.pong.ping_sent_at.seconds == 5


def test_what_was_being_written_when_the_session_broke_is_said_again():
    agent, clock = make_agent()
    welcome(agent, clock)
    agent.intake.take(setpoints(clock))
    assert kinds(agent) == ["acknowledgement", "acknowledgement"]
    welcome(agent, clock)
    assert kinds(agent) == ["acknowledgement", "acknowledgement"]


@pytest.mark.parametrize(
    "change",
    [{"protocol_version": 3}, {"epoch": 0}],
    ids=["other version", "lower epoch"],
)
def test_a_welcome_can_be_declined(change):
    agent, clock = make_agent()
    agent.leases.raise_epoch(1)
    with pytest.raises(SessionError):
        welcome(agent, clock, **change)
    assert not agent.connected.is_set()


def test_an_order_for_another_nodes_slot_ends_the_session():
    agent, clock = make_agent()
    welcome(agent, clock)
    with pytest.raises(SessionError, match="slot 5"):
        agent.intake.take(setpoints(clock, slot=5))


def test_orders_of_unequal_columns_are_no_orders():
    agent, clock = make_agent()
    welcome(agent, clock)
    with pytest.raises(ValueError, match="different length"):
        agent.intake.take(setpoints(clock, max_kw=[1.0]))
    assert agent.leases.in_force("a") is None


def test_an_order_that_was_stuck_on_the_way_is_refused():
    agent, clock = make_agent()
    welcome(agent, clock, max_order_age_s=5.0)
    stuck = setpoints(clock)
    clock.advance(6.0)
    agent.intake.take(stuck)
    assert agent.leases.in_force("a") is None
    assert agent.counters.rejected_orders == 1


def test_a_device_that_cannot_be_read_is_counted_and_the_others_are_reported():
    class Mute(RecordingDevice):
        asset_id = "mute"

        def read(self, at):
            raise OSError("no answer on the bus")

    agent, _clock = make_agent([Mute(), RecordingDevice()])
    agent.report()
    assert agent.counters.device_errors == 1
    assert len(agent.buffer) == 1


def test_a_renewal_for_what_is_not_held_is_refused_in_words():
    agent, clock = make_agent()
    welcome(agent, clock)
    renewal = pb.Renewal(epoch=1, lifetime_s=60.0, slot=[4], sequence=[9])
    renewal.sent_at.FromDatetime(clock.now())
    agent.intake.take(pb.ServerMessage(renewal=renewal))
    (message,) = agent.outgoing.take()
    assert "no such order" in message.acknowledgement.detail


@pytest.mark.parametrize(
    ("code", "details", "words"),
    [
        (grpc.StatusCode.INTERNAL, "Internal error from Core", "refused the session while this node wrote"),
        (grpc.StatusCode.INTERNAL, "the service failed; its log says why", "INTERNAL: the service failed"),
        (grpc.StatusCode.PERMISSION_DENIED, "Internal error from Core", "PERMISSION_DENIED: Internal error"),
    ],
)
def test_a_refusal_whose_reason_grpc_lost_is_put_into_words(code, details, words):
    assert words in ending(code, details)
