from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.integration.storage.samples import fetch
from tests.unit.control.fleets import NOON
from tests.unit.domain.signals import HOUR, envelope, event, price, signal
from vpp.adapters.storage import open_signals
from vpp.adapters.storage import signals as storage
from vpp.domain.signals import (
    BaselineMethod,
    Direction,
    MaintenanceWindow,
    OptOut,
    ReserveRequest,
    SignalKind,
)
from vpp.ports import RequestReusedError, SignalRegister, StoreError, TooManySignalsError

DAY = {"start": NOON, "end": NOON + 24 * HOUR}
EVERY_KIND = (
    signal(price(1 / 3, -0.1), "a"),
    signal(envelope(1 / 3, 0.0, may_widen=True), "b", primacy=0),
    signal(event(5.0, Direction.DOWN, penalty_per_kwh=1 / 7, baseline=BaselineMethod.TEN_OF_TEN), "c"),
    signal(
        ReserveRequest(product_id="fcr", down_kw=3.0, price_per_kw_h=0.1, sustain=timedelta(minutes=15)), "d"
    ),
    signal(MaintenanceWindow(asset_ids=("x", "y")), "e"),
    signal(OptOut(event_id="c", asset_id="x"), "f"),
)


@pytest.fixture
async def register(database_url: str) -> AsyncIterator[SignalRegister]:
    opened = open_signals(database_url)
    yield opened
    await opened.close()


def listing(**changes):
    return {"kind": None, "with_superseded": False, "page_size": 0, "page_token": ""} | changes


async def test_every_kind_comes_back_as_it_went(register: SignalRegister) -> None:
    request = [replace(item, request_id="one") for item in EVERY_KIND]
    assert await register.announce(request) == tuple(request)
    assert await register.signals_between(**DAY, known_at=NOON) == request
    for kind, item in zip(SignalKind, request, strict=True):
        page = await register.list_signals(known_at=NOON, **listing(kind=kind))
        assert page.items == (item,)


async def test_a_repeated_request_changes_nothing_and_another_one_of_its_name_is_refused(
    register: SignalRegister, database_url: str
) -> None:
    first = signal(price(), "p", known=-9)
    stored = await register.announce([first])
    assert await register.announce([replace(first, available_at=NOON)]) == stored
    for other in (
        replace(first, content=price(0.9)),
        replace(first, primacy=3),
        replace(first, author="another"),
        replace(first, valid_until=first.valid_until + HOUR),
    ):
        with pytest.raises(RequestReusedError, match="request_id: 'request-of-p' stands for other signals"):
            await register.announce([other])
    assert await fetch(database_url, "SELECT count(*) FROM signal") == [(1,)]
    recorded = await fetch(database_url, "SELECT kind, subject, actor FROM audit_record")
    assert recorded == [("signals", "request-of-p", "operator")]


async def test_what_was_known_at_any_time_can_be_read(register: SignalRegister) -> None:
    first = signal(envelope(10.0), "e", known=-9, request_id="r1")
    second = signal(envelope(5.0), "e", known=-5, request_id="r2")
    gone = replace(second, available_at=NOON, request_id="r3", withdrawn=True)
    for item in (first, second, gone):
        await register.announce([item])
    instant = timedelta(microseconds=1)

    assert await register.signals_between(**DAY, known_at=first.available_at - instant) == []
    assert await register.signals_between(**DAY, known_at=second.available_at - instant) == [first]
    assert await register.signals_between(**DAY, known_at=NOON - instant) == [second]
    assert await register.signals_between(**DAY, known_at=NOON) == []
    assert await register.get_signal("e", known_at=NOON - instant) == second
    assert await register.get_signal("e", known_at=NOON) == gone
    assert await register.get_signal("none", known_at=NOON) is None
    history = await register.list_signals(known_at=NOON, **listing(with_superseded=True))
    assert [(item.request_id, item.superseded_by) for item in history.items] == [
        ("r3", ""),
        ("r2", "r3"),
        ("r1", "r2"),
    ]
    then = await register.list_signals(known_at=NOON - instant, **listing(with_superseded=True))
    assert [(item.request_id, item.superseded_by) for item in then.items] == [("r2", ""), ("r1", "r2")]
    assert [item.superseded_by for item in await register.request_of("r1")] == ["r2"]
    assert await register.request_of("none") == ()


async def test_of_two_announcements_in_one_instant_the_later_written_counts(register: SignalRegister) -> None:
    await register.announce([signal(price(0.1), "p", request_id="r1")])
    await register.announce([signal(price(0.2), "p", request_id="r2")])
    (found,) = await register.signals_between(**DAY, known_at=NOON)
    assert found.content == price(0.2)


async def test_a_shortened_signal_is_not_found_where_it_used_to_be(register: SignalRegister) -> None:
    await register.announce([signal(price(), "p", end=9, request_id="r1")])
    await register.announce([signal(price(), "p", end=2, request_id="r2", known=-1)])
    assert await register.signals_between(start=NOON + 2 * HOUR, end=NOON + 9 * HOUR, known_at=NOON) == []


async def test_pages_hold_every_signal_once(register: SignalRegister) -> None:
    for number in range(5):
        await register.announce([signal(price(), f"s{number}")])
    seen, token = [], ""
    while True:
        page = await register.list_signals(known_at=NOON, **listing(page_size=2, page_token=token))
        seen += [item.signal_id for item in page.items]
        token = page.next_token
        if not token:
            break
    assert seen == ["s4", "s3", "s2", "s1", "s0"]


async def test_the_number_of_live_signals_is_bounded_and_nothing_of_a_refused_request_stays(
    register: SignalRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "MAX_LIVE_SIGNALS", 2)
    await register.announce([signal(price(), "a"), signal(price(), "b", request_id="request-of-a")])
    with pytest.raises(TooManySignalsError, match="at most 2; withdraw some first"):
        await register.announce([signal(price(), "c")])
    assert await register.request_of("request-of-c") == ()
    await register.announce([signal(price(), "a", withdrawn=True, request_id="gone", known=-1)])
    await register.announce([signal(price(), "c", known=-1)])
    over = [signal(price(), "old", begin=-9, end=-8, known=-7)]
    await register.announce(over)  # is valid no more, and takes no room


async def test_a_row_that_was_tampered_with_is_an_error_and_no_guess(
    register: SignalRegister, database_url: str
) -> None:
    await register.announce([signal(price(), "p")])
    await fetch(database_url, "UPDATE signal SET content = '{\"import_price_per_kwh\": 1}'")
    with pytest.raises(StoreError, match="stored price signal cannot be read"):
        await register.signals_between(**DAY, known_at=NOON)
