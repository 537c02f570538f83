"""Promotions on a real database: approved, durable, new for their first days, refused, taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from tests.integration.service.test_approvals import Plant
from tests.unit.control.fleets import NOON
from tests.unit.control.test_promotion_report import cycle, report
from vpp.adapters.storage.promotions import open_promotions
from vpp.domain.approvals import ApprovalRefusedError, ApprovalRule, Component, EventKind, Subject
from vpp.domain.errors import InvalidValueError
from vpp.domain.promotions import AS_CONFIGURED, Overlay
from vpp.domain.shadows import Shadow, ShadowChange
from vpp.service.in_force import settings_in_force
from vpp.service.promoting import Promoting
from vpp.service.promotion_parts import promoted
from vpp.service.settings import Settings
from vpp.service.versions import terms_of

DAY = timedelta(days=1)
CALM = Shadow(shadow_id="calm", change=ShadowChange(policy={"stability_cost_per_kw": 0.5}))
TIGHT = Shadow(shadow_id="tight", change=ShadowChange(policy={"accepted_gap": 0.01}))
TWO = ApprovalRule(rule_id="two", promotions=True, persons=2, timeout=DAY)
NEW_POLICY = ApprovalRule(rule_id="new", first_days=2.0, components=(Component.POLICY,), persons=1)


class Desk(Plant):
    """A plant whose loop goes by what is promoted."""

    async def start(self):
        await super().start()
        await self._open()
        return self

    async def restart(self):
        await self.promotions.close()
        await super().restart()
        await self._open()

    async def _open(self):
        self.promotions, self.applied = open_promotions(self.url), []

        async def apply(overlay):
            self.applied.append(overlay)
            settings = settings_in_force(Settings(), overlay)
            self.loop.policy = replace(self.loop.policy, **dict(overlay.policy))
            self.desk.terms = await terms_of(settings, self.rules, self.register, self.clock.now())

        await apply(AS_CONFIGURED)
        self.promoting = Promoting(
            register=self.promotions,
            desk=self.desk,
            clock=self.clock,
            epoch=self.loop.epoch,
            check=lambda overlay: settings_in_force(Settings(), overlay) and None,
            apply=apply,
        )
        self.desk.carry_out[Subject.PROMOTION] = self.promoting.carry_out

    async def propose(self, shadow=CALM, request_id="p-1", requester="carla"):
        return await self.promoting.propose(
            shadow, report([cycle(0)]), request_id=request_id, requester=requester, comment="calm weeks"
        )

    async def end(self):
        await self.promotions.close()
        await self.stop()


@pytest.fixture
def desks(database_url):
    async def make(*rules):
        return await Desk(database_url, *rules).start()

    return make


async def test_one_proposes_two_approve_and_it_is_in_force_once_and_over_a_restart(desks):
    desk = await desks(TWO)
    approval = (await desk.propose()).approval
    assert (approval.need.persons, approval.expires_at - approval.requested_at) == (2, DAY)
    assert approval.detail["report"]["cycles"] == 1
    again = await desk.propose()
    assert (again.approval.approval_id, len(again.events)) == (approval.approval_id, 1), "the same request"
    with pytest.raises(ApprovalRefusedError, match="somebody else"):
        await desk.say(approval.approval_id, 1, "carla")
    await desk.say(approval.approval_id, 2, "anna")
    assert desk.loop.policy.stability_cost_per_kw != 0.5
    record = await desk.say(approval.approval_id, 3, "ben")
    assert (record.end.kind, record.end.run_id) == (EventKind.APPROVED, "")
    assert desk.loop.policy.stability_cost_per_kw == 0.5
    assert desk.link.sent == []
    (stored,) = await desk.promotions.history()
    assert (stored.people, stored.overlay.policy) == (("anna", "ben"), {"stability_cost_per_kw": 0.5})
    await desk.promoting.carry_out(record)
    assert len(await desk.promotions.history()) == 1, "carried out once"
    await desk.restart()
    assert len(await desk.promotions.history()) == 1
    await desk.end()


async def test_a_kill_between_the_last_word_and_the_promotion_leaves_it_carried_out(desks):
    desk = await desks()
    approval = (await desk.propose()).approval
    desk.desk.carry_out[Subject.PROMOTION] = nothing
    record = await desk.say(approval.approval_id, 1, "anna")
    assert record.end is None
    await desk.restart()
    await desk.desk.check()
    assert (await desk.register.get(approval.approval_id)).end.kind is EventKind.APPROVED
    assert desk.loop.policy.stability_cost_per_kw == 0.5
    await desk.end()


async def nothing(_record):
    return None


@pytest.mark.parametrize("said", ["no", "nothing"])
async def test_a_no_and_silence_change_nothing(desks, said):
    desk = await desks(TWO)
    approval = (await desk.propose()).approval
    if said == "no":
        await desk.say(approval.approval_id, 1, "anna", approves=False)
    else:
        desk.clock.advance(DAY.total_seconds() + 1)
        await desk.desk.check()
    record = await desk.register.get(approval.approval_id)
    assert record.end.kind is (EventKind.REJECTED if said == "no" else EventKind.TIMED_OUT)
    assert (desk.applied, await desk.promotions.history()) == ([AS_CONFIGURED], [])
    assert (await desk.propose(request_id="p-2")).end is None, "it may be proposed again"
    await desk.end()


async def test_what_is_taken_back_is_so_at_once_and_makes_what_waits_stale(desks):
    desk = await desks()
    for number, shadow in enumerate((CALM, TIGHT)):
        approval = (await desk.propose(shadow, f"p-{number}")).approval
        await desk.say(approval.approval_id, number, "anna")
    assert (desk.loop.policy.stability_cost_per_kw, desk.loop.policy.accepted_gap) == (0.5, 0.01)
    waiting = (await desk.propose(CALM, "p-9")).approval
    back = await desk.promoting.revert(request_id="r-1", person="ben", reason="restless")
    assert (back.overlay.policy, back.people) == ({"stability_cost_per_kw": 0.5}, ("ben",))
    assert desk.applied[-1] == back.overlay
    assert await desk.promoting.revert(request_id="r-1", person="ben", reason="restless") == back
    record = await desk.say(waiting.approval_id, 9, "anna")
    assert (record.end.kind, len(await desk.promotions.history())) == (EventKind.STALE, 3)
    await desk.promoting.revert(request_id="r-2", person="ben", reason="all of it")
    with pytest.raises(ApprovalRefusedError, match="as configured"):
        await desk.promoting.revert(request_id="r-3", person="ben", reason="once more")
    assert desk.applied[-1] == AS_CONFIGURED
    await desk.end()


async def test_its_first_days_are_counted_from_the_promotion(desks):
    desk = await desks(NEW_POLICY)
    desk.clock.advance(5 * DAY.total_seconds())
    before = desk.desk.terms.policy_since
    approval = (await desk.propose()).approval
    await desk.say(approval.approval_id, 1, "anna")
    assert before == NOON - timedelta(minutes=3)
    assert desk.desk.terms.policy_since == desk.clock.now()
    await desk.end()


async def test_what_cannot_be_promoted_is_refused(desks):
    desk = await desks()
    with pytest.raises(ApprovalRefusedError, match="beside no cycle"):
        await desk.promoting.propose(CALM, report([]), request_id="p", requester="carla", comment="")
    await desk.propose()
    with pytest.raises(ApprovalRefusedError, match="already") as refused:
        await desk.propose(request_id="p-2")
    assert refused.value.reason == "ALREADY_PROPOSED"
    with pytest.raises(ApprovalRefusedError) as refused:
        await desk.propose(TIGHT)
    assert refused.value.reason == "REQUEST_ID_USED"
    with pytest.raises(InvalidValueError):
        desk.promoting.check(AS_CONFIGURED.with_change(ShadowChange(policy={"accepted_gap": 7.0})))
    await desk.end()


EDITED = Settings(policy={"unmet_energy_penalty_per_kwh": 60.0, "feeder_penalty_per_kwh": 80.0})
DEARER = Shadow(shadow_id="dearer", change=ShadowChange(policy={"feeder_penalty_per_kwh": 50.0}))


async def test_a_promotion_that_an_edited_file_does_not_fit_is_left_out_loudly(desks):
    desk = await desks()
    approval = (await desk.propose(DEARER)).approval
    await desk.say(approval.approval_id, 1, "anna")
    assert (await promoted(Settings(), desk.promotions)).policy.feeder_penalty_per_kwh == 50.0
    with capture_logs() as said:
        assert await promoted(EDITED, desk.promotions) == EDITED
    (loud,) = (line for line in said if line["log_level"] == "error")
    assert "unmet_energy_penalty_per_kwh: got 60" in loud["reason"]
    assert "vpp shadow revert" in loud["remedy"]
    edited = replace(desk.promoting, check=lambda overlay: settings_in_force(EDITED, overlay) and None)
    history = await desk.promotions.history()
    assert edited.words(history).startswith("as configured; feeder_penalty_per_kwh=50")
    assert "does not fit: unmet_energy_penalty_per_kwh" in edited.words(history)
    await desk.promoting.revert(request_id="r-1", person="ben", reason="the file has moved on")
    assert edited.words(await desk.promotions.history()) == "as configured"
    await desk.end()


def test_a_promoted_model_with_a_key_of_another_version_does_not_fit():
    with pytest.raises(InvalidValueError, match=r"model\.gone: got 1"):
        settings_in_force(Settings(), Overlay(model={"name": "m", "gone": 1}))
