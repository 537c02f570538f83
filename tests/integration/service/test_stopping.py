"""The operator always wins: a stop with the database down, over a restart, until the release."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from tests.integration.rpc.plant import ORIGIN, eventually, running_plant
from vpp.adapters.rpc.dispatch import StopOrder
from vpp.adapters.storage.operators import open_operator_register
from vpp.domain.errors import InvalidValueError
from vpp.node.fleet import running
from vpp.ports import StoreError
from vpp.service.certificates import create_authority, issue_node, issue_operator, issue_server
from vpp.service.stop_journal import StopEntry, StopJournal
from vpp.service.stopping import Stopping


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    directory = tmp_path_factory.mktemp("certificates")
    create_authority(directory)
    issue_server(directory, ["localhost", "127.0.0.1"])
    for node_id in ("home", "depot"):
        issue_node(directory, node_id)
    issue_operator(directory, "grid")
    return directory


def order(action, number, **scope):
    values = {"asset_ids": (), "feeder_id": ""} | scope
    return StopOrder(request_id=f"r-{number}", action=action, operator="grid", reason="test", **values)


def stopping_of(plant, folder):
    return Stopping(plant.fleet, plant.gateway, StopJournal(folder / "stops.jsonl"))


async def test_a_stop_reaches_the_devices_with_the_database_down_and_holds_over_a_restart(
    certificates, tmp_path
):
    async with running_plant(certificates) as plant:
        agent = plant.agent("home", ["b1", "b2"])
        async with running(agent):
            await eventually(agent.connected.is_set)
            await plant.gateway.send(plant.orders({0: 2.0, 1: 2.0}))
            await eventually(lambda: agent.control.applied_kw("b1") == 2.0)
            plant.store.broken = True
            began_s = asyncio.get_running_loop().time()
            report = await stopping_of(plant, tmp_path).carry_out(order("stop", 1, asset_ids=("b1",)))
            await eventually(lambda: agent.control.applied_kw("b1") == 0.0)
            assert asyncio.get_running_loop().time() - began_s < 5.0
            assert (report.sent, agent.control.applied_kw("b2")) == (1, 2.0)
            times = report.stop_times
            assert (times.told, times.away, times.confirmed) == (1, 0, 1)
            assert 0.0 < times.p50_s == times.last_s < 100.0, "less than a second of the wall"

            plant.store.broken = False
            await plant.server.kill()
            await plant.gateway.drain()
            plant.epoch = 2
            await plant.start()
            again = stopping_of(plant, tmp_path)
            assert again.restore() == 1
            await eventually(lambda: agent.leases.epoch == 2)
            sent = await plant.gateway.send(plant.orders({0: 3.0, 1: 3.0}, sequence=1))
            assert sent.held_back_slots == (0,)
            await again.carry_out(order("release", 2, feeder_id="f1"))
            assert not plant.gateway.book.stopped.any()
            assert stopping_of(plant, tmp_path).restore() == 0


async def test_the_same_request_is_carried_out_once(certificates, tmp_path):
    async with running_plant(certificates) as plant:
        stopping = stopping_of(plant, tmp_path)
        await stopping.carry_out(order("stop", 1))
        await stopping.carry_out(order("release", 2))
        await stopping.carry_out(order("stop", 1))
        assert not plant.gateway.book.stopped.any()
        assert [entry.action for entry in StopJournal(tmp_path / "stops.jsonl").entries()] == [
            "stop",
            "release",
        ]


@pytest.mark.parametrize("scope", [{"asset_ids": ("b9",)}, {"feeder_id": "f9"}], ids=["asset", "feeder"])
async def test_what_nobody_knows_is_refused_and_not_written(certificates, tmp_path, scope):
    async with running_plant(certificates) as plant:
        with pytest.raises(InvalidValueError):
            await stopping_of(plant, tmp_path).carry_out(order("stop", 1, **scope))
        assert StopJournal(tmp_path / "stops.jsonl").entries() == []


async def test_a_disk_that_is_full_does_not_keep_a_fleet_running(certificates, tmp_path):
    (tmp_path / "stops.jsonl").mkdir()  # cannot be written
    async with running_plant(certificates) as plant:
        stopping = stopping_of(plant, tmp_path)
        with pytest.raises(StoreError, match="cannot be written"):
            await stopping.carry_out(order("stop", 1))
        assert plant.gateway.book.stopped.all()
        with pytest.raises(StoreError):
            await stopping.carry_out(order("release", 2))
        assert plant.gateway.book.stopped.all(), "a release that is not on disk is none"


class HangingJournal(StopJournal):
    """A disk that does not answer until `answers` is set."""

    def __init__(self, path):
        super().__init__(path)
        self.answers = threading.Event()

    def append(self, entry):
        assert self.answers.wait(30.0)
        super().append(entry)


async def test_a_disk_that_does_not_answer_holds_up_no_stop_and_no_release_undoes_a_later_one(
    certificates, tmp_path
):
    async with running_plant(certificates) as plant:
        journal = HangingJournal(tmp_path / "stops.jsonl")
        stopping = Stopping(plant.fleet, plant.gateway, journal)
        said = [("stop", 1), ("release", 2), ("stop", 3), ("stop", 3)]
        calls = []
        for action, number in said:
            scope = {"asset_ids": ("b1",)} if number == 3 else {}
            calls.append(asyncio.create_task(stopping.carry_out(order(action, number, **scope))))
            await asyncio.sleep(0)
        await eventually(plant.gateway.book.stopped.all)
        assert not any(call.done() for call in calls), "the answer says that it is on the disk"
        journal.answers.set()
        await asyncio.gather(*calls)
        assert [entry.request_id for entry in journal.entries()] == ["r-1", "r-2", "r-3"]
        stopped = plant.gateway.book.stopped.tolist()
        assert stopped == [True] + [False] * (len(stopped) - 1)
        plant.gateway.book.release(np.arange(len(stopped)), ORIGIN)
        assert stopping.restore() == 1, "a restart comes to the same end"


async def test_a_stop_is_written_while_every_thread_of_the_process_is_busy(certificates, tmp_path):
    done = threading.Event()
    async with running_plant(certificates) as plant:
        busy = [asyncio.create_task(asyncio.to_thread(done.wait, 30.0)) for _ in range(64)]
        await asyncio.sleep(0.05)
        await stopping_of(plant, tmp_path).carry_out(order("stop", 1))
        assert plant.gateway.book.stopped.all()
        assert len(StopJournal(tmp_path / "stops.jsonl").entries()) == 1
        done.set()
        await asyncio.gather(*busy)


def test_a_line_that_a_crash_cut_off_is_left_out_and_the_next_one_begins_anew(tmp_path):
    path = tmp_path / "stops.jsonl"
    journal = StopJournal(path)
    first = StopEntry(request_id="a", action="stop", operator="grid", reason="", at=ORIGIN)
    journal.append(first)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])
    journal.append(first)
    assert journal.entries() == [first, first]


async def test_the_journal_is_merged_into_the_database_once_with_the_times(
    certificates, tmp_path, database_url
):
    register = open_operator_register(database_url)
    async with running_plant(certificates) as plant:
        stopping = stopping_of(plant, tmp_path)
        await stopping.carry_out(order("stop", 1, feeder_id="f1"))
        await stopping.carry_out(order("release", 2))
        assert [await stopping.merge(register) for _ in range(2)] == [2, 0]
        assert await stopping_of(plant, tmp_path).merge(register) == 0, "after a restart, too"
        page = await register.list_stops(page_size=9, page_token="")
        assert [(item.action, item.feeder_id) for item in page.items] == [("release", ""), ("stop", "f1")]
        assert page.items[1].times.confirmed == 0, "nobody had an order to end"
    await register.close()
