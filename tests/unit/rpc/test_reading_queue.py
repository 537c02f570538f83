"""A full queue keeps what it holds, tells it, and asks for the rest once there is room."""

from __future__ import annotations

import pytest

from tests.integration.rpc.plant import make_fleet
from vpp.adapters.rpc.reading_queue import Arrived, ReadingQueue
from vpp.adapters.rpc.session import admit
from vpp.ports import StoreUnavailableError
from vpp.rpcgen import fleet_pb2 as pb

FLEET = make_fleet()
NODE = FLEET.assets[0].node_id
OTHER = next(asset.node_id for asset in FLEET.assets if asset.node_id != NODE)


def session_of(node_id, buffer_id="b"):
    asset_ids = [asset.asset_id for asset in FLEET.of_node(node_id)]
    return admit(
        FLEET,
        FLEET.slots(),
        node_id,
        pb.Hello(protocol_version=2, asset_ids=asset_ids, buffer_id=buffer_id),
    )


class Plant:
    """A queue of ten rows, and a database that can be away."""

    def __init__(self):
        self.away, self.stored, self.sessions = True, [], {}
        self.queue = ReadingQueue(self.write, current_session=self.sessions.get, period_s=0.0)
        self.queue.capacity_rows = 10

    async def write(self, items):
        if self.away:
            raise StoreUnavailableError("away")
        self.stored += [(session.node_id, number) for item in items for session, _, number in item.owners]

    def send(self, session, number, rows=1):
        if not self.queue.admit(session, rows):
            return False
        owner = (session, rows, number)
        self.queue.put(Arrived(owners=(owner,), readings=None, feeder_reading=None))
        return True

    def come_back(self, session):
        self.sessions[session.node_id] = session_of(session.node_id)
        return self.sessions[session.node_id]


async def test_what_waited_is_told_before_the_session_is_closed_for_the_rest():
    plant, session = Plant(), session_of(NODE)
    taken = [number for number in range(1, 16) if plant.send(session, number)]
    assert taken == list(range(1, 11))
    assert plant.queue.rows_over_capacity == 5
    assert not await plant.queue.writer.flush()
    assert not session.closed, "nothing is gained while there is no room"
    plant.away = False
    assert await plant.queue.writer.flush()
    assert session.closed
    assert plant.queue.stored_number(session) == 10
    assert plant.queue.waiting_rows == 0


async def test_after_a_reading_without_room_none_of_its_session_is_kept():
    """A later one would be told as stored, and with it the one that was not kept."""
    plant, one, other = Plant(), session_of(NODE), session_of(OTHER)
    assert plant.send(one, 1, rows=4)
    assert not plant.send(one, 2, rows=8)
    assert plant.send(other, 1, rows=2)
    assert not plant.send(one, 3, rows=1), "there was room, but not for the one before it"
    plant.away = False
    assert await plant.queue.writer.flush()
    assert plant.queue.stored_number(one) == 1
    assert one.closed
    assert not other.closed


@pytest.mark.parametrize("capacity_rows", [1, 7, 10])
async def test_every_round_stores_what_the_queue_holds(capacity_rows):
    plant, number, rounds = Plant(), 0, 0
    plant.queue.capacity_rows = capacity_rows
    session = plant.come_back(session_of(NODE))
    while number < 100:
        plant.away = True
        for each in range(number + 1, 101):
            plant.send(session, each)
        plant.away = False
        assert await plant.queue.writer.flush()
        assert plant.queue.stored_number(session) == min(100, number + capacity_rows)
        number, rounds = plant.queue.stored_number(session), rounds + 1
        if number < 100:
            assert session.closed
            session = plant.come_back(session)
    assert [number for _, number in plant.stored] == list(range(1, 101))
    assert rounds == -(-100 // capacity_rows)


async def test_who_had_nothing_waiting_is_asked_when_others_left_room():
    plant, one, other = Plant(), session_of(NODE), session_of(OTHER)
    assert plant.send(one, 1, rows=10)
    assert not plant.send(other, 1)
    plant.away = False
    assert await plant.queue.writer.flush()
    assert other.closed
    assert not one.closed


async def test_a_share_that_is_full_leaves_room_for_others(monkeypatch):
    monkeypatch.setattr("vpp.adapters.rpc.limits.MAX_WAITING_READINGS_PER_NODE", 3)
    monkeypatch.setattr("vpp.adapters.rpc.limits.MAX_WAITING_READINGS_PER_ASSET", 0)
    plant, one, other = Plant(), session_of(NODE), session_of(OTHER)
    assert [plant.send(one, number) for number in range(1, 6)] == [True] * 3 + [False] * 2
    assert plant.send(other, 1)
    assert (plant.queue.rows_over_share, plant.queue.rows_over_capacity) == (1, 1)
