"""Promise 15: a stop holds with the database down and the model hanging, over a restart, until a release.

Everything is real: service, nodes and operator over mutual TLS, PostgreSQL killed by its process id or
SQLite locked by another program, a model's endpoint that takes questions and never answers.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from tests.integration.reasoning.http_server import completion, endpoint
from tests.integration.service.test_approvals_over_grpc import (
    ask_as,
    make_guarded,
)
from tests.integration.service.test_closed_loop import CONFIG, ask, closed_loop, load
from tests.integration.service.test_overrides import BATTERY, does, override, request
from tests.plants import QUARTER, make_plant, powers, until
from tests.postgresql import PostgresqlMissingError, restartable_postgresql
from vpp.adapters.storage import migrate, open_audit
from vpp.adapters.storage.operators import open_operator_register
from vpp.domain.audit import AuditKind
from vpp.node.fleet import running
from vpp.ports import StoreUnavailableError
from vpp.service.bootstrap import running_service
from vpp.service.model_settings import ModelSettings
from vpp.service.stop_journal import StopJournal

SPEED = 60.0  # a renewal period is five seconds of the wall, the merge of stops one
NEVER_S = 3600.0
ASSETS = ("battery-1", "battery-2", "car", BATTERY)


class LockedSqlite:
    """A file that another program has locked for itself."""

    def __init__(self, path):
        self.url, self._path = f"sqlite:///{path}", path

    async def go_down(self):
        self._other = sqlite3.connect(self._path, isolation_level=None)
        self._other.execute("BEGIN EXCLUSIVE")

    async def come_back(self):
        self._other.close()


class KilledPostgresql:
    """A server that is killed by its process id and started again."""

    def __init__(self, server, url):
        self.url, self._server = url, server

    async def go_down(self):
        await asyncio.to_thread(self._server.kill)

    async def come_back(self):
        await asyncio.to_thread(self._server.start)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request, tmp_path):
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "vpp.sqlite")
        yield LockedSqlite(tmp_path / "vpp.sqlite")
        return
    try:
        with restartable_postgresql() as server:
            url = asyncio.run(server.server.create_database("stops"))
            asyncio.run(migrate.upgrade(url))
            yield KilledPostgresql(server, url)
    except PostgresqlMissingError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


def slowed(plant, **changes):
    clock = plant.settings.clock.model_copy(update={"speed": SPEED})
    return replace(plant, settings=plant.settings.model_copy(update={"clock": clock, **changes}))


def at_rest(plant):
    return not any(powers(plant.devices, ASSETS))


@asynccontextmanager
async def connected(plant):
    """A service whose nodes are all here and heard of; unlike `closed_loop` it issues no forecast."""
    async with running_service(plant.settings, config_path=CONFIG) as service:
        await until(lambda: len(service.gateway.connected_slots()) == 4, what="a session of every node")
        await until(lambda: len(service.gateway.latest_readings()) == 4, what="a reading of every asset")
        yield service


async def test_a_stop_holds_with_database_and_model_down_over_a_restart_until_the_release(
    tmp_path, database, monkeypatch
):
    monkeypatch.setenv("DEEPSEEK_API_KEY", "none")
    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(endpoint((200, completion("no JSON"))))
        asked = ModelSettings(enabled=True, base_url=model.base_url, samples=1)
        plant = slowed(make_plant(tmp_path, database.url), model=asked)
        await load(plant)
        await stack.enter_async_context(running(*plant.agents()))
        async with connected(plant) as service:
            await service.forecasts.issue()
            await service.loop.run_cycle("before")
            await override(plant, request(1, power_kw=-12.5))
            await until(does(plant, -12.5), what="a device at work")

            # The model hangs, and a cycle is under way when the database goes away.
            model.delay_s = NEVER_S
            now = service.loop.clock.now()
            fair = {"item_id": "fair", "text": "a fair", "valid_from": now, "valid_until": now + 40 * QUARTER}
            await ask(plant, lambda client: client.add_context(**fair))
            forecast = asyncio.create_task(service.forecasts.issue())
            await until(lambda: model.bodies, what="a question to the model")
            await database.go_down()
            cycle = asyncio.create_task(service.loop.run_cycle("in the middle"))
            stopped = await ask(plant, lambda client: client.stop("s-1", reason="smoke in the field"))
            assert (stopped.told_assets, stopped.away_assets) == (4, 0)
            assert stopped.confirmed_assets > 0, "nodes had orders to end"
            assert at_rest(plant)
            sent = service.gateway.counters.orders_sent
            (entry,) = StopJournal(plant.settings.grpc.stop_journal_path).entries()
            assert (entry.action, entry.operator, entry.reason) == ("stop", "operator", "smoke in the field")

            # What the cycle decided is stored when the database is back, and does not leave.
            await asyncio.sleep(0.5)
            await database.come_back()
            await asyncio.wait([cycle])
            assert cycle.exception() is None or isinstance(cycle.exception(), StoreUnavailableError)
            again = await service.loop.run_cycle("after")
            assert again.setpoints == 0, "a stopped asset is planned no order"
            assert service.gateway.counters.orders_sent == sent
            assert at_rest(plant)
            await merged(plant, ["stop"])
            forecast.cancel()
            await asyncio.wait([forecast])

        async with connected(plant) as service:
            assert service.gateway.book.stopped.all(), "a restart is no resume"
            assert (await service.loop.run_cycle("after the restart")).setpoints == 0
            assert service.gateway.counters.orders_sent == 0
            assert at_rest(plant)

            released = await ask(plant, lambda client: client.release("r-1", reason="all clear"))
            assert released.told_assets == 4
            assert (await service.loop.run_cycle("resumed")).setpoints == 3
            await until(does(plant, -12.5), what="the override, which still holds")
            await merged(plant, ["release", "stop"])


async def merged(plant, actions):
    """Return when the database has the stops and releases, newest first, and the audit chain, too."""
    register, chain = (open_part(plant.settings.database.url) for open_part in PARTS)
    try:
        listed = []
        for _ in range(200):
            page = await register.list_stops(page_size=9, page_token="")
            listed = [item.action for item in page.items]
            if listed == actions and await chain.has(AuditKind.STOP, "s-1"):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"expected {actions}, the database has {listed}")
    finally:
        await register.close()
        await chain.close()


PARTS = (open_operator_register, open_audit)


async def test_an_override_that_came_while_a_plan_waited_is_not_undone_by_its_approval(
    tmp_path, database_url
):
    plant = make_guarded(tmp_path, database_url, always=True)
    async with closed_loop(plant):
        await ask_as(plant, "operator", lambda client: client.trigger_run("now"))
        (waiting,) = await ask_as(plant, "anna", lambda client: list(client.approvals()))
        await override(plant, request(1, power_kw=-12.5))
        await until(does(plant, -12.5), what="the battery to do what the operator said")

        approval = (
            await ask_as(plant, "anna", lambda client: client.approve("w-1", waiting.approval_id))
        ).approval
        orders = await ask_as(
            plant, "anna", lambda client: list(client.setpoints(run_id=approval.approved_run_id))
        )
        assert {order.asset_id for order in orders} == set(ASSETS) - {BATTERY}
        assert does(plant, -12.5)()


async def test_an_approval_after_a_stop_sends_nothing(tmp_path, migrated_sqlite):
    shutil.copy(migrated_sqlite, tmp_path / "vpp.sqlite")
    plant = make_guarded(tmp_path, f"sqlite:///{tmp_path / 'vpp.sqlite'}", always=True)
    async with closed_loop(plant) as service:
        await ask_as(plant, "operator", lambda client: client.trigger_run("now"))
        (waiting,) = await ask_as(plant, "anna", lambda client: list(client.approvals()))
        await ask(plant, lambda client: client.stop("s-1", reason="smoke in the field"))
        approval = (
            await ask_as(plant, "anna", lambda client: client.approve("w-1", waiting.approval_id))
        ).approval
        assert (approval.state, approval.approved_run_id) == ("stale", "")
        why = (await ask_as(plant, "anna", lambda client: client.approval(waiting.approval_id))).events[-1]
        assert "assets were stopped by an operator" in why.detail
        assert service.gateway.counters.orders_sent == 0
        assert at_rest(plant)
