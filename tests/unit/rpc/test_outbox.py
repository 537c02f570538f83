"""What waits for a slow node: its newest orders and every stop."""

from __future__ import annotations

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.outbox import Outbox
from vpp.rpcgen import fleet_pb2 as pb

PING = pb.ServerMessage(ping=pb.Ping()).SerializeToString()


def orders(sequence, slots=(0,)):
    return pb.ServerMessage(setpoints=pb.Setpoints(slot=slots, sequence=[sequence] * len(slots)))


def renewal():
    return pb.ServerMessage(renewal=pb.Renewal(slot=[0], sequence=[1]))


def stop():
    return pb.ServerMessage(stop=pb.Stop(slot=[0]))


def refusal():
    return pb.ServerMessage(refusal=pb.Refusal(field="soc"))


def taken_from(outbox):
    return [pb.ServerMessage.FromString(raw) for raw in outbox.take()]


def kinds(outbox):
    return [message.WhichOneof("message") for message in taken_from(outbox)]


def test_messages_come_out_in_order_with_the_newest_number_stored():
    outbox = Outbox()
    outbox.put_stored(3)
    outbox.put_ping(PING)
    outbox.put_ping(PING)
    outbox.put(orders(1))
    outbox.put(stop())
    outbox.put_stored(2)
    taken = taken_from(outbox)
    assert [m.WhichOneof("message") for m in taken] == ["setpoints", "stop", "readings_stored", "ping"]
    assert taken[2].readings_stored.reading_number == 3


def test_a_full_outbox_keeps_the_newest_orders_of_each_asset_and_stops():
    outbox = Outbox(capacity=6)
    outbox.put(orders(1, slots=(0, 1)))
    outbox.put(stop())
    outbox.put(orders(2, slots=(0,)))
    outbox.put(renewal())
    outbox.put(refusal())
    outbox.put(orders(3, slots=(0,)))
    outbox.put(orders(4, slots=(2,)))
    taken = taken_from(outbox)
    assert [m.WhichOneof("message") for m in taken] == ["setpoints", "stop", "setpoints", "setpoints"]
    assert [list(m.setpoints.slot) for m in taken if m.HasField("setpoints")] == [[0, 1], [0], [2]]
    assert outbox.dropped == 3


def test_no_flood_of_any_kind_grows_beyond_the_capacity():
    for make in (lambda n: orders(n, slots=(n,)), lambda n: stop(), lambda n: renewal()):
        outbox = Outbox()
        for number in range(3 * limits.MAX_OUTGOING_MESSAGES):
            outbox.put(make(number))
        assert len(taken_from(outbox)) <= limits.MAX_OUTGOING_MESSAGES
        assert outbox.dropped > 0


def test_refusals_are_few_and_come_again_after_they_were_read():
    outbox = Outbox()
    for _ in range(limits.MAX_PENDING_REFUSALS + 5):
        outbox.put(refusal())
    assert outbox.dropped == 5
    assert len(kinds(outbox)) == limits.MAX_PENDING_REFUSALS
    outbox.put(refusal())
    assert kinds(outbox) == ["refusal"]


def test_what_is_stored_is_told_alone_only_now_and_then_and_with_anything_else_at_once():
    outbox = Outbox()
    outbox.stored_period_s = 3_600.0
    outbox.put_stored(1)
    assert not outbox.filled, "its turn has not come"
    outbox.tell_stored_when_due()
    assert outbox.filled
    assert [message.readings_stored.reading_number for message in taken_from(outbox)] == [1]
    outbox.put_stored(2)
    outbox.tell_stored_when_due()
    assert not outbox.filled, "it was told a moment ago"
    outbox.put(orders(1))
    assert kinds(outbox) == ["setpoints", "readings_stored"]
