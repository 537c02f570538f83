"""Bad scenario files are refused with file, row and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios import write_scenario
from vpp.replay.scenario_files import read_scenario
from vpp.service.files import FileError


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("scenario.toml", "days = 1", "days = 0", "days: got 0"),
        ("scenario.toml", "days = 1", "dayz = 1", "dayz"),
        ("scenario.toml", "00:00:00Z", "00:00:00", "start"),
        ("scenario.toml", "days = 1", "days = ", "not a TOML file"),
        ("load.csv", "west,2024-02-27T00:00:00+00:00", "west,2024-02-27T00:00:00", "row 1, column start"),
        ("load.csv", "west,2024-02-27T00:00", "north,2024-02-27T00:00", "row 1, column feeder_id"),
        ("load.csv", "west,2024-02-27T00:00:00+00:00", "west,2024-02-27T00:10:00+00:00", "column start"),
        ("prices.csv", "0.25,0.15", "nan,0.15", "column import_price_per_kwh"),
        ("assets.csv", "battery,west", "battery,south", "column feeder_id"),
        ("assets.csv", "10,1,10,5,", "10,-1,10,5,", "column energy_min_kwh"),
        ("trips.csv", "car,", "bus,", "column asset_id"),
        ("feeders.csv", "T00:00:00Z,40,", "T00:00:00Z,0,", "column import_limit_kw"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named(tmp_path: Path, file: str, old: str, new: str, said: str):
    folder = write_scenario(tmp_path)
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    with pytest.raises(FileError) as refused:
        read_scenario(folder)
    assert said in str(refused.value)
    assert file.split(".", maxsplit=1)[0] in str(refused.value)


def test_a_missing_table_is_named(tmp_path: Path):
    folder = write_scenario(tmp_path)
    (folder / "load.csv").unlink()
    with pytest.raises(FileError, match="load"):
        read_scenario(folder)
