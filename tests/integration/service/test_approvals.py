"""Nothing that waits for people is ever sent; what they say is kept, counts once, and is carried out once."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest
from structlog.testing import capture_logs

from optimizer.certificate import certify
from optimizer.plan import Plan
from tests.security.test_renewals import make_loop
from tests.unit.control.fleets import NOON, QUARTER
from vpp.adapters.storage import open_store
from vpp.adapters.storage.approvals import open_approvals
from vpp.control.cycle_values import SolveOutcome
from vpp.control.fallback import follow
from vpp.domain.approvals import ApprovalRefusedError, ApprovalRule, ApprovalTerms, EventKind, Subject
from vpp.domain.runs import Rung
from vpp.ports import StoreError, WriterLockError
from vpp.service.approvals import ApprovalDesk
from vpp.service.approved_runs import ApprovedRuns
from vpp.service.ids import IdFactory

TEN_MINUTES = timedelta(minutes=10)
ALWAYS = ApprovalRule(rule_id="always", always=True, timeout=TEN_MINUTES)
BATTERY = ApprovalRule(rule_id="battery", asset_power_kw=12.0, feeder_ids=("b",), timeout=TEN_MINUTES)
TWO = ApprovalRule(rule_id="two", always=True, persons=2, timeout=TEN_MINUTES)


class Solver:
    """A solver that has the grid battery charge for two intervals and the others rest."""

    power_kw = -15.0

    def solve(self, problem, *, previous, deadline_s, seed):
        wanted_kw = np.zeros(problem.shape)
        wanted_kw[2, :2] = self.power_kw
        schedule = follow(problem, wanted_kw)
        return SolveOutcome(
            plan=Plan(schedule=schedule, certificate=certify(problem, schedule, -math.inf, method="rule"))
        )


class Plant:
    """A loop with a desk on a real database; `restart` ends the service as a kill would and starts anew."""

    def __init__(self, url, *rules):
        self.url, self.rules = url, rules

    async def start(self):
        self.loop, self.clock, self.link, self.memory = await make_loop()
        self.loop.solver = Solver()
        self.store = open_store(self.url, clock_now=self.clock.now)
        await self.store.save_fleet(self.loop.fleet)
        await self._serve()
        return self

    async def _serve(self):
        self.loop.epoch = await self.store.next_epoch()
        self.register = open_approvals(self.url)
        self.desk = ApprovalDesk(
            register=self.register,
            terms=ApprovalTerms(rules=self.rules),
            clock=self.clock,
            epoch=self.loop.epoch,
            new_id=IdFactory(kind="approval", epoch=self.loop.epoch),
        )
        self.desk.carry_out[Subject.PLAN] = ApprovedRuns(self.loop, self.memory, self.desk).carry_out
        self.loop.approvals = self.desk

    async def restart(self):
        """Leave everything in memory behind but the devices and what is on disk."""
        await self.stop()
        clock, memory = self.clock, self.memory
        self.loop, _, self.link, _ = await make_loop()
        self.clock = self.loop.clock = self.link.clock = clock
        self.memory = self.loop.store = memory
        self.loop.solver = Solver()
        self.store = open_store(self.url, clock_now=clock.now)
        await self._serve()

    async def stop(self):
        await self.register.close()
        await self.store.close()

    async def say(self, approval_id, number, person, *, approves=True):
        return await self.desk.say(
            approval_id, request_id=f"word-{number}", person=person, approves=approves, comment="looks right"
        )

    async def waiting(self):
        return [record.approval for record in await self.register.waiting()]

    def ordered_kw(self):
        """Return what the grid battery was sent, one power for each order."""
        return [
            round(float(orders.power_kw[orders.slot == 2][0]), 3)
            for orders in self.link.sent
            if 2 in orders.slot
        ]


@pytest.fixture
def plants(database_url):
    async def make(*rules):
        return await Plant(database_url, *rules).start()

    return make


async def test_a_plan_waits_while_the_next_rung_stands_and_is_sent_once_it_is_approved(plants):
    plant = await plants(BATTERY)
    run = await plant.loop.run_cycle("schedule")
    assert run.rung is Rung.GREEDY
    assert "waits for approval by one person: grid-battery is ordered -15.0 kW" in run.reason
    assert plant.ordered_kw() == [0.0]
    (approval,) = await plant.waiting()
    assert (approval.run_id, approval.standing_rung) == (run.run_id, Rung.GREEDY)
    assert approval.cost_with < approval.cost_without, "charging while it is cheap"
    assert approval.verdict.startswith("passed")

    plant.clock.advance(60)
    record = await plant.say(approval.approval_id, 1, "anna")
    assert record.end.kind is EventKind.APPROVED
    assert plant.ordered_kw() == [0.0, -15.0]
    assert plant.link.sent[-1].valid_from == NOON
    stored = plant.memory.runs[-1][0]
    assert (stored.trigger, stored.rung) == (f"approval:{approval.approval_id}", Rung.INCUMBENT)
    assert "approved by anna" in plant.link.sent[-1].reason
    assert (await plant.register.of_run(stored.run_id)).approvers == ("anna",)
    assert plant.loop.followed.plan.run_id == stored.run_id, "the next plan follows what was approved"
    await plant.stop()


async def test_the_same_word_again_changes_nothing_and_cannot_be_used_for_another_run(plants):
    plant = await plants(BATTERY)
    await plant.loop.run_cycle("schedule")
    (first,) = await plant.waiting()
    plant.clock.advance(60)
    await plant.say(first.approval_id, 1, "anna")
    again = await plant.say(first.approval_id, 1, "anna")
    assert (again.end.kind, len(plant.ordered_kw())) == (EventKind.APPROVED, 2)

    plant.clock.advance(14 * 60)
    plant.loop.solver.power_kw = 15.0
    await plant.loop.run_cycle("schedule")
    (second,) = await plant.waiting()
    plant.clock.advance(60)
    for approval_id, person in ((second.approval_id, "anna"), (first.approval_id, "ben")):
        with pytest.raises(ApprovalRefusedError) as refused:
            await plant.say(approval_id, 1, person)
        assert refused.value.reason == "REQUEST_ID_USED"
    with pytest.raises(ApprovalRefusedError, match="is over"):
        await plant.say(first.approval_id, 2, "ben")
    assert plant.ordered_kw()[-1] != 15.0
    await plant.stop()


async def test_two_distinct_persons_are_two_and_whoever_asked_is_none_of_them(plants):
    plant = await plants(TWO)
    await plant.loop.run_cycle("operator:r-1", requester="carla")
    (approval,) = await plant.waiting()
    plant.clock.advance(30)
    with pytest.raises(ApprovalRefusedError, match="somebody else") as refused:
        await plant.say(approval.approval_id, 1, "carla")
    assert refused.value.reason == "OWN_REQUEST"
    assert (await plant.say(approval.approval_id, 2, "anna")).end is None
    with pytest.raises(ApprovalRefusedError, match="already"):
        await plant.say(approval.approval_id, 3, "anna")
    assert plant.link.sent == []
    record = await plant.say(approval.approval_id, 4, "ben")
    assert (record.end.kind, record.approvers) == (EventKind.APPROVED, ("anna", "ben"))
    assert plant.ordered_kw() == [-15.0]
    assert "approved by anna and ben" in plant.link.sent[-1].reason
    await plant.stop()


async def test_a_no_falls_to_the_next_rung_and_a_time_out_to_the_one_after(plants):
    plant = await plants(ALWAYS)
    with capture_logs() as logs:
        await plant.loop.run_cycle("schedule")
        (optimal,) = await plant.waiting()
        assert [waiting.rung for waiting in (optimal.plan, *optimal.lower)] == [Rung.INCUMBENT, Rung.GREEDY]
        await plant.say(optimal.approval_id, 1, "anna", approves=False)
        (greedy,) = await plant.waiting()
        assert (greedy.plan.rung, greedy.follows) == (Rung.GREEDY, optimal.approval_id)
        plant.clock.advance(601)
        await plant.desk.check()
    assert await plant.waiting() == []
    events = await plant.register.events_after(0, most=100)
    assert [event.kind for event in events] == [
        EventKind.REQUESTED,
        EventKind.ALARM,
        EventKind.REJECTED_BY,
        EventKind.REJECTED,
        EventKind.REQUESTED,
        EventKind.ALARM,
        EventKind.TIMED_OUT,
        EventKind.ALARM,
    ]
    assert await plant.register.alarms() == 3
    alarms = [entry for entry in logs if entry["log_level"] == "error"]
    assert len(alarms) == 3
    assert "leases run out" in alarms[0]["event"]
    assert plant.link.sent == []
    await plant.stop()


async def test_without_a_word_leases_run_out_and_are_not_renewed(plants):
    plant = await plants()
    await plant.loop.run_cycle("schedule")
    plant.desk.terms = ApprovalTerms(rules=(ALWAYS,))
    plant.clock.advance(15 * 60)
    assert plant.link.sent
    sent = len(plant.link.sent)
    await plant.loop.run_cycle("schedule")
    plant.link.renewed.clear()
    for _ in range(20):
        plant.clock.advance(60)
        await plant.loop.renew()
        await plant.desk.check()
    assert (len(plant.link.sent), plant.link.renewed) == (sent, [])
    assert not plant.loop.orders.power_at(plant.clock.now())[0].any()
    await plant.stop()


async def test_a_word_too_late_does_not_count(plants):
    plant = await plants(BATTERY)
    await plant.loop.run_cycle("schedule")
    (approval,) = await plant.waiting()
    plant.clock.advance(600)
    with pytest.raises(ApprovalRefusedError, match="timed_out"):
        await plant.say(approval.approval_id, 1, "anna")
    assert plant.ordered_kw() == [0.0]
    await plant.stop()


async def test_a_newer_decision_takes_the_place_of_what_waits(plants):
    plant = await plants(BATTERY)
    await plant.loop.run_cycle("schedule")
    (first,) = await plant.waiting()
    plant.clock.advance(60)
    await plant.loop.run_cycle("operator:r-1")
    (second,) = await plant.waiting()
    assert second.approval_id != first.approval_id
    with pytest.raises(ApprovalRefusedError, match="decided anew"):
        await plant.say(first.approval_id, 1, "anna")
    await plant.stop()


async def test_what_is_stale_is_refused_loudly_and_the_standing_rung_goes_on(plants):
    plant = await plants(BATTERY)
    await plant.loop.run_cycle("schedule")
    (approval,) = await plant.waiting()
    plant.clock.advance(60)
    plant.link.connected = [0, 1]
    with capture_logs() as logs:
        record = await plant.say(approval.approval_id, 1, "anna")
    assert record.end.kind is EventKind.STALE
    assert "grid-battery can do 0.0 kW instead of -15.0 kW" in record.end.detail
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == [
        "an approved decision is stale"
    ]
    assert plant.ordered_kw() == [0.0]
    assert plant.loop.followed.run.rung is Rung.GREEDY
    await plant.stop()


async def test_what_waits_and_what_was_said_survive_a_kill(plants):
    plant = await plants(TWO)
    await plant.loop.run_cycle("schedule")
    (approval,) = await plant.waiting()
    await plant.say(approval.approval_id, 1, "anna")
    await plant.restart()
    assert [one.approval_id for one in await plant.waiting()] == [approval.approval_id]
    plant.clock.advance(60)
    record = await plant.say(approval.approval_id, 2, "ben")
    assert record.end.kind is EventKind.APPROVED
    assert plant.ordered_kw() == [-15.0]
    assert plant.link.sent[-1].epoch == 2
    await plant.stop()


@pytest.mark.parametrize("stored", [False, True], ids=["word stored", "run stored"])
async def test_a_kill_while_it_is_carried_out_leaves_it_carried_out_once(plants, monkeypatch, stored):
    plant = await plants(BATTERY)
    await plant.loop.run_cycle("schedule")
    (approval,) = await plant.waiting()
    plant.clock.advance(60)

    async def killed(*_, **__):
        raise KeyboardInterrupt

    target = plant.register if stored else plant.loop
    if stored:  # after the run, before the end of the approval is written
        append = plant.register.append

        async def ended(event, *, epoch):
            if event.kind is EventKind.APPROVED:
                raise KeyboardInterrupt
            return await append(event, epoch=epoch)

        monkeypatch.setattr(plant.register, "append", ended)
    else:
        monkeypatch.setattr(type(target), "run_approved", killed)
    with pytest.raises(KeyboardInterrupt):
        await plant.desk._carry_out(await said(plant, approval))
    monkeypatch.undo()
    await plant.restart()
    await plant.desk.check()
    await plant.desk.check()
    record = await plant.register.get(approval.approval_id)
    assert record.end.kind is EventKind.APPROVED
    carried_out = [run for run, *_ in plant.memory.runs if run.trigger.startswith("approval:")]
    assert [run.run_id for run in carried_out] == [record.end.run_id]
    await plant.stop()


async def said(plant, approval):
    """Store a yes as the desk does, and return the record: the kill comes after it."""
    carry_out, plant.desk.carry_out = plant.desk.carry_out, {Subject.PLAN: nothing}
    try:
        return await plant.say(approval.approval_id, 1, "anna")
    finally:
        plant.desk.carry_out = carry_out


async def nothing(_record):
    return None


async def test_what_cannot_be_stored_is_neither_waiting_nor_sent(plants, monkeypatch):
    plant = await plants(BATTERY)

    async def full(*_, **__):
        raise StoreError("disk full")

    monkeypatch.setattr(plant.register, "open", full)
    with pytest.raises(StoreError):
        await plant.loop.run_cycle("schedule")
    assert plant.link.sent == []
    monkeypatch.undo()
    await plant.loop.run_cycle("schedule")
    (approval,) = await plant.waiting()
    monkeypatch.setattr(plant.register, "append", full)
    plant.clock.advance(60)
    with pytest.raises(StoreError):
        await plant.say(approval.approval_id, 1, "anna")
    assert plant.ordered_kw() == [0.0]
    await plant.stop()


async def test_a_writer_that_was_taken_over_can_neither_ask_nor_approve(plants):
    plant = await plants(BATTERY)
    await plant.loop.run_cycle("schedule")
    (approval,) = await plant.waiting()
    await plant.store.close()
    plant.store = open_store(plant.url, clock_now=plant.clock.now)
    await plant.store.next_epoch()
    with pytest.raises(WriterLockError):
        await plant.say(approval.approval_id, 1, "anna")
    assert plant.ordered_kw() == [0.0]
    await plant.stop()


async def test_pages_go_from_the_newest_to_the_oldest_and_keep_to_their_filter(plants):
    plant = await plants(BATTERY)
    for _ in range(3):
        await plant.loop.run_cycle("schedule")
        plant.clock.advance(1)
    page = await plant.register.records(waiting=False, page_size=2, page_token="")
    rest = await plant.register.records(waiting=False, page_size=2, page_token=page.next_token)
    ids = [record.approval.approval_id for record in (*page.items, *rest.items)]
    assert ids == sorted(ids, reverse=True)
    assert (len(ids), rest.next_token) == (3, "")
    waiting = await plant.register.records(waiting=True, page_size=2, page_token="")
    assert [record.approval.approval_id for record in waiting.items] == ids[:1]
    await plant.stop()


async def test_an_approval_comes_back_from_the_database_as_it_was_asked(plants):
    plant = await plants(ALWAYS)
    await plant.loop.run_cycle("schedule")
    (approval,) = await plant.waiting()
    assert approval.need.timeout == TEN_MINUTES
    assert approval.expires_at == NOON - timedelta(minutes=3) + TEN_MINUTES
    assert approval.plan.plan.grid.start == NOON
    assert approval.in_force_kw.tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(approval.standing_kw).all()
    assert approval.change_kw == pytest.approx(15.0)
    assert approval.lower[0].need.persons == 1
    assert approval.plan.plan.grid.length == QUARTER
    await plant.stop()
