from __future__ import annotations

from dataclasses import replace

import pytest

from tests.integration.storage.samples import (
    assert_same,
    fetch,
    fleet,
    forecast,
    plan,
    run,
    setpoints,
    state,
)
from vpp.adapters.storage import documents
from vpp.domain.errors import InvalidValueError
from vpp.ports import Store, StoreError, WriterLockError

TABLES = ("run", "plan", "fleet_snapshot", "setpoint")


@pytest.fixture
async def fleet_store(store: Store) -> Store:
    await store.save_fleet(fleet())
    return store


async def counts(url: str) -> list[int]:
    return [(await fetch(url, f"SELECT count(*) FROM {table}"))[0][0] for table in TABLES]


async def test_a_run_with_everything_comes_back_bit_for_bit(fleet_store: Store, database_url: str) -> None:
    await fleet_store.save_forecast(forecast(), None)
    with_forecast = run(forecast_id="forecast-1")

    await fleet_store.save_run(with_forecast, plan=plan(), state=state(), setpoints=setpoints())

    assert_same(await fleet_store.get_run("run-1"), with_forecast)
    assert_same(await fleet_store.get_plan("run-1"), plan())
    ((content,),) = await fetch(database_url, "SELECT state FROM fleet_snapshot")
    assert_same(documents.decode_state(bytes(content)), state())
    assert await counts(database_url) == [1, 1, 1, 3]


async def test_a_run_may_decide_nothing(fleet_store: Store, database_url: str) -> None:
    await fleet_store.save_run(run(), plan=None, state=state(), setpoints=None)

    assert_same(await fleet_store.get_run("run-1"), run())
    assert await fleet_store.get_plan("run-1") is None
    assert await counts(database_url) == [1, 0, 1, 0]


async def test_what_is_not_there_is_none(store: Store) -> None:
    assert await store.get_run("nowhere") is None
    assert await store.get_plan("nowhere") is None
    assert await store.last_plan() is None


async def test_the_last_plan_is_of_the_newest_run_that_has_one(fleet_store: Store) -> None:
    for number, planned in enumerate((True, True, False), start=1):
        name = f"run-{number}"
        await fleet_store.save_run(
            run(name), plan=plan(name) if planned else None, state=state(), setpoints=None
        )

    assert_same(await fleet_store.last_plan(), plan("run-2"))


@pytest.mark.parametrize(
    "fault", ["orders twice", "unknown asset", "unknown forecast", "no number", "endless count"]
)
async def test_a_run_is_stored_whole_or_not_at_all(fleet_store: Store, database_url: str, fault: str) -> None:
    await fleet_store.save_run(run("run-0"), plan=plan("run-0"), state=state(), setpoints=setpoints("run-0"))
    before = await counts(database_url)
    faulty, orders = run(), setpoints(sequence=2)
    if fault == "orders twice":
        orders.sequence[2] = 1  # the last row repeats the order of the first run
    elif fault == "unknown asset":
        orders.slot[2] = 99
    elif fault == "unknown forecast":
        faulty = replace(faulty, forecast_id="nowhere")
    elif fault == "no number":
        orders.power_kw[2] = float("nan")
    else:
        faulty = replace(faulty, epoch=2**63)

    with pytest.raises((StoreError, InvalidValueError)):
        await fleet_store.save_run(faulty, plan=plan(), state=state(), setpoints=orders)

    assert await counts(database_url) == before
    assert await fleet_store.get_run("run-1") is None
    await fleet_store.save_run(run(), plan=plan(), state=state(), setpoints=setpoints(sequence=2))


async def test_a_run_id_is_taken_once(fleet_store: Store, database_url: str) -> None:
    await fleet_store.save_run(run(), plan=None, state=state(), setpoints=None)

    with pytest.raises(StoreError, match="Run run-1 is already stored"):
        await fleet_store.save_run(run(), plan=plan(), state=state(), setpoints=setpoints())

    assert await counts(database_url) == [1, 0, 1, 0]


async def test_parts_of_another_run_are_refused(fleet_store: Store) -> None:
    with pytest.raises(InvalidValueError, match=r"plan\.run_id: got 'run-2', expected run-1"):
        await fleet_store.save_run(run(), plan=plan("run-2"), state=state(), setpoints=None)
    with pytest.raises(InvalidValueError, match=r"setpoints\.run_id"):
        await fleet_store.save_run(run(), plan=None, state=state(), setpoints=setpoints("run-2"))


async def test_a_run_of_an_earlier_epoch_is_refused(fleet_store: Store, database_url: str) -> None:
    first = await fleet_store.next_epoch()
    second = await fleet_store.next_epoch()

    with pytest.raises(WriterLockError, match="took over with epoch 2"):
        await fleet_store.save_run(run(epoch=first), plan=None, state=state(), setpoints=None)
    await fleet_store.save_run(run(epoch=second), plan=None, state=state(), setpoints=None)

    assert await counts(database_url) == [1, 0, 1, 0]


async def test_runs_are_listed_newest_first_and_stay_in_place(fleet_store: Store) -> None:
    for number in range(5):
        await fleet_store.save_run(run(f"r{number}"), plan=None, state=state(), setpoints=None)

    first = await fleet_store.list_runs(page_size=2, page_token="")
    await fleet_store.save_run(run("r5"), plan=None, state=state(), setpoints=None)
    second = await fleet_store.list_runs(page_size=3, page_token=first.next_token)

    assert [item.run_id for item in (*first.items, *second.items)] == ["r4", "r3", "r2", "r1", "r0"]
    assert second.next_token == ""


async def test_a_page_of_no_size_takes_the_default_and_a_negative_one_is_refused(store: Store) -> None:
    assert (await store.list_runs(page_size=0, page_token="")).items == ()
    with pytest.raises(InvalidValueError, match="page_size"):
        await store.list_runs(page_size=-1, page_token="")
