"""Signals over real gRPC, in both databases."""

from __future__ import annotations

from datetime import timedelta

import grpc
import pytest

from tests.integration.rpc.plant import Plant, channel
from vpp.adapters.rpc import limits
from vpp.adapters.rpc.dispatch_messages import timestamp
from vpp.adapters.rpc.operator import OperatorServicer
from vpp.adapters.storage import open_signals
from vpp.adapters.storage import signals as storage
from vpp.domain.portfolios import Scope
from vpp.rpcgen import operator_pb2_grpc
from vpp.rpcgen import signals_pb2 as pb

TIMEOUT_S = 10.0
HOUR = timedelta(hours=1)


@pytest.fixture
async def service(certificates, database_url):
    """A plant that takes signals, and an operator's stub. Its clock moves 100 times as fast as the wall."""
    plant = Plant(certificates)
    await plant.start()
    await plant.server.stop(0.0)
    register = open_signals(database_url)
    plant.servicers = {
        "operator_servicer": OperatorServicer(
            fleet=plant.fleet,
            store=plant.store,
            live=plant.gateway.live,
            book=plant.gateway.book,
            clock=plant.clock,
            signals=register,
        )
    }
    await plant.start()
    async with channel(plant, "operator-grid") as opened:
        yield plant, operator_pb2_grpc.OperatorServiceStub(opened)
    await plant.server.stop(0.0)
    await register.close()


def draft(plant, signal_id="s", *, begin=1.0, end=3.0, **content):
    now = plant.clock.now()
    content = content or {"event": {"direction": pb.DIRECTION_UP, "target_kw": 5.0, "payment_per_kwh": 1.0}}
    return pb.SignalDraft(
        signal_id=signal_id,
        valid_from=timestamp(now + begin * HOUR),
        valid_until=timestamp(now + end * HOUR),
        **content,
    )


async def put(stub, *drafts, request_id="r1"):
    request = pb.PutSignalsRequest(request_id=request_id, signals=drafts)
    return (await stub.PutSignals(request, timeout=TIMEOUT_S)).signals


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code().name, caught.value.details()


async def listed(stub, **changes):
    answer = await stub.ListSignals(pb.ListSignalsRequest(**changes), timeout=TIMEOUT_S)
    return list(answer.signals)


async def test_every_kind_is_stored_as_it_was_said_with_its_author_and_time(service):
    plant, stub = service
    drafts = [
        draft(plant, "price", price={"import_price_per_kwh": 0.3, "export_price_per_kwh": -0.1}),
        draft(plant, "limit", envelope={"feeder_id": "f1", "import_limit_kw": 3.0, "export_limit_kw": 0.0}),
        draft(plant, "event"),
        draft(
            plant, "fcr", reserve={"product_id": "fcr", "up_kw": 2.0, "price_per_kw_h": 1, "sustain_s": 900}
        ),
        draft(plant, "work", maintenance={"asset_ids": ["b1", "b3"]}),
    ]
    drafts[1].primacy = 0
    before = plant.clock.now()
    stored = await put(stub, *drafts)
    assert await listed(stub) == list(reversed(stored))
    for signal, sent in zip(stored, drafts, strict=True):
        assert getattr(signal, signal.WhichOneof("content")) == getattr(sent, sent.WhichOneof("content")) or (
            signal.signal_id == "event" and signal.event.baseline == pb.BASELINE_METHOD_NONE
        )
        assert (signal.author, signal.request_id, signal.superseded_by) == ("grid", "r1", "")
        assert signal.available_at.ToDatetime() >= before.replace(tzinfo=None)
    assert [signal.primacy for signal in stored] == [100, 0, 100, 100, 100]
    assert [one.signal_id for one in await listed(stub, kind=pb.SIGNAL_KIND_RESERVE)] == ["fcr"]


async def test_a_repeated_call_changes_nothing_even_when_the_signal_is_over(service):
    plant, stub = service
    short = draft(plant, begin=0.0, end=0.01)  # over within a third of a second of the wall
    first = await put(stub, short)
    while plant.clock.now().timestamp() <= short.valid_until.seconds + 1:
        assert await put(stub, short) == first
    assert await put(stub, short) == first
    code, words = await refused(put(stub, draft(plant, "other")))
    assert (code, "choose another one" in words) == ("ALREADY_EXISTS", True)
    code, words = await refused(put(stub, short, request_id="r2"))
    assert (code, "signals[0].valid_until" in words) == ("INVALID_ARGUMENT", True)


