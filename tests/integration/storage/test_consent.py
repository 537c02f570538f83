"""Consent by asset: the newest word counts, each word has its record, pages, and erasure."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import numpy as np
import pytest

from tests.integration.storage.samples import NOON, fetch, fleet
from vpp.adapters.storage import open_audit, open_consents
from vpp.adapters.storage.sealing import ERASED
from vpp.domain.audit import AuditEntry, AuditKind
from vpp.domain.consent import ConsentChange
from vpp.domain.errors import InvalidValueError
from vpp.ports import ConsentRegister, Store

GRANT = ConsentChange(granted=True, at=NOON, by="clerk", reason="signed form 12")
WITHDRAWAL = ConsentChange(granted=False, at=NOON + timedelta(days=1), by="clerk", reason="letter")
EXPORT = AuditEntry(kind=AuditKind.TRAINING_EXPORT, subject="0" * 64, actor="clerk", at=NOON)


@pytest.fixture
async def consents(store: Store, database_url: str) -> AsyncIterator[ConsentRegister]:
    await store.save_fleet(fleet(5))  # 0, 2, 4 on west
    opened = open_consents(database_url)
    yield opened
    await opened.close()


async def test_the_newest_word_of_an_asset_counts(consents: ConsentRegister, database_url: str) -> None:
    assert (await consents.granted_slots()).tolist() == []
    assert await consents.change(GRANT, asset_ids=["asset-1"], feeder_id="west") == 4
    assert (await consents.granted_slots()).tolist() == [0, 1, 2, 4]
    await consents.change(WITHDRAWAL, asset_ids=["asset-2", "asset-3"])
    assert (await consents.granted_slots()).tolist() == [0, 1, 4]
    await consents.change(GRANT, asset_ids=["asset-2"])
    assert (await consents.granted_slots()).tolist() == [0, 1, 2, 4]
    assert await fetch(database_url, "SELECT count(*) FROM consent") == [(7,)]  # nothing was overwritten


async def test_each_word_has_a_record_with_its_reason_sealed(
    consents: ConsentRegister, database_url: str
) -> None:
    await consents.change(GRANT, feeder_id="west")
    rows = await fetch(
        database_url, "SELECT subject, actor, payload FROM audit_record WHERE kind = 'consent' ORDER BY 1"
    )
    assert [(row[0], row[1]) for row in rows] == [(f"asset-{slot}", "clerk") for slot in (0, 2, 4)]
    for row in rows:
        assert json.loads(row[2])["granted"] is True
        assert GRANT.reason not in row[2]


async def test_an_unknown_name_changes_nothing(consents: ConsentRegister, database_url: str) -> None:
    for names, feeder in ((["asset-1", "asset-9"], ""), ([], "north"), ([], "")):
        with pytest.raises(InvalidValueError):
            await consents.change(GRANT, asset_ids=names, feeder_id=feeder)
    assert await fetch(database_url, "SELECT count(*) FROM consent") == [(0,)]
    assert await fetch(database_url, "SELECT count(*) FROM audit_record WHERE kind = 'consent'") == [(0,)]


async def test_the_list_pages_over_what_holds(consents: ConsentRegister) -> None:
    await consents.change(GRANT, feeder_id="west")
    await consents.change(WITHDRAWAL, asset_ids=["asset-0", "asset-1"])
    first = await consents.newest(granted=None, page_size=3, page_token="")
    second = await consents.newest(granted=None, page_size=3, page_token=first.next_token)
    found = [(item.asset_id, item.change) for item in (*first.items, *second.items)]
    assert [name for name, _ in found] == ["asset-0", "asset-1", "asset-2", "asset-4"]
    assert [change for _, change in found] == [WITHDRAWAL, WITHDRAWAL, GRANT, GRANT]
    assert second.next_token == ""
    withdrawn = await consents.newest(granted=False, page_size=0, page_token="")
    assert [item.asset_id for item in withdrawn.items] == ["asset-0", "asset-1"]


async def test_an_export_is_not_recorded_when_a_consent_ended_meanwhile(
    consents: ConsentRegister, database_url: str
) -> None:
    await consents.change(GRANT, feeder_id="west")
    slots = await consents.granted_slots()
    await consents.record_export(EXPORT, slots)
    await consents.change(WITHDRAWAL, asset_ids=["asset-2"])
    with pytest.raises(InvalidValueError, match="withdrawn for 1 asset"):
        await consents.record_export(EXPORT, slots)
    await consents.record_export(EXPORT, np.array([0, 4]))
    counted = "SELECT count(*) FROM audit_record WHERE kind = 'training_export'"
    assert await fetch(database_url, counted) == [(2,)]


async def test_reasons_can_be_erased_and_the_chain_stays_valid(
    consents: ConsentRegister, database_url: str
) -> None:
    await asyncio.gather(
        consents.change(GRANT, asset_ids=["asset-1"]), consents.change(GRANT, asset_ids=["asset-2"])
    )
    chain = open_audit(database_url)
    try:
        await chain.erase("asset:asset-1", reason="asked", actor="clerk", now=NOON)
        assert (await chain.verify(deep=True)).whole
    finally:
        await chain.close()
    rows = (await consents.newest(granted=True, page_size=0, page_token="")).items
    assert [item.change.reason for item in rows] == [ERASED, GRANT.reason]
