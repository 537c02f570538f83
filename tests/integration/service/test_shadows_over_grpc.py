"""Shadows beside a real service with its nodes: they plan, are compared, and nothing of them is sent."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from tests.fakes import ManualClock
from tests.fakes_reasoning import answer, item
from tests.integration.reasoning.http_server import completion, endpoint
from tests.integration.service.test_approvals_over_grpc import ask_as
from tests.integration.service.test_closed_loop import closed_loop
from tests.plants import QUARTER, make_plant
from vpp.adapters.storage.promotions import open_promotions
from vpp.cli.main import app
from vpp.client.errors import ClientError, DeniedError, InvalidRequestError, MissingError
from vpp.domain.forecasts import ContextItem
from vpp.domain.readings import FeederReading
from vpp.service.approval_settings import ApprovalRuleSettings
from vpp.service.certificates import issue_operator
from vpp.service.model_settings import ModelSettings
from vpp.service.promotion_parts import promoted
from vpp.service.settings import PolicySettings
from vpp.service.shadow_settings import ShadowSettings

BEFORE = PolicySettings().stability_cost_per_kw
SPEED = 4.0  # slow enough that no scheduled cycle comes in between


def make_shadowed(folder, database_url, base_url, **changes):
    plant = make_plant(folder, database_url)
    for name in ("anna", "ben"):
        issue_operator(plant.certificates, name)
    model = ModelSettings(base_url=base_url, name="newer", samples=1, api_key_variable="")
    shadows = (
        ShadowSettings(id="calm", policy={"stability_cost_per_kw": 0.5, "horizon_intervals": 16}),
        ShadowSettings(id="newer", forecaster="endpoint", model=model),
    )
    clock = plant.settings.clock.model_copy(update={"speed": SPEED})
    two = ApprovalRuleSettings(id="two", promotions=True, persons=2, timeout_s=86_400)
    update = {"shadows": shadows, "clock": clock, "approvals": (two,)} | changes
    return replace(plant, settings=plant.settings.model_copy(update=update))


async def command(plant, *words, operator="anna"):
    where = ["--address", plant.address, "--certificates", str(plant.certificates), "--operator", operator]
    result = await asyncio.to_thread(CliRunner().invoke, app, ["shadow", *words, *where])
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


async def remark(service):
    """Tell the forecasters of heat: only the shadow has a model to ask."""
    now = service.loop.clock.now()
    words = ContextItem(
        item_id="heat",
        text="Heat warning, 36 degrees.",
        valid_from=now,
        valid_until=now + timedelta(hours=12),
        available_at=now,
    )
    await service.loop.store.save_context([words])


async def planned_beside(service):
    """Run a cycle, have the shadows plan it, and let the interval be metered."""
    run = await service.loop.run_cycle("test")
    job = service.shadows.job
    await job.step()
    metered = [
        FeederReading(
            feeder_id=name,
            start=run.cycle_start,
            consumption_kw=15.0,
            pv_kw=0.0,
            available_at=service.loop.clock.now(),
        )
        for name in "ab"
    ]
    await service.loop.store.append_feeder_readings(metered)
    live, job.clock = job.clock, ManualClock(run.cycle_start + 2 * QUARTER)
    await job.step()
    job.clock = live
    return run


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_shadows_plan_beside_live_cycles_and_nothing_of_them_is_sent(tmp_path, database_url):
    async with endpoint((200, completion(answer(item())))) as scripted:
        plant = make_shadowed(tmp_path, database_url, scripted.base_url)
        async with closed_loop(plant) as service:
            await remark(service)
            own = await service.shadows.forecasts["newer"].issue()
            run = await planned_beside(service)
            orders = await ask_as(plant, "anna", lambda client: list(client.setpoints()))
            shadows = await ask_as(plant, "anna", lambda client: list(client.shadows()))
            cycles = await ask_as(plant, "anna", lambda client: list(client.shadow_cycles("calm")))
            other = await ask_as(plant, "anna", lambda client: list(client.shadow_cycles("newer")))
            report = (
                await ask_as(plant, "anna", lambda client: client.shadow_report("newer", seed=7))
            ).report
            for kind, question in REFUSED:
                with pytest.raises(kind):
                    await ask_as(plant, "anna", question)
            assert "calm stability_cost_per_kw=0.5, 1 1" in await command(plant, "list")
            assert run.run_id in await command(plant, "cycles", "calm", "--page-size", "1")
            assert "planned beside 1 cycles; 1 of them are metered" in await command(plant, "report", "newer")
            assert '"saved_per_day"' in await command(plant, "report", "newer", "--json")
            await promoted_by_two_and_taken_back(plant, service)
            stored = await service.loop.store.get_forecast(own.forecast_id)
            live = await service.loop.store.newest_forecast(available_at=own.available_at + QUARTER)
    assert len(scripted.bodies) == 1, own.reason
    assert own.model_call_id.startswith("newer-call-"), "asked by the shadow's own forecaster"
    assert {order.run_id for order in orders} == {run.run_id}
    assert [(one.shadow_id, one.cycles, one.settled) for one in shadows] == [("calm", 1, 1), ("newer", 1, 1)]
    assert (cycles[0].run_id, cycles[0].shadow.horizon_intervals) == (run.run_id, 16)
    assert cycles[0].in_force.cost == pytest.approx(run.objective)
    assert other[0].shadow.forecast_id == own.forecast_id
    assert other[0].in_force.forecast_id == run.forecast_id == live.forecast_id != own.forecast_id
    assert stored is None, "no live cycle can find it"
    assert (report.cycles, report.days, report.settled) == (1, 1, 1)
    assert any("only 1 days" in one for one in report.against)


async def promoted_by_two_and_taken_back(plant, service):
    """One proposes the calm shadow, two approve it, the next cycle goes by it, and one takes it back."""
    sent = service.loop.orders.highest_sequence().copy()
    assert "waiting, 2 needed" in await command(plant, "propose", "calm", operator="operator")
    (waiting,) = await ask_as(plant, "anna", lambda client: list(client.approvals()))
    assert (waiting.subject, waiting.persons, waiting.requester) == ("promotion", 2, "operator")
    assert "against it: only 1 days were compared" in " ".join(waiting.reasons)
    with pytest.raises(DeniedError, match="somebody else"):
        await ask_as(plant, "operator", lambda client: client.approve("p-0", waiting.approval_id))
    with pytest.raises(ClientError, match="waits for the promotion of calm already"):
        await ask_as(plant, "anna", lambda client: client.propose_promotion("again", "calm"))
    await ask_as(plant, "anna", lambda client: client.approve("p-1", waiting.approval_id))
    assert service.loop.policy.stability_cost_per_kw == BEFORE
    done = (await ask_as(plant, "ben", lambda client: client.approve("p-2", waiting.approval_id))).approval
    assert (done.state, done.approved_run_id) == ("approved", "")
    assert (service.loop.orders.highest_sequence() == sent).all(), "a promotion sends nothing"

    register = open_promotions(plant.settings.database.url)
    again = await promoted(plant.settings, register)
    await register.close()
    assert again.policy.stability_cost_per_kw == 0.5, "a restart goes by it, too"
    run = await service.loop.run_cycle("test")
    assert service.loop.followed.plan.grid.count == 16, run.reason
    assert service.loop.policy.stability_cost_per_kw == 0.5
    shown = await command(plant, "promotions")
    assert "calm promoted by anna and ben: horizon_intervals=16, stability_cost_per_kw=0.5" in shown

    taken = await command(plant, "revert", "--reason", "not calm at all", operator="anna")
    assert "calm taken back; in force: as configured" in taken
    assert service.loop.policy.stability_cost_per_kw == BEFORE
    with pytest.raises(ClientError, match="everything is as configured"):
        await ask_as(plant, "anna", lambda client: client.revert_promotion("r-2", reason="again"))
    found = await ask_as(plant, "anna", lambda client: list(client.promotions()))
    assert [one.kind for one in found] == ["reverted", "promoted"]
    records = await ask_as(plant, "anna", lambda client: list(client.audit_records(kind="promotion")))
    assert [record.actor for record in records] == ["anna", "anna and ben"]


REFUSED = [
    (MissingError, lambda client: client.shadow_report("unknown")),
    (MissingError, lambda client: list(client.shadow_cycles("unknown"))),
    (InvalidRequestError, lambda client: client.shadow_report("a b")),
]