async def test_a_signal_is_superseded_and_withdrawn_and_what_was_known_stays_readable(service):
    plant, stub = service
    (first,) = await put(stub, draft(plant, event=event_of(5.0)))
    (second,) = await put(stub, draft(plant, event=event_of(7.0)), request_id="r2")
    gone = pb.WithdrawSignalRequest(request_id="r3", signal_id="s")
    withdrawn = (await stub.WithdrawSignal(gone, timeout=TIMEOUT_S)).signal
    assert (await stub.WithdrawSignal(gone, timeout=TIMEOUT_S)).signal == withdrawn
    another = pb.WithdrawSignalRequest(request_id="r4", signal_id="s")
    assert (await stub.WithdrawSignal(another, timeout=TIMEOUT_S)).signal == withdrawn

    assert withdrawn.withdrawn
    assert await listed(stub) == [withdrawn]
    assert [one.superseded_by for one in await listed(stub, with_superseded=True)] == ["", "r3", "r2"]
    assert await listed(stub, as_of=first.available_at) == [first]
    assert await listed(stub, as_of=second.available_at) == [second]


def event_of(target_kw):
    return {"direction": pb.DIRECTION_UP, "target_kw": target_kw, "payment_per_kwh": 1.0}


async def test_assets_leave_an_event_and_come_back(service):
    plant, stub = service
    await put(stub, draft(plant, "event"))
    request = pb.OptOutRequest(request_id="r2", event_id="event", asset_ids=["b1", "b3"])
    left = (await stub.OptOut(request, timeout=TIMEOUT_S)).signals
    assert (await stub.OptOut(request, timeout=TIMEOUT_S)).signals == left
    assert [(one.opt_out.event_id, one.opt_out.asset_id) for one in left] == [
        ("event", "b1"),
        ("event", "b3"),
    ]
    back = pb.WithdrawSignalRequest(request_id="r3", signal_id=left[0].signal_id)
    assert (await stub.WithdrawSignal(back, timeout=TIMEOUT_S)).signal.opt_out.asset_id == "b1"
    for event_id, asset_id, said in (
        ("none", "b1", "event 'none' is not known"),
        ("event", "b9", "asset 'b9' is not known"),
    ):
        wrong = pb.OptOutRequest(request_id="r4", event_id=event_id, asset_ids=[asset_id])
        assert await refused(stub.OptOut(wrong, timeout=TIMEOUT_S)) == ("NOT_FOUND", said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"event": {"target_kw": 5.0}}, "signals[1].direction"),
        ({"event": {"direction": 1, "target_kw": -5.0}}, "signals[1].target_kw"),
        ({"event": {"direction": 1, "target_kw": 5.0}}, "signals[1].penalty_per_kwh"),
        ({"price": {"import_price_per_kwh": float("nan")}}, "signals[1].import_price_per_kwh"),
        ({"envelope": {"feeder_id": "f1", "import_limit_kw": -1}}, "signals[1].import_limit_kw"),
        ({"envelope": {"import_limit_kw": 1}}, "signals[1].feeder_id"),
        ({"maintenance": {"asset_ids": ["b1", "b1"]}}, "signals[1].asset_ids"),
        ({"reserve": {"product_id": "x", "up_kw": 1, "sustain_s": float("inf")}}, "signals[1].sustain_s"),
        ({"valid_until": None}, "signals[1].valid_until"),
        ({"valid_from": None}, "signals[1].valid_from"),
        ({"content": None}, "signals[1].content"),
        ({"primacy": 300}, "signals[1].primacy"),
        ({"signal_id": "s0"}, "signals: got '1 repeated'"),
    ],
)
async def test_a_wrong_signal_is_refused_by_field_and_none_of_its_request_is_stored(service, content, said):
    plant, stub = service
    wrong = draft(plant, "s1")
    for name, value in content.items():
        if value is None:
            wrong.ClearField(wrong.WhichOneof("content") if name == "content" else name)
        elif isinstance(value, dict):
            wrong.MergeFrom(draft(plant, "s1", **{name: value}))
            getattr(wrong, name).CopyFrom(getattr(draft(plant, **{name: value}), name))
        else:
            setattr(wrong, name, value)
    code, words = await refused(put(stub, draft(plant, "s0"), wrong))
    assert (code, said in words) == ("INVALID_ARGUMENT", True), words
    assert await listed(stub) == []


