"""Promotions: stored once with their record, never by a writer that was replaced."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.integration.storage.samples import NOON, fetch, fleet
from vpp.adapters.storage import open_audit, open_store
from vpp.adapters.storage.promotions import open_promotions
from vpp.domain.promotions import Overlay, Promotion, PromotionKind
from vpp.ports import AuditFilter, WriterLockError

FIRST = Promotion(
    promotion_id="promotion-1",
    kind=PromotionKind.PROMOTED,
    shadow_id="calm",
    overlay=Overlay(policy={"stability_cost_per_kw": 1 / 3}, model={"name": "m", "samples": 3}),
    at=NOON,
    people=("anna", "ben"),
    reason="four weeks of it",
    approval_id="promotion-1",
)
BACK = Promotion(
    promotion_id="revert-promotion-1",
    kind=PromotionKind.REVERTED,
    shadow_id="calm",
    overlay=Overlay(),
    at=NOON,
    people=("carl",),
    request_id="r-1",
)


async def test_each_is_stored_once_with_its_record_and_read_back_as_it_was(database_url: str) -> None:
    store = open_store(database_url, clock_now=lambda: NOON)
    await store.save_fleet(fleet())
    epoch, register = await store.next_epoch(), open_promotions(database_url)
    first = await register.add(FIRST, epoch=epoch)
    assert await register.add(replace(FIRST, at=NOON.replace(hour=15)), epoch=epoch) == first
    back = await register.add(BACK, epoch=epoch)
    assert await register.add(replace(BACK, promotion_id="another"), epoch=epoch) == back
    other = replace(FIRST, promotion_id="promotion-2", approval_id="promotion-2", people=("dora",))
    assert (await register.add(other, epoch=epoch)).number == 3
    assert await register.history() == [
        replace(one, number=number) for number, one in enumerate((FIRST, BACK, other), 1)
    ]

    chain = open_audit(database_url)
    page = await chain.records(AuditFilter(kind="promotion"), page_size=9, page_token="")
    assert [(one.actor, one.subject) for one in page.items] == [
        ("dora", "promotion-2"),
        ("carl", "revert-promotion-1"),
        ("anna and ben", "promotion-1"),
    ]
    assert "four weeks of it" in page.items[2].payload, "sealed words are opened to auditors"
    rows = await fetch(database_url, "SELECT payload FROM audit_record WHERE kind = 'promotion'")
    assert not any("four weeks" in row[0] for row in rows)
    assert (await chain.verify()).whole

    with pytest.raises(WriterLockError):
        await register.add(replace(BACK, promotion_id="late", request_id="late"), epoch=epoch - 1)
    for opened in (register, chain, store):
        await opened.close()
