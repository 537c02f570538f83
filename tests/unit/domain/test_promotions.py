"""What holds instead of the configuration, after promotions and what was taken back."""

from tests.unit.control.fleets import NOON
from vpp.control.approval_requests import PROMOTION_TIMEOUT, promotion_need
from vpp.domain.approvals import ApprovalRule
from vpp.domain.promotions import AS_CONFIGURED, Overlay, Promotion, PromotionKind, in_force, overlay_of
from vpp.domain.shadows import ShadowChange

CALM = ShadowChange(policy={"stability_cost_per_kw": 0.5})
SHORT = ShadowChange(policy={"horizon_intervals": 16, "stability_cost_per_kw": 0.1})
RIDGE = ShadowChange(weights={"ridge": 1.0})
NEWER = ShadowChange(model={"name": "newer", "base_url": "http://localhost:9/v1"})


def happened(*steps):
    history, overlays = [], [AS_CONFIGURED]
    for number, change in enumerate(steps, 1):
        if change is None:
            overlays.pop()
        else:
            overlays.append(overlays[-1].with_change(change))
        history.append(
            Promotion(
                promotion_id=f"p-{number}",
                kind=PromotionKind.REVERTED if change is None else PromotionKind.PROMOTED,
                shadow_id="s",
                overlay=overlays[-1],
                at=NOON,
                people=("anna",),
            )
        )
    return history


def test_a_change_lies_over_what_is_in_force():
    both = AS_CONFIGURED.with_change(CALM).with_change(SHORT)
    assert both.policy == {"stability_cost_per_kw": 0.1, "horizon_intervals": 16}
    mixed = both.with_change(RIDGE)
    assert (mixed.policy, mixed.weights) == (both.policy, {"ridge": 1.0})
    newer = mixed.with_change(NEWER)
    assert (newer.policy, newer.weights) == (both.policy, {}), "a new model earns its weight"
    assert newer.with_change(CALM).model == NEWER.model
    assert Overlay(**newer.plain()) == newer
    assert (
        newer.words == "stability_cost_per_kw=0.1, horizon_intervals=16, model newer at http://localhost:9/v1"
    )
    assert AS_CONFIGURED.words == "as configured"


def test_what_is_taken_back_gives_way_to_what_was_before_it():
    assert overlay_of([]) == AS_CONFIGURED
    assert overlay_of(happened(CALM, RIDGE)).weights == {"ridge": 1.0}
    assert overlay_of(happened(CALM, RIDGE, None)) == AS_CONFIGURED.with_change(CALM)
    assert overlay_of(happened(CALM, RIDGE, None, None)) == AS_CONFIGURED
    held = in_force(happened(CALM, RIDGE, None, NEWER))
    assert [one.promotion_id for one in held] == ["p-1", "p-4"]


def test_a_promotion_always_needs_somebody_and_more_where_a_rule_says_so():
    need = promotion_need((), "calm", ())
    assert (need.persons, need.timeout, need.rule_ids) == (1, PROMOTION_TIMEOUT, ())
    plans = ApprovalRule(rule_id="plans", total_change_kw=1.0, persons=2)
    assert promotion_need((plans,), "calm", ()).persons == 1
    every = ApprovalRule(rule_id="every", always=True, persons=2)
    need = promotion_need((every,), "calm", ("only 3 days",))
    assert (need.persons, need.timeout, need.rule_ids) == (2, PROMOTION_TIMEOUT, ("every",))
    assert need.reasons == ("calm is to be in force", "against it: only 3 days")
    mine = ApprovalRule(rule_id="mine", promotions=True)
    assert promotion_need((every, mine), "calm", ()).timeout == mine.timeout