async def test_unknown_places_are_not_found(service):
    plant, stub = service
    place = {"import_limit_kw": 1.0, "export_limit_kw": 1.0}
    unknown = draft(plant, envelope=place | {"feeder_id": "f9"})
    assert await refused(put(stub, unknown)) == ("NOT_FOUND", "feeder 'f9' is not known")
    unknown = draft(plant, maintenance={"asset_ids": ["b1", "b9"]})
    assert await refused(put(stub, unknown)) == ("NOT_FOUND", "asset 'b9' is not known")
    gone = pb.WithdrawSignalRequest(request_id="r", signal_id="none")
    assert await refused(stub.WithdrawSignal(gone, timeout=TIMEOUT_S)) == (
        "NOT_FOUND",
        "signal 'none' is not known",
    )


async def test_a_name_keeps_its_kind(service):
    plant, stub = service
    await put(stub, draft(plant))
    code, words = await refused(put(stub, draft(plant, price={"import_price_per_kwh": 1}), request_id="r2"))
    assert (code, "signals[0].signal_id" in words) == ("INVALID_ARGUMENT", True)


async def test_requests_and_pages_are_bounded(service, monkeypatch):
    plant, stub = service
    monkeypatch.setattr(storage, "MAX_LIVE_SIGNALS", 3)
    monkeypatch.setattr(limits, "MAX_SIGNALS_PER_REQUEST", 3)
    drafts = [draft(plant, f"s{number}") for number in range(4)]
    assert (await refused(put(stub)))[0] == "INVALID_ARGUMENT"
    assert (await refused(put(stub, *drafts)))[0] == "INVALID_ARGUMENT"
    await put(stub, *drafts[:3])
    assert (await refused(put(stub, drafts[3], request_id="r2")))[0] == "RESOURCE_EXHAUSTED"
    seen, token = [], ""
    while True:
        request = pb.ListSignalsRequest(page_size=2, page_token=token)
        page = await stub.ListSignals(request, timeout=TIMEOUT_S)
        seen += [one.signal_id for one in page.signals]
        token = page.next_page_token
        if not token:
            break
    assert seen == ["s2", "s1", "s0"]
    assert (await refused(stub.ListSignals(pb.ListSignalsRequest(page_size=1001), timeout=TIMEOUT_S)))[0] == (
        "INVALID_ARGUMENT"
    )


async def test_who_is_limited_to_a_portfolio_signals_and_sees_nothing_beyond_it(service, monkeypatch):
    plant, stub = service
    place = {"import_limit_kw": 1.0, "export_limit_kw": 1.0}
    await put(
        stub,
        draft(plant, "event"),
        draft(plant, "ours", envelope=place | {"feeder_id": "f1"}),
        draft(plant, "theirs", envelope=place | {"feeder_id": "f2"}),
        draft(plant, "both", maintenance={"asset_ids": ["b1", "b3"]}),
    )
    monkeypatch.setattr("vpp.adapters.rpc.signals.scope", lambda: Scope(frozenset({"f1"})))
    assert [one.signal_id for one in await listed(stub)] == ["ours"]
    await put(stub, draft(plant, "mine", maintenance={"asset_ids": ["b1"]}), request_id="r2")
    for wrong, code in (
        (draft(plant, "e2"), "PERMISSION_DENIED"),
        (draft(plant, "x", envelope=place | {"feeder_id": "f2"}), "NOT_FOUND"),
        (draft(plant, "x", maintenance={"asset_ids": ["b3"]}), "NOT_FOUND"),
        (draft(plant, "theirs", envelope=place | {"feeder_id": "f1"}), "INVALID_ARGUMENT"),
    ):
        assert (await refused(put(stub, wrong, request_id="r3")))[0] == code
    for name in ("theirs", "both", "event"):
        gone = pb.WithdrawSignalRequest(request_id="r4", signal_id=name)
        assert (await refused(stub.WithdrawSignal(gone, timeout=TIMEOUT_S)))[0] == "NOT_FOUND"
    leave = pb.OptOutRequest(request_id="r5", event_id="event", asset_ids=["b3"])
    assert (await refused(stub.OptOut(leave, timeout=TIMEOUT_S)))[0] == "NOT_FOUND"
