"""What was announced in operation stays so in the scenario made of it: corrected, withdrawn, reserve."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vpp.adapters.storage.signal_content import encode_content
from vpp.domain.readings import to_microseconds
from vpp.domain.signals import KIND_OF, Direction, DispatchEvent, MaintenanceWindow, ReserveRequest
from vpp.replay.events import announced, as_held
from vpp.replay.exported import write_exported
from vpp.replay.scenario_files import read_scenario

DAY = Path(__file__).resolve().parents[2] / "golden" / "recorded-day"
NOON = datetime(2024, 7, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVENT = DispatchEvent(direction=Direction.UP, target_kw=9.0, penalty_per_kwh=1.0)
RESERVE = ReserveRequest(
    product_id="afrr", up_kw=20.0, down_kw=10.0, price_per_kw_h=0.01, sustain=timedelta(minutes=30)
)


@dataclass(frozen=True)
class Said:
    signal_id: str
    content: object
    known: datetime
    withdrawn: bool = False


def add(archive, *announcements):
    path = archive / "signal.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    for number, said in enumerate(announcements, start=len(rows) + 1):
        rows.append(
            {
                "signal_number": number,
                "signal_id": said.signal_id,
                "request_id": f"request-{number}",
                "kind": str(KIND_OF[type(said.content)]),
                "valid_from_us": to_microseconds(NOON),
                "valid_until_us": to_microseconds(NOON + 2 * HOUR),
                "primacy": 100,
                "author": "operator",
                "available_at_us": to_microseconds(said.known),
                "withdrawn": said.withdrawn,
                "content": encode_content(said.content),
            }
        )
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


async def test_corrections_withdrawals_and_reserve_are_kept_and_the_rest_is_named(tmp_path: Path):
    archive, folder = tmp_path / "archive", tmp_path / "scenario"
    shutil.copytree(DAY, archive)
    larger = DispatchEvent(direction=Direction.UP, target_kw=12.0, penalty_per_kwh=1.0)
    add(
        archive,
        Said("heat", EVENT, NOON - 3 * HOUR),
        Said("heat", larger, NOON - 2 * HOUR),
        Said("heat", larger, NOON + HOUR, withdrawn=True),
        Said("night", RESERVE, NOON - HOUR),
        Said("works", MaintenanceWindow(asset_ids=("a",)), NOON),
    )
    left_out = await write_exported(archive, folder, timezone="UTC")
    scenario = read_scenario(folder)
    assert "1 announcements of kind maintenance" in left_out
    assert not any("event" in words or "reserve" in words for words in left_out)
    heat = [event for event in scenario.events if event.signal_id == "heat"]
    assert [announced(heat, NOON - h * HOUR)[0].content.target_kw for h in (3, 2)] == [9.0, 12.0]
    assert announced(heat, NOON + HOUR)[0].withdrawn
    assert [event.valid_until for event in as_held(heat)] == [NOON + HOUR]
    products = {one.signal_id: one.content for one in scenario.reserve}
    assert (products["night:up"].up_kw, products["night:down"].down_kw) == (20.0, 10.0)
    assert products["night:up"].sustain == timedelta(minutes=30)
