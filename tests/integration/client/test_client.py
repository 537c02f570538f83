"""The typed client over real gRPC, blocking and asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading

import numpy as np
import pytest
from joserfc.jwk import KeySet

from tests.integration.rpc.conftest import certificates  # noqa: F401
from tests.integration.rpc.plant import Plant
from tests.unit.rpc.runs import make_run
from vpp.adapters.rpc import limits
from vpp.adapters.rpc.access import AccessControl
from vpp.adapters.rpc.dispatch import DispatchServicer
from vpp.adapters.rpc.fleet_view import STOPPED
from vpp.adapters.rpc.operator import OperatorServicer
from vpp.adapters.tokens import SignedTokens, make_keys, sign_token
from vpp.client import (
    AsyncClient,
    Client,
    DeniedError,
    InvalidRequestError,
    LateError,
    MissingError,
    TooOftenError,
    UnavailableError,
    calls,
)
from vpp.client.call import Call
from vpp.domain.portfolios import Portfolios
from vpp.ports import SendReport
from vpp.rpcgen import operator_pb2

PRIVATE, PUBLIC = make_keys()


@pytest.fixture
async def plant(certificates):  # noqa: F811
    """A plant with 120 runs and operators' services."""
    made = Plant(certificates)
    for number in range(120):
        await made.store.save_run(make_run(f"run-{number:03}"), plan=None, state=None, setpoints=None)
    made.orders = []

    async def trigger_run(trigger):
        return make_run("run-now", trigger=trigger)

    async def carry_out(order):
        made.orders.append(order)
        return SendReport(sent=2, unreachable_slots=(1,))

    await made.start()
    await made.server.stop(0.0)
    made.book = made.gateway.book  # the one that the servicers look at
    made.servicers = {
        "operator_servicer": OperatorServicer(
            fleet=made.fleet,
            store=made.store,
            live=made.gateway.live,
            book=made.gateway.book,
            clock=made.clock,
        ),
        "dispatch_servicer": DispatchServicer(trigger_run=trigger_run, store=made.store, carry_out=carry_out),
    }
    await made.start()
    yield made
    await made.server.stop(0.0)


def asking(plant, **options):
    return AsyncClient.connect(plant.server.target, certificates=plant.certificates, name="grid", **options)


async def in_thread(plant, question):
    """Ask with the blocking client, beside the event loop of the server."""

    def ask():
        with Client.connect(plant.server.target, certificates=plant.certificates, name="grid") as client:
            return question(client)

    return await asyncio.to_thread(ask)


async def test_a_list_is_read_over_its_pages(plant):
    async with asking(plant) as client:
        found = [run.run_id async for run in client.runs()]
        newest = [run.run_id async for run in client.runs(limit=3)]
        page = await client.page(calls.runs.runs(), page_size=7)
        rest = await client.page(calls.runs.runs(), page_size=7, page_token=page.next_page_token)
    assert found == [f"run-{number:03}" for number in reversed(range(120))]
    assert newest == found[:3]
    assert [run.run_id for run in (*page.runs, *rest.runs)] == found[:14]


async def test_both_clients_answer_alike(plant):
    blocking = await in_thread(plant, lambda client: [run.run_id for run in client.runs(limit=60)])
    async with asking(plant) as client:
        assert blocking == [run.run_id async for run in client.runs(limit=60)]
        summary = await client.fleet_summary()
    at_once = await in_thread(plant, lambda client: client.fleet_summary())
    assert at_once.feeders == summary.feeders
    assert [feeder.assets for feeder in summary.feeders] == [2, 1]


async def test_an_order_goes_through_with_its_words(plant):
    told = await in_thread(plant, lambda client: client.stop("s-1", feeder_id="f1", reason="fire"))
    assert (told.told_assets, told.away_assets) == (2, 1)
    assert [(order.feeder_id, order.operator, order.reason) for order in plant.orders] == [
        ("f1", "grid", "fire")
    ]


@pytest.mark.parametrize("kind", ["blocking", "asyncio"])
@pytest.mark.parametrize(
    ("question", "error", "field"),
    [
        pytest.param(lambda client: client.plan("no run"), InvalidRequestError, "run_id", id="a value"),
        pytest.param(lambda client: client.plan("run-x"), MissingError, "", id="what is not there"),
    ],
)
async def test_a_refusal_is_an_error_of_its_kind(plant, kind, question, error, field):
    async def ask():
        if kind == "blocking":
            return await in_thread(plant, question)
        async with asking(plant) as client:
            return await question(client)

    with pytest.raises(error) as refused:
        await ask()
    assert refused.value.field == field
    assert refused.value.message


async def test_a_call_without_an_answer_in_time_is_late(plant):
    slow = Call(
        path="/vpp.v1.OperatorService/ListRuns",
        request=operator_pb2.ListRunsRequest(),
        answer=operator_pb2.ListRunsResponse,
        deadline_s=1e-6,
    )
    async with asking(plant) as client:
        with pytest.raises(LateError):
            await client.ask(slow)


