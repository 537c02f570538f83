"""What waited for people and what they approved is read back from its record as it was."""

from datetime import timedelta

import numpy as np
import pytest

from tests.unit.control.fleets import NOON, inputs
from tests.unit.control.test_approvals import approved_plan, decided
from vpp.adapters.storage.values import Parts, put_together
from vpp.control.cycle_values import CycleInputs
from vpp.domain.approvals import ApprovalRule, ApprovalTerms, Component
from vpp.domain.runs import Rung

RULES = (
    ApprovalRule(rule_id="one", always=True, persons=2, components=(Component.MODEL,), feeder_ids=("a",)),
    ApprovalRule(rule_id="two", total_change_kw=3.5, below_rung=Rung.SHIFTED, timeout=timedelta(seconds=90)),
)


def read_back(given):
    parts = Parts()
    parts.add("inputs", given)
    return put_together(CycleInputs, "inputs", parts.header, parts.arrays, parts.texts)


@pytest.mark.parametrize("rules", [RULES, RULES[:1], ()], ids=["two rules", "one rule", "no rule"])
def test_rules_come_back_and_ask_for_the_same(rules):
    terms = ApprovalTerms(rules=rules, model_since=NOON - timedelta(days=2))
    again = read_back(inputs(approvals=terms))
    assert again.approvals == terms
    assert [one.need for one in decided(again).pending] == [
        one.need for one in decided(inputs(approvals=terms)).pending
    ]


def test_an_approved_plan_comes_back_with_who_approved_it():
    approved = approved_plan()
    again = read_back(inputs(approved=approved)).approved
    assert (again.approval_id, again.rung, again.approvers) == ("approval-1", Rung.OPTIMAL, ("anna", "ben"))
    assert np.array_equal(again.plan.power_kw, approved.plan.power_kw)
    assert again.plan.grid == approved.plan.grid
