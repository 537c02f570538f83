"""Exports for training over real databases: who is in them, and what cannot be found in their bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.integration.storage.samples import asset, fetch
from vpp.adapters.storage import open_audit, open_consents, open_store
from vpp.domain.anonymity import KEY_BYTES
from vpp.domain.assets import Feeder, Fleet
from vpp.domain.consent import ConsentChange
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import ReadingColumns, to_microseconds
from vpp.ports import ConsentRegister, Store
from vpp.service.training_export import TrainingExport, export_training

# The clocks go back on the second of the two days.
FIRST, END = date(2020, 10, 24), date(2020, 10, 26)
ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2020, 10, 27, 12, tzinfo=UTC)
ASKED = TrainingExport(start=FIRST, end=END, interval=timedelta(minutes=15), zone=ZONE, holidays=frozenset())
STEP = timedelta(minutes=5)
# Seven cars of 11 kW in seven homes, three of 22 kW in three.
FLEET = Fleet(
    assets=tuple(
        asset(
            f"Wagen-{number:02}",
            "Lindenweg" if number % 2 else "Marktplatz",
            node_id=f"Haushalt-{number:02}",
            max_charge_kw=11.0 if number < 7 else 22.0,
        )
        for number in range(10)
    ),
    feeders=tuple(
        Feeder(feeder_id=name, import_limit_kw=100.0, export_limit_kw=100.0)
        for name in ("Lindenweg", "Marktplatz")
    ),
)
GRANT = ConsentChange(granted=True, at=NOW, by="clerk", reason="form")


def readings() -> ReadingColumns:
    """Every five minutes of two local days (49 hours) and of the hour before and after."""
    start = datetime.combine(FIRST, datetime.min.time(), ZONE).astimezone(UTC) - timedelta(hours=1)
    times = np.array([to_microseconds(start + step * STEP) for step in range(51 * 12)], dtype=np.int64)
    count, slots = len(times) * len(FLEET), np.arange(len(FLEET))
    return ReadingColumns(
        slot=np.tile(slots, len(times)),
        measured_at_us=np.repeat(times, len(slots)),
        received_at_us=np.repeat(times, len(slots)),
        soc=np.tile(slots / 20.0, len(times)),
        power_kw=np.tile(-1.1 * (slots % 7), len(times)),
        connected=np.ones(count, dtype=np.bool_),
        quality=np.zeros(count, dtype=np.int64),
    )


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    opened = open_store(database_url, clock_now=lambda: NOW)
    await opened.save_fleet(FLEET)
    await opened.append_readings(readings())
    yield opened
    await opened.close()


@pytest.fixture
async def consents(store: Store, database_url: str) -> AsyncIterator[ConsentRegister]:
    assert store is not None  # the assets are there
    opened = open_consents(database_url)
    await opened.change(GRANT, asset_ids=[item.asset_id for item in FLEET.assets])
    yield opened
    await opened.close()


async def export(
    store: Store, consents: ConsentRegister, out: Path, asked: TrainingExport = ASKED, *, seed: int = 1
) -> dict[str, Any]:
    key = hashlib.sha256(bytes([seed])).digest()
    assert len(key) == KEY_BYTES
    return await export_training(
        store, consents, asked, out, key=key, now=NOW, actor="clerk", progress=lambda _done, _total: None
    )


def folders(place: Path) -> list[str]:
    """Return the folders in a place, drafts included."""
    return sorted(path.name for path in place.iterdir() if path.is_dir())


def table_of(out: Path) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = pq.read_table(out / "readings.parquet").to_pydict()
    return found


@pytest.mark.parametrize("weeks", [True, False])
async def test_no_name_and_no_time_is_in_the_bytes(
    store: Store, consents: ConsentRegister, tmp_path: Path, weeks: bool
) -> None:
    out = tmp_path / "out"
    await export(store, consents, out, replace(ASKED, keep_weeks=weeks))
    assert sorted(path.name for path in out.iterdir()) == ["manifest.json", "readings.parquet"]
    table = pq.read_table(out / "readings.parquet")
    opened = repr(table.to_pylist()) + repr(table.schema) + repr(table.schema.metadata)
    content = b"".join(path.read_bytes() for path in out.iterdir()) + opened.encode()
    names = {name for item in FLEET.assets for name in (item.asset_id, item.node_id, item.feeder_id)}
    days = [FIRST - timedelta(days=1) + timedelta(days=step) for step in range(5)]
    told = [
        *names,
        *(shape for day in days for shape in (day.isoformat(), f"{day:%Y%m%d}", f"{day:%d.%m.%Y}")),
    ]
    for words in told:
        assert words.encode() not in content, words
    for at_us in np.unique(readings().measured_at_us).tolist():
        assert at_us.to_bytes(8, "little") not in content
        assert str(at_us // 1_000_000).encode() not in content

    columns = table.to_pydict()
    plain = {"asset", "kind", "rating_class", "day", "day_type", "interval", "power", "soc"}
    assert set(columns) == (plain | {"week"} if weeks else plain)
    assert set(columns["day"]) == {0, 1}
    assert set(columns["interval"]) == set(range(96))
    assert not weeks or set(columns["week"]) == {43}


async def test_values_are_relative_means_by_local_interval(
    store: Store, consents: ConsentRegister, tmp_path: Path
) -> None:
    manifest = await export(store, consents, tmp_path / "out")
    columns = table_of(tmp_path / "out")
    # 25 hours fold into 96 intervals; the hours outside the two days are in none.
    assert manifest["rows"] == len(columns["asset"]) == 7 * 2 * 96
    by_asset = {
        name: (round(power, 4), round(soc, 4))
        for name, power, soc in zip(columns["asset"], columns["power"], columns["soc"], strict=True)
    }
    assert sorted(by_asset.values()) == [(-round(slot / 10, 4), slot / 20) for slot in range(6, -1, -1)]
    assert set(columns["day_type"]) == {"saturday", "sunday_or_holiday"}


async def test_small_groups_are_left_out_and_counted(
    store: Store, consents: ConsentRegister, tmp_path: Path
) -> None:
    manifest = await export(store, consents, tmp_path / "five")
    assert [(group["rating_class"], group["households"]) for group in manifest["groups"]] == [
        ("up to 12 kW", 7)
    ]
    assert manifest["left_out"]["assets_of_groups_too_small"] == 3
    assert manifest["left_out"]["rows_of_groups_too_small"] == 3 * 2 * 96
    three = await export(store, consents, tmp_path / "three", replace(ASKED, least_households=3))
    assert [group["households"] for group in three["groups"]] == [7, 3]
    with pytest.raises(InvalidValueError, match="k: got 8"):
        await export(store, consents, tmp_path / "eight", replace(ASKED, least_households=8))
    assert folders(tmp_path) == ["five", "three"]


async def test_a_withdrawn_consent_leaves_the_next_export(
    store: Store, consents: ConsentRegister, tmp_path: Path
) -> None:
    await consents.change(replace(GRANT, granted=False), asset_ids=["Wagen-03"])
    manifest = await export(store, consents, tmp_path / "out")
    assert manifest["left_out"]["assets_without_consent"] == 1
    assert manifest["assets"] == 6
    assert 0.15 not in {round(soc, 4) for soc in table_of(tmp_path / "out")["soc"]}  # its charge
    await consents.change(replace(GRANT, granted=False), asset_ids=["Wagen-01", "Wagen-02"])
    with pytest.raises(InvalidValueError, match="left out were"):
        await export(store, consents, tmp_path / "none")


async def test_two_exports_share_no_name(store: Store, consents: ConsentRegister, tmp_path: Path) -> None:
    for seed in (1, 2):
        await export(store, consents, tmp_path / str(seed), seed=seed)
    first, second = (set(table_of(tmp_path / str(seed))["asset"]) for seed in (1, 2))
    assert len(first) == len(second) == 7
    assert not first & second


async def test_the_chain_knows_counts_and_hash_of_the_file(
    store: Store, consents: ConsentRegister, tmp_path: Path, database_url: str
) -> None:
    manifest = await export(store, consents, tmp_path / "out")
    file_sha256 = hashlib.sha256((tmp_path / "out" / "readings.parquet").read_bytes()).hexdigest()
    manifest_bytes = (tmp_path / "out" / "manifest.json").read_bytes()
    assert json.loads(manifest_bytes) == manifest
    assert manifest["readings_sha256"] == file_sha256
    query = "SELECT subject, payload FROM audit_record WHERE kind = 'training_export'"
    ((subject, payload),) = await fetch(database_url, query)
    recorded = json.loads(payload)
    assert subject == file_sha256
    assert recorded["manifest_sha256"] == hashlib.sha256(manifest_bytes).hexdigest()
    assert (recorded["rows"], recorded["assets"], recorded["from"]) == (7 * 2 * 96, 7, "2020-10-24")
    chain = open_audit(database_url)
    try:
        assert (await chain.verify(deep=True)).whole
    finally:
        await chain.close()


async def test_a_consent_that_ends_during_the_export_leaves_no_file(
    store: Store, consents: ConsentRegister, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    granted = await consents.granted_slots()
    await consents.change(replace(GRANT, granted=False), asset_ids=["Wagen-03"])

    async def before() -> Any:
        return granted

    monkeypatch.setattr(consents, "granted_slots", before)
    with pytest.raises(InvalidValueError, match="export again"):
        await export(store, consents, tmp_path / "out")
    assert folders(tmp_path) == []


async def test_what_is_there_is_never_overwritten(
    store: Store, consents: ConsentRegister, tmp_path: Path
) -> None:
    (tmp_path / "kept.txt").write_text("kept")
    with pytest.raises(InvalidValueError, match="new or empty"):
        await export(store, consents, tmp_path)
