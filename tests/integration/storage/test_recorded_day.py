"""Promise 9: a recorded day is decided again to the bit, by every process, from archive and database.

`tests/golden/recorded-day` was made by scripts/make_recorded_day.py and is an archive of `vpp export`: 25
devices in a storm, a cycle each hour, two solves that were killed, nodes that fell silent, a small language
model's real replies. A change that alters what a cycle makes of it breaks the replay of everything recorded
so far. Where that is meant, record the day again with the script.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import insert
from typer.testing import CliRunner

from vpp.adapters.storage import tables
from vpp.adapters.storage.archived_operation import ArchivedOperation
from vpp.adapters.storage.database import Database
from vpp.adapters.storage.exporting import Exporter
from vpp.adapters.storage.operation import DatabaseOperation
from vpp.adapters.storage.table_files import read_rows
from vpp.cli.main import app
from vpp.replay.recorded import decide_again
from vpp.replay.recorded_model import read_recorded_model
from vpp.replay.scenario_files import read_scenario

DAY = Path(__file__).parents[2] / "golden" / "recorded-day"
EXPECTED = json.loads((DAY / "expected.json").read_text())
EVER = {"start": datetime(2024, 1, 1, tzinfo=UTC), "end": datetime(2025, 1, 1, tzinfo=UTC)}
REPLAYS = """
import sys
from vpp.cli.main import app
for number, source in enumerate(sys.argv[2:]):
    where = ["--database", source] if ":" in source else [source]
    app(["replay", *where, "--out", f"{sys.argv[1]}/{number}", "--json"], standalone_mode=False)
"""


@pytest.fixture
async def filled(database_url: str) -> str:
    """A database with the rows of the archive."""
    database = Database(database_url)
    try:
        async with database.writing() as connection:
            for table in tables.metadata.sorted_tables:
                if (DAY / f"{table.name}.parquet").exists():
                    rows = [dict(vars(row)) for row in read_rows(DAY, table)]
                    if rows:
                        await connection.execute(insert(table), rows)
    finally:
        await database.close()
    return database_url


@pytest.mark.parametrize("backend", ["sqlite"])
def test_two_processes_with_other_hash_seeds_decide_the_same_from_archive_and_database(
    filled: str, backend: str, tmp_path: Path
):
    digests = set()
    for seed in ("1", "2"):
        out = tmp_path / seed
        command = [sys.executable, "-c", REPLAYS, str(out), str(DAY), filled]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=120)
        digests |= {(out / number / "decision_log.sha256").read_text().strip() for number in ("0", "1")}
    assert digests == {EXPECTED["decision_log_sha256"]}


async def test_each_database_decides_the_day_again_and_exports_what_was_exported(filled: str, tmp_path: Path):
    operation, exporter = DatabaseOperation(filled), Exporter(filled, tmp_path)
    try:
        again = await decide_again(operation, **EVER, on_run=lambda *_: None)
        await exporter.write(**EVER, progress=lambda *_: None)
    finally:
        await operation.close()
        await exporter.close()
    assert again.differences == []
    assert again.cycles == EXPECTED["cycles"]
    assert again.replayed_sha256 == EXPECTED["decision_log_sha256"]
    assert (tmp_path / "model_calls.jsonl").read_bytes() == (DAY / "model_calls.jsonl").read_bytes()
    exported = await decide_again(ArchivedOperation(tmp_path), **EVER, on_run=lambda *_: None)
    assert exported.replayed_sha256 == EXPECTED["decision_log_sha256"]


def test_the_replies_of_the_day_are_those_that_were_recorded():
    content = (DAY / "model_calls.jsonl").read_bytes()
    assert hashlib.sha256(content).hexdigest() == EXPECTED["model_calls_sha256"]
    assert read_recorded_model(DAY).calls


def test_solved_anew_the_killed_cycles_come_out_otherwise(tmp_path: Path):
    result = CliRunner().invoke(app, ["replay", str(DAY), "--resolve", "--out", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["cycles"] == EXPECTED["cycles"]
    assert figures["resolved"]["cycles_on_another_rung"] >= 2  # those whose solve was killed
    rows = pq.read_table(tmp_path / "differences.parquet").to_pylist()
    killed = [row for row in rows if row["rung_was"] != "optimal"]
    assert [row["rung"] for row in killed] == ["optimal", "optimal"]
    assert killed[0]["objective"] < killed[0]["objective_was"]


def test_a_setting_or_another_forecast_is_refused_where_outcomes_are_recorded(tmp_path: Path):
    for more in (["--forecaster", "perfect"], ["--set", "peak_price_per_kw=1"]):
        result = CliRunner().invoke(app, ["replay", str(DAY), "--out", str(tmp_path / "x"), *more])
        assert "vpp scenario from-export" in str(result.exception)


def test_the_day_becomes_a_scenario_that_is_replayed_on_the_forecasts_of_then(tmp_path: Path):
    folder, out = tmp_path / "scenario", tmp_path / "out"
    made = CliRunner().invoke(app, ["scenario", "from-export", str(DAY), "--out", str(folder)])
    assert made.exit_code == 0, made.output
    scenario = read_scenario(folder)
    assert scenario.header.grid().count == EXPECTED["cycles"]
    assert len(scenario.fleet) == 25
    assert (folder / "model_calls.jsonl").exists()
    until = scenario.header.grid().start_of(4).isoformat()
    asked = [
        "replay",
        str(folder),
        "--out",
        str(out),
        "--forecaster",
        "recorded",
        "--to",
        until,
        "--no-regret",
    ]
    replayed = CliRunner().invoke(app, asked)
    assert replayed.exit_code == 0, replayed.output
    lines = [json.loads(line) for line in (out / "decision_log.jsonl").read_text().splitlines()]
    recorded = {run.cycle_start_us: run.forecast_id for run in read_rows(DAY, tables.run)}
    assert [line["forecast_id"] for line in lines] == [recorded[key] for key in sorted(recorded)][:4]
