"""An event is settled from the database: `vpp settle`, its tables, and the example in the documentation."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tests.integration.rpc.conftest import certificates  # noqa: F401
from tests.integration.rpc.plant import Plant
from tests.integration.storage import samples
from vpp.adapters.clock import WallClock
from vpp.adapters.storage import open_signals, open_store
from vpp.cli.main import app
from vpp.client import AsyncClient, Client, InvalidRequestError, MissingError, calls
from vpp.domain.assets import Feeder, Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import ReadingColumns, to_microseconds
from vpp.domain.setpoints import Acknowledgement, AcknowledgementState, Origin, SetpointColumns
from vpp.domain.signals import BaselineMethod, Direction, DispatchEvent, OptOut, Signal
from vpp.service.settings import load_settings
from vpp.service.settling_calls import settlement_servicer

ROOT = Path(__file__).resolve().parents[3]
HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)
START = datetime(2020, 5, 20, 17, tzinfo=UTC)  # a Wednesday
USUAL_KW = -1.0
MEASURED_KW = (4.0, 1.0, USUAL_KW)
FLEET = Fleet(
    assets=tuple(
        samples.asset(
            f"asset-{number}",
            "west" if number < 2 else "east",
            max_discharge_kw=5.0,
            max_charge_kw=5.0,
            min_charge_kw=0.0,
            min_discharge_kw=0.0,
        )
        for number in range(3)
    ),
    feeders=tuple(
        Feeder(feeder_id=name, import_limit_kw=50.0, export_limit_kw=50.0) for name in ("west", "east")
    ),
)


def day_of_readings(day: int) -> ReadingColumns:
    """Return readings every four minutes from 14:00 to 18:00 UTC, `day` days before the event."""
    times = [START - timedelta(days=day) - 3 * HOUR + timedelta(minutes=4 * step) for step in range(60)]
    power = [MEASURED_KW[slot] if day == 0 and at >= START else USUAL_KW for at in times for slot in range(3)]
    at_us = np.repeat([to_microseconds(at) for at in times], 3)
    return ReadingColumns(
        slot=np.tile(np.arange(3), len(times)),
        measured_at_us=at_us,
        received_at_us=at_us,
        soc=np.full(len(at_us), 0.5),
        power_kw=np.array(power),
        connected=np.ones(len(at_us), dtype=np.bool_),
        quality=np.zeros(len(at_us), dtype=np.int64),
    )


def announced(content, signal_id):
    return Signal(
        signal_id=signal_id,
        valid_from=START,
        valid_until=START + HOUR,
        request_id=f"request-{signal_id}",
        author="grid",
        available_at=START - 2 * HOUR,
        content=content,
    )


async def fill(url: str, **terms) -> None:
    """Store a fleet of three, its readings, an event, an opt-out, and orders that two nodes answered."""
    store, signals = open_store(url, clock_now=lambda: START + 2 * HOUR), open_signals(url)
    await store.save_fleet(FLEET)
    for day in range(17):
        await store.append_readings(day_of_readings(day))
    event = {"direction": Direction.UP, "target_kw": 12.0, "baseline": BaselineMethod.TEN_OF_TEN}
    prices = {"payment_per_kwh": 0.5, "penalty_per_kwh": 0.1}
    await signals.announce([announced(DispatchEvent(**(event | prices | terms)), "evening-peak")])
    await signals.announce([announced(OptOut(event_id="evening-peak", asset_id="asset-2"), "out-2")])
    for number in range(4):
        begin = START + number * QUARTER
        orders = SetpointColumns(
            run_id=f"run-{number}",
            epoch=1,
            valid_from=begin,
            valid_until=begin + timedelta(minutes=1),
            origin=Origin.OPTIMIZER,
            reason="",
            slot=np.arange(2),
            sequence=np.full(2, number + 1),
            power_kw=np.full(2, 4.0),
            min_kw=np.full(2, -5.0),
            max_kw=np.full(2, 5.0),
        )
        run = samples.dataclasses.replace(samples.run(f"run-{number}"), cycle_start=begin)
        await store.save_run(run, plan=None, state=samples.state(), setpoints=orders)
        words = [
            Acknowledgement(
                asset_id=f"asset-{slot}",
                epoch=1,
                sequence=number + 1,
                state=AcknowledgementState.STARTED,
                at=begin,
            )
            for slot in range(2)
        ]
        await store.append_acknowledgements(words)
    await signals.close()
    await store.close()


def settle(folder: Path, url: str, *words: str):
    config = folder / "vpp.toml"
    config.write_text(f'[database]\nurl = "{url}"\n[telemetry]\narchive = "{folder}/archive"\n')
    return CliRunner().invoke(app, ["settle", *words, "--config", str(config)])


@pytest.fixture
async def filled(tmp_path, database_url):
    await fill(database_url)
    return tmp_path, database_url


async def test_the_example_of_the_documentation(filled):
    folder, url = filled
    result = await asyncio.to_thread(settle, folder, url, "evening-peak")
    assert result.exit_code == 0, result.output
    document = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    shown = result.stdout.strip()
    assert f"```\n$ vpp settle evening-peak\n{shown}\n```" in document


async def test_the_tables_say_the_same_in_both_formats(filled):
    folder, url = filled
    out = folder / "settled"
    period = ("--from", "2020-05-20T00:00:00Z", "--to", "2020-05-21T00:00:00Z")
    result = await asyncio.to_thread(settle, folder, url, *period, "--out", str(out), "--json")
    assert result.exit_code == 0, result.output
    row = json.loads(result.stdout)
    assert row["income"] == pytest.approx(0.5 * 7.0 - 0.1 * 5.0)
    assert row["reasons"] == {"not_followed": 1, "not_ordered": 1, "opted_out": 1}
    assets = pq.read_table(out / "assets.parquet").to_pandas()
    assert assets["reason"].tolist() == ["not_ordered", "not_followed", "opted_out"]
    assert assets["delivered_kwh"].tolist() == pytest.approx([5.0, 2.0, 0.0])
    assert assets["requested_kwh"].tolist() == pytest.approx([5.25, 5.25, 1.5])
    assert assets["wear"].tolist() == pytest.approx([0.12, 0.03, 0.0])
    assert assets["share"].tolist() == pytest.approx([2.85 * 5 / 7, 2.85 * 2 / 7, 0.0])
    assert assets["baseline_days"].tolist() == [10, 10, 10]
    for name in ("events", "intervals", "assets", "asset_intervals"):
        parquet = pq.read_table(out / f"{name}.parquet").to_pandas()
        text = pyarrow.csv.read_csv(out / f"{name}.csv").to_pandas()
        assert parquet.shape == text.shape
        for column in parquet.columns:
            assert parquet[column].tolist() == text[column].tolist()
    assert len(pq.read_table(out / "asset_intervals.parquet")) == 12


async def test_wrong_questions_are_refused(filled):
    folder, url = filled
    for words in ((), ("evening-peak", "--from", "2020-05-20"), ("nothing",)):
        result = await asyncio.to_thread(settle, folder, url, *words)
        assert isinstance(result.exception, InvalidValueError)
        assert "event_id" in str(result.exception)


async def test_an_event_is_settled_over_the_wire_by_page(filled, certificates):  # noqa: F811
    folder, url = filled
    await asyncio.to_thread(settle, folder, url, "nothing")  # writes the settings
    plant = Plant(certificates)
    async with AsyncExitStack() as stack:
        store = open_store(url, clock_now=WallClock().now)
        stack.push_async_callback(store.close)
        settings = load_settings(folder / "vpp.toml")
        servicer = await settlement_servicer(settings, store, FLEET, WallClock(), stack)
        plant.servicers = {"services": [servicer.add_to]}
        await plant.start()
        stack.push_async_callback(plant.server.stop, 0.0)
        connection = {"certificates": plant.certificates, "name": "grid"}
        async with AsyncClient.connect(plant.server.target, **connection) as client:
            question = calls.settlement.settle_event("evening-peak")
            first = await client.page(question, page_size=2)
            rest = await client.page(question, page_size=2, page_token=first.next_page_token)
            with pytest.raises(MissingError):
                await client.page(calls.settlement.settle_event("no-event"))
            with pytest.raises(InvalidRequestError) as refused:
                await client.page(question, page_token="1.2")

        def ask():
            with Client.connect(plant.server.target, **connection) as blocking:
                return list(blocking.settle_event("evening-peak"))

        assets = await asyncio.to_thread(ask)
    assert refused.value.field == "page_token"
    assert first.totals.income == pytest.approx(3.0)
    assert sum(item.wear + item.share for item in assets) == pytest.approx(first.totals.income, abs=1e-9)
    assert [*first.assets, *rest.assets] == assets
    assert [item.reason for item in assets] == ["not_ordered", "not_followed", "opted_out"]
    assert (len(first.assets), rest.next_page_token, rest.settled_at) == (2, "", first.settled_at)