async def test_a_service_that_is_away_is_tried_again_and_then_unavailable(plant):
    target = plant.server.target
    await plant.server.stop(0.0)
    with pytest.raises(UnavailableError):
        async with AsyncClient.connect(target, certificates=plant.certificates, name="grid") as client:
            await client.fleet_summary()


async def test_a_watch_begins_whole_and_then_says_what_changed(plant):
    async with asking(plant) as client:
        watch = client.watch_fleet(period_s=0.2)
        first = await anext(watch)
        assert list(first.asset_id) == ["b1", "b2", "b3"]
        assert first.whole
        assert not any(first.flags)
        plant.book.stop(np.array([1]), plant.clock.now(), until_released=True)
        change = await anext(watch)
    assert (list(change.slot), list(change.flags), list(change.asset_id)) == ([1], [STOPPED], [])


async def test_a_watch_of_one_feeder_says_nothing_of_others(plant):
    async with asking(plant) as client:
        watch = client.watch_fleet(feeder_id="f2", period_s=0.2)
        assert list((await anext(watch)).asset_id) == ["b3"]
        plant.book.stop(np.arange(3), plant.clock.now(), until_released=True)
        assert list((await anext(watch)).slot) == [2]


async def test_a_watch_goes_on_after_the_service_was_away(plant):
    async with asking(plant) as client:
        watch = client.watch_fleet(period_s=0.2)
        await anext(watch)
        await plant.server.stop(0.0)
        following = asyncio.ensure_future(anext(watch))
        await asyncio.sleep(0.3)
        await plant.start_server()
        again = await asyncio.wait_for(following, 20)
    assert list(again.asset_id) == ["b1", "b2", "b3"]


async def test_the_blocking_watch_stops_when_its_reader_does(plant):
    seen = threading.Event()

    def look(client):
        for message in client.watch_fleet(period_s=0.2):
            seen.set()
            return list(message.asset_id)
        return None

    assert await in_thread(plant, look) == ["b1", "b2", "b3"]
    assert seen.is_set()


async def test_watches_are_bounded_for_each_caller_and_free_again_when_they_end(plant):
    async with asking(plant) as client:
        watches = [client.watch_fleet() for _ in range(limits.MAX_WATCHES_PER_CALLER)]
        for watch in watches:
            await anext(watch)
        with pytest.raises(TooOftenError):
            await anext(client.watch_fleet())
        await watches[0].aclose()

        async def opens():
            with contextlib.suppress(TooOftenError):
                return bool((await anext(client.watch_fleet())).asset_id)
            return False

        for _ in range(50):
            if await opens():
                break
            await asyncio.sleep(0.1)
        else:
            pytest.fail("an ended watch still counts")


@pytest.mark.parametrize("period_s", [0.01, 61.0, float("nan"), -1.0])
async def test_a_strange_period_is_refused(plant, period_s):
    async with asking(plant) as client:
        with pytest.raises(InvalidRequestError) as refused:
            await anext(client.watch_fleet(period_s=period_s))
    assert refused.value.field == "period_s"


@pytest.fixture
async def guarded(plant):
    """The plant with tokens and a portfolio `north` of feeder f1."""
    keys = KeySet.import_key_set(PUBLIC)
    tokens = SignedTokens(
        lambda: keys, issuer="vpp", audience="vpp", longest_validity_s=43_200, now=lambda: 1_800_000_000
    )
    await plant.server.stop(0.0)
    plant.servicers |= {"access": AccessControl(tokens=tokens, portfolios=Portfolios({"north": ("f1",)}))}
    await plant.start_server()
    return plant


def token(**claims):
    said = {"iss": "vpp", "aud": "vpp", "sub": "anna", "iat": 1_800_000_000, "exp": 1_800_003_600}
    return sign_token(PRIVATE, said | {"roles": ["viewer"]} | claims)


async def test_a_token_comes_from_a_file_and_a_new_one_counts_at_once(guarded, tmp_path):
    path = tmp_path / "token"
    path.write_text(token(exp=1_800_000_000))
    async with asking(guarded, token_file=path) as client:
        with pytest.raises(DeniedError, match="expired"):
            await client.fleet_summary()
        path.write_text(token(portfolios=["north"]) + "\n")
        summary = await client.fleet_summary()
        assert [feeder.feeder_id for feeder in summary.feeders] == ["f1"]
        assert list((await anext(client.watch_fleet())).asset_id) == ["b1", "b2"]
        with pytest.raises(DeniedError) as refused:
            await client.stop("s", reason="")
    assert refused.value.reason == "ROLE_NOT_ALLOWED"


async def test_without_a_token_the_error_says_so(guarded):
    async with asking(guarded) as client:
        with pytest.raises(DeniedError) as refused:
            await client.fleet_summary()
    assert refused.value.reason == "NO_TOKEN"


def test_every_call_is_on_both_clients():
    built = {
        name
        for subject in calls.__all__
        for name, build in vars(getattr(calls, subject)).items()
        if not name.startswith("_")
        and inspect.isfunction(build)
        and build.__module__ == f"vpp.client.calls.{subject}"
    }
    assert built
    for kind in (Client, AsyncClient):
        assert built <= {name for name in vars(kind) if not name.startswith("_")}
