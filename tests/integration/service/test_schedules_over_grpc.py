"""Schedules are listed, paused and resumed over gRPC; a pause outlives the service."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from tests.integration.service.test_closed_loop import CONFIG, ask, closed_loop, load
from tests.plants import make_plant, until
from vpp.adapters.storage import open_audit
from vpp.cli.main import app
from vpp.client import ClientError, calls
from vpp.domain.schedules import Firing
from vpp.ports import AuditFilter
from vpp.service.bootstrap import running_service
from vpp.service.settings import PortfolioSettings, ScheduleSettings


def scheduled(plant):
    return replace(
        plant,
        settings=plant.settings.model_copy(
            update={
                "portfolios": (PortfolioSettings(portfolio_id="north", feeders=("a",)),),
                "schedules": (
                    ScheduleSettings(id="often", every_s=60.0, portfolio="north"),
                    ScheduleSettings(id="yearly", cron="0 6 1 1 *", timezone="Europe/Berlin"),
                ),
            }
        ),
    )


async def command(plant, *words):
    options = ["--address", plant.address, "--certificates", str(plant.certificates)]
    result = await asyncio.to_thread(CliRunner().invoke, app, ["schedule", *words, *options])
    assert result.exit_code == 0, result.output
    return result.output


async def test_a_schedule_fires_is_paused_over_a_restart_and_resumed(tmp_path, database_url):
    plant = scheduled(make_plant(tmp_path, database_url))
    async with closed_loop(plant) as service:

        async def fired():
            return await ask(plant, lambda client: list(client.firings(schedule_id="often", limit=1)))

        async with asyncio.timeout(60):
            while not (firings := await fired()):  # noqa: ASYNC110 - another process would poll, too
                await asyncio.sleep(0.1)
        run = (await ask(plant, lambda client: client.run(firings[0].run_id))).run
        assert (run.trigger, run.portfolio) == ("schedule:often", "north")

        listed = await ask(plant, lambda client: list(client.schedules(next_times=2)))
        assert [(item.schedule_id, item.paused, len(item.next_times)) for item in listed] == [
            ("often", False, 2),
            ("yearly", False, 2),
        ]
        assert listed[0].HasField("last_firing")
        page = await ask(
            plant,
            lambda client: client.page(calls.schedules.schedules(), page_size=1),
        )
        assert (len(page.schedules), page.next_page_token) == (1, "often")

        said = await command(plant, "pause", "often", "--reason", "the market is closed")
        assert "paused since" in said
        again = await ask(plant, lambda client: client.pause_schedule("p-1", "often", reason="twice"))
        assert again.schedule.paused
        with pytest.raises(ClientError, match="another word"):
            await ask(plant, lambda client: client.resume_schedule("p-1", "often", reason="the other way"))
        with pytest.raises(ClientError, match="nothing-of-this-name"):
            await ask(plant, lambda client: client.pause_schedule("p-2", "nothing-of-this-name", reason="x"))
        with pytest.raises(ClientError, match="reason"):
            await ask(plant, lambda client: client.pause_schedule("p-3", "often", reason=""))
        await until(
            lambda: service.loop.followed.run is not None, what="a cycle of everybody's, which is not paused"
        )

    async with running_service(plant.settings, config_path=CONFIG) as service:
        begin = service.loop.clock.now()
        (often, _) = await ask(plant, lambda client: list(client.schedules()))
        assert (often.paused, often.reason) == (True, "twice")
        await until(
            lambda: (service.loop.clock.now() - begin).total_seconds() > 150, what="two firings' time"
        )
        runs = await ask(plant, lambda client: list(client.runs(trigger="schedule:often", limit=1)))
        assert runs[0].started_at.ToDatetime() < begin.replace(tzinfo=None), "a paused schedule does not fire"
        assert "twice" in await command(plant, "list")
        await command(plant, "resume", "often", "--reason", "open again")
        async with asyncio.timeout(60):
            while (await fired())[0].fired_at.ToDatetime() < begin.replace(tzinfo=None):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert "schedule:often" not in await command(plant, "history", "often", "--limit", "2")
    audit = open_audit(database_url)
    try:
        page = await audit.records(AuditFilter(kind="schedule"), page_size=10, page_token="")
    finally:
        await audit.close()
    assert [(record.subject, record.actor) for record in page.items] == [("often", "operator")] * 3


async def test_a_run_that_fails_is_noted_with_its_reason(tmp_path, database_url):
    plant = scheduled(make_plant(tmp_path, database_url, speed=1.0))
    await load(plant)
    async with running_service(plant.settings, config_path=CONFIG) as service:
        desk = service.schedules

        async def fail(_trigger, *, portfolio):
            raise RuntimeError(f"nothing goes on in {portfolio or 'the fleet'}")

        fire = desk.firing_of("yearly", fail)
        with pytest.raises(RuntimeError):
            await fire()
        (firing,) = (await desk.register.firings(schedule_ids=["yearly"], page_size=5, page_token="")).items
        assert firing == Firing(
            schedule_id="yearly", fired_at=firing.fired_at, failure="nothing goes on in the fleet"
        )
