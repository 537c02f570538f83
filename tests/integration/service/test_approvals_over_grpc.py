"""People approve over the wire: a real service with its nodes, the client, the command line, a watcher."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from tests.integration.service.test_closed_loop import closed_loop
from tests.plants import QUARTER, START, make_plant
from vpp.adapters.storage import open_store
from vpp.adapters.storage.operation import DatabaseOperation
from vpp.cli.main import app
from vpp.client import calls
from vpp.client.client import Client
from vpp.client.errors import ClientError, DeniedError, InvalidRequestError, MissingError
from vpp.domain.readings import FeederReading
from vpp.replay.recorded import decide_again
from vpp.service.approval_settings import ApprovalRuleSettings
from vpp.service.approved_runs import open_approval_desk
from vpp.service.certificates import issue_operator
from vpp.service.errors import ServiceError
from vpp.service.settings import SettingsError, load_settings

PEOPLE = ("operator", "anna", "ben")
SPEED = 4.0  # slow enough that no scheduled cycle comes in between


def make_guarded(folder, database_url, **rule):
    plant = make_plant(folder, database_url)
    for name in PEOPLE[1:]:
        issue_operator(plant.certificates, name)
    rules = (ApprovalRuleSettings(id="first-weeks", timeout_s=900, **rule),)
    clock = plant.settings.clock.model_copy(update={"speed": SPEED})
    settings = plant.settings.model_copy(update={"approvals": rules, "clock": clock})
    return replace(plant, settings=settings)


async def ask_as(plant, name, question):
    def call():
        with Client.connect(plant.address, certificates=plant.certificates, name=name) as client:
            return question(client)

    return await asyncio.to_thread(call)


async def command(plant, *words, operator="anna"):
    where = ["--address", plant.address, "--certificates", str(plant.certificates), "--operator", operator]
    result = await asyncio.to_thread(CliRunner().invoke, app, ["approvals", *words, *where])
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


async def test_two_persons_approve_over_the_wire_and_only_then_nodes_hear_of_it(tmp_path, database_url):
    plant = make_guarded(tmp_path, database_url, always=True, persons=2)
    async with closed_loop(plant) as service:
        run = (await ask_as(plant, "operator", lambda client: client.trigger_run("now"))).run
        assert run.setpoints == 0
        (waiting,) = await ask_as(plant, "anna", lambda client: list(client.approvals()))
        assert (waiting.run_id, waiting.requester, waiting.persons) == (run.run_id, "operator", 2)
        assert not service.loop.orders.highest_sequence().any()

        with pytest.raises(DeniedError, match="somebody else"):
            await ask_as(plant, "operator", lambda client: client.approve("w-0", waiting.approval_id))
        assert "every plan needs approval" in await command(plant, "list")
        shown = await command(plant, "show", waiting.approval_id)
        assert "grid-battery" in shown
        assert "verifier: passed" in shown
        said = await command(plant, "approve", waiting.approval_id, "--request-id", "w-1")
        assert "waiting, approved by anna (2 needed)" in said
        assert not service.loop.orders.highest_sequence().any()

        done = (
            await ask_as(plant, "ben", lambda client: client.approve("w-2", waiting.approval_id))
        ).approval
        assert (done.state, list(done.approvers)) == ("approved", ["anna", "ben"])
        orders = await ask_as(
            plant, "ben", lambda client: list(client.setpoints(run_id=done.approved_run_id))
        )
        assert len(orders) == 4
        assert all("approved by anna and ben" in order.reason for order in orders)
        trail = await ask_as(
            plant,
            "ben",
            lambda client: client.trail(
                asset_id=orders[0].asset_id, epoch=orders[0].epoch, sequence=orders[0].sequence
            ),
        )
        assert trail.run.trigger == f"approval:{waiting.approval_id}"
        for _ in range(200):
            orders = await ask_as(
                plant, "ben", lambda client: list(client.setpoints(run_id=done.approved_run_id))
            )
            if all(order.acknowledged for order in orders):
                break
            await asyncio.sleep(0.05)
        assert {order.acknowledged for order in orders} == {"received"}
    operation = DatabaseOperation(database_url)
    try:
        again = await decide_again(
            operation, start=START, end=START + timedelta(days=1), on_run=lambda *_: None
        )
    finally:
        await operation.close()
    assert again.differences == [], "what waited and what was approved are decided again from their records"
    assert again.cycles >= 2
    await a_shadow_of_it(tmp_path, database_url, service.loop.followed.run.cycle_start)


async def a_shadow_of_it(folder, database_url, start):
    """Once the interval is metered, another policy is compared over what was recorded of it."""
    store = open_store(database_url, clock_now=lambda: start + QUARTER)
    metered = [
        FeederReading(
            feeder_id=name, start=start, consumption_kw=15.0, pv_kw=0.0, available_at=start + QUARTER
        )
        for name in "ab"
    ]
    await store.append_feeder_readings(metered)
    await store.close()
    config = folder / "shadow.toml"
    config.write_text(f'[database]\nurl = "{database_url}"\n')
    words = ["shadow", "try", "--from", start.isoformat(), "--to", (start + QUARTER).isoformat()]
    words += ["--policy", "stability_cost_per_kw=0", "--config", str(config)]
    # In a process of its own: the command lowers its priority for good.
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vpp.cli", *words, stdout=asyncio.subprocess.PIPE
    )
    output = (await process.communicate())[0].decode()
    assert process.returncode == 0, output
    assert "1 intervals on 1 days, the same inputs for both" in output
    assert "only 1 days were compared" in output


async def test_a_watcher_sees_everything_once_also_over_a_break(tmp_path, migrated_sqlite_url):
    plant = make_guarded(tmp_path, migrated_sqlite_url, always=True)
    async with closed_loop(plant) as service:
        await ask_as(plant, "operator", lambda client: client.trigger_run("now"))
        (waiting,) = await ask_as(plant, "anna", lambda client: list(client.approvals()))
        for kind, question in REFUSED:
            with pytest.raises(kind):
                await ask_as(plant, "anna", question)
        wrong = plant.settings.model_copy(
            update={"approvals": (ApprovalRuleSettings(id="r", always=True, feeders=("x",)),)}
        )
        with pytest.raises(ServiceError, match="expected a feeder"):
            await open_approval_desk(
                wrong, service.loop.approvals._register, service.loop, None, service.loop.clock
            )
        first = await ask_as(plant, "anna", lambda client: take(client.watch_approvals(after=0), 2))
        rejecting = asyncio.create_task(
            ask_as(plant, "ben", lambda client: client.reject("w-1", waiting.approval_id, comment="no"))
        )
        after = first[-1].position
        rest = await ask_as(plant, "anna", lambda client: take(client.watch_approvals(after=after), 4))
        await rejecting
        assert [answer.event.kind for answer in first] == ["requested", "alarm"]
        assert [answer.event.kind for answer in rest] == ["rejected_by", "rejected", "requested", "alarm"]
        assert [answer.position for answer in (*first, *rest)] == sorted(
            {answer.position for answer in (*first, *rest)}
        )
        assert (rest[0].event.person, rest[0].event.detail) == ("ben", "no")
        found = await ask_as(plant, "anna", lambda client: client.approval(waiting.approval_id))
        assert found.approval.state == "rejected"
        seen = await command(plant, "watch", "--after", "0", "--count", "3")
        assert "rejected_by ben no" in seen
        listed = await ask_as(plant, "anna", lambda client: client.page(EVERYTHING, page_size=1))
        assert (len(listed.approvals), listed.alarms) == (1, 2)


EVERYTHING = calls.approvals.approvals(waiting=False)
REFUSED = [
    (MissingError, lambda client: client.approve("w-8", "approval-9")),
    (MissingError, lambda client: client.approval("approval-9")),
    (InvalidRequestError, lambda client: client.approve("", "approval-9")),
    (InvalidRequestError, lambda client: client.reject("w-8", "a b")),
    (ClientError, lambda client: client.page(EVERYTHING, page_token="x")),
]


def take(answers, count):
    found = []
    for answer in answers:
        if answer.HasField("event"):
            found.append(answer)
        if len(found) == count:
            return found
    return found


@pytest.fixture
def migrated_sqlite_url(migrated_sqlite, tmp_path):
    path = tmp_path / "one.sqlite"
    path.write_bytes(migrated_sqlite.read_bytes())
    return f"sqlite:///{path}"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("persons = 3\nalways = true", "persons: got 3, expected 1 or 2"),
        ("", "no condition"),
        ('below_rung = "best"', "below_rung"),
        ("allways = true", "unknown setting"),
    ],
)
def test_a_wrong_rule_stops_the_start(tmp_path, rule, words):
    path = tmp_path / "vpp.toml"
    path.write_text(f'[[approvals]]\nid = "big"\n{rule}\n')
    with pytest.raises(SettingsError, match=words):
        load_settings(path)
