"""An evening as a grid operator knows it, over real gRPC through the client.

An event is announced, rehearsed, approved and delivered; a feeder gets into trouble; a battery is taken
out by hand; afterwards everything is accounted for, and the record holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from tests.integration.service.test_closed_loop import closed_loop
from tests.plants import QUARTER, make_plant
from vpp.adapters.storage.audit_log import open_audit
from vpp.client import AsyncClient, ClientError, DeniedError, calls
from vpp.domain.intervals import interval_start
from vpp.rpcgen import dispatch_pb2, signals_pb2
from vpp.service.approval_settings import ApprovalRuleSettings
from vpp.service.certificates import issue_operator

SPEED = 60.0  # a quarter of an hour in 15 s
TARGET_KW = 30.0


def make_evening(folder, database_url):
    """Return a plant where plans that move more than 5 kW wait for a second person."""
    plant = make_plant(folder, database_url)
    issue_operator(plant.certificates, "ben")
    rule = ApprovalRuleSettings(id="large-changes", total_change_kw=5.0, timeout_s=600)
    clock = plant.settings.clock.model_copy(update={"speed": SPEED})
    policy = plant.settings.policy.model_copy(update={"lead_s": 300})
    return replace(
        plant,
        settings=plant.settings.model_copy(update={"approvals": (rule,), "clock": clock, "policy": policy}),
    )


async def fleet_kw(client):
    return sum(feeder.power_kw for feeder in (await client.fleet_summary()).feeders)


async def holds(condition, *, within_s=30.0, what):
    """Return when `condition` holds; fail with `what` after so many seconds of the wall."""
    async with asyncio.timeout(within_s):
        while not await condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.2)


def in_interval(plan, at):
    """Return the place of the interval that begins at `at`."""
    return (at - plan.start.ToDatetime(UTC)) // QUARTER


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_an_evening(tmp_path, database_url):
    plant = make_evening(tmp_path, database_url)
    async with (
        closed_loop(plant) as service,
        AsyncClient.connect(plant.address, certificates=plant.certificates) as anna,
        AsyncClient.connect(plant.address, certificates=plant.certificates, name="ben") as ben,
    ):
        clock = service.loop.clock
        begin = interval_start(clock.now(), QUARTER) + 2 * QUARTER

        # An event is announced and rehearsed; nothing is ordered by either.
        await anna.announce_event(
            "announce",
            event_id="evening-peak",
            valid_from=begin,
            valid_until=begin + 2 * QUARTER,
            target_kw=TARGET_KW,
            payment_per_kwh=1.0,
            penalty_per_kwh=3.0,
        )
        rehearsal = await anna.dry_run("rehearse")
        rehearsed = await anna.plan(rehearsal.run.run_id)
        place = in_interval(rehearsed, begin)
        assert sum(row.power_kw[place] for row in rehearsed.schedules) == pytest.approx(TARGET_KW, abs=0.5)
        assert not service.loop.orders.highest_sequence().any()

        # The plan moves more than 5 kW: it waits for somebody else, then its orders go out.
        asked = (await anna.trigger_run("for-the-event")).run
        (waiting,) = [item async for item in anna.approvals()]
        assert waiting.run_id == asked.run_id
        with pytest.raises(DeniedError):
            await anna.approve("my-own", waiting.approval_id)
        done = await ben.approve("seen", waiting.approval_id)
        assert (done.approval.state, list(done.approval.approvers)) == ("approved", ["ben"])

        # Ben approves what the cycles of the event ask; the batteries deliver.
        shift = asyncio.create_task(on_shift(ben))
        try:
            await clock.sleep_until(begin + timedelta(minutes=5))
            await holds(lambda: delivers(anna, TARGET_KW), what="the fleet delivers the event", within_s=20.0)

            # A feeder is in trouble: it may not export from the next interval on.
            trouble = interval_start(clock.now(), QUARTER) + QUARTER
            await anna.put_signals(
                "trouble",
                [
                    signals_pb2.SignalDraft(
                        signal_id="feeder-b-hot",
                        valid_from=trouble,
                        valid_until=trouble + 4 * QUARTER,
                        envelope=signals_pb2.OperatingEnvelope(
                            feeder_id="b", import_limit_kw=40.0, export_limit_kw=0.0
                        ),
                    )
                ],
            )
            relieved = await anna.plan((await anna.dry_run("around-the-trouble")).run.run_id)
            feeder = next(row for row in relieved.feeders if row.feeder_id == "b")
            own = {asset.asset_id async for asset in anna.assets(feeder_id="b")}
            place = in_interval(relieved, trouble)
            discharged_kw = sum(row.power_kw[place] for row in relieved.schedules if row.asset_id in own)
            assert discharged_kw <= feeder.net_load_kw[place] + 1e-3

            # By hand: the large battery is taken out, for a reason and for a time.
            override = (
                await anna.set_override(
                    dispatch_pb2.SetOverrideRequest(
                        request_id="by-hand",
                        asset_ids=["grid-battery"],
                        kind=dispatch_pb2.OVERRIDE_KIND_POWER,
                        power_kw=0.0,
                        duration_s=1200.0,
                        reason="smell of burning",
                    )
                )
            ).override
            assert override.author == "operator"
            await holds(lambda: rests(anna, "grid-battery"), what="the battery rests", within_s=20.0)
        finally:
            shift.cancel()

        # Why did it rest? And does the record of all this hold?
        why = await anna.explain_setpoint(asset_id="grid-battery")
        assert "smell of burning" in " ".join(sentence.words for sentence in why.sentences)
        kinds = {record.kind async for record in anna.audit_records()}
        assert {"run", "signals", "override", "approval"} <= kinds, kinds
        # Afterwards: what was delivered, what was missing and why, and who is paid what.
        await clock.sleep_until(begin + 2 * QUARTER + timedelta(minutes=2))
        totals = (await anna.page(calls.settlement.settle_event("evening-peak"))).totals
        rows = {row.asset_id: row async for row in anna.settle_event("evening-peak")}
        assert totals.requested_kwh == pytest.approx(TARGET_KW * 0.5)
        assert 0.0 < totals.settled_kwh < totals.requested_kwh
        assert rows["grid-battery"].reason == "stopped_or_overridden"
        shared = sum(row.wear + row.share for row in rows.values())
        assert shared + totals.portfolio == pytest.approx(totals.income)
        assert totals.income == pytest.approx(totals.payment - totals.penalty)
    await the_record_holds_until_somebody_touches_it(database_url)


async def the_record_holds_until_somebody_touches_it(database_url):
    """Verify the whole chain with what it speaks of; then change one character, and be told where."""
    log = open_audit(database_url)
    try:
        verdict = await log.verify(deep=True)
        assert verdict.whole, verdict
        path = database_url.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            number, payload = connection.execute(
                "SELECT record_number, payload FROM audit_record WHERE kind = 'run' ORDER BY 1 LIMIT 1"
            ).fetchone()
            middle = len(payload) // 2
            other = "0" if payload[middle] != "0" else "1"
            changed = payload[:middle] + other + payload[middle + 1 :]
            connection.execute(
                "UPDATE audit_record SET payload = ? WHERE record_number = ?", (changed, number)
            )
        verdict = await log.verify()
        assert not verdict.whole
        assert verdict.faults[0].number == number
    finally:
        await log.close()


async def on_shift(client):
    """Say yes to whatever waits, as the second person on shift does."""
    while True:
        async for approval in client.approvals(waiting=True):
            with contextlib.suppress(ClientError):  # over meanwhile
                await client.approve(f"yes-{approval.approval_id}", approval.approval_id, comment="seen")
        await asyncio.sleep(0.3)


async def delivers(client, target_kw):
    return await fleet_kw(client) == pytest.approx(target_kw, abs=2.0)


async def rests(client, asset_id):
    states = [asset async for asset in client.assets()]
    return abs(next(asset.power_kw for asset in states if asset.asset_id == asset_id)) < 0.1
