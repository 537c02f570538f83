"""The agent against the fake service that ships with it: real gRPC, and misbehaviour on order."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from vpp.node.agent import NodeAgent
from vpp.node.default_control import ControlTerms, DefaultControl
from vpp.node.device import Measurement
from vpp.node.fleet import running
from vpp.node.guard import LocalLimits
from vpp.node.journal import DiskBuffer
from vpp.node.orders import LeaseState
from vpp.node.testing import FakeService, LoopbackCredentials


class Battery:
    """A battery that remembers what it was told."""

    def __init__(self, asset_id="b1"):
        self.asset_id, self.told = asset_id, []
        self.numbers = itertools.count(5_000)

    def step(self, at):
        pass

    def read(self, at):
        return Measurement(measured_at=at, soc=next(self.numbers) / 10_000, power_kw=self.told[-1])

    def apply(self, power_kw):
        self.told.append(power_kw)

    def site_net_load_kw(self):
        return 1.5

    def charging_stays(self, at):
        return ()


@pytest.fixture
async def service():
    async with FakeService() as made:
        yield made


def agent_of(service, battery, **options):
    battery.told.append(0.0)
    return NodeAgent(service.settings("node-1"), LoopbackCredentials(), [battery], **options)


async def told(battery, power_kw):
    async with asyncio.timeout(10):
        while battery.told[-1] != power_kw:  # noqa: ASYNC110 - a device has no events
            await asyncio.sleep(0.01)


async def test_an_order_is_followed_and_ends_by_itself(service, monkeypatch):
    monkeypatch.setattr("vpp.node.limits.MIN_LIFETIME_S", 0.1)
    battery = Battery()
    async with running(agent_of(service, battery)):
        session = await service.session()
        assert session.hello.asset_ids == ["b1"]
        session.order("b1", 2.5, lifetime_s=0.5)
        await session.acknowledged("b1", LeaseState.STARTED)
        await told(battery, 2.5)
        await session.acknowledged("b1", LeaseState.EXPIRED)
        await told(battery, 0.0)


async def test_duplicates_and_reordering_leave_the_newest_in_force(service):
    battery = Battery()
    async with running(agent_of(service, battery)):
        session = await service.session()
        with session.reversed():
            session.order("b1", 1.0)
            session.order("b1", 2.0, copies=3)
        assert "lower than" in await session.acknowledged("b1", LeaseState.REJECTED)
        await told(battery, 2.0)
        assert 1.0 not in battery.told


async def test_an_order_that_was_stuck_is_refused_and_a_stop_ends_what_is_followed(service):
    battery = Battery()
    async with running(agent_of(service, battery)):
        session = await service.session()
        session.order("b1", 1.0, sent_ago_s=6.0)
        assert "ago" in await session.acknowledged("b1", LeaseState.REJECTED)
        session.order("b1", 2.0)
        await told(battery, 2.0)
        session.stop("b1", reason="fire drill")
        assert await session.acknowledged("b1", LeaseState.CANCELLED) == "fire drill"
        await told(battery, 0.0)


@pytest.mark.parametrize("skew_s", [-3600.0, 3600.0])
async def test_a_service_that_lives_in_another_hour_is_followed_by_its_own_time(skew_s):
    battery = Battery()
    async with FakeService(skew_s=skew_s) as service, running(agent_of(service, battery)):
        session = await service.session()
        session.order("b1", 2.0)
        await told(battery, 2.0)
        session.order("b1", 3.0, sent_ago_s=8.0)
        assert "ago" in await session.acknowledged("b1", LeaseState.REJECTED)


async def test_an_order_ahead_begins_on_time(service):
    battery = Battery()
    async with running(agent_of(service, battery)):
        session = await service.session()
        session.order("b1", 1.0)
        session.order("b1", 2.0, start_in_s=0.4)
        await told(battery, 1.0)
        service.silent = True
        session.hang_up()  # the node goes on by itself
        await told(battery, 2.0)


async def test_what_was_not_stored_is_sent_again_in_its_order(service, tmp_path):
    battery = Battery()
    service.stores = False
    agent = agent_of(service, battery, buffer=DiskBuffer(tmp_path))
    async with running(agent):
        session = await service.session()
        first = await session.readings("b1", count=3)
    # Another process of the same node: what was on disk comes first.
    battery.numbers = itertools.count(8_000)
    agent = agent_of(service, battery, buffer=DiskBuffer(tmp_path))
    async with running(agent):
        session = await service.session()
        again = await session.readings("b1", count=len(first) + 1)
        assert again[: len(first)] == pytest.approx(first)
        assert again == sorted(again)
        service.stores = True
        await session.until(lambda: not agent.buffer)


async def test_a_node_comes_back_by_itself_after_the_service_went_away(service):
    battery = Battery()
    agent = agent_of(service, battery)
    async with running(agent):
        await service.session()
        await service.go_away()
        await service.start()
        session = await service.session()
        session.order("b1", 2.0)
        await told(battery, 2.0)
    assert agent.counters.lost_sessions >= 1


async def test_a_service_that_does_not_answer_is_left(service, monkeypatch):
    monkeypatch.setattr("vpp.node.limits.WELCOME_TIMEOUT_S", 0.2)
    service.silent = True
    agent = agent_of(service, Battery())
    async with running(agent):
        async with asyncio.timeout(10):
            while agent.counters.lost_sessions < 2:  # noqa: ASYNC110 - counters have no events
                await asyncio.sleep(0.01)
        assert "no Welcome" in agent.problem


def lower_epoch(welcome):
    welcome.epoch = 1
    return welcome


async def test_a_welcome_of_an_older_dispatcher_is_declined(service):
    battery = Battery()
    service.epoch = 5
    agent = agent_of(service, battery)
    async with running(agent):
        session = await service.session()
        session.order("b1", 2.0)
        await told(battery, 2.0)
        service.welcome = lower_epoch
        session.hang_up()
        await service.session()
        async with asyncio.timeout(10):
            while "lower than 5" not in agent.problem:  # noqa: ASYNC110 - a text has no events
                await asyncio.sleep(0.01)
        assert battery.told[-1] == 2.0  # the lease goes on


async def test_an_older_service_is_spoken_to_in_its_version(service):
    def first_version(welcome):
        welcome.protocol_version = 1
        return welcome

    service.welcome = first_version
    battery = Battery()
    async with running(agent_of(service, battery)):
        session = await service.session()
        session.order("b1", 2.0)
        await told(battery, 2.0)


@pytest.mark.parametrize(
    ("control", "expected_kw"),
    [(DefaultControl.ZERO, 0.0), (DefaultControl.HOLD, 2.0), (DefaultControl.SELF_CONSUMPTION, 1.5)],
)
async def test_default_control_is_what_was_agreed(control, expected_kw):
    terms = {"b1": ControlTerms(default_control=control, max_charge_kw=5.0, max_discharge_kw=5.0)}
    battery = Battery()
    async with FakeService(terms=terms) as service, running(agent_of(service, battery)):
        session = await service.session()
        session.order("b1", 2.0)
        await told(battery, 2.0)
        session.stop()
        await session.acknowledged("b1", LeaseState.CANCELLED)
        await told(battery, expected_kw)


async def test_no_order_lifts_a_local_limit(service):
    battery = Battery()
    limits = {"b1": LocalLimits(max_charge_kw=1.0, max_discharge_kw=1.25)}
    async with running(agent_of(service, battery, local_limits=limits)):
        session = await service.session()
        session.order("b1", 100.0)
        await told(battery, 1.25)
        session.order("b1", -100.0)
        await session.acknowledged("b1", LeaseState.SUPERSEDED)
        assert min(battery.told) >= -1.0
        assert max(battery.told) <= 1.25
